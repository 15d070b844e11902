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
 * A {@link WriteThroughEngine} that submits its asynchronous I/O on the io_uring of an event loop. Files and sockets
 * share that ring: one system call submits the I/O of both, and the engine has no thread that waits for the device.
 * Everything else is as with any engine. What is durable at return, or when a future completes, does not depend on the
 * thread that submits. {@code NettyWriteThroughFile}, of the artifact {@code writethrough-netty}, takes files of such
 * an engine.
 *
 * <pre>{@code
 * IoEventLoopGroup group = new MultiThreadIoEventLoopGroup(IoUringIoHandler.newFactory());
 * try (OneRing ring = OneRing.open(WriteThroughEngine.builder(), group.next())) {
 *     WriteThroughFile log = ring.engine().open(Path.of("log"), CREATE, WRITE);
 *     log.appendAsync(record).thenRun(...);
 * }
 * }</pre>
 *
 * <p><b>What is submitted on the ring.</b> Asynchronous writes, appends and reads of any thread, the gathers that
 * follow, and reads ahead. A synchronous operation is a system call of its caller, as with any engine. A thread may
 * have to wait for I/O that a busy loop has not taken yet. The engine's own backend ({@link
 * WriteThroughEngine.Builder#backend}) then does that I/O, without the loop. I/O that is on the ring, or was submitted
 * since, ends when the loop comes back.
 *
 * <p><b>Calls on the loop's thread.</b> Asynchronous operations work as on other threads; with {@code NOWAIT} they
 * never wait. A synchronous operation holds up the channels, as every call that blocks does. While the ring has I/O of
 * the engine, a call that waits on the loop's thread could wait for ever, since only that thread reaps the I/O. Such a
 * call fails with {@code EDEADLK} and changes nothing: a synchronous operation, {@code open}, {@code close}, and an
 * asynchronous operation that would have to wait to be started. A read of cached bytes succeeds always. The library
 * cannot find a loop that waits for a {@code CompletableFuture}: a loop must never do so.
 *
 * <p><b>The end.</b> Closing the engine waits for the I/O in flight, and takes the engine off the loop. A loop that is
 * shut down first waits for the I/O on its ring, and completes it. The engine's own backend does later I/O, and the
 * engine stays open until it is closed.
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
     * Opens an engine for an event loop. A loop may have several engines.
     *
     * @param options the options of the engine; the backend is for I/O that does not go on the ring
     * @param loop an event loop of an {@link IoUringIoHandler}. The caller may be on this loop
     * @return the open engine, on the loop
     * @throws IllegalArgumentException if the loop has no io_uring
     * @throws IllegalStateException if the options ask for completion polling, or the loop is shut down
     * @throws IOException as {@link WriteThroughEngine.Builder#build()} throws it
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
     * @return the same object at every call
     */
    public WriteThroughEngine engine() {
        return engine;
    }

    /**
     * The count of requests of this engine that the loop has put on its ring. {@link WriteThroughEngine#stats()} counts
     * all I/O.
     *
     * @return a count that only grows
     */
    public long submissions() {
        return handle.submissions();
    }

    /**
     * Whether the engine submits its I/O on the ring.
     *
     * @return false if the engine is closed or the loop is shut down
     */
    public boolean isOnRing() {
        return handle.isOnRing();
    }

    /**
     * Closes the engine and all its files, as {@link WriteThroughEngine#close()} does. Returns when no I/O is in
     * flight.
     *
     * @throws IOException as {@link WriteThroughEngine#close()} throws it
     */
    @Override
    public void close() throws IOException {
        engine.close();
    }
}
