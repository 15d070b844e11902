// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty42;

import io.netty.channel.IoEventLoop;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoHandler;
import io.writethrough.WriteThroughEngine;
import io.writethrough.internal.ring.Rings;
import java.io.IOException;
import java.util.Objects;

/**
 * A {@link WriteThroughEngine} whose asynchronous I/O is submitted on the io_uring of an event loop, together with that of its
 * channels: one ring, no thread of the engine beside it that waits for a device, and one system call for what the loop sends to
 * files and to sockets. All else is as with any engine, and so are the promises: what is durable when does not depend on who
 * submits. {@code NettyWriteThroughFile}, of the artifact {@code writethrough-netty}, takes files of such an engine.
 *
 * <pre>{@code
 * IoEventLoopGroup group = new MultiThreadIoEventLoopGroup(IoUringIoHandler.newFactory());
 * try (OneRing ring = OneRing.open(WriteThroughEngine.builder(), group.next())) {
 *     WriteThroughFile log = ring.engine().open(Path.of("log"), CREATE, WRITE);
 *     log.appendAsync(record).thenRun(...);
 * }
 * }</pre>
 *
 * <p><b>What goes on the ring.</b> Asynchronous writes, appends and reads of any thread, the gathers that follow, and what is
 * read ahead. Synchronous operations are system calls of their caller, as always. A thread that has to wait for I/O which the
 * loop did not take yet, since it is busy, has it done without the loop, by the engine's own backend ({@link
 * WriteThroughEngine.Builder#backend}). So it does not wait for a loop that is busy elsewhere, unless for I/O that is on the ring
 * already or was submitted since: that ends when the loop comes back.
 *
 * <p><b>On the loop itself</b> asynchronous operations are as everywhere; with {@code NOWAIT} they never wait. A synchronous one
 * would hold up the channels, as every blocking call does, and while I/O of the engine is on the ring it could wait for ever: for
 * the loop, which is waiting. So it fails then, with {@code EDEADLK} and before anything was changed, as do {@code open} and {@code
 * close}, and asynchronous operations that would have to wait to be started. Reads of cached bytes succeed always. Nothing
 * stops a loop from waiting for a {@code CompletableFuture}, which it never may.
 *
 * <p><b>The end.</b> Closing the engine lets its I/O end first, as always, and takes it off the loop. When the loop is shut down
 * first, it waits for what it has on the ring, and completes it; later I/O is the engine's own backend's, and the engine stays
 * open until it is closed.
 *
 * @since 0.1
 */
public final class OneRing implements AutoCloseable {
    private final WriteThroughEngine engine;
    private final RingHandle handle;

    private OneRing(final WriteThroughEngine engine, final RingHandle handle) {
        this.engine = engine;
        this.handle = handle;
    }

    /**
     * Opens an engine for an event loop. Several may be on one loop.
     *
     * @param options of the engine; its backend is for what does not go on the ring
     * @param loop of an {@link IoUringIoHandler}. It may be the calling thread
     * @return the open engine, on the loop
     * @throws IllegalArgumentException if the loop has no io_uring
     * @throws IllegalStateException if polling was asked for, or the loop is shut down
     * @throws IOException as {@link WriteThroughEngine.Builder#build()} does
     */
    public static OneRing open(final WriteThroughEngine.Builder options, final IoEventLoop loop) throws IOException {
        Objects.requireNonNull(options);
        if (!loop.isCompatible(IoUringIoHandle.class)) {
            throw new IllegalArgumentException("the loop has no io_uring: " + loop);
        }
        final RingHandle handle = new RingHandle(loop);
        final Rings.Access<WriteThroughEngine.Builder, WriteThroughEngine> access = Rings.access();
        final WriteThroughEngine engine = access.open(options, handle::mayWait);
        try {
            handle.begin(access.handle(engine));
            return new OneRing(engine, handle);
        } catch (final IOException | RuntimeException | Error e) {
            try {
                engine.close();
            } catch (final IOException | RuntimeException f) {
                e.addSuppressed(f);
            }
            throw e;
        }
    }

    /**
     * The engine.
     *
     * @return the same at every call
     */
    public WriteThroughEngine engine() {
        return engine;
    }

    /**
     * How many requests of this engine the loop has put on its ring. With {@link WriteThroughEngine#stats()} it tells how much of
     * the I/O goes there.
     *
     * @return a count that only grows
     */
    public long submissions() {
        return handle.submissions();
    }

    /**
     * Whether the engine's I/O goes on the ring.
     *
     * @return false when the engine was closed, or the loop was shut down
     */
    public boolean isOnRing() {
        return handle.isOnRing();
    }

    /**
     * Closes the engine.
     *
     * @throws IOException as {@link WriteThroughEngine#close()} does
     */
    @Override
    public void close() throws IOException {
        engine.close();
    }
}
