// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;

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
    public interface Appender {
        /** Appends one record and returns when it is durable. */
        void append() throws IOException;
    }

    /** For one more thread, in whose hands it stays. */
    public abstract Appender appender() throws IOException;

    /** Makes room for so many records, before time counts. */
    void makeRoom(long records) throws IOException {
        // A log that begins again at its beginning has room.
    }

    /** What one more thread does in a slice. Every operation is timed by itself. */
    Team.Work work() throws IOException {
        Appender appender = appender();
        return (end, pace, latency) -> {
            long before;
            do {
                pace.await();
                before = System.nanoTime();
                appender.append();
                Slice.record(latency, System.nanoTime() - before, 1);
            } while (before < end);
        };
    }

    @Override
    public final Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        return run(nanos, threads, 0);
    }

    /** With another number of threads, and at no more than so many operations per second; 0 for as many as can be. */
    public final Slice run(long nanos, int count, double operationsPerSecond) throws IOException {
        return Team.run(count, nanos, operationsPerSecond, thread -> work());
    }
}
