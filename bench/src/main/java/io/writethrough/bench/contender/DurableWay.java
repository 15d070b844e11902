// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.file.Path;

/** The ways of overwriting durably, one at a time. */
public enum DurableWay {
    WRITETHROUGH(LibraryWrite::new),
    FORCE((path, bytes) -> new ChannelWrite(path, bytes, ChannelWrite.Mode.FORCE)),
    DSYNC((path, bytes) -> new ChannelWrite(path, bytes, ChannelWrite.Mode.DSYNC)),
    DIRECT_DSYNC((path, bytes) -> new ChannelWrite(path, bytes, ChannelWrite.Mode.DIRECT_DSYNC)),
    RANDOM_ACCESS_RWD(RandomAccessWrite::new),
    MAPPED_FORCE(MappedWrite::new),
    ASYNC_CHANNEL((path, bytes) -> new AsyncChannel(path, bytes, 1)),
    JASYNCFIO((path, bytes) -> new Jasyncfio(path, bytes, Jasyncfio.Mode.DIRECT_DSYNC)),
    ARTEMIS(Artemis::new);

    @FunctionalInterface
    private interface Opener {
        Way open(Path path, int bytes) throws IOException;
    }

    private final Opener opener;

    DurableWay(Opener opener) {
        this.opener = opener;
    }

    /**
     * Opens a file that exists, for writes of so many bytes each.
     *
     * @throws IOException if this way does not exist here
     * @throws UnsupportedOperationException the same
     */
    public Way open(Path path, int bytes) throws IOException {
        return opener.open(path, bytes);
    }
}
