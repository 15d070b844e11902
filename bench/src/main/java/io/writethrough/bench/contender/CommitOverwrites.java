// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Commits of several overwrites each, by one thread. */
public final class CommitOverwrites implements Contender {
    private final ForcedChannels channels;
    private final FileChannel channel;
    private final Way.Operation write;
    private final int writes;
    private final CommitPart part;

    /**
     * Opens a file that is written, and reads it once. Takes the channels over, and closes them in the end.
     *
     * @param bytes of a write
     * @param writes of a commit
     * @param part whose time counts
     */
    public CommitOverwrites(ForcedChannels channels, Path path, int bytes, int writes, CommitPart part)
            throws IOException {
        this.channels = channels;
        this.channel = channels.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        this.write = new Stamped(bytes, channel::write);
        this.writes = writes;
        this.part = part;
        ChannelRead.readOnce(channel);
    }

    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        CommitClock clock = new CommitClock(writes, part);
        clock.run(channel, write, pattern, nanos);
        return clock.slice();
    }

    @Override
    public void close() throws IOException {
        try (channels;
                channel) {
            // Closes the channel, then what opened it.
        }
    }
}
