// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.DurableWay;
import io.writethrough.bench.contender.Way;
import io.writethrough.bench.workload.Workload.Order;
import java.io.IOException;
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
import org.openjdk.jmh.annotations.Warmup;

/** Durable overwrites at random; with {@code -t} by several threads. Direct I/O fails where the size is less than a block. */
@BenchmarkMode({Mode.Throughput, Mode.SampleTime})
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class DurableWrites {

    /** What the threads share. */
    @State(Scope.Benchmark)
    public static class Shared extends OpenWay {
        @Param
        public DurableWay way;

        @Param({"128", "4096", "65536", "1048576"})
        public int bytes;

        @Override
        Way open(BenchFiles files) throws IOException {
            return way.open(files.data(), bytes);
        }
    }

    /** What one thread has. */
    @State(Scope.Thread)
    public static class Own {
        private BenchFiles.Loop loop;

        /** Makes its buffer. */
        @Setup(Level.Trial)
        public void make(Shared shared) throws IOException {
            loop = shared.loop(shared.bytes, Order.RANDOM);
        }
    }

    /** One write, durable on return. */
    @Benchmark
    public void write(Own own) throws IOException {
        own.loop.next();
    }
}
