// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty42;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoRegistration;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.uring.IoUringIoEvent;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoOps;
import io.netty.util.concurrent.Future;
import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.ring.Rings;
import java.io.IOException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a loop knows of an engine: takes its transfers and puts them on the ring, and passes their results on, those of one turn
 * of the loop together. It reads the notifier on the ring too, and comes to take when that read ends. All but the queries is done
 * by the loop's thread. It does not know the engine's object, which may be lost.
 */
final class RingHandle implements IoUringIoHandle {
    private static final System.Logger LOGGER = System.getLogger("io.writethrough");

    /* Of linux/io_uring.h. */
    private static final byte OP_READ = 22;

    private static final long NOTIFIER = -1;
    private static final int NOTIFIER_BYTES = 8;

    /* A request that could not be submitted; the core sends it again. */
    private static final int ECANCELED = 125;

    private static final IoHandlerContext UNTIL_SOMETHING_ENDS = new IoHandlerContext() {
        @Override
        public boolean canBlock() {
            return true;
        }

        @Override
        public long delayNanos(final long currentTimeNanos) {
            return Long.MAX_VALUE;
        }

        @Override
        public long deadlineNanos() {
            return -1;
        }
    };

    private final IoEventLoop loop;
    private final long[] transfers = new long[NativeIo.TRANSFERS_AT_ONCE * NativeIo.TRANSFER_LONGS];
    private final long[] ends = new long[NativeIo.TRANSFERS_AT_ONCE];
    private final Runnable turn = this::turn;

    private long engine;
    private @Nullable IoRegistration registration;
    private @Nullable Future<?> watch;
    private @Nullable FileDescriptor notifier;
    private @Nullable ByteBuf notified;
    private boolean notifierRead;
    private boolean closing;
    private boolean turnScheduled;
    private int endCount;

    private volatile boolean onRing;
    private volatile long submissions;

    RingHandle(final IoEventLoop loop) {
        this.loop = loop;
    }

    long submissions() {
        return submissions;
    }

    boolean isOnRing() {
        return onRing;
    }

    /** Not on the loop while it has I/O of the engine. */
    boolean mayWait() {
        return !loop.inEventLoop() || CApi.wt_external_may_wait(engine) != -Errno.EDEADLK;
    }

    /** Returns when the engine is on the loop. */
    void begin(final long engineHandle) throws IOException {
        engine = engineHandle;
        try {
            register();
        } catch (final RejectedExecutionException e) {
            throw new IllegalStateException("the loop is shut down", e);
        }
    }

    private void register() throws IOException {
        final Future<IoRegistration> registering = loop.register(this);
        if (loop.inEventLoop()) {
            attach(registering.getNow(), registering.cause());
            return;
        }
        final Future<Void> attaching = loop.submit(() -> {
            attach(registering.getNow(), registering.cause());
            return null;
        });
        if (!attaching.awaitUninterruptibly().isSuccess()) {
            final Throwable cause = attaching.cause();
            if (cause instanceof IOException e) {
                throw e;
            }
            throw new IllegalStateException("the loop does not take the engine", cause);
        }
    }

    private void attach(final @Nullable IoRegistration registered, final @Nullable Throwable refusal)
            throws IOException {
        if (registered == null) {
            throw new IllegalStateException("the loop does not take the engine", refusal);
        }
        registration = registered;
        final int descriptor = CApi.wt_external_attach(engine);
        if (descriptor < 0) {
            registration.cancel();
            final String advice = descriptor == -Errno.EBUSY
                    ? "The engine has an event loop already. Open an engine for each loop."
                    : Errno.advice(-descriptor);
            throw Rings.refused("attach of an engine to an event loop", -descriptor, advice);
        }
        notifier = new FileDescriptor(descriptor);
        notified = UnpooledByteBufAllocator.DEFAULT.directBuffer(NOTIFIER_BYTES);
        onRing = true;
        watchForShutdown();
        readNotifier();
    }

    /*
     * A loop that shuts down without a quiet period may close no handle, and run no shutdown hook, before it closes its ring. But
     * it always cancels what is scheduled before, on its own thread and not while it handles events.
     */
    private void watchForShutdown() {
        watch = loop.schedule(() -> {}, 1, TimeUnit.DAYS);
        watch.addListener(future -> {
            if (loop.isShuttingDown()) {
                close();
            } else if (!future.isCancelled()) {
                watchForShutdown();
            }
        });
    }

    private void readNotifier() {
        assert notifier != null && notified != null;
        try {
            notifierRead = submit(new IoUringIoOps(
                    OP_READ,
                    (byte) 0,
                    (short) 0,
                    notifier.intValue(),
                    0,
                    notified.memoryAddress(),
                    NOTIFIER_BYTES,
                    0,
                    NOTIFIER,
                    (short) 0,
                    (short) 0,
                    0,
                    0));
        } catch (final OutOfMemoryError e) {
            notifierRead = false;
        }
        if (!notifierRead) {
            scheduleTurn();
        }
    }

    private boolean submit(final IoUringIoOps operation) {
        assert registration != null;
        try {
            return registration.submit(operation) != 0;
        } catch (final RuntimeException e) {
            LOGGER.log(System.Logger.Level.WARNING, "the ring of an event loop takes no more", e);
            return false;
        }
    }

    @Override
    public void handle(final IoRegistration source, final IoEvent event) {
        final IoUringIoEvent completion = (IoUringIoEvent) event;
        if (completion.userData() == NOTIFIER) {
            notifierRead = false;
            scheduleTurn();
            return;
        }
        if (endCount == ends.length) {
            passOn();
        }
        end((int) completion.userData(), completion.res());
    }

    private void end(final int token, final int result) {
        ends[endCount++] = (long) token << Integer.SIZE | result & 0xffffffffL;
        scheduleTurn();
    }

    /* When the loop has seen to all that has ended by now. */
    private void scheduleTurn() {
        if (turnScheduled || closing) {
            return;
        }
        try {
            loop.execute(turn);
            turnScheduled = true;
        } catch (final OutOfMemoryError e) {
            // No task is to be had: what has ended must not wait for one. The notifier tells of what follows.
            passOn();
        }
    }

    private void turn() {
        turnScheduled = false;
        passOn();
        if (take() && !closing && !notifierRead) {
            readNotifier();
        }
    }

    private void passOn() {
        if (endCount > 0) {
            final int count = endCount;
            endCount = 0;
            final int result = NativeIo.done(engine, ends, count);
            assert result == 0 : Errno.name(-result);
        }
    }

    /** Submits what there is. Returns false if the engine is closed. */
    private boolean take() {
        int count;
        do {
            count = NativeIo.take(engine, transfers);
            for (int i = 0; i < count; i++) {
                submitTransfer(i * NativeIo.TRANSFER_LONGS);
            }
            if (count > 0) {
                submissions += count;
            }
        } while (count == NativeIo.TRANSFERS_AT_ONCE);
        if (count < 0) {
            leave();
        }
        return count >= 0;
    }

    private void submitTransfer(final int at) {
        final long request = transfers[at];
        final long length = transfers[at + 3];
        final int token = (int) transfers[at + 4];
        boolean submitted = false;
        try {
            submitted = submit(new IoUringIoOps(
                    (byte) request,
                    (byte) (request >> 8),
                    (short) (request >> 16),
                    (int) (request >> 32),
                    transfers[at + 1],
                    transfers[at + 2],
                    (int) length,
                    (int) (length >> 32),
                    token,
                    (short) 0,
                    (short) 0,
                    0,
                    0));
        } catch (final OutOfMemoryError e) {
            submitted = false; // What was taken and is not on the ring goes another way.
        }
        if (!submitted) {
            end(token, -ECANCELED);
        }
    }

    /** The loop shuts down: all that is on the ring has to end before that is gone. */
    @Override
    public void close() {
        if (closing || notifier == null) {
            return;
        }
        closing = true;
        onRing = false;
        assert registration != null;
        final IoHandler ring = registration.attachment();
        passOn();
        while (CApi.wt_external_detach(engine) > 0 || notifierRead) {
            take();
            ring.run(UNTIL_SOMETHING_ENDS);
            passOn();
        }
        leave();
    }

    private void leave() {
        onRing = false;
        assert watch != null && registration != null;
        watch.cancel(false);
        registration.cancel();
    }

    /** Nothing of it is on the ring any more. */
    @Override
    public void unregistered() {
        onRing = false;
        if (notifier == null) {
            return;
        }
        try {
            notifier.close();
        } catch (final IOException e) {
            LOGGER.log(System.Logger.Level.WARNING, "closing the notifier of an engine", e);
        }
        assert notified != null;
        notified.release();
        notifier = null;
    }
}
