// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread that takes events from the C core and has their futures completed: the leader, unless it was held up in a callback
 * and another leads now. Nothing that is thrown ends it.
 */
public final class CompletionThread extends Thread {
    private static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Completions completions;
    private final EventBatch events = new EventBatch();

    /* Waiting for events, or at its end: not in a callback. */
    private volatile boolean polling;
    private volatile boolean resting;
    private boolean idle; /* the last wait for events was in vain */

    CompletionThread(final Completions completions) {
        super("writethrough-completion");
        this.completions = completions;
        setDaemon(true);
        setContextClassLoader(null);
    }

    public static Thread daemon(final Runnable task, final String name) {
        assert Faults.at(Faults.Step.MAKE_THREAD);
        final Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        return thread;
    }

    @Override
    public void run() {
        boolean more = true;
        while (more && completions.leads(this) || !events.isEmpty()) {
            try {
                final CompletionQueue queue = completions.queue();
                queue.schedule();
                more = poll(queue.isTroubled() ? Completions.REST_NANOS : IDLE_NANOS);
                if (more && idle) {
                    rest();
                }
            } catch (final Throwable e) {
                Completions.survive(e);
            }
        }
        polling = true;
        completions.ended(this);
    }

    boolean isPolling() {
        return polling;
    }

    /** Takes events, waiting for the first. Returns false when no more will come. */
    boolean poll(final long timeoutNanos) {
        boolean more = true;
        if (events.isEmpty()) {
            assert Faults.at(Faults.Step.REAP);
            polling = true;
            try {
                more = events.reap(completions.engine(), timeoutNanos);
            } finally {
                polling = false;
            }
        }
        idle = events.isEmpty();
        completions.take(events);
        return more;
    }

    /*
     * Waits in Java until an operation begins: a JVM that exits waits 300 ms for a thread that is in native code. Whoever begins
     * an operation looks at the field after that, so one of the two sees the other; whoever leads in place of this thread, or
     * closes, wakes it in any case.
     */
    private void rest() {
        polling = true;
        resting = true;
        try {
            while (completions.mayRest(this)) {
                LockSupport.park(completions);
                Thread.interrupted(); // which would keep it from waiting
            }
        } finally {
            resting = false;
            polling = false;
        }
    }

    boolean isResting() {
        return resting;
    }
}
