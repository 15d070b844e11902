// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.HeapClock;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * A way that has several operations in flight: when one is done, the next is started in its place, by its callback or by
 * the caller's thread, as the way allows. Every one is timed.
 */
public final class AsyncContender implements Contender {
    /** An operation that takes longer than this is lost. */
    private static final long LOST_SECONDS = 30;

    private final AsyncWay way;
    private final AsyncWay.Place[] places;

    /** Takes the way over, and closes it in the end. */
    public AsyncContender(AsyncWay way, int inFlight) {
        this.way = way;
        this.places = new AsyncWay.Place[inFlight];
        for (int i = 0; i < inFlight; i++) {
            places[i] = way.place();
        }
    }

    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        return runAt(places.length, pattern, nanos);
    }

    /** With fewer in flight. */
    public Slice runAt(int inFlight, Pattern pattern, long nanos) throws IOException {
        CpuClock cpu = CpuClock.start();
        HeapClock heap = HeapClock.start();
        long begin = System.nanoTime();
        Run run = new Run(pattern, begin + nanos, inFlight, way.startsWhereDone());
        for (int i = 0; i < inFlight; i++) {
            run.new Chain(places[i]).next();
        }
        run.await(inFlight);
        long took = System.nanoTime() - begin;
        long allocated = heap.bytes();
        if (run.failure != null) {
            throw new IOException("an asynchronous operation failed", run.failure);
        }
        return new Slice(run.latency.getTotalCount(), took, run.latency, cpu.nanos(), allocated, null);
    }

    /** One slice. */
    private static final class Run {
        private final Pattern pattern;
        private final long end;
        private final boolean startsWhereDone;
        private final BlockingQueue<Chain> waiting;
        private final Histogram latency = Slice.newHistogram();
        private volatile Throwable failure;

        Run(Pattern pattern, long end, int inFlight, boolean startsWhereDone) {
            this.pattern = pattern;
            this.end = end;
            this.startsWhereDone = startsWhereDone;
            this.waiting = new ArrayBlockingQueue<>(inFlight);
        }

        boolean isOver() {
            return failure != null || System.nanoTime() >= end;
        }

        /** Starts what is to be started here, until every place is at rest. */
        void await(int inFlight) throws IOException {
            for (int atRest = 0; atRest < inFlight; ) {
                Chain chain = take();
                if (isOver()) {
                    atRest++;
                } else {
                    chain.next();
                }
            }
        }

        private Chain take() throws IOException {
            try {
                long left = Math.max(0, end - System.nanoTime()) + TimeUnit.SECONDS.toNanos(LOST_SECONDS);
                Chain chain = waiting.poll(left, TimeUnit.NANOSECONDS);
                if (chain == null) {
                    throw new IOException("an operation did not end within " + LOST_SECONDS + " s");
                }
                return chain;
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
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

        /** One of the places: each operation in it follows the one before. */
        private final class Chain implements AsyncWay.Done {
            private final AsyncWay.Place place;
            private long before;

            Chain(AsyncWay.Place place) {
                this.place = place;
            }

            void next() {
                before = System.nanoTime();
                place.start(nextOffset(), this);
            }

            @Override
            public void done(Throwable thrown) {
                record(before, thrown);
                if (startsWhereDone && !isOver()) {
                    next();
                } else {
                    waiting.add(this);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        way.close();
    }
}
