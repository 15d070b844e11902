// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.HeapClock;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/** Threads that begin together and end at about the same time: one slice. */
final class Team {

    /** Makes what one of the threads needs, on that thread, before time is counted. */
    @FunctionalInterface
    interface Preparation {
        /**
         * @param thread which one it is, from 0
         */
        Work prepare(int thread) throws IOException;
    }

    /** What one of the threads does until the end. */
    @FunctionalInterface
    interface Work {
        /**
         * @param end by {@link System#nanoTime()}: no operation begins after it
         * @param pace to be kept
         * @param latency of this thread's operations
         */
        void run(long end, Pace pace, Histogram latency) throws IOException;
    }

    /** A latch that ignores interrupts, of which this program has none. To wait for it allocates. */
    private static final class Latch extends CountDownLatch {
        Latch(int count) {
            super(count);
        }

        void awaitAll() {
            try {
                await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** What the threads wait for while the heap is counted: nothing is allocated. */
    private final class Gate {
        private volatile boolean open;

        void await() {
            while (!open) {
                LockSupport.park(this);
            }
        }

        void open() {
            open = true;
            threads.forEach(LockSupport::unpark);
        }
    }

    private final Preparation preparation;
    private final double rate;
    private final Latch ready;
    private final Gate go = new Gate();
    private final Latch done;
    private final Gate leave = new Gate();
    private final List<Thread> threads = new ArrayList<>();
    private final List<Histogram> latencies = new ArrayList<>();
    private volatile long end;
    private volatile Throwable failure;

    private Team(int count, double operationsPerSecond, Preparation preparation) {
        this.preparation = preparation;
        this.rate = operationsPerSecond / count;
        this.ready = new Latch(count);
        this.done = new Latch(count);
        for (int i = 0; i < count; i++) {
            int number = i;
            Histogram latency = Slice.newHistogram();
            latencies.add(latency);
            Thread thread = new Thread(() -> work(number, latency), "bench-" + i);
            thread.setDaemon(true);
            threads.add(thread);
        }
        threads.forEach(Thread::start);
    }

    /** So many threads for so long, together at no more than so many operations per second; 0 for as many as can be. */
    static Slice run(int count, long nanos, double operationsPerSecond, Preparation preparation) throws IOException {
        return new Team(count, operationsPerSecond, preparation).run(nanos);
    }

    private Slice run(long nanos) throws IOException {
        ready.awaitAll();
        CpuClock cpu = CpuClock.start();
        HeapClock heap = HeapClock.start();
        long begin = System.nanoTime();
        end = begin + nanos;
        go.open();
        done.awaitAll();
        long took = System.nanoTime() - begin;
        // The threads are still there, and so is what they used.
        long allocated = heap.bytes();
        long cpuNanos = cpu.nanos();
        leave.open();
        if (failure != null) {
            throw new IOException("an operation failed: " + failure.getMessage(), failure);
        }
        Histogram latency = Slice.newHistogram();
        latencies.forEach(latency::add);
        return new Slice(latency.getTotalCount(), took, latency, cpuNanos, allocated, null);
    }

    private void work(int number, Histogram latency) {
        try {
            Pace pace = new Pace(rate, 0);
            Work work = prepared(number);
            go.await();
            pace.begin(System.nanoTime());
            work.run(end, pace, latency);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        done.countDown();
        leave.await();
    }

    private Work prepared(int number) throws IOException {
        try {
            return preparation.prepare(number);
        } finally {
            ready.countDown();
        }
    }
}
