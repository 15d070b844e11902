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
            final Map<Setting, PathPattern> patterns, final GrowthAhead growth, final InterruptPolicy interrupts) {
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
        return new OpenRules(patterns, growth, interrupts);
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

    /** Who opens a file: for writing, or for reading alone. This path and those below are absolute and normalized. */
    Opener opener(final Path absolute, final boolean writes) {
        if (!isChosen(absolute)) {
            return Opener.JDK;
        }
        return writes || has(Setting.CACHE_READS, absolute) ? Opener.ENGINE : Opener.ENGINE_OF_ITS_WRITER;
    }

    /** Whether a file is one that the engine is to write, by its path. */
    boolean isChosen(final Path absolute) {
        return !isOfKernel(absolute)
                && (!patterns.containsKey(Setting.PATHS) || has(Setting.PATHS, absolute))
                && !has(Setting.PASS_BY, absolute);
    }

    /* These look like regular files, and are not. */
    private static boolean isOfKernel(final Path absolute) {
        return absolute.startsWith("/proc") || absolute.startsWith("/sys");
    }

    private boolean has(final Setting setting, final Path absolute) {
        final PathPattern pattern = patterns.get(setting);
        return pattern != null && pattern.matches(absolute);
    }

    /** Whether writes to a path are to be stable by a force, unless the options of an open say another thing. */
    boolean commitsAtForce(final Path absolute) {
        return has(Setting.COMMIT_AT_FORCE, absolute);
    }

    /** Whether a path is to grow ahead, unless the options of an open say another thing. */
    boolean growsAhead(final Path absolute) {
        return has(Setting.GROW_AHEAD, absolute);
    }

    /**
     * The options to open a path with. What is among them stays.
     *
     * @param mayGrow whether the file may grow ahead: not while somebody reads it past the engine, who would see the zeros
     */
    Set<OpenOption> with(final Set<? extends OpenOption> options, final Path absolute, final boolean mayGrow) {
        final Set<OpenOption> all = new HashSet<>(options);
        if (!isThere(options, Commit.class) && commitsAtForce(absolute)) {
            all.add(Commit.AT_FORCE);
        }
        if (mayGrow && !isThere(options, GrowthAhead.class) && growsAhead(absolute)) {
            all.add(growth);
        }
        return all;
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
        return options.stream().anyMatch(kind::isInstance);
    }
}
