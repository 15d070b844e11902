// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.TraceRecords;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** The lines about slow I/Os, to the logger {@code io.writethrough.slow}: ten a second at most, for a device that stalls. */
public final class SlowLog {
    public static final String LOGGER = "io.writethrough.slow";
    public static final int LINES_A_SECOND = 10;

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private long secondBegan;
    private int lines;
    private long left;

    public void report(final TraceRecords.Io io) {
        report(io, System.nanoTime());
    }

    /** At this time of the nanosecond clock. */
    public void report(final TraceRecords.Io io, final long now) {
        if (now - secondBegan >= SECOND || lines == 0) {
            secondBegan = now;
            lines = 0;
        }
        if (lines == LINES_A_SECOND) {
            left++;
            return;
        }
        lines++;
        System.getLogger(LOGGER).log(System.Logger.Level.WARNING, text(io) + rest());
    }

    private String rest() {
        if (left == 0) {
            return "";
        }
        final String rest = "; before it " + left + " more were slow";
        left = 0;
        return rest;
    }

    public static String text(final TraceRecords.Io io) {
        return "slow " + (io.isWrite() ? "write" : "read") + ": " + millis(io.queueNanos() + io.deviceNanos()) + " ms ("
                + millis(io.queueNanos()) + " in the queue, " + millis(io.deviceNanos()) + " on the device), "
                + (io.path().isEmpty() ? "a file" : io.path()) + " at " + io.offset() + ", " + io.bytes() + " bytes"
                + (io.writes() > 0 ? ", a gather of " + io.writes() + " writes" : "")
                + (io.errno() != 0 ? ", failed: " + Errno.name(io.errno()) : "");
    }

    private static String millis(final long nanos) {
        return String.format(Locale.ROOT, "%.3f", nanos / 1e6);
    }
}
