// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Durable overwrites of a file mapped into memory: a copy, then {@link MappedByteBuffer#force(int, int)} of its range. */
public final class MappedWrite implements Way {
    private final MappedByteBuffer mapped;
    private final int bytes;

    /** Maps a file of at most 2 GiB, for writes of so many bytes each, and touches all of it. */
    public MappedWrite(Path path, int bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            this.mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size());
        }
        this.mapped.load();
        this.bytes = bytes;
    }

    @Override
    public Operation operation() {
        ByteBuffer source = Buffers.source(bytes);
        return offset -> {
            Buffers.stamp(source, source.getLong(0) + 1);
            mapped.put((int) offset, source, 0, bytes);
            mapped.force((int) offset, bytes);
        };
    }

    @Override
    public void close() {
        // The mapping ends with the buffer.
    }
}
