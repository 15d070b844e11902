// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.internal.async.CompletionThread;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Beans that wait for an MBean server. Nothing tells when somebody has one made (jconsole that attaches, say), so a thread looks
 * twice a second. There is no such thread while nothing waits.
 */
final class LateBeans {
    private static final long LOOK_MILLIS = 500;

    private static final Object LOCK = new Object();
    private static final List<Runnable> WAITING = new ArrayList<>();
    private static @Nullable Thread thread;

    private LateBeans() {}

    /** Has a registration run by a thread of its own as soon as there is a server. To ask for that twice is to ask once. */
    static void add(final Runnable registering) {
        synchronized (LOCK) {
            if (!WAITING.contains(registering)) {
                WAITING.add(registering);
            }
            if (thread == null) {
                final Thread looking = CompletionThread.daemon(LateBeans::look, "writethrough-jmx");
                looking.start();
                thread = looking;
            }
        }
    }

    /** Gives up on a registration, if it has not begun. */
    static void remove(final Runnable registering) {
        synchronized (LOCK) {
            if (WAITING.remove(registering)) {
                LOCK.notifyAll();
            }
        }
    }

    private static void look() {
        boolean over = false;
        try {
            while (!over) {
                over = registered();
            }
        } finally {
            if (!over) { // by an exception of a registration: the next one that waits has another thread
                synchronized (LOCK) {
                    thread = null;
                }
            }
        }
    }

    /* Whether nothing waits any more. A heap that is full for a moment must not end the thread: what waits is tried again. */
    private static boolean registered() {
        try {
            return !registerNext();
        } catch (final OutOfMemoryError e) {
            pause();
            return false;
        }
    }

    /* False: nothing waits, and the thread ends. */
    private static boolean registerNext() {
        final Runnable next = next();
        if (next == null) {
            return false;
        }
        try {
            next.run();
        } catch (final OutOfMemoryError e) {
            synchronized (LOCK) {
                WAITING.add(0, next); // which needs no memory: it stood there before
            }
            throw e;
        }
        return true;
    }

    private static @Nullable Runnable next() {
        synchronized (LOCK) {
            while (!WAITING.isEmpty() && !Beans.hasServer()) {
                pause();
            }
            if (WAITING.isEmpty()) {
                thread = null;
                return null;
            }
            return WAITING.remove(0);
        }
    }

    private static void pause() {
        synchronized (LOCK) {
            try {
                LOCK.wait(LOOK_MILLIS);
            } catch (final InterruptedException e) {
                WAITING.clear(); // Nobody interrupts this thread but a program that ends all threads.
            }
        }
    }
}
