// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Reads from the kernel's page cache by {@link FileChannel#read(ByteBuffer, long)}. */
public final class ChannelRead implements Way {
    private final FileChannel channel;
    private final int bytes;
    private final boolean direct;

    /** Opens a file and reads all of it once, so that it is cached. */
    public ChannelRead(Path path, int bytes, boolean direct) throws IOException {
        this.channel = FileChannel.open(path, StandardOpenOption.READ);
        this.bytes = bytes;
        this.direct = direct;
        readOnce(channel);
    }

    /** Brings a file into the kernel's page cache. */
    static void readOnce(FileChannel channel) throws IOException {
        ByteBuffer all = ByteBuffer.allocateDirect(1 << 20);
        for (long offset = 0; channel.read(all.clear(), offset) > 0; ) {
            offset += all.position();
        }
    }

    @Override
    public Operation operation() {
        return new Whole(Buffers.destination(bytes, direct), channel::read);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
