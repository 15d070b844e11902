package io.writethrough.internal.jfr;

import io.writethrough.internal.Errno;
import java.nio.file.Path;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

@Name("io.writethrough.Read")
@Label("Read")
@Category("writethrough")
@Description("A read, out of the cache or from the device")
final class ReadEvent extends Event implements IoEvent {
    /* An event that is never committed: to ask it whether its kind is wanted allocates nothing. */
    private static final ReadEvent PROBE = new ReadEvent();

    @Label("Path")
    String path;

    @Label("Position")
    @DataAmount
    long position;

    @Label("Length")
    @Description("Bytes that there was space for")
    @DataAmount
    long length;

    @Label("Done")
    @Description("Bytes read")
    @DataAmount
    long done;

    @Label("Asynchronous")
    @Description("The caller did not wait for it: the event is of the thread that completed it")
    boolean asynchronous;

    @Label("Error")
    @Description("The name of an errno, or empty")
    String error;

    static boolean isWanted() {
        return PROBE.isEnabled();
    }

    static ReadEvent begun() {
        final ReadEvent event = new ReadEvent();
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
            asynchronous = isAsynchronous;
            error = errno == 0 ? "" : Errno.name(errno);
            commit();
        }
    }
}
