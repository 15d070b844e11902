// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

@Name("io.writethrough.Write")
@Label("Write")
@Description("A write, from the call until its bytes were as durable as asked")
public final class WriteEvent extends OperationEvent {
    /* An event that is never committed: to ask it whether its kind is wanted allocates nothing. */
    private static final WriteEvent PROBE = new WriteEvent();

    @Label("Durability")
    @Description("DEVICE, DSYNC or SYNC, or FILE: what the file was opened with")
    String durability = "";

    @Label("Flags")
    String flags = "";

    static boolean isWanted() {
        return PROBE.isEnabled();
    }

    static WriteEvent begun() {
        final WriteEvent event = new WriteEvent();
        event.begin();
        return event;
    }

    @Override
    void tell(final int durabilityCode, final int flagBits) {
        durability = EventNames.durability(durabilityCode);
        flags = EventNames.flags(flagBits);
    }
}
