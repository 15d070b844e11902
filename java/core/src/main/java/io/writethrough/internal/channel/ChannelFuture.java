// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import java.io.IOException;
import java.nio.channels.AsynchronousChannel;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The future that an asynchronous channel returns: cancelled by force, it closes the channel, as AsynchronousChannel says. */
public final class ChannelFuture<V> implements Future<V> {
    private final AsynchronousChannel channel;
    private final CompletableFuture<V> future;

    ChannelFuture(final AsynchronousChannel channel, final CompletableFuture<V> future) {
        this.channel = channel;
        this.future = future;
    }

    static @Nullable Throwable unwrapped(final Throwable failure) {
        return failure instanceof CompletionException ? failure.getCause() : failure;
    }

    @Override
    public boolean cancel(final boolean mayInterruptIfRunning) {
        // Unlike its cancel, false if it was cancelled before.
        final boolean cancelled = future.completeExceptionally(new CancellationException());
        if (cancelled && mayInterruptIfRunning) {
            try {
                channel.close();
            } catch (final IOException e) {
                // Who cancels is not told: closing again would not help.
                return true;
            }
        }
        return cancelled;
    }

    @Override
    public boolean isCancelled() {
        return future.isCancelled();
    }

    @Override
    public boolean isDone() {
        return future.isDone();
    }

    @Override
    public V get() throws InterruptedException, ExecutionException {
        return future.get();
    }

    @Override
    public V get(final long timeout, final TimeUnit unit)
            throws InterruptedException, ExecutionException, TimeoutException {
        return future.get(timeout, unit);
    }
}
