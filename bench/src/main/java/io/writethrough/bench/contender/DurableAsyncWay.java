// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.file.Path;

/** The ways of having several durable overwrites in flight. */
public enum DurableAsyncWay {
    WRITETHROUGH((path, bytes, inFlight) -> new LibraryFutures(path, bytes)),
    ASYNC_CHANNEL(AsyncChannel::new),
    JASYNCFIO((path, bytes, inFlight) -> new Jasyncfio(path, bytes, Jasyncfio.Mode.DIRECT_DSYNC)),
    ARTEMIS((path, bytes, inFlight) -> new Artemis(path, bytes));

    @FunctionalInterface
    private interface Opener {
        AsyncWay open(Path path, int bytes, int inFlight) throws IOException;
    }

    private final Opener opener;

    DurableAsyncWay(Opener opener) {
        this.opener = opener;
    }

    /**
     * Opens a file that exists, for writes of so many bytes each.
     *
     * @throws IOException if this way does not exist here
     * @throws UnsupportedOperationException the same
     */
    public AsyncWay open(Path path, int bytes, int inFlight) throws IOException {
        return opener.open(path, bytes, inFlight);
    }
}
