// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.ColdRead;
import io.writethrough.bench.contender.Way;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** A whole file read in sequence, of which nothing is cached: one invocation is one pass. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 3)
@Measurement(iterations = 20)
public class ColdReads {

    /** The ways of reading what is not cached. */
    public enum ColdWay {
        WRITETHROUGH,
        FILE_CHANNEL,
        FILE_CHANNEL_DIRECT,
        JASYNCFIO;

        ColdRead of(BenchFiles files, int bytes) throws IOException {
            return switch (this) {
                case WRITETHROUGH -> ColdRead.library(files.data(), files.bytes(), bytes);
                case FILE_CHANNEL -> ColdRead.channel(files.data(), files.bytes(), bytes, false);
                case FILE_CHANNEL_DIRECT -> ColdRead.channel(files.data(), files.bytes(), bytes, true);
                case JASYNCFIO -> ColdRead.jasyncfio(files.data(), files.bytes(), bytes);
            };
        }
    }

    /** One pass. */
    @State(Scope.Benchmark)
    public static class Pass {
        @Param
        public ColdWay way;

        @Param({"4096", "131072"})
        public int bytes;

        private long fileBytes;
        private ColdRead cold;
        private Way open;
        private Way.Operation operation;

        /** What stays from pass to pass. */
        @Setup
        public void begin(BenchFiles files) throws IOException {
            fileBytes = files.bytes();
            cold = way.of(files, bytes);
        }

        /** Gives it back. */
        @TearDown
        public void end() throws IOException {
            cold.close();
        }

        /** Drops what is cached, and opens the file anew. */
        @Setup(Level.Invocation)
        public void open() throws IOException {
            open = cold.open();
            operation = open.operation();
        }

        /** Closes it. */
        @TearDown(Level.Invocation)
        public void close() throws IOException {
            open.close();
        }
    }

    /** All of the file. */
    @Benchmark
    public void read(Pass pass) throws IOException {
        for (long offset = 0; offset < pass.fileBytes; offset += pass.bytes) {
            pass.operation.at(offset);
        }
    }
}
