package io.writethrough;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The future of an operation, and whatever is derived from it. A thread that completes futures, and in a callback waits for
 * such a future, completes others meanwhile: else the one it waits for might be among them.
 */
final class IoFuture<T> extends CompletableFuture<T> {
    /* Null: the operation did not begin. */
    private final Completions completions;

    IoFuture(final Completions completions) {
        this.completions = completions;
    }

    static <T> IoFuture<T> completed(final T value, final Completions completions) {
        final IoFuture<T> future = new IoFuture<>(completions);
        future.complete(value);
        return future;
    }

    static <T> IoFuture<T> failed(final Throwable failure) {
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
            CompletionQueue.helpUntilDone(this);
        }
        return super.join();
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        if (!isDone()) {
            CompletionQueue.helpUntilDone(this, Long.MAX_VALUE);
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
        CompletionQueue.helpUntilDone(this, nanos);
        return super.get(nanos - (System.nanoTime() - begin), TimeUnit.NANOSECONDS);
    }
}
