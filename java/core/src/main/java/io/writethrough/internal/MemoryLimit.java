// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * How much memory this process may take: that of the machine, or less where a control group says so (cgroup v1 or v2, by a
 * container or by systemd). Files are read by {@code java.io}, which goes past the file systems of this library.
 */
public final class MemoryLimit {
    /* Where there is enough memory. */
    private static final long MOST_CACHE_BYTES = 256L << 20;

    private static final long LEAST_CACHE_BYTES = 4L << 20;

    /* Beside the cache, memory is for the JVM's own use, for threads, and for buffers. */
    private static final int SHARE = 4;

    /* Of /proc/self/mountinfo, up to the point of the mount; the type comes after a " - ". */
    private static final int ROOT_OF_MOUNT = 3;
    private static final int POINT_OF_MOUNT = 4;

    private MemoryLimit() {}

    /** The size of a cache that nobody gave one. */
    public static long cacheBytes() {
        return cacheBytes(bytes(new File("/")), Runtime.getRuntime().maxMemory());
    }

    /** A quarter of what the heap leaves of the memory, within limits. */
    static long cacheBytes(final long memoryBytes, final long heapBytes) {
        final long share = (memoryBytes - Math.min(memoryBytes, heapBytes)) / SHARE;
        return Math.max(LEAST_CACHE_BYTES, Math.min(MOST_CACHE_BYTES, share)) & -4096;
    }

    /** The limit by the files below a root directory: {@code /}, but for tests. {@link Long#MAX_VALUE}: none is known. */
    static long bytes(final File root) {
        long least = ofMachine(root);
        for (final String group : textOf(new File(root, "proc/self/cgroup")).split("\n")) {
            final String[] fields = group.split(":", 3); // hierarchy, controllers, path
            if (fields.length == 3 && fields[1].isEmpty()) {
                least = Math.min(least, ofGroups(root, "cgroup2", "", fields[2], "memory.max"));
            } else if (fields.length == 3 && ("," + fields[1] + ",").contains(",memory,")) {
                least = Math.min(least, ofGroups(root, "cgroup", "memory", fields[2], "memory.limit_in_bytes"));
            }
        }
        return least;
    }

    private static long ofMachine(final File root) {
        final String text = textOf(new File(root, "proc/meminfo"));
        final String[] words = text.substring(text.indexOf("MemTotal:") + 1).split("\\s+", 3);
        return words[0].equals("emTotal:") && words.length > 1 ? kibibytes(words[1]) : Long.MAX_VALUE;
    }

    private static long kibibytes(final String number) {
        final long value = numberOf(number);
        return value < Long.MAX_VALUE >> 10 ? value << 10 : Long.MAX_VALUE;
    }

    /*
     * The least limit of a group and of those above it, as far as they can be seen here: by each mount that has the group; if
     * none has it, as in some containers, by the points of the mounts.
     */
    private static long ofGroups(
            final File root, final String type, final String controller, final String path, final String file) {
        long least = Long.MAX_VALUE;
        long leastOfOthers = Long.MAX_VALUE;
        boolean seen = false;
        for (final String mount : textOf(new File(root, "proc/self/mountinfo")).split("\n")) {
            final int dash = mount.indexOf(" - ");
            final String[] fields = mount.split(" ");
            if (dash < 0
                    || fields.length <= POINT_OF_MOUNT
                    || !mount.startsWith(type + " ", dash + " - ".length())
                    || !("," + mount.substring(mount.lastIndexOf(' ') + 1) + ",").contains(controller)) {
                continue;
            }
            final File top = new File(root, fields[POINT_OF_MOUNT]);
            final String below = relative(path, fields[ROOT_OF_MOUNT]);
            if (below == null) {
                leastOfOthers = Math.min(
                        leastOfOthers, numberOf(textOf(new File(top, file)).trim()));
            } else {
                least = Math.min(least, ofGroup(top, below, file));
                seen = true;
            }
        }
        return seen ? least : leastOfOthers;
    }

    private static long ofGroup(final File top, final String below, final String file) {
        long least = Long.MAX_VALUE;
        for (File each = new File(top, below);
                each != null && !each.equals(top.getParentFile());
                each = each.getParentFile()) {
            least = Math.min(least, numberOf(textOf(new File(each, file)).trim()));
        }
        return least;
    }

    /* Where the group is below the point of the mount; null if it is outside of what is mounted. */
    private static @Nullable String relative(final String path, final String rootOfMount) {
        if (path.contains("..")) {
            return null;
        }
        if (rootOfMount.equals("/")) {
            return path;
        }
        return path.equals(rootOfMount) || path.startsWith(rootOfMount + "/")
                ? path.substring(rootOfMount.length())
                : null;
    }

    /* "max", nothing and what no long has room for are no limit. */
    private static long numberOf(final String text) {
        try {
            return Long.parseLong(text);
        } catch (final NumberFormatException e) {
            return Long.MAX_VALUE;
        }
    }

    /* Empty if the file cannot be read. */
    private static String textOf(final File file) {
        try (InputStream in = new FileInputStream(file)) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        } catch (final IOException e) {
            return "";
        }
    }
}
