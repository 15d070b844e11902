// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;

/** A histogram of nanoseconds as pairs of a percentile and a value, as many as a picture needs. */
final class Percentiles {
    private static final double[] KEPT = {
        0, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 93, 95, 97, 98, 99, 99.3, 99.5, 99.7, 99.8, 99.9, 99.93,
        99.95, 99.97, 99.98, 99.99, 99.995, 99.999, 100
    };

    private Percentiles() {}

    static List<double[]> of(Histogram histogram) {
        List<double[]> pairs = new ArrayList<>();
        for (double percentile : KEPT) {
            // Beyond one in so many operations a percentile is the greatest value again.
            if (percentile == 100 || percentile <= 99.9 || (1 - percentile / 100) * histogram.getTotalCount() >= 1) {
                pairs.add(new double[] {percentile, histogram.getValueAtPercentile(percentile)});
            }
        }
        return pairs;
    }

    /** One of those that were kept. */
    static double of(List<double[]> pairs, double percentile) {
        return pairs.stream().filter(pair -> pair[0] == percentile).findFirst().orElseThrow()[1];
    }
}
