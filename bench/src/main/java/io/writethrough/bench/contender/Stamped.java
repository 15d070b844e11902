// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A write of one buffer, each time with another number at its beginning: no way can skip what it has written before. */
final class Stamped implements Way.Operation {

    /** A positional write. */
    @FunctionalInterface
    interface Write {
        int write(ByteBuffer source, long offset) throws IOException;
    }

    private final ByteBuffer source;
    private final Write write;
    private long count;

    Stamped(int bytes, Write write) {
        this(Buffers.source(bytes), write);
    }

    Stamped(ByteBuffer source, Write write) {
        this.source = source;
        this.write = write;
    }

    @Override
    public void at(long offset) throws IOException {
        Buffers.stamp(source.clear(), count++);
        int written = write.write(source, offset);
        if (written != source.capacity()) {
            throw new IOException("wrote " + written + " of " + source.capacity() + " bytes at " + offset);
        }
    }
}
