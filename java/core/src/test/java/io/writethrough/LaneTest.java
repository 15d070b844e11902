// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Lanes: what they transfer, what their handlers are told and when, and what is refused. */
@Timeout(120)
class LaneTest extends OnEveryFileSystem {
    private static final long SECONDS = TimeUnit.SECONDS.toNanos(20);
    private static final WriteFlag[] NOWAIT = {WriteFlag.NOWAIT};

    private WriteThroughEngine engine;
    private WriteThroughFile file;
    private Lane lane;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(32 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
        lane = engine.openLane();
    }

    @AfterEach
    void close() throws IOException {
        lane.close();
        engine.close();
    }

    private boolean isDirect() throws IOException {
        return file.profile().writePath() == StorageProfile.WritePath.DIRECT;
    }

    /* What a handler was told, by token: the result. */
    private Map<Long, Long> pollAll() {
        final Map<Long, Long> told = new HashMap<>();
        while (lane.underWay() > 0) {
            lane.poll(
                    (token, result, offset, failure) -> {
                        assertNull(failure);
                        told.put(token, result);
                    },
                    7,
                    SECONDS);
        }
        return told;
    }

    @Test
    void writesOfAnyBufferAreInTheFileWhenTheHandlerIsTold() throws IOException {
        final List<IntFunction<ByteBuffer>> kinds = List.of(
                seed -> buffer(3000, seed),
                seed -> direct(bytes(3000, seed)),
                seed -> buffer(3000, seed).asReadOnlyBuffer(),
                seed -> ByteBuffer.allocateDirect(4000)
                        .position(100)
                        .put(bytes(3000, seed))
                        .flip()
                        .position(100));
        file.write(ByteBuffer.allocate(40 * 3000), 0);
        for (int i = 0; i < 40; i++) {
            final ByteBuffer source = kinds.get(i % kinds.size()).apply(i);
            final int length = source.remaining();
            lane.write(file, source, i * 3000L, i);
            assertEquals(0, source.remaining());
            assertArrayEquals(bytes(3000, i), read(file, i * 3000L, 3000));
            assertEquals(3000, length);
        }
        assertEquals(40, lane.underWay());
        final Map<Long, Long> told = pollAll();
        final byte[] found = Files.readAllBytes(path);
        for (int i = 0; i < 40; i++) {
            assertEquals(3000L, told.get((long) i));
            assertArrayEquals(bytes(3000, i), Arrays.copyOfRange(found, i * 3000, (i + 1) * 3000));
        }
    }

    @Test
    void aReadWhoseBufferTheCallerHasSpoiledIsNotUnderWayForEver() throws IOException {
        final ByteBuffer destination = ByteBuffer.allocate(100);
        file.write(buffer(100, 1), 0);
        lane.read(file, destination, 0, 1);
        destination.limit(10);
        assertThrows(
                IllegalArgumentException.class, () -> lane.poll((token, result, offset, failure) -> {}, 1, SECONDS));
        assertEquals(0, lane.underWay());
    }

    @Test
    void appendsTellWhereTheyAre() throws IOException {
        final ByteBuffer source = ByteBuffer.allocateDirect(10);
        for (int i = 0; i < 20; i++) {
            lane.append(file, source.clear().put(bytes(10, i)).flip(), i);
        }
        lane.append(file, source.clear(), 20, Durability.SYNC, WriteFlag.DONTCACHE);
        final List<Long> offsets = new ArrayList<>();
        while (offsets.size() < 21) {
            lane.poll((token, result, offset, failure) -> offsets.add(offset - 10 * token), 100, SECONDS);
        }
        offsets.forEach(difference -> assertEquals(0L, difference));
        assertEquals(210, file.size());
    }

    @Test
    void everyDurabilityMayBeAskedFor() throws IOException {
        for (final Durability durability : Durability.values()) {
            lane.write(file, buffer(4096, 1), 0, 1, durability);
        }
        pollAll();
        assertArrayEquals(bytes(4096, 1), Files.readAllBytes(path));
    }

    @Test
    void aReadGetsCachedAndMissingBytesAndTheEnd() throws IOException {
        final byte[] content = bytes(3_000_000, 1);
        file.close();
        Files.write(path, content);
        file = engine.open(path, READ, WRITE);
        file.read(ByteBuffer.allocate(10_000), 5000);
        final ByteBuffer heap = ByteBuffer.allocate(100_000);
        final ByteBuffer all = ByteBuffer.allocateDirect(content.length + 10);
        final ByteBuffer cached = ByteBuffer.allocate(100);
        final ByteBuffer behind = ByteBuffer.allocate(100);
        lane.read(file, heap.position(10), 0, 1);
        lane.read(file, all, 0, 2);
        lane.read(file, cached, 6000, 3);
        lane.read(file, behind, content.length, 4);
        lane.read(file, ByteBuffer.allocate(0), 0, 5);
        final Map<Long, Long> told = pollAll();
        assertEquals(Map.of(1L, 99_990L, 2L, 3_000_000L, 3L, 100L, 4L, -1L, 5L, 0L), told);
        assertEquals(100_000, heap.position());
        assertArrayEquals(Arrays.copyOf(content, 99_990), Arrays.copyOfRange(heap.array(), 10, 100_000));
        assertEquals(content.length, all.position());
        assertEquals(ByteBuffer.wrap(content), all.flip());
        assertArrayEquals(Arrays.copyOfRange(content, 6000, 6100), cached.array());
        assertEquals(0, behind.position());
    }

    @Test
    void aPrefetchBringsBytesIntoTheCache() throws IOException {
        file.close();
        Files.write(path, bytes(100_000, 1));
        file = engine.open(path, READ, WRITE);
        final boolean direct = isDirect();
        lane.prefetch(file, 0, 100_000, 9);
        assertEquals(Map.of(9L, 100_000L), pollAll());
        final long before = engine.stats().deviceReads();
        assertArrayEquals(bytes(100_000, 1), read(file, 0, 100_000));
        if (direct) {
            assertEquals(before, engine.stats().deviceReads());
        }
    }

    @Test
    void aHandlerMayStartMore() throws IOException {
        final int[] left = {100};
        final ByteBuffer source = ByteBuffer.allocateDirect(4096);
        lane.write(file, source.clear(), 0, 0);
        final Lane.Handler handler = (token, result, offset, failure) -> {
            if (left[0]-- > 0) {
                try {
                    lane.write(file, source.clear(), token % 8 * 4096, token + 1);
                    file.write(source.clear(), 8 * 4096);
                } catch (final IOException e) {
                    throw new AssertionError(e);
                }
            }
        };
        while (lane.underWay() > 0) {
            lane.poll(handler, 4, SECONDS);
        }
        assertEquals(-1, left[0]);
    }

    @Test
    void whatAHandlerThrowsIsThrownAndTheOthersAreToldLater() throws IOException {
        for (int i = 0; i < 5; i++) {
            lane.write(file, buffer(4096, i), i * 4096L, i);
        }
        final List<Long> told = new ArrayList<>();
        while (told.size() < 5) {
            assertThrows(
                    UnsupportedOperationException.class,
                    () -> lane.poll(
                            (token, result, offset, failure) -> {
                                told.add(token);
                                throw new UnsupportedOperationException();
                            },
                            5,
                            SECONDS));
        }
        assertEquals(0, lane.underWay());
        assertEquals(5, told.stream().distinct().count());
    }

    @Test
    void aPollWaitsForNothingThatIsNotUnderWay() {
        assertEquals(0, lane.poll((token, result, offset, failure) -> {}, 1, -1));
    }

    @Test
    void whatCannotBeIsRefusedAndChangesNothing() throws IOException {
        final ByteBuffer source = buffer(10, 1);
        assertThrows(IllegalArgumentException.class, () -> lane.write(file, source, -1, 0));
        assertThrows(IllegalArgumentException.class, () -> lane.write(file, source, Long.MAX_VALUE - 5, 0));
        assertThrows(IllegalArgumentException.class, () -> lane.read(file, source, -1, 0));
        assertThrows(IllegalArgumentException.class, () -> lane.read(file, source.asReadOnlyBuffer(), 0, 0));
        assertThrows(IllegalArgumentException.class, () -> lane.prefetch(file, 0, -1, 0));
        assertThrows(IllegalArgumentException.class, () -> lane.poll((a, b, c, d) -> {}, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> engine.openLane(100));
        assertThrows(IllegalArgumentException.class, () -> engine.openLane(4));
        try (WriteThroughEngine another = WriteThroughEngine.builder().build();
                WriteThroughFile others = another.open(directory.resolve("other"), CREATE, READ, WRITE)) {
            final IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> lane.write(others, source, 0, 0));
            assertTrue(e.getMessage().contains("another engine"), e.getMessage());
        }
        Files.write(directory.resolve("third"), bytes(10, 1));
        try (WriteThroughFile reader = engine.open(directory.resolve("third"), READ)) {
            assertThrows(NonWritableChannelException.class, () -> lane.append(reader, source, 0));
        }
        try (WriteThroughFile writer = engine.open(directory.resolve("third"), WRITE)) {
            assertThrows(NonReadableChannelException.class, () -> lane.read(writer, source, 0, 0));
            assertThrows(NonReadableChannelException.class, () -> lane.prefetch(writer, 0, 1, 0));
        }
        file.close();
        assertThrows(ClosedChannelException.class, () -> lane.write(file, source, 0, 0));
        assertEquals(0, source.position());
        assertEquals(0, lane.underWay());
        assertEquals(0, Files.size(path));
    }

    @Test
    void aWriteThatWouldWaitAndMayNotIsRefused() throws IOException {
        file.close();
        Files.write(path, bytes(8192, 1));
        file = engine.open(path, READ, WRITE);
        if (!isDirect()) {
            return;
        }
        final ByteBuffer source = buffer(10, 1);
        final WriteThroughException e = assertThrows(
                WriteThroughException.class, () -> lane.write(file, source, 100, 0, Durability.DSYNC, NOWAIT));
        assertEquals("EAGAIN", e.errnoName());
        assertEquals("write", e.operation());
        assertEquals(100, e.offset());
        assertEquals(0, source.position());
        assertEquals(0, lane.underWay());
    }

    @Test
    void aLaneIsForOneThread() throws Exception {
        final CompletableFuture<Void> other = CompletableFuture.runAsync(() -> {
            assertThrows(IllegalStateException.class, () -> lane.write(file, buffer(1, 1), 0, 0));
            assertThrows(IllegalStateException.class, () -> lane.poll((a, b, c, d) -> {}, 1, 0));
            assertThrows(IllegalStateException.class, () -> lane.underWay());
            assertThrows(IllegalStateException.class, () -> lane.close());
        });
        other.get(20, TimeUnit.SECONDS);
        lane.write(file, buffer(1, 1), 0, 0);
        lane.close();
        lane.close();
        assertThrows(IllegalStateException.class, () -> lane.send());
        assertArrayEquals(bytes(1, 1), Files.readAllBytes(path));
    }

    @Test
    void aHandlerCanNeitherPollNorCloseItsLane() throws IOException {
        lane.write(file, buffer(1, 1), 0, 0);
        final int told = lane.poll(
                (token, result, offset, failure) -> {
                    assertThrows(IllegalStateException.class, () -> lane.poll((a, b, c, d) -> {}, 1, 0));
                    assertThrows(IllegalStateException.class, () -> lane.close());
                },
                1,
                SECONDS);
        assertEquals(1, told);
    }

    @Test
    void anEngineWithAnOpenLaneIsNotClosed() throws IOException {
        final WriteThroughException e = assertThrows(WriteThroughException.class, () -> engine.close());
        assertEquals("EBUSY", e.errnoName());
        assertTrue(e.getMessage().contains("lane"), e.getMessage());
        assertTrue(engine.isOpen());
        lane.write(file, buffer(10, 1), 0, 1);
        assertEquals(Map.of(1L, 10L), pollAll());
        lane.close();
        engine.close();
        assertFalse(engine.isOpen());
        assertThrows(IllegalStateException.class, () -> engine.openLane());
    }

    @Test
    void theLaneOfAThreadThatEndsIsClosed() throws Exception {
        final Thread thread = new Thread(() -> {
            try {
                final Lane left = engine.openLane(8);
                for (int i = 0; i < 50; i++) {
                    left.write(file, buffer(4096, i), i * 4096L, i);
                }
            } catch (final IOException e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
        thread.join();
        lane.close();
        closeWhenTheThreadHasEnded();
        final byte[] found = Files.readAllBytes(path);
        for (int i = 0; i < 50; i++) {
            assertArrayEquals(bytes(4096, i), Arrays.copyOfRange(found, i * 4096, (i + 1) * 4096));
        }
    }

    /* For Java a thread has ended a moment before it has for the system. */
    private void closeWhenTheThreadHasEnded() throws Exception {
        final long until = System.nanoTime() + SECONDS;
        while (engine.isOpen()) {
            try {
                engine.close();
            } catch (final WriteThroughException e) {
                assertEquals("EBUSY", e.errnoName());
                assertTrue(System.nanoTime() < until);
                Thread.sleep(1);
            }
        }
    }

    @Test
    void aWriteOfAnotherThreadToTheSameBlockWaitsForAPoll() throws Exception {
        file.write(buffer(4096, 1), 0);
        if (!isDirect()) {
            return; // There the lane's write is over when it is started.
        }
        lane.write(file, buffer(4096, 2), 0, 1);
        final CompletableFuture<Integer> other = CompletableFuture.supplyAsync(() -> {
            try {
                return file.write(buffer(100, 3), 0);
            } catch (final IOException e) {
                throw new AssertionError(e);
            }
        });
        Thread.sleep(50);
        assertFalse(other.isDone());
        pollAll();
        assertEquals(100, other.get(20, TimeUnit.SECONDS));
        final byte[] found = Files.readAllBytes(path);
        assertArrayEquals(bytes(100, 3), Arrays.copyOf(found, 100));
        assertArrayEquals(Arrays.copyOfRange(bytes(4096, 2), 100, 4096), Arrays.copyOfRange(found, 100, 4096));
    }

    @Test
    void theThreadOfALaneMayWaitForAFutureThatWaitsForTheLane() throws Exception {
        file.write(buffer(4096, 1), 0);
        try (Lane more = engine.openLane()) {
            for (int i = 0; i < 20; i++) {
                lane.write(file, buffer(4096, 2), 0, 2L * i);
                more.write(file, buffer(4096, 2), 4096, 2L * i + 1);
                final CompletableFuture<Integer> future = file.writeAsync(buffer(4096, 3), 1000);
                assertEquals(4096, i % 3 == 0 ? future.join() : future.get(20, TimeUnit.SECONDS));
                assertEquals(
                        "4096",
                        file.writeAsync(buffer(4096, 3), 1000)
                                .thenApply(String::valueOf)
                                .join());
            }
        }
        assertEquals(20, pollAll().size());
    }

    @Test
    void aFileThatGrowsAheadTakesAppendsOfALane() throws IOException {
        final WriteThroughFile log = engine.open(directory.resolve("log"), CREATE, WRITE, new GrowthAhead(1 << 20));
        for (int i = 0; i < 300; i++) {
            lane.append(log, buffer(128, i), i);
            if (lane.underWay() == 16) {
                lane.poll((token, result, offset, failure) -> assertEquals(token * 128, offset), 16, SECONDS);
            }
        }
        pollAll();
        assertEquals(300 * 128, log.size());
        log.close();
        assertEquals(300 * 128, Files.size(directory.resolve("log")));
    }
}
