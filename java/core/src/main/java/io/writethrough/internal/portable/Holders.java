// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Which process holds a file, where the system tells that: in /proc/locks of Linux. */
final class Holders {
    private static final Path LOCKS = Path.of("/proc/locks");
    private static final int FLAGS = 6; /* behind the name in /proc/PID/stat */
    private static final long EXITING = 4; /* PF_EXITING */

    private Holders() {}

    /** The process that owns a file by the {@link LockFile}; null if it is not known. */
    static @Nullable Long ofPortable(final String identity) {
        final String position = Long.toString(LockFile.byteOf(identity));
        return pidOfLock(lock -> lock[1].equals("POSIX") && lock[6].equals(position) && lock[7].equals(position));
    }

    /** The process that holds flock(2) on a file, as the C core does on each that is open; null if none does, or it is not known. */
    static @Nullable Long ofCore(final String identity, final boolean writes) {
        final String inode = inodeOf(identity);
        return pidOfLock(
                lock -> lock[1].equals("FLOCK") && lock[5].equals(inode) && (writes || lock[3].equals("WRITE")));
    }

    /* The first lock whose words are such. */
    private static @Nullable Long pidOfLock(final Predicate<String[]> wanted) {
        for (final String line : lines()) {
            final String[] words = line.trim().split("\\s+");
            if (words.length >= 8 && wanted.test(words)) {
                return pidOf(words[4]);
            }
        }
        return null;
    }

    /** Whether a process has ended, or is about to; null: false. */
    static boolean isEnding(final @Nullable Long pid) {
        if (pid == null || pid == 0) {
            return pid != null; // without a number: it has ended, and this is a container
        }
        try {
            final String stat = Files.readString(Path.of("/proc", pid.toString(), "stat"));
            final String[] behindName =
                    stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ");
            return behindName[0].equals("Z")
                    || behindName[0].equals("X")
                    || (Long.parseLong(behindName[FLAGS]) & EXITING) != 0;
        } catch (final NoSuchFileException e) {
            return true;
        } catch (final IOException | RuntimeException e) {
            return false;
        }
    }

    /** The name of a process, as ps shows it; empty if it is not known. */
    static String commandOf(final long pid) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(pid), "comm"))
                    .trim();
        } catch (final IOException e) {
            return "";
        }
    }

    private static List<String> lines() {
        try {
            return Files.isReadable(LOCKS) ? Files.readAllLines(LOCKS) : List.of();
        } catch (final IOException e) {
            return List.of();
        }
    }

    private static @Nullable Long pidOf(final String word) {
        try {
            return Long.valueOf(word);
        } catch (final NumberFormatException e) {
            return null;
        }
    }

    /* "fd:01:1234" for "(dev=fd01,ino=1234)", as the JDK and as the kernel show a file. */
    static @Nullable String inodeOf(final String identity) {
        final int comma = identity.indexOf(",ino=");
        if (!identity.startsWith("(dev=") || comma < 0 || !identity.endsWith(")")) {
            return null;
        }
        final long device = Long.parseUnsignedLong(identity.substring("(dev=".length(), comma), 16);
        final long major = device >>> 8 & 0xfff | device >>> 32 & ~0xfffL;
        final long minor = device & 0xff | device >>> 12 & 0xffffff00L;
        return String.format("%02x:%02x:", major, minor)
                + identity.substring(comma + ",ino=".length(), identity.length() - 1);
    }
}
