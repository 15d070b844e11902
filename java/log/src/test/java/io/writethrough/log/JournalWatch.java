// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A program that asks ext4 whether appends commit its journal: {@code JournalWatch DIRECTORY INFO} appends to a log in DIRECTORY
 * over many recycled segments. INFO is /proc/fs/jbd2/DEVICE/info of that file system, which nothing else writes to and which
 * commits no journal by the clock (the mount option commit). The helper commits a few times for each segment that it names or
 * recycles, beside the appends.
 */
final class JournalWatch {
    private static final int SEGMENT_BYTES = 1 << 20;
    private static final int FRAME_BYTES = 4096;
    private static final int SEGMENTS = 8;
    private static final int APPENDS_OF_SEGMENT = SEGMENT_BYTES / FRAME_BYTES;
    private static final int MOST_COMMITS_OF_SEGMENT = 8;

    private JournalWatch() {}

    public static void main(final String[] arguments) throws IOException {
        final Path info = Path.of(arguments[1]);
        final LogOptions options =
                LogOptions.builder().segmentBytes(SEGMENT_BYTES).build();
        try (DurableLog log = DurableLog.open(Path.of(arguments[0]), options)) {
            fillSegment(log);
            final long before = commitsOf(info);
            for (int segment = 0; segment < SEGMENTS; segment++) {
                log.trim(fillSegment(log));
            }
            final long commits = commitsOf(info) - before;
            final boolean few = commits <= SEGMENTS * MOST_COMMITS_OF_SEGMENT;
            System.out.println((few ? "ok" : "FAIL") + " appends_commit_no_journal: " + commits + " commits beside "
                    + SEGMENTS * APPENDS_OF_SEGMENT + " durable appends over " + SEGMENTS + " segments");
            System.exit(few ? 0 : 1);
        }
    }

    /** The position of its last record. */
    private static long fillSegment(final DurableLog log) throws IOException {
        long lsn = 0;
        for (int i = 0; i < APPENDS_OF_SEGMENT; i++) {
            lsn = log.append(ByteBuffer.allocate(FRAME_BYTES - Format.FRAME_HEADER_BYTES));
        }
        return lsn;
    }

    /* The first line is "7 transactions (3 requested), each up to 1024 blocks". */
    private static long commitsOf(final Path info) throws IOException {
        final String text = Files.readString(info);
        return Long.parseLong(text.substring(0, text.indexOf(' ')));
    }
}
