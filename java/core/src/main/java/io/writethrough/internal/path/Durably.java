// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import io.writethrough.internal.Directories;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What the file system beneath has done with names, made durable by fsync(2) of files and directories. */
public final class Durably {
    private Durably() {}

    /** A file, a link or a directory was copied to a path. */
    public static void copied(final Path target) throws IOException {
        if (Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS) && Files.isReadable(target)) {
            Directories.forceFile(target);
        }
        named(target);
    }

    /** Something has got another name. The bytes of a file are stable already. */
    public static void moved(final Path source, final Path target) throws IOException {
        named(target);
        final Path from = parentOf(source);
        if (from != null && !from.equals(parentOf(target))) {
            Directories.force(from);
        }
    }

    /** A name has come into a directory. */
    public static void named(final Path path) throws IOException {
        final Path directory = parentOf(path);
        if (directory == null) {
            return;
        }
        try {
            Directories.force(directory);
        } catch (final AccessDeniedException e) {
            // A directory that may not be read. On ext4, xfs and btrfs a sync of the file has its new name too.
            if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS) && Files.isReadable(path)) {
                Directories.forceFile(path);
            }
        }
    }

    private static @Nullable Path parentOf(final Path path) {
        return path.toAbsolutePath().getParent();
    }
}
