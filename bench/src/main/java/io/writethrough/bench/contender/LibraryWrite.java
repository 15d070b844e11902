// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Durable overwrites by this library, on the caller's thread. */
public final class LibraryWrite implements Way {
    private final WriteThroughEngine engine;
    private final WriteThroughFile file;
    private final int bytes;

    /** Opens a file that exists, for writes of so many bytes each, on an engine of its own, and reads it once. */
    public LibraryWrite(Path path, int bytes) throws IOException {
        this.engine = WriteThroughEngine.builder().build();
        this.file = engine.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        this.bytes = bytes;
        Buffers.readOnce(file, file.size());
    }

    @Override
    public Operation operation() {
        return new Stamped(bytes, file::write);
    }

    @Override
    public void close() throws IOException {
        try (engine;
                file) {
            // Closes the file, then the engine.
        }
    }
}
