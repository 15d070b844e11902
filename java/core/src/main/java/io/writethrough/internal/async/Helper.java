// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A thread that completes futures, and in a callback waits for another: it helps, which is to say that it goes on completing.
 * Past so many callbacks within each other another thread completes, so that no stack overflows.
 */
public final class Helper {
    private static final int DEEPEST_HELP = 32;
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /* Of the current thread; null for one that completes nothing. */
    private static final ThreadLocal<Helper> CURRENT = new ThreadLocal<>();

    private final CompletionQueue queue;
    private final CompletionQueue.Worker worker;
    private int depth;

    private Helper(final CompletionQueue queue, final CompletionQueue.Worker worker) {
        this.queue = queue;
        this.worker = worker;
    }

    /** The current thread completes what is in the queue from now on. Returns what {@link #end} wants. */
    static @Nullable Helper begin(final CompletionQueue queue, final CompletionQueue.Worker worker) {
        final Helper outer = CURRENT.get();
        CURRENT.set(new Helper(queue, worker));
        return outer;
    }

    static void end(final @Nullable Helper outer) {
        if (outer == null) {
            CURRENT.remove();
        } else {
            CURRENT.set(outer);
        }
    }

    /** Whether the current thread completes futures, in a callback of one say. */
    public static boolean isCompleting() {
        return CURRENT.get() != null;
    }

    /** Completes one operation, if the current thread is one that does so and there is one. */
    static boolean completeOne(final CompletionQueue of) {
        final Helper helper = CURRENT.get();
        return helper != null && helper.queue == of && of.completeOne();
    }

    /** Returns when the future is done, or at once on a thread that completes nothing. Leaves interrupts to the thread. */
    static void helpUntilDone(final IoFuture<?> future) {
        final Helper helper = CURRENT.get();
        if (helper == null) {
            return;
        }
        boolean interrupted = Thread.interrupted();
        boolean waits = true;
        while (waits) {
            try {
                helper.help(future, Long.MAX_VALUE);
                waits = false;
            } catch (final InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** The same, for so many nanoseconds at most. */
    static void helpUntilDone(final IoFuture<?> future, final long nanos) throws InterruptedException {
        final Helper helper = CURRENT.get();
        if (helper != null) {
            helper.help(future, nanos);
        }
    }

    private void help(final IoFuture<?> future, final long nanos) throws InterruptedException {
        assert Faults.at(Faults.Step.HELP);
        final Thread thread = Thread.currentThread();
        future.whenComplete((value, failure) -> LockSupport.unpark(thread));
        final long begin = System.nanoTime();
        depth++;
        try {
            while (!future.isDone()) {
                final long left = nanos - (System.nanoTime() - begin);
                if (left <= 0) {
                    return;
                }
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                helpOnce(future, left);
            }
        } finally {
            depth--;
        }
    }

    private void helpOnce(final IoFuture<?> future, final long nanos) {
        final long moment = Math.min(nanos, POLL_NANOS);
        if (depth > DEEPEST_HELP) {
            queue.completions().abdicate();
            queue.standInFor(worker);
            if (!future.isDone()) {
                LockSupport.parkNanos(queue, moment);
            }
        } else if (!queue.completeOne() && !queue.completions().pollIfLeader(moment)) {
            queue.awaitWork(future, nanos);
        }
    }
}
