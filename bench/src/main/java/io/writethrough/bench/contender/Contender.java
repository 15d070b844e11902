// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;

/** One way of doing a workload's operation, open and ready to be measured again and again. */
public interface Contender extends AutoCloseable {

    /**
     * Does operations one after the other for about the given time.
     *
     * @param pattern gives the offset of each
     * @param nanos after which no further operation begins
     * @param sampleEvery one in so many operations is timed by itself; 1 for all
     */
    Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException;

    /** Gives back everything. The files stay; their workload deletes them. */
    @Override
    void close() throws IOException;

    /** Opens a contender. */
    @FunctionalInterface
    interface Opener {
        /**
         * @throws IOException if this way does not exist here
         * @throws UnsupportedOperationException the same
         */
        Contender open() throws IOException;
    }
}
