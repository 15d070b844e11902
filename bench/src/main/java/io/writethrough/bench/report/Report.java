package io.writethrough.bench.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Result.Spread;
import io.writethrough.bench.workload.Result.Summary;
import io.writethrough.bench.workload.Steps;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/** Prints results for people, and collects the same for programs. */
public final class Report {
    private static final double[] PERCENTILES = {50, 90, 99, 99.9, 99.99};

    private final PrintStream out;
    private final Map<String, Object> json = new LinkedHashMap<>();
    private final List<Object> workloads = new ArrayList<>();

    /** Prints here. */
    public Report(PrintStream out) {
        this.out = out;
        json.put("format", 1);
    }

    /** What the figures were measured on, and how. */
    public void heading(String title, Map<String, String> facts) {
        out.println(title);
        facts.forEach((name, value) -> out.printf("  %-14s %s%n", name, value));
        out.println();
        json.put(title, facts);
    }

    /** The table of one workload. */
    public void add(Result result) {
        List<String> headings = new ArrayList<>(List.of("", "ops/s"));
        result.workload().references().forEach(reference -> headings.add("× " + reference));
        headings.addAll(
                List.of("p50 µs", "p99 µs", "p99.9 µs", "disk writes/op", "flushes/op", "CPU µs/op", "heap bytes/op"));
        Table table = new Table(headings);
        Map<String, Object> contenders = new LinkedHashMap<>();
        for (String contender : result.slices().keySet()) {
            Summary summary = result.summary(contender);
            table.row(cells(result, contender, summary));
            contenders.put(contender, json(summary, result.slices().get(contender)));
        }
        out.println(result.workload().title());
        out.println();
        out.println(table);
        result.absent().forEach((name, reason) -> out.println("Not here: " + name + ": " + reason));

        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("id", result.workload().id());
        entry.put("title", result.workload().title());
        entry.put("contenders", contenders);
        entry.put("absent", result.absent());
        workloads.add(entry);
    }

    private static List<String> cells(Result result, String contender, Summary summary) {
        List<String> cells =
                new ArrayList<>(List.of(contender, Numbers.count(summary.rate().median())));
        for (String reference : result.workload().references()) {
            cells.add(Numbers.ratio(summary.ratios().get(reference)));
        }
        Histogram latency = summary.latency();
        cells.add(Numbers.micros(latency.getValueAtPercentile(50)));
        cells.add(Numbers.micros(latency.getValueAtPercentile(99)));
        cells.add(Numbers.micros(latency.getValueAtPercentile(99.9)));
        cells.add(Numbers.small(summary.deviceWritesPerOperation()));
        cells.add(Numbers.small(summary.deviceFlushesPerOperation()));
        cells.add(Numbers.micros(summary.cpuNanosPerOperation()));
        cells.add(Numbers.small(summary.allocatedBytesPerOperation()));
        return cells;
    }

    private static Map<String, Object> json(Summary summary, List<Slice> slices) {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("ops_per_second", json(summary.rate()));
        Map<String, Object> ratios = new LinkedHashMap<>();
        summary.ratios().forEach((reference, spread) -> ratios.put(reference, json(spread)));
        entry.put("ratios", ratios);
        entry.put("latency_ns", json(summary.latency()));
        entry.put("cpu_ns_per_op", known(summary.cpuNanosPerOperation()));
        entry.put("heap_bytes_per_op", known(summary.allocatedBytesPerOperation()));
        entry.put("device_writes_per_op", known(summary.deviceWritesPerOperation()));
        entry.put("device_flushes_per_op", known(summary.deviceFlushesPerOperation()));
        entry.put("rounds_ops_per_second", slices.stream().map(Slice::rate).toList());
        return entry;
    }

    private static Map<String, Object> json(Histogram histogram) {
        Map<String, Object> latency = new LinkedHashMap<>();
        for (double percentile : PERCENTILES) {
            latency.put(
                    "p" + Double.toString(percentile).replace(".0", ""), histogram.getValueAtPercentile(percentile));
        }
        return latency;
    }

    private static Map<String, Object> json(Spread spread) {
        return Map.of("median", spread.median(), "min", spread.least(), "max", spread.most());
    }

    private static Object known(double value) {
        return Double.isNaN(value) ? null : value;
    }

    /** A table of the scaling report. */
    public void add(Steps steps) {
        Table table = new Table(List.of(
                steps.unit(),
                "writethrough ns",
                "against the first",
                steps.reference() + " ns",
                "against the first",
                "ratio"));
        List<Object> rows = new ArrayList<>();
        Steps.Step first = steps.steps().get(0);
        for (Steps.Step step : steps.steps()) {
            table.row(List.of(
                    Numbers.count(step.size()),
                    Numbers.count(step.nanos()),
                    Numbers.small(step.nanos() / first.nanos()),
                    Numbers.count(step.referenceNanos()),
                    Numbers.small(step.referenceNanos() / first.referenceNanos()),
                    Numbers.small(step.nanos() / step.referenceNanos())));
            rows.add(Map.of("size", step.size(), "ns", step.nanos(), "reference_ns", step.referenceNanos()));
        }
        out.println(steps.title());
        out.println();
        out.println(table);
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("id", steps.id());
        entry.put("title", steps.title());
        entry.put("unit", steps.unit());
        entry.put("reference", steps.reference());
        entry.put("steps", rows);
        workloads.add(entry);
    }

    /** A table of the growth report. */
    public void add(Curve curve) {
        Table table = new Table(List.of(curve.unit(), "ops/s", "against the best before"));
        List<Object> rows = new ArrayList<>();
        for (int load = 0; load < curve.loads().length; load++) {
            table.row(List.of(
                    Numbers.count(curve.loads()[load]),
                    Numbers.count(curve.rate(load)),
                    Numbers.small(curve.againstBest(load))));
            rows.add(Map.of("load", curve.loads()[load], "ops_per_second", curve.rate(load)));
        }
        out.println("Growth: " + curve.title());
        out.println();
        out.println(table);
        out.println(
                "At half of the most, " + Numbers.count(curve.halfLoad()) + " ops/s: " + percentiles(curve.latency()));
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("id", curve.id());
        entry.put("title", curve.title());
        entry.put("unit", curve.unit());
        entry.put("steps", rows);
        entry.put("half_load_ops_per_second", curve.halfLoad());
        entry.put("half_load_latency_ns", json(curve.latency()));
        if (curve.reference() != null) {
            out.println(curve.reference() + " at the same rate: " + percentiles(curve.referenceLatency()));
            entry.put("reference", curve.reference());
            entry.put("reference_latency_ns", json(curve.referenceLatency()));
        }
        out.println();
        workloads.add(entry);
    }

    private static String percentiles(Histogram latency) {
        return "p50 " + Numbers.micros(latency.getValueAtPercentile(50)) + " µs, p99 "
                + Numbers.micros(latency.getValueAtPercentile(99)) + " µs, p99.9 "
                + Numbers.micros(latency.getValueAtPercentile(99.9)) + " µs, p99.9 / p50 "
                + Numbers.plain(Curve.tail(latency));
    }

    /** What the library is to reach, and whether it did in this run. */
    public void add(Targets targets) {
        if (targets.all().isEmpty()) {
            return;
        }
        out.println("Targets");
        out.println();
        targets.all().forEach(target -> out.println("  " + target));
        out.println();
        List<Object> rows = new ArrayList<>();
        for (Targets.Target target : targets.all()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("name", target.name());
            row.put("value", known(target.value()));
            row.put(target.atLeast() ? "at_least" : "at_most", target.bound());
            row.put("reached", target.reached());
            rows.add(row);
        }
        json.put("targets", rows);
    }

    /** A workload that could not be measured to its end. */
    public void failure(String id, IOException failure) {
        out.println("FAILED: " + id + ": " + failure);
        out.println();
        workloads.add(Map.of("id", id, "failure", String.valueOf(failure)));
    }

    /** Writes what was collected. */
    public void write(Path file) throws IOException {
        json.put("workloads", workloads);
        new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), json);
        out.println("The same as JSON: " + file);
    }
}
