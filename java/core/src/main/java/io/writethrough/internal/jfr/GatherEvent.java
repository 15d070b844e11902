// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.TraceRecords;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

@Name("io.writethrough.Gather")
@Label("Gather")
@Category("writethrough")
@Description("An I/O that carried writes which had collected while another I/O held their blocks; told after its end")
@StackTrace(false)
public final class GatherEvent extends Event {
    private static final GatherEvent PROBE = new GatherEvent();

    @Label("Engine")
    @Description("The id of its MXBean")
    int engine;

    @Label("Path")
    @Description("The end of a long one")
    String path = "";

    @Label("Position")
    @DataAmount
    long position;

    @Label("Length")
    @DataAmount
    long length;

    @Label("Writes")
    @Description("That it carried")
    int writes;

    @Label("In the queue")
    @Description("From when the first of the writes began until the kernel got the I/O")
    @Timespan
    long queueTime;

    @Label("On the device")
    @Timespan
    long deviceTime;

    @Label("Error")
    @Description("The name of an errno, or empty")
    String error = "";

    static boolean isWanted() {
        return PROBE.isEnabled();
    }

    static void commit(final int engine, final TraceRecords.Io io) {
        final GatherEvent event = new GatherEvent();
        event.engine = engine;
        event.path = io.path();
        event.position = io.offset();
        event.length = io.bytes();
        event.writes = io.writes();
        event.queueTime = io.queueNanos();
        event.deviceTime = io.deviceNanos();
        event.error = io.errno() == 0 ? "" : Errno.name(io.errno());
        event.commit();
    }
}
