// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.AsyncWay;
import io.writethrough.bench.contender.DurableAsyncWay;
import io.writethrough.bench.measure.Pattern;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Durable overwrites at random, so many in flight from one thread: an invocation starts one, and waits where there are as many. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class AsyncWrites {
    private static final long LOST_SECONDS = 30;

    /** What the one thread has. */
    @State(Scope.Benchmark)
    public static class Flight {
        @Param
        public DurableAsyncWay way;

        @Param("4096")
        public int bytes;

        @Param({"1", "8", "32", "128"})
        public int queueDepth;

        private AsyncWay open;
        private Pattern pattern;
        private BlockingQueue<Seat> free;
        private volatile Throwable failure;

        /** Opens the file. */
        @Setup(Level.Trial)
        public void open(BenchFiles files) throws IOException {
            open = way.open(files.data(), bytes, queueDepth);
            pattern = Pattern.random(bytes, files.bytes(), 7);
            free = new ArrayBlockingQueue<>(queueDepth);
            for (int i = 0; i < queueDepth; i++) {
                free.add(new Seat(this, open.place()));
            }
        }

        private Seat take() throws IOException, InterruptedException {
            Seat seat = free.poll(LOST_SECONDS, TimeUnit.SECONDS);
            if (seat == null || failure != null) {
                throw new IOException("a write failed or was lost", failure);
            }
            return seat;
        }

        /** Waits for what is in flight: an iteration pays for all that it started. */
        @TearDown(Level.Iteration)
        public void land() throws IOException, InterruptedException {
            List<Seat> all = new ArrayList<>();
            for (int i = 0; i < queueDepth; i++) {
                all.add(take());
            }
            free.addAll(all);
        }

        /** Closes the file. */
        @TearDown(Level.Trial)
        public void close() throws IOException {
            open.close();
        }
    }

    /** A place that comes back when its write is done. */
    private record Seat(Flight flight, AsyncWay.Place place) implements AsyncWay.Done {
        void start() {
            place.start(flight.pattern.next(), this);
        }

        @Override
        public void done(Throwable thrown) {
            if (thrown != null) {
                flight.failure = thrown;
            }
            flight.free.add(this);
        }
    }

    /** One write started. */
    @Benchmark
    public void write(Flight flight) throws IOException, InterruptedException {
        flight.take().start();
    }
}
