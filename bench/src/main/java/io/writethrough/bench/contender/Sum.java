// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.nio.ByteBuffer;

/** A sum of longs that the compiler cannot leave out. */
final class Sum {
    private volatile long last;

    void add(ByteBuffer buffer, int start, int bytes) {
        long sum = 0;
        for (int at = start; at < start + bytes; at += Long.BYTES) {
            sum += buffer.getLong(at);
        }
        last = sum;
    }

    long last() {
        return last;
    }
}
