// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.Closeable;

/** One way of having several operations in flight from one thread. */
public interface AsyncWay extends Closeable {

    /** Is told, on any thread, that an operation is done: with null, or with what went wrong. */
    @FunctionalInterface
    interface Done {
        void done(Throwable failure);
    }

    /** One place among those in flight, with a buffer of its own. */
    @FunctionalInterface
    interface Place {
        /** Starts an operation at an offset. The place is free again when done is told. */
        void start(long offset, Done done);
    }

    /** One more place. */
    Place place();

    /** Whether an operation may be started where another is told to be done. Else the caller's thread starts them all. */
    default boolean startsWhereDone() {
        return true;
    }

    /** Opens a way. */
    @FunctionalInterface
    interface Opener {
        /**
         * @throws java.io.IOException if this way does not exist here
         * @throws UnsupportedOperationException the same
         */
        AsyncWay open() throws java.io.IOException;
    }
}
