// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import org.HdrHistogram.Histogram;

/**
 * What one contender did in one short stretch of time.
 *
 * @param operations completed
 * @param nanos that they took together
 * @param latency of single operations, in nanoseconds; of all of them or of an even sample
 * @param cpuNanos processor time of all threads that took part
 * @param allocatedBytes on the Java heap by the measuring thread, or -1 where that has no meaning
 * @param device what the disk did meanwhile
 */
public record Slice(
        long operations,
        long nanos,
        Histogram latency,
        long cpuNanos,
        long allocatedBytes,
        DeviceStat.Counters device) {

    /** The longest latency that a histogram of this project tells apart. */
    private static final long LONGEST_NANOS = 600_000_000_000L;

    /** An empty histogram for latencies in nanoseconds, to three significant digits. */
    public static Histogram newHistogram() {
        return new Histogram(1, LONGEST_NANOS, 3);
    }

    /** Records a latency, however long. */
    public static void record(Histogram histogram, long nanos, long count) {
        histogram.recordValueWithCount(Math.max(1, Math.min(nanos, LONGEST_NANOS)), count);
    }

    /** Operations per second. */
    public double rate() {
        return operations * 1e9 / nanos;
    }

    /** The same slice with what the disk did in it. */
    public Slice withDevice(DeviceStat.Counters delta) {
        return new Slice(operations, nanos, latency, cpuNanos, allocatedBytes, delta);
    }
}
