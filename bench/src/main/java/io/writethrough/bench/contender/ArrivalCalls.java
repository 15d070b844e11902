// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;

/**
 * Threads that wait for each of their records: a thread that is free takes the next arrival. No more than two wait for
 * arrivals, since many would take the processors from the log. The others are in reserve: one comes when none waits.
 */
public final class ArrivalCalls implements ArrivalWay {
    private static final int MOST_WAITING = 2;

    private final AppendContender log;
    private final int threads;
    private final AtomicInteger waiting = new AtomicInteger();
    private final Semaphore reserve = new Semaphore(0);

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
        reserve.drainPermits();
    }

    @Override
    public Sender sender(LongConsumer done) throws IOException {
        AppendContender.Appender appender = log.appender();
        return new Sender() {
            @Override
            public void await(long nanos) {
                waiting.incrementAndGet();
                Waits.sleepUntil(nanos);
                if (waiting.decrementAndGet() == 0 && reserve.hasQueuedThreads()) {
                    reserve.release();
                }
            }

            @Override
            public void submit(long plannedNanos) throws IOException {
                appender.append();
                done.accept(plannedNanos);
                if (waiting.get() >= MOST_WAITING) {
                    reserve.acquireUninterruptibly();
                }
            }

            @Override
            public void drain() {
                reserve.release(threads);
            }
        };
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
