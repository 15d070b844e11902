// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.AppendChannel;
import io.writethrough.bench.contender.AppendContender;
import io.writethrough.bench.contender.AppendGroupCommit;
import io.writethrough.bench.contender.AppendLibrary;
import io.writethrough.bench.contender.AppendWay;
import io.writethrough.bench.contender.DurableWay;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** Records of 128 bytes appended to one log by many threads. */
@BenchmarkMode({Mode.Throughput, Mode.SampleTime})
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class Appends {

    /** The ways of appending. */
    public enum AppendingWay {
        WRITETHROUGH,
        GROUP_COMMIT,
        FORCE_UNDER_A_LOCK,
        DSYNC;

        AppendContender open(Path log) throws IOException {
            return switch (this) {
                case WRITETHROUGH -> AppendLibrary.waiting(log, 1);
                case GROUP_COMMIT -> new AppendGroupCommit(log, 1);
                case FORCE_UNDER_A_LOCK -> new AppendChannel(log, 1);
                case DSYNC -> new AppendWay(DurableWay.DSYNC.open(log, AppendContender.RECORD_BYTES), 1);
            };
        }
    }

    /** What the threads share. */
    @State(Scope.Benchmark)
    public static class Shared {
        @Param
        public AppendingWay way;

        private AppendContender open;

        /** Opens the log. */
        @Setup(Level.Trial)
        public void open(BenchFiles files) throws IOException {
            open = way.open(files.log());
        }

        /** Closes it. */
        @TearDown(Level.Trial)
        public void close() throws IOException {
            open.close();
        }
    }

    /** What one thread has. */
    @State(Scope.Thread)
    public static class Own {
        private AppendContender.Appender appender;

        /** Makes its record. */
        @Setup(Level.Trial)
        public void make(Shared shared) throws IOException {
            appender = shared.open.appender();
        }
    }

    /** One record, durable on return. */
    @Benchmark
    @Threads(64)
    public void append(Own own) throws IOException {
        own.appender.append();
    }
}
