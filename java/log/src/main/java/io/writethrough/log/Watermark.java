// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The LSN before which all is durable, and who waits for it to move. */
final class Watermark {
    private volatile long durable;

    /* What the first of the queue waits for; the largest number: nobody waits. Written with the lock. */
    private volatile long nextWanted = Long.MAX_VALUE;
    private final PriorityQueue<Watcher> queue = new PriorityQueue<>(Comparator.comparingLong(Watcher::lsn));
    private boolean closed;

    /* Why no append becomes durable for now, and whose appends have failed. */
    private @Nullable Throwable failure;
    private final LostRanges lost = new LostRanges();
    private volatile boolean hasLost;

    private record Watcher(long lsn, boolean ofAppend, CompletableFuture<Long> future) {}

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

    /** The log was cut: its LSNs from this one on are for other records, whatever became of the old ones. */
    synchronized void cut(final long end) {
        lost.cut(end);
        hasLost = !lost.isEmpty();
        durable = end;
    }

    /** A future that completes when the watermark is behind the LSN, with the watermark. */
    CompletableFuture<Long> when(final long lsn, final boolean ofAppend) {
        final CompletableFuture<Long> future = new CompletableFuture<>();
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
            queue.add(new Watcher(lsn, ofAppend, future));
            nextWanted = Math.min(nextWanted, lsn);
        }
        tell(); // it may have moved before we were in the queue
        return future;
    }

    /* Why a record that had been appended is not durable and never will be. */
    private @Nullable Throwable whyNever(final long lsn) {
        if (failure != null && lsn >= durable) {
            return failure;
        }
        return whyLost(lsn);
    }

    private synchronized @Nullable Throwable whyLost(final long lsn) {
        return lost.why(lsn);
    }

    /** Completes what the watermark has passed. */
    void tell() {
        while (durable > nextWanted) {
            final long now = durable;
            final List<Watcher> passed = new ArrayList<>();
            synchronized (this) {
                Watcher first;
                while ((first = queue.peek()) != null && first.lsn < now) {
                    passed.add(queue.remove());
                }
                nextWanted = first == null ? Long.MAX_VALUE : first.lsn;
            }
            for (final Watcher watcher : passed) {
                final Throwable why = watcher.ofAppend && hasLost ? whyLost(watcher.lsn) : null;
                if (why == null) {
                    watcher.future.complete(now);
                } else {
                    watcher.future.completeExceptionally(why);
                }
            }
        }
    }

    /** Appends that are not durable have failed. Returns who is to be told. */
    synchronized List<CompletableFuture<Long>> fail(final Throwable why) {
        failure = why;
        return take(watcher -> watcher.ofAppend);
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

    /** Nobody waits for the future any more. */
    synchronized void forget(final CompletableFuture<Long> future) {
        take(watcher -> watcher.future == future);
    }

    /** Nothing more becomes durable. */
    void close() {
        tell();
        final List<CompletableFuture<Long>> left;
        synchronized (this) {
            closed = true;
            left = take(watcher -> true);
        }
        for (final CompletableFuture<Long> future : left) {
            future.completeExceptionally(new ClosedChannelException());
        }
    }

    private List<CompletableFuture<Long>> take(final Predicate<Watcher> which) {
        final List<CompletableFuture<Long>> taken = new ArrayList<>();
        queue.removeIf(watcher -> which.test(watcher) && taken.add(watcher.future));
        final @Nullable Watcher first = queue.peek();
        nextWanted = first == null ? Long.MAX_VALUE : first.lsn;
        return taken;
    }
}
