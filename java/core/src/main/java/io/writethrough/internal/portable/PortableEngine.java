// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.Errno;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** An engine: its files, its lanes, the events of its asynchronous operations, and what is in flight. */
final class PortableEngine {
    private static final long IDLE_SECONDS = 1;

    private final long inFlightLimit;
    private final Counters counters = new Counters();
    private final Events events = new Events();
    private final Set<PortableFile> files = ConcurrentHashMap.newKeySet();
    private final Set<PortableLane> lanes = ConcurrentHashMap.newKeySet();
    private final ExecutorService executor = new ThreadPoolExecutor(
            0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), PortableEngine::thread);

    private final Object room = new Object();
    private long inFlight;
    private boolean lanesRefused;
    private volatile boolean closed;

    PortableEngine(final long inFlightLimit) {
        this.inFlightLimit = inFlightLimit;
        // Loaded now: a process without descriptors loads no class to tell that by.
        IoErrors.errno(new ClosedChannelException());
    }

    private static Thread thread(final Runnable task) {
        final Thread thread = new Thread(null, task, "writethrough-force", 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        return thread;
    }

    Counters counters() {
        return counters;
    }

    Events events() {
        return events;
    }

    ExecutorService executor() {
        return executor;
    }

    boolean isClosed() {
        return closed;
    }

    // ---- files ----

    void add(final PortableFile file) {
        files.add(file);
    }

    void remove(final PortableFile file) {
        files.remove(file);
    }

    void stats(final long[] into) {
        long mapped = 0;
        final Set<Inode> inodes = new HashSet<>();
        for (final PortableFile file : files) {
            if (inodes.add(file.inode())) {
                mapped += file.inode().isMapped() ? 1 : 0;
            }
        }
        synchronized (room) {
            counters.stats(into, inFlight, files.size(), inodes.size(), mapped);
        }
    }

    // ---- what is in flight ----

    /** 0, or -EAGAIN: there is no room, and the caller must not wait. */
    int enter(final long bytes, final boolean waits) {
        boolean interrupted = false;
        synchronized (room) {
            while (inFlight > 0 && inFlight + bytes > inFlightLimit) {
                if (!waits) {
                    return -Errno.EAGAIN;
                }
                try {
                    room.wait();
                } catch (final InterruptedException e) {
                    interrupted = true;
                }
            }
            inFlight += bytes;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return 0;
    }

    void leave(final long bytes) {
        synchronized (room) {
            inFlight -= bytes;
            room.notifyAll();
        }
    }

    // ---- lanes ----

    /** False: no lane is opened any more. */
    boolean add(final PortableLane lane) {
        synchronized (lanes) {
            return !lanesRefused && lanes.add(lane);
        }
    }

    void remove(final PortableLane lane) {
        lanes.remove(lane);
    }

    /** 0, or -EBUSY: some are open, of threads that live. */
    int refuseLanes() {
        synchronized (lanes) {
            lanes.removeIf(lane -> !lane.isOfLivingThread());
            if (!lanes.isEmpty()) {
                return -Errno.EBUSY;
            }
            lanesRefused = true;
            return 0;
        }
    }

    // ---- the end ----

    /** Closes all files. The first error of one. */
    int shutDown() {
        closed = true;
        int result = 0;
        final List<PortableFile> open = new ArrayList<>(files);
        for (final PortableFile file : open) {
            final int closedSo = file.close();
            result = result == 0 && closedSo != -Errno.EBADF ? closedSo : result;
        }
        events.shutDown();
        return result;
    }

    void close() {
        executor.shutdown();
    }
}
