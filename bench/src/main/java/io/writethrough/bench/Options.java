// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.bench.workload.Workloads;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * What the command line asks for.
 *
 * @param directory on the disk to measure
 * @param effort how much is measured
 * @param slice how long a contender runs at a time; null for as long as the effort's time allows
 * @param rounds in each of which every contender has one slice
 * @param only the ids of the workloads to run; empty for all that the effort has
 * @param instant the disk takes no time: see {@link #INSTANT}
 * @param output directory for report.html and report.json
 */
public record Options(
        Path directory, Effort effort, Duration slice, int rounds, List<String> only, boolean instant, Path output) {
    /** The system property by which bench/launch tells where it has mounted a disk that takes no time. */
    static final String INSTANT = "writethrough.bench.instant";

    /** How much is measured, and how long that may take. */
    public enum Effort {
        QUICK(Duration.ofSeconds(105), 3),
        USUAL(Duration.ofMinutes(7), 5),
        FULL(Duration.ofMinutes(29), 11);

        private final Duration time;
        private final int rounds;

        Effort(Duration time, int rounds) {
            this.time = time;
            this.rounds = rounds;
        }

        /** For the whole run, less what building takes. */
        public Duration time() {
            return time;
        }
    }

    private static final List<String> IDS = ids();

    private static List<String> ids() {
        List<String> ids = new ArrayList<>(Workloads.IDS);
        ids.add(Latency.ID);
        ids.add(Growth.ID);
        ids.add(Scaling.ID);
        return List.copyOf(ids);
    }

    /** What a user is told who asked for help, or for something that does not exist. */
    public static final String USAGE = """
            usage: bench/compare DIR [options]

            Compares durable writes, one at a time and many in flight, appends to a log, as many as can be and by open
            arrivals, commits of several writes by one force, stores into mapped memory, reads, and pages that are read and
            written, of this library with the JDK's ways, with other libraries and with fio, on the disk under the
            directory DIR. Writes a report with charts, and the same for programs.
            Needs about 6 GiB in DIR (--quick: 2 GiB), all deleted at the end but the report.

              --quick        done in two minutes: short slices, few rounds, small files, no append-open and no scaling
              --full         done in half an hour: long slices, many rounds. Without either: seven minutes
              --seconds S    how long each contender runs in a round, however long the whole takes
              --rounds N     how many rounds (5; --quick: 3; --full: 11)
              --only ID,...  only these workloads, of
                             %s
              --instant      on a disk that takes no time, in place of the one under DIR: a zram device of its own, with
                             %s, which is taken away again (root). Only workloads where the disk's time counts
              --out DIR      where to write report.html and report.json (DIR/writethrough-report; with --instant
                             DIR/writethrough-report-instant)
            """.formatted(
                    String.join(", ", IDS)
                            .replace(", commit-1,", ",\n                 commit-1,")
                            .replace(", mapped-1,", ",\n                 mapped-1,")
                            .replace(", read-heap,", ",\n                 read-heap,"),
                    "ext4, or xfs with FILE_SYSTEM=xfs in the environment");

    /** Reads the command line. The message of the exception is meant for the user. */
    public static Options parse(String[] arguments) {
        Deque<String> rest = new ArrayDeque<>(List.of(arguments));
        Path directory = null;
        double seconds = 0;
        int rounds = 0;
        Effort effort = Effort.USUAL;
        List<String> only = List.of();
        boolean instant = false;
        Path output = null;
        while (!rest.isEmpty()) {
            String argument = rest.pop();
            switch (argument) {
                case "--quick" -> effort = Effort.QUICK;
                case "--full" -> effort = Effort.FULL;
                case "--seconds" -> seconds = number(argument, rest, 0.1, 3600);
                case "--rounds" -> rounds = (int) number(argument, rest, 1, 1000);
                case "--instant" -> instant = true;
                case "--only" -> only = ids(value(argument, rest));
                case "--out" -> output = Path.of(value(argument, rest));
                default -> {
                    if (argument.startsWith("-") || directory != null) {
                        throw new IllegalArgumentException("unknown argument: " + argument);
                    }
                    directory = Path.of(argument);
                }
            }
        }
        if (directory == null) {
            throw new IllegalArgumentException("say which directory to measure in");
        }
        if (!Files.isDirectory(directory)) {
            throw new IllegalArgumentException("not a directory: " + directory);
        }
        final String name = instant ? "writethrough-report-instant" : "writethrough-report";
        return new Options(
                (instant ? instantDirectory() : directory).toAbsolutePath().normalize(),
                effort,
                seconds > 0 ? Duration.ofNanos((long) (seconds * 1e9)) : null,
                rounds > 0 ? rounds : effort.rounds,
                only,
                instant,
                output != null ? output : directory.resolve(name));
    }

    private static Path instantDirectory() {
        String mounted = System.getProperty(INSTANT);
        if (mounted == null) {
            throw new IllegalArgumentException("--instant is for bench/compare and bench/check, which make the disk");
        }
        return Path.of(mounted);
    }

    private static String value(String option, Deque<String> rest) {
        if (rest.isEmpty()) {
            throw new IllegalArgumentException(option + " needs a value");
        }
        return rest.pop();
    }

    private static List<String> ids(String text) {
        List<String> ids = List.of(text.split(","));
        if (!IDS.containsAll(ids)) {
            throw new IllegalArgumentException("--only " + text + ": must be of " + String.join(", ", IDS));
        }
        return ids;
    }

    private static double number(String option, Deque<String> rest, double least, double most) {
        String text = value(option, rest);
        try {
            double number = Double.parseDouble(text);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below, as any other value out of range.
        }
        throw new IllegalArgumentException(option + " " + text + ": must be a number from " + least + " to " + most);
    }

    /** Whether the files are to be small and the steps few. */
    public boolean quick() {
        return effort == Effort.QUICK;
    }

    /** Whether a workload is to run. */
    public boolean wants(String id) {
        if (!only.isEmpty()) {
            return only.contains(id);
        }
        boolean report = !instant && (id.equals(Growth.ID) || (id.equals(Scaling.ID) && !quick()));
        return report
                || (id.equals(Latency.ID) && !quick())
                || Workloads.ids(instant).contains(id);
    }
}
