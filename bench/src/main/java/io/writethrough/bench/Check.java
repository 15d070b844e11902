package io.writethrough.bench;

import io.writethrough.bench.report.RunReport;
import io.writethrough.bench.report.Target;
import io.writethrough.bench.report.Target.Verdict;
import io.writethrough.bench.report.TextReport;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Whether the library reaches what it is to reach, in one run. */
public final class Check {
    private static final String USAGE = """
            usage: bench/check DIR [options of bench/compare]
                   bench/check REPORT.json

            Measures on the disk under DIR, or takes the numbers of a run from its report, and says of each ratio whether it
            is reached. A ratio that is missed by less than the noise of its own run, and by less than a tenth, passes.
            Exits with 0 if all pass, 1 if one fails or was not measured, 2 for a wrong argument.
            """;

    private Check() {}

    /** See the usage. */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 0 || Arrays.asList(arguments).contains("--help")) {
            System.out.print(USAGE);
            System.exit(arguments.length == 0 ? 2 : 0);
        }
        try {
            System.exit(passes(report(arguments)) ? 0 : 1);
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

    private static boolean passes(RunReport report) {
        List<Target> deciding =
                report.targets().stream().filter(Target::decides).toList();
        List<Target> failed = deciding.stream()
                .filter(target -> target.verdict() == Verdict.FAIL)
                .toList();
        List<String> missing = Workloads.IDS.stream()
                .filter(id -> report.workload(id)
                        .filter(workload -> workload.failure() == null)
                        .isEmpty())
                .toList();
        long skipped = deciding.stream()
                .filter(target -> target.verdict() == Verdict.SKIPPED)
                .count();
        System.out.printf(
                "%d reached, %d failed, %d skipped%s%n",
                deciding.size() - failed.size() - skipped,
                failed.size(),
                skipped,
                missing.isEmpty() ? "" : "; not measured: " + String.join(", ", missing));
        return failed.isEmpty() && missing.isEmpty() && !deciding.isEmpty();
    }
}
