// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.netty.util.internal.ThreadExecutorMap;
import io.writethrough.StorageProfile;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.util.Objects;
import java.util.concurrent.Executor;

/**
 * A {@link WriteThroughFile} for event loops: written from and read into {@link ByteBuf}s, never waited for. A write's future
 * succeeds when its bytes are on stable storage, as the durability of the file asks.
 *
 * <p><b>Futures</b> complete on the event loop that made the call, where their listeners run; for callers that are on none, on
 * the {@link GlobalEventExecutor}. Every failure is the future's: bad arguments, a closed file ({@link
 * ClosedChannelException}), a file that was not opened for it ({@link NonWritableChannelException}, {@link
 * NonReadableChannelException}), and all that the device refuses ({@link io.writethrough.WriteThroughException}).
 *
 * <p><b>Buffers.</b> A write takes over the caller's reference to its buffer, as {@link io.netty.channel.Channel#write} does,
 * and releases it whatever comes: as a rule before it returns, since the bytes are in the cache of the engine then. To keep
 * the buffer, {@link ByteBuf#retain()} it. The readable bytes are written, and the indexes do not move. Direct, heap and composite
 * buffers are copied once, into the cache; the pieces of a composite one are one write. (A heap buffer that is read-only,
 * or a buffer that shows no {@link ByteBuf#nioBuffers() memory}, is copied twice.) A read's buffer belongs to whoever takes it
 * from the future.
 *
 * <p><b>Never waiting.</b> Where a write would have to wait (for {@link WriteThroughEngine.Builder#inFlightBytes}, for a block
 * that is partly overwritten and not cached, or because it is longer than the engine takes at once) it is left to a helper
 * thread, and the writes and appends that come after it go behind it until it was started. So writes to one file are
 * applied in the order of one thread's calls, and appends are in the file in that order. A read sees every write that was called
 * before it, and goes behind one only where they overlap; but for what makes the file longer, which it sees when that is stable.
 * Nothing bounds how many operations wait, so look at {@link #waiting()}, or at the futures, as {@link DurableHandler} does. On a
 * file system without direct I/O ({@link
 * StorageProfile.WritePath#BUFFERED}) every operation is a system call that may wait: all go to helper threads there.
 *
 * <p><b>Cancelling</b> a write succeeds only while it waits to be started: nothing is written then. Cancelling a read stops
 * the waiting: its buffer is released when the device has done with it.
 *
 * <p>Make one for a file: the order of writes is kept among those that go through the same object. All methods may be called by
 * any thread.
 *
 * @since 0.1
 */
public final class NettyWriteThroughFile {
    private final WriteThroughFile file;
    private final ByteBufAllocator allocator;
    private final boolean buffered;
    private final WaitingOperations waiting;
    private final HelperReads reads;
    private volatile boolean closed;

    private NettyWriteThroughFile(
            final WriteThroughFile file,
            final ByteBufAllocator allocator,
            final Executor helper,
            final boolean buffered) {
        this.file = file;
        this.allocator = allocator;
        this.buffered = buffered;
        this.waiting = new WaitingOperations(helper);
        this.reads = new HelperReads(helper);
    }

    /**
     * A file for event loops, with {@link PooledByteBufAllocator#DEFAULT} and helper threads of the library, 16 at most.
     *
     * @param file an open file; {@link #close()} closes it
     * @return a new object
     * @throws IOException if the file is closed, or the system does not say how it is written
     */
    public static NettyWriteThroughFile of(final WriteThroughFile file) throws IOException {
        return of(file, PooledByteBufAllocator.DEFAULT, HelperThreads.POOL);
    }

    /**
     * A file for event loops.
     *
     * @param file an open file; {@link #close()} closes it
     * @param allocator makes the buffers of reads, direct ones
     * @param helper runs what waits: one task at a time for the writes of a file, and on a file system without direct I/O one
     *     for each read. Its threads must be no event loops
     * @return a new object
     * @throws IOException if the file is closed, or the system does not say how it is written
     */
    public static NettyWriteThroughFile of(
            final WriteThroughFile file, final ByteBufAllocator allocator, final Executor helper) throws IOException {
        Objects.requireNonNull(allocator);
        Objects.requireNonNull(helper);
        final boolean buffered = file.profile().writePath() == StorageProfile.WritePath.BUFFERED;
        return new NettyWriteThroughFile(file, allocator, helper, buffered);
    }

    /**
     * Writes the readable bytes of a buffer.
     *
     * @param source the bytes; the caller's reference is taken over, in every case
     * @param position where in the file the first of them goes
     * @return succeeds with the count of bytes, all of them, when they are stable; fails as {@link
     *     WriteThroughFile#writeAsync(java.nio.ByteBuffer, long)} does, also for a position that is negative ({@link
     *     IllegalArgumentException})
     */
    public Future<Integer> write(final ByteBuf source, final long position) {
        return startInOrder(WriteOperation.write(callersExecutor(), file, source, position));
    }

    /**
     * Writes the readable bytes of a buffer to the end of the file. Appends of one thread are in the file in the order of its
     * calls, and many that come at a time leave together.
     *
     * @param source the bytes; the caller's reference is taken over, in every case
     * @return succeeds with where in the file the first of them is, in bytes from its start, when they and all before them are
     *     stable; fails as {@link WriteThroughFile#appendAsync(java.nio.ByteBuffer)} does
     */
    public Future<Long> append(final ByteBuf source) {
        return append(source, callersExecutor());
    }

    /** The same, and the future completes on this executor. */
    Future<Long> append(final ByteBuf source, final EventExecutor executor) {
        return startInOrder(WriteOperation.append(executor, file, source));
    }

    private <T> Future<T> startInOrder(final FileOperation<T> operation) {
        if (closed) {
            operation.refuse(new ClosedChannelException());
        } else if (buffered || !waiting.isEmpty() || !operation.startNow()) {
            waiting.add(operation);
        }
        return operation.future();
    }

    /**
     * Reads from the file. What is cached is there when this returns, and the future has succeeded then.
     *
     * @param position where in the file to begin
     * @param length how many bytes, at most
     * @return succeeds with a pooled buffer of the bytes read, which the taker is to release: fewer than asked only at the end of
     *     the file, none at or past it. Fails as {@link WriteThroughFile#readAsync(java.nio.ByteBuffer, long)} does, also for
     *     a position or length that is negative ({@link IllegalArgumentException})
     */
    public Future<ByteBuf> read(final long position, final int length) {
        final ReadOperation operation = new ReadOperation(callersExecutor(), file, allocator, position, length);
        if (closed) {
            operation.refuse(new ClosedChannelException());
        } else if (length == 0 && position >= 0) {
            operation.succeed(Unpooled.EMPTY_BUFFER);
        } else if (!waiting.isEmpty() && waiting.anyWriteWithin(position, length)) {
            waiting.add(operation);
        } else if (buffered) {
            reads.start(operation);
        } else {
            operation.startNow();
        }
        return operation.future();
    }

    /**
     * Closes the file, after all that was called before: operations that wait are started and finished first. Later ones fail
     * with {@link ClosedChannelException}.
     *
     * @return succeeds when the file is closed; fails if close(2) reports an error, and the file is closed all the same
     */
    public Future<Void> close() {
        closed = true;
        final CloseOperation operation = new CloseOperation(callersExecutor(), file);
        reads.afterAll(() -> waiting.add(operation));
        return operation.future();
    }

    /**
     * How many operations wait to be started: for a caller that is to slow down.
     *
     * @return 0 as long as the device keeps up
     */
    public int waiting() {
        return waiting.count();
    }

    /**
     * The file itself, for all that does not move bytes. Most of its methods wait: they are not for event loops.
     *
     * @return the same object
     */
    public WriteThroughFile file() {
        return file;
    }

    /** The path, and whether the file is open. */
    @Override
    public String toString() {
        return "NettyWriteThroughFile[" + file.path() + (file.isOpen() ? "]" : ", closed]");
    }

    private static EventExecutor callersExecutor() {
        final EventExecutor current = ThreadExecutorMap.currentExecutor();
        return current != null ? current : GlobalEventExecutor.INSTANCE;
    }
}
