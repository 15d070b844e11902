// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import io.writethrough.WriteThroughEngine;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The engine of all journals of this JVM, there as long as one of their files is open. A bookie never closes its
 * provider after its journal files, so that the files count.
 */
final class JournalEngine {
    /* A journal is written and not read: its cache holds what is under way. */
    private static final long CACHE_BYTES = 32L << 20;

    private static @Nullable WriteThroughEngine engine;
    private static int users;

    private JournalEngine() {}

    static synchronized WriteThroughEngine acquire() throws IOException {
        WriteThroughEngine acquired = engine;
        if (acquired == null) {
            acquired = WriteThroughEngine.builder().cacheBytes(CACHE_BYTES).build();
            engine = acquired;
        }
        users++;
        return acquired;
    }

    static synchronized void release() throws IOException {
        final WriteThroughEngine released = engine;
        if (--users == 0 && released != null) {
            engine = null;
            released.close();
        }
    }
}
