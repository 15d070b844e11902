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
 * A {@link WriteThroughFile} for event loops: its operations take and return {@link ByteBuf}s, and no call waits for
 * the device. The future of a write succeeds when the bytes are on stable storage, to the {@link
 * WriteThroughFile#durability() durability} that the file was opened with. Positions and lengths are bytes; the first
 * byte of the file is at position 0. No position, length or buffer address needs an alignment.
 *
 * <p><b>Futures.</b> A future completes on the event loop that made the call, and its listeners run there. For a caller
 * on no event loop, futures complete on the {@link GlobalEventExecutor}. No method throws an error of an operation; the
 * future fails with the error:
 *
 * <ul>
 *   <li>{@link IllegalArgumentException}: a position or a length is negative;
 *   <li>{@link ClosedChannelException}: the file is closed;
 *   <li>{@link NonWritableChannelException} and {@link NonReadableChannelException}: the file was not opened for the
 *       operation;
 *   <li>{@link io.writethrough.WriteThroughException}: the system or the device refused the operation. The exception
 *       says how many bytes of a write are stable.
 * </ul>
 *
 * <p><b>Buffers of writes.</b> A write takes over the caller's reference to its buffer, as {@link
 * io.netty.channel.Channel#write} does, and releases the reference in every case. The release usually happens before
 * the call returns, since the bytes are in the cache of the engine then. A caller that keeps the buffer calls {@link
 * ByteBuf#retain()} first. The write takes the readable bytes, and moves no index of the buffer. The bytes of a direct,
 * heap or composite buffer are copied once, into the cache. The components of a composite buffer are one write. The
 * bytes of a read-only heap buffer, or of a buffer without {@link ByteBuf#nioBuffers() visible memory}, are copied
 * twice.
 *
 * <p><b>Buffers of reads.</b> The buffer belongs to the one that takes it from the future, and has to be released by
 * that one.
 *
 * <p><b>Writes that would wait.</b> A write may have to wait: for the limit {@link
 * WriteThroughEngine.Builder#inFlightBytes}, for a block that the write overwrites in part and that is not cached, or
 * because the write is longer than the engine takes at once. A helper thread then starts the write. Later writes and
 * appends queue behind that write. So the writes of one thread are applied in the order of its calls, and its appends
 * are in the file in that order. The queue has no limit: look at {@link #waiting()} or at the futures, as {@link
 * DurableHandler} does. On a file system without direct I/O ({@link StorageProfile.WritePath#BUFFERED}) every operation
 * is a system call that may wait, so helper threads do all of them.
 *
 * <p><b>Reads.</b> A read sees every write that was called before the read. The read queues only behind writes of the
 * same range. Bytes that make the file longer are an exception: a read sees them when they are stable.
 *
 * <p><b>Cancelling.</b> A write can be cancelled while the write waits in the queue; nothing is written then.
 * Cancelling a read ends only the waiting: the buffer is released when the device has finished.
 *
 * <p>Make one object for each file: the order of writes is kept among the calls of one object. Any number of threads
 * may call all methods at a time.
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
     * Wraps a file, with {@link PooledByteBufAllocator#DEFAULT} and the helper threads of this library, 16 at most.
     *
     * @param file an open file; {@link #close()} closes it
     * @return a new object
     * @throws IOException if the file is closed, or the system does not tell how the file is written
     */
    public static NettyWriteThroughFile of(final WriteThroughFile file) throws IOException {
        return of(file, PooledByteBufAllocator.DEFAULT, HelperThreads.POOL);
    }

    /**
     * Wraps a file.
     *
     * @param file an open file; {@link #close()} closes it
     * @param allocator allocates the direct buffers of reads
     * @param helper runs what waits: one task at a time for the writes of a file. On a file system without direct I/O
     *     the helper also runs one task for each read. Its threads must not be event loops
     * @return a new object
     * @throws IOException if the file is closed, or the system does not tell how the file is written
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
     * @param source the bytes; the call takes over the caller's reference in every case
     * @param position the place of the first byte in the file, in bytes from the start of the file
     * @return succeeds with the count of bytes, which are all of them, when they are stable. Fails as {@link
     *     WriteThroughFile#writeAsync(java.nio.ByteBuffer, long)} fails, and with {@link IllegalArgumentException} if
     *     the position is negative
     */
    public Future<Integer> write(final ByteBuf source, final long position) {
        return startInOrder(WriteOperation.write(callersExecutor(), file, source, position));
    }

    /**
     * Writes the readable bytes of a buffer to the end of the file. The appends of one thread are in the file in the
     * order of the calls. Appends that are in flight at a time share a write to the device.
     *
     * @param source the bytes; the call takes over the caller's reference in every case
     * @return succeeds with the position of the first byte in the file, when these bytes and all bytes before them are
     *     stable. Fails as {@link WriteThroughFile#appendAsync(java.nio.ByteBuffer)} fails
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
     * Reads from the file. If all bytes are cached, the future has succeeded when the call returns.
     *
     * @param position where to begin, in bytes from the start of the file
     * @param length how many bytes to read at most
     * @return succeeds with a buffer of the bytes, which the receiver releases. The buffer has fewer bytes than asked
     *     for only at the end of the file, and none at or behind the end. Fails as {@link
     *     WriteThroughFile#readAsync(java.nio.ByteBuffer, long)} fails, and with {@link IllegalArgumentException} if
     *     the position or the length is negative
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
     * Closes the file, after all operations that were called before, including those in the queue. Later operations
     * fail with {@link ClosedChannelException}.
     *
     * @return succeeds when the file is closed. Fails if close(2) reports an error; the file is closed then, too
     */
    public Future<Void> close() {
        closed = true;
        final CloseOperation operation = new CloseOperation(callersExecutor(), file);
        reads.afterAll(() -> waiting.add(operation));
        return operation.future();
    }

    /**
     * The count of operations that wait in the queue, for a caller that can slow down.
     *
     * @return 0 as long as the device keeps up
     */
    public int waiting() {
        return waiting.count();
    }

    /**
     * The file itself, for everything but reads and writes. Most methods of the file wait for the device: do not call
     * them on an event loop.
     *
     * @return the same object at every call
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
