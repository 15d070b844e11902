// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** Pages, seven in ten read and three durably overwritten, with a cache of a part of them. */
@BenchmarkMode({Mode.Throughput, Mode.SampleTime})
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class MixedPages {

    /** The ways of having pages. */
    public enum PagesWay {
        WRITETHROUGH,
        DIRECT,
        DIRECT_AND_CACHE_BY_HAND;

        Way open(BenchFiles files, int bytes, int cachedPercent) throws IOException {
            long cached = files.bytes() * cachedPercent / 100;
            return switch (this) {
                case WRITETHROUGH -> Pages.library(files.data(), bytes, Pages.READS_IN_TEN, cached);
                case DIRECT -> Pages.direct(files.data(), bytes, Pages.READS_IN_TEN);
                case DIRECT_AND_CACHE_BY_HAND -> Pages.directCached(files.data(), bytes, Pages.READS_IN_TEN, cached);
            };
        }
    }

    /** What the threads share. */
    @State(Scope.Benchmark)
    public static class Shared extends OpenWay {
        @Param
        public PagesWay way;

        @Param("4096")
        public int bytes;

        /** The part of the file that the cache holds. */
        @Param("50")
        public int cachedPercent;

        @Override
        Way open(BenchFiles files) throws IOException {
            return way.open(files, bytes, cachedPercent);
        }
    }

    /** What one thread has. */
    @State(Scope.Thread)
    public static class Own {
        private BenchFiles.Loop loop;

        /** Makes its buffer. */
        @Setup(Level.Trial)
        public void make(Shared shared) throws IOException {
            loop = shared.loop(shared.bytes, Order.SKEWED);
        }
    }

    /** One page read or written. */
    @Benchmark
    @Threads(8)
    public void page(Own own) throws IOException {
        own.loop.next();
    }
}
