// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

/**
 * A thread that takes events from the C core and has their futures completed: the leader, unless it was held up in a callback
 * and another leads now. Nothing that is thrown ends it.
 */
public final class CompletionThread extends Thread {
    private static final long FOREVER = -1;

    private final Completions completions;
    private final EventBatch events = new EventBatch();

    /* In native code, waiting for events, or at its end: not in a callback. */
    private volatile boolean polling;

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
                more = poll(queue.isTroubled() ? Completions.REST_NANOS : FOREVER);
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
        completions.take(events);
        return more;
    }
}
