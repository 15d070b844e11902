// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

@Name("io.writethrough.log.Segment")
@Label("Log Segment")
@Category("writethrough")
@Description("An append began a segment: the time that all appends waited for that")
@StackTrace(false)
final class SegmentEvent extends Event {
    @Label("Log")
    String log = "";

    @Label("Sequence")
    @Description("Of the last segment that the append began")
    long sequence;
}
