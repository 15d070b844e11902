// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import io.writethrough.WriteThroughMapping;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Stores into mapped memory, then a force: several pieces of one size, spread evenly over the memory. */
public final class MappedStores implements Way {
    /** Whose mapping, and what is forced. */
    public enum Force {
        /** This library's, all of the memory: it finds what changed. */
        LIBRARY,
        /** This library's, each piece by itself. */
        LIBRARY_PIECES,
        /** The JDK's, all of the memory. */
        ALL,
        /** The JDK's, each piece by itself. */
        PIECES
    }

    /** Forces a part of the memory. */
    @FunctionalInterface
    private interface Forcing {
        void force(int offset, int length) throws IOException;
    }

    @FunctionalInterface
    private interface Closer {
        void close() throws IOException;
    }

    private final ByteBuffer memory;
    private final Forcing forcing;
    private final Closer closer;
    private final boolean eachPiece;
    private final int pieces;
    private final int bytes;

    private MappedStores(ByteBuffer memory, Forcing forcing, Closer closer, boolean eachPiece, int pieces, int bytes) {
        this.memory = memory;
        this.forcing = forcing;
        this.closer = closer;
        this.eachPiece = eachPiece;
        this.pieces = pieces;
        this.bytes = bytes;
    }

    /** Maps all of a file of at most 2 GiB, for operations of so many pieces of so many bytes each, and touches all of it. */
    public static MappedStores of(Force force, Path path, int pieces, int bytes) throws IOException {
        boolean eachPiece = force == Force.PIECES || force == Force.LIBRARY_PIECES;
        if (force == Force.LIBRARY || force == Force.LIBRARY_PIECES) {
            WriteThroughEngine engine = WriteThroughEngine.builder().build();
            WriteThroughFile file = engine.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            WriteThroughMapping mapping = file.map(0, file.size());
            return new MappedStores(
                    mapping.buffer(),
                    mapping::force,
                    () -> {
                        try (engine;
                                file;
                                mapping) {
                            // Closes the mapping, then the file and the engine.
                        }
                    },
                    eachPiece,
                    pieces,
                    bytes);
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size());
            return new MappedStores(mapped.load(), mapped::force, () -> {}, eachPiece, pieces, bytes);
        }
    }

    @Override
    public Operation operation() {
        ByteBuffer source = Buffers.source(bytes);
        int distance = memory.capacity() / Math.max(1, pieces);
        return offset -> {
            Buffers.stamp(source, source.getLong(0) + 1);
            for (int i = 0; i < pieces; i++) {
                memory.put(place(offset, i, distance), source, 0, bytes);
            }
            if (!eachPiece) {
                forcing.force(0, memory.capacity());
                return;
            }
            for (int i = 0; i < pieces; i++) {
                forcing.force(place(offset, i, distance), bytes);
            }
        };
    }

    private int place(long offset, int piece, int distance) {
        return (int) ((offset + (long) piece * distance) % memory.capacity());
    }

    @Override
    public void close() throws IOException {
        closer.close();
    }
}
