package io.writethrough.bench.contender;

import com.sun.nio.file.ExtendedOpenOption;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Durable overwrites by the JDK's {@link FileChannel}. */
public final class ChannelWrite extends JavaContender {

    /** How the channel makes a write durable. */
    public enum Mode {
        /** Write, then {@code force(false)}. */
        FORCE(StandardOpenOption.WRITE),
        /** Opened with {@code DSYNC}. */
        DSYNC(StandardOpenOption.WRITE, StandardOpenOption.DSYNC),
        /** Opened with {@code DIRECT} and {@code DSYNC}: past the kernel's page cache. */
        DIRECT_DSYNC(StandardOpenOption.WRITE, StandardOpenOption.DSYNC, ExtendedOpenOption.DIRECT);

        private final OpenOption[] options;

        Mode(OpenOption... options) {
            this.options = options;
        }
    }

    private final FileChannel channel;
    private final ByteBuffer source;
    private final boolean force;
    private long count;

    /** Opens a file that exists, for writes of so many bytes each. */
    public ChannelWrite(Path path, int bytes, Mode mode) throws IOException {
        this.channel = FileChannel.open(path, mode.options);
        this.source = Buffers.source(bytes);
        this.force = mode == Mode.FORCE;
    }

    @Override
    protected void operate(long offset) throws IOException {
        source.clear().putLong(0, count++);
        int written = channel.write(source, offset);
        if (written != source.capacity()) {
            throw new IOException("wrote " + written + " of " + source.capacity() + " bytes at " + offset);
        }
        if (force) {
            channel.force(false);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
