// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Copies out of a file mapped into memory: no system call, and no protection from an error of the disk. */
public final class MappedRead implements Way {
    private final MappedByteBuffer mapped;
    private final int bytes;
    private final boolean direct;

    /** Maps a file of at most 2 GiB and touches all of it, so that no page is missing. */
    public MappedRead(Path path, int bytes, boolean direct) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            this.mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        }
        this.mapped.load();
        this.bytes = bytes;
        this.direct = direct;
    }

    @Override
    public Operation operation() {
        ByteBuffer destination = Buffers.destination(bytes, direct);
        return direct
                ? offset -> destination.put(0, mapped, (int) offset, bytes)
                : offset -> mapped.get((int) offset, destination.array());
    }

    @Override
    public void close() {
        // The mapping ends with the buffer.
    }
}
