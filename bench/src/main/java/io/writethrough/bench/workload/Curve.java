package io.writethrough.bench.workload;

import java.util.Arrays;
import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * How the throughput of the library goes as the load on it rises, and how long operations take at half of the most.
 *
 * @param id for programs
 * @param title for people
 * @param unit of the load
 * @param loads from small to large
 * @param rates operations per second: one row for each round, in it one for each load
 * @param halfLoad operations per second in the run at half of the most
 * @param latency in that run
 * @param reference what stands beside it at half load; null for nothing
 * @param referenceLatency of the reference at as many operations per second; null without one
 */
public record Curve(
        String id,
        String title,
        String unit,
        int[] loads,
        List<double[]> rates,
        double halfLoad,
        Histogram latency,
        String reference,
        Histogram referenceLatency) {

    /** The rate at one load: the median of the rounds. */
    public double rate(int load) {
        return median(rates.stream().mapToDouble(round -> round[load]).toArray());
    }

    /** The greatest rate of all. */
    public static double peak(int[] loads, List<double[]> rates) {
        double peak = 0;
        for (int load = 0; load < loads.length; load++) {
            int at = load;
            peak = Math.max(
                    peak, median(rates.stream().mapToDouble(round -> round[at]).toArray()));
        }
        return peak;
    }

    /** A rate against the best at any smaller load: below 1 it has fallen. */
    public double againstBest(int load) {
        double best = 0;
        for (int smaller = 0; smaller < load; smaller++) {
            best = Math.max(best, rate(smaller));
        }
        return load == 0 ? 1 : rate(load) / best;
    }

    /** The deepest fall: 1 where it never falls. */
    public double lowest() {
        double lowest = 1;
        for (int load = 1; load < loads.length; load++) {
            lowest = Math.min(lowest, againstBest(load));
        }
        return lowest;
    }

    /** How much longer the slowest in a thousand takes than the middle one. */
    public static double tail(Histogram latency) {
        return (double) latency.getValueAtPercentile(99.9) / latency.getValueAtPercentile(50);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }
}
