// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The LSN before which all is durable, and who waits for it to move. */
final class Watermark {
    private volatile long durable;

    /* What the first of the queue waits for; the largest number: nobody waits. Written with the lock. */
    private volatile long nextWanted = Long.MAX_VALUE;
    private final PriorityQueue<Watcher> queue = new PriorityQueue<>(Comparator.comparingLong(watcher -> watcher.lsn));
    private boolean closed;

    /* Why no append becomes durable for now, and whose appends have failed. */
    private @Nullable Throwable failure;
    private final LostRanges lost = new LostRanges();
    private volatile boolean hasLost;

    /* Futures that are not in the queue any more, and wait to be told. */
    private final Deque<Watcher> untold = new ArrayDeque<>();
    private volatile boolean hasUntold;

    private static final class Watcher {
        final long lsn;
        /* Whether a failure of appends is one of this. */
        final boolean ofAppend;
        /* A thread of the library waits: nothing of a caller depends on the future. */
        final boolean ofThread;
        final CompletableFuture<Long> future = new CompletableFuture<>();
        long passedBy;

        @Nullable
        Throwable failure;

        Watcher(final long lsn, final boolean ofAppend, final boolean ofThread) {
            this.lsn = lsn;
            this.ofAppend = ofAppend;
            this.ofThread = ofThread;
        }

        void tell() {
            if (failure == null) {
                future.complete(passedBy);
            } else {
                future.completeExceptionally(failure);
            }
        }
    }

    Watermark(final long durable) {
        this.durable = durable;
    }

    long get() {
        return durable;
    }

    /** Whether all before the watermark is durable, without exception, and the LSN is. */
    boolean isPlainlyBehind(final long lsn) {
        return lsn < durable && !hasLost;
    }

    /** {@link #tell} follows, without locks. */
    void set(final long lsn) {
        durable = lsn;
    }

    /**
     * The log was cut: its LSNs from this one on are for other records, whatever became of the old ones. Who waits for an append
     * that was durable is told so, and who waits for a later one is told why it never will be. {@link #wakeReaders} follows, and
     * then {@link #tell}, without locks.
     */
    synchronized void cut(final long end, final Throwable why) {
        takePassed(); // the thread that moved the watermark may not have come to that
        take(watcher -> watcher.ofAppend, 0, why);
        lost.cut(end);
        hasLost = !lost.isEmpty();
        durable = end;
    }

    /**
     * A future that completes when the watermark is behind the LSN, with the watermark.
     *
     * @param ofAppend whether it fails if the append with this LSN does
     * @param ofThread a thread waits for it, and nothing of a caller depends on it
     */
    CompletableFuture<Long> when(final long lsn, final boolean ofAppend, final boolean ofThread) {
        final Watcher watcher = new Watcher(lsn, ofAppend, ofThread);
        synchronized (this) {
            final Throwable why = ofAppend ? whyNever(lsn) : null;
            if (why != null) {
                return CompletableFuture.failedFuture(why);
            }
            if (durable > lsn) {
                return CompletableFuture.completedFuture(durable);
            }
            if (closed) {
                return CompletableFuture.failedFuture(new ClosedChannelException());
            }
            queue.add(watcher);
            nextWanted = Math.min(nextWanted, lsn);
        }
        if (durable > lsn) { // it moved before we were in the queue
            synchronized (this) {
                take(other -> other == watcher, durable, ofAppend ? whyLost(lsn) : null);
            }
            tellOne(watcher);
        }
        return watcher.future;
    }

    /* Why a record that had been appended is not durable and never will be. */
    private @Nullable Throwable whyNever(final long lsn) {
        if (failure != null && lsn >= durable) {
            return failure;
        }
        return whyLost(lsn);
    }

    private @Nullable Throwable whyLost(final long lsn) {
        return lost.why(lsn);
    }

    /** Tells threads that wait for what the watermark has passed. {@link #tell} follows. */
    void tellThreads() {
        while (durable > nextWanted) {
            takePassed();
        }
    }

    private synchronized void takePassed() {
        final long now = durable;
        Watcher first;
        while ((first = queue.peek()) != null && first.lsn < now) {
            settle(first, now, first.ofAppend ? whyLost(first.lsn) : null);
            queue.remove();
        }
        nextWanted = first == null ? Long.MAX_VALUE : first.lsn;
    }

    /* What needs memory comes before anything is taken. Always true. */
    private boolean settle(final Watcher watcher, final long now, final @Nullable Throwable why) {
        watcher.passedBy = now;
        watcher.failure = why;
        if (watcher.ofThread) {
            watcher.tell();
        } else {
            untold.add(watcher);
            hasUntold = true;
        }
        return true;
    }

    /** Completes the futures of what the watermark has passed. Their dependents may block: other threads tell the rest. */
    void tell() {
        tellThreads();
        while (hasUntold) {
            final Watcher next;
            synchronized (this) {
                next = untold.poll();
                hasUntold = !untold.isEmpty();
            }
            if (next != null) {
                next.tell();
            }
        }
    }

    private void tellOne(final Watcher watcher) {
        final boolean found;
        synchronized (this) {
            found = untold.remove(watcher);
            hasUntold = !untold.isEmpty();
        }
        if (found) {
            watcher.tell();
        }
    }

    /** Appends that are not durable have failed. {@link #tell} follows. */
    synchronized void fail(final Throwable why) {
        failure = why;
        take(watcher -> watcher.ofAppend, 0, why);
    }

    /** Appends go on behind a range whose appends have failed. */
    synchronized void repaired(final long from, final long to) {
        if (to > from && failure != null) {
            lost.add(from, to, failure);
            hasLost = true;
            durable = to;
        }
        failure = null;
    }

    /** Lets the threads look again that do not wait for an append: the log has changed otherwise than by a move of the watermark. */
    synchronized void wakeReaders() {
        take(watcher -> !watcher.ofAppend, durable, null);
    }

    /** Nobody waits for the future any more. */
    synchronized void forget(final CompletableFuture<Long> future) {
        take(watcher -> watcher.future == future, 0, null);
    }

    /** Nothing more becomes durable. */
    void close() {
        tell();
        synchronized (this) {
            closed = true;
            take(watcher -> true, 0, new ClosedChannelException());
        }
        tell();
    }

    private void take(final Predicate<Watcher> which, final long now, final @Nullable Throwable why) {
        queue.removeIf(watcher -> which.test(watcher) && settle(watcher, now, why));
        final @Nullable Watcher first = queue.peek();
        nextWanted = first == null ? Long.MAX_VALUE : first.lsn;
    }
}
