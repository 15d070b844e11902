// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import java.util.Arrays;
import java.util.List;

/**
 * A number that was measured in several rounds.
 *
 * @param median of the rounds
 * @param least of them
 * @param most of them
 * @param noise half the width of the interval in which the median of very many rounds would lie, 19 times in 20: 1.57
 *     interquartile ranges by the root of the number of rounds, as for the notches of a box plot; 0 of one round
 */
public record Spread(double median, double least, double most, double noise) {
    private static final double NOTCH = 1.57;

    /** Of one value for each round, at least one. */
    public static Spread of(List<Double> rounds) {
        double[] sorted = rounds.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        double range = quantile(sorted, 0.75) - quantile(sorted, 0.25);
        return new Spread(
                quantile(sorted, 0.5), sorted[0], sorted[sorted.length - 1], NOTCH * range / Math.sqrt(sorted.length));
    }

    private static double quantile(double[] sorted, double part) {
        double index = part * (sorted.length - 1);
        int below = (int) index;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (index - below) * (sorted[above] - sorted[below]);
    }
}
