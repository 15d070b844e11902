// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import io.writethrough.internal.Directories;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A file that the JDK has copied from one that the engine writes: behind the size may be the zeros of growth ahead. */
public final class CopiedFile {
    private static final String DEVICE = "unix:dev";

    private CopiedFile() {}

    /** What tells the file that a path leads to from others; null: the file system does not say. */
    public static @Nullable Object keyOf(final Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    }

    /** Whether the file of this key, and no link to it, has this name. */
    public static boolean isAt(final Path path, final @Nullable Object key) throws IOException {
        try {
            return key != null
                    && key.equals(Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                            .fileKey());
        } catch (final NoSuchFileException e) {
            return false;
        }
    }

    /** Whether a file need not be copied to get this name. False where the file system does not say. */
    public static boolean isOnOneDevice(final Path file, final Path name) {
        final Path directory = name.toAbsolutePath().getParent();
        try {
            return directory != null
                    && Files.getAttribute(file, DEVICE, LinkOption.NOFOLLOW_LINKS)
                            .equals(Files.getAttribute(directory, DEVICE));
        } catch (final IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return false; // what is wrong with the names, the move tells
        }
    }

    /** Makes the copy as long as its source. One that may not be written, as the source, may be by its owner for a moment. */
    public static void cut(final Path copy, final long size) throws IOException {
        final BasicFileAttributes attributes =
                Files.readAttributes(copy, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!attributes.isRegularFile() || attributes.size() <= size) {
            return;
        }
        try {
            Directories.truncate(copy, size);
        } catch (final AccessDeniedException e) {
            final Set<PosixFilePermission> before = Files.getPosixFilePermissions(copy, LinkOption.NOFOLLOW_LINKS);
            final Set<PosixFilePermission> writable = EnumSet.copyOf(before);
            writable.add(PosixFilePermission.OWNER_WRITE);
            Files.setPosixFilePermissions(copy, writable);
            try {
                Directories.truncate(copy, size);
            } finally {
                Files.setPosixFilePermissions(copy, before);
            }
        }
    }
}
