// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Percentiles out of classes of values. */
class HistogramTest {
    private static Histogram of(final long sum, final int... classes) {
        final long[] counts = new long[Histogram.BUCKETS];
        for (final int index : classes) {
            counts[index]++;
        }
        return new Histogram(sum, counts);
    }

    @Test
    void withoutValuesAllIsZero() {
        final Histogram none = of(0);
        assertEquals(0, none.count());
        assertEquals(0, none.mean());
        assertEquals(0, none.percentile(99));
        assertEquals(0, none.max());
    }

    @Test
    void aPercentileIsTheSmallestClassThatSoManyDoNotExceed() {
        final Histogram histogram = of(10, 1, 1, 2, 3);
        assertEquals(1, histogram.percentile(50));
        assertEquals(2, histogram.percentile(75));
        assertEquals(3, histogram.percentile(75.1));
        assertEquals(3, histogram.max());
        assertEquals(2.5, histogram.mean());
    }

    @Test
    void aClassIsAtMostAQuarterOfItsLeastValueWide() {
        for (int i = 4; i < Histogram.BUCKETS - 1; i++) {
            final long width = Histogram.lowerBound(i + 1) - Histogram.lowerBound(i);
            assertTrue(4 * width <= Histogram.lowerBound(i), "class " + i);
        }
        assertTrue(Histogram.lowerBound(Histogram.BUCKETS - 1) > 1_000_000_000_000L, "twenty minutes in nanoseconds");
    }

    @Test
    void aPercentageThatCannotBeIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> of(0).percentile(0));
        assertThrows(IllegalArgumentException.class, () -> of(0).percentile(100.1));
        assertThrows(IllegalArgumentException.class, () -> of(0).percentile(Double.NaN));
    }
}
