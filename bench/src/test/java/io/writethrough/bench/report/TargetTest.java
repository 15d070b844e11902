// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.writethrough.bench.report.Target.Verdict;
import org.junit.jupiter.api.Test;

final class TargetTest {

    private static Verdict atLeast(Double value, double noise, double bound) {
        return new Target("workload", "name", value, noise, bound, true, true, null, false).verdict();
    }

    private static Verdict atMost(Double value, double noise, double bound) {
        return new Target("workload", "name", value, noise, bound, false, true, null, false).verdict();
    }

    @Test
    void theBoundItselfIsReached() {
        assertEquals(Verdict.PASS, atLeast(1.0, 0, 1));
        assertEquals(Verdict.PASS, atMost(1.0, 0, 1));
    }

    @Test
    void aLossSmallerThanTheNoiseOfItsRunPasses() {
        assertEquals(Verdict.WITHIN_NOISE, atLeast(0.95, 0.06, 1));
        assertEquals(Verdict.FAIL, atLeast(0.95, 0.04, 1));
        assertEquals(Verdict.WITHIN_NOISE, atMost(1.25, 0.06, 1.2));
    }

    @Test
    void howeverNoisyTheRunALossOfMoreThanATenthFails() {
        assertEquals(Verdict.FAIL, atLeast(0.89, 5, 1));
        assertEquals(Verdict.FAIL, atLeast(35.0, 50, 40));
        assertEquals(Verdict.FAIL, atMost(1.33, 5, 1.2));
    }

    @Test
    void whatIsUnknownFailsUnlessThereIsNothingToCompareWith() {
        assertEquals(Verdict.FAIL, atLeast(null, 0, 1));
        assertEquals(
                Verdict.SKIPPED,
                new Target("workload", "name", null, 0, 1, true, true, "does not load", false).verdict());
    }
}
