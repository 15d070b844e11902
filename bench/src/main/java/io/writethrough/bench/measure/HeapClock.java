// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;

/**
 * What all threads together allocate on the Java heap, in bytes. A thread that ends takes its share with it, so a thread of
 * this clock looks now and then.
 */
public final class HeapClock {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long LOOK_MILLIS = 50;

    private final Map<Long, Long> then = new HashMap<>();
    private final Map<Long, Long> now = new HashMap<>();
    private final Thread watch = new Thread(this::watch, "heap-clock");

    private HeapClock() {
        look(then);
        watch.setDaemon(true);
        watch.start();
        then.put(Thread.currentThread().getId(), THREADS.getCurrentThreadAllocatedBytes());
    }

    /** Counts from now on. */
    public static HeapClock start() {
        return new HeapClock();
    }

    /** The bytes allocated since the start. The clock stops. */
    public synchronized long bytes() {
        watch.interrupt();
        look(now);
        now.remove(watch.getId());
        return CpuClock.used(then, now);
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(LOOK_MILLIS);
                synchronized (this) {
                    look(now);
                }
            }
        } catch (InterruptedException e) {
            // The clock was stopped.
        }
    }

    private static void look(Map<Long, Long> into) {
        // Of this thread first: what follows allocates, and is not to be counted.
        long own = THREADS.getCurrentThreadAllocatedBytes();
        long[] ids = THREADS.getAllThreadIds();
        long[] allocated = THREADS.getThreadAllocatedBytes(ids);
        for (int i = 0; i < ids.length; i++) {
            if (allocated[i] >= 0) {
                into.put(ids[i], allocated[i]);
            }
        }
        into.put(Thread.currentThread().getId(), own);
    }
}
