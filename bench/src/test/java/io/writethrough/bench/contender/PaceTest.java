// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class PaceTest {

    @Test
    void operationsAreNoMoreThanTheRate() {
        long begin = System.nanoTime();
        Pace pace = new Pace(1000, begin);
        for (int i = 0; i < 20; i++) {
            pace.await();
        }
        assertTrue(System.nanoTime() - begin >= 20_000_000);
    }

    @Test
    void whoIsLateDoesNotWait() {
        Pace pace = new Pace(1e-3, System.nanoTime() - 3_000_000_000_000L);
        pace.await();
        pace.await();
        pace.await();
    }
}
