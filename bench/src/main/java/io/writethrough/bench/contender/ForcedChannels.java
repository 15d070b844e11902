// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.Commit;
import io.writethrough.GrowthAhead;
import io.writethrough.WriteThroughEngine;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Opens channels for a program that writes several times and then commits by {@link FileChannel#force}. */
public final class ForcedChannels implements Closeable {
    private static final long AHEAD_BYTES = 16L << 20;

    /** Whose channels, and what a write leaves to the force. */
    public enum Kind {
        /** The JDK's: the force sends all that was written. */
        JDK,
        /** This library's: the force sends what has not left yet, and makes all of it stable. */
        AT_FORCE(Commit.AT_FORCE),
        /** The same, and the file grows ahead of what is written. */
        AT_FORCE_GROWING_AHEAD(Commit.AT_FORCE, new GrowthAhead(AHEAD_BYTES)),
        /** This library's: a write is durable on return, and the force has nothing to do. */
        EACH_WRITE(Commit.EACH_WRITE);

        private final OpenOption[] options;

        Kind(OpenOption... options) {
            this.options = options;
        }
    }

    /** Opens one channel. */
    @FunctionalInterface
    interface Opener {
        FileChannel open(Path path, OpenOption... options) throws IOException;
    }

    private final Opener opener;
    private final Closeable closer;

    /** Runs the closer when this is closed. */
    ForcedChannels(Opener opener, Closeable closer) {
        this.opener = opener;
        this.closer = closer;
    }

    /** Channels of one kind. Those of this library share an engine, which is closed with this object. */
    public static ForcedChannels of(Kind kind) throws IOException {
        if (kind == Kind.JDK) {
            return new ForcedChannels(FileChannel::open, () -> {});
        }
        WriteThroughEngine engine = WriteThroughEngine.builder().build();
        Opener opener = (path, options) ->
                engine.open(path, both(options, kind.options)).asFileChannel();
        return new ForcedChannels(opener, engine::close);
    }

    private static OpenOption[] both(OpenOption[] some, OpenOption[] others) {
        return Stream.of(some, others).flatMap(Stream::of).toArray(OpenOption[]::new);
    }

    /** Opens a channel. The caller closes the channel before this object. */
    FileChannel open(Path path, OpenOption... options) throws IOException {
        return opener.open(path, options);
    }

    @Override
    public void close() throws IOException {
        closer.close();
    }
}
