// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.util.concurrent.DefaultPromise;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.writethrough.WriteThroughException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * One operation on a file, from the call to the end of its future. It is started at once, or waits in {@link
 * WaitingOperations} until it can be. The future completes on the caller's executor: this object is the task that does it.
 */
abstract class FileOperation<T> implements Runnable {
    private final EventExecutor executor;
    private final Promise<T> promise;

    private @Nullable T value;
    private @Nullable Throwable failure;

    FileOperation(final EventExecutor executor) {
        this.executor = executor;
        this.promise = new DefaultPromise<>(executor);
    }

    final Future<T> future() {
        return promise;
    }

    /**
     * Starts the operation on the event loop. Returns false where it would have to wait: then nothing was changed, and {@link
     * #startWaiting()} is to follow.
     */
    abstract boolean startNow();

    /** Starts the operation on a thread that may wait. */
    abstract void startWaiting();

    /** Lets go of what an operation holds that is never started. */
    abstract void release();

    /** Whether a read of this range must see what this operation does. */
    boolean isWriteWithin(final long position, final long length) {
        return false;
    }

    /** An operation that nobody waits for any more is not started. */
    final boolean isCancelled() {
        return promise.isCancelled();
    }

    /** From now on the future can't be cancelled. Returns false if it was. */
    final boolean begin() {
        return promise.setUncancellable();
    }

    final void succeed(final @Nullable T result) {
        value = result;
        end();
    }

    final void fail(final Throwable cause) {
        failure = cause instanceof CompletionException && cause.getCause() != null ? cause.getCause() : cause;
        end();
    }

    /** It does not come to be started. */
    final void refuse(final Throwable cause) {
        release();
        fail(cause);
    }

    private void end() {
        if (executor.inEventLoop()) {
            run();
            return;
        }
        try {
            executor.execute(this);
        } catch (final RejectedExecutionException e) {
            orphaned(e);
        } catch (final Error e) {
            // The executor has no memory for the task: what was done is told all the same, by this thread.
            run();
        }
    }

    /** The event loop was shut down, and with it whoever would take the result. */
    private void orphaned(final RejectedExecutionException cause) {
        if (failure == null) {
            discard(value);
            failure = cause;
        }
        promise.tryFailure(failure);
    }

    /** Completes the future. */
    @Override
    public final void run() {
        if (failure != null) {
            promise.tryFailure(failure);
        } else if (!promise.trySuccess(value)) {
            discard(value);
        }
    }

    /** A result that nobody takes. */
    void discard(final @Nullable T result) {}

    /** What a future failed with, null if it did not, or has not yet. */
    static @Nullable Throwable failureOf(final CompletableFuture<?> future) {
        if (!future.isCompletedExceptionally()) {
            return null;
        }
        try {
            future.join();
            return null;
        } catch (final CompletionException e) {
            return e.getCause();
        }
    }

    /** Whether this is how a file says that it would have to wait, or that it takes as much only if it may. */
    static boolean mustWait(final @Nullable Throwable cause) {
        return cause instanceof WriteThroughException refused
                && (refused.errnoName().equals("EAGAIN") || refused.errnoName().equals("EMSGSIZE"));
    }
}
