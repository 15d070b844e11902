// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

/** A lane: events of its own. Threads of the engine carry its forces, so nobody waits for its thread. */
final class PortableLane {
    private final PortableEngine engine;
    private final Events events = new Events();
    private final Thread thread = Thread.currentThread();

    PortableLane(final PortableEngine engine) {
        this.engine = engine;
    }

    PortableEngine engine() {
        return engine;
    }

    Events events() {
        return events;
    }

    boolean isOfLivingThread() {
        return thread.isAlive();
    }

    boolean isOfCurrentThread() {
        return thread == Thread.currentThread();
    }

    void close() {
        events.awaitAll();
        engine.remove(this);
    }
}
