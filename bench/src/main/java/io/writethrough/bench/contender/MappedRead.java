package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Copies out of a file mapped into memory: no system call, and no protection from an error of the disk. */
public final class MappedRead extends JavaContender {
    private final MappedByteBuffer mapped;
    private final ByteBuffer destination;

    /** Maps a file of at most 2 GiB and touches all of it, so that no page is missing. */
    public MappedRead(Path path, int bytes, boolean direct) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            this.mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        }
        this.mapped.load();
        this.destination = Buffers.destination(bytes, direct);
    }

    @Override
    protected void operate(long offset) {
        if (destination.hasArray()) {
            mapped.get((int) offset, destination.array());
        } else {
            destination.put(0, mapped, (int) offset, destination.capacity());
        }
    }

    @Override
    public void close() {
        // The mapping ends with the buffer.
    }
}
