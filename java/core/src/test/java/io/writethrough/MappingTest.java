// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** {@link WriteThroughMapping}. What a force writes, and what a power cut leaves, is tested in native/test/memory_test.c. */
class MappingTest extends OnEveryFileSystem {
    private static final Duration TIME_TO_COLLECT = Duration.ofSeconds(30);
    private static final int PAGE = 4096;
    private static final int BYTES = 64 * PAGE;

    private WriteThroughEngine engine;
    private WriteThroughFile file;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(8 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
        file.write(buffer(BYTES, 1), 0);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    @Test
    void aForceMakesWhatWasStoredTheFiles() throws IOException {
        for (final boolean compare : new boolean[] {false, true}) {
            try (WriteThroughMapping mapping = file.map(100, BYTES - 200, compare)) {
                assertEquals(100, mapping.offset());
                assertEquals(BYTES - 200, mapping.length());
                assertFalse(compare && mapping.isWatched());
                final byte[] before = Files.readAllBytes(path);
                final ByteBuffer memory = mapping.buffer();
                final byte[] shown = new byte[BYTES - 200];
                memory.get(0, shown);
                assertArrayEquals(Arrays.copyOfRange(before, 100, BYTES - 100), shown);
                final long writes = engine.stats().deviceWrites();
                memory.putLong(7, 0x0102030405060708L);
                mapping.buffer(5 * PAGE, PAGE).put(0, (byte) 9);
                assertArrayEquals(before, Files.readAllBytes(path));
                mapping.force();
                mapping.force();
                assertEquals(2, engine.stats().deviceWrites() - writes);
                ByteBuffer.wrap(before).putLong(107, 0x0102030405060708L).put(100 + 5 * PAGE, (byte) 9);
                assertArrayEquals(before, Files.readAllBytes(path));
                assertArrayEquals(before, read(file, 0, BYTES));
            }
            file.write(buffer(BYTES, 1), 0);
        }
    }

    @Test
    void aForceOfAPartLeavesTheOtherPages() throws Exception {
        try (WriteThroughMapping mapping = file.map(0, BYTES)) {
            final byte[] before = Files.readAllBytes(path);
            mapping.buffer().put(0, (byte) ~before[0]).put(8 * PAGE, (byte) ~before[8 * PAGE]);
            mapping.force(8 * PAGE, 1);
            before[8 * PAGE] = (byte) ~before[8 * PAGE];
            assertArrayEquals(before, Files.readAllBytes(path));
            mapping.forceAsync().get();
            before[0] = (byte) ~before[0];
            assertArrayEquals(before, Files.readAllBytes(path));
            assertThrows(IndexOutOfBoundsException.class, () -> mapping.force(1, BYTES));
            assertThrows(IndexOutOfBoundsException.class, () -> mapping.buffer(-1, 1));
        }
    }

    @Test
    void theFileBecomesAsLongAsThePagesThatChanged() throws IOException {
        try (WriteThroughMapping mapping = file.map(BYTES, 10 * PAGE)) {
            mapping.force();
            assertEquals(BYTES, file.size());
            mapping.buffer().put(3 * PAGE, (byte) 1);
            mapping.force();
            assertEquals(BYTES + 4 * PAGE, file.size());
        }
        assertEquals(BYTES + 4 * PAGE, Files.size(path));
    }

    @Test
    void othersAreRefusedUntilItIsClosed() throws IOException {
        final WriteThroughMapping mapping = file.map(PAGE, PAGE);
        assertEquals(PAGE, engine.stats().durableMemoryBytes());
        assertBusy(() -> file.write(buffer(10, 2), 2 * PAGE - 1));
        assertBusy(() -> file.map(0, BYTES));
        assertBusy(() -> file.truncate(PAGE));
        assertBusy(() -> file.asFileChannel().map(FileChannel.MapMode.READ_WRITE, 0, 1));
        file.write(buffer(10, 2), 2 * PAGE);
        mapping.close();
        mapping.close();
        assertEquals(0, engine.stats().durableMemoryBytes());
        file.write(buffer(10, 2), 2 * PAGE - 1);
        file.map(0, BYTES).close();
    }

    private static void assertBusy(final Executable executable) {
        final WriteThroughException refused = assertThrows(WriteThroughException.class, executable);
        assertEquals("EBUSY", refused.errnoName());
        assertTrue(refused.getMessage().contains("WriteThroughFile.map"), refused.getMessage());
    }

    @Test
    void afterItsEndAForceThrowsAndStoresReachNothing() throws Exception {
        final WriteThroughMapping closed = file.map(0, PAGE);
        final ByteBuffer memory = closed.buffer();
        closed.close();
        assertFalse(closed.isOpen());
        assertThrows(ClosedChannelException.class, closed::force);
        assertThrows(IllegalStateException.class, closed::buffer);
        final byte[] before = Files.readAllBytes(path);
        memory.put(0, (byte) ~before[0]);
        System.gc();
        assertEquals((byte) ~before[0], memory.get(0));

        final WriteThroughMapping mapping = file.map(0, PAGE);
        final ByteBuffer left = mapping.buffer();
        file.close();
        assertFalse(mapping.isOpen());
        left.put(0, (byte) ~before[0]);
        assertThrows(ClosedChannelException.class, mapping::force);
        final Throwable failed = assertThrows(
                ExecutionException.class, () -> mapping.forceAsync().get());
        assertTrue(failed.getCause() instanceof ClosedChannelException, failed.toString());
        mapping.close();
        assertArrayEquals(before, Files.readAllBytes(path));
    }

    // ---- JDK 22 and later; these tests are compiled for 17 ----

    /* A buffer of a new segment of all of the mapping. */
    private static ByteBuffer segmentOf(final WriteThroughMapping mapping, final SegmentScope scope) throws Exception {
        assumeTrue(Runtime.version().feature() >= 22, "java.lang.foreign is there from JDK 22 on");
        return ForeignArena.bufferOf(mapping.segment(Class.forName("java.lang.foreign.MemorySegment"), scope));
    }

    @Test
    void aSegmentIsTheMemoryAndItsUseAfterCloseIsAnException() throws Exception {
        for (final SegmentScope scope : List.of(SegmentScope.CONFINED, SegmentScope.SHARED)) {
            final WriteThroughMapping mapping = file.map(100, BYTES - 200);
            final ByteBuffer first = segmentOf(mapping, scope);
            final ByteBuffer second = segmentOf(mapping, scope);
            assertEquals(mapping.buffer(), first);
            first.putLong(PAGE, 0x0102030405060708L);
            assertEquals(0x0102030405060708L, second.getLong(PAGE));
            mapping.force();
            assertEquals(
                    0x0102030405060708L,
                    ByteBuffer.wrap(Files.readAllBytes(path)).getLong(100 + PAGE));
            final byte[] before = Files.readAllBytes(path);
            mapping.close();
            for (final ByteBuffer stale : List.of(first, second, first.slice(8, 8))) {
                assertThrows(IllegalStateException.class, () -> stale.put(0, (byte) 1));
                assertThrows(IllegalStateException.class, () -> stale.get(0));
            }
            assertThrows(IllegalStateException.class, () -> segmentOf(mapping, scope));
            assertThrows(IllegalStateException.class, () -> segmentOf(mapping, SegmentScope.AUTO));
            assertArrayEquals(before, Files.readAllBytes(path));
        }
    }

    @Test
    void aSegmentOfOneThreadKeepsAnotherFromClosing() throws Exception {
        final WriteThroughMapping mapping = file.map(0, BYTES);
        final ByteBuffer confined = segmentOf(mapping, SegmentScope.CONFINED);
        final ByteBuffer shared = segmentOf(mapping, SegmentScope.SHARED);
        final List<String> refused = new ArrayList<>();
        final Thread other = new Thread(() -> {
            for (final Executable use : List.<Executable>of(() -> confined.put(0, (byte) 3), mapping::close)) {
                refused.add(assertThrows(RuntimeException.class, use).getClass().getSimpleName());
            }
        });
        other.start();
        other.join();
        assertEquals(List.of("WrongThreadException", "WrongThreadException"), refused);
        assertTrue(mapping.isOpen());
        confined.put(0, (byte) 4);
        mapping.force();
        assertEquals(4, Files.readAllBytes(path)[0]);
        mapping.close();
        assertThrows(IllegalStateException.class, () -> confined.get(0));
        assertThrows(IllegalStateException.class, () -> shared.get(0));
    }

    @Test
    void aSegmentOfAutomaticScopeStaysMemoryOfNobody() throws Exception {
        final WriteThroughMapping mapping = file.map(0, BYTES);
        final ByteBuffer stale = segmentOf(mapping, SegmentScope.AUTO);
        final byte[] before = Files.readAllBytes(path);
        mapping.close();
        System.gc();
        stale.put(0, (byte) ~before[0]);
        file.map(0, BYTES).close();
        assertEquals((byte) ~before[0], stale.get(0));
        assertArrayEquals(before, Files.readAllBytes(path));
    }

    @Test
    void aMappingIsNotLostBeforeItsSegments() throws Exception {
        mapAndUseSegment();
        awaitNoMapping();
    }

    /* A method of its own, so that no caller keeps the segment. */
    private void mapAndUseSegment() throws Exception {
        final ByteBuffer kept = segmentOf(file.map(0, BYTES), SegmentScope.SHARED);
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        assertBusy(() -> file.map(0, BYTES));
        kept.put(0, (byte) 5);
        Reference.reachabilityFence(kept);
    }

    @Test
    void aSegmentIsOfNoOtherTypeThanTheJdks() throws IOException {
        try (WriteThroughMapping mapping = file.map(0, BYTES)) {
            assertThrows(IllegalArgumentException.class, () -> mapping.segment(String.class, SegmentScope.SHARED));
        }
    }

    @Test
    void aMappingThatIsLostEndsAndItsBuffersStayMemory() throws IOException {
        final ByteBuffer kept = mapAndLose();
        awaitNoMapping();
        assertEquals(7, kept.get(0));
    }

    private void awaitNoMapping() {
        assertTimeoutPreemptively(TIME_TO_COLLECT, () -> {
            while (true) {
                System.gc();
                try {
                    file.map(0, BYTES).close();
                    return;
                } catch (final WriteThroughException e) {
                    assertEquals("EBUSY", e.errnoName());
                }
                Thread.sleep(10);
            }
        });
    }

    /* A method of its own, so that no caller keeps the mapping. */
    private ByteBuffer mapAndLose() throws IOException {
        return file.map(0, BYTES).buffer().put(0, (byte) 7).slice();
    }

    @Test
    void whatCannotBeMappedIsRefused() throws IOException {
        assertThrows(IllegalArgumentException.class, () -> file.map(-1, 1));
        assertThrows(IllegalArgumentException.class, () -> file.map(0, 0));
        assertThrows(IllegalArgumentException.class, () -> file.map(Long.MAX_VALUE, 1));
        try (WriteThroughFile reader = engine.open(path, READ);
                WriteThroughFile writer = engine.open(path, WRITE)) {
            assertThrows(NonWritableChannelException.class, () -> reader.map(0, 1));
            assertThrows(NonReadableChannelException.class, () -> writer.map(0, 1));
        }
        try (WriteThroughMapping huge = file.map(0, 1L << 32)) {
            assertThrows(UnsupportedOperationException.class, huge::buffer);
            huge.buffer((1L << 32) - 8, 8).putLong(0, 1);
        }
        file.close();
        assertThrows(ClosedChannelException.class, () -> file.map(0, 1));
    }

    @Test
    void threadsThatStoreAndForceLoseNothing() throws Exception {
        final int threads = 4;
        final int rounds = 50;
        try (WriteThroughMapping mapping = file.map(0, BYTES)) {
            final var pool = Executors.newFixedThreadPool(threads);
            final List<Future<?>> tasks = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                final int at = thread * 8;
                tasks.add(pool.submit(() -> {
                    final ByteBuffer memory = mapping.buffer();
                    for (long round = 1; round <= rounds; round++) {
                        final int page = (int) (round * 7 % 64) * PAGE;
                        memory.putLong(page + at, round);
                        mapping.force();
                        final ByteBuffer found = ByteBuffer.allocate(8);
                        file.read(found, page + at);
                        assertEquals(round, found.getLong(0));
                    }
                    return null;
                }));
            }
            for (final Future<?> task : tasks) {
                task.get();
            }
            pool.shutdown();
        }
    }
}
