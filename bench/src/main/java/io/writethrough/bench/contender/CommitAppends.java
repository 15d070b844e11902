// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.HdrHistogram.Histogram;

/** Threads that append to one log by one channel, each of them several times and then a force. Each slice has a new log. */
public final class CommitAppends implements Contender {
    private final ForcedChannels channels;
    private final Path path;
    private final int bytes;
    private final int writes;
    private final int threads;

    /**
     * Takes the channels over, and closes them in the end.
     *
     * @param path of the log, which is deleted and made anew
     * @param bytes of a write
     * @param writes of a commit
     */
    public CommitAppends(ForcedChannels channels, Path path, int bytes, int writes, int threads) {
        this.channels = channels;
        this.path = path;
        this.bytes = bytes;
        this.writes = writes;
        this.threads = threads;
    }

    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        Files.deleteIfExists(path);
        try (FileChannel log = channels.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.APPEND)) {
            return Team.run(threads, nanos, 0, thread -> {
                Way.Operation append = new Stamped(bytes, (source, offset) -> log.write(source));
                return (end, pace, latency) -> work(append, log, end, latency);
            });
        }
    }

    private void work(Way.Operation append, FileChannel log, long end, Histogram latency) throws IOException {
        long before;
        do {
            before = System.nanoTime();
            for (int i = 0; i < writes; i++) {
                append.at(0);
            }
            log.force(false);
            Slice.record(latency, System.nanoTime() - before, 1);
        } while (before < end);
    }

    @Override
    public void close() throws IOException {
        try (channels) {
            Files.deleteIfExists(path);
        }
    }
}
