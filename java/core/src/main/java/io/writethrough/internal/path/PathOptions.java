// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import io.writethrough.Commit;
import io.writethrough.GrowthAhead;
import java.nio.file.FileSystem;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Options that files get by their names, where a program does not name them. Patterns are those of {@link PathSelection}. */
public final class PathOptions {
    private final @Nullable PathMatcher atForce;
    private final @Nullable PathMatcher growing;
    private final GrowthAhead growth;

    private PathOptions(
            final @Nullable PathMatcher atForce, final @Nullable PathMatcher growing, final GrowthAhead growth) {
        this.atForce = atForce;
        this.growing = growing;
        this.growth = growth;
    }

    /**
     * The options of these patterns.
     *
     * @param atForce a pattern of what commits at a force, or {@code null} for nothing
     * @param growing a pattern of what grows ahead, or {@code null} for nothing
     * @param growthBytes how far
     */
    public static PathOptions of(
            final FileSystem fileSystem,
            final @Nullable String atForce,
            final @Nullable String growing,
            final long growthBytes) {
        return new PathOptions(
                PathSelection.matcher(fileSystem, atForce),
                PathSelection.matcher(fileSystem, growing),
                new GrowthAhead(growthBytes));
    }

    /** The options to open a path with. What is among them stays. */
    public Set<OpenOption> with(final Set<? extends OpenOption> options, final Path path) {
        final Set<OpenOption> all = new HashSet<>(options);
        final Path absolute = path.toAbsolutePath().normalize();
        if (atForce != null && !has(options, Commit.class) && atForce.matches(absolute)) {
            all.add(Commit.AT_FORCE);
        }
        if (growing != null && !has(options, GrowthAhead.class) && growing.matches(absolute)) {
            all.add(growth);
        }
        return all;
    }

    private static boolean has(final Set<? extends OpenOption> options, final Class<? extends OpenOption> kind) {
        return options.stream().anyMatch(kind::isInstance);
    }
}
