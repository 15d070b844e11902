// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The future of an append. */
final class AppendFuture extends CompletableFuture<Long> implements Waiter {
    private long lsn;
    private @Nullable Waiter next;
    private @Nullable Throwable failure;

    /** Before others know of the append. */
    void lsn(final long taken) {
        lsn = taken;
    }

    @Override
    public @Nullable Waiter next() {
        return next;
    }

    @Override
    public void next(final @Nullable Waiter waiter) {
        next = waiter;
    }

    @Override
    public void done(final @Nullable Throwable why) {
        failure = why;
    }

    /** Completes it, and runs what depends on it. */
    void tell() {
        if (failure == null) {
            complete(lsn);
        } else {
            completeExceptionally(failure);
        }
    }
}
