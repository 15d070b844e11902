// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

@Name("io.writethrough.Read")
@Label("Read")
@Description("A read, out of the cache or from the device")
public final class ReadEvent extends OperationEvent {
    /* An event that is never committed: to ask it whether its kind is wanted allocates nothing. */
    private static final ReadEvent PROBE = new ReadEvent();

    static boolean isWanted() {
        return PROBE.isEnabled();
    }

    static ReadEvent begun() {
        final ReadEvent event = new ReadEvent();
        event.begin();
        return event;
    }
}
