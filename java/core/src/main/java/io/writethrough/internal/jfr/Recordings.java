package io.writethrough.internal.jfr;

import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;
import jdk.jfr.Recording;

/** The flight recorder's recordings, as they come and go. Listening does not start the recorder. */
final class Recordings {
    private Recordings() {}

    static void onChange(final Runnable task) {
        FlightRecorder.addListener(new FlightRecorderListener() {
            @Override
            public void recordingStateChanged(final Recording recording) {
                task.run();
            }
        });
    }

    static void eachPeriod(final Runnable task) {
        FlightRecorder.addListener(new FlightRecorderListener() {
            @Override
            public void recorderInitialized(final FlightRecorder recorder) {
                FlightRecorder.addPeriodicEvent(EvictionEvent.class, task);
            }
        });
    }
}
