// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.CompletionHandler;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** What an AsynchronousFileChannel does. The JDK's own channel and this library's are held to the same. */
@Timeout(60)
abstract class AsynchronousFileChannelContract extends OnEveryFileSystem {
    /** With the default threads if there is no executor. */
    abstract AsynchronousFileChannel open(Set<? extends OpenOption> options, ExecutorService executor)
            throws IOException;

    AsynchronousFileChannel open(final OpenOption... options) throws IOException {
        return open(Set.of(options), null);
    }

    AsynchronousFileChannel filled(final int length, final long seed) throws IOException {
        Files.write(path, bytes(length, seed));
        return open(READ, WRITE);
    }

    /** What a handler was told. */
    static final class Told<V> extends CompletableFuture<V> implements CompletionHandler<V, Object> {
        volatile Object attachment;
        volatile Thread thread;
        final AtomicInteger calls = new AtomicInteger();

        @Override
        public void completed(final V value, final Object given) {
            told(given);
            complete(value);
        }

        @Override
        public void failed(final Throwable failure, final Object given) {
            told(given);
            completeExceptionally(failure);
        }

        private void told(final Object given) {
            attachment = given;
            thread = Thread.currentThread();
            calls.incrementAndGet();
        }
    }

    static void assertFailure(final Class<? extends Throwable> type, final Future<?> future) {
        final ExecutionException e = assertThrows(ExecutionException.class, future::get);
        assertSame(type, e.getCause().getClass());
    }

    static void assertMessage(final String message, final Class<? extends Throwable> type, final Executable body) {
        assertEquals(message, assertThrows(type, body).getMessage());
    }

    @Test
    void appendIsRefused() {
        assertMessage("APPEND not allowed", UnsupportedOperationException.class, () -> open(CREATE, WRITE, APPEND));
    }

    // ---- futures ----

    @Test
    void futuresBringTheCountAndMoveTheBuffer() throws Exception {
        try (AsynchronousFileChannel channel = open(READ, WRITE, CREATE)) {
            final ByteBuffer source = buffer(5000, 1);
            source.position(10);
            final Future<Integer> write = channel.write(source, 3);
            assertEquals(4990, write.get());
            assertTrue(write.isDone());
            assertFalse(write.isCancelled());
            assertFalse(write.cancel(true));
            assertEquals(5000, source.position());
            assertEquals(4993, channel.size());
            for (final ByteBuffer destination :
                    new ByteBuffer[] {ByteBuffer.allocate(6000), ByteBuffer.allocateDirect(6000)}) {
                assertEquals(4990, channel.read(destination, 3).get(1, TimeUnit.MINUTES));
                assertEquals(4990, destination.position());
                assertEquals(ByteBuffer.wrap(bytes(5000, 1), 10, 4990), destination.flip());
            }
        }
    }

    @Test
    void readsAtAndPastTheEndAreMinusOne() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1)) {
            assertEquals(-1, channel.read(ByteBuffer.allocate(1), 10).get());
            assertEquals(
                    -1, channel.read(ByteBuffer.allocateDirect(1), 1L << 40).get());
            final Told<Integer> told = new Told<>();
            channel.read(ByteBuffer.allocate(1), 11, null, told);
            assertEquals(-1, told.get());
            final ByteBuffer short_ = ByteBuffer.allocate(100);
            assertEquals(3, channel.read(short_, 7).get());
            assertEquals(3, short_.position());
        }
    }

    @Test
    void buffersWithoutSpaceTransferNothing() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1)) {
            assertEquals(0, channel.read(ByteBuffer.allocate(0), 100).get());
            assertEquals(0, channel.write(ByteBuffer.allocate(0), 100).get());
            final Told<Integer> told = new Told<>();
            channel.write(ByteBuffer.allocate(0), 100, "given", told);
            assertEquals(0, told.get());
            assertEquals("given", told.attachment);
            assertEquals(10, channel.size());
        }
    }

    @Test
    void aWritePastTheEndLeavesZeros() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1)) {
            assertEquals(1, channel.write(direct(bytes(1, 2)), 9999).get());
            final byte[] expected = Arrays.copyOf(bytes(10, 1), 10_000);
            expected[9999] = bytes(1, 2)[0];
            assertArrayEquals(expected, Files.readAllBytes(path));
            assertFailure(IOException.class, channel.write(buffer(10, 1), Long.MAX_VALUE));
        }
    }

    // ---- handlers ----

    @Test
    void handlersAreCalledOnceWithTheAttachmentByAnotherThread() throws Exception {
        try (AsynchronousFileChannel channel = open(READ, WRITE, CREATE)) {
            final Object attachment = new Object();
            final Told<Integer> wrote = new Told<>();
            channel.write(buffer(5000, 1), 0, attachment, wrote);
            assertEquals(5000, wrote.get());
            assertSame(attachment, wrote.attachment);
            assertNotSame(Thread.currentThread(), wrote.thread);
            final ByteBuffer destination = ByteBuffer.allocate(5000);
            final Told<Integer> read = new Told<>();
            channel.read(destination, 0, attachment, read);
            assertEquals(5000, read.get());
            assertNotSame(Thread.currentThread(), read.thread);
            assertEquals(buffer(5000, 1), destination.flip());
            assertEquals(1, wrote.calls.get());
            assertEquals(1, read.calls.get());
        }
    }

    @Test
    void aHandlerMayBeginTheNextOperationForAsLongAsItLikes() throws Exception {
        try (AsynchronousFileChannel channel = filled(20_000, 1)) {
            final CompletableFuture<Integer> sum = new CompletableFuture<>();
            final ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, 0, 0, new CompletionHandler<Integer, Integer>() {
                @Override
                public void completed(final Integer count, final Integer at) {
                    one.clear();
                    if (count < 0) {
                        sum.complete(at);
                    } else {
                        channel.read(one, at + 1, at + 1, this);
                    }
                }

                @Override
                public void failed(final Throwable failure, final Integer at) {
                    sum.completeExceptionally(failure);
                }
            });
            assertEquals(20_000, sum.get());
        }
    }

    @Test
    void handlersRunOnTheExecutor() throws Exception {
        final ExecutorService executor = Executors.newSingleThreadExecutor(task -> new Thread(task, "handlers"));
        try (AsynchronousFileChannel channel = open(Set.of(READ, WRITE, CREATE), executor)) {
            final Told<Integer> wrote = new Told<>();
            channel.write(buffer(10, 1), 0, null, wrote);
            wrote.get();
            final Told<Integer> read = new Told<>();
            channel.read(ByteBuffer.allocate(10), 0, null, read);
            read.get();
            final Told<FileLock> locked = new Told<>();
            channel.lock(null, locked);
            locked.get().release();
            for (final Thread thread : new Thread[] {wrote.thread, read.thread, locked.thread}) {
                assertEquals("handlers", thread.getName());
            }
            executor.shutdown();
            assertTrue(executor.awaitTermination(1, TimeUnit.MINUTES));
            assertThrows(RejectedExecutionException.class, () -> channel.read(ByteBuffer.allocate(1), 0));
            assertThrows(RejectedExecutionException.class, () -> channel.write(buffer(1, 1), 0));
            assertThrows(RejectedExecutionException.class, () -> channel.lock());
            assertEquals(10, channel.size());
        }
    }

    @Test
    void manyOperationsAtATime() throws Exception {
        try (AsynchronousFileChannel channel = open(READ, WRITE, CREATE)) {
            final int count = 500;
            final Future<?>[] writes = new Future<?>[count];
            for (int i = 0; i < count; i++) {
                writes[i] = channel.write(buffer(777, i), i * 777L);
            }
            for (final Future<?> write : writes) {
                assertEquals(777, write.get());
            }
            final byte[] found = Files.readAllBytes(path);
            for (int i = 0; i < count; i++) {
                assertArrayEquals(bytes(777, i), Arrays.copyOfRange(found, i * 777, i * 777 + 777));
            }
        }
    }

    // ---- arguments ----

    @Test
    void argumentsThatCannotBeAreThrownAtOnce() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1)) {
            final Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
            assertMessage("Negative position", illegal, () -> channel.read(ByteBuffer.allocate(1), -1));
            assertMessage("Negative position", illegal, () -> channel.write(buffer(1, 1), -1));
            assertMessage("Negative size", illegal, () -> channel.truncate(-1));
            final ByteBuffer readOnly = ByteBuffer.allocate(1).asReadOnlyBuffer();
            assertMessage("Read-only buffer", illegal, () -> channel.read(readOnly, 0));
            assertMessage("Negative position", illegal, () -> channel.lock(-1, 1, false));
            assertMessage("Negative size", illegal, () -> channel.tryLock(0, -1, false));
            assertMessage("Negative position + size", illegal, () -> channel.lock(Long.MAX_VALUE, 1, false));
            final Class<NullPointerException> isNull = NullPointerException.class;
            assertThrows(isNull, () -> channel.read(null, 0));
            assertThrows(isNull, () -> channel.write(null, 0));
            assertMessage("'handler' is null", isNull, () -> channel.read(ByteBuffer.allocate(1), 0, null, null));
            assertMessage("'handler' is null", isNull, () -> channel.write(buffer(1, 1), 0, null, null));
            assertMessage("'handler' is null", isNull, () -> channel.lock(null, null));
        }
    }

    @Test
    void accessThatWasNotAskedForIsRefused() throws Exception {
        Files.write(path, bytes(10, 1));
        try (AsynchronousFileChannel channel = open(READ)) {
            assertThrows(NonWritableChannelException.class, () -> channel.write(buffer(1, 1), 0));
            assertThrows(NonWritableChannelException.class, () -> channel.truncate(0));
            assertThrows(NonWritableChannelException.class, () -> channel.lock());
            assertThrows(NonWritableChannelException.class, () -> channel.tryLock());
            channel.force(true);
        }
        try (AsynchronousFileChannel channel = open(WRITE)) {
            assertThrows(NonReadableChannelException.class, () -> channel.read(ByteBuffer.allocate(1), 0));
            assertThrows(NonReadableChannelException.class, () -> channel.lock(0, 1, true));
            assertThrows(NonReadableChannelException.class, () -> channel.tryLock(0, 1, true));
        }
    }

    @Test
    void truncateOnlyCuts() throws Exception {
        try (AsynchronousFileChannel channel = filled(10_000, 1)) {
            assertSame(channel, channel.truncate(20_000));
            assertEquals(10_000, channel.size());
            assertSame(channel, channel.truncate(5));
            assertEquals(5, channel.size());
            channel.force(false);
        }
        assertArrayEquals(bytes(5, 1), Files.readAllBytes(path));
    }

    // ---- locks ----

    @Test
    void locksComeByFutureAndByHandler() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1)) {
            final FileLock lock = channel.lock(0, 10, false).get();
            assertTrue(lock.isValid());
            assertSame(channel, lock.acquiredBy());
            assertNull(lock.channel());
            final Told<FileLock> told = new Told<>();
            channel.lock(10, 10, true, "given", told);
            assertTrue(told.get().isShared());
            assertSame(channel, told.get().acquiredBy());
            assertEquals("given", told.attachment);
            final FileLock third = channel.tryLock(20, 10, false);
            third.release();
            assertFalse(third.isValid());
            channel.close();
            assertFalse(lock.isValid());
            assertThrows(ClosedChannelException.class, lock::release);
        }
    }

    @Test
    void locksOfOneJvmThatOverlapAreThrownAtOnce() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1);
                FileChannel jdk = FileChannel.open(path, READ, WRITE)) {
            final FileLock lock = channel.lock(0, 10, false).get();
            assertThrows(OverlappingFileLockException.class, () -> channel.lock(5, 1, false));
            assertThrows(
                    OverlappingFileLockException.class, () -> channel.lock(5, 1, false, null, new Told<FileLock>()));
            assertThrows(OverlappingFileLockException.class, () -> channel.tryLock(5, 1, true));
            assertThrows(OverlappingFileLockException.class, () -> jdk.tryLock());
            lock.release();
            jdk.tryLock().release();
        }
    }

    @Test
    void aLockOfAnotherProcessIsWaitedFor() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1)) {
            OtherProcess.hold(path);
            assertNull(channel.tryLock());
            final Future<FileLock> first = channel.lock(0, 5, false);
            final Told<FileLock> second = new Told<>();
            channel.lock(5, 5, false, null, second);
            assertThrows(OverlappingFileLockException.class, () -> channel.lock(0, 1, false));
            assertFalse(first.isDone());
            assertFalse(second.isDone());
            OtherProcess.letGo();
            assertTrue(first.get().isValid());
            assertTrue(second.get().isValid());
        }
    }

    @Test
    void closingTheChannelEndsTheWaitForALock() throws Exception {
        final AsynchronousFileChannel channel = filled(10, 1);
        OtherProcess.hold(path);
        final Future<FileLock> first = channel.lock(0, 5, false);
        final Told<FileLock> second = new Told<>();
        channel.lock(5, 5, false, null, second);
        channel.close();
        assertFailure(AsynchronousCloseException.class, first);
        assertFailure(AsynchronousCloseException.class, second);
        OtherProcess.letGo();
    }

    @Test
    void cancellingByForceClosesTheChannelAndElseOnlyTheFuture() throws Exception {
        try (AsynchronousFileChannel channel = filled(10, 1)) {
            OtherProcess.hold(path);
            final Future<FileLock> first = channel.lock(0, 5, false);
            assertTrue(first.cancel(false));
            assertTrue(first.isCancelled());
            assertThrows(CancellationException.class, first::get);
            assertTrue(channel.isOpen());
            final Future<FileLock> second = channel.lock(5, 5, false);
            assertTrue(second.cancel(true));
            assertFalse(second.cancel(true));
            assertThrows(CancellationException.class, second::get);
            assertFalse(channel.isOpen());
            OtherProcess.letGo();
        }
    }

    // ---- closing ----

    @Test
    void aClosedChannelFailsEverything() throws Exception {
        final AsynchronousFileChannel channel = filled(10, 1);
        assertTrue(channel.isOpen());
        channel.close();
        channel.close();
        assertFalse(channel.isOpen());
        assertFailure(ClosedChannelException.class, channel.read(ByteBuffer.allocate(1), 0));
        assertFailure(ClosedChannelException.class, channel.read(ByteBuffer.allocate(0), 0));
        assertFailure(ClosedChannelException.class, channel.write(buffer(1, 1), 0));
        assertFailure(ClosedChannelException.class, channel.lock());
        final Told<Integer> told = new Told<>();
        channel.read(ByteBuffer.allocate(1), 0, "given", told);
        assertFailure(ClosedChannelException.class, told);
        assertEquals("given", told.attachment);
        assertNotEquals(Thread.currentThread(), told.thread);
        assertThrows(ClosedChannelException.class, channel::size);
        assertThrows(ClosedChannelException.class, () -> channel.truncate(0));
        assertThrows(ClosedChannelException.class, () -> channel.force(false));
        assertThrows(ClosedChannelException.class, () -> channel.force(true));
        assertThrows(ClosedChannelException.class, channel::tryLock);
        assertThrows(IllegalArgumentException.class, () -> channel.truncate(-1));
        assertThrows(IllegalArgumentException.class, () -> channel.read(ByteBuffer.allocate(1), -1));
    }

    @Test
    void readsThatHaveBegunEndWhenTheChannelCloses() throws Exception {
        for (int round = 0; round < 10; round++) {
            final AsynchronousFileChannel channel = filled(4_000_000, 1);
            final Future<?>[] operations = new Future<?>[50];
            for (int i = 0; i < operations.length; i++) {
                operations[i] = i % 2 == 0
                        ? channel.read(ByteBuffer.allocate(100), i * 20_000L + 17)
                        : channel.write(buffer(100, i), i * 20_000L + 17);
            }
            channel.close();
            for (final Future<?> operation : operations) {
                try {
                    assertEquals(100, operation.get());
                } catch (final ExecutionException e) {
                    assertSame(AsynchronousCloseException.class, e.getCause().getClass());
                }
            }
        }
    }

    @Test
    void operationsThatHaveBegunEndWhenTheChannelCloses() throws Exception {
        final AsynchronousFileChannel channel = filled(1_000_000, 1);
        final Future<?>[] writes = new Future<?>[50];
        for (int i = 0; i < writes.length; i++) {
            writes[i] = channel.write(buffer(20_000, i), i * 20_000L);
        }
        channel.close();
        for (final Future<?> write : writes) {
            try {
                assertEquals(20_000, write.get());
            } catch (final ExecutionException e) {
                assertSame(AsynchronousCloseException.class, e.getCause().getClass());
            }
        }
    }
}
