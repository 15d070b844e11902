// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import io.writethrough.internal.Names;
import io.writethrough.internal.core.Core;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The way from an event of the C core to its future. One thread, the leader, takes events and gives the executor a task that
 * completes futures; by default the executor is that thread itself. If a callback holds it up, the watch has another lead.
 *
 * <p>It starts with the first asynchronous operation. Its threads know of it and not of the engine, which may be lost.
 */
public final class Completions {
    private static final int MOST_THREADS = 256;
    private static final long CLOSE_LOOK_NANOS = TimeUnit.MICROSECONDS.toNanos(100);
    private static final long CLOSE_PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long TAKE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** How long a thread rests that met an Error, before it tries again. */
    static final long REST_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final long engine;
    private final Runnable shutDown;
    private final Operations operations = new Operations();
    private final CompletionQueue queue;
    private final UnderWay underWay = UnderWay.ofEngine();

    /* For threads that close and take events: made before they have to. */
    private @Nullable EventBatch closersEvents;

    private volatile @Nullable CompletionThread leader;
    private int threads;
    private volatile @Nullable Watch watch;
    private volatile long polls;
    private volatile boolean closing;

    /** @param shutDown is run when the engine is closed and was shut down */
    public Completions(final long engine, final Executor executor, final Runnable shutDown) {
        this.engine = engine;
        this.shutDown = shutDown;
        this.queue = new CompletionQueue(this, operations, executor);
    }

    long engine() {
        return engine;
    }

    CompletionQueue queue() {
        return queue;
    }

    public UnderWay underWay() {
        return underWay;
    }

    /* ---- what must not end a thread ---- */

    /** What was thrown ends no thread of the engine: no memory and no stack may pass, so the thread rests; the rest is told. */
    public static void survive(final Throwable e) {
        report(e);
        LockSupport.parkNanos(REST_NANOS);
    }

    public static void report(final Throwable e) {
        if (e instanceof OutOfMemoryError || e instanceof StackOverflowError) {
            return;
        }
        try {
            System.getLogger(Names.LIBRARY)
                    .log(System.Logger.Level.ERROR, "A thread that completes operations goes on after", e);
        } catch (final Throwable more) {
            // To tell it needs what there is none of; what is told of was told to nobody before either.
            return;
        }
    }

    /* ---- operations ---- */

    /** An operation, for {@link #abandon} or for an event. */
    public Operation begin() {
        if (leader == null) {
            start();
        }
        assert Faults.at(Faults.Step.BEGIN_OPERATION);
        final Operation operation = operations.take();
        final CompletionThread first = leader;
        if (first != null && first.isResting()) {
            LockSupport.unpark(first);
        }
        return operation;
    }

    /** The end of an operation that has no future to be completed. */
    public void abandon(final Operation operation) {
        operations.give(operation);
    }

    /** What the events say. When it has thrown, the batch has what is left. */
    void take(final EventBatch events) {
        events.take(operations, queue);
        polls++;
        wakeWatch();
    }

    void wakeWatch() {
        final Watch awake = watch;
        if (awake != null) {
            awake.wake();
        }
    }

    /** Has a task run where futures complete. */
    void execute(final Runnable task) {
        final Operation operation = begin();
        operation.beginTask(task);
        completeElsewhere(operation);
    }

    /** A write ended before anybody has its future, so nobody has given that a callback. */
    public void completeAtOnce(final Operation operation, final long length, final long position) {
        operation.endWrite(length, position);
        try {
            operation.complete();
        } catch (final Throwable e) {
            completeElsewhere(operation); // It goes on there.
            return;
        }
        operations.give(operation);
    }

    /** An operation ended on a thread that runs no callbacks. */
    public void completeElsewhere(final Operation operation) {
        queue.add(operation);
        queue.scheduleElsewhere();
    }

    /* ---- threads ---- */

    /* May be called again when it has thrown. The watch first: a leader without one might be held up for good. */
    private synchronized void start() {
        if (leader != null || closing) {
            return;
        }
        if (closersEvents == null) {
            closersEvents = new EventBatch();
        }
        if (watch == null) {
            final Watch begun = new Watch(this);
            begun.start();
            watch = begun;
        }
        lead();
    }

    private void lead() {
        final CompletionThread before = leader;
        try {
            assert Faults.at(Faults.Step.MAKE_LEADER);
            leader = new CompletionThread(this);
            leader.start();
            threads++;
        } catch (final Throwable e) {
            // No thread is to be had: the old one goes on when it can.
            leader = before;
            if (before == null) {
                throw e;
            }
        }
    }

    boolean leads(final CompletionThread thread) {
        return leader == thread;
    }

    synchronized void ended(final CompletionThread thread) {
        threads--;
    }

    /** Another leads from now on, if the current thread does. */
    void abdicate() {
        if (Thread.currentThread() instanceof CompletionThread thread) {
            replace(thread);
        }
    }

    private synchronized void replace(final CompletionThread thread) {
        if (leader == thread && threads < MOST_THREADS) {
            queue.dismiss();
            lead();
            LockSupport.unpark(thread);
        }
    }

    /** Takes events if that is the current thread's job. Returns false if it is not, or no more will come. */
    boolean pollIfLeader(final long timeoutNanos) {
        return Thread.currentThread() instanceof CompletionThread thread
                && leader == thread
                && thread.poll(timeoutNanos);
    }

    /** Whether nothing but the begin of an operation, or the end, can be of interest to this thread. */
    boolean mayRest(final CompletionThread thread) {
        return operations.areFree() && leads(thread) && !closing;
    }

    /* ---- for the watch ---- */

    /** Changes as long as completions go on. */
    long progress() {
        return queue.progress() + polls;
    }

    @Nullable
    CompletionThread leader() {
        return leader;
    }

    /** Whether nothing is to be completed, and this leader waits for events. */
    boolean isIdle(final @Nullable CompletionThread watched) {
        return watched == null || watched.isPolling() && queue.isEmpty();
    }

    /** Nothing was completed for a while, though something is there: a callback holds up this leader, or the executor does. */
    void rescue(final CompletionThread watched) {
        if (!watched.isPolling()) {
            replace(watched);
        } else {
            queue.dismiss();
            queue.scheduleElsewhere();
        }
    }

    /** An Error may have ended the worker before its work. */
    void goOnAfterTrouble() {
        if (queue.isTroubled()) {
            queue.scheduleElsewhere();
        }
    }

    /* ---- the end ---- */

    /** Closes the engine when all futures are done. Returns 0 or -errno. */
    public int close(final long handle) {
        final boolean started;
        synchronized (this) {
            closing = true;
            started = leader != null;
        }
        LockSupport.unpark(leader);
        abdicate();
        underWay.close(this);
        final int stopped = Core.shutDown(handle);
        if (started) {
            completeAll();
        }
        final Watch watching = watch;
        if (watching != null) {
            watching.end();
        }
        shutDown.run();
        final int result = Core.closeEngine(handle);
        return stopped < 0 ? stopped : result;
    }

    /**
     * A moment of waiting of a thread that closes, for operations that need events taken: this thread takes them, since all
     * others may be held up. To wait in native code also tells the ring of an event loop that its thread does not come.
     */
    void takeWhileWaiting() {
        try {
            assert Faults.at(Faults.Step.CLOSE);
            if (takeAsCloser(TAKE_NANOS)) {
                queue.scheduleElsewhere();
            } else {
                LockSupport.parkNanos(this, CLOSE_LOOK_NANOS);
            }
        } catch (final Throwable e) {
            survive(e);
        }
    }

    /* False: another does, or there is nothing to be taken. */
    private boolean takeAsCloser(final long timeoutNanos) {
        final @Nullable EventBatch events;
        synchronized (this) {
            events = closersEvents;
            closersEvents = null;
        }
        if (events == null) {
            return false;
        }
        try {
            final boolean more = !events.isEmpty() || events.reap(engine, timeoutNanos);
            take(events);
            return more;
        } finally {
            synchronized (this) {
                closersEvents = events;
            }
        }
    }

    private void completeAll() {
        boolean interrupted = false;
        long progress = 0;
        long since = System.nanoTime();
        while (operations.anyOpen()) {
            if (completedOneHere()) {
                continue;
            }
            LockSupport.parkNanos(this, CLOSE_LOOK_NANOS);
            interrupted |= Thread.interrupted();
            if (progress != queue.progress()) {
                progress = queue.progress();
                since = System.nanoTime();
            } else if (System.nanoTime() - since > CLOSE_PATIENCE_NANOS) {
                takeRest();
                since = System.nanoTime();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean completedOneHere() {
        try {
            return Helper.completeOne(queue);
        } catch (final Throwable e) {
            survive(e);
            return false;
        }
    }

    /* The executor may have no thread left that is not held up; and so may the leader be. */
    private void takeRest() {
        try {
            assert Faults.at(Faults.Step.CLOSE);
            takeAsCloser(0);
            if (!queue.isEmpty() && !queue.standIn()) {
                queue.workInstead();
            }
        } catch (final Throwable e) {
            survive(e);
        }
    }
}
