// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import io.writethrough.WriteThroughException;
import io.writethrough.internal.async.ChannelThreads;
import io.writethrough.internal.async.Helper;
import io.writethrough.internal.async.IoFuture;
import io.writethrough.internal.buffer.Buffers;
import io.writethrough.internal.file.OpenFile;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.CompletionHandler;
import java.nio.channels.FileLock;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * A file as the AsynchronousFileChannel that the JDK would have made of it. See {@code WriteThroughFile.asAsynchronousFileChannel(ExecutorService)}.
 *
 * <p>Every operation ends in a future of {@code WriteThroughFile}; who gave a handler gets it called on the executor, never by
 * the thread that began the operation: so that a handler which begins the next one does not call itself.
 */
public final class WriteThroughAsynchronousFileChannel extends AsynchronousFileChannel {
    private final OpenFile file;
    private final ExecutorService executor;
    private final Closeable closing;

    /* For programs that look for it by reflection, as in the JDK's own channel. null: the file has none. */
    @SuppressWarnings({"unused", "FieldCanBeLocal"})
    private final @Nullable FileDescriptor fdObj;

    /** @param closing closes the file */
    public WriteThroughAsynchronousFileChannel(
            final OpenFile file, final ExecutorService executor, final Closeable closing) {
        this.file = file;
        this.executor = executor;
        this.closing = closing;
        this.fdObj = WriteThroughFileChannel.descriptorOf(file);
    }

    // ---- read and write ----

    @Override
    public Future<Integer> read(final ByteBuffer destination, final long position) {
        return new ChannelFuture<>(this, beginRead(destination, position));
    }

    @Override
    public <A> void read(
            final ByteBuffer destination,
            final long position,
            final A attachment,
            final CompletionHandler<Integer, ? super A> handler) {
        requireHandler(handler);
        handle(beginRead(destination, position), attachment, handler);
    }

    private CompletableFuture<Integer> beginRead(final ByteBuffer destination, final long position) {
        requireNotNegative(position);
        if (!file.isReadable()) {
            throw new NonReadableChannelException();
        }
        if (destination.isReadOnly()) {
            throw new IllegalArgumentException("Read-only buffer");
        }
        requireExecutor();
        final boolean open = isOpen();
        return begun(open, file.reads().readAsync(destination, position));
    }

    @Override
    public Future<Integer> write(final ByteBuffer source, final long position) {
        return new ChannelFuture<>(this, beginWrite(source, position));
    }

    @Override
    public <A> void write(
            final ByteBuffer source,
            final long position,
            final A attachment,
            final CompletionHandler<Integer, ? super A> handler) {
        requireHandler(handler);
        handle(beginWrite(source, position), attachment, handler);
    }

    /* The caller's buffer moves at the end, as the JDK's would: until then its position is that of the write. */
    private CompletableFuture<Integer> beginWrite(final ByteBuffer source, final long position) {
        requireNotNegative(position);
        if (!file.isWritable()) {
            throw new NonWritableChannelException();
        }
        final int start = source.position();
        if (source.remaining() > Long.MAX_VALUE - position) {
            return IoFuture.failed(new IOException("Invalid argument"));
        }
        requireExecutor();
        final ByteBuffer held = held(source, start);
        if (held == null) {
            return IoFuture.failed(file.failed("write", position, source.remaining(), Errno.EFAULT, 0));
        }
        final boolean open = isOpen();
        return begun(open, beginWriteWithoutWaiting(held, position)).thenApply(count -> {
            source.position(start + count);
            return count;
        });
    }

    /* Memory that may go, or that is this thread's alone, is copied now. Null: it has gone. */
    private static @Nullable ByteBuffer held(final ByteBuffer source, final int start) {
        if (Buffers.isSteady(source)) {
            return source.duplicate();
        }
        final byte[] copy = Buffers.copyOf(source, start, Buffers.remaining(source, start));
        return copy == null ? null : ByteBuffer.wrap(copy);
    }

    /* Who begins an operation is not made to wait: where it would have to, another thread does. */
    private CompletableFuture<Integer> beginWriteWithoutWaiting(final ByteBuffer source, final long position) {
        final int flags = file.modeFlags();
        final CompletableFuture<Integer> write =
                file.writes().writeAsync(source, position, NativeIo.DURABILITY_OF_FILE, flags | NativeIo.NOWAIT);
        if (!write.isCompletedExceptionally() || !wouldWait(write)) {
            return write;
        }
        return file.writes().writeAsyncElsewhere(source, position, flags);
    }

    /* What was begun on an open channel, and found it closed, says so. */
    private static <V> CompletableFuture<V> begun(final boolean open, final CompletableFuture<V> future) {
        if (open && future.isCompletedExceptionally() && failureOf(future).getClass() == ClosedChannelException.class) {
            return IoFuture.failed(new AsynchronousCloseException());
        }
        return future;
    }

    private static Throwable failureOf(final CompletableFuture<?> failed) {
        return failed.handle((value, cause) -> cause).join();
    }

    private static boolean wouldWait(final CompletableFuture<Integer> failed) {
        final Throwable failure = failureOf(failed);
        return failure instanceof WriteThroughException e && (e.errno() == Errno.EAGAIN || e.errno() == Errno.EMSGSIZE);
    }

    // ---- locks ----

    @Override
    public Future<FileLock> lock(final long position, final long size, final boolean shared) {
        return new ChannelFuture<>(this, beginLock(position, size, shared));
    }

    @Override
    public <A> void lock(
            final long position,
            final long size,
            final boolean shared,
            final A attachment,
            final CompletionHandler<FileLock, ? super A> handler) {
        requireHandler(handler);
        handle(beginLock(position, size, shared), attachment, handler);
    }

    private CompletableFuture<FileLock> beginLock(final long position, final long size, final boolean shared) {
        requireLockable(shared);
        requireExecutor();
        if (!isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        try {
            return file.jdkChannels().lock(position, size, shared, lock -> new WriteThroughFileLock(this, lock));
        } catch (final IOException e) {
            return begun(true, IoFuture.failed(e));
        }
    }

    @Override
    public @Nullable FileLock tryLock(final long position, final long size, final boolean shared) throws IOException {
        requireLockable(shared);
        requireOpen();
        final FileLock lock;
        try {
            lock = file.jdkChannels().tryLock(position, size, shared);
        } catch (final ClosedChannelException e) {
            throw new AsynchronousCloseException();
        }
        return lock == null ? null : new WriteThroughFileLock(this, lock);
    }

    private void requireLockable(final boolean shared) {
        if (shared && !file.isReadable()) {
            throw new NonReadableChannelException();
        }
        if (!shared && !file.isWritable()) {
            throw new NonWritableChannelException();
        }
    }

    // ---- the file ----

    @Override
    public long size() throws IOException {
        return file.size();
    }

    @Override
    public AsynchronousFileChannel truncate(final long size) throws IOException {
        if (size < 0) {
            throw new IllegalArgumentException("Negative size");
        }
        if (!file.isWritable()) {
            throw new NonWritableChannelException();
        }
        if (size < file.size()) {
            file.truncate(size);
        }
        return this;
    }

    @Override
    public void force(final boolean metaData) throws IOException {
        file.force(metaData);
    }

    @Override
    public boolean isOpen() {
        return file.isOpen();
    }

    @Override
    public void close() throws IOException {
        closing.close();
    }

    /** The file's path, and whether the channel is open. */
    @Override
    public String toString() {
        return "AsynchronousFileChannel of " + file;
    }

    // ---- ends ----

    private <V, A> void handle(
            final CompletableFuture<V> future, final A attachment, final CompletionHandler<V, ? super A> handler) {
        future.whenCompleteAsync(
                (value, failure) -> {
                    try {
                        if (failure == null) {
                            handler.completed(value, attachment);
                        } else {
                            handler.failed(ChannelFuture.unwrapped(failure), attachment);
                        }
                    } catch (final Throwable e) {
                        final Thread thread = Thread.currentThread();
                        thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
                    }
                },
                this::execute);
    }

    /*
     * The end of an operation is told, if need be on another thread: the executor may have been shut down since it began, and
     * of the library's no thread may be to be had. Who begins an operation does not run its handler, but is told.
     */
    private void execute(final Runnable task) {
        try {
            executor.execute(task);
        } catch (final Throwable e) {
            executeAllTheSame(task);
        }
    }

    private static void executeAllTheSame(final Runnable task) {
        try {
            ChannelThreads.POOL.execute(task);
        } catch (final Throwable e) {
            if (!Helper.isCompleting()) {
                throw e;
            }
            task.run();
        }
    }

    private void requireExecutor() {
        if (executor.isShutdown() && isOpen()) {
            throw new RejectedExecutionException("the executor of " + this + " was shut down");
        }
    }

    private static void requireHandler(final CompletionHandler<?, ?> handler) {
        Objects.requireNonNull(handler, "'handler' is null");
    }

    private static void requireNotNegative(final long position) {
        if (position < 0) {
            throw new IllegalArgumentException("Negative position");
        }
    }

    private void requireOpen() throws ClosedChannelException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
    }
}
