// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import java.util.function.LongConsumer;

/** One thread that has futures of its records. */
public final class ArrivalFutures extends ArrivalLog {
    /** Opens a log that grows ahead. No more than so many records are in flight: those that arrive meanwhile wait. */
    public ArrivalFutures(Path path, int inFlight) throws IOException {
        super(path, inFlight);
    }

    @Override
    public Sender sender(LongConsumer done) {
        ByteBuffer record = Buffers.source(AppendContender.RECORD_BYTES);
        Semaphore permits = new Semaphore(inFlight);
        return new Sender() {
            private volatile Throwable failure;

            @Override
            public void await(long nanos) {
                Waits.yieldUntil(nanos);
            }

            @Override
            public void submit(long plannedNanos) throws IOException {
                permits.acquireUninterruptibly();
                log.file().appendAsync(record.clear()).whenComplete((position, thrown) -> {
                    if (thrown == null) {
                        done.accept(plannedNanos);
                    } else {
                        failure = thrown;
                    }
                    permits.release();
                });
                throwFailure();
            }

            @Override
            public void drain() throws IOException {
                permits.acquireUninterruptibly(inFlight);
                throwFailure();
            }

            private void throwFailure() throws IOException {
                if (failure != null) {
                    throw new IOException(failure);
                }
            }
        };
    }
}
