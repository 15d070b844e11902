// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.Lane;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.HeapClock;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import org.HdrHistogram.Histogram;

/** Durable overwrites by the futures or a lane of this library, started by one thread, so many in flight. */
public final class LibraryAsync implements Contender {

    /** Who starts the next write when one is done. */
    public enum Drive {
        /** A thread that waits for a permit; the engine completes futures as it does by default. */
        PERMITS,
        /** The callback itself, on the thread of the engine. */
        CALLBACK,
        /** The thread that polls its lane. */
        LANE
    }

    private static final int POLLED_AT_ONCE = 64;

    private final WriteThroughEngine engine;
    private final WriteThroughFile file;
    private final int bytes;
    private final int inFlight;
    private final Drive drive;
    private Lane lane; /* of the thread that runs */

    /** Opens a file that exists, for writes of so many bytes each, on an engine of its own, and reads it once. */
    public LibraryAsync(Path path, int bytes, int inFlight, Drive drive) throws IOException {
        WriteThroughEngine.Builder builder = WriteThroughEngine.builder();
        this.engine = (drive == Drive.CALLBACK ? builder.completionExecutor(Runnable::run) : builder).build();
        this.file = engine.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        this.bytes = bytes;
        this.inFlight = inFlight;
        this.drive = drive;
        Buffers.readOnce(file, file.size());
    }

    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        return run(pattern, nanos, inFlight, 0);
    }

    /** With another number in flight, and at no more than so many operations per second; 0 for as many as can be. */
    public Slice run(Pattern pattern, long nanos, int depth, double operationsPerSecond) throws IOException {
        Run run = new Run(pattern, depth);
        CpuClock cpu = CpuClock.start();
        HeapClock heap = HeapClock.start();
        long begin = System.nanoTime();
        run.end = begin + nanos;
        if (drive == Drive.LANE) {
            run.byLane(new Pace(operationsPerSecond, begin));
        } else if (drive == Drive.PERMITS || operationsPerSecond > 0) {
            run.byPermits(new Pace(operationsPerSecond, begin));
        } else {
            run.byCallbacks();
        }
        long took = System.nanoTime() - begin;
        long allocated = heap.bytes();
        if (run.failure != null) {
            throw new IOException("an asynchronous write failed", run.failure);
        }
        return new Slice(run.latency.getTotalCount(), took, run.latency, cpu.nanos(), allocated, null);
    }

    /** One slice. */
    private final class Run {
        private final Pattern pattern;
        private volatile long end;
        private final int depth;
        private final Semaphore permits;
        private final Histogram latency = Slice.newHistogram();
        private volatile Throwable failure;

        Run(Pattern pattern, int depth) {
            this.pattern = pattern;
            this.depth = depth;
            this.permits = new Semaphore(depth);
        }

        void byPermits(Pace pace) {
            ByteBuffer source = Buffers.source(bytes);
            long count = 0;
            while (!isOver()) {
                pace.await();
                permits.acquireUninterruptibly();
                long before = System.nanoTime();
                Buffers.stamp(source.clear(), count++);
                file.writeAsync(source, pattern.next()).whenComplete((written, thrown) -> {
                    record(before, thrown);
                    permits.release();
                });
            }
            permits.acquireUninterruptibly(depth);
        }

        /* The token is when the write was started. */
        void byLane(Pace pace) throws IOException {
            if (lane == null) {
                lane = engine.openLane();
            }
            ByteBuffer source = Buffers.source(bytes);
            Lane.Handler handler = (before, written, offset, thrown) -> record(before, thrown);
            long count = 0;
            while (!isOver()) {
                while (lane.underWay() < depth) {
                    pace.await();
                    Buffers.stamp(source.clear(), count++);
                    lane.write(file, source, pattern.next(), System.nanoTime());
                }
                lane.poll(handler, POLLED_AT_ONCE, -1);
            }
            while (lane.underWay() > 0) {
                lane.poll(handler, POLLED_AT_ONCE, -1);
            }
        }

        void byCallbacks() {
            permits.acquireUninterruptibly(depth);
            for (int i = 0; i < depth; i++) {
                new Chain(this).next();
            }
            permits.acquireUninterruptibly(depth);
        }

        boolean isOver() {
            return failure != null || System.nanoTime() >= end;
        }

        synchronized long nextOffset() {
            return pattern.next();
        }

        synchronized void record(long before, Throwable thrown) {
            if (thrown != null) {
                failure = thrown;
                return;
            }
            Slice.record(latency, System.nanoTime() - before, 1);
        }
    }

    /** One of the writes in flight: each follows the one before. */
    private final class Chain implements BiConsumer<Integer, Throwable> {
        private final Run run;
        private final ByteBuffer source = Buffers.source(bytes);
        private long before;
        private long count;

        Chain(Run run) {
            this.run = run;
        }

        void next() {
            before = System.nanoTime();
            Buffers.stamp(source.clear(), count++);
            file.writeAsync(source, run.nextOffset()).whenComplete(this);
        }

        @Override
        public void accept(Integer written, Throwable thrown) {
            run.record(before, thrown);
            if (run.isOver()) {
                run.permits.release();
            } else {
                next();
            }
        }
    }

    /** What an asynchronous write allocates besides its future, in bytes: nothing hangs on the futures, and nobody parks in them. */
    public double allocatedBesidesFuture(Pattern pattern, int operations) throws IOException {
        allocatedBy(pattern, operations);
        return allocatedBy(pattern, operations) - bytesOfFuture();
    }

    private double allocatedBy(Pattern pattern, int operations) throws IOException {
        ByteBuffer source = Buffers.source(bytes);
        CompletableFuture<?>[] window = new CompletableFuture<?>[inFlight];
        HeapClock heap = HeapClock.start();
        for (int i = 0; i < operations + inFlight; i++) {
            int slot = i % inFlight;
            while (window[slot] != null && !window[slot].isDone()) {
                LockSupport.parkNanos(20_000);
            }
            if (window[slot] != null && window[slot].isCompletedExceptionally()) {
                throw new IOException("an asynchronous write failed");
            }
            window[slot] = i < operations ? file.writeAsync(source.clear(), pattern.next()) : null;
        }
        return (double) heap.bytes() / operations;
    }

    private static double bytesOfFuture() {
        int count = 10_000;
        CompletableFuture<?>[] futures = new CompletableFuture<?>[count];
        HeapClock heap = HeapClock.start();
        for (int i = 0; i < count; i++) {
            futures[i] = new CompletableFuture<>();
        }
        return Math.floor((double) heap.bytes() / count / 8) * 8;
    }

    @Override
    public void close() throws IOException {
        try (engine;
                file;
                Lane closing = lane) {
            // Closes the lane, the file, then the engine.
        }
    }
}
