// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A log by this library's {@code append}: each thread waits for its record. */
public final class AppendCalls extends AppendContender {
    private final LibraryLog log;

    /** Opens a log that grows ahead. */
    public AppendCalls(Path path, int threads) throws IOException {
        super(threads);
        this.log = new LibraryLog(path);
    }

    @Override
    public Appender appender() {
        ByteBuffer record = Buffers.source(RECORD_BYTES);
        return () -> log.file().append(record.clear());
    }

    @Override
    void makeRoom(long records) throws IOException {
        log.makeRoom(records);
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
