// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;
import jdk.jfr.Recording;

/**
 * The flight recorder's recordings, as they come and go. Listening does not start the recorder. It keeps its listeners, and
 * their class loader, until they are taken away.
 */
public final class Recordings implements FlightRecorderListener {
    private final Runnable change;
    private final Runnable period;

    Recordings(final Runnable change, final Runnable period) {
        this.change = change;
        this.period = period;
    }

    void begin() {
        FlightRecorder.addListener(this);
    }

    void end() {
        FlightRecorder.removeListener(this);
        FlightRecorder.removePeriodicEvent(period);
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
