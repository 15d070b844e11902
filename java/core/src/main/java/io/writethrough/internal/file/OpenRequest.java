// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.Commit;
import io.writethrough.Durability;
import io.writethrough.GrowthAhead;
import io.writethrough.WriteThroughOption;
import io.writethrough.internal.jni.OpenFlags;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Collection;
import java.util.Set;

/**
 * What a caller's open options ask for. They mean what they mean to FileChannel.open; which of them are refused, and how, is
 * the same too.
 */
public record OpenRequest(
        int flags, Durability durability, Commit commit, boolean append, boolean deleteOnClose, long growthBytes) {
    /** The growth ahead of a file whose options do not speak of it. */
    private static final long UNSAID = -1;

    /** Permissions of a file that is created without any that were asked for: rw-rw-rw-, less the umask. */
    public static final int DEFAULT_MODE = 0666;

    public static OpenRequest of(final Durability durability, final Collection<? extends OpenOption> options) {
        int flags = 0;
        boolean append = false;
        boolean deleteOnClose = false;
        long growthBytes = UNSAID;
        boolean atForce = false;
        boolean synced = false;
        Durability strongest = durability;
        for (final OpenOption option : options) {
            if (option instanceof StandardOpenOption standard) {
                flags |= flagOf(standard);
                append |= standard == StandardOpenOption.APPEND;
                deleteOnClose |= standard == StandardOpenOption.DELETE_ON_CLOSE;
                synced |= standard == StandardOpenOption.SYNC || standard == StandardOpenOption.DSYNC;
                strongest = strongest(strongest, durabilityOf(standard));
            } else if (option == LinkOption.NOFOLLOW_LINKS) {
                flags |= OpenFlags.NOFOLLOW;
            } else if (option == null) {
                throw new NullPointerException();
            } else if (option == WriteThroughOption.KEEP_NAME) {
                flags |= OpenFlags.NAMED;
            } else if (option == WriteThroughOption.BACKGROUND) {
                flags |= OpenFlags.BACKGROUND;
            } else if (option instanceof Commit commit) {
                atForce |= commit == Commit.AT_FORCE;
            } else if (option instanceof GrowthAhead growth) {
                growthBytes = growth.bytes();
            } else if (!isDirect(option)) {
                throw new UnsupportedOperationException(option + " not supported");
            }
        }
        if (append) {
            checkAppend(flags);
        }
        final Commit commit = atForce && !synced ? Commit.AT_FORCE : Commit.EACH_WRITE;
        flags |= commit == Commit.AT_FORCE ? OpenFlags.AT_FORCE : 0;
        return new OpenRequest(
                withAccess(flags, append, deleteOnClose), strongest, commit, append, deleteOnClose, growthBytes);
    }

    private static Durability strongest(final Durability one, final Durability other) {
        return one.compareTo(other) >= 0 ? one : other;
    }

    private static void checkAppend(final int flags) {
        if ((flags & OpenFlags.READ) != 0) {
            throw new IllegalArgumentException("READ + APPEND not allowed");
        }
        if ((flags & OpenFlags.TRUNCATE) != 0) {
            throw new IllegalArgumentException("APPEND + TRUNCATE_EXISTING not allowed");
        }
    }

    /** The mode of open(2) that the attributes of a file to be created ask for. */
    @SuppressWarnings("unchecked")
    public static int modeOf(final FileAttribute<?>... attributes) {
        int mode = DEFAULT_MODE;
        for (final FileAttribute<?> attribute : attributes) {
            final String name = attribute.name();
            if (!name.equals("posix:permissions") && !name.equals("unix:permissions")) {
                throw new UnsupportedOperationException("'" + name + "' not supported as initial attribute");
            }
            mode = modeOf((Set<PosixFilePermission>) attribute.value());
        }
        return mode;
    }

    private static int modeOf(final Set<PosixFilePermission> permissions) {
        int mode = 0;
        for (final PosixFilePermission permission : permissions) {
            mode |= switch (permission) {
                case OWNER_READ -> 0400;
                case OWNER_WRITE -> 0200;
                case OWNER_EXECUTE -> 0100;
                case GROUP_READ -> 0040;
                case GROUP_WRITE -> 0020;
                case GROUP_EXECUTE -> 0010;
                case OTHERS_READ -> 0004;
                case OTHERS_WRITE -> 0002;
                case OTHERS_EXECUTE -> 0001;
            };
        }
        return mode;
    }

    boolean readable() {
        return has(OpenFlags.READ);
    }

    public boolean writable() {
        return has(OpenFlags.WRITE);
    }

    public boolean noFollow() {
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
            case SPARSE, SYNC, DSYNC, APPEND, DELETE_ON_CLOSE -> 0;
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

    /*
     * READ if no access was named, WRITE for APPEND. Without WRITE, options that would change the file are ignored. A link is
     * not followed to a file that would be deleted in its place.
     */
    private static int withAccess(final int asked, final boolean append, final boolean deleteOnClose) {
        final int flags = asked | (append ? OpenFlags.WRITE : 0) | (deleteOnClose ? OpenFlags.NOFOLLOW : 0);
        if ((flags & OpenFlags.WRITE) != 0) {
            return flags;
        }
        return (flags | OpenFlags.READ) & ~(OpenFlags.CREATE | OpenFlags.CREATE_NEW | OpenFlags.TRUNCATE);
    }
}
