// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import io.writethrough.EngineStats;
import io.writethrough.WriteThroughEngine;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Counts what passed by the engine although the program wanted it durable: by file, with the reason. Printed at the end of the
 * program, where {@code -Dio.writethrough.report} asks for it.
 */
final class Report {
    private static final String PREFIX = "writethrough-agent: ";
    private static final String BY_OPTIONS = "the options leave the file to the JDK";
    private static final String NO_PATH = "the program has not opened it by a path";

    private final Jdk jdk;
    private final LongAdder forces = new LongAdder();
    private final Map<String, LongAdder> passedBy = new ConcurrentHashMap<>();

    Report(final Jdk jdk) {
        this.jdk = jdk;
    }

    /** Whether the system property asks for one. */
    static boolean isWanted() {
        final String value = System.getProperty("io.writethrough.report");
        return value != null && !value.equals("false");
    }

    void printAtExit() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> print(System.err), "writethrough-agent-report"));
    }

    /** A stream of a carried file was forced. */
    void forced() {
        forces.increment();
    }

    /** A file of the JDK is being forced. */
    void passed(final FileDescriptor descriptor) {
        final String file = nameOf(descriptor);
        count("a force of " + file, file.startsWith("/") ? BY_OPTIONS : NO_PATH);
    }

    /** A file was opened past the engine, and is written by others. */
    void openedForChild(final String name) {
        count("an open of " + name, "a child process writes the file");
    }

    /** A file of the JDK was opened so that each write is durable. */
    void openedSynced(final String name) {
        count("an open of " + name + " with rws or rwd", BY_OPTIONS);
    }

    private void count(final String what, final String reason) {
        passedBy.computeIfAbsent(what + ": " + reason, key -> new LongAdder()).increment();
    }

    private String nameOf(final FileDescriptor descriptor) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + jdk.numberOf(descriptor)))
                    .toString();
        } catch (final IOException e) {
            return "a file that was closed meanwhile";
        }
    }

    private void print(final PrintStream to) {
        final EngineStats stats = stats();
        final long writes = stats == null ? 0 : stats.writes();
        final long carried = writes + forces.sum();
        final long passed = passedBy.values().stream().mapToLong(LongAdder::sum).sum();
        to.println(PREFIX + writes + " writes and " + forces.sum() + " forces of streams were carried"
                + (stats != null && stats.writeErrors() > 0 ? ", and " + stats.writeErrors() + " writes failed" : "")
                + "; " + passed + " passed by, "
                + (carried + passed == 0 ? 0 : Math.round(100.0 * passed / (carried + passed))) + " % of all");
        new TreeMap<>(passedBy).forEach((what, count) -> to.println(PREFIX + "  " + count + " times " + what));
    }

    private static @Nullable EngineStats stats() {
        try {
            return WriteThroughEngine.shared().stats();
        } catch (final UncheckedIOException | UnsatisfiedLinkError e) {
            return null; // no file was carried, or opening the first would have told
        }
    }
}
