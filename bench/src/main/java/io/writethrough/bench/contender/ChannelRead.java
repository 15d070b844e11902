package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Reads from the kernel's page cache by {@link FileChannel#read(ByteBuffer, long)}. */
public final class ChannelRead extends JavaContender {
    private final FileChannel channel;
    private final ByteBuffer destination;

    /** Opens a file and reads all of it once, so that it is cached. */
    public ChannelRead(Path path, int bytes, boolean direct) throws IOException {
        this.channel = FileChannel.open(path, StandardOpenOption.READ);
        this.destination = Buffers.destination(bytes, direct);
        ByteBuffer all = ByteBuffer.allocateDirect(1 << 20);
        for (long offset = 0; channel.read(all.clear(), offset) > 0; ) {
            offset += all.position();
        }
    }

    @Override
    protected void operate(long offset) throws IOException {
        int read = channel.read(destination.clear(), offset);
        if (read != destination.capacity()) {
            throw new IOException("read " + read + " of " + destination.capacity() + " bytes at " + offset);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
