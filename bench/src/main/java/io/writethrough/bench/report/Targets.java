package io.writethrough.bench.report;

import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Result.Spread;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workloads;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the library is to reach, beside what this run measured. Of what was not measured nothing is said. */
public final class Targets {
    /** What still counts as not having fallen, or as none: machines are not still. */
    private static final double NOISE = 0.95;

    private static final double NO_BYTES = 0.5;

    /**
     * One of them.
     *
     * @param name of it
     * @param value that was measured
     * @param bound that it is held against
     * @param atLeast whether the value is to be at least the bound, or at most
     */
    public record Target(String name, double value, double bound, boolean atLeast) {
        /** Whether it is met. A value that is unknown is not. */
        public boolean reached() {
            return atLeast ? value >= bound : value <= bound;
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%-8s %8s  (%s %s)  %s",
                    reached() ? "reached" : Double.isNaN(value) ? "unknown" : "MISSED",
                    Numbers.plain(value),
                    atLeast ? "at least" : "at most",
                    Numbers.plain(bound),
                    name);
        }
    }

    private final List<Target> all = new ArrayList<>();

    /** In the order in which they were measured. */
    public List<Target> all() {
        return List.copyOf(all);
    }

    private void atLeast(String name, double value, double bound) {
        all.add(new Target(name, value, bound, true));
    }

    private void atMost(String name, double value, double bound) {
        all.add(new Target(name, value, bound, false));
    }

    /** The targets of one workload. */
    public void add(Result result) {
        switch (result.workload().id()) {
            case "overwrite-4k" -> {
                atLeast("overwrite-4k: × fio psync", ratio(result, Workloads.LIBRARY, Workloads.FIO), 0.97);
                heap(result);
            }
            case "read-heap", "read-direct" -> {
                String id = result.workload().id();
                atLeast(id + ": × FileChannel.read", ratio(result, Workloads.LIBRARY, Workloads.CHANNEL_READ), 2);
                atMost(
                        id + ": time against a copy from a mapping",
                        1 / ratio(result, Workloads.LIBRARY, Workloads.MAPPED),
                        1.3);
                heap(result);
            }
            case "async32" -> {
                async(result, Workloads.FUTURES);
                async(result, Workloads.CALLBACKS);
            }
            case "append64" -> {
                atLeast("append64: × force under a lock", ratio(result, Workloads.LIBRARY, Workloads.LOCKED), 30);
                atLeast("append64: × group commit", ratio(result, Workloads.LIBRARY, Workloads.GROUP_COMMIT), 1.3);
                atMost("append64: disk writes per record", writes(result, Workloads.LIBRARY), 1.0 / 20);
            }
            case "append-async" ->
                atLeast("append-async: × append64", ratio(result, Workloads.FUTURES, Workloads.LIBRARY), 2);
            default -> {
                // Shown, and without a target.
            }
        }
    }

    private void async(Result result, String contender) {
        atLeast("async32: " + contender + " × fio io_uring", ratio(result, contender, Workloads.FIO_ASYNC), 1);
        atMost(
                "async32: processor time of " + contender + " against fio's",
                cpu(result, contender) / cpu(result, Workloads.FIO_ASYNC),
                1.2);
    }

    private void heap(Result result) {
        atMost(
                result.workload().id() + ": heap bytes per operation",
                measured(result, Workloads.LIBRARY)
                        ? result.summary(Workloads.LIBRARY).allocatedBytesPerOperation()
                        : Double.NaN,
                NO_BYTES);
    }

    private static boolean measured(Result result, String contender) {
        return result.slices().containsKey(contender);
    }

    private static double ratio(Result result, String contender, String reference) {
        Spread ratio =
                measured(result, contender) ? result.summary(contender).ratios().get(reference) : null;
        return ratio == null ? Double.NaN : ratio.median();
    }

    private static double cpu(Result result, String contender) {
        return measured(result, contender) ? result.summary(contender).cpuNanosPerOperation() : Double.NaN;
    }

    private static double writes(Result result, String contender) {
        return measured(result, contender) ? result.summary(contender).deviceWritesPerOperation() : Double.NaN;
    }

    /** The target of one scaling report: the cost stays flat where the machine's does. */
    public void add(Steps steps) {
        Steps.Step first = steps.steps().get(0);
        double worst = 0;
        for (Steps.Step step : steps.steps()) {
            double machine = Math.max(1, step.referenceNanos() / first.referenceNanos());
            worst = Math.max(worst, step.nanos() / first.nanos() / machine);
        }
        atMost(steps.id() + ": most expensive step against the first, less what the machine adds", worst, 1.1);
    }

    /** The targets of a curve. */
    public void add(Curve curve) {
        atLeast(curve.id() + ": throughput against the best at a smaller load", curve.lowest(), NOISE);
        atMost(curve.id() + ": p99.9 / p50 at half load", Curve.tail(curve.latency()), 3);
    }

    /** What an asynchronous write allocates besides its future. */
    public void addAllocated(double bytes) {
        atMost("async32: heap bytes per operation besides the future", bytes, 64);
    }
}
