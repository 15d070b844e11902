// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.Closeable;
import java.io.IOException;

/** One way of doing a workload's operation: what its threads share, open. */
public interface Way extends Closeable {

    /** What one thread does, with buffers of its own. */
    @FunctionalInterface
    interface Operation {
        /** Does one operation at an offset, wholly: when it returns, the way's guarantee holds. */
        void at(long offset) throws IOException;
    }

    /** For one more thread, in whose hands it stays. */
    Operation operation() throws IOException;

    /** Opens a way. */
    @FunctionalInterface
    interface Opener {
        /**
         * @throws IOException if this way does not exist here
         * @throws UnsupportedOperationException the same
         */
        Way open() throws IOException;
    }
}
