// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import io.writethrough.internal.jni.Errno;
import java.nio.file.Path;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

@Name("io.writethrough.Error")
@Label("Error")
@Category("writethrough")
@Description("An operation on a file that the system or the device refused")
public final class ErrorEvent extends Event {
    private static final ErrorEvent PROBE = new ErrorEvent();

    @Label("Operation")
    String operation = "";

    @Label("Path")
    String path = "";

    @Label("Position")
    @Description("-1: the operation has none")
    long position;

    @Label("Length")
    @Description("-1: the operation has none")
    long length;

    @Label("Error")
    @Description("The name of an errno")
    String error = "";

    @Label("Stable")
    @Description("Bytes of a write that are known to be stable all the same")
    @DataAmount
    long stable;

    static boolean isWanted() {
        return PROBE.isEnabled();
    }

    static void commit(
            final String operation,
            final Path path,
            final long position,
            final long length,
            final int errno,
            final long stableBytes) {
        final ErrorEvent event = new ErrorEvent();
        event.operation = operation;
        event.path = path.toString();
        event.position = position;
        event.length = length;
        event.error = Errno.name(errno);
        event.stable = stableBytes;
        event.commit();
    }
}
