// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.writethrough.bench.measure.Slice;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

final class CurveTest {
    private static final int[] LOADS = {1, 2, 4};

    private static Curve curve(double[]... rounds) {
        return new Curve("id", "title", "unit", LOADS, Map.of(Workloads.LIBRARY, List.of(rounds)), 0, Map.of());
    }

    @Test
    void aRateIsTheMedianOfTheRounds() {
        assertEquals(
                20,
                curve(new double[] {1, 10, 1}, new double[] {1, 20, 1}, new double[] {1, 90, 1})
                        .rate(Workloads.LIBRARY, 1));
    }

    @Test
    void aFallIsHeldAgainstTheBestSmallerLoadAndNotTheNext() {
        Curve curve = curve(new double[] {100, 90, 91});
        assertEquals(0.91, curve.againstBest(2), 1e-9);
        assertEquals(0.9, curve.lowest(), 1e-9);
        assertEquals(100, Curve.peak(curve.rates().get(Workloads.LIBRARY)));
    }

    @Test
    void whatRisesNeverFalls() {
        assertEquals(1, curve(new double[] {1, 2, 3}).lowest());
    }

    @Test
    void theTailIsTheSlowestInAThousandByTheMiddle() {
        Histogram latency = Slice.newHistogram();
        Slice.record(latency, 1000, 998);
        Slice.record(latency, 4000, 2);
        assertEquals(4, Curve.tail(latency), 0.01);
    }
}
