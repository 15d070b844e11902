// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/** What a portable engine counts: as much of struct wt_engine_stats and of its histograms as there is here. */
final class Counters {
    private static final int BUCKETS = 160;
    private static final int READ_MISSES = 1;
    private static final int WRITES = 2;
    private static final int GATHERS = 6;
    private static final int HISTOGRAMS = 7;

    private final LongAdder reads = new LongAdder();
    private final LongAdder readBytes = new LongAdder();
    private final LongAdder writes = new LongAdder();
    private final LongAdder writtenBytes = new LongAdder();
    private final LongAdder writeErrors = new LongAdder();
    private final LongAdder forces = new LongAdder();
    private final LongAdder gathers = new LongAdder();
    private final LongAdder gathered = new LongAdder();

    /* For each histogram its sum, then the counts. */
    private final AtomicLongArray histograms = new AtomicLongArray(HISTOGRAMS * (1 + BUCKETS));

    void read(final long result, final long nanos) {
        if (result >= 0) {
            reads.increment();
            readBytes.add(result);
            record(READ_MISSES, nanos);
        }
    }

    void wrote(final long length, final boolean failed, final long nanos) {
        if (failed) {
            writeErrors.increment();
        } else {
            writes.increment();
            writtenBytes.add(length);
            record(WRITES, nanos);
        }
    }

    /** A force for so many who waited. */
    void forced(final int tickets) {
        forces.increment();
        if (tickets > 1) {
            gathers.increment();
            gathered.add(tickets);
            record(GATHERS, tickets);
        }
    }

    private void record(final int which, final long value) {
        final int first = which * (1 + BUCKETS);
        histograms.addAndGet(first, value);
        histograms.incrementAndGet(first + 1 + bucketOf(value));
    }

    /* As wt_engine_histogram has them. */
    static int bucketOf(final long value) {
        if (value < 4) {
            return (int) Math.max(value, 0);
        }
        final int exponent = 63 - Long.numberOfLeadingZeros(value);
        return (int) Math.min(BUCKETS - 1, 4L * (exponent - 1) + (value >> exponent - 2 & 3));
    }

    int histogram(final int which, final long[] into) {
        for (int i = 0; i <= BUCKETS; i++) {
            into[i] = histograms.get(which * (1 + BUCKETS) + i);
        }
        return 0;
    }

    /** In the order of struct wt_engine_stats. The cache is the system's: it has no size here. */
    void stats(final long[] into, final long inFlightBytes, final long files, final long inodes, final long mapped) {
        into[2] = inFlightBytes;
        into[3] = files;
        into[4] = inodes;
        into[6] = reads.sum();
        into[7] = writes.sum();
        into[8] = writeErrors.sum();
        into[9] = reads.sum();
        into[10] = writes.sum();
        into[11] = readBytes.sum();
        into[12] = writtenBytes.sum();
        into[13] = gathers.sum();
        into[14] = gathered.sum();
        into[18] = forces.sum();
        into[20] = mapped;
    }
}
