// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import java.util.ArrayDeque;
import java.util.concurrent.Executor;

/**
 * The operations on one file that have to wait before they can be started, in the order of the calls. A task on the helper
 * starts one after the other, waiting where it must. While there are any, later writes go behind them.
 */
final class WaitingOperations implements Runnable {
    /* Then others of the helper's tasks have a turn. */
    private static final int STARTED_IN_A_ROW = 64;

    private final Executor helper;
    private final ArrayDeque<FileOperation<?>> queue = new ArrayDeque<>();
    private volatile int count;

    WaitingOperations(final Executor helper) {
        this.helper = helper;
    }

    /** How many there are. */
    int count() {
        return count;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Whether a write to this range waits. */
    synchronized boolean anyWriteWithin(final long position, final long length) {
        for (final FileOperation<?> operation : queue) {
            if (operation.isWriteWithin(position, length)) {
                return true;
            }
        }
        return false;
    }

    /** Puts an operation behind the others. */
    void add(final FileOperation<?> operation) {
        final boolean first;
        synchronized (this) {
            first = queue.isEmpty();
            queue.add(operation);
            count = queue.size();
        }
        if (first) {
            execute();
        }
    }

    private void execute() {
        try {
            helper.execute(this);
        } catch (final RuntimeException | Error e) {
            refuseAll(e);
        }
    }

    /** Starts what waits. The first stays in the queue until it was started: what is behind it is behind it. */
    @Override
    public void run() {
        for (int i = 0; i < STARTED_IN_A_ROW; i++) {
            start(first());
            if (!removeFirst()) {
                return;
            }
        }
        execute();
    }

    /* Whatever becomes of it, those behind it have their turn. */
    private static void start(final FileOperation<?> operation) {
        try {
            operation.startWaiting();
        } catch (final RuntimeException | Error e) {
            operation.fail(e);
        }
    }

    private synchronized FileOperation<?> first() {
        return queue.getFirst();
    }

    /* Returns whether there are more. */
    private synchronized boolean removeFirst() {
        queue.removeFirst();
        count = queue.size();
        return count > 0;
    }

    private void refuseAll(final Throwable cause) {
        FileOperation<?> refused = poll();
        while (refused != null) {
            refused.refuse(cause);
            refused = poll();
        }
    }

    private synchronized FileOperation<?> poll() {
        final FileOperation<?> operation = queue.poll();
        count = queue.size();
        return operation;
    }
}
