package io.writethrough;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Operations that ended and whose futures are to be completed. One task on the executor completes all there are; there is
 * one at a time, unless a callback holds it up.
 *
 * <p>A thread that waits in a callback for a future helps: it goes on completing. So nested callbacks are bounded; past that
 * another thread completes.
 */
final class CompletionQueue implements Runnable {
    private static final int COMPLETIONS_OF_TASK = 1024;
    private static final int DEEPEST_HELP = 32;
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /* What the current thread completes; null for one that does not. */
    private static final ThreadLocal<Draining> DRAINING = new ThreadLocal<>();

    private static final class Draining {
        private final CompletionQueue queue;
        private int depth;

        private Draining(final CompletionQueue queue) {
            this.queue = queue;
        }
    }

    private final Completions completions;
    private final Operations operations;
    private final Executor executor;

    private Operation first;
    private Operation last;
    private int submitted; /* tasks that have not begun */
    private int running; /* tasks that are not held up, as far as is known */
    private int writeOffs; /* a task that began before the last one is not among those running */
    private boolean standInComes;
    private final List<Thread> helpers = new ArrayList<>();

    /* Changes with each completion. */
    private volatile long progress;

    CompletionQueue(final Completions completions, final Operations operations, final Executor executor) {
        this.completions = completions;
        this.operations = operations;
        this.executor = executor;
    }

    /** Adds a chain of operations. */
    synchronized void add(final Operation chain, final Operation end) {
        if (first == null) {
            first = chain;
        } else {
            last.next = chain;
        }
        last = end;
        for (int i = 0; i < helpers.size(); i++) {
            LockSupport.unpark(helpers.get(i));
        }
    }

    long progress() {
        return progress;
    }

    synchronized boolean isEmpty() {
        return first == null;
    }

    /** Sees to it that what is there is completed, on the executor. */
    void schedule() {
        if (needsTask()) {
            submit();
        }
    }

    /** The same from a thread that is to run no callbacks, whatever the executor does. */
    void scheduleElsewhere() {
        if (needsTask()) {
            CompletionThread.daemon(this::submit, "writethrough-completion").start();
        }
    }

    private synchronized boolean needsTask() {
        if (first == null || submitted > 0 || running > 0) {
            return false;
        }
        submitted++;
        return true;
    }

    private void submit() {
        try {
            executor.execute(this);
        } catch (final RuntimeException e) {
            // An executor that was shut down, say: futures are completed all the same.
            run();
        }
    }

    /** The tasks that run are held up: count on them no more. */
    synchronized void writeOff() {
        writeOffs++;
        running = 0;
    }

    /** The task: completes what is there. */
    @Override
    public void run() {
        final int begun = begin();
        final Draining outer = DRAINING.get();
        DRAINING.set(new Draining(this));
        try {
            for (int i = 0; i < COMPLETIONS_OF_TASK; i++) {
                if (!completeOne()) {
                    break;
                }
            }
        } finally {
            restore(outer);
        }
        if (endNeedsTask(begun)) {
            submit();
        }
    }

    private static void restore(final Draining outer) {
        if (outer == null) {
            DRAINING.remove();
        } else {
            DRAINING.set(outer);
        }
    }

    private synchronized int begin() {
        submitted = Math.max(submitted - 1, 0);
        running++;
        return writeOffs;
    }

    private synchronized boolean endNeedsTask(final int begun) {
        if (begun == writeOffs) {
            running--;
        }
        return needsTask();
    }

    private synchronized Operation next() {
        final Operation operation = first;
        if (operation != null) {
            first = operation.next;
            operation.next = null;
            progress++;
        }
        return operation;
    }

    private boolean completeOne() {
        final Operation operation = next();
        if (operation == null) {
            return false;
        }
        try {
            operation.complete();
        } finally {
            operations.give(operation);
        }
        return true;
    }

    /** Completes one operation, if the current thread is one that does and there is one. */
    boolean completeOneHere() {
        final Draining draining = DRAINING.get();
        return draining != null && draining.queue == this && completeOne();
    }

    /* ---- waiting in a callback ---- */

    /** Returns when the future is done, or at once on a thread that completes nothing. Leaves interrupts to the thread. */
    static void helpUntilDone(final IoFuture<?> future) {
        final Draining draining = DRAINING.get();
        if (draining == null) {
            return;
        }
        boolean interrupted = Thread.interrupted();
        boolean waits = true;
        while (waits) {
            try {
                draining.queue.help(draining, future, Long.MAX_VALUE);
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
        final Draining draining = DRAINING.get();
        if (draining != null) {
            draining.queue.help(draining, future, nanos);
        }
    }

    private void help(final Draining draining, final IoFuture<?> future, final long nanos) throws InterruptedException {
        final Thread thread = Thread.currentThread();
        future.whenComplete((value, failure) -> LockSupport.unpark(thread));
        final long begin = System.nanoTime();
        draining.depth++;
        try {
            while (!future.isDone()) {
                final long left = nanos - (System.nanoTime() - begin);
                if (left <= 0) {
                    return;
                }
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                if (draining.depth > DEEPEST_HELP) {
                    leaveToOthers(future, left);
                } else if (!completeOne() && !completions.pollIfLeader(Math.min(left, POLL_NANOS))) {
                    awaitWork(thread, future, left);
                }
            }
        } finally {
            draining.depth--;
        }
    }

    private void awaitWork(final Thread thread, final IoFuture<?> future, final long nanos) {
        synchronized (this) {
            if (first != null) {
                return;
            }
            helpers.add(thread);
        }
        if (!future.isDone()) {
            LockSupport.parkNanos(this, nanos);
        }
        synchronized (this) {
            helpers.remove(thread);
        }
    }

    private void leaveToOthers(final IoFuture<?> future, final long nanos) {
        completions.abdicate();
        if (needsStandIn()) {
            standIn();
        }
        if (!future.isDone()) {
            LockSupport.parkNanos(this, Math.min(nanos, POLL_NANOS));
        }
    }

    private synchronized boolean needsStandIn() {
        if (first == null || standInComes) {
            return false;
        }
        standInComes = true;
        return true;
    }

    /** Completes what is there on a thread of its own, since the executor does not. */
    void standIn() {
        CompletionThread.daemon(
                        () -> {
                            synchronized (this) {
                                standInComes = false;
                            }
                            writeOff();
                            run();
                        },
                        "writethrough-completion")
                .start();
    }
}
