// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.Lane;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.function.LongConsumer;

/** One thread that has a ring of its own. */
public final class ArrivalLane extends ArrivalLog {
    private static final int MOST_TOLD = 64;

    /** Opens a log that grows ahead. No more than so many records are in flight: those that arrive meanwhile wait. */
    public ArrivalLane(Path path, int inFlight) throws IOException {
        super(path, inFlight);
    }

    @Override
    public Sender sender(LongConsumer done) throws IOException {
        Lane lane = log.engine().openLane();
        ByteBuffer record = Buffers.source(AppendContender.RECORD_BYTES);
        return new Sender() {
            private IOException failure;

            private final Lane.Handler told = (plannedNanos, result, offset, thrown) -> {
                if (thrown == null) {
                    done.accept(plannedNanos);
                } else {
                    failure = thrown;
                }
            };

            /** Leaves the processor to threads that want it: the kernel's workers flush a disk without FUA. */
            @Override
            public void await(long nanos) throws IOException {
                do {
                    if (lane.poll(told, MOST_TOLD, 0) == 0) {
                        Thread.yield();
                    }
                } while (lane.underWay() >= inFlight || System.nanoTime() < nanos);
                throwFailure();
            }

            @Override
            public void submit(long plannedNanos) throws IOException {
                lane.append(log.file(), record.clear(), plannedNanos);
            }

            @Override
            public void drain() throws IOException {
                try (lane) {
                    while (lane.underWay() > 0) {
                        lane.poll(told, MOST_TOLD, -1);
                    }
                }
                throwFailure();
            }

            private void throwFailure() throws IOException {
                if (failure != null) {
                    throw failure;
                }
            }
        };
    }
}
