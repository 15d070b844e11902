// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.ChannelRead;
import io.writethrough.bench.contender.LibraryRead;
import io.writethrough.bench.contender.MappedRead;
import io.writethrough.bench.contender.Pages;
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

/** Reads at random of a file that is cached, all of it or a part, so that so many percent of the reads are hits. */
@BenchmarkMode({Mode.Throughput, Mode.SampleTime})
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class CachedReads {

    /** The ways of reading through a cache. The kernel's cannot be bounded: it holds all of the file. */
    public enum CachedWay {
        WRITETHROUGH,
        FILE_CHANNEL,
        MAPPING,
        DIRECT_AND_CACHE_BY_HAND;

        Way open(BenchFiles files, int bytes, int hitPercent) throws IOException {
            boolean whole = hitPercent == 100;
            if (!whole && (this == FILE_CHANNEL || this == MAPPING)) {
                throw new IllegalStateException("the kernel's page cache cannot be made to hold " + hitPercent + " %");
            }
            long cached = files.bytes() * hitPercent / 100;
            return switch (this) {
                case WRITETHROUGH ->
                    whole
                            ? new LibraryRead(files.data(), files.bytes(), bytes, false)
                            : Pages.library(files.data(), bytes, ONLY_READS, cached);
                case FILE_CHANNEL -> new ChannelRead(files.data(), bytes, false);
                case MAPPING -> new MappedRead(files.data(), bytes, false);
                case DIRECT_AND_CACHE_BY_HAND -> Pages.directCached(files.data(), bytes, ONLY_READS, cached);
            };
        }
    }

    private static final int ONLY_READS = 10;

    /** What the threads share. */
    @State(Scope.Benchmark)
    public static class Shared extends OpenWay {
        @Param
        public CachedWay way;

        @Param({"128", "4096", "65536", "1048576"})
        public int bytes;

        /** The part of the file that the cache holds, and so about the part of the reads that it answers. */
        @Param("100")
        public int hitPercent;

        @Override
        Way open(BenchFiles files) throws IOException {
            return way.open(files, bytes, hitPercent);
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

    /** One read into a byte array. */
    @Benchmark
    public void read(Own own) throws IOException {
        own.loop.next();
    }
}
