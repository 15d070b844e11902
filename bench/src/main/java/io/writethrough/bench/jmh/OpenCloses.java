// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.OpenClose;
import io.writethrough.bench.contender.Way;
import io.writethrough.bench.workload.Workload.Order;
import java.io.IOException;
import java.nio.file.Path;
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

/** A file opened for reading and writing, and closed; locked meanwhile by the library and by the ways that say so. */
@BenchmarkMode({Mode.Throughput, Mode.SampleTime})
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class OpenCloses {

    /** The ways of opening. */
    public enum OpeningWay {
        WRITETHROUGH,
        FILE_CHANNEL,
        FILE_CHANNEL_LOCKED,
        RANDOM_ACCESS_FILE,
        ASYNC_CHANNEL,
        ASYNC_CHANNEL_LOCKED,
        JASYNCFIO,
        ARTEMIS;

        Way open(Path path) throws IOException {
            return switch (this) {
                case WRITETHROUGH -> OpenClose.library(path);
                case FILE_CHANNEL -> OpenClose.channel(path);
                case FILE_CHANNEL_LOCKED -> OpenClose.lockedChannel(path);
                case RANDOM_ACCESS_FILE -> OpenClose.randomAccess(path);
                case ASYNC_CHANNEL -> OpenClose.asyncChannel(path);
                case ASYNC_CHANNEL_LOCKED -> OpenClose.lockedAsyncChannel(path);
                case JASYNCFIO -> OpenClose.jasyncfio(path);
                case ARTEMIS -> OpenClose.artemis(path);
            };
        }
    }

    /** What the threads share. */
    @State(Scope.Benchmark)
    public static class Shared extends OpenWay {
        @Param
        public OpeningWay way;

        @Override
        Way open(BenchFiles files) throws IOException {
            return way.open(files.data());
        }
    }

    /** What one thread has. */
    @State(Scope.Thread)
    public static class Own {
        private BenchFiles.Loop loop;

        /** Makes its buffer. */
        @Setup(Level.Trial)
        public void make(Shared shared) throws IOException {
            loop = shared.loop(1, Order.SEQUENTIAL);
        }
    }

    /** Opened and closed. */
    @Benchmark
    public void open(Own own) throws IOException {
        own.loop.next();
    }
}
