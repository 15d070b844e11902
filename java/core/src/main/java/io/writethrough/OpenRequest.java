package io.writethrough;

import io.writethrough.internal.OpenFlags;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.StandardOpenOption;

/**
 * What a caller's open options ask for. They mean what they mean to FileChannel.open; which of them are refused, and how, is
 * the same too.
 */
record OpenRequest(int flags, Durability durability) {

    static OpenRequest of(final Durability durability, final OpenOption... options) {
        int flags = 0;
        Durability strongest = durability;
        for (final OpenOption option : options) {
            if (option instanceof StandardOpenOption standard) {
                flags |= flagOf(standard);
                strongest = Durability.strongest(strongest, durabilityOf(standard));
            } else if (option == LinkOption.NOFOLLOW_LINKS) {
                flags |= OpenFlags.NOFOLLOW;
            } else if (!isDirect(option) && !(option instanceof GrowthAhead)) {
                throw new UnsupportedOperationException(
                        option.getClass().getSimpleName() + "." + option + " is not supported by writethrough");
            }
        }
        return new OpenRequest(withAccess(flags), strongest);
    }

    boolean readable() {
        return has(OpenFlags.READ);
    }

    boolean writable() {
        return has(OpenFlags.WRITE);
    }

    boolean noFollow() {
        return has(OpenFlags.NOFOLLOW);
    }

    private boolean has(final int flag) {
        return (flags & flag) != 0;
    }

    private static int flagOf(final StandardOpenOption option) {
        return switch (option) {
            case READ -> OpenFlags.READ;
            case WRITE -> OpenFlags.WRITE;
            case CREATE -> OpenFlags.CREATE;
            case CREATE_NEW -> OpenFlags.CREATE_NEW;
            case TRUNCATE_EXISTING -> OpenFlags.TRUNCATE;
            // A file is sparse wherever the file system can.
            case SPARSE, SYNC, DSYNC -> 0;
            case APPEND ->
                throw new UnsupportedOperationException(
                        "APPEND is not supported by writethrough: write at the position that is the size");
            case DELETE_ON_CLOSE ->
                throw new UnsupportedOperationException(
                        "DELETE_ON_CLOSE is not supported by writethrough: delete the file after closing it");
        };
    }

    private static Durability durabilityOf(final StandardOpenOption option) {
        return switch (option) {
            case SYNC -> Durability.SYNC;
            case DSYNC -> Durability.DSYNC;
            default -> Durability.DEVICE;
        };
    }

    /* ExtendedOpenOption.DIRECT by name: its module, jdk.unsupported, need not be there. */
    private static boolean isDirect(final OpenOption option) {
        return option.getClass().getName().equals("com.sun.nio.file.ExtendedOpenOption")
                && option.toString().equals("DIRECT");
    }

    /* READ if no access was named. Without WRITE, options that would change the file are ignored, as FileChannel does. */
    private static int withAccess(final int flags) {
        if ((flags & OpenFlags.WRITE) != 0) {
            return flags;
        }
        return (flags | OpenFlags.READ) & ~(OpenFlags.CREATE | OpenFlags.CREATE_NEW | OpenFlags.TRUNCATE);
    }
}
