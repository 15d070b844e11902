// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A read that fills one buffer. */
final class Whole implements Way.Operation {

    /** A positional read. */
    @FunctionalInterface
    interface Read {
        int read(ByteBuffer destination, long offset) throws IOException;
    }

    private final ByteBuffer destination;
    private final Read read;

    Whole(ByteBuffer destination, Read read) {
        this.destination = destination;
        this.read = read;
    }

    @Override
    public void at(long offset) throws IOException {
        int count = read.read(destination.clear(), offset);
        if (count != destination.capacity()) {
            throw new IOException("read " + count + " of " + destination.capacity() + " bytes at " + offset);
        }
    }
}
