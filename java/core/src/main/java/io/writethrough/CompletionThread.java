package io.writethrough;

import io.writethrough.internal.DataPlane;

/**
 * A thread that takes events from the C core and has their futures completed: the leader, unless it was held up in a callback
 * and another leads now.
 */
final class CompletionThread extends Thread {
    private static final long FOREVER = -1;

    private final Completions completions;
    private final long[] events = new long[DataPlane.EVENTS_AT_ONCE * DataPlane.EVENT_LONGS];

    /* In native code, waiting for events, or at its end: not in a callback. */
    private volatile boolean polling;

    CompletionThread(final Completions completions) {
        super("writethrough-completion");
        this.completions = completions;
        setDaemon(true);
        setContextClassLoader(null);
    }

    static Thread daemon(final Runnable task, final String name) {
        final Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        return thread;
    }

    @Override
    public void run() {
        boolean more = true;
        while (more && completions.leads(this)) {
            completions.queue().schedule();
            more = poll(FOREVER);
        }
        polling = true;
        completions.ended(this);
    }

    boolean isPolling() {
        return polling;
    }

    /** Takes events, waiting for the first. Returns false when no more will come. */
    boolean poll(final long timeoutNanos) {
        polling = true;
        final int count = DataPlane.reap(completions.engine(), events, timeoutNanos);
        polling = false;
        if (count > 0) {
            completions.take(events, count);
        }
        return count >= 0;
    }
}
