package io.writethrough.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What the command line asks for.
 *
 * @param directory on the disk to measure
 * @param slice how long a contender runs at a time
 * @param rounds in each of which every contender has one slice
 * @param quick smaller files, and fewer steps of the scaling report
 * @param only the ids of the workloads to run; empty for all
 * @param output where the results go as JSON
 */
public record Options(Path directory, Duration slice, int rounds, boolean quick, List<String> only, Path output) {

    private static final List<String> IDS = List.of(
            "overwrite-4k",
            "sequential-1m",
            "read-heap",
            "read-direct",
            "async32",
            "append64",
            "append-async",
            "scaling",
            "growth");

    /** What a user is told who asked for help, or for something that does not exist. */
    public static final String USAGE = """
            usage: bench/compare DIR [options]

            Compares durable writes, one at a time and many in flight, appends to a log, and cached reads of this
            library with the JDK's ways and with fio, on the disk under the directory DIR, and says at the end which
            targets were reached. Needs about 4 GiB there (--quick: 2 GiB), all deleted at the end.

              --quick        done in about two minutes instead of seven or so: shorter slices, fewer rounds, smaller files
              --seconds S    how long each contender runs in a round (1.5; --quick: 0.5)
              --rounds N     how many rounds (5; --quick: 3)
              --only ID,...  only these workloads, of
                             %s
              --out FILE     where to write the results as JSON (DIR/writethrough-compare.json)
            """.formatted(String.join(", ", IDS));

    /** Reads the command line. The message of the exception is meant for the user. */
    public static Options parse(String[] arguments) {
        Deque<String> rest = new ArrayDeque<>(List.of(arguments));
        Path directory = null;
        double seconds = 0;
        int rounds = 0;
        boolean quick = false;
        List<String> only = List.of();
        Path output = null;
        while (!rest.isEmpty()) {
            String argument = rest.pop();
            switch (argument) {
                case "--quick" -> quick = true;
                case "--seconds" -> seconds = number(argument, rest, 0.1, 3600);
                case "--rounds" -> rounds = (int) number(argument, rest, 1, 1000);
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
        double slice = seconds > 0 ? seconds : quick ? 0.5 : 1.5;
        return new Options(
                directory.toAbsolutePath().normalize(),
                Duration.ofNanos((long) (slice * 1e9)),
                rounds > 0 ? rounds : quick ? 3 : 5,
                quick,
                only,
                output != null ? output : directory.resolve("writethrough-compare.json"));
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

    /** Whether a workload is to run. */
    public boolean wants(String id) {
        return only.isEmpty() || only.contains(id);
    }
}
