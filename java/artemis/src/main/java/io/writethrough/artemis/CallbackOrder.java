// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * Writes of one file on their way. They end in any order, and their ends are told in the order in which they began, one at a
 * time.
 */
final class CallbackOrder {
    private final Queue<Write> writes = new ArrayDeque<>();
    private int unfinished;
    private boolean telling;

    /** What is to be done when a write, and all before it, have ended. */
    interface End {
        /** Tells the end of the write: its failure, or null if there was none. */
        void tell(@Nullable Throwable failure);
    }

    /** A write that has begun. */
    static final class Write {
        private final End end;
        private boolean finished;
        private @Nullable Throwable failure;

        private Write(final End end) {
            this.end = end;
        }
    }

    synchronized Write begin(final End end) {
        final Write write = new Write(end);
        writes.add(write);
        unfinished++;
        return write;
    }

    /** The write has ended; tells that, and what it kept waiting, unless another thread is just doing so. */
    void finish(final Write write, final @Nullable Throwable failure) {
        synchronized (this) {
            write.finished = true;
            write.failure = failure;
            if (--unfinished == 0) {
                notifyAll();
            }
            if (telling) {
                return;
            }
            telling = true;
        }
        for (Write next = nextFinished(); next != null; next = nextFinished()) {
            next.end.tell(next.failure);
        }
    }

    private synchronized @Nullable Write nextFinished() {
        final Write next = writes.peek();
        if (next == null || !next.finished) {
            telling = false;
            return null;
        }
        return writes.poll();
    }

    /** Waits until all writes have ended; their ends may not all be told yet. Leaves interrupts to the thread. */
    synchronized void awaitFinished() {
        boolean interrupted = false;
        while (unfinished > 0) {
            try {
                wait();
            } catch (final InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
