// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * New files, each written from its beginning to its end and then forced. Making, closing and deleting a file is not
 * timed: the library's files have durable names, and the JDK's do not.
 */
public final class CommitStream implements Contender {
    private final ForcedChannels channels;
    private final Path path;
    private final ByteBuffer source;
    private final int writes;
    private final CommitPart part;

    /**
     * Takes the channels over, and closes them in the end.
     *
     * @param path of the file, which is deleted and made anew
     * @param bytes of a write
     * @param writes of a file
     * @param part whose time counts
     */
    public CommitStream(ForcedChannels channels, Path path, int bytes, int writes, CommitPart part) {
        this.channels = channels;
        this.path = path;
        this.source = Buffers.source(bytes);
        this.writes = writes;
        this.part = part;
    }

    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        CommitClock clock = new CommitClock(writes, part);
        long begin = System.nanoTime();
        do {
            Files.deleteIfExists(path);
            try (FileChannel channel = channels.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                clock.run(channel, new Stamped(source, channel::write), pattern, 0);
            }
        } while (System.nanoTime() - begin < nanos);
        return clock.slice();
    }

    @Override
    public void close() throws IOException {
        try (channels) {
            Files.deleteIfExists(path);
        }
    }
}
