// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.sun.management.ThreadMXBean;
import com.sun.nio.file.ExtendedOpenOption;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import io.writethrough.bench.measure.CpuClock;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.HdrHistogram.Histogram;

/**
 * Reads of a whole file in sequence, of which nothing is cached: it is opened anew for every pass, after the caches were
 * dropped. The opening is not timed, the reads are. What holds the memory stays: its first use would measure how fast the
 * operating system, or what a virtual machine runs on, hands out memory.
 */
public final class ColdRead implements Contender {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Path path;
    private final long spanBytes;
    private final int bytes;
    private final Way.Opener opener;
    private final Closer closer;

    private ColdRead(Path path, long spanBytes, int bytes, Way.Opener opener, Closer closer) {
        this.path = path;
        this.spanBytes = spanBytes;
        this.bytes = bytes;
        this.opener = opener;
        this.closer = closer;
    }

    private static ColdRead of(Path path, long spanBytes, int bytes, Way.Opener opener) {
        return new ColdRead(path, spanBytes, bytes, opener, () -> {});
    }

    /** By this library, with a cache of its default size: closing the file empties it. */
    public static ColdRead library(Path path, long spanBytes, int bytes) throws IOException {
        WriteThroughEngine engine = WriteThroughEngine.builder().build();
        Way.Opener opener = () -> {
            WriteThroughFile file = engine.open(path, StandardOpenOption.READ);
            return new Opened(new Whole(Buffers.source(bytes), file::read), file::close);
        };
        return new ColdRead(path, spanBytes, bytes, opener, engine::close);
    }

    /** By the JDK's channel: through the kernel's page cache with its read-ahead, or past it. */
    public static ColdRead channel(Path path, long spanBytes, int bytes, boolean direct) {
        return of(path, spanBytes, bytes, () -> {
            FileChannel channel = direct
                    ? FileChannel.open(path, StandardOpenOption.READ, ExtendedOpenOption.DIRECT)
                    : FileChannel.open(path, StandardOpenOption.READ);
            return new Opened(new Whole(Buffers.source(bytes), channel::read), channel::close);
        });
    }

    /** By jasyncfio, one read at a time, past the kernel's page cache. */
    public static ColdRead jasyncfio(Path path, long spanBytes, int bytes) {
        return of(path, spanBytes, bytes, () -> new Jasyncfio(path, bytes, Jasyncfio.Mode.DIRECT_READ));
    }

    @FunctionalInterface
    private interface Closer {
        void close() throws IOException;
    }

    /** What one pass has open. */
    private record Opened(Operation operation, Closer closer) implements Way {
        @Override
        public void close() throws IOException {
            closer.close();
        }
    }

    /** Opens it for one pass, when nothing of it is cached. */
    public Way open() throws IOException {
        PageCache.drop(path);
        return opener.open();
    }

    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        Histogram latency = Slice.newHistogram();
        long took = 0;
        long cpuNanos = 0;
        long allocated = 0;
        // A whole pass at least: its beginning, where read-ahead has not begun, has the share that it has.
        while (took < nanos) {
            try (Way way = open()) {
                Way.Operation operation = way.operation();
                CpuClock cpu = CpuClock.start();
                long allocatedBefore = THREADS.getCurrentThreadAllocatedBytes();
                long begin = System.nanoTime();
                long now = begin;
                for (long offset = 0; offset < spanBytes; offset += bytes) {
                    long before = now;
                    operation.at(offset);
                    now = System.nanoTime();
                    Slice.record(latency, now - before, 1);
                }
                took += now - begin;
                allocated += THREADS.getCurrentThreadAllocatedBytes() - allocatedBefore;
                cpuNanos += cpu.nanos();
            }
        }
        return new Slice(latency.getTotalCount(), took, latency, cpuNanos, allocated, null);
    }

    @Override
    public void close() throws IOException {
        closer.close();
    }
}
