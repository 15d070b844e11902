package io.writethrough;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The few threads on which I/O is waited for that nobody else may wait for: neither those that complete futures nor the
 * carriers of virtual threads. Nothing of the user's runs on them, so that each is free again as soon as its I/O ends.
 */
final class WaitingThreads {
    private static final int THREADS = 16;
    private static final ThreadPoolExecutor POOL = pool();

    private WaitingThreads() {}

    private static ThreadPoolExecutor pool() {
        final ThreadPoolExecutor pool = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                5,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                task -> CompletionThread.daemon(task, "writethrough-waiting"));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    static void execute(final Runnable task) {
        POOL.execute(task);
    }

    /** The result of the call, for which the current thread, a virtual one, waits. */
    static long call(final LongSupplier call) {
        final CompletableFuture<Long> result = new CompletableFuture<>();
        POOL.execute(() -> {
            try {
                result.complete(call.getAsLong());
            } catch (final RuntimeException e) {
                result.completeExceptionally(e);
            }
        });
        try {
            return result.join();
        } catch (final CompletionException e) {
            throw (RuntimeException) e.getCause();
        }
    }
}
