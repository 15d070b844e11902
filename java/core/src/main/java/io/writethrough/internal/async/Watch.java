// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread that looks, each few milliseconds, whether completions go on. If a callback holds them up, another thread takes its
 * place. Where nothing is to be done for a while, the watch sleeps until events come.
 */
final class Watch {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final int IDLE_LOOKS = 200;

    private final Completions completions;
    private final Thread thread;
    private volatile boolean asleep;
    private volatile boolean over;
    private long lastProgress;
    private int idleLooks;

    Watch(final Completions completions) {
        assert Faults.at(Faults.Step.MAKE_WATCH);
        this.completions = completions;
        this.thread = CompletionThread.daemon(this::run, "writethrough-watch");
    }

    void start() {
        thread.start();
    }

    /** There is something to be watched. */
    void wake() {
        if (asleep) {
            LockSupport.unpark(thread);
        }
    }

    void end() {
        over = true;
        LockSupport.unpark(thread);
    }

    private void run() {
        while (!over) {
            try {
                assert Faults.at(Faults.Step.WATCH);
                LockSupport.parkNanos(this, LOOK_NANOS);
                look();
            } catch (final Throwable e) {
                Completions.survive(e);
            }
        }
    }

    private void look() {
        final CompletionThread leader = completions.leader();
        final boolean idle = completions.isIdle(leader);
        final long progress = completions.progress();
        if (leader != null && !idle && progress == lastProgress) {
            completions.rescue(leader);
        } else {
            completions.goOnAfterTrouble();
        }
        lastProgress = progress;
        idleLooks = idle ? idleLooks + 1 : 0;
        if (idleLooks > IDLE_LOOKS) {
            idleLooks = 0;
            sleep();
        }
    }

    /* Who wakes the watch looks at the field after there is something: one of the two sees the other. */
    private void sleep() {
        asleep = true;
        if (completions.isIdle(completions.leader()) && !over) {
            LockSupport.park(this);
        }
        asleep = false;
    }
}
