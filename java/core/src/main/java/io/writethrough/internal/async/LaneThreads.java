// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import io.writethrough.internal.jni.NativeIo;
import java.util.concurrent.Future;

/**
 * Threads that have lanes. Such a thread may wait, in Java, for a future whose write waits for I/O of the thread's own lane:
 * nobody else takes completions there. Calls of native code see to that by themselves.
 */
public final class LaneThreads {
    /* How many lanes a thread has open. An array knows no class of this library: it keeps none loaded. */
    private static final ThreadLocal<int[]> OPEN = new ThreadLocal<>();

    private LaneThreads() {}

    /** The current thread has a lane more, or one less. */
    public static void count(final int change) {
        int[] open = OPEN.get();
        if (open == null) {
            open = new int[1];
            OPEN.set(open);
        }
        open[0] += change;
        if (open[0] == 0) {
            OPEN.remove();
        }
    }

    /** Before the current thread waits for a future: ends the I/O of its lanes, until the future is done or none is left. */
    static void workFor(final Future<?> future) {
        if (OPEN.get() == null) {
            return;
        }
        while (!future.isDone() && NativeIo.laneWork()) {
            // What has ended may have let the future end.
        }
    }
}
