// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The future of an operation, and whatever is derived from it. A thread that completes futures, and in a callback waits for
 * such a future, completes others meanwhile: else the one it waits for might be among them. A thread that has a lane ends
 * the I/O of its lanes first, for the same reason.
 *
 * <p>A callback that is given to a future which is done runs at once, within the call, and may begin an operation that is done
 * at once too, and give its future a callback, and so on. So that such a row may have any length, every so many deep a
 * callback runs where futures complete, and not within the call.
 */
public final class IoFuture<T> extends CompletableFuture<T> {
    private static final int DEEPEST_CALLBACK = 64;

    /* How many calls of this class are on the stack of a thread. An array knows no class of this library: it keeps none loaded. */
    private static final ThreadLocal<int[]> DEPTH = ThreadLocal.withInitial(() -> new int[1]);

    /* Null: the operation did not begin. */
    private final @Nullable Completions completions;

    public IoFuture(final @Nullable Completions completions) {
        this.completions = completions;
    }

    public static <T> IoFuture<T> completed(final T value, final @Nullable Completions completions) {
        final IoFuture<T> future = new IoFuture<>(completions);
        future.complete(value);
        return future;
    }

    public static <T> IoFuture<T> failed(final Throwable failure) {
        final IoFuture<T> future = new IoFuture<>(null);
        future.completeExceptionally(failure);
        return future;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new IoFuture<>(completions);
    }

    @Override
    public T join() {
        if (!isDone()) {
            LaneThreads.workFor(this);
            Helper.helpUntilDone(this);
        }
        return super.join();
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        if (!isDone()) {
            LaneThreads.workFor(this);
            Helper.helpUntilDone(this, Long.MAX_VALUE);
        }
        return super.get();
    }

    @Override
    public T get(final long timeout, final TimeUnit unit)
            throws InterruptedException, ExecutionException, TimeoutException {
        if (isDone()) {
            return super.get(timeout, unit);
        }
        final long nanos = unit.toNanos(timeout);
        final long begin = System.nanoTime();
        LaneThreads.workFor(this);
        Helper.helpUntilDone(this, nanos);
        return super.get(nanos - (System.nanoTime() - begin), TimeUnit.NANOSECONDS);
    }

    /* ---- callbacks ---- */

    /* Null: this thread is too deep in them. Else to be counted down. */
    private static int @Nullable [] deeper() {
        final int[] depth = DEPTH.get();
        if (depth[0] == DEEPEST_CALLBACK) {
            return null;
        }
        depth[0]++;
        return depth;
    }

    private void elsewhere(final Runnable task) {
        if (completions != null) {
            completions.execute(task);
        } else {
            ChannelThreads.POOL.execute(task);
        }
    }

    @Override
    public <U> CompletableFuture<U> thenApply(final Function<? super T, ? extends U> function) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.thenApplyAsync(function, this::elsewhere);
        }
        try {
            return super.thenApply(function);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<Void> thenAccept(final Consumer<? super T> action) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.thenAcceptAsync(action, this::elsewhere);
        }
        try {
            return super.thenAccept(action);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<Void> thenRun(final Runnable action) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.thenRunAsync(action, this::elsewhere);
        }
        try {
            return super.thenRun(action);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public <U, V> CompletableFuture<V> thenCombine(
            final CompletionStage<? extends U> other, final BiFunction<? super T, ? super U, ? extends V> function) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.thenCombineAsync(other, function, this::elsewhere);
        }
        try {
            return super.thenCombine(other, function);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public <U> CompletableFuture<Void> thenAcceptBoth(
            final CompletionStage<? extends U> other, final BiConsumer<? super T, ? super U> action) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.thenAcceptBothAsync(other, action, this::elsewhere);
        }
        try {
            return super.thenAcceptBoth(other, action);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<Void> runAfterBoth(final CompletionStage<?> other, final Runnable action) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.runAfterBothAsync(other, action, this::elsewhere);
        }
        try {
            return super.runAfterBoth(other, action);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public <U> CompletableFuture<U> applyToEither(
            final CompletionStage<? extends T> other, final Function<? super T, U> function) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.applyToEitherAsync(other, function, this::elsewhere);
        }
        try {
            return super.applyToEither(other, function);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<Void> acceptEither(
            final CompletionStage<? extends T> other, final Consumer<? super T> action) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.acceptEitherAsync(other, action, this::elsewhere);
        }
        try {
            return super.acceptEither(other, action);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<Void> runAfterEither(final CompletionStage<?> other, final Runnable action) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.runAfterEitherAsync(other, action, this::elsewhere);
        }
        try {
            return super.runAfterEither(other, action);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public <U> CompletableFuture<U> thenCompose(final Function<? super T, ? extends CompletionStage<U>> function) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.thenComposeAsync(function, this::elsewhere);
        }
        try {
            return super.thenCompose(function);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<T> whenComplete(final BiConsumer<? super T, ? super Throwable> action) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.whenCompleteAsync(action, this::elsewhere);
        }
        try {
            return super.whenComplete(action);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public <U> CompletableFuture<U> handle(final BiFunction<? super T, Throwable, ? extends U> function) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.handleAsync(function, this::elsewhere);
        }
        try {
            return super.handle(function);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<T> exceptionally(final Function<Throwable, ? extends T> function) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.exceptionallyAsync(function, this::elsewhere);
        }
        try {
            return super.exceptionally(function);
        } finally {
            depth[0]--;
        }
    }

    @Override
    public CompletableFuture<T> exceptionallyCompose(final Function<Throwable, ? extends CompletionStage<T>> function) {
        final int[] depth = deeper();
        if (depth == null) {
            return super.exceptionallyComposeAsync(function, this::elsewhere);
        }
        try {
            return super.exceptionallyCompose(function);
        } finally {
            depth[0]--;
        }
    }
}
