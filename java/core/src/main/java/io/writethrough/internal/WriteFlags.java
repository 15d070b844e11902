package io.writethrough.internal;

import io.writethrough.WriteFlag;

/** WT_NOWAIT and the other write flags of the C ABI. */
public final class WriteFlags {
    private WriteFlags() {}

    /** The bit of a flag: the flags are declared in the order of the header's. */
    public static int codeOf(final WriteFlag flag) {
        return 1 << flag.ordinal();
    }

    /** The bits of several. */
    public static int codeOf(final WriteFlag... flags) {
        int code = 0;
        for (final WriteFlag flag : flags) {
            code |= codeOf(flag);
        }
        return code;
    }
}
