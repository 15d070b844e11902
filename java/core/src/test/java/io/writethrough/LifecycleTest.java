// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Opening and closing, in any order and from any thread. */
@Timeout(120)
class LifecycleTest extends OnEveryFileSystem {
    private static final int THREADS = 4;

    @Test
    void aClosedFileRefusesEverything() throws IOException {
        final WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
        assertTrue(file.isOpen());
        file.close();
        file.close();
        assertFalse(file.isOpen());
        assertRefusesEverything(file);
    }

    @Test
    void aClosedEngineRefusesEverythingAndSoDoItsFiles() throws IOException {
        final WriteThroughEngine engine = WriteThroughEngine.builder().build();
        final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
        file.write(buffer(10, 1), 0);
        engine.close();
        engine.close();
        assertFalse(engine.isOpen());
        assertFalse(file.isOpen());
        assertRefusesEverything(file);
        file.close();
        assertThrows(IllegalStateException.class, engine::stats);
        assertThrows(IllegalStateException.class, () -> engine.open(path, READ));
        assertArrayEquals(bytes(10, 1), Files.readAllBytes(path));
    }

    private static void assertRefusesEverything(final WriteThroughFile file) {
        final ByteBuffer[] vector = {ByteBuffer.allocate(1)};
        final ByteBuffer nothing = ByteBuffer.allocate(0);
        assertThrows(ClosedChannelException.class, () -> file.write(vector[0], 0));
        assertThrows(ClosedChannelException.class, () -> file.write(ByteBuffer.allocateDirect(1), 0));
        assertThrows(ClosedChannelException.class, () -> file.write(vector, 0));
        assertThrows(ClosedChannelException.class, () -> file.write(nothing, 0));
        assertThrows(ClosedChannelException.class, () -> file.read(vector[0], 0));
        assertThrows(ClosedChannelException.class, () -> file.read(vector, 0));
        assertThrows(ClosedChannelException.class, () -> file.read(nothing, 0));
        assertThrows(ClosedChannelException.class, file::size);
        assertThrows(ClosedChannelException.class, () -> file.truncate(0));
        assertThrows(ClosedChannelException.class, () -> file.allocate(0, 1));
        assertThrows(ClosedChannelException.class, file::sync);
        assertThrows(ClosedChannelException.class, file::profile);
    }

    @Test
    void theSharedEngineIsOneAndStaysOpen() throws IOException {
        final WriteThroughEngine shared = WriteThroughEngine.shared();
        assertSame(shared, WriteThroughEngine.shared());
        WriteThroughFile.open(path, CREATE, WRITE).close();
        assertThrows(UnsupportedOperationException.class, shared::close);
        assertTrue(shared.isOpen());
        WriteThroughFile.open(path, READ).close();
    }

    @Test
    void aFileMayBeClosedUnderLoad() throws Exception {
        final WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
        assertAcknowledgedWritesSurvive(file, file);
        assertFalse(file.isOpen());
    }

    @Test
    void anEngineMayBeClosedUnderLoad() throws Exception {
        final WriteThroughEngine engine = WriteThroughEngine.builder().build();
        assertAcknowledgedWritesSurvive(engine.open(path, CREATE, READ, WRITE), engine);
        assertFalse(engine.isOpen());
    }

    /* Each thread overwrites a block of its own with rising numbers, until it is told that the file is closed. */
    private void assertAcknowledgedWritesSurvive(final WriteThroughFile file, final Closeable closed) throws Exception {
        final ExecutorService executor = Executors.newFixedThreadPool(2 * THREADS);
        final CountDownLatch running = new CountDownLatch(2 * THREADS);
        final List<Future<Long>> writers = new ArrayList<>();
        final List<Future<Long>> readers = new ArrayList<>();
        try {
            for (int i = 0; i < THREADS; i++) {
                final long position = i * 4096L;
                writers.add(executor.submit(() -> writeUntilClosed(file, position, running)));
                readers.add(executor.submit(() -> readUntilClosed(file, position, running)));
            }
            running.await();
            closed.close();
            for (int i = 0; i < THREADS; i++) {
                final long acknowledged = writers.get(i).get();
                readers.get(i).get();
                final long found = ByteBuffer.wrap(Files.readAllBytes(path)).getLong(i * 4096);
                assertTrue(found == acknowledged || found == acknowledged + 1, found + " after " + acknowledged);
            }
        } finally {
            executor.shutdownNow();
        }
    }

    private static long writeUntilClosed(final WriteThroughFile file, final long position, final CountDownLatch running)
            throws IOException {
        final ByteBuffer source = position % 8192 == 0 ? ByteBuffer.allocate(4096) : ByteBuffer.allocateDirect(4096);
        for (long number = 1; ; number++) {
            try {
                file.write(source.clear().putLong(0, number), position);
            } catch (final ClosedChannelException e) {
                return number - 1;
            }
            if (number == 5) {
                running.countDown();
            }
        }
    }

    private static long readUntilClosed(final WriteThroughFile file, final long position, final CountDownLatch running)
            throws IOException {
        final ByteBuffer destination = ByteBuffer.allocate(8);
        long last = 0;
        for (int i = 0; ; i++) {
            try {
                if (file.read(destination.clear(), position) == 8) {
                    final long number = destination.getLong(0);
                    assertTrue(number >= last, number + " after " + last);
                    last = number;
                }
            } catch (final ClosedChannelException e) {
                return last;
            }
            if (i == 5) {
                running.countDown();
            }
        }
    }

    @Test
    void onlyOneOfManyClosersClosesAndAllReturnWhenItIsClosed() throws Exception {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, WRITE);
            final Callable<Long> closer = () -> {
                file.close();
                return engine.stats().openFiles();
            };
            final ExecutorService executor = Executors.newFixedThreadPool(THREADS);
            try {
                for (final Future<Long> left : executor.invokeAll(List.of(closer, closer, closer, closer))) {
                    assertEquals(0, left.get());
                }
            } finally {
                executor.shutdownNow();
            }
        }
    }

    @Test
    void interruptsAreLeftToTheThread() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            Thread.currentThread().interrupt();
            file.write(buffer(10_000, 1), 0);
            assertArrayEquals(bytes(10_000, 1), read(file, 0, 10_000));
            file.sync();
            assertTrue(Thread.interrupted(), "the thread is still interrupted");
            assertTrue(file.isOpen());
        } finally {
            Thread.interrupted();
        }
    }

    @Test
    void concurrentWritersOfOneFileLoseNothing() throws Exception {
        final int writes = 50;
        final byte[] expected = new byte[THREADS * writes * 1000];
        final ExecutorService executor = Executors.newFixedThreadPool(THREADS);
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final List<Future<?>> writers = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                final int thread = t;
                writers.add(executor.submit(() -> {
                    for (int i = thread; i < THREADS * writes; i += THREADS) {
                        final byte[] part = new byte[1000];
                        Arrays.fill(part, (byte) (i + 1));
                        file.write(i % 2 == 0 ? ByteBuffer.wrap(part) : direct(part), i * 1000L);
                    }
                    return null;
                }));
            }
            for (final Future<?> writer : writers) {
                writer.get();
            }
            for (int i = 0; i < THREADS * writes; i++) {
                Arrays.fill(expected, i * 1000, (i + 1) * 1000, (byte) (i + 1));
            }
            assertArrayEquals(expected, read(file, 0, expected.length));
        } finally {
            executor.shutdown();
            assertTrue(executor.awaitTermination(1, TimeUnit.MINUTES));
        }
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    private static int readDeeper(final WriteThroughFile file, final ByteBuffer destination, final int depth) {
        try {
            file.read(destination.clear(), 0);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return readDeeper(file, destination, depth + 1) + depth;
    }

    @Test
    void aThreadWithoutStackGetsTheStackOverflowErrorItself() throws Exception {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(100, 1), 0);
            final ByteBuffer destination = ByteBuffer.allocate(10);
            for (int i = 0; i < 100; i++) {
                assertThrows(StackOverflowError.class, () -> readDeeper(file, destination, 0));
            }
            assertEquals(10, file.read(destination.clear(), 0));
        }
    }

    @Test
    void aClosedArenaIsAnExceptionAndNoCrash() throws Exception {
        final ByteBuffer view = viewOfClosedArena();
        if (view == null) {
            return;
        }
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(100, 1), 0);
            assertInstanceOf(
                    IllegalStateException.class, assertThrows(RuntimeException.class, () -> file.read(view, 0)));
            assertThrows(IllegalStateException.class, () -> file.write(view, 0));
            assertThrows(IllegalStateException.class, () -> file.write(new ByteBuffer[] {view}, 0));
        }
    }

    /* Memory segments are there from JDK 22 on, and the tests are compiled for 17. */
    private static ByteBuffer viewOfClosedArena() throws ReflectiveOperationException {
        if (Runtime.version().feature() < 22) {
            return null;
        }
        final Class<?> arenas = Class.forName("java.lang.foreign.Arena");
        final Object arena = arenas.getMethod("ofShared").invoke(null);
        final Object segment =
                arenas.getMethod("allocate", long.class, long.class).invoke(arena, 100L, 1L);
        final ByteBuffer view = (ByteBuffer) Class.forName("java.lang.foreign.MemorySegment")
                .getMethod("asByteBuffer")
                .invoke(segment);
        arenas.getMethod("close").invoke(arena);
        return view;
    }
}
