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

import io.writethrough.internal.async.Faults;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Asynchronous writes and reads: what they transfer, when a buffer is free, and what their futures tell. */
@Timeout(120)
class AsyncTest extends OnEveryFileSystem {
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

    static <T> T get(final CompletableFuture<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    private static Throwable failure(final CompletableFuture<?> future) {
        return assertThrows(ExecutionException.class, () -> get(future)).getCause();
    }

    /* Opened again, nothing of the file is cached. */
    private void forgetCache() throws IOException {
        file.close();
        file = engine.open(path, READ, WRITE);
    }

    /* A JVM that exits waits 300 ms for a daemon that is in native code. */
    @Test
    void threadsOfAnIdleEngineWaitInJavaAndTheNextOperationWakesThem() throws Exception {
        for (int round = 0; round < 3; round++) {
            assertEquals(10, get(file.writeAsync(buffer(10, round), 0)));
            awaitIdleThreads();
        }
    }

    @Test
    void anOperationWakesTheThreadThatLeadsInPlaceOfOneThatWasHeldUp() throws Exception {
        final var held = new CountDownLatch(1);
        final var going = new CountDownLatch(1);
        final CompletableFuture<Boolean> callback = CallbackTest.callback(file, 0, () -> {
            held.countDown();
            return going.await(1, TimeUnit.MINUTES);
        });
        assertTrue(held.await(20, TimeUnit.SECONDS));
        assertEquals(10, get(file.writeAsync(buffer(10, 2), 0)));
        going.countDown();
        assertTrue(get(callback));
        awaitIdleThreads();
        assertEquals(10, get(file.writeAsync(buffer(10, 3), 0)));
    }

    private static void awaitIdleThreads() {
        final long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!threadsThatRun().isEmpty() && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertEquals(List.of(), threadsThatRun());
    }

    private static List<String> threadsThatRun() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getState() == Thread.State.RUNNABLE)
                .map(Thread::getName)
                .filter(name -> name.startsWith("writethrough-"))
                .toList();
    }

    @Test
    void aWriteIsInTheFileWhenItsFutureCompletes() throws Exception {
        for (final ByteBuffer source : List.of(
                direct(bytes(10_000, 1)), buffer(10_000, 1), buffer(10_000, 1).asReadOnlyBuffer())) {
            file.truncate(0);
            assertEquals(10_000, get(file.writeAsync(source, 5)));
            assertEquals(0, source.remaining());
            final byte[] found = Files.readAllBytes(path);
            assertArrayEquals(bytes(10_000, 1), Arrays.copyOfRange(found, 5, 10_005));
        }
    }

    @Test
    void aVectoredWriteIsOneWrite() throws Exception {
        final ByteBuffer[] sources = {buffer(100, 1), direct(bytes(5000, 2)), ByteBuffer.allocate(0), buffer(7, 3)};
        assertEquals(5107L, get(file.writeAsync(sources, 0)));
        final ByteBuffer expected = ByteBuffer.allocate(5107);
        expected.put(bytes(100, 1)).put(bytes(5000, 2)).put(bytes(7, 3));
        assertArrayEquals(expected.array(), Files.readAllBytes(path));
        for (final ByteBuffer source : sources) {
            assertEquals(0, source.remaining());
        }
    }

    @Test
    void everyDurabilityMayBeAskedFor() throws Exception {
        for (final Durability durability : Durability.values()) {
            assertEquals(4096, get(file.writeAsync(buffer(4096, 1), 0, durability)));
            assertEquals(4096L, get(file.writeAsync(new ByteBuffer[] {buffer(4096, 1)}, 0, durability)));
        }
        assertArrayEquals(bytes(4096, 1), Files.readAllBytes(path));
    }

    @Test
    void theBufferMayBeFilledAnewAsSoonAsTheCallReturns() throws Exception {
        final ByteBuffer direct = ByteBuffer.allocateDirect(1000);
        final ByteBuffer heap = ByteBuffer.allocate(1000);
        final List<CompletableFuture<Integer>> futures = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            final ByteBuffer source = i % 2 == 0 ? direct : heap;
            futures.add(file.writeAsync(source.clear().put(bytes(1000, i)).flip(), i * 1000L));
        }
        direct.clear().put(new byte[1000]);
        Arrays.fill(heap.array(), (byte) 0);
        for (final CompletableFuture<Integer> future : futures) {
            assertEquals(1000, get(future));
        }
        final byte[] found = Files.readAllBytes(path);
        for (int i = 0; i < 200; i++) {
            assertArrayEquals(bytes(1000, i), Arrays.copyOfRange(found, i * 1000, (i + 1) * 1000), "write " + i);
        }
    }

    @Test
    void aReadSeesAWriteThatWasStarted() throws Exception {
        get(file.writeAsync(buffer(4096, 1), 0));
        final CompletableFuture<Integer> written = file.writeAsync(buffer(4096, 2), 0);
        assertArrayEquals(bytes(4096, 2), read(file, 0, 4096));
        get(written);
    }

    @Test
    void aReadOfCachedBytesIsDoneAtOnce() throws Exception {
        file.write(buffer(10_000, 1), 0);
        final ByteBuffer destination = ByteBuffer.allocate(5000);
        final CompletableFuture<Integer> future = file.readAsync(destination, 5000);
        assertTrue(future.isDone());
        assertEquals(5000, future.get());
        assertEquals(5000, destination.position());
        assertArrayEquals(Arrays.copyOfRange(bytes(10_000, 1), 5000, 10_000), destination.array());
    }

    @Test
    void aReadOfWhatIsNotCachedIsDoneWhenItIsRead() throws Exception {
        file.write(buffer(3 << 20, 1), 0);
        for (final int length : new int[] {1, 4096, 10_000, 1 << 20, 3 << 20}) {
            forgetCache();
            final ByteBuffer heap = ByteBuffer.allocate(length);
            assertEquals(length, get(file.readAsync(heap, 0)));
            assertEquals(length, heap.position());
            assertArrayEquals(Arrays.copyOf(bytes(3 << 20, 1), length), heap.array());
            forgetCache();
            final ByteBuffer direct = ByteBuffer.allocateDirect(length);
            assertEquals(length, get(file.readAsync(direct, 0)));
            assertEquals(heap.flip(), direct.flip());
        }
    }

    @Test
    void aReadOfWhatIsCachedHereAndThere() throws Exception {
        final int length = 256 * 1024;
        file.write(buffer(length, 1), 0);
        forgetCache();
        for (int at = 0; at < length; at += 40_000) {
            read(file, at, 100);
        }
        final ByteBuffer[] destinations = {
            ByteBuffer.allocate(50_000), ByteBuffer.allocateDirect(100_000), ByteBuffer.allocate(length)
        };
        assertEquals((long) length, get(file.readAsync(destinations, 0)));
        final ByteBuffer found = ByteBuffer.allocate(length);
        for (final ByteBuffer destination : destinations) {
            found.put(destination.flip());
        }
        assertArrayEquals(bytes(length, 1), found.array());
    }

    @Test
    void readsEndWithTheFile() throws Exception {
        file.write(buffer(10_000, 1), 0);
        for (int cached = 0; cached < 2; cached++) {
            assertEquals(-1, get(file.readAsync(ByteBuffer.allocate(10), 10_000)));
            assertEquals(-1, get(file.readAsync(ByteBuffer.allocate(10), Long.MAX_VALUE)));
            assertEquals(-1L, get(file.readAsync(new ByteBuffer[] {ByteBuffer.allocate(10)}, 10_000)));
            assertEquals(0, get(file.readAsync(ByteBuffer.allocate(0), 0)));
            assertEquals(0L, get(file.readAsync(new ByteBuffer[0], 0)));
            final ByteBuffer destination = ByteBuffer.allocate(10_000);
            assertEquals(1, get(file.readAsync(destination, 9_999)));
            assertEquals(1, destination.position());
            final ByteBuffer[] two = {ByteBuffer.allocate(5), ByteBuffer.allocate(1000)};
            assertEquals(10L, get(file.readAsync(two, 9_990)));
            assertEquals(5, two[1].position());
            forgetCache();
        }
    }

    @Test
    void manyWritesInOneCall() throws Exception {
        final List<WriteRequest> writes = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            final byte[] bytes = bytes(i * 10, i);
            final ByteBuffer source = i % 3 == 0
                    ? direct(bytes)
                    : i % 3 == 1
                            ? ByteBuffer.wrap(bytes)
                            : ByteBuffer.wrap(bytes).asReadOnlyBuffer();
            writes.add(new WriteRequest(source, i * 1000L));
        }
        final List<CompletableFuture<Integer>> futures = file.writeAllAsync(writes);
        assertEquals(100, futures.size());
        for (int i = 0; i < 100; i++) {
            assertEquals(0, writes.get(i).source().remaining());
            assertEquals(i * 10, get(futures.get(i)));
        }
        final byte[] found = Files.readAllBytes(path);
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(bytes(i * 10, i), Arrays.copyOfRange(found, i * 1000, i * 1010), "write " + i);
        }
        assertEquals(List.of(), file.writeAllAsync(List.of()));
    }

    /* More I/Os than the engine has in flight: the call waits for some, which it has started by then. */
    @Test
    void moreWritesInOneCallThanAreInFlightAtOnce() throws Exception {
        final int count = 4500;
        file.truncate(count * 8192L);
        final byte[] block = bytes(4096, 7);
        final List<WriteRequest> writes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            writes.add(new WriteRequest(ByteBuffer.wrap(block), i * 8192L));
        }
        for (final CompletableFuture<Integer> future : file.writeAllAsync(writes)) {
            assertEquals(4096, get(future));
        }
        final ByteBuffer found = ByteBuffer.allocate(4096);
        assertEquals(4096, file.read(found, (count - 1) * 8192L));
        assertArrayEquals(block, found.array());
    }

    @Test
    void argumentsThatCannotBeAreThrown() throws Exception {
        final ByteBuffer source = ByteBuffer.allocate(10);
        final ByteBuffer[] vector = {source};
        assertThrows(IllegalArgumentException.class, () -> file.writeAsync(source, -1));
        assertThrows(IllegalArgumentException.class, () -> file.writeAsync(source, Long.MAX_VALUE - 1));
        assertThrows(IllegalArgumentException.class, () -> file.writeAsync(vector, -1));
        assertThrows(IllegalArgumentException.class, () -> file.readAsync(source, -1));
        assertThrows(IllegalArgumentException.class, () -> file.readAsync(vector, -1));
        assertThrows(IllegalArgumentException.class, () -> file.readAsync(source.asReadOnlyBuffer(), 0));
        assertThrows(IllegalArgumentException.class, () -> new WriteRequest(source, -1));
        assertThrows(
                IllegalArgumentException.class,
                () -> file.writeAllAsync(List.of(new WriteRequest(source, Long.MAX_VALUE - 1))));
        assertThrows(NullPointerException.class, () -> file.writeAsync((ByteBuffer) null, 0));
        try (WriteThroughFile writer = engine.open(path, WRITE)) {
            assertThrows(NonReadableChannelException.class, () -> writer.readAsync(source, 0));
        }
        file.close();
        try (WriteThroughFile reader = engine.open(path, READ)) {
            assertThrows(NonWritableChannelException.class, () -> reader.writeAsync(source, 0));
            assertThrows(NonWritableChannelException.class, () -> reader.writeAsync(vector, 0));
            assertThrows(NonWritableChannelException.class, () -> reader.writeAllAsync(List.of()));
        }
        assertEquals(0, source.position());
    }

    @Test
    void onAClosedFileEveryFutureFails() throws Exception {
        final ByteBuffer source = ByteBuffer.allocate(10);
        final ByteBuffer[] vector = {source};
        file.close();
        for (int i = 0; i < 2; i++) {
            assertInstanceOf(ClosedChannelException.class, failure(file.writeAsync(source, 0)));
            assertInstanceOf(ClosedChannelException.class, failure(file.writeAsync(vector, 0)));
            assertInstanceOf(ClosedChannelException.class, failure(file.readAsync(source, 0)));
            assertInstanceOf(ClosedChannelException.class, failure(file.readAsync(vector, 0)));
            assertInstanceOf(
                    ClosedChannelException.class,
                    failure(file.writeAllAsync(List.of(new WriteRequest(source, 0)))
                            .get(0)));
            assertEquals(0, source.position());
            engine.close();
        }
    }

    @Test
    void cancellingAFutureStopsTheWaitingAndNotTheWrite() throws Exception {
        final CompletableFuture<Integer> future = file.writeAsync(buffer(100_000, 1), 0);
        future.cancel(true);
        file.close();
        assertArrayEquals(bytes(100_000, 1), Files.readAllBytes(path));
    }

    @Test
    void closingAFileWaitsForItsWritesAndTheirFuturesComplete() throws Exception {
        final List<CompletableFuture<Integer>> futures = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            futures.add(file.writeAsync(buffer(4096, i), i * 4096L));
        }
        file.close();
        final byte[] found = Files.readAllBytes(path);
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(bytes(4096, i), Arrays.copyOfRange(found, i * 4096, (i + 1) * 4096), "write " + i);
            assertEquals(4096, get(futures.get(i)));
        }
    }

    /* What a thread of the library does at this step waits until the test has begun to close. */
    private static void holdUntilClosing(final Faults.Step step, final Supplier<Boolean> isOpen) {
        Faults.plan(at -> {
            while (at == step && isOpen.get()) {
                Thread.onSpinWait();
            }
        });
    }

    private void readsEndWellThatMeetTheClose(final Faults.Step step, final int length, final Closeable closed)
            throws Exception {
        final ByteBuffer[] destinations = {ByteBuffer.allocate(length), ByteBuffer.allocateDirect(length)};
        final ByteBuffer[] vector = {ByteBuffer.allocate(length / 2), ByteBuffer.allocateDirect(length)};
        holdUntilClosing(step, file::isOpen);
        try {
            final CompletableFuture<Integer> first = file.readAsync(destinations[0], 0);
            final CompletableFuture<Integer> second = file.readAsync(destinations[1], 4L << 20);
            final CompletableFuture<Long> third = file.readAsync(vector, 8L << 20);
            closed.close();
            assertEquals(length, get(first));
            assertEquals(length, get(second));
            assertEquals(length / 2 + length, get(third));
        } finally {
            Faults.plan(null);
        }
        assertArrayEquals(Arrays.copyOfRange(bytes(12 << 20, 1), 0, length), destinations[0].array());
        assertEquals(ByteBuffer.wrap(bytes(12 << 20, 1), 4 << 20, length), destinations[1].flip());
    }

    @Test
    void readsThatHaveBegunEndWellWhenTheFileOrTheEngineIsClosedMeanwhile() throws Exception {
        file.write(buffer(12 << 20, 1), 0);
        for (final int length : new int[] {5000, 2 << 20}) {
            forgetCache();
            readsEndWellThatMeetTheClose(Faults.Step.READ_ON, length, file);
            file = engine.open(path, READ, WRITE);
            readsEndWellThatMeetTheClose(Faults.Step.RUN_WAITING, 2 << 20, file);
            file = engine.open(path, READ, WRITE);
            readsEndWellThatMeetTheClose(Faults.Step.READ_ON, length, engine);
            open();
        }
    }

    @Test
    void aCallbackClosesTheFileWithReadsUnderWay() throws Exception {
        file.write(buffer(12 << 20, 1), 0);
        forgetCache();
        final List<CompletableFuture<Integer>> reads = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            reads.add(file.readAsync(ByteBuffer.allocate(10_000), i * 200_000L));
        }
        final CompletableFuture<Void> closed = reads.get(0).thenRun(() -> {
            try {
                file.close();
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        get(closed);
        for (final CompletableFuture<Integer> read : reads) {
            assertEquals(10_000, get(read));
        }
    }

    private interface Chain {
        void add(CompletableFuture<Integer> read, Runnable next);
    }

    private static Chain[] chains() {
        return new Chain[] {
            (read, next) -> read.whenComplete((count, failure) -> next.run()),
            (read, next) -> read.handle((count, failure) -> {
                next.run();
                return null;
            }),
            (read, next) -> read.thenRun(next),
            (read, next) -> read.thenAccept(count -> next.run()),
            (read, next) -> read.thenApply(count -> count + 1).thenApply(count -> {
                next.run();
                return count;
            }),
            (read, next) -> read.thenCombine(read, Integer::sum).thenRun(next),
            (read, next) -> read.thenAcceptBoth(read, (one, two) -> next.run()),
            (read, next) -> read.runAfterBoth(read, next),
            (read, next) -> read.applyToEither(read, count -> {
                next.run();
                return count;
            }),
            (read, next) -> read.acceptEither(read, count -> next.run()),
            (read, next) -> read.runAfterEither(read, next),
            (read, next) -> read.thenCompose(count -> {
                next.run();
                return CompletableFuture.completedFuture(count);
            }),
            (read, next) -> read.thenRun(() -> {
                        throw new IllegalStateException("for the next");
                    })
                    .exceptionally(failure -> {
                        next.run();
                        return null;
                    }),
            (read, next) -> read.thenRun(() -> {
                        throw new IllegalStateException("for the next");
                    })
                    .exceptionallyCompose(failure -> {
                        next.run();
                        return CompletableFuture.completedFuture(null);
                    }),
        };
    }

    private void readOn(final Chain chain, final int left, final CompletableFuture<Void> end) {
        if (left == 0) {
            end.complete(null);
            return;
        }
        try {
            chain.add(file.readAsync(ByteBuffer.allocate(16), 0), () -> readOn(chain, left - 1, end));
        } catch (final Throwable e) {
            end.completeExceptionally(e);
        }
    }

    @Test
    void aChainOfCallbacksThatReadCachedBytesMayHaveAnyLength() throws Exception {
        file.write(buffer(4096, 1), 0);
        for (final Chain chain : chains()) {
            final CompletableFuture<Void> end = new CompletableFuture<>();
            readOn(chain, 20_000, end);
            get(end);
        }
    }

    private CompletableFuture<Integer> sumOf(final int left) {
        return left == 0
                ? CompletableFuture.completedFuture(0)
                : file.readAsync(ByteBuffer.allocate(16), 0)
                        .thenCompose(count -> sumOf(left - 1).thenApply(sum -> sum + count));
    }

    @Test
    void aChainOfReadsMayBeComposed() throws Exception {
        file.write(buffer(4096, 1), 0);
        assertEquals(16 * 10_000, get(sumOf(10_000)));
    }
}
