// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Appends: where they go, that they overlap nothing and leave no gap, and what is seen of them. */
@Timeout(120)
class AppendTest extends OnEveryFileSystem {
    private static final int THREADS = 16;
    private static final int RECORDS = 50;
    private static final int RECORD = 120;

    private WriteThroughEngine engine;
    private WriteThroughFile file;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(32 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private static <T> T get(final CompletableFuture<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    @Test
    void anAppendOfAnyBufferGoesToTheEndAndReturnsWhereThatWas() throws Exception {
        final ByteBuffer expected = ByteBuffer.allocate(100_000);
        for (final int length : new int[] {1, 100, 4096, 20_000}) {
            for (final ByteBuffer source : List.of(
                    direct(bytes(length, 1)),
                    buffer(length, 2),
                    buffer(length, 3).asReadOnlyBuffer())) {
                final long end = file.size();
                expected.put(source.duplicate());
                assertEquals(end, file.append(source));
                assertEquals(0, source.remaining());
                assertEquals(end + length, file.size());
                assertEquals(end + length, Files.size(path));
            }
        }
        final ByteBuffer[] sources = {buffer(300, 4), ByteBuffer.allocate(0), direct(bytes(5000, 5))};
        expected.put(bytes(300, 4)).put(bytes(5000, 5));
        final long end = file.size();
        assertEquals(end, file.append(sources));
        assertEquals(0, sources[0].remaining() + sources[2].remaining());
        assertEquals(end + 5300, file.append(ByteBuffer.allocate(0)));
        assertEquals(end + 5300, file.append(new ByteBuffer[0]));
        assertEquals(end + 5300, get(file.appendAsync(ByteBuffer.allocateDirect(0))));
        final ByteBuffer[] more = {direct(bytes(70, 6)), ByteBuffer.allocate(0), buffer(9000, 7)};
        expected.put(bytes(70, 6)).put(bytes(9000, 7));
        assertEquals(end + 5300, get(file.appendAsync(more, Durability.DSYNC)));
        assertEquals(0, more[0].remaining() + more[2].remaining());
        assertEquals(end + 14_370, get(file.appendAsync(new ByteBuffer[0], Durability.DSYNC)));
        assertArrayEquals(Arrays.copyOf(expected.array(), expected.position()), Files.readAllBytes(path));
    }

    @Test
    void anAppendGoesBehindTruncationsAndWrites() throws Exception {
        file.write(buffer(1000, 1), 500);
        assertEquals(1500, file.append(buffer(10, 2)));
        file.truncate(700);
        assertEquals(700, file.append(buffer(10, 3), Durability.SYNC));
        assertEquals(10, file.write(buffer(10, 4), 0, Durability.DSYNC, WriteFlag.APPEND));
        assertEquals(720, file.size());
        assertEquals(10, get(file.writeAsync(buffer(10, 5), 0, Durability.DSYNC, WriteFlag.APPEND)));
        assertEquals(730, file.size());
    }

    private static byte[] record(final int thread, final int number) {
        final byte[] record = new byte[RECORD + number % 7];
        Arrays.fill(record, (byte) (thread * 8 + number % 8 + 1));
        return record;
    }

    private interface Body {
        void run() throws Exception;
    }

    private void appendFrom(final List<Thread> threads, final long[][] offsets) throws Exception {
        for (final Thread thread : threads) {
            thread.join();
        }
        final byte[] found = Files.readAllBytes(path);
        final byte[] expected = new byte[found.length];
        int total = 0;
        for (int t = 0; t < THREADS; t++) {
            for (int i = 0; i < RECORDS; i++) {
                final byte[] record = record(t, i);
                assertTrue(i == 0 || offsets[t][i] > offsets[t][i - 1]);
                System.arraycopy(record, 0, expected, (int) offsets[t][i], record.length);
                total += record.length;
            }
        }
        assertEquals(total, found.length);
        assertArrayEquals(expected, found);
    }

    private Body appender(final int thread, final long[] offsets) {
        return () -> {
            for (int i = 0; i < RECORDS; i++) {
                final ByteBuffer source = ByteBuffer.wrap(record(thread, i));
                offsets[i] = i % 5 == 0 ? file.append(new ByteBuffer[] {source}) : file.append(source);
            }
        };
    }

    @Test
    void manyThreadsAppendWithoutGapOrOverlapInFewIos() throws Exception {
        final long[][] offsets = new long[THREADS][RECORDS];
        final List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            final Body body = appender(t, offsets[t]);
            threads.add(new Thread(() -> {
                try {
                    body.run();
                } catch (final Exception e) {
                    throw new AssertionError(e);
                }
            }));
        }
        threads.forEach(Thread::start);
        appendFrom(threads, offsets);
        if (file.profile().writePath() == StorageProfile.WritePath.DIRECT) {
            final long writes = engine.stats().deviceWrites();
            assertTrue(writes < THREADS * RECORDS, writes + " device writes");
        }
    }

    @Test
    void manyVirtualThreadsAppendWithoutGapOrOverlap() throws Exception {
        assumeTrue(
                Runtime.version().feature() >= 21,
                "no virtual threads in Java " + Runtime.version().feature());
        final long[][] offsets = new long[THREADS][RECORDS];
        final List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            final Body body = appender(t, offsets[t]);
            threads.add(VirtualThreadTest.start(body::run));
        }
        appendFrom(threads, offsets);
    }

    @Test
    void asynchronousAppendsOfOneThreadAreInTheirOrderAndTellTheirPlaces() throws Exception {
        final List<CompletableFuture<Long>> futures = new ArrayList<>();
        final ByteBuffer source = ByteBuffer.allocateDirect(1000);
        long end = 0;
        final long[] ends = new long[200];
        for (int i = 0; i < 200; i++) {
            source.clear().limit(1 + i * 5);
            for (int at = 0; at < source.limit(); at++) {
                source.put(at, (byte) i);
            }
            futures.add(file.appendAsync(source));
            end += source.limit();
            ends[i] = end;
        }
        long start = 0;
        for (int i = 0; i < 200; i++) {
            assertEquals(start, get(futures.get(i)));
            start = ends[i];
        }
        final byte[] found = Files.readAllBytes(path);
        assertEquals(end, found.length);
        for (int i = 0; i < 200; i++) {
            assertEquals((byte) i, found[(int) ends[i] - 1]);
        }
    }

    @Test
    void aWriteThatIsNotToBeCachedLeavesNothingInTheCache() throws Exception {
        file.write(buffer(100_000, 1), 0, Durability.DSYNC, WriteFlag.DONTCACHE);
        assertEquals(100_000, file.append(buffer(50_000, 2), Durability.DSYNC, WriteFlag.DONTCACHE));
        assertEquals(150_000, get(file.appendAsync(buffer(50, 3), Durability.DSYNC, WriteFlag.DONTCACHE)));
        assertEquals(0, engine.stats().cachedBytes());
        final ByteBuffer read = ByteBuffer.allocate(50);
        assertEquals(50, file.read(read, 150_000));
        assertArrayEquals(bytes(50, 3), read.array());
    }

    @Test
    void misuseIsRefusedAndAppendsNothing() throws Exception {
        assertThrows(
                IllegalArgumentException.class, () -> file.append(buffer(5, 1), Durability.DSYNC, WriteFlag.NOWAIT));
        assertThrows(
                IllegalArgumentException.class, () -> file.write(buffer(5, 1), 0, Durability.DSYNC, WriteFlag.NOWAIT));
        try (WriteThroughFile reader = engine.open(path, READ)) {
            assertThrows(NonWritableChannelException.class, () -> reader.append(buffer(5, 1)));
            assertThrows(NonWritableChannelException.class, () -> reader.append(new ByteBuffer[] {buffer(5, 1)}));
            assertThrows(NonWritableChannelException.class, () -> reader.appendAsync(buffer(5, 1)));
        }
        assertEquals(0, file.size());
        file.close();
        assertThrows(ClosedChannelException.class, () -> file.append(buffer(5, 1)));
        final ExecutionException failure =
                assertThrows(ExecutionException.class, () -> get(file.appendAsync(buffer(5, 1))));
        assertInstanceOf(ClosedChannelException.class, failure.getCause());
    }
}
