// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class ArrivalsTest {
    private static final double PER_SECOND = 100_000;
    private static final double MEAN_GAP_NANOS = 1e9 / PER_SECOND;
    private static final long NANOS = 2_000_000_000L;

    private static long[] taken(long seed) {
        Arrivals arrivals = Arrivals.poisson(PER_SECOND, NANOS, seed);
        return LongStream.generate(arrivals::next)
                .takeWhile(offset -> offset != Arrivals.NONE)
                .toArray();
    }

    private static double[] gaps() {
        long[] offsets = taken(1);
        double[] gaps = new double[offsets.length - 1];
        Arrays.setAll(gaps, i -> offsets[i + 1] - offsets[i]);
        return gaps;
    }

    @Test
    void arrivalsAreAsManyAsTheRateSaysAndInOrder() {
        long[] offsets = taken(1);
        assertEquals(PER_SECOND * NANOS / 1e9, offsets.length, 2000);
        assertEquals(offsets.length, Arrivals.poisson(PER_SECOND, NANOS, 1).count());
        assertTrue(Arrays.stream(gaps()).allMatch(gap -> gap >= 0));
        assertTrue(offsets[offsets.length - 1] < NANOS);
    }

    /** The gaps of a Poisson process are exponential: their deviation is their mean, and 1 - 1/e of them are shorter. */
    @Test
    void gapsAreExponential() {
        double[] gaps = gaps();
        double mean = Arrays.stream(gaps).average().orElseThrow();
        double variance = Arrays.stream(gaps)
                .map(gap -> (gap - mean) * (gap - mean))
                .average()
                .orElseThrow();
        double shorter = Arrays.stream(gaps).filter(gap -> gap < mean).count() / (double) gaps.length;
        assertEquals(1, mean / MEAN_GAP_NANOS, 0.01);
        assertEquals(1, Math.sqrt(variance) / mean, 0.02);
        assertEquals(1 - 1 / Math.E, shorter, 0.01);
    }

    @Test
    void aSeedGivesTheSameArrivalsAgain() {
        assertArrayEquals(taken(7), taken(7));
        assertFalse(Arrays.equals(taken(7), taken(8)));
    }

    @Test
    void aRateThatGivesNoArrivalIsNoError() {
        assertEquals(0, Arrivals.poisson(1e-9, NANOS, 1).count());
    }
}
