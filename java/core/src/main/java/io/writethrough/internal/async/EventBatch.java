// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import io.writethrough.internal.core.Core;
import io.writethrough.internal.jni.NativeIo;
import org.jspecify.annotations.Nullable;

/**
 * Events that one thread took from the C core, and the operations among them that ended. What interrupts the taking, an Error
 * say, leaves here what is yet to be taken: no event is lost.
 */
public final class EventBatch {
    private final long[] events = new long[NativeIo.EVENTS_AT_ONCE * NativeIo.EVENT_LONGS];
    private int next;
    private int end;

    /* A chain. */
    private @Nullable Operation first;
    private @Nullable Operation last;

    boolean isEmpty() {
        return next == end && first == null;
    }

    /** Waits for events, when all before them were taken. Returns false when no more will come. */
    boolean reap(final long engine, final long timeoutNanos) {
        final int count = Core.reap(engine, events, timeoutNanos);
        next = 0;
        end = Math.max(count, 0) * NativeIo.EVENT_LONGS;
        return count >= 0;
    }

    /** Takes the events. May be called again when it has thrown. */
    void take(final Operations operations, final CompletionQueue queue) {
        while (next < end) {
            takeNext(operations);
        }
        if (first != null) {
            assert Faults.at(Faults.Step.HAND_TO_QUEUE);
            queue.add(this);
        }
    }

    private void takeNext(final Operations operations) {
        @Nullable Operation operation = null;
        boolean ended = false;
        try {
            operation = operations.of(events[next]);
            assert Faults.at(Faults.Step.TAKE_EVENT);
            ended = operation != null && operation.end(events[next + 1], events[next + 2], events[next + 3]);
        } catch (final OutOfMemoryError | StackOverflowError e) {
            throw e; // There may be memory, or stack, the next time.
        } catch (final Throwable e) {
            Completions.report(e);
            ended = operation != null && operation.endInsteadOfEvent(e);
        }
        // No call from here on: nothing comes between the two.
        if (ended) {
            if (first == null) {
                first = operation;
            } else {
                assert last != null;
                last.next = operation;
            }
            last = operation;
        }
        next += NativeIo.EVENT_LONGS;
    }

    @Nullable
    Operation first() {
        return first;
    }

    @Nullable
    Operation last() {
        return last;
    }

    /** They are in the queue. */
    void handedOver() {
        first = null;
        last = null;
    }
}
