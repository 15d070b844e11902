// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** Helper threads that the test stands in for: what waits does so until {@link #runAll()}. */
final class ManualExecutor implements Executor {
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private boolean shutDown;

    @Override
    public synchronized void execute(final Runnable task) {
        if (shutDown) {
            throw new RejectedExecutionException("shut down by the test");
        }
        tasks.add(task);
    }

    synchronized int size() {
        return tasks.size();
    }

    synchronized void shutDown() {
        shutDown = true;
    }

    private synchronized Runnable next() {
        return tasks.poll();
    }

    void runAll() {
        for (Runnable task = next(); task != null; task = next()) {
            task.run();
        }
    }
}
