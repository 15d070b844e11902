package io.writethrough.internal.jfr;

import io.writethrough.internal.Errno;
import java.nio.file.Path;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

@Name("io.writethrough.Write")
@Label("Write")
@Category("writethrough")
@Description("A write, from the call until its bytes were as durable as asked")
final class WriteEvent extends Event implements IoEvent {
    /* An event that is never committed: to ask it whether its kind is wanted allocates nothing. */
    private static final WriteEvent PROBE = new WriteEvent();

    @Label("Path")
    String path;

    @Label("Position")
    @DataAmount
    long position;

    @Label("Length")
    @Description("Bytes to be written")
    @DataAmount
    long length;

    @Label("Done")
    @Description("Bytes known to be stable")
    @DataAmount
    long done;

    @Label("Durability")
    @Description("DEVICE, DSYNC or SYNC, or FILE: what the file was opened with")
    String durability;

    @Label("Flags")
    String flags;

    @Label("Asynchronous")
    @Description("The caller did not wait for it: the event is of the thread that completed it")
    boolean asynchronous;

    @Label("Error")
    @Description("The name of an errno, or empty")
    String error;

    static boolean isWanted() {
        return PROBE.isEnabled();
    }

    static WriteEvent begun() {
        final WriteEvent event = new WriteEvent();
        event.begin();
        return event;
    }

    @Override
    public void end(
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
            durability = Codes.durability(durabilityCode);
            flags = Codes.flags(flagBits);
            asynchronous = isAsynchronous;
            error = errno == 0 ? "" : Errno.name(errno);
            commit();
        }
    }
}
