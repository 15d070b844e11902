// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.contender.OpenAppends.Measured;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OpenAppendsTest {
    private static final long MILLISECOND = 1_000_000;
    private static final long NANOS = 200 * MILLISECOND;

    @TempDir
    private Path directory;

    private static Arrivals arrivals() {
        return Arrivals.poisson(5000, NANOS, 3);
    }

    /** A way of one thread that is done at once, but for the record at which the thread stops for so long. */
    private record Stalling(int stalled, long stallNanos) implements ArrivalWay {
        @Override
        public int threads() {
            return 1;
        }

        @Override
        public void makeRoom(long records) {
            // There is no log.
        }

        @Override
        public Sender sender(LongConsumer done) {
            return new Sender() {
                private int count;

                @Override
                public void await(long nanos) {
                    Waits.yieldUntil(nanos);
                }

                @Override
                public void submit(long plannedNanos) {
                    if (count++ == stalled) {
                        long end = System.nanoTime() + stallNanos;
                        while (System.nanoTime() < end) {
                            LockSupport.parkNanos(end - System.nanoTime());
                        }
                    }
                    done.accept(plannedNanos);
                }

                @Override
                public void drain() {
                    // All are done.
                }
            };
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }

    /** Else the records that a way keeps waiting would not count, only the one that it is busy with. */
    @Test
    void aStallMakesTheRecordsLateThatArriveMeanwhile() throws IOException {
        long stall = 100 * MILLISECOND;
        Arrivals arrivals = arrivals();
        try (OpenAppends appends = new OpenAppends(new Stalling(100, stall))) {
            Measured measured = appends.run(arrivals, NANOS);
            assertEquals(arrivals.count(), measured.slice().operations());
            // Half of the stall is left for half of those that arrive in it, of 500 on average.
            long longer = measured.slice().latency().getCountBetweenValues(stall / 2, Long.MAX_VALUE);
            assertTrue(longer > 200, longer + " records waited for half of the stall");
            assertTrue(measured.late().getCountBetweenValues(stall / 2, Long.MAX_VALUE) >= longer - 1);
            assertTrue(measured.slice().latency().getMaxValue() >= stall);
        }
    }

    /** A way that loses records would win every comparison. */
    private void assertAppendsAll(ArrivalWay way, Path log, int recordsBefore) throws IOException {
        Arrivals arrivals = arrivals();
        long most;
        try (OpenAppends appends = new OpenAppends(way)) {
            most = appends.most(MILLISECOND).operations();
            Measured measured = appends.run(arrivals, NANOS);
            assertEquals(arrivals.count(), measured.slice().operations());
            assertEquals(arrivals.count(), measured.late().getTotalCount());
        }
        assertEquals((recordsBefore + most + arrivals.count()) * AppendContender.RECORD_BYTES, Files.size(log));
    }

    @Test
    void everyArrivalIsAppendedByLane() throws IOException {
        Path log = directory.resolve("log");
        assertAppendsAll(new ArrivalLane(log, 16), log, 1);
    }

    @Test
    void everyArrivalIsAppendedByFuture() throws IOException {
        Path log = directory.resolve("log");
        assertAppendsAll(new ArrivalFutures(log, 16), log, 1);
    }

    @Test
    void everyArrivalIsAppendedByCall() throws IOException {
        Path log = directory.resolve("log");
        assertAppendsAll(new ArrivalCalls(new AppendCalls(log, 4), 4), log, 1);
    }

    @Test
    void everyArrivalIsAppendedByGroupCommit() throws IOException {
        Path log = Files.createFile(directory.resolve("log"));
        assertAppendsAll(new ArrivalCalls(new AppendGroupCommit(log, 4), 4), log, 0);
    }
}
