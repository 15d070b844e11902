// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The few threads on which I/O is waited for that nobody else may wait for: neither those that complete futures nor the
 * carriers of virtual threads. Nothing of the user's runs on them, so that each is free again as soon as its I/O ends.
 *
 * <p>A task is a link of the list it waits in, so that to hand one over allocates nothing, unless a thread is to be made: and
 * if that fails the other threads have it, or nobody, and its caller is told.
 */
public final class WaitingThreads {
    private static final int MOST_THREADS = 16;
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final Object LOCK = new Object();
    private static @Nullable Task first;
    private static @Nullable Task last;
    private static int waiting; /* tasks in the list */
    private static int threads;
    private static int idle;

    private WaitingThreads() {}

    /** What is to be done, once. */
    public abstract static class Task {
        private @Nullable Task next;

        public abstract void run();
    }

    /** Has it run. If this throws, it does not run. */
    public static void execute(final Task task) {
        synchronized (LOCK) {
            assert Faults.at(Faults.Step.HAND_TO_WAITING);
            if (waiting >= idle && threads < MOST_THREADS) {
                addThread();
            }
            if (first == null) {
                first = task;
            } else {
                assert last != null;
                last.next = task;
            }
            last = task;
            waiting++;
            LOCK.notify();
        }
    }

    private static void addThread() {
        try {
            CompletionThread.daemon(WaitingThreads::work, "writethrough-waiting")
                    .start();
            threads++;
        } catch (final Throwable e) {
            if (threads == 0) {
                throw e;
            }
        }
    }

    private static void work() {
        @Nullable Task task = next();
        while (task != null) {
            try {
                task.run();
            } catch (final Throwable e) {
                Completions.survive(e);
            }
            task = next();
        }
    }

    /* Null: this thread is not needed any more. */
    private static @Nullable Task next() {
        final long begin = System.nanoTime();
        synchronized (LOCK) {
            idle++;
            while (first == null) {
                final long left = IDLE_NANOS - (System.nanoTime() - begin);
                if (left <= 0) {
                    idle--;
                    threads--;
                    return null;
                }
                try {
                    TimeUnit.NANOSECONDS.timedWait(LOCK, left);
                } catch (final InterruptedException e) {
                    // Nobody has reason to.
                }
            }
            idle--;
            final Task task = first;
            first = task.next;
            task.next = null;
            waiting--;
            return task;
        }
    }

    /** The result of the call, for which the current thread, a virtual one, waits. What it throws is thrown here. */
    public static long call(final LongSupplier call) {
        final Call task = new Call(call);
        execute(task);
        return task.await();
    }

    private static final class Call extends Task {
        private final LongSupplier call;
        private final Thread caller = Thread.currentThread();
        private long result;
        private @Nullable Throwable failure;
        private volatile boolean done;

        private Call(final LongSupplier call) {
            this.call = call;
        }

        @Override
        public void run() {
            try {
                result = call.getAsLong();
            } catch (final Throwable e) {
                failure = e;
            }
            done = true;
            LockSupport.unpark(caller);
        }

        private long await() {
            boolean interrupted = false;
            while (!done) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            if (failure instanceof Error e) {
                throw e;
            }
            if (failure instanceof RuntimeException e) {
                throw e;
            }
            return result;
        }
    }
}
