// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import io.writethrough.WriteFlag;
import io.writethrough.internal.jni.Codes;
import io.writethrough.internal.jni.NativeIo;
import java.util.StringJoiner;

/** Names for the codes of the C ABI, as events have them. */
public final class EventNames {
    private static final String[] DURABILITIES = {"FILE", "DEVICE", "DSYNC", "SYNC"};

    private EventNames() {}

    public static String durability(final int code) {
        return DURABILITIES[code];
    }

    public static String flags(final int flags) {
        final StringJoiner names = new StringJoiner(" ");
        int left = flags;
        for (final WriteFlag flag : WriteFlag.values()) {
            final int code = Codes.of(flag);
            if ((left & code) != 0) {
                names.add(flag.name());
                left -= code;
            }
        }
        if ((left & NativeIo.LATER) != 0) {
            names.add("LATER");
            left -= NativeIo.LATER;
        }
        if (left != 0) {
            names.add("0x" + Integer.toHexString(left));
        }
        return names.toString();
    }
}
