// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Adds up the longs of a file mapped into memory: no system call, and no protection from an error of the disk. */
public final class MappedSum implements Way {
    private final MappedByteBuffer mapped;
    private final int bytes;

    /** Maps a file of at most 2 GiB and touches all of it, so that no page is missing. */
    public MappedSum(Path path, int bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            this.mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        }
        this.mapped.load();
        this.bytes = bytes;
    }

    @Override
    public Operation operation() {
        Sum sum = new Sum();
        return offset -> sum.add(mapped, (int) offset, bytes);
    }

    @Override
    public void close() {
        // The mapping ends with the buffer.
    }
}
