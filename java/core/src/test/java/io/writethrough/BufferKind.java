// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.ByteBuffer;

/** The kinds of buffers that a caller may bring. */
enum BufferKind {
    HEAP,
    HEAP_SLICE,
    DIRECT,
    DIRECT_SLICE,
    READ_ONLY_HEAP,
    READ_ONLY_DIRECT_SLICE;

    boolean isReadOnly() {
        return this == READ_ONLY_HEAP || this == READ_ONLY_DIRECT_SLICE;
    }

    /** A buffer with these bytes, position 0, limit and capacity their count. */
    ByteBuffer of(final byte[] bytes) {
        final ByteBuffer buffer = switch (this) {
            case HEAP, READ_ONLY_HEAP -> ByteBuffer.allocate(bytes.length);
            case HEAP_SLICE -> ByteBuffer.allocate(bytes.length + 20).slice(13, bytes.length);
            case DIRECT -> ByteBuffer.allocateDirect(bytes.length);
            case DIRECT_SLICE, READ_ONLY_DIRECT_SLICE ->
                ByteBuffer.allocateDirect(bytes.length + 20).slice(13, bytes.length);
        };
        buffer.put(bytes).flip();
        return isReadOnly() ? buffer.asReadOnlyBuffer() : buffer;
    }
}
