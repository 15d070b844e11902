// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The operations of a file that have begun and are, for a while, in no call of native code: reads that lack bytes, and what
 * waits for a thread. Native code waits for its own calls when a file is closed, and knows nothing of these; so they are
 * counted here, and in the engine's count, and to close the file or the engine waits for them first.
 */
public final class UnderWay {
    private static final AtomicIntegerFieldUpdater<UnderWay> COUNT =
            AtomicIntegerFieldUpdater.newUpdater(UnderWay.class, "count");

    private final @Nullable UnderWay ofEngine; /* null: this is the engine's */
    private volatile int count;
    private volatile boolean closing;

    private UnderWay(final @Nullable UnderWay ofEngine) {
        this.ofEngine = ofEngine;
    }

    static UnderWay ofEngine() {
        return new UnderWay(null);
    }

    public UnderWay ofFile() {
        return new UnderWay(this);
    }

    /** An operation begins, and will {@link #leave}. False: it cannot, since the file is being closed. */
    public boolean enter() {
        if (ofEngine != null && !ofEngine.enter()) {
            return false;
        }
        COUNT.incrementAndGet(this);
        // Who closes looks at the count after this field was set: one of the two sees the other.
        if (closing) {
            leave();
            return false;
        }
        return true;
    }

    public void leave() {
        COUNT.decrementAndGet(this);
        if (ofEngine != null) {
            ofEngine.leave();
        }
    }

    /** Lets no more enter, and returns when all have left. */
    public void close(final Completions completions) {
        closing = true;
        while (count > 0) {
            completions.takeWhileWaiting();
        }
    }
}
