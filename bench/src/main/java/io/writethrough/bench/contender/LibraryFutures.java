// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Durable overwrites by the futures of this library, on an engine as it is by default. */
public final class LibraryFutures implements AsyncWay {
    private final WriteThroughEngine engine;
    private final WriteThroughFile file;
    private final int bytes;

    /** Opens a file that exists, for writes of so many bytes each, on an engine of its own, and reads it once. */
    public LibraryFutures(Path path, int bytes) throws IOException {
        this.engine = WriteThroughEngine.builder().build();
        this.file = engine.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        this.bytes = bytes;
        Buffers.readOnce(file, file.size());
    }

    @Override
    public Place place() {
        ByteBuffer source = Buffers.source(bytes);
        return (offset, done) -> {
            Buffers.stamp(source.clear(), source.getLong(0) + 1);
            file.writeAsync(source, offset).whenComplete((written, failure) -> done.done(failure));
        };
    }

    @Override
    public void close() throws IOException {
        try (engine;
                file) {
            // Closes the file, then the engine.
        }
    }
}
