// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import io.writethrough.internal.core.Core;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/**
 * Threads that have lanes. Such a thread may wait, in Java, for a future whose write waits for I/O of the thread's own lane:
 * nobody else takes completions there. Calls of native code see to that by themselves.
 *
 * <p>A lane that its program has lost is open until its thread ends, and native code needs its engine, its files and this
 * library as long. So the thread keeps them.
 */
public final class LaneThreads {
    /* The lanes that a thread has open. A thread without lanes has nothing here, which would keep this library loaded. */
    private static final ThreadLocal<List<Object>> OPEN = new ThreadLocal<>();

    private LaneThreads() {}

    /** The current thread has opened a lane. */
    public static void opened(final Object lane) {
        List<Object> open = OPEN.get();
        if (open == null) {
            open = new ArrayList<>(1);
            OPEN.set(open);
        }
        open.add(lane);
    }

    /** The current thread has closed that lane. */
    public static void closed(final Object lane) {
        final List<Object> open = OPEN.get();
        open.remove(lane);
        if (open.isEmpty()) {
            OPEN.remove();
        }
    }

    /** Before the current thread waits for a future: ends the I/O of its lanes, until the future is done or none is left. */
    static void workFor(final Future<?> future) {
        if (OPEN.get() == null) {
            return;
        }
        while (!future.isDone() && Core.laneWork()) {
            // What has ended may have let the future end.
        }
    }
}
