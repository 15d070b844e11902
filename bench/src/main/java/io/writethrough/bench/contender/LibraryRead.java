// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Reads from this library's cache. */
public final class LibraryRead implements Way {
    private final WriteThroughEngine engine;
    private final WriteThroughFile file;
    private final int bytes;
    private final boolean direct;

    /** Opens a file on an engine whose cache holds the span, and reads the span once. */
    public LibraryRead(Path path, long spanBytes, int bytes, boolean direct) throws IOException {
        this.engine = WriteThroughEngine.builder()
                .cacheBytes(spanBytes + spanBytes / 8)
                .build();
        this.file = engine.open(path, StandardOpenOption.READ);
        this.bytes = bytes;
        this.direct = direct;
        Buffers.readOnce(file, spanBytes);
    }

    @Override
    public Operation operation() {
        return new Whole(Buffers.destination(bytes, direct), file::read);
    }

    @Override
    public void close() throws IOException {
        try (engine;
                file) {
            // Closes the file, then the engine.
        }
    }
}
