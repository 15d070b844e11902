// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A log by {@link FileChannel}: each record is written and forced under one lock. */
public final class AppendChannel extends AppendContender {
    private final FileChannel channel;
    private final Object lock = new Object();
    private long position;

    /** Opens a log that exists. */
    public AppendChannel(Path path, int threads) throws IOException {
        super(threads);
        this.channel = FileChannel.open(path, StandardOpenOption.WRITE);
    }

    @Override
    public Appender appender() {
        ByteBuffer record = Buffers.source(RECORD_BYTES);
        return () -> {
            synchronized (lock) {
                channel.write(record.clear(), position);
                channel.force(false);
                position = (position + RECORD_BYTES) % LOG_BYTES;
            }
        };
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
