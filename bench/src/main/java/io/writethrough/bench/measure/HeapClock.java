package io.writethrough.bench.measure;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;

/** What all threads together allocate on the Java heap, in bytes. A thread that ends takes its share with it. */
public final class HeapClock {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Map<Long, Long> threads;

    private HeapClock(Map<Long, Long> threads) {
        this.threads = threads;
    }

    /** Counts from now on. */
    public static HeapClock start() {
        return new HeapClock(threadBytes());
    }

    /** The bytes allocated since the start, less what finding that out took. */
    public long bytes() {
        return CpuClock.used(threads, threadBytes());
    }

    private static Map<Long, Long> threadBytes() {
        // Of this thread first: what follows allocates.
        long own = THREADS.getCurrentThreadAllocatedBytes();
        Map<Long, Long> bytes = new HashMap<>();
        long[] ids = THREADS.getAllThreadIds();
        long[] allocated = THREADS.getThreadAllocatedBytes(ids);
        for (int i = 0; i < ids.length; i++) {
            bytes.put(ids[i], allocated[i]);
        }
        bytes.put(Thread.currentThread().getId(), own);
        return bytes;
    }
}
