// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.util.concurrent.locks.LockSupport;

/** How a sender waits for the next arrival. A wait that ends late is a part of the record's time. */
final class Waits {
    /** A thread that sleeps wakes up about so much late. */
    private static final long WAKE_UP_NANOS = 150_000;

    private Waits() {}

    /** Keeps a processor, except from threads that want it. For one thread. */
    static void yieldUntil(long nanos) {
        while (System.nanoTime() < nanos) {
            Thread.yield();
        }
    }

    /** Sleeps, but for the last part. For many threads. */
    static void sleepUntil(long nanos) {
        for (long left = nanos - System.nanoTime(); left > WAKE_UP_NANOS; left = nanos - System.nanoTime()) {
            LockSupport.parkNanos(left - WAKE_UP_NANOS);
        }
        yieldUntil(nanos);
    }
}
