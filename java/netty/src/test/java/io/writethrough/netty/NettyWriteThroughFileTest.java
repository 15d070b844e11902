// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.IllegalReferenceCountException;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughException;
import io.writethrough.WriteThroughFile;
import java.io.ByteArrayOutputStream;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NettyWriteThroughFileTest extends OnEveryFileSystem {
    private final ManualExecutor helper = new ManualExecutor();
    private WriteThroughFile core;
    private NettyWriteThroughFile file;

    @BeforeEach
    void open() throws Exception {
        core = engine.open(path, CREATE, READ, WRITE);
        file = NettyWriteThroughFile.of(core, allocator, HelperThreads.POOL);
    }

    /** The same file, whose waiting operations wait for the test. */
    private NettyWriteThroughFile withManualHelper() throws Exception {
        return NettyWriteThroughFile.of(core, allocator, helper);
    }

    private ByteBuf direct(final byte[] bytes) {
        return allocator.directBuffer().writeBytes(bytes);
    }

    private ByteBuf heap(final byte[] bytes) {
        return allocator.heapBuffer().writeBytes(bytes);
    }

    private CompositeByteBuf composite(final byte[] bytes) {
        final int third = bytes.length / 3;
        return allocator
                .compositeBuffer()
                .addComponent(true, direct(Arrays.copyOfRange(bytes, 0, third)))
                .addComponent(true, heap(Arrays.copyOfRange(bytes, third, 2 * third)))
                .addComponent(true, Unpooled.EMPTY_BUFFER)
                .addComponent(true, direct(Arrays.copyOfRange(bytes, 2 * third, bytes.length)));
    }

    private Map<String, Supplier<ByteBuf>> kinds(final byte[] bytes) {
        return Map.of(
                "direct", () -> direct(bytes),
                "heap", () -> heap(bytes),
                "composite", () -> composite(bytes),
                "wrapped", () -> Unpooled.wrappedBuffer(bytes),
                "read-only heap", () -> heap(bytes).asReadOnly(),
                "read-only composite", () -> composite(bytes).asReadOnly(),
                "slice",
                        () -> direct(bytes(7, 99))
                                .writeBytes(bytes)
                                .writeBytes(bytes(7, 99))
                                .slice(7, bytes.length),
                "behind its reader index",
                        () -> heap(new byte[5]).writeBytes(bytes).skipBytes(5));
    }

    private static byte[] release(final ByteBuf buffer) {
        try {
            return ByteBufUtil.getBytes(buffer);
        } finally {
            assertTrue(buffer.release());
        }
    }

    private static Throwable failure(final Future<?> future) throws Exception {
        assertTrue(future.await(1, TimeUnit.MINUTES), "it never ends");
        assertFalse(future.isSuccess());
        return future.cause();
    }

    /* ---- what is written ---- */

    @Test
    void buffersOfEveryKindAreWrittenAndReleased() throws Exception {
        final byte[] bytes = bytes(10_000, 1);
        long position = 100;
        for (final Map.Entry<String, Supplier<ByteBuf>> kind : kinds(bytes).entrySet()) {
            final long at = position;
            final ByteBuf source = kind.getValue().get();
            assertEquals(bytes.length, onLoop(() -> file.write(source, at)), kind.getKey());
            assertEquals(0, source.refCnt(), kind.getKey());
            assertArrayEquals(bytes, release(onLoop(() -> file.read(at, bytes.length))), kind.getKey());
            position += bytes.length;
        }
        assertEquals(position, Files.size(path));
        assertArrayEquals(Arrays.copyOfRange(Files.readAllBytes(path), 100, 10_100), bytes);
    }

    @Test
    void appendsOfEveryKindAreInTheOrderOfTheCallsAndTellTheirPlaces() throws Exception {
        final List<Future<Long>> appended = new ArrayList<>();
        final ByteArrayOutputStream expected = new ByteArrayOutputStream();
        final List<Long> offsets = new ArrayList<>();
        loop.submit(() -> {
                    for (int i = 0; i < 25; i++) {
                        final byte[] bytes = bytes(1 + 37 * i, i);
                        for (final Supplier<ByteBuf> kind : kinds(bytes).values()) {
                            offsets.add((long) expected.size());
                            expected.writeBytes(bytes);
                            final ByteBuf source = kind.get();
                            appended.add(file.append(source));
                        }
                    }
                })
                .get(1, TimeUnit.MINUTES);
        for (int i = 0; i < offsets.size(); i++) {
            assertEquals(offsets.get(i), get(appended.get(i)));
        }
        assertArrayEquals(expected.toByteArray(), Files.readAllBytes(path));
    }

    @Test
    void aBufferIsReleasedBeforeTheWriteReturnsAndItsBytesAreReadAtOnce() throws Exception {
        assumeTrue(isDirect(core), "without direct I/O a write is a system call, and left to a helper");
        final byte[] bytes = bytes(8192, 1);
        onLoop(() -> file.write(heap(bytes(8192, 2)), 0)); // what makes a file longer is not seen before it is stable
        loop.submit(() -> {
                    final ByteBuf source = direct(bytes);
                    final Future<Integer> written = file.write(source, 0);
                    assertEquals(0, source.refCnt());
                    final Future<ByteBuf> read = file.read(0, 8192);
                    assertTrue(read.isSuccess());
                    assertArrayEquals(bytes, release(read.getNow()));
                    return written;
                })
                .get(1, TimeUnit.MINUTES)
                .get(1, TimeUnit.MINUTES);
    }

    @Test
    void aBufferThatTheCallerRetainedStaysAsItWas() throws Exception {
        final ByteBuf source = heap(bytes(500, 1));
        onLoop(() -> file.write(source.retain(), 0));
        assertEquals(1, source.refCnt());
        assertEquals(0, source.readerIndex());
        assertArrayEquals(bytes(500, 1), release(source));
    }

    @Test
    void aBufferWithoutBytesWritesNothing() throws Exception {
        onLoop(() -> file.write(heap(bytes(10, 1)), 0));
        assertEquals(0, onLoop(() -> file.write(direct(new byte[0]), 5000)));
        assertEquals(10, onLoop(() -> file.append(composite(new byte[0]))));
        assertEquals(10, core.size());
    }

    /* ---- what is read ---- */

    @Test
    void aReadEndsAtTheEndOfTheFile() throws Exception {
        final byte[] bytes = bytes(10_000, 1);
        onLoop(() -> file.write(direct(bytes), 0));
        onLoop(() -> file.close());
        engine.close();
        engine = newEngine(); // nothing is cached
        open();
        for (int round = 0; round < 2; round++) {
            final ByteBuf end = onLoop(() -> file.read(9000, 5000));
            assertTrue(end.isDirect());
            assertEquals(1, end.refCnt());
            assertArrayEquals(Arrays.copyOfRange(bytes, 9000, 10_000), release(end));
            assertEquals(0, release(onLoop(() -> file.read(10_000, 5000))).length);
            assertEquals(0, release(onLoop(() -> file.read(1L << 40, 5000))).length);
            assertEquals(0, onLoop(() -> file.read(0, 0)).readableBytes());
            assertArrayEquals(bytes, release(onLoop(() -> file.read(0, 20_000))));
        }
    }

    @Test
    void aReadThatWasCancelledReleasesItsBuffer() throws Exception {
        onLoop(() -> file.write(direct(bytes(MIB, 1)), 0));
        onLoop(() -> file.close());
        engine.close();
        engine = newEngine();
        core = engine.open(path, READ, WRITE);
        final ExecutorService threads = Executors.newFixedThreadPool(4);
        final NettyWriteThroughFile helped = NettyWriteThroughFile.of(core, allocator, threads);
        final List<Future<ByteBuf>> reads = loop.submit(() -> {
                    final List<Future<ByteBuf>> started = new ArrayList<>();
                    for (int i = 0; i < 256; i++) {
                        final Future<ByteBuf> read = helped.read(4096L * i, 4096);
                        read.cancel(false);
                        started.add(read);
                    }
                    return started;
                })
                .get(1, TimeUnit.MINUTES);
        onLoop(helped::close);
        int cancelled = 0;
        for (final Future<ByteBuf> read : reads) {
            if (read.isCancelled()) {
                cancelled++;
            } else {
                release(get(read));
            }
        }
        assertTrue(cancelled > 0, "all was read before it could be cancelled");
        threads.shutdown();
        assertTrue(threads.awaitTermination(1, TimeUnit.MINUTES));
        engine.close(); // the last completions are on their way to the loop
        loop.submit(() -> {}).get(1, TimeUnit.MINUTES);
        assertEquals(0, allocated());
    }

    @Test
    void readsThatWereCalledBeforeClosingAreFinished() throws Exception {
        onLoop(() -> file.write(direct(bytes(MIB, 1)), 0));
        final ExecutorService threads = Executors.newFixedThreadPool(4);
        final NettyWriteThroughFile helped = NettyWriteThroughFile.of(core, allocator, threads);
        final List<Future<ByteBuf>> reads = new ArrayList<>();
        final Future<Void> closed = loop.submit(() -> {
                    for (int i = 0; i < 64; i++) {
                        reads.add(helped.read(16_384L * i, 16_384));
                    }
                    return helped.close();
                })
                .get(1, TimeUnit.MINUTES);
        get(closed);
        for (int i = 0; i < 64; i++) {
            assertArrayEquals(
                    Arrays.copyOfRange(bytes(MIB, 1), 16_384 * i, 16_384 * (i + 1)), release(get(reads.get(i))));
        }
        threads.shutdown();
    }

    /* ---- where futures complete ---- */

    @Test
    void futuresCompleteOnTheEventLoopOfTheCaller() throws Exception {
        final List<Future<?>> futures = new ArrayList<>();
        final List<Future<Boolean>> seen = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            final var other = loops.next();
            seen.add(other.submit(() -> {
                        final var onCaller = other.<Boolean>newPromise();
                        final Future<Integer> written = file.write(direct(bytes(100, 1)), 0);
                        futures.add(written);
                        written.addListener(done -> onCaller.setSuccess(other.inEventLoop() && done.isSuccess()));
                        return onCaller;
                    })
                    .get(1, TimeUnit.MINUTES));
        }
        for (final Future<Boolean> one : seen) {
            assertTrue(get(one));
        }
    }

    @Test
    void futuresOfOtherCallersCompleteOnTheGlobalExecutor() throws Exception {
        final var onGlobal = GlobalEventExecutor.INSTANCE.<Boolean>newPromise();
        final Future<Integer> written = file.write(direct(bytes(100, 1)), 0);
        written.addListener(done -> onGlobal.setSuccess(GlobalEventExecutor.INSTANCE.inEventLoop()));
        assertEquals(100, get(written));
        assertTrue(get(onGlobal));
    }

    @Test
    void anEventLoopThatWasShutDownLeaksNothing() throws Exception {
        onLoop(() -> file.write(direct(bytes(MIB, 1)), 0));
        onLoop(() -> file.close());
        engine.close();
        engine = newEngine();
        core = engine.open(path, READ, WRITE);
        final NettyWriteThroughFile slow = NettyWriteThroughFile.of(core, allocator, helper);
        final List<Future<?>> futures = new ArrayList<>();
        loop.submit(() -> {
                    futures.add(slow.write(direct(bytes(LARGE, 2)), 0));
                    futures.add(slow.read(0, 100));
                    futures.add(slow.append(direct(bytes(10, 2))));
                })
                .get(1, TimeUnit.MINUTES);
        loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).await();
        helper.runAll();
        for (final Future<?> future : futures) {
            while (!future.isDone()) {
                Thread.onSpinWait();
            }
        }
        assertInstanceOf(RejectedExecutionException.class, futures.get(1).cause());
        assertEquals(0, allocated());
        assertEquals(LARGE + 10, core.size());
    }

    /* ---- what must not wait ---- */

    @Test
    void aWriteIntoABlockThatIsNotCachedIsLeftToTheHelper() throws Exception {
        assumeTrue(isDirect(core), "without direct I/O there are no blocks");
        onLoop(() -> file.write(direct(bytes(MIB, 1)), 0));
        onLoop(() -> file.close());
        engine.close();
        engine = newEngine();
        core = engine.open(path, READ, WRITE);
        final NettyWriteThroughFile slow = withManualHelper();
        final Future<Integer> written =
                loop.submit(() -> slow.write(heap(bytes(10, 2)), 700_001)).get(1, TimeUnit.MINUTES);
        assertFalse(written.isDone());
        assertEquals(1, slow.waiting());
        assertEquals(1, helper.size());
        helper.runAll();
        assertEquals(10, get(written));
        assertEquals(0, slow.waiting());
        final byte[] expected = bytes(MIB, 1);
        System.arraycopy(bytes(10, 2), 0, expected, 700_001, 10);
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    @Test
    void whatComesBehindAWriteThatWaitsGoesBehindIt() throws Exception {
        final NettyWriteThroughFile slow = withManualHelper();
        onLoop(() -> file.write(direct(bytes(100, 9)), LARGE));
        final List<Future<?>> futures = loop.submit(() -> List.<Future<?>>of(
                        slow.write(direct(bytes(LARGE, 1)), 0),
                        slow.write(heap(bytes(100, 2)), 50),
                        slow.append(composite(bytes(100, 3))),
                        slow.read(49, 3),
                        slow.write(heap(bytes(100, 4)), 50)))
                .get(1, TimeUnit.MINUTES);
        for (final Future<?> future : futures) {
            assertFalse(future.isDone());
        }
        assertEquals(5, slow.waiting());
        assertEquals(1, helper.size());
        helper.runAll();
        for (final Future<?> future : futures) {
            get(future);
        }
        assertEquals(LARGE + 100L, futures.get(2).getNow());
        final byte[] expected = Arrays.copyOf(bytes(LARGE, 1), LARGE + 200);
        System.arraycopy(bytes(100, 2), 0, expected, 50, 100);
        final byte[] read = release((ByteBuf) futures.get(3).getNow());
        assertEquals(expected[49], read[0]);
        if (isDirect(core)) { // else a read begins when its turn comes, and the next write may overtake it
            assertArrayEquals(Arrays.copyOfRange(expected, 49, 52), read);
        }
        System.arraycopy(bytes(100, 4), 0, expected, 50, 100);
        System.arraycopy(bytes(100, 9), 0, expected, LARGE, 100);
        System.arraycopy(bytes(100, 3), 0, expected, LARGE + 100, 100);
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    @Test
    void aReadPassesTheWritesThatItDoesNotOverlap() throws Exception {
        assumeTrue(isDirect(core), "without direct I/O a read is a system call, and left to a helper");
        final NettyWriteThroughFile slow = withManualHelper();
        onLoop(() -> file.write(direct(bytes(100, 9)), LARGE));
        loop.submit(() -> {
                    slow.write(direct(bytes(LARGE, 1)), 0);
                    final Future<ByteBuf> read = slow.read(LARGE, 100);
                    assertTrue(read.isSuccess());
                    assertArrayEquals(bytes(100, 9), release(read.getNow()));
                })
                .get(1, TimeUnit.MINUTES);
        helper.runAll();
    }

    @Test
    void manyWritesPastTheLimitInFlightAllComeThroughInOrder() throws Exception {
        final int writes = 400;
        try (WriteThroughEngine small = WriteThroughEngine.builder()
                .cacheBytes(MIB)
                .inFlightBytes(64 << 10)
                .build()) {
            final NettyWriteThroughFile one = NettyWriteThroughFile.of(
                    small.open(directory.resolve("small"), CREATE, READ, WRITE), allocator, HelperThreads.POOL);
            final List<Future<Integer>> written = loop.submit(() -> {
                        final List<Future<Integer>> started = new ArrayList<>();
                        for (int i = 0; i < writes; i++) {
                            // each overwrites the first half of the next place and the second half of the last
                            started.add(one.write(heap(bytes(16_384, i)), 8192L * i));
                        }
                        return started;
                    })
                    .get(1, TimeUnit.MINUTES);
            for (final Future<Integer> each : written) {
                assertEquals(16_384, get(each));
            }
            final byte[] all = Files.readAllBytes(directory.resolve("small"));
            assertEquals(8192 * (writes + 1), all.length);
            for (int i = 0; i < writes; i++) {
                assertArrayEquals(
                        Arrays.copyOf(bytes(16_384, i), 8192), Arrays.copyOfRange(all, 8192 * i, 8192 * (i + 1)));
            }
            onLoop(one::close);
        }
    }

    /* ---- cancellation and failure ---- */

    @Test
    void aWriteThatIsCancelledWhileItWaitsWritesNothing() throws Exception {
        final NettyWriteThroughFile slow = withManualHelper();
        final ByteBuf first = direct(bytes(LARGE, 1));
        final ByteBuf second = composite(bytes(100, 2));
        final List<Future<Integer>> futures = loop.submit(() ->
                        List.of(slow.write(first, 0), slow.write(second, 0), slow.write(heap(bytes(10, 3)), 0)))
                .get(1, TimeUnit.MINUTES);
        assertTrue(futures.get(0).cancel(false));
        assertTrue(futures.get(1).cancel(true));
        helper.runAll();
        assertEquals(10, get(futures.get(2)));
        assertEquals(0, first.refCnt());
        assertEquals(0, second.refCnt());
        assertArrayEquals(bytes(10, 3), Files.readAllBytes(path));
        assertTrue(futures.get(0).isCancelled());
    }

    @Test
    void aWriteThatWasStartedCannotBeCancelled() throws Exception {
        assumeTrue(isDirect(core), "without direct I/O a write is started by a helper");
        final Future<Integer> written = loop.submit(() -> {
                    final Future<Integer> started = file.write(direct(bytes(4096, 1)), 0);
                    assertFalse(started.cancel(true));
                    return started;
                })
                .get(1, TimeUnit.MINUTES);
        assertEquals(4096, get(written));
    }

    @Test
    void argumentsThatCannotBeFailTheFutureAndReleaseTheBuffer() throws Exception {
        for (final long position : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE - 5}) {
            final ByteBuf source = direct(bytes(10, 1));
            assertInstanceOf(
                    IllegalArgumentException.class,
                    failure(loop.submit(() -> file.write(source, position)).get(1, TimeUnit.MINUTES)));
            assertEquals(0, source.refCnt());
        }
        assertInstanceOf(IllegalArgumentException.class, failure(file.read(-1, 10)));
        assertInstanceOf(IllegalArgumentException.class, failure(file.read(-1, 0)));
        assertInstanceOf(IllegalArgumentException.class, failure(file.read(0, -10)));
        assertEquals(0, core.size());
    }

    @Test
    void aBufferThatWasReleasedFailsTheFutureAndHoldsNothingUp() throws Exception {
        final NettyWriteThroughFile slow = withManualHelper();
        final ByteBuf at = direct(bytes(10, 1));
        at.release();
        if (isDirect(core)) {
            assertInstanceOf(IllegalReferenceCountException.class, failure(slow.write(at, 0)));
        }
        final ByteBuf later = direct(bytes(10, 2));
        final List<Future<?>> futures =
                List.of(slow.write(direct(bytes(LARGE, 3)), 0), slow.append(later), slow.append(heap(bytes(10, 4))));
        later.release();
        helper.runAll();
        assertEquals(LARGE, get(futures.get(0)));
        assertInstanceOf(IllegalReferenceCountException.class, failure(futures.get(1)));
        assertEquals((long) LARGE, get(futures.get(2)));
    }

    @Test
    void aFileThatOthersCutShortFailsTheFutureAndReleasesTheBuffer() throws Exception {
        onLoop(() -> file.write(direct(bytes(10_000, 1)), 0));
        try (FileChannel other = FileChannel.open(path, WRITE)) {
            other.truncate(10);
        }
        assertThrows(WriteThroughException.class, core::sync); // this notices it
        final ByteBuf source = composite(bytes(10_000, 1));
        for (final Future<?> future :
                List.of(file.write(source, 0), file.append(heap(bytes(10, 1))), file.read(0, 10))) {
            final Throwable failure = failure(future);
            assertEquals(
                    "ESTALE",
                    assertInstanceOf(WriteThroughException.class, failure).errnoName());
        }
        assertEquals(0, source.refCnt());
        assertEquals(10, Files.size(path));
    }

    @Test
    void aFullDiskFailsTheAppendsThatFindNoRoomAndNoOthers() throws Exception {
        final String small = System.getProperty("WT_TEST_SMALL_DIR", System.getenv("WT_TEST_SMALL_DIR"));
        assumeTrue(small != null && !small.isEmpty(), "no small file system: WT_TEST_SMALL_DIR is not set");
        final Path full = Path.of(small, "netty");
        try {
            final NettyWriteThroughFile log =
                    NettyWriteThroughFile.of(engine.open(full, CREATE, READ, WRITE), allocator, HelperThreads.POOL);
            final List<Future<Long>> appended = loop.submit(() -> {
                        final List<Future<Long>> started = new ArrayList<>();
                        for (int i = 0; i < 64; i++) {
                            started.add(log.append(direct(bytes(MIB, i))));
                        }
                        return started;
                    })
                    .get(1, TimeUnit.MINUTES);
            int failed = 0;
            for (int i = 0; i < appended.size(); i++) {
                if (appended.get(i).await().isSuccess()) {
                    final long at = appended.get(i).getNow();
                    assertArrayEquals(bytes(MIB, i), release(onLoop(() -> log.read(at, MIB))));
                } else {
                    failed++;
                    final Throwable failure = appended.get(i).cause();
                    assertEquals(
                            "ENOSPC",
                            assertInstanceOf(WriteThroughException.class, failure)
                                    .errnoName());
                }
            }
            assertTrue(failed > 0 && failed < 64, failed + " of 64 failed");
            onLoop(log::close);
        } finally {
            Files.deleteIfExists(full);
        }
    }

    @Test
    void aFileThatWasOpenedForOneOfThemDoesNotDoTheOther() throws Exception {
        final NettyWriteThroughFile reader = NettyWriteThroughFile.of(engine.open(path, READ));
        final NettyWriteThroughFile writer = NettyWriteThroughFile.of(engine.open(path, WRITE));
        final ByteBuf source = direct(bytes(10, 1));
        assertInstanceOf(NonWritableChannelException.class, failure(reader.write(source, 0)));
        assertEquals(0, source.refCnt());
        assertInstanceOf(NonWritableChannelException.class, failure(reader.append(heap(bytes(10, 1)))));
        assertInstanceOf(NonReadableChannelException.class, failure(writer.read(0, 10)));
        assertNull(get(reader.close()));
        assertNull(get(writer.close()));
    }

    @Test
    void closingComesAfterWhatWaitsAndBeforeWhatFollows() throws Exception {
        final NettyWriteThroughFile slow = withManualHelper();
        final ByteBuf late = direct(bytes(10, 3));
        final List<Future<?>> futures = loop.submit(() -> List.<Future<?>>of(
                        slow.write(direct(bytes(LARGE, 1)), 0),
                        slow.append(heap(bytes(100, 2))),
                        slow.close(),
                        slow.write(late, 0),
                        slow.append(direct(bytes(10, 4))),
                        slow.read(0, 10)))
                .get(1, TimeUnit.MINUTES);
        assertEquals(0, late.refCnt());
        helper.runAll();
        get(futures.get(0));
        assertEquals((long) LARGE, get(futures.get(1)));
        get(futures.get(2));
        assertFalse(core.isOpen());
        for (final Future<?> future : futures.subList(3, 6)) {
            assertInstanceOf(ClosedChannelException.class, failure(future));
        }
        assertEquals(LARGE + 100, Files.size(path));
    }

    @Test
    void whatTheHelperRefusesFailsAndIsReleased() throws Exception {
        final NettyWriteThroughFile slow = withManualHelper();
        helper.shutDown();
        final ByteBuf source = direct(bytes(LARGE, 1));
        assertInstanceOf(RejectedExecutionException.class, failure(slow.write(source, 0)));
        assertEquals(0, source.refCnt());
        assertEquals(0, slow.waiting());
        assertEquals(0, core.size());
    }
}
