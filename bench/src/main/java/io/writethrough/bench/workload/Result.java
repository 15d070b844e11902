package io.writethrough.bench.workload;

import io.writethrough.bench.measure.Slice;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * What the rounds of a workload gave.
 *
 * @param workload that was measured
 * @param slices of each contender by its name, one per round
 * @param absent contenders that do not work here, with the reason
 */
public record Result(Workload workload, Map<String, List<Slice>> slices, Map<String, String> absent) {

    /** Median, least and greatest of a number over the rounds. */
    public record Spread(double median, double least, double most) {
        static Spread of(double[] values) {
            double[] sorted = values.clone();
            java.util.Arrays.sort(sorted);
            int n = sorted.length;
            double median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
            return new Spread(median, sorted[0], sorted[n - 1]);
        }
    }

    /** The row of one contender, over all rounds. */
    public record Summary(
            Spread rate,
            Map<String, Spread> ratios,
            Histogram latency,
            double cpuNanosPerOperation,
            double allocatedBytesPerOperation,
            double deviceWritesPerOperation,
            double deviceFlushesPerOperation) {}

    /** Unknown numbers of a summary are NaN; a ratio against a reference that is absent is left out. */
    public Summary summary(String contender) {
        List<Slice> own = slices.get(contender);
        double operations = own.stream().mapToLong(Slice::operations).sum();
        Histogram latency = Slice.newHistogram();
        own.forEach(slice -> latency.add(slice.latency()));
        boolean device = own.stream().allMatch(slice -> slice.device() != null);
        boolean heap = own.stream().allMatch(slice -> slice.allocatedBytes() >= 0);
        return new Summary(
                Spread.of(own.stream().mapToDouble(Slice::rate).toArray()),
                ratios(own),
                latency,
                own.stream().mapToLong(Slice::cpuNanos).sum() / operations,
                heap ? own.stream().mapToLong(Slice::allocatedBytes).sum() / operations : Double.NaN,
                device ? own.stream().mapToLong(s -> s.device().writes()).sum() / operations : Double.NaN,
                device ? own.stream().mapToLong(s -> s.device().flushes()).sum() / operations : Double.NaN);
    }

    /** Each round is divided by the same round of the reference: what drifts from round to round drops out. */
    private Map<String, Spread> ratios(List<Slice> own) {
        Map<String, Spread> ratios = new LinkedHashMap<>();
        for (String name : workload.references()) {
            List<Slice> reference = slices.get(name);
            if (reference == null) {
                continue;
            }
            double[] byRound = new double[own.size()];
            for (int round = 0; round < byRound.length; round++) {
                byRound[round] = own.get(round).rate() / reference.get(round).rate();
            }
            ratios.put(name, Spread.of(byRound));
        }
        return ratios;
    }
}
