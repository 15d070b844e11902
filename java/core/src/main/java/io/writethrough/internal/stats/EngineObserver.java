// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.EngineStats;
import io.writethrough.internal.async.CompletionThread;
import io.writethrough.internal.async.Completions;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jfr.Events;
import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.TraceRecords;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Watches an engine for those who look after it: slow I/Os go to the log, gathers to the flight recorder. A thread of its own
 * takes the records of both from the C core; without a threshold and without a recording there is none.
 *
 * <p>It knows the handle of the engine and not the engine, which may be lost.
 */
public final class EngineObserver {
    private static final Set<EngineObserver> ALL = ConcurrentHashMap.newKeySet();
    private static final long END_PATIENCE_MILLIS = 1000;
    private static final long LOOK_MILLIS = 500;

    /* While there is an observer. */
    private static @Nullable Runnable endListening;

    private final long engine;
    private final int number;
    private final long slowNanos;
    private final SlowLog slowLog = new SlowLog();
    private @Nullable Thread thread;
    private boolean ended;
    private boolean waitsForGathers;
    private long evictions;

    /** @param slowNanos from how long on an I/O is slow; 0: none is */
    public EngineObserver(final long engine, final int number, final long slowNanos) {
        this.engine = engine;
        this.number = number;
        this.slowNanos = slowNanos;
    }

    public void start() {
        synchronized (ALL) {
            ALL.add(this);
            if (endListening == null) {
                endListening = Events.listen(
                        () -> ALL.forEach(EngineObserver::update), () -> ALL.forEach(EngineObserver::countEvictions));
            }
        }
        update();
    }

    private void stop() {
        synchronized (ALL) {
            ALL.remove(this);
            if (ALL.isEmpty() && endListening != null) {
                endListening.run();
                endListening = null;
            }
        }
    }

    /** Has the C core keep the records that somebody wants now. */
    private synchronized void update() {
        waitsForGathers = Events.wantsGathers();
        final int what = (slowNanos > 0 ? TraceRecords.SLOW : 0) | (waitsForGathers ? TraceRecords.GATHERS : 0);
        if (ended || Core.isPortable(engine)) { // that one keeps no records
            return;
        }
        CApi.wt_engine_trace(engine, what, slowNanos);
        if (what != 0 && thread == null) {
            final Thread observer = CompletionThread.daemon(this::run, "writethrough-observer");
            observer.start();
            thread = observer;
        }
        notifyAll();
    }

    private void run() {
        final TraceRecords records = new TraceRecords();
        int count = 0;
        while (count >= 0) {
            for (int i = 0; i < count; i++) {
                reportQuietly(records, i);
            }
            count = records.take(engine, count > 0 ? 0 : pause());
        }
    }

    /*
     * How long to wait in native code, after a wait in Java: a JVM that exits waits 300 ms for a thread that is in native code.
     * Slow I/Os are few, and the C core keeps their records; gathers are many.
     */
    private synchronized long pause() {
        if (waitsForGathers) {
            return TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS);
        }
        if (!ended) {
            try {
                wait(LOOK_MILLIS);
            } catch (final InterruptedException e) {
                return 0; // Nobody interrupts this thread but a program that ends all threads.
            }
        }
        return 0;
    }

    /* A record that cannot be told is lost, and no other is. */
    private void reportQuietly(final TraceRecords records, final int index) {
        try {
            report(records.get(index));
        } catch (final Throwable e) {
            Completions.survive(e);
        }
    }

    private void report(final TraceRecords.Io io) {
        if ((io.reason() & TraceRecords.GATHERS) != 0) {
            Events.gather(number, io);
        }
        if ((io.reason() & TraceRecords.SLOW) != 0) {
            slowLog.report(io);
        }
    }

    private synchronized void countEvictions() {
        final EngineStats stats = ended ? null : EngineCounters.of(engine);
        if (stats != null) {
            Events.evictions(number, stats.evictions() - evictions, stats.cachedBytes(), stats.cacheBytes());
            evictions = stats.evictions();
        }
    }

    /** The engine was shut down: returns when what was recorded until then is reported. */
    public void end() {
        stop();
        final Thread running;
        synchronized (this) {
            ended = true;
            running = thread;
            notifyAll();
        }
        if (running == null || running == Thread.currentThread()) {
            return;
        }
        try {
            running.join(END_PATIENCE_MILLIS); // A logger may be slow, too: then the last lines come later, or not.
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
