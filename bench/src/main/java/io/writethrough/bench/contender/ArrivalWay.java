// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.Closeable;
import java.io.IOException;
import java.util.function.LongConsumer;

/** A way to append records to a log when they arrive: see {@link OpenAppends}. */
public interface ArrivalWay extends Closeable {

    /** Makes a way. */
    @FunctionalInterface
    interface Opener {
        ArrivalWay open() throws IOException;
    }

    /** How many threads take the arrivals, each the next one as soon as it is free. */
    int threads();

    /** Makes room for so many records in the log. Not timed. */
    void makeRoom(long records) throws IOException;

    /**
     * Of one of the threads.
     *
     * @param done is called with the planned time of each record that is durable, by any thread
     */
    Sender sender(LongConsumer done) throws IOException;

    /** Sends records: one thread does. */
    interface Sender {
        /** Returns at this time of {@link System#nanoTime}, or at once if it has passed. May take completions. */
        void await(long nanos) throws IOException;

        /** Sends a record that was planned for this time. Returns when this thread can send another. */
        void submit(long plannedNanos) throws IOException;

        /** Returns when all records are durable. */
        void drain() throws IOException;
    }
}
