// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;

/** The reads of a file without direct I/O: system calls, each a task on the helper. */
final class HelperReads {
    private final Executor helper;
    private final List<Runnable> afterAll = new ArrayList<>();
    private int running;

    HelperReads(final Executor helper) {
        this.helper = helper;
    }

    void start(final ReadOperation read) {
        synchronized (this) {
            running++;
        }
        try {
            helper.execute(() -> run(read));
        } catch (final RuntimeException | Error e) {
            read.refuse(e);
            end();
        }
    }

    private void run(final ReadOperation read) {
        try {
            read.startWaiting();
        } catch (final RuntimeException | Error e) {
            read.fail(e);
        } finally {
            end();
        }
    }

    private void end() {
        final List<Runnable> tasks;
        synchronized (this) {
            running--;
            if (running > 0 || afterAll.isEmpty()) {
                return;
            }
            tasks = new ArrayList<>(afterAll);
            afterAll.clear();
        }
        tasks.forEach(Runnable::run);
    }

    /** Runs a task when no read is under way: at once, or on the thread of the last. */
    void afterAll(final Runnable task) {
        synchronized (this) {
            if (running > 0) {
                afterAll.add(task);
                return;
            }
        }
        task.run();
    }
}
