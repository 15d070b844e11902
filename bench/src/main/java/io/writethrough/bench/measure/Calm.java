// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Waits until this process is at rest, so that nothing of the contender before is in the next one's slice: its thread may
 * look for more to do for most of a second (jasyncfio's does), and the just-in-time compilers may be behind.
 */
public final class Calm {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(30);
    /** The clock of the process goes by ten milliseconds. */
    private static final long AT_REST_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(2);

    private Calm() {}

    /** Returns when hardly any processor time is used, or after two seconds. */
    public static void await() {
        await(System::nanoTime, Calm::processNanos, () -> LockSupport.parkNanos(LOOK_NANOS));
    }

    /** The same by other clocks, and another way of sleeping. */
    static void await(LongSupplier clock, LongSupplier cpu, Runnable sleep) {
        long end = clock.getAsLong() + LONGEST_NANOS;
        long used = cpu.getAsLong();
        long before;
        do {
            before = used;
            sleep.run();
            used = cpu.getAsLong();
        } while (used - before > AT_REST_NANOS && clock.getAsLong() < end);
    }

    private static long processNanos() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
