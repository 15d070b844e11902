// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.util.concurrent.locks.LockSupport;

/** When the next operation is due: at once, or so many nanoseconds after the one before. Of one thread. */
final class Pace {
    /** A shorter gap than this no sleep can keep: it would become bursts. */
    private static final long SHORTEST_SLEEP_NANOS = 200_000;

    private final double gapNanos;
    private double due;

    /** Zero operations per second: as fast as they go. */
    Pace(double operationsPerSecond, long begin) {
        this.gapNanos = operationsPerSecond > 0 ? 1e9 / operationsPerSecond : 0;
        begin(begin);
    }

    /** Counts from now on. */
    void begin(long now) {
        due = now;
    }

    /** Returns when the next one is due. Who is late does not wait until the schedule is met again. */
    void await() {
        if (gapNanos == 0) {
            return;
        }
        due += gapNanos;
        for (long left = (long) due - System.nanoTime(); left > 0; left = (long) due - System.nanoTime()) {
            if (gapNanos < SHORTEST_SLEEP_NANOS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(left);
            }
        }
    }
}
