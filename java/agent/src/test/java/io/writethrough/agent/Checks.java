// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import io.writethrough.EngineStats;
import io.writethrough.WriteThroughEngine;
import java.io.IOException;

/** What programs of the tests check. */
final class Checks {
    private Checks() {}

    static void check(final boolean right, final String what) {
        if (!right) {
            throw new AssertionError(what);
        }
    }

    static EngineStats stats() throws IOException {
        return WriteThroughEngine.shared().stats();
    }

    /** Something that writes a file. */
    interface Action {
        void run() throws IOException;
    }

    /** How many writes of the engine it took. */
    static long writesOf(final Action action) throws IOException {
        final long before = stats().writes();
        action.run();
        return stats().writes() - before;
    }
}
