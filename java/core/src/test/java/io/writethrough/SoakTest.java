// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Engines that are opened, worked hard and closed, round after round: memory, descriptors and threads of the process are after the
 * last round what they were after the first quarter. WT_SOAK_ROUNDS (12): 20,000 take about an hour.
 */
class SoakTest extends OnEveryFileSystem {
    private static final int ROUNDS = 12;
    private static final int OPERATIONS = 10; // of each thread, times those in flight
    private static final long MEMORY_SLACK_KIB = 32 << 10; // of a heap of 128 MiB, which is not always as full

    @Test
    void memoryDescriptorsAndThreadsStayFlat() throws Exception {
        final String rounds = TestDirectories.setting("WT_SOAK_ROUNDS");
        final ChildJvm.Result result = ChildJvm.of(
                        Rounds.class, directory.toString(), rounds != null ? rounds : Integer.toString(ROUNDS))
                .withOption("-XX:+AlwaysPreTouch")
                .withOption("-Xms128m")
                .run();
        System.out.print(root + ": " + result.output());
        assertTrue(result.exitCode() == 0, result.output());
    }

    private static final int SLACK = ROUNDS * 3 / 4 - 1; // less than one a round would be

    private record Use(long memoryKiB, long descriptors, long threads) {
        static Use now() throws IOException {
            return new Use(status("VmRSS:"), countDescriptors(), countThreads());
        }

        private static long status(final String name) throws IOException {
            try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
                final String line =
                        lines.filter(l -> l.startsWith(name)).findFirst().orElseThrow();
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }

        private static long countDescriptors() throws IOException {
            try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
                return all.count();
            }
        }

        /* Those of the library: the JVM has more or fewer of its own at any time. */
        private static long countThreads() throws IOException {
            long count = 0;
            try (Stream<Path> all = Files.list(Path.of("/proc/self/task"))) {
                for (final Path task : all.toList()) {
                    final String name = nameOf(task);
                    count += name.startsWith("wt-") || name.startsWith("writethrough") ? 1 : 0;
                }
            }
            return count;
        }

        private static String nameOf(final Path task) {
            try {
                return Files.readString(task.resolve("comm"));
            } catch (final IOException e) {
                return ""; // it has ended
            }
        }

        boolean isWithin(final Use other) {
            return memoryKiB <= other.memoryKiB + MEMORY_SLACK_KIB
                    && descriptors <= other.descriptors + SLACK
                    && threads <= other.threads + SLACK;
        }
    }

    static final class Rounds {
        public static void main(final String[] arguments) throws Exception {
            final Path directory = Path.of(arguments[0]);
            final int rounds = Integer.parseInt(arguments[1]);
            Use first = null;
            for (int round = 1; round <= rounds; round++) {
                CrashWriter.write(directory, round, OPERATIONS, what -> {});
                for (final CrashPlan.File file : CrashPlan.File.values()) {
                    Files.delete(directory.resolve(file.name()));
                }
                if (round == rounds / 4) {
                    first = Use.now();
                }
            }
            final Use last = Use.now();
            System.out.println(rounds + " rounds, " + first + " after a quarter and " + last + " at the end");
            System.exit(last.isWithin(first) ? 0 : 1);
        }
    }
}
