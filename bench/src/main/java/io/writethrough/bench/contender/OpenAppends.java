// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.Slice;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongConsumer;
import org.HdrHistogram.Histogram;

/**
 * Appends records that arrive by a plan, whether the records before are durable or not. The time of a record counts from
 * its planned arrival: a sender that is late, for whatever reason, makes the time longer.
 */
public final class OpenAppends implements Closeable {
    private final ArrivalWay way;

    /** Takes the way over, and closes it in the end. */
    public OpenAppends(ArrivalWay way) {
        this.way = way;
    }

    /**
     * What came of one plan.
     *
     * @param slice with the times from the planned arrival until a record is durable
     * @param late the times from the planned arrival until a record is sent, which are a part of those
     */
    public record Measured(Slice slice, Histogram late) {}

    /** As many records as the way can do: each is sent when the way takes it. */
    public Slice most(long nanos) throws IOException {
        way.makeRoom(AppendContender.LOG_BYTES / AppendContender.RECORD_BYTES);
        return Team.run(way.threads(), nanos, 0, thread -> {
            Done done = new Done();
            ArrivalWay.Sender sender = way.sender(done);
            return (end, pace, latency) -> {
                done.latency = latency;
                for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
                    sender.await(now);
                    sender.submit(now);
                }
                sender.drain();
            };
        });
    }

    /** The records of a plan. */
    public Measured run(Arrivals arrivals, long nanos) throws IOException {
        way.makeRoom(arrivals.count());
        List<Histogram> lates = new CopyOnWriteArrayList<>();
        Slice slice = Team.run(way.threads(), nanos, 0, thread -> {
            Done done = new Done();
            ArrivalWay.Sender sender = way.sender(done);
            Histogram late = Slice.newHistogram();
            lates.add(late);
            return (end, pace, latency) -> {
                done.latency = latency;
                long begin = end - nanos;
                for (long offset = arrivals.next(); offset != Arrivals.NONE; offset = arrivals.next()) {
                    sender.await(begin + offset);
                    Slice.record(late, System.nanoTime() - begin - offset, 1);
                    sender.submit(begin + offset);
                }
                sender.drain();
            };
        });
        Histogram late = Slice.newHistogram();
        lates.forEach(late::add);
        return new Measured(slice, late);
    }

    /** Records the times of the records that one thread sent. */
    private static final class Done implements LongConsumer {
        private volatile Histogram latency;

        @Override
        public void accept(long plannedNanos) {
            long took = System.nanoTime() - plannedNanos;
            synchronized (this) {
                Slice.record(latency, took, 1);
            }
        }
    }

    @Override
    public void close() throws IOException {
        way.close();
    }
}
