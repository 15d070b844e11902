// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import io.writethrough.internal.Names;
import io.writethrough.internal.jni.CApi;
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
    private static final long WATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final int IDLE_LOOKS = 200;
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
    private @Nullable Thread watch;
    private volatile boolean watchAsleep;
    private volatile long polls;
    private long lastProgress; /* these two of the watch */
    private int idleLooks;
    private boolean closing;
    private volatile boolean closed;

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
        return operations.take();
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
        if (watchAsleep) {
            LockSupport.unpark(watch);
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
            assert Faults.at(Faults.Step.MAKE_WATCH);
            final Thread thread = CompletionThread.daemon(this::watch, "writethrough-watch");
            thread.start();
            watch = thread;
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
            queue.writeOff();
            lead();
        }
    }

    /** Takes events if that is the current thread's job. Returns false if it is not, or no more will come. */
    boolean pollIfLeader(final long timeoutNanos) {
        return Thread.currentThread() instanceof CompletionThread thread
                && leader == thread
                && thread.poll(timeoutNanos);
    }

    /* ---- the watch ---- */

    private void watch() {
        while (!closed) {
            try {
                assert Faults.at(Faults.Step.WATCH);
                LockSupport.parkNanos(this, WATCH_NANOS);
                look(leader);
            } catch (final Throwable e) {
                survive(e);
            }
        }
    }

    private void look(final @Nullable CompletionThread watched) {
        final long progress = queue.progress() + polls;
        final boolean idle = isIdle(watched);
        final boolean stuck = !idle && progress == lastProgress;
        idleLooks = idle ? idleLooks + 1 : 0;
        lastProgress = progress;
        if (stuck && watched != null) {
            rescue(watched);
        } else if (queue.isTroubled()) {
            queue.scheduleElsewhere();
        }
        if (idleLooks > IDLE_LOOKS) {
            idleLooks = 0;
            sleep();
        }
    }

    private boolean isIdle(final @Nullable CompletionThread watched) {
        return watched == null || watched.isPolling() && queue.isEmpty();
    }

    private void sleep() {
        watchAsleep = true;
        if (isIdle(leader) && !closed) {
            LockSupport.park(this);
        }
        watchAsleep = false;
    }

    /* Since the last look nothing was completed, though something is there. */
    private void rescue(final CompletionThread watched) {
        if (!watched.isPolling()) {
            replace(watched);
        } else {
            queue.writeOff();
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
        abdicate();
        underWay.close(this);
        final int stopped = CApi.wt_engine_shutdown(handle);
        if (started) {
            completeAll();
        }
        closed = true;
        LockSupport.unpark(watch);
        shutDown.run();
        final int result = CApi.wt_engine_close(handle);
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
            return queue.completeOneHere();
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
