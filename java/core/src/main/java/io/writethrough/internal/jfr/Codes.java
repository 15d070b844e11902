package io.writethrough.internal.jfr;

import io.writethrough.internal.DataPlane;
import java.util.StringJoiner;

/** Names for the codes of the C ABI. */
final class Codes {
    private static final String[] DURABILITIES = {"FILE", "DEVICE", "DSYNC", "SYNC"};

    private Codes() {}

    static String durability(final int code) {
        return DURABILITIES[code];
    }

    static String flags(final int flags) {
        final StringJoiner names = new StringJoiner(" ");
        int left = flags;
        left -= add(names, left & DataPlane.APPEND, "APPEND");
        left -= add(names, left & DataPlane.DONTCACHE, "DONTCACHE");
        left -= add(names, left & DataPlane.NOWAIT, "NOWAIT");
        add(names, left, "0x" + Integer.toHexString(left));
        return names.toString();
    }

    private static int add(final StringJoiner names, final int flag, final String name) {
        if (flag != 0) {
            names.add(name);
        }
        return flag;
    }
}
