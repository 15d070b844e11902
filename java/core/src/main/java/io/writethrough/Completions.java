package io.writethrough;

import io.writethrough.internal.ControlPlane;
import io.writethrough.internal.DataPlane;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The way from an event of the C core to its future. One thread, the leader, takes events and gives the executor a task that
 * completes futures; by default the executor is that thread itself. If a callback holds it up, the watch has another lead.
 *
 * <p>It starts with the first asynchronous operation. Its threads know of it and not of the engine, which may be lost.
 */
final class Completions {
    private static final int MOST_THREADS = 256;
    private static final long WATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final int IDLE_LOOKS = 200;
    private static final long CLOSE_LOOK_NANOS = TimeUnit.MICROSECONDS.toNanos(100);
    private static final long CLOSE_PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private final long engine;
    private final EngineObserver observer;
    private final Operations operations = new Operations();
    private final CompletionQueue queue;

    private volatile CompletionThread leader;
    private int threads;
    private Thread watch;
    private volatile boolean watchAsleep;
    private volatile long polls;
    private boolean closing;
    private volatile boolean closed;

    Completions(final long engine, final Executor executor, final EngineObserver observer) {
        this.engine = engine;
        this.observer = observer;
        this.queue = new CompletionQueue(this, operations, executor);
    }

    long engine() {
        return engine;
    }

    CompletionQueue queue() {
        return queue;
    }

    /* ---- operations ---- */

    /** An operation, for {@link #abandon} or for an event. */
    Operation begin() {
        if (leader == null) {
            start();
        }
        return operations.take();
    }

    /** The end of an operation that has no future to be completed. */
    void abandon(final Operation operation) {
        operations.give(operation);
    }

    /** What the events say. */
    void take(final long[] events, final int count) {
        Operation first = null;
        Operation last = null;
        for (int i = 0; i < count * DataPlane.EVENT_LONGS; i += DataPlane.EVENT_LONGS) {
            final Operation operation = operations.of(events[i]);
            if (operation.end(events[i + 1], events[i + 2], events[i + 3])) {
                if (first == null) {
                    first = operation;
                } else {
                    last.next = operation;
                }
                last = operation;
            }
        }
        polls++;
        if (first != null) {
            queue.add(first, last);
        }
        if (watchAsleep) {
            LockSupport.unpark(watch);
        }
    }

    /** An operation ended on a thread that runs no callbacks. */
    void completeElsewhere(final Operation operation) {
        queue.add(operation, operation);
        queue.scheduleElsewhere();
    }

    /* ---- threads ---- */

    private synchronized void start() {
        if (leader == null && !closing) {
            lead();
            watch = CompletionThread.daemon(this::watch, "writethrough-watch");
            watch.start();
        }
    }

    private void lead() {
        final CompletionThread before = leader;
        leader = new CompletionThread(this);
        try {
            leader.start();
            threads++;
        } catch (final OutOfMemoryError e) {
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
        long lastProgress = 0;
        int idleLooks = 0;
        while (!closed) {
            LockSupport.parkNanos(this, WATCH_NANOS);
            final CompletionThread watched = leader;
            final long progress = queue.progress() + polls;
            if (isIdle(watched)) {
                idleLooks++;
            } else {
                idleLooks = 0;
                if (progress == lastProgress) {
                    rescue(watched);
                }
            }
            lastProgress = progress;
            if (idleLooks > IDLE_LOOKS) {
                sleep();
                idleLooks = 0;
            }
        }
    }

    private boolean isIdle(final CompletionThread watched) {
        return watched.isPolling() && queue.isEmpty();
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
    int close(final long handle) {
        final boolean started;
        synchronized (this) {
            closing = true;
            started = leader != null;
        }
        abdicate();
        final int shutDown = ControlPlane.wt_engine_shutdown(handle);
        if (started) {
            completeAll();
        }
        closed = true;
        LockSupport.unpark(watch);
        observer.end();
        final int result = ControlPlane.wt_engine_close(handle);
        return shutDown < 0 ? shutDown : result;
    }

    private void completeAll() {
        boolean interrupted = false;
        long progress = 0;
        long since = System.nanoTime();
        while (operations.anyOpen()) {
            if (queue.completeOneHere()) {
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

    /* The executor may have no thread left that is not held up; and so may the leader be. */
    private void takeRest() {
        final long[] events = new long[DataPlane.EVENTS_AT_ONCE * DataPlane.EVENT_LONGS];
        int count = DataPlane.reap(engine, events, 0);
        while (count > 0) {
            take(events, count);
            count = DataPlane.reap(engine, events, 0);
        }
        if (!queue.isEmpty()) {
            queue.standIn();
        }
    }
}
