// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import java.lang.ref.WeakReference;
import java.util.function.Supplier;

/**
 * An object that each thread keeps for its next call, until the garbage collector has use for its memory. A thread that had it
 * for good would keep the class loader of this library for as long as the thread lives.
 */
public final class PerThread<T> {
    @SuppressWarnings("ThreadLocalUsage") // each object of this class is in a static field
    private final ThreadLocal<WeakReference<T>> kept = new ThreadLocal<>();

    private final Supplier<T> maker;

    public PerThread(final Supplier<T> maker) {
        this.maker = maker;
    }

    /** The current thread's. */
    public T get() {
        final WeakReference<T> reference = kept.get();
        final T found = reference == null ? null : reference.get();
        if (found != null) {
            return found;
        }
        final T made = maker.get();
        kept.set(new WeakReference<>(made));
        return made;
    }
}
