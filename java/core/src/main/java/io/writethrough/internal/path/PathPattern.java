// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import org.jspecify.annotations.Nullable;

/**
 * A pattern of paths, as {@link FileSystem#getPathMatcher} takes it. It sees absolute, normalized paths, whose links are not
 * resolved. But a directory that the pattern names in full may be a link, or be behind one: then the pattern also has what is
 * in the directory that the link leads to, by that directory's own name.
 */
final class PathPattern {
    private static final String GLOB = "glob:";
    private static final String GLOB_SIGNS = "*?[{\\";
    private static final String ALL_WITHIN = "/**";

    private final String text;
    private final PathMatcher matcher;

    /* The directory that a glob names in full, and its own name if that is another. */
    private final @Nullable Path directory;
    private final @Nullable Path realDirectory;
    private final @Nullable PathMatcher realMatcher;

    private PathPattern(final FileSystem fileSystem, final String text) {
        this.text = text;
        final int end = text.startsWith(GLOB) ? endOfDirectory(text) : 0;
        this.directory = end == 0 ? null : directoryOf(fileSystem, text.substring(GLOB.length(), end));
        final String rest = text.substring(end);
        this.matcher = directory != null && (GLOB + directory + rest).equals(text)
                ? matcher(fileSystem, text, directory, rest)
                : matcher(fileSystem, text);
        final Path real = directory == null ? null : realNameOf(directory);
        this.realDirectory = real == null || real.equals(directory) ? null : real;
        this.realMatcher = realDirectory == null
                ? null
                : matcher(fileSystem, GLOB + escaped(realDirectory.toString()) + rest, realDirectory, rest);
    }

    /**
     * The pattern of a text.
     *
     * @throws IllegalArgumentException if the text is no pattern, or one of relative paths, which no path matches
     */
    static @Nullable PathPattern of(final FileSystem fileSystem, final @Nullable String text) {
        if (text == null) {
            return null;
        }
        if (text.startsWith(GLOB) && isRelative(text.substring(GLOB.length()))) {
            throw new IllegalArgumentException(
                    "'" + text + "' matches no path: patterns see absolute paths. Begin it with / or with **");
        }
        return new PathPattern(fileSystem, text);
    }

    /* The same as text is a directory by its normalized name, and a rest. To have all of a directory is the usual case. */
    private static PathMatcher matcher(
            final FileSystem fileSystem, final String text, final Path directory, final String rest) {
        return rest.equals(ALL_WITHIN)
                ? path -> path.startsWith(directory) && path.getNameCount() > directory.getNameCount()
                : matcher(fileSystem, text);
    }

    private static PathMatcher matcher(final FileSystem fileSystem, final String text) {
        try {
            return fileSystem.getPathMatcher(text);
        } catch (final IllegalArgumentException | UnsupportedOperationException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no pattern of paths: it must be glob:PATTERN or regex:PATTERN", e);
        }
    }

    /* What does not begin with a sign that may stand for a slash. */
    private static boolean isRelative(final String glob) {
        return !glob.startsWith("**") && !glob.startsWith("{") && !glob.startsWith("/");
    }

    /* Behind the last name before the first sign that may stand for others, and before the slash there; 0: none. */
    private static int endOfDirectory(final String text) {
        int at = GLOB.length();
        int slash = 0;
        while (at < text.length() && GLOB_SIGNS.indexOf(text.charAt(at)) < 0) {
            if (text.charAt(at) == '/') {
                slash = at;
            }
            at++;
        }
        return slash > GLOB.length() ? slash : 0;
    }

    private static @Nullable Path directoryOf(final FileSystem fileSystem, final String name) {
        try {
            return fileSystem.getPath(name).normalize();
        } catch (final InvalidPathException e) {
            return null; // and no path matches
        }
    }

    /* As far as there is such a directory yet: the nearest one above it is looked at. */
    private static @Nullable Path realNameOf(final Path directory) {
        for (Path above = directory; above != null; above = above.getParent()) {
            try {
                return above.toRealPath().resolve(above.relativize(directory)).normalize();
            } catch (final IOException e) {
                // Not there, or not to be seen: the next one.
            }
        }
        return null;
    }

    private static String escaped(final String name) {
        final StringBuilder escaped = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            if ((GLOB_SIGNS + "]},").indexOf(name.charAt(i)) >= 0) {
                escaped.append('\\');
            }
            escaped.append(name.charAt(i));
        }
        return escaped.toString();
    }

    /** @param absolute an absolute, normalized path */
    boolean matches(final Path absolute) {
        return matcher.matches(absolute) || realMatcher != null && realMatcher.matches(absolute);
    }

    /** The directory of a link that the pattern names, and where the link leads; null: there is none. */
    @Nullable
    String link() {
        return realDirectory == null ? null : directory + " is " + realDirectory;
    }

    @Override
    public String toString() {
        return text;
    }
}
