// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A write whose bytes are in the page cache, or a caller of force, that waits for a force. It ends once. */
class Ticket {
    private final @Nullable Thread waiter;
    private final boolean metadata;
    private long start;
    private long end;
    private int errno;
    private volatile boolean done;

    /** @param waiter parks until this ends; null for one that overrides {@link #ended} */
    Ticket(final @Nullable Thread waiter, final boolean metadata) {
        this.waiter = waiter;
        this.metadata = metadata;
    }

    /** The bytes that were written. */
    void covers(final long first, final long behindLast) {
        start = first;
        end = behindLast;
    }

    final long start() {
        return start;
    }

    final long end() {
        return end;
    }

    final boolean wantsMetadata() {
        return metadata;
    }

    final boolean isDone() {
        return done;
    }

    /** Of one that ended: 0, or why its bytes are not stable. */
    final int errno() {
        return errno;
    }

    final boolean hasWaiter() {
        return waiter != null;
    }

    /** Its thread looks whether it is to lead. */
    final void wake() {
        LockSupport.unpark(waiter);
    }

    final void end(final int result) {
        errno = result;
        done = true;
        if (waiter != null) {
            wake();
        } else {
            ended(result);
        }
    }

    /** Of one that nobody waits for. */
    void ended(final int result) {
        throw new AssertionError("nobody is told");
    }
}
