// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Cached reads take no lock: that they are right among writes, evictions and closing all the same. */
class CachedReadTest extends OnEveryFileSystem {
    private static final int BLOCK = 4096;
    private static final int HOT_BLOCKS = 8;
    private static final long READS = 100_000;
    private static final long ENOUGH_READS = 1000;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicBoolean over = new AtomicBoolean();

    @AfterEach
    void end() {
        over.set(true);
        threads.shutdownNow();
    }

    @Test
    void aBlockIsReadWhollyOldOrWhollyNewAndNeverOlderThanBeforeAmongWritesAndEvictions() throws Exception {
        final StorageProfile profile = StorageProfile.of(directory);
        assumeTrue(
                profile.writePath() == StorageProfile.WritePath.DIRECT,
                "a read that meets a write may see a part of it: no direct I/O on " + profile);
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(1 << 20).build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
                WriteThroughFile cold = engine.open(directory.resolve("cold"), CREATE, READ, WRITE)) {
            file.allocate(0, HOT_BLOCKS * BLOCK);
            cold.allocate(0, 8 << 20);
            final AtomicLong reads = new AtomicLong();
            final List<Future<Void>> parts = new ArrayList<>();
            parts.add(threads.submit(() -> writeBlocks(file)));
            parts.add(threads.submit(() -> readCold(cold)));
            parts.add(threads.submit(() -> readBlocks(file, ByteBuffer.allocate(BLOCK), reads)));
            parts.add(threads.submit(() -> readBlocks(file, ByteBuffer.allocateDirect(BLOCK), reads)));
            while (reads.get() < READS && parts.stream().noneMatch(Future::isDone)) {
                Thread.onSpinWait();
            }
            over.set(true);
            for (final Future<Void> part : parts) {
                part.get();
            }
        }
    }

    /* Each block holds its number and a count, again and again. */
    private Void writeBlocks(final WriteThroughFile file) throws IOException {
        final ByteBuffer block = ByteBuffer.allocateDirect(BLOCK).order(ByteOrder.nativeOrder());
        for (long count = 1; !over.get(); count++) {
            final long number = count % HOT_BLOCKS;
            for (int at = 0; at < BLOCK; at += Long.BYTES) {
                block.putLong(at, count << 8 | number);
            }
            assertEquals(BLOCK, file.write(block.clear(), number * BLOCK));
        }
        return null;
    }

    private Void readCold(final WriteThroughFile cold) throws IOException {
        final ByteBuffer some = ByteBuffer.allocate(64 << 10);
        for (long at = 0; !over.get(); at = (at + some.capacity()) % (8 << 20)) {
            assertEquals(some.capacity(), cold.read(some.clear(), at));
        }
        return null;
    }

    private Void readBlocks(final WriteThroughFile file, final ByteBuffer block, final AtomicLong reads)
            throws IOException {
        final long[] newest = new long[HOT_BLOCKS];
        block.order(ByteOrder.nativeOrder());
        for (int i = 0; !over.get(); i++) {
            final int number = i % HOT_BLOCKS;
            assertEquals(BLOCK, file.read(block.clear(), (long) number * BLOCK));
            final long first = block.getLong(0);
            for (int at = Long.BYTES; at < BLOCK; at += Long.BYTES) {
                assertEquals(first, block.getLong(at));
            }
            assertTrue(first == 0 || (first & 255) == number, () -> "block " + number + " holds " + first);
            assertTrue(first >> 8 >= newest[number], () -> "block " + number + " went back");
            newest[number] = first >> 8;
            reads.incrementAndGet();
        }
        return null;
    }

    @Test
    void aReadOfAFileThatIsBeingClosedIsRightOrRefused() throws Exception {
        for (int round = 0; round < 30; round++) {
            try (WriteThroughEngine engine =
                    WriteThroughEngine.builder().cacheBytes(1 << 20).build()) {
                final List<Callable<Void>> readers = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    final WriteThroughFile file = fileOf(engine, directory.resolve("file" + i), i + 1);
                    final byte value = (byte) (i + 1);
                    final AtomicLong reads = new AtomicLong();
                    readers.add(() -> readUntilClosed(file, value, reads));
                    readers.add(() -> {
                        awaitReads(reads);
                        file.close();
                        // Another file soon has its place in the core's memory.
                        fileOf(engine, directory.resolve("next" + value), 100);
                        return null;
                    });
                }
                for (final Future<Void> reader : threads.invokeAll(readers)) {
                    reader.get();
                }
            }
        }
    }

    @Test
    void aReadWhileTheEngineIsBeingClosedIsRightOrRefused() throws Exception {
        for (int round = 0; round < 30; round++) {
            final WriteThroughEngine engine =
                    WriteThroughEngine.builder().cacheBytes(1 << 20).build();
            final WriteThroughFile file = fileOf(engine, path, 1);
            final AtomicLong reads = new AtomicLong();
            final Future<Void> reader = threads.submit(() -> readUntilClosed(file, (byte) 1, reads));
            awaitReads(reads);
            engine.close();
            reader.get();
        }
    }

    private static WriteThroughFile fileOf(final WriteThroughEngine engine, final Path path, final int value)
            throws IOException {
        final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
        final ByteBuffer block = ByteBuffer.allocate(BLOCK);
        Arrays.fill(block.array(), (byte) value);
        file.write(block, 0);
        file.read(block.clear(), 0);
        file.read(block.clear(), 0);
        return file;
    }

    /* The reader is in the midst of it. */
    private static void awaitReads(final AtomicLong reads) {
        while (reads.get() < ENOUGH_READS) {
            Thread.onSpinWait();
        }
    }

    private static Void readUntilClosed(final WriteThroughFile file, final byte value, final AtomicLong reads)
            throws IOException {
        final ByteBuffer block = ByteBuffer.allocate(BLOCK);
        try {
            while (true) {
                assertEquals(BLOCK, file.read(block.clear(), 0));
                for (int at = 0; at < BLOCK; at += 64) {
                    assertEquals(value, block.get(at));
                }
                reads.incrementAndGet();
            }
        } catch (final ClosedChannelException e) {
            return null;
        } finally {
            reads.addAndGet(ENOUGH_READS); // whoever waits for them has to know of a failure too
        }
    }
}
