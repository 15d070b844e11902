// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.Way;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.workload.Scratch;
import io.writethrough.bench.workload.Workload.Order;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The files of a benchmark: where they are, and how large. */
@State(Scope.Benchmark)
public class BenchFiles {
    /** A directory on the disk to measure. */
    @Param("/var/tmp")
    public String directory;

    /** Of each file. */
    @Param("64")
    public int fileMiB;

    private final AtomicInteger threads = new AtomicInteger();
    private Scratch scratch;

    /** Makes a directory for them. */
    @Setup(Level.Trial)
    public void make() throws IOException {
        scratch = new Scratch(Path.of(directory));
    }

    /** Deletes them. */
    @TearDown(Level.Trial)
    public void delete() {
        scratch.close();
    }

    long bytes() {
        return (long) fileMiB << 20;
    }

    /** The file of the benchmark, written and durable. */
    Path data() throws IOException {
        return scratch.file("data", bytes());
    }

    /** A log of zeros. */
    Path log() throws IOException {
        return scratch.log("log");
    }

    /** What one more thread does. */
    Loop loop(Way way, int unitBytes, Order order) throws IOException {
        int thread = threads.getAndIncrement();
        Pattern pattern = switch (order) {
            case SEQUENTIAL -> Pattern.sequential(unitBytes, bytes());
            case RANDOM -> Pattern.random(unitBytes, bytes(), 7).fork(thread);
            case SKEWED -> Pattern.skewed(unitBytes, bytes(), 7).fork(thread);
        };
        return new Loop(way.operation(), pattern);
    }

    /** One thread's operation, and where it comes next. */
    record Loop(Way.Operation operation, Pattern pattern) {
        void next() throws IOException {
            operation.at(pattern.next());
        }
    }
}
