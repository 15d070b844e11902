// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.sun.nio.file.ExtendedOpenOption;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Pages of a database: so many in ten operations read one into a byte array that is the caller's, the others overwrite one
 * and return when it is durable. Every way may cache the same number of bytes.
 */
public final class Pages implements Way {
    /** Of the workload of the comparison. */
    public static final int READS_IN_TEN = 7;

    /** The two things that are done to a page, by one thread. */
    private interface Access {
        int read(ByteBuffer destination, long offset) throws IOException;

        int write(ByteBuffer source, long offset) throws IOException;
    }

    @FunctionalInterface
    private interface AccessOpener {
        Access open();
    }

    @FunctionalInterface
    private interface Closer {
        void close() throws IOException;
    }

    private final int bytes;
    private final int readsInTen;
    private final AccessOpener opener;
    private final Closer closer;
    private final AtomicInteger threads = new AtomicInteger();

    private Pages(int bytes, int readsInTen, AccessOpener opener, Closer closer) {
        this.bytes = bytes;
        this.readsInTen = readsInTen;
        this.opener = opener;
        this.closer = closer;
    }

    /** By this library. */
    public static Pages library(Path path, int bytes, int readsInTen, long cacheBytes) throws IOException {
        WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(cacheBytes).build();
        WriteThroughFile file = engine.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        Access access = new Access() {
            @Override
            public int read(ByteBuffer destination, long offset) throws IOException {
                return file.read(destination, offset);
            }

            @Override
            public int write(ByteBuffer source, long offset) throws IOException {
                return file.write(source, offset);
            }
        };
        return new Pages(bytes, readsInTen, () -> access, () -> {
            try (engine;
                    file) {
                // Closes the file, then the engine.
            }
        });
    }

    /** By the JDK's channel past the kernel's page cache, without a cache. */
    public static Pages direct(Path path, int bytes, int readsInTen) throws IOException {
        FileChannel channel = direct(path);
        return new Pages(bytes, readsInTen, () -> new Bounced(channel, bytes), channel::close);
    }

    /** The same behind a page cache by hand. */
    public static Pages directCached(Path path, int bytes, int readsInTen, long cacheBytes) throws IOException {
        FileChannel channel = direct(path);
        HandMadeCache cache = new HandMadeCache((int) (cacheBytes / bytes), bytes);
        Closer closer = channel::close;
        return new Pages(
                bytes,
                readsInTen,
                () -> {
                    Bounced bounced = new Bounced(channel, bytes);
                    return new Access() {
                        @Override
                        public int read(ByteBuffer destination, long offset) throws IOException {
                            return cache.read(destination, offset, bounced::read);
                        }

                        @Override
                        public int write(ByteBuffer source, long offset) throws IOException {
                            return cache.write(source, offset, bounced::write);
                        }
                    };
                },
                closer);
    }

    private static FileChannel direct(Path path) throws IOException {
        return FileChannel.open(
                path,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.DSYNC,
                ExtendedOpenOption.DIRECT);
    }

    /** Direct I/O needs an aligned buffer, which the caller's is not. */
    private static final class Bounced implements Access {
        private final FileChannel channel;
        private final ByteBuffer aligned;

        Bounced(FileChannel channel, int bytes) {
            this.channel = channel;
            this.aligned = Buffers.source(bytes);
        }

        @Override
        public int read(ByteBuffer destination, long offset) throws IOException {
            int count = channel.read(aligned.clear(), offset);
            destination.put(aligned.flip());
            return count;
        }

        @Override
        public int write(ByteBuffer source, long offset) throws IOException {
            aligned.clear().put(source).flip();
            return channel.write(aligned, offset);
        }
    }

    @Override
    public Operation operation() {
        Access access = opener.open();
        ByteBuffer page = Buffers.destination(bytes, false);
        Operation read = new Whole(page, access::read);
        Operation write = new Stamped(Buffers.destination(bytes, false), access::write);
        // Of its own generator: which page it is and what is done to it are independent.
        long seed = threads.incrementAndGet() * 0x9E3779B97F4A7C15L;
        return new Operation() {
            private long state = seed;

            @Override
            public void at(long offset) throws IOException {
                state = state * 6364136223846793005L + 1442695040888963407L;
                boolean reads = ((state >>> 33) * 10 >>> 31) < readsInTen;
                (reads ? read : write).at(offset);
            }
        };
    }

    @Override
    public void close() throws IOException {
        closer.close();
    }
}
