// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;

/** A log by this library: each thread writes at the next position, and the library makes one write of many. */
public final class AppendLibrary extends AppendContender {
    private final WriteThroughEngine engine;
    private final WriteThroughFile file;
    private final AtomicLong position = new AtomicLong();
    private final int inFlight;

    private AppendLibrary(Path path, int threads, int inFlight) throws IOException {
        super(threads);
        this.engine = WriteThroughEngine.builder().build();
        this.file = engine.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        this.inFlight = inFlight;
        file.allocate(0, LOG_BYTES);
    }

    /** Threads that wait for each of their records. */
    public static AppendLibrary waiting(Path path, int threads) throws IOException {
        return new AppendLibrary(path, threads, 0);
    }

    /** Threads that have futures, so many of each in flight. */
    public static AppendLibrary futures(Path path, int threads, int inFlight) throws IOException {
        return new AppendLibrary(path, threads, inFlight);
    }

    private long next() {
        return position.getAndAdd(RECORD_BYTES) % LOG_BYTES;
    }

    @Override
    public Appender appender() {
        ByteBuffer record = Buffers.source(RECORD_BYTES);
        return () -> file.write(record.clear(), next());
    }

    @Override
    Team.Work work() throws IOException {
        return inFlight == 0 ? super.work() : this::appendByFutures;
    }

    private void appendByFutures(long end, Pace pace, Histogram latency) throws IOException {
        Window window = new Window(latency);
        ByteBuffer record = Buffers.source(RECORD_BYTES);
        while (window.failure == null && System.nanoTime() < end) {
            pace.await();
            window.permits.acquireUninterruptibly();
            long before = System.nanoTime();
            file.writeAsync(record.clear(), next()).whenComplete((written, thrown) -> window.done(before, thrown));
        }
        window.permits.acquireUninterruptibly(inFlight);
        if (window.failure != null) {
            throw new IOException(window.failure);
        }
    }

    /** What one thread has in flight. */
    private final class Window {
        private final Semaphore permits = new Semaphore(inFlight);
        private final Histogram latency;
        private volatile Throwable failure;

        Window(Histogram latency) {
            this.latency = latency;
        }

        private void done(long before, Throwable thrown) {
            if (thrown != null) {
                failure = thrown;
            } else {
                synchronized (latency) {
                    Slice.record(latency, System.nanoTime() - before, 1);
                }
            }
            permits.release();
        }
    }

    @Override
    public void close() throws IOException {
        try (engine;
                file) {
            // Closes the file, then the engine.
        }
    }
}
