// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.sun.management.ThreadMXBean;
import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import org.HdrHistogram.Histogram;

/** A contender that is a Java call on this thread. The loop around the call is the same for all, and allocates nothing. */
public abstract class JavaContender implements Contender {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** Does one operation at an offset, wholly. */
    protected abstract void operate(long offset) throws IOException;

    @Override
    public final Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        Histogram latency = Slice.newHistogram();
        CpuClock cpu = CpuClock.start();
        long allocatedBefore = THREADS.getCurrentThreadAllocatedBytes();
        long begin = System.nanoTime();
        long operations = 0;
        long before;
        do {
            long offset = pattern.next();
            before = System.nanoTime();
            operate(offset);
            Slice.record(latency, System.nanoTime() - before, 1);
            for (int i = 1; i < sampleEvery; i++) {
                operate(pattern.next());
            }
            operations += sampleEvery;
        } while (before - begin < nanos);
        long took = System.nanoTime() - begin;
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - allocatedBefore;
        return new Slice(operations, took, latency, cpu.nanos(), allocated, null);
    }
}
