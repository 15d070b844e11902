// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.GrowthAhead;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A log of this library that grows ahead of its appends. */
final class LibraryLog implements Closeable {
    private final WriteThroughEngine engine;
    private final WriteThroughFile file;

    /** Opens a log, on an engine of its own. */
    LibraryLog(Path path) throws IOException {
        this.engine = WriteThroughEngine.builder().build();
        this.file = engine.open(
                path,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                new GrowthAhead(AppendContender.LOG_BYTES));
    }

    WriteThroughEngine engine() {
        return engine;
    }

    WriteThroughFile file() {
        return file;
    }

    /** Begins the log anew if so many records do not fit into what it has grown to. */
    void makeRoom(long records) throws IOException {
        if (file.size() == 0 || file.size() + records * AppendContender.RECORD_BYTES > AppendContender.LOG_BYTES) {
            file.truncate(0);
            file.append(Buffers.source(AppendContender.RECORD_BYTES));
        }
    }

    @Override
    public void close() throws IOException {
        try (engine;
                file) {
            // Closes the file, then the engine.
        }
    }
}
