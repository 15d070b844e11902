// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import io.writethrough.Commit;
import io.writethrough.GrowthAhead;
import io.writethrough.InterruptPolicy;
import java.nio.file.FileSystem;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How files are opened that a program names by their paths: the one table of that, for file systems, the switch of the JVM and
 * the agent.
 *
 * <table>
 * <caption>Who opens a file</caption>
 * <tr><th>the file</th><th>is opened for writing</th><th>is opened for reading alone</th></tr>
 * <tr><td>is one of the kernel's own, in /proc or /sys</td><td>the JDK</td><td>the JDK</td></tr>
 * <tr><td>is not of {@code paths}, or is of {@code passBy}</td><td>the JDK</td><td>the JDK</td></tr>
 * <tr><td>is of {@code cacheReads}</td><td>the engine</td><td>the engine</td></tr>
 * <tr><td>is any other</td><td>the engine</td><td>the engine if the file is open for writing there, else the JDK</td></tr>
 * </table>
 *
 * <p>A reader of the JDK can be mapped into any arena, and sent by native transports. It takes no lock, so another process may
 * write the file, and it sees what is written past the library. What it pays is a system call for each read of cached bytes:
 * {@code cacheReads} is for those who read so much that this counts. While the engine writes a file it may have bytes which the
 * kernel does not have yet: then it opens the file for readers too. {@link Readers} are those that came before the writer.
 */
public final class OpenRules {
    private final Map<Setting, PathPattern> patterns;
    private final GrowthAhead growth;
    private final InterruptPolicy interrupts;

    /* Files there look like regular ones, and are not. */
    private final List<Path> directoriesOfKernel;

    /** What can be set, by the name that users know. */
    public enum Setting {
        PATHS("paths"),
        PASS_BY("passBy"),
        CACHE_READS("cacheReads"),
        COMMIT_AT_FORCE("commitAtForce"),
        /** PATTERN=BYTES. */
        GROW_AHEAD("growAhead"),
        /** The name of an {@link InterruptPolicy}. */
        INTERRUPTS("interrupts");

        private final String title;

        Setting(final String title) {
            this.title = title;
        }

        /** The name of the method of a builder; behind "io.writethrough." that of the system property. */
        public String title() {
            return title;
        }
    }

    /** Who opens a file. */
    public enum Opener {
        ENGINE,
        /** The engine, if the file is open for writing there. */
        ENGINE_OF_ITS_WRITER,
        JDK
    }

    private OpenRules(
            final FileSystem fileSystem,
            final Map<Setting, PathPattern> patterns,
            final GrowthAhead growth,
            final InterruptPolicy interrupts) {
        this.directoriesOfKernel = List.of(fileSystem.getPath("/proc"), fileSystem.getPath("/sys"));
        this.patterns = patterns;
        this.growth = growth;
        this.interrupts = interrupts;
    }

    /**
     * The rules of these settings.
     *
     * @param fileSystem whose patterns and paths
     * @param settings the value of each setting, or null
     * @param prefix what messages have before the name of a setting
     * @throws IllegalArgumentException if a value is not valid
     */
    public static OpenRules of(
            final FileSystem fileSystem, final Function<Setting, @Nullable String> settings, final String prefix) {
        final Map<Setting, PathPattern> patterns = new EnumMap<>(Setting.class);
        GrowthAhead growth = new GrowthAhead(0);
        InterruptPolicy interrupts = InterruptPolicy.IGNORE;
        for (final Setting setting : Setting.values()) {
            final String value = settings.apply(setting);
            if (value == null) {
                continue;
            }
            try {
                if (setting == Setting.INTERRUPTS) {
                    interrupts = interruptsOf(value);
                } else {
                    final int end = setting == Setting.GROW_AHEAD ? endOfPattern(value) : value.length();
                    patterns.put(setting, PathPattern.of(fileSystem, value.substring(0, end)));
                    growth = setting == Setting.GROW_AHEAD ? growthOf(value.substring(end + 1)) : growth;
                }
            } catch (final IllegalArgumentException e) {
                throw new IllegalArgumentException(prefix + setting.title() + ": " + e.getMessage(), e);
            }
        }
        return new OpenRules(fileSystem, patterns, growth, interrupts);
    }

    private static int endOfPattern(final String value) {
        final int end = value.lastIndexOf('=');
        if (end < 0) {
            throw new IllegalArgumentException("'" + value + "' must be PATTERN=BYTES");
        }
        return end;
    }

    private static GrowthAhead growthOf(final String bytes) {
        try {
            return new GrowthAhead(Long.parseUnsignedLong(bytes));
        } catch (final NumberFormatException e) {
            throw new IllegalArgumentException("'" + bytes + "' is no count of bytes", e);
        }
    }

    private static InterruptPolicy interruptsOf(final String value) {
        try {
            return InterruptPolicy.valueOf(value.toUpperCase(Locale.ROOT));
        } catch (final IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + value + "' must be ignore or close", e);
        }
    }

    /** What an interrupt does to channels. */
    public InterruptPolicy interrupts() {
        return interrupts;
    }

    /**
     * What the rules say of a file by its path. To match a path with the patterns costs as much as the system call that opens the
     * file, so a path is matched with each of them once.
     */
    final class OfFile {
        private final boolean chosen;
        private final boolean cachesReads;
        private final boolean commitsAtForce;
        private final boolean growsAhead;

        private OfFile(final Path absolute) {
            chosen = isChosen(absolute);
            cachesReads = chosen && has(Setting.CACHE_READS, absolute);
            commitsAtForce = chosen && has(Setting.COMMIT_AT_FORCE, absolute);
            growsAhead = chosen && has(Setting.GROW_AHEAD, absolute);
        }

        /** Who opens the file: for writing, or for reading alone. */
        Opener opener(final boolean writes) {
            if (!chosen) {
                return Opener.JDK;
            }
            return writes || cachesReads ? Opener.ENGINE : Opener.ENGINE_OF_ITS_WRITER;
        }

        /** Whether writes are to be stable by a force, unless the options of an open say another thing. */
        boolean commitsAtForce() {
            return commitsAtForce;
        }

        /** Whether the kernel may have other bytes of the file, or another size, than its writer. */
        boolean isSeenLater() {
            return commitsAtForce || growsAhead;
        }

        /**
         * The options to open the file with. What is among them stays.
         *
         * @param mayGrow whether the file may grow ahead: not while somebody reads it past the engine, who would see the zeros
         */
        Set<? extends OpenOption> with(final Set<? extends OpenOption> options, final boolean mayGrow) {
            final boolean later = commitsAtForce && !isThere(options, Commit.class);
            final boolean grows = growsAhead && mayGrow && !isThere(options, GrowthAhead.class);
            if (!later && !grows) {
                return options;
            }
            final Set<OpenOption> all = new HashSet<>(options);
            if (later) {
                all.add(Commit.AT_FORCE);
            }
            if (grows) {
                all.add(growth);
            }
            return all;
        }
    }

    /** What the rules say of a file. This path and those below are absolute and normalized. */
    OfFile of(final Path absolute) {
        return new OfFile(absolute);
    }

    /** Whether a file is one that the engine is to write, by its path. */
    boolean isChosen(final Path absolute) {
        return !isOfKernel(absolute)
                && (!patterns.containsKey(Setting.PATHS) || has(Setting.PATHS, absolute))
                && !has(Setting.PASS_BY, absolute);
    }

    private boolean isOfKernel(final Path absolute) {
        for (final Path directory : directoriesOfKernel) {
            if (absolute.startsWith(directory)) {
                return true;
            }
        }
        return false;
    }

    private boolean has(final Setting setting, final Path absolute) {
        final PathPattern pattern = patterns.get(setting);
        return pattern != null && pattern.matches(absolute);
    }

    /** The settings that name files. */
    @Override
    public String toString() {
        final StringBuilder text = new StringBuilder(patterns.containsKey(Setting.PATHS) ? "" : "all paths");
        patterns.forEach((setting, pattern) -> text.append(text.length() == 0 ? "" : ", ")
                .append(setting.title())
                .append('=')
                .append(pattern)
                .append(setting == Setting.GROW_AHEAD ? "=" + growth.bytes() : "")
                .append(pattern.link() == null ? "" : " (" + pattern.link() + ")"));
        return text.toString();
    }

    private static boolean isThere(final Set<? extends OpenOption> options, final Class<? extends OpenOption> kind) {
        for (final OpenOption option : options) {
            if (kind.isInstance(option)) {
                return true;
            }
        }
        return false;
    }
}
