// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.PinnedBytes;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Adds up the longs of bytes that are pinned in this library's cache. */
public final class PinnedSum implements Way {
    private final WriteThroughEngine engine;
    private final WriteThroughFile file;
    private final int bytes;

    /** Opens a file on an engine whose cache holds the span, and reads the span once. */
    public PinnedSum(Path path, long spanBytes, int bytes) throws IOException {
        this.engine = WriteThroughEngine.builder()
                .cacheBytes(spanBytes + spanBytes / 8)
                .build();
        this.file = engine.open(path, StandardOpenOption.READ);
        this.bytes = bytes;
        Buffers.readOnce(file, spanBytes);
    }

    @Override
    public Operation operation() {
        Sum sum = new Sum();
        return offset -> {
            try (PinnedBytes pinned = file.pin(offset, bytes)) {
                sum.add(pinned.buffer(), 0, bytes);
            }
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
