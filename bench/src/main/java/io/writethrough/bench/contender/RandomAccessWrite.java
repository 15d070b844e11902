// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;

/** Durable overwrites by {@link RandomAccessFile} in the mode "rwd". It has one position: every thread has a file of its own. */
public final class RandomAccessWrite implements Way {
    private final Path path;
    private final int bytes;
    private final Closing closing = new Closing();

    /** For writes of so many bytes each to a file that exists. */
    public RandomAccessWrite(Path path, int bytes) {
        this.path = path;
        this.bytes = bytes;
    }

    @Override
    public Operation operation() throws IOException {
        RandomAccessFile file = closing.add(new RandomAccessFile(path.toFile(), "rwd"));
        byte[] source = new byte[bytes];
        Buffers.source(bytes).get(source);
        return offset -> {
            source[0]++;
            file.seek(offset);
            file.write(source);
        };
    }

    @Override
    public void close() throws IOException {
        closing.close();
    }
}
