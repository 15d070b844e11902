// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.nio.ByteBuffer;

/** Copies out of plain memory of a given size: what the machine's caches allow at that footprint. */
public final class MemoryCopy extends JavaContender {
    private static final int PIECE_BITS = 26;
    private static final int PIECE_BYTES = 1 << PIECE_BITS;

    private final ByteBuffer[] pieces;
    private final ByteBuffer destination;

    /** Takes and touches so many bytes of memory, a multiple of 64 MiB. */
    public MemoryCopy(long footprintBytes, int bytes) {
        this.pieces = new ByteBuffer[(int) (footprintBytes >> PIECE_BITS)];
        for (int i = 0; i < pieces.length; i++) {
            pieces[i] = Buffers.source(PIECE_BYTES);
        }
        this.destination = Buffers.destination(bytes, true);
    }

    @Override
    protected void operate(long offset) {
        ByteBuffer piece = pieces[(int) (offset >> PIECE_BITS)];
        destination.put(0, piece, (int) offset & (PIECE_BYTES - 1), destination.capacity());
    }

    @Override
    public void close() {
        // The memory goes with the buffers.
    }
}
