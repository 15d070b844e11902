// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import org.apache.lucene.store.DataAccessHint;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.ReadOnceHint;

/**
 * How many bytes an input takes from the cache at a time: {@code least} after a jump, and twice as many as before, up to {@code
 * most}, where it goes on in sequence. Both are powers of two. What is fixed is so whatever the context.
 */
record Windows(int least, int most, boolean fixed) {
    /* A copy of so many bytes costs about what it costs to find them. */
    static final Windows ANY = new Windows(512, 4096, false);
    private static final Windows RANDOM = new Windows(512, 512, false);
    private static final Windows SEQUENTIAL = new Windows(16384, 16384, false);

    private static Windows of(final IOContext context) {
        if (context.context() == IOContext.Context.MERGE
                || context.hints().contains(DataAccessHint.SEQUENTIAL)
                || context.hints().contains(ReadOnceHint.INSTANCE)) {
            return SEQUENTIAL;
        }
        return context.hints().contains(DataAccessHint.RANDOM) ? RANDOM : ANY;
    }

    static Windows fixed(final int bytes) {
        return new Windows(bytes, bytes, true);
    }

    Windows forContext(final IOContext context) {
        return fixed ? this : of(context);
    }

    int after(final int bytes) {
        return Math.min(2 * bytes, most);
    }
}
