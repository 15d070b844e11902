// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import io.writethrough.WriteThroughFile;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What the records before a position say, in a file beside the log, so that an opening need not read them. A hint alone: the log
 * has all of it, and is read where the file is missing, damaged or wrong. The file, all numbers big-endian:
 *
 * <pre>
 *   8 bytes         the ASCII characters WTENTRY1
 *   8 bytes each    where the log began, the position (both LSNs); the first and the last index; with which index the log was
 *                   told to begin; -1 where there is none
 *   4 bytes, pairs  how many points, and for each its index and LSN, 8 bytes each
 *   4 bytes, pairs  how many entries are configurations, and the same for each
 *   4 bytes         CRC32C of all before
 * </pre>
 */
record EntryHint(
        long start,
        long position,
        long first,
        long last,
        long firstKept,
        NavigableMap<Long, Long> points,
        NavigableMap<Long, Long> configurations) {
    static final String NAME = "entries";
    private static final String NEXT_NAME = "entries.next";
    private static final long MAGIC = 0x5754454e54525931L;
    private static final int LEAST_BYTES = 60;

    /** What the directory has; null: nothing that can be used. */
    static @Nullable EntryHint read(final Path directory) throws IOException {
        final Path path = directory.resolve(NAME);
        if (!Files.exists(path)) {
            return null;
        }
        final ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path));
        final int end = bytes.limit() - Integer.BYTES;
        if (bytes.limit() < LEAST_BYTES
                || checksum(bytes.array(), end) != bytes.getInt(end)
                || bytes.getLong() != MAGIC) {
            return null;
        }
        return new EntryHint(
                bytes.getLong(),
                bytes.getLong(),
                bytes.getLong(),
                bytes.getLong(),
                bytes.getLong(),
                pairs(bytes),
                pairs(bytes));
    }

    private static NavigableMap<Long, Long> pairs(final ByteBuffer bytes) {
        final NavigableMap<Long, Long> pairs = new TreeMap<>();
        for (int left = bytes.getInt(); left > 0; left--) {
            pairs.put(bytes.getLong(), bytes.getLong());
        }
        return pairs;
    }

    private static int checksum(final byte[] bytes, final int length) {
        final CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    /** Takes the place of what was there. A crash leaves one of both, or a file that {@link #read} does not take. */
    void write(final Path directory) throws IOException {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            for (final long number : new long[] {MAGIC, start, position, first, last, firstKept}) {
                out.writeLong(number);
            }
            writePairs(out, points);
            writePairs(out, configurations);
            out.writeInt(checksum(bytes.toByteArray(), bytes.size()));
        }
        final Path next = directory.resolve(NEXT_NAME);
        try (FileChannel file = FileChannel.open(
                next, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            final ByteBuffer all = ByteBuffer.wrap(bytes.toByteArray());
            while (all.hasRemaining()) {
                file.write(all);
            }
            file.force(false);
        }
        Files.move(next, directory.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
    }

    private static void writePairs(final DataOutputStream out, final Map<Long, Long> pairs) throws IOException {
        out.writeInt(pairs.size());
        for (final Map.Entry<Long, Long> pair : pairs.entrySet()) {
            out.writeLong(pair.getKey());
            out.writeLong(pair.getValue());
        }
    }

    /** Deletes what is there, durably: after this no crash brings it back. */
    static void delete(final Path directory) throws IOException {
        Files.deleteIfExists(directory.resolve(NAME)); // or an earlier call did, and failed behind that
        WriteThroughFile.forceDirectory(directory);
    }
}
