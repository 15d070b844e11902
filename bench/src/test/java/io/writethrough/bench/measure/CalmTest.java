// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class CalmTest {
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(30);

    private long now;
    private long cpu;

    /** Something uses a processor until then. */
    private void awaitBeside(long spinsUntil) {
        Calm.await(() -> now, () -> cpu, () -> {
            cpu += Math.max(0, Math.min(LOOK, spinsUntil - now));
            now += LOOK;
        });
    }

    @Test
    void whatStillRunsIsWaitedFor() {
        awaitBeside(20 * LOOK);
        assertEquals(21 * LOOK, now);
    }

    @Test
    void aProcessAtRestIsLookedAtOnce() {
        awaitBeside(0);
        assertEquals(LOOK, now);
    }

    @Test
    void whatNeverEndsIsNotWaitedForLonger() {
        awaitBeside(Long.MAX_VALUE);
        assertTrue(now < TimeUnit.SECONDS.toNanos(3), "after " + now);
    }
}
