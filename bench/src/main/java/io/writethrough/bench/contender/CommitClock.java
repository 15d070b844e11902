// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.sun.management.ThreadMXBean;
import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import org.HdrHistogram.Histogram;

/**
 * Commits of one thread: so many writes, then a force. Counts each commit as one operation, and of its time one part.
 * Processor time is that of the whole commits.
 */
final class CommitClock {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final int writes;
    private final CommitPart part;
    private final Histogram latency = Slice.newHistogram();
    private long took;
    private long cpuNanos;
    private long allocated;

    CommitClock(int writes, CommitPart part) {
        this.writes = writes;
        this.part = part;
    }

    /** Commits on this channel for about the given time, at least once. */
    void run(FileChannel channel, Way.Operation write, Pattern pattern, long nanos) throws IOException {
        CpuClock cpu = CpuClock.start();
        long allocatedBefore = THREADS.getCurrentThreadAllocatedBytes();
        long begin = System.nanoTime();
        long before;
        do {
            before = System.nanoTime();
            for (int i = 0; i < writes; i++) {
                write.at(pattern.next());
            }
            long written = System.nanoTime();
            channel.force(false);
            long counted = part.nanos(before, written, System.nanoTime());
            took += counted;
            Slice.record(latency, counted, 1);
        } while (before - begin < nanos);
        allocated += THREADS.getCurrentThreadAllocatedBytes() - allocatedBefore;
        cpuNanos += cpu.nanos();
    }

    /** All commits so far. */
    Slice slice() {
        return new Slice(latency.getTotalCount(), took, latency, cpuNanos, allocated, null);
    }
}
