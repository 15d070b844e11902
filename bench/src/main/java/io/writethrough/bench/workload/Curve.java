// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * How throughput goes as the load rises, and how long operations take at half of the most that the library reaches.
 *
 * @param id for programs
 * @param title for people
 * @param unit of the load
 * @param loads from small to large
 * @param rates of each contender by its name, the library first: operations per second, one row for each round, in it one
 *     for each load
 * @param halfLoad operations per second of the library in the run at half of its most
 * @param atHalf latencies of the library at that rate, and of a reference at the same rate if there is one
 */
public record Curve(
        String id,
        String title,
        String unit,
        int[] loads,
        Map<String, List<double[]>> rates,
        double halfLoad,
        Map<String, Histogram> atHalf) {

    /** The rate of a contender at one load: the median of the rounds. */
    public double rate(String contender, int load) {
        return median(
                rates.get(contender).stream().mapToDouble(round -> round[load]).toArray());
    }

    /** The greatest rate of all loads. */
    public static double peak(List<double[]> rates) {
        double peak = 0;
        for (int load = 0; load < rates.get(0).length; load++) {
            int at = load;
            peak = Math.max(
                    peak, median(rates.stream().mapToDouble(round -> round[at]).toArray()));
        }
        return peak;
    }

    /** The library's rate against its best at any smaller load: below 1 it has fallen. */
    public double againstBest(int load) {
        double best = 0;
        for (int smaller = 0; smaller < load; smaller++) {
            best = Math.max(best, rate(Workloads.LIBRARY, smaller));
        }
        return load == 0 ? 1 : rate(Workloads.LIBRARY, load) / best;
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
