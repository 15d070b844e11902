// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import java.nio.file.FileSystem;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import org.jspecify.annotations.Nullable;

/** Decides by its name whether a file is written through. Patterns see absolute, normalized paths; links are not resolved. */
public final class PathSelection {
    private final @Nullable PathMatcher through;
    private final @Nullable PathMatcher passBy;
    private final boolean readsToo;

    private PathSelection(
            final @Nullable PathMatcher through, final @Nullable PathMatcher passBy, final boolean readsToo) {
        this.through = through;
        this.passBy = passBy;
        this.readsToo = readsToo;
    }

    /**
     * The selection of these patterns.
     *
     * @param through a pattern as {@link FileSystem#getPathMatcher} takes it, or {@code null} for every path
     * @param passBy the same of what is left out all the same, or {@code null} for nothing
     * @param readsToo whether a file that is opened only for reading is too
     */
    public static PathSelection of(
            final FileSystem fileSystem,
            final @Nullable String through,
            final @Nullable String passBy,
            final boolean readsToo) {
        return new PathSelection(matcher(fileSystem, through), matcher(fileSystem, passBy), readsToo);
    }

    static @Nullable PathMatcher matcher(final FileSystem fileSystem, final @Nullable String pattern) {
        if (pattern == null) {
            return null;
        }
        try {
            return fileSystem.getPathMatcher(pattern);
        } catch (final IllegalArgumentException | UnsupportedOperationException e) {
            throw new IllegalArgumentException(
                    "'" + pattern + "' is no pattern of paths: it must be glob:PATTERN or regex:PATTERN", e);
        }
    }

    public boolean includes(final Path path, final boolean forWriting) {
        if (!forWriting && !readsToo) {
            return false;
        }
        final Path absolute = path.toAbsolutePath().normalize();
        return !isOfKernel(absolute)
                && (through == null || through.matches(absolute))
                && (passBy == null || !passBy.matches(absolute));
    }

    /* These look like regular files, and are not. */
    private static boolean isOfKernel(final Path absolute) {
        return absolute.startsWith("/proc") || absolute.startsWith("/sys");
    }
}
