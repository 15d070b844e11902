// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.bench.report.RunReport;
import io.writethrough.bench.report.RunReport.Workload;
import io.writethrough.bench.report.Target;
import io.writethrough.bench.report.Target.Verdict;
import io.writethrough.bench.report.TextReport;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Whether the library reaches what it is to reach, in one run. */
public final class Check {
    private static final String USAGE = """
            usage: bench/check DIR [options of bench/compare]
                   bench/check REPORT.json

            Measures on the disk under DIR, or takes the numbers of a run from its report, and says of each ratio whether it
            is reached. A ratio that is missed by less than the noise of its own run, and by less than a tenth, passes.
            What there was no time to measure neither passes nor fails. Exits with 0 if all pass, 1 if one fails, 3 if none
            fails but one was not measured, 2 for a wrong argument.
            """;

    private static final int UNDECIDED = 3;

    private Check() {}

    /** See the usage. */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 0 || Arrays.asList(arguments).contains("--help")) {
            System.out.print(USAGE);
            System.exit(arguments.length == 0 ? 2 : 0);
        }
        try {
            System.exit(status(report(arguments)));
        } catch (IllegalArgumentException e) {
            System.err.println("bench/check: " + e.getMessage() + "\n\n" + USAGE);
            System.exit(2);
        }
    }

    private static RunReport report(String[] arguments) throws IOException {
        Path file = Path.of(arguments[0]);
        if (arguments.length == 1 && Files.isRegularFile(file)) {
            RunReport report = RunReport.read(file);
            new TextReport(System.out).print(report.targets());
            return report;
        }
        return Compare.run(Options.parse(arguments), "bench/check " + String.join(" ", arguments));
    }

    private static int status(RunReport report) {
        List<Target> deciding =
                report.targets().stream().filter(Target::decides).toList();
        Map<Verdict, Long> counts = deciding.stream()
                .collect(Collectors.groupingBy(
                        Target::verdict, () -> new EnumMap<>(Verdict.class), Collectors.counting()));
        List<String> failed = report.workloads().stream()
                .filter(workload -> workload.failure() != null)
                .map(Workload::id)
                .toList();
        List<String> missing = Workloads.ids(report.takesNoTime()).stream()
                .filter(id -> report.workload(id).isEmpty())
                .toList();
        long failures = counts.getOrDefault(Verdict.FAIL, 0L);
        long unmeasured = counts.getOrDefault(Verdict.NOT_MEASURED, 0L);
        long skipped = counts.getOrDefault(Verdict.SKIPPED, 0L);
        System.out.printf(
                "%d reached, %d failed, %d skipped, %d not measured%s%s%n",
                deciding.size() - failures - skipped - unmeasured,
                failures,
                skipped,
                unmeasured,
                failed.isEmpty() ? "" : "; ended with an error: " + String.join(", ", failed),
                missing.isEmpty() ? "" : "; not part of this run: " + String.join(", ", missing));
        if (failures > 0 || !failed.isEmpty()) {
            return 1;
        }
        return unmeasured > 0 || !missing.isEmpty() ? UNDECIDED : 0;
    }
}
