// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * One of several writes that are handed over together by {@link WriteThroughFile#writeAllAsync(java.util.List,
 * WriteFlag...)}.
 *
 * @param source the bytes: what is between its position and limit
 * @param position where in the file the first of them goes, in bytes
 * @since 0.1
 */
public record WriteRequest(ByteBuffer source, long position) {
    /**
     * A write of a buffer to a position.
     *
     * @param source the bytes: what is between its position and limit
     * @param position where in the file the first of them goes, in bytes
     * @throws IllegalArgumentException if the position is negative
     */
    public WriteRequest {
        Objects.requireNonNull(source);
        if (position < 0) {
            throw new IllegalArgumentException("Negative position: " + position);
        }
    }
}
