// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Operations that ended and whose futures are to be completed. One task on the executor completes all there are; there is
 * one at a time, unless a callback holds it up.
 *
 * <p>A thread that waits in a callback for a future helps: it goes on completing. So nested callbacks are bounded; past that
 * another thread completes.
 */
public final class CompletionQueue implements Runnable {
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

    private @Nullable Operation first;
    private @Nullable Operation last;
    private int submitted; /* tasks that have not begun */
    private int running; /* tasks that are not held up, as far as is known */
    private int writeOffs; /* a task that began before the last one is not among those running */
    private boolean standInComes;
    private volatile boolean troubled; /* something was thrown since the last task that ran to its end */
    private final List<Thread> helpers = new ArrayList<>();

    /* Changes with each completion. */
    private volatile long progress;

    CompletionQueue(final Completions completions, final Operations operations, final Executor executor) {
        this.completions = completions;
        this.operations = operations;
        this.executor = executor;
    }

    /** Adds the operations of a batch that ended. */
    synchronized void add(final EventBatch events) {
        final Operation chain = events.first();
        final Operation end = events.last();
        assert chain != null && end != null;
        append(chain, end);
        events.handedOver();
        wakeHelpers();
    }

    /** Adds one. */
    synchronized void add(final Operation operation) {
        append(operation, operation);
        wakeHelpers();
    }

    private void append(final Operation chain, final Operation end) {
        if (first == null) {
            first = chain;
        } else {
            assert last != null;
            last.next = chain;
        }
        last = end;
    }

    private void wakeHelpers() {
        for (int i = 0; i < helpers.size(); i++) {
            LockSupport.unpark(helpers.get(i));
        }
    }

    /** Whether to see soon to it that what is there is completed: an Error has kept it from that. */
    boolean isTroubled() {
        return troubled && !isEmpty();
    }

    private void trouble(final Throwable e) {
        troubled = true;
        Completions.report(e);
        completions.wakeWatch();
    }

    long progress() {
        return progress;
    }

    synchronized boolean isEmpty() {
        return first == null;
    }

    /** Sees to it that what is there is completed, on the executor. */
    void schedule() {
        assert Faults.at(Faults.Step.SCHEDULE);
        if (needsTask()) {
            submit();
        }
    }

    /** The same from a thread that is to run no callbacks, whatever the executor does. The watch does it if this cannot. */
    void scheduleElsewhere() {
        if (!needsTask()) {
            return;
        }
        try {
            CompletionThread.daemon(this::submit, "writethrough-completion").start();
        } catch (final Throwable e) {
            takeBack();
            trouble(e);
        }
    }

    private synchronized boolean needsTask() {
        if (first == null || submitted > 0 || running > 0) {
            return false;
        }
        submitted++;
        return true;
    }

    private synchronized void takeBack() {
        submitted = Math.max(submitted - 1, 0);
    }

    /* An executor may refuse, by throwing, since it was shut down, say: futures are completed all the same. */
    private void submit() {
        try {
            assert Faults.at(Faults.Step.SUBMIT_TASK);
            executor.execute(this);
        } catch (final Throwable e) {
            boolean more = work();
            while (more) {
                more = work();
            }
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
        if (work()) {
            submit();
        }
    }

    /* Throws nothing. Returns whether there is to be another task; what an Error has kept from completion is the watch's. */
    private boolean work() {
        final int begun = begin();
        boolean whole = false;
        try {
            completeSome();
            whole = true;
            troubled = false;
        } catch (final Throwable e) {
            trouble(e);
        }
        return end(begun, whole);
    }

    private void completeSome() {
        assert Faults.at(Faults.Step.RUN_TASK);
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
    }

    private static void restore(final @Nullable Draining outer) {
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

    private synchronized boolean end(final int begun, final boolean whole) {
        if (begun == writeOffs) {
            running--;
        }
        return whole && needsTask();
    }

    private synchronized @Nullable Operation next() {
        final Operation operation = first;
        if (operation != null) {
            first = operation.next;
            operation.next = null;
            progress++;
        }
        return operation;
    }

    /* One that an Error keeps from its end is behind the others then, so that none of them has to wait for it. */
    private boolean completeOne() {
        final Operation operation = next();
        if (operation == null) {
            return false;
        }
        boolean completed = false;
        try {
            operation.complete();
            completed = true;
        } finally {
            if (completed) {
                operations.give(operation);
            } else {
                add(operation);
            }
        }
        return true;
    }

    /** Completes one operation, if the current thread is one that does and there is one. */
    boolean completeOneHere() {
        final Draining draining = DRAINING.get();
        return draining != null && draining.queue == this && completeOne();
    }

    /** Whether the current thread completes futures, in a callback of one say. */
    public static boolean isCompleting() {
        return DRAINING.get() != null;
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
        assert Faults.at(Faults.Step.HELP);
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
        try {
            if (!future.isDone()) {
                LockSupport.parkNanos(this, nanos);
            }
        } finally {
            synchronized (this) {
                helpers.remove(thread);
            }
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

    /** Completes what is there on a thread of its own, since the executor does not. Returns whether there is such a thread. */
    boolean standIn() {
        try {
            CompletionThread.daemon(this::workInstead, "writethrough-completion")
                    .start();
            return true;
        } catch (final Throwable e) {
            standInCame();
            Completions.report(e);
            return false;
        }
    }

    private synchronized void standInCame() {
        standInComes = false;
    }

    /** The same on this thread. */
    void workInstead() {
        standInCame();
        writeOff();
        run();
    }
}
