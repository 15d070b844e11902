// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jni;

import io.writethrough.Backend;
import io.writethrough.Durability;
import io.writethrough.ReadFlag;
import io.writethrough.WriteFlag;

/** The codes of the C ABI for the enums of the API: each is declared in the order of the header's constants. */
public final class Codes {
    private Codes() {}

    /** WT_DURABILITY_*; 0 is that of the file. */
    public static int of(final Durability durability) {
        return durability.ordinal() + 1;
    }

    /** WT_BACKEND_*. */
    public static int of(final Backend backend) {
        return backend.ordinal();
    }

    /** The backend with this code. */
    public static Backend backend(final int code) {
        return Backend.values()[code];
    }

    /** WT_NOWAIT and so on: the bit of a flag. */
    public static int of(final WriteFlag flag) {
        return 1 << flag.ordinal();
    }

    /** The bits of WT_READ_*. */
    public static int of(final ReadFlag... flags) {
        int code = 0;
        for (final ReadFlag flag : flags) {
            code |= 1 << flag.ordinal();
        }
        return code;
    }

    /** The bits of several. */
    public static int of(final WriteFlag... flags) {
        int code = 0;
        for (final WriteFlag flag : flags) {
            code |= of(flag);
        }
        return code;
    }
}
