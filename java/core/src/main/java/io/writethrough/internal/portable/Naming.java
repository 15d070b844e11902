// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.OpenFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The name of an open file. */
final class Naming {
    private Naming() {}

    /** As wt_file_rename. */
    static int rename(final PortableFile file, final Path from, final Path to, final int flags) {
        final Path source = beneath(file, from);
        final Path target = beneath(file, to);
        try {
            if (!Files.exists(source, LinkOption.NOFOLLOW_LINKS)) {
                return -Errno.ENOENT;
            }
            if (!file.owned().isNamed(source)) {
                return -Errno.ESTALE;
            }
            move(source, target, (flags & OpenFlags.RENAME_REPLACE) != 0);
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        }
        file.path(target);
        final int forced = Opening.forceDirectoryOf(target);
        final int left = Opening.forceDirectoryOf(source);
        return forced < 0 ? forced : left;
    }

    /* As a path of the file system that the file was opened by: the caller's may be one above it. */
    private static Path beneath(final PortableFile file, final Path path) {
        return file.path().getFileSystem().getPath(path.toAbsolutePath().toString());
    }

    /* Without REPLACE by a second name, which the system refuses where there is one, and then without the first. */
    private static void move(final Path source, final Path target, final boolean replaces) throws IOException {
        if (replaces) {
            if (Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
                throw new java.nio.file.FileSystemException(source.toString(), target.toString(), "Is a directory");
            }
            Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
            return;
        }
        if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            throw new java.nio.file.FileAlreadyExistsException(target.toString());
        }
        try {
            Files.createLink(target, source);
        } catch (final UnsupportedOperationException e) {
            Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
            return;
        }
        Files.delete(source);
    }
}
