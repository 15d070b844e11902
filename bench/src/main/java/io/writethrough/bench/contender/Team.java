package io.writethrough.bench.contender;

import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.HeapClock;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
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

    /** A latch that ignores interrupts, of which this program has none. */
    private static final class Gate extends CountDownLatch {
        Gate(int count) {
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

    private final Preparation preparation;
    private final int count;
    private final Gate ready;
    private final Gate go = new Gate(1);
    private final Gate done;
    private final Gate leave = new Gate(1);
    private final List<Histogram> latencies = new ArrayList<>();
    private volatile long end;
    private volatile double rate;
    private volatile Throwable failure;

    private Team(int count, Preparation preparation) {
        this.preparation = preparation;
        this.count = count;
        this.ready = new Gate(count);
        this.done = new Gate(count);
        for (int i = 0; i < count; i++) {
            int number = i;
            Histogram latency = Slice.newHistogram();
            latencies.add(latency);
            Thread thread = new Thread(() -> work(number, latency), "bench-" + i);
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** So many threads for so long, together at no more than so many operations per second; 0 for as many as can be. */
    static Slice run(int count, long nanos, double operationsPerSecond, Preparation preparation) throws IOException {
        return new Team(count, preparation).run(nanos, operationsPerSecond);
    }

    private Slice run(long nanos, double operationsPerSecond) throws IOException {
        ready.awaitAll();
        CpuClock cpu = CpuClock.start();
        HeapClock heap = HeapClock.start();
        long begin = System.nanoTime();
        end = begin + nanos;
        rate = operationsPerSecond / count;
        go.countDown();
        done.awaitAll();
        long took = System.nanoTime() - begin;
        // The threads are still there, and so is what they used.
        long allocated = heap.bytes();
        long cpuNanos = cpu.nanos();
        leave.countDown();
        if (failure != null) {
            throw new IOException("an operation failed: " + failure.getMessage(), failure);
        }
        Histogram latency = Slice.newHistogram();
        latencies.forEach(latency::add);
        return new Slice(latency.getTotalCount(), took, latency, cpuNanos, allocated, null);
    }

    private void work(int number, Histogram latency) {
        try {
            Work work = prepared(number);
            go.awaitAll();
            work.run(end, new Pace(rate, System.nanoTime()), latency);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        done.countDown();
        leave.awaitAll();
    }

    private Work prepared(int number) throws IOException {
        try {
            return preparation.prepare(number);
        } finally {
            ready.countDown();
        }
    }
}
