// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Asynchronous operations that ended, as the C core tells of them: of an engine, or of a lane. */
final class Events {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition some = lock.newCondition();
    private final ArrayDeque<long[]> events = new ArrayDeque<>();
    private long underWay;
    private boolean shutDown;

    void begin() {
        lock.lock();
        try {
            underWay++;
        } finally {
            lock.unlock();
        }
    }

    void end(final long token, final long result, final long stableBytes, final long offset) {
        final long[] event = {token, result, stableBytes, offset};
        lock.lock();
        try {
            events.add(event);
            underWay--;
            some.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** It was begun and comes to nothing. */
    void forget() {
        lock.lock();
        try {
            underWay--;
            some.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void shutDown() {
        lock.lock();
        try {
            shutDown = true;
            some.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Returns when nothing is under way. */
    void awaitAll() {
        lock.lock();
        try {
            while (underWay > 0) {
                some.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /** As wt_reap; for a lane, with {@code whileUnderWay}, as wt_lane_poll. */
    int take(final long[] into, final int max, final long timeoutNanos, final boolean whileUnderWay) {
        boolean interrupted = false;
        lock.lock();
        try {
            long left = timeoutNanos < 0 ? Long.MAX_VALUE : timeoutNanos;
            while (events.isEmpty()) {
                if (shutDown) {
                    return -Errno.ESHUTDOWN;
                }
                if (left <= 0 || whileUnderWay && underWay == 0) {
                    return 0;
                }
                try {
                    left = some.awaitNanos(left);
                } catch (final InterruptedException e) {
                    interrupted = true;
                }
            }
            int count = 0;
            while (count < max && !events.isEmpty()) {
                System.arraycopy(events.remove(), 0, into, count * NativeIo.EVENT_LONGS, NativeIo.EVENT_LONGS);
                count++;
            }
            return count;
        } finally {
            lock.unlock();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
