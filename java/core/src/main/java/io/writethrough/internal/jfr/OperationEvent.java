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

/** What the events of reads and writes have in common. */
@Category("writethrough")
public abstract class OperationEvent extends Event implements IoEvent {
    @Label("Path")
    String path = "";

    @Label("Position")
    @DataAmount
    long position;

    @Label("Length")
    @Description("Bytes to be written, or that there was space for")
    @DataAmount
    long length;

    @Label("Done")
    @Description("Bytes known to be stable, or read")
    @DataAmount
    long done;

    @Label("Asynchronous")
    @Description("The caller did not wait for it: the event is of the thread that completed it")
    boolean asynchronous;

    @Label("Error")
    @Description("The name of an errno, or empty")
    String error = "";

    /** What only some kinds tell, before the event is committed. */
    void tell(final int durabilityCode, final int flagBits) {}

    @Override
    public final void end(
            final Path ofFile,
            final long at,
            final long bytes,
            final int durabilityCode,
            final int flagBits,
            final boolean isAsynchronous,
            final int errno,
            final long bytesDone) {
        end();
        if (shouldCommit()) {
            path = ofFile.toString();
            position = at;
            length = bytes;
            done = bytesDone;
            asynchronous = isAsynchronous;
            error = errno == 0 ? "" : Errno.name(errno);
            tell(durabilityCode, flagBits);
            commit();
        }
    }
}
