package io.writethrough.bench.contender;

import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.HeapClock;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.HdrHistogram.Histogram;

/**
 * Threads that append records to one log that was allocated, and written with zeros. At its end it starts again at its
 * beginning: a log of which the database has no more need is used anew.
 */
public abstract class AppendContender implements Contender {
    /** The size of the log: small enough for every contender's cache. */
    public static final long LOG_BYTES = 64L << 20;
    /** The size of a record. */
    public static final int RECORD_BYTES = 128;

    private final int threads;

    AppendContender(int threads) {
        this.threads = threads;
    }

    /** One thread's way to append. */
    @FunctionalInterface
    protected interface Appender {
        /** Appends one record and returns when it is durable. */
        void append() throws IOException;
    }

    /** For one more thread, in whose hands it stays. */
    protected abstract Appender appender() throws IOException;

    /** What a thread does in a slice. Every operation is timed by itself. */
    protected void append(long end, Pace pace, Histogram latency) throws IOException {
        Appender appender = appender();
        long before;
        do {
            pace.await();
            before = System.nanoTime();
            appender.append();
            Slice.record(latency, System.nanoTime() - before, 1);
        } while (before < end);
    }

    @Override
    public final Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        return run(nanos, threads, 0);
    }

    /** With another number of threads, and at no more than so many operations per second; 0 for as many as can be. */
    public final Slice run(long nanos, int count, double operationsPerSecond) throws IOException {
        Team team = new Team(count);
        team.ready.awaitAll();
        CpuClock cpu = CpuClock.start();
        HeapClock heap = HeapClock.start();
        long begin = System.nanoTime();
        team.end = begin + nanos;
        team.rate = operationsPerSecond / count;
        team.go.countDown();
        team.done.awaitAll();
        long took = System.nanoTime() - begin;
        // The threads are still there, and so is what they used.
        long allocated = heap.bytes();
        long cpuNanos = cpu.nanos();
        team.leave.countDown();
        if (team.failure != null) {
            throw new IOException("an append failed: " + team.failure.getMessage(), team.failure);
        }
        Histogram latency = Slice.newHistogram();
        team.latencies.forEach(latency::add);
        return new Slice(latency.getTotalCount(), took, latency, cpuNanos, allocated, null);
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

    private final class Team {
        private final Gate ready;
        private final Gate go = new Gate(1);
        private final Gate done;
        private final Gate leave = new Gate(1);
        private final List<Histogram> latencies = new ArrayList<>();
        private volatile long end;
        private volatile double rate;
        private volatile Throwable failure;

        Team(int count) {
            this.ready = new Gate(count);
            this.done = new Gate(count);
            for (int i = 0; i < count; i++) {
                Histogram latency = Slice.newHistogram();
                latencies.add(latency);
                Thread thread = new Thread(() -> work(latency), "append-" + i);
                thread.setDaemon(true);
                thread.start();
            }
        }

        private void work(Histogram latency) {
            ready.countDown();
            go.awaitAll();
            try {
                append(end, new Pace(rate, System.nanoTime()), latency);
            } catch (IOException | RuntimeException | Error e) {
                failure = e;
            }
            done.countDown();
            leave.awaitAll();
        }
    }
}
