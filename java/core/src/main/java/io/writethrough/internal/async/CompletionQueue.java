// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Operations that ended and whose futures are to be completed, and the worker that completes them: a task on the executor. At
 * most one worker is counted on.
 *
 * <pre>
 *                     an operation is there, and nobody is counted on
 *    nobody  -----------------------------------------------------------&gt;  a worker, submitted or running
 *    is       &lt;---- the worker ended: nothing was left, or an Error ------   |           ^
 *    counted                                                                 |           | something is left:
 *    on       &lt;---- {@link #dismiss}: the worker is held up, or -------------+           | the worker goes on, as
 *                   does not come                                            +-----------+ a new task on the executor
 * </pre>
 *
 * <p>A worker that was dismissed completes all the same when it runs again: each operation leaves the queue once.
 */
final class CompletionQueue {
    private static final int COMPLETIONS_OF_TASK = 1024;

    private final Completions completions;
    private final Operations operations;
    private final Executor executor;

    private @Nullable Operation first;
    private @Nullable Operation last;
    private @Nullable Worker worker; /* null: nobody is counted on */
    private final List<Thread> helpers = new ArrayList<>(); /* that wait for an operation to complete */
    private volatile boolean troubled; /* something was thrown since the last worker that ran to its end */

    /* Changes with each completion. */
    private volatile long progress;

    CompletionQueue(final Completions completions, final Operations operations, final Executor executor) {
        this.completions = completions;
        this.operations = operations;
        this.executor = executor;
    }

    Completions completions() {
        return completions;
    }

    /* ---- the operations ---- */

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

    /** Waits for an operation to complete, or for the future, for so long at most. May return for nothing. */
    void awaitWork(final IoFuture<?> future, final long nanos) {
        final Thread thread = Thread.currentThread();
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

    synchronized boolean isEmpty() {
        return first == null;
    }

    long progress() {
        return progress;
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

    /** Completes one, if there is one. One that an Error keeps from its end is behind the others then: none has to wait for it. */
    boolean completeOne() {
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

    /* ---- the worker ---- */

    /** One that completes what is there until nothing is left: a task on the executor, again and again, or a stand-in. */
    final class Worker implements Runnable {
        private final boolean standsIn; /* has a thread of its own, since the executor may have none to spare */

        private Worker(final boolean standsIn) {
            this.standsIn = standsIn;
        }

        @Override
        public void run() {
            if (standsIn) {
                workToTheEnd();
            } else if (work()) {
                submit();
            }
        }

        /* An executor may refuse, by throwing, since it was shut down, say: futures are completed all the same. */
        private void submit() {
            try {
                assert Faults.at(Faults.Step.SUBMIT_TASK);
                executor.execute(this);
            } catch (final Throwable e) {
                workToTheEnd();
            }
        }

        private void workToTheEnd() {
            boolean more = work();
            while (more) {
                more = work();
            }
        }

        /* Throws nothing. Returns whether to go on; what an Error has kept from completion is the watch's. */
        private boolean work() {
            boolean whole = false;
            try {
                completeSome();
                whole = true;
                troubled = false;
            } catch (final Throwable e) {
                trouble(e);
            }
            return goesOn(this, whole);
        }

        private void completeSome() {
            assert Faults.at(Faults.Step.RUN_TASK);
            final Helper outer = Helper.begin(CompletionQueue.this, this);
            try {
                for (int i = 0; i < COMPLETIONS_OF_TASK; i++) {
                    if (!completeOne()) {
                        break;
                    }
                }
            } finally {
                Helper.end(outer);
            }
        }
    }

    private synchronized boolean goesOn(final Worker ended, final boolean whole) {
        if (worker != null && worker != ended) {
            return false; // Another was hired in its place.
        }
        worker = whole && first != null ? ended : null;
        return worker != null;
    }

    private synchronized @Nullable Worker hire(final boolean standsIn) {
        if (first == null || worker != null) {
            return null;
        }
        worker = new Worker(standsIn);
        return worker;
    }

    /** The worker is not counted on any more. */
    synchronized void dismiss() {
        worker = null;
    }

    /** Sees to it that what is there is completed, on the executor. */
    void schedule() {
        assert Faults.at(Faults.Step.SCHEDULE);
        final Worker hired = hire(false);
        if (hired != null) {
            hired.submit();
        }
    }

    /** The same from a thread that is to run no callbacks, whatever the executor does. The watch does it if this cannot. */
    void scheduleElsewhere() {
        @Nullable Worker hired = null;
        try {
            hired = hire(false);
            if (hired != null) {
                CompletionThread.daemon(hired::submit, "writethrough-completion")
                        .start();
            }
        } catch (final Throwable e) {
            if (hired != null) {
                dismiss();
            }
            trouble(e);
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

    /** What is there is completed in place of this worker, which waits in a callback and may keep the executor's only thread. */
    void standInFor(final Worker waiting) {
        if (needsStandIn(waiting)) {
            standIn();
        }
    }

    private synchronized boolean needsStandIn(final Worker waiting) {
        final boolean another = worker != null && worker != waiting && worker.standsIn;
        return first != null && !another;
    }

    /** Completes what is there on a thread of its own, since the executor does not. Returns whether there is such a thread. */
    boolean standIn() {
        dismiss();
        try {
            final Worker hired = hire(true);
            if (hired != null) {
                CompletionThread.daemon(hired, "writethrough-completion").start();
            }
            return true;
        } catch (final Throwable e) {
            dismiss();
            Completions.report(e);
            return false;
        }
    }

    /** The same on this thread. */
    void workInstead() {
        dismiss();
        final Worker hired = hire(true);
        if (hired != null) {
            hired.run();
        }
    }
}
