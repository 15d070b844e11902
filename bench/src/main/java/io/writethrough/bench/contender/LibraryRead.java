package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Reads from this library's cache. */
public final class LibraryRead extends JavaContender {
    private final WriteThroughEngine engine;
    private final WriteThroughFile file;
    private final ByteBuffer destination;

    /** Opens a file on an engine whose cache holds the span, and reads the span once. */
    public LibraryRead(Path path, long spanBytes, int bytes, boolean direct) throws IOException {
        this.engine = WriteThroughEngine.builder()
                .cacheBytes(spanBytes + spanBytes / 8)
                .build();
        this.file = engine.open(path, StandardOpenOption.READ);
        this.destination = Buffers.destination(bytes, direct);
        Buffers.readOnce(file, spanBytes);
    }

    @Override
    protected void operate(long offset) throws IOException {
        int read = file.read(destination.clear(), offset);
        if (read != destination.capacity()) {
            throw new IOException("read " + read + " of " + destination.capacity() + " bytes at " + offset);
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
