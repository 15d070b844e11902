// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import io.writethrough.bench.report.RunReport.Contender;
import io.writethrough.bench.report.RunReport.Growth;
import io.writethrough.bench.report.RunReport.Workload;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workloads;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prints what was measured for people at a terminal, in tables that are Markdown at once. */
public final class TextReport {
    /** A share of an operation that no table shows. */
    private static final double NEXT_TO_NOTHING = 0.005;

    private final PrintStream out;

    /** Prints here. */
    public TextReport(PrintStream out) {
        this.out = out;
    }

    /** What the figures were measured on, and how. */
    public void heading(String title, Map<String, String> facts) {
        out.println(title);
        facts.forEach((name, value) -> out.printf("  %-14s %s%n", name, value));
        out.println();
    }

    /** The table of one workload. */
    public void print(Workload workload) {
        boolean reads = workload.contenders().stream()
                .anyMatch(one -> one.deviceReadsPerOp() != null && one.deviceReadsPerOp() > NEXT_TO_NOTHING);
        List<String> headings = new ArrayList<>(List.of("", "ops/s"));
        workload.references().forEach(reference -> headings.add("× " + reference));
        headings.addAll(List.of("p50 µs", "p99 µs", "p99.9 µs"));
        if (reads) {
            headings.add("disk reads/op");
        }
        headings.addAll(List.of("disk writes/op", "flushes/op", "disk KiB/op", "CPU µs/op", "heap bytes/op"));
        Table table = new Table(headings);
        workload.contenders().forEach(contender -> table.row(cells(workload, contender, reads)));
        out.println(workload.title());
        out.println();
        if (!workload.contenders().isEmpty()) {
            out.println(table);
        }
        guarantees(workload)
                .forEach((guarantee, names) -> out.println("  " + String.join(", ", names) + ": " + guarantee));
        workload.absent().forEach((name, reason) -> out.println("  SKIPPED: " + name + ": " + reason));
        workload.unmeasured().forEach((name, reason) -> out.println("  NOT MEASURED: " + name + ": " + reason));
        out.println();
    }

    private static List<String> cells(Workload workload, Contender contender, boolean reads) {
        List<String> cells = new ArrayList<>(
                List.of(contender.name(), Numbers.small(contender.opsPerSecond().median())));
        for (String reference : workload.references()) {
            cells.add(Numbers.ratio(contender.ratios().get(reference)));
        }
        for (double percentile : new double[] {50, 99, 99.9}) {
            cells.add(Numbers.micros(contender.latencyNanos(percentile)));
        }
        if (reads) {
            cells.add(Numbers.small(contender.deviceReadsPerOp()));
        }
        cells.add(Numbers.small(contender.deviceWritesPerOp()));
        cells.add(Numbers.small(contender.deviceFlushesPerOp()));
        cells.add(Numbers.small(kibibytes(contender)));
        cells.add(Numbers.micros(contender.cpuNsPerOp()));
        cells.add(Numbers.small(contender.heapBytesPerOp()));
        return cells;
    }

    private static Double kibibytes(Contender contender) {
        return contender.deviceReadBytesPerOp() == null
                ? null
                : (contender.deviceReadBytesPerOp() + contender.deviceWrittenBytesPerOp()) / 1024;
    }

    private static Map<String, List<String>> guarantees(Workload workload) {
        Map<String, List<String>> names = new LinkedHashMap<>();
        workload.contenders()
                .forEach(one -> names.computeIfAbsent(one.guarantee(), key -> new ArrayList<>())
                        .add(one.name()));
        return names;
    }

    /** A table of the scaling report. */
    public void print(Steps steps) {
        Table table = new Table(List.of(
                steps.unit(),
                "writethrough ns",
                "against the first",
                steps.reference() + " ns",
                "against the first",
                "ratio"));
        Steps.Step first = steps.steps().get(0);
        for (Steps.Step step : steps.steps()) {
            table.row(List.of(
                    Numbers.count(step.size()),
                    Numbers.count(step.nanos()),
                    Numbers.small(step.nanos() / first.nanos()),
                    Numbers.count(step.referenceNanos()),
                    Numbers.small(step.referenceNanos() / first.referenceNanos()),
                    Numbers.small(step.nanos() / step.referenceNanos())));
        }
        out.println(steps.title());
        out.println();
        out.println(table);
    }

    /** A table of throughput against load. */
    public void print(Growth growth) {
        List<String> headings = new ArrayList<>(List.of(growth.unit()));
        headings.addAll(growth.opsPerSecond().keySet());
        Table table = new Table(headings);
        for (int load = 0; load < growth.loads().length; load++) {
            List<String> cells = new ArrayList<>(List.of(Numbers.count(growth.loads()[load])));
            for (List<Double> rates : growth.opsPerSecond().values()) {
                cells.add(Numbers.count(rates.get(load)));
            }
            table.row(cells);
        }
        out.println("Operations per second: " + growth.title());
        out.println();
        out.println(table);
        out.println("At " + Numbers.count(growth.halfLoadOpsPerSecond()) + " ops/s, half of the most of "
                + Workloads.LIBRARY + ":");
        growth.halfLoadLatency()
                .forEach((name, latency) -> out.println("  " + name + ": p50 "
                        + Numbers.micros(Percentiles.of(latency, 50)) + " µs, p99 "
                        + Numbers.micros(Percentiles.of(latency, 99)) + " µs, p99.9 "
                        + Numbers.micros(Percentiles.of(latency, 99.9)) + " µs"));
        out.println();
    }

    /** A table of latency against the rate of arrivals. */
    public void print(LatencyCurve curve) {
        Table table = new Table(
                List.of("", "of its most", "arrivals/s", "done/s", "p50 µs", "p99 µs", "p99.9 µs", "sent late p50 µs"));
        for (LatencyCurve.Way way : curve.ways()) {
            for (LatencyCurve.Point point : way.points()) {
                table.row(List.of(
                        way.name(),
                        point.percentOfMost() == null ? "-" : Numbers.count(point.percentOfMost()) + " %",
                        Numbers.count(point.arrivalsPerSecond()),
                        Numbers.count(point.opsPerSecond().median()),
                        Numbers.ranged(point.p50Micros()),
                        Numbers.ranged(point.p99Micros()),
                        Numbers.ranged(point.p999Micros()),
                        Numbers.ranged(point.lateP50Micros())));
            }
        }
        out.println(curve.title());
        out.println();
        out.println(table);
        curve.ways()
                .forEach(way -> out.println("  " + way.name() + ": " + Numbers.ranged(way.mostPerSecond())
                        + " records/s at most, without pauses"));
        out.println();
    }

    /** A workload that could not be measured to its end. */
    public void failure(String id, Exception failure) {
        out.println("FAILED: " + id + ": " + failure);
        out.println();
    }

    /** What the library is to reach, and whether it did. */
    public void print(List<Target> targets) {
        print("Targets", targets.stream().filter(Target::decides).toList());
        print(
                "Also watched",
                targets.stream().filter(target -> !target.decides()).toList());
    }

    private void print(String title, List<Target> targets) {
        if (targets.isEmpty()) {
            return;
        }
        Table table = new Table(List.of("workload", "compared", "measured", "target", "verdict"));
        targets.forEach(target -> table.row(target.cells()));
        out.println(title);
        out.println();
        out.println(table);
    }
}
