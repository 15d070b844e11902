// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;
import jdk.jfr.Recording;

/**
 * The flight recorder's recordings, as they come and go. The recorder keeps its listeners, and their class loader, until they
 * are taken away.
 */
public final class Recordings implements FlightRecorderListener {
    private final Runnable change;
    private final Runnable period;
    private boolean ended;

    Recordings(final Runnable change, final Runnable period) {
        this.change = change;
        this.period = period;
    }

    /** The recorder has started, and recordings may have. */
    void begin() {
        synchronized (this) {
            if (ended) {
                return;
            }
            FlightRecorder.addListener(this);
        }
        change.run();
    }

    synchronized void end() {
        ended = true;
        if (FlightRecorder.isInitialized()) {
            FlightRecorder.removeListener(this);
            FlightRecorder.removePeriodicEvent(period);
        }
    }

    @Override
    public void recorderInitialized(final FlightRecorder recorder) {
        FlightRecorder.addPeriodicEvent(EvictionEvent.class, period);
    }

    @Override
    public void recordingStateChanged(final Recording recording) {
        change.run();
    }
}
