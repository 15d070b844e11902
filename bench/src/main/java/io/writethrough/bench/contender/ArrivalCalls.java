// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.util.function.LongConsumer;

/** Threads that wait for each of their records: a thread that is free takes the next arrival. */
public final class ArrivalCalls implements ArrivalWay {
    private final AppendContender log;
    private final int threads;

    /** Takes the log over, and closes it in the end. */
    public ArrivalCalls(AppendContender log, int threads) {
        this.log = log;
        this.threads = threads;
    }

    @Override
    public int threads() {
        return threads;
    }

    @Override
    public void makeRoom(long records) throws IOException {
        log.makeRoom(records);
    }

    @Override
    public Sender sender(LongConsumer done) throws IOException {
        AppendContender.Appender appender = log.appender();
        return new Sender() {
            @Override
            public void await(long nanos) {
                Waits.sleepUntil(nanos);
            }

            @Override
            public void submit(long plannedNanos) throws IOException {
                appender.append();
                done.accept(plannedNanos);
            }

            @Override
            public void drain() {
                // Each record was durable when its append returned.
            }
        };
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
