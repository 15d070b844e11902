// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A directory for logs with small segments. */
abstract class LogOnDisk {
    static final LogOptions SMALL =
            LogOptions.builder().segmentBytes(LogOptions.LEAST_SEGMENT_BYTES).build();

    Path directory;
    Path path;

    @BeforeEach
    final void makeDirectory() throws IOException {
        directory = TestDirectories.make();
        path = directory.resolve("log");
    }

    @AfterEach
    final void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    static ByteBuffer bytes(final String text) {
        return ByteBuffer.wrap(text.getBytes(UTF_8));
    }

    static String textOf(final ByteBuffer record) {
        return UTF_8.decode(record.duplicate()).toString();
    }

    static List<String> read(final DurableLog log) throws IOException {
        return read(log, log.start());
    }

    static List<String> read(final DurableLog log, final long from) throws IOException {
        final List<String> records = new ArrayList<>();
        try (LogReader reader = log.reader(from)) {
            while (reader.next()) {
                records.add(textOf(reader.record()));
            }
        }
        return records;
    }

    /** The files as they are, as a crash would leave them, but for a segment that the helper is just naming. */
    Path copy(final String name) throws IOException {
        return TestDirectories.copy(path, directory.resolve(name));
    }

    /** Of two records, closed in order. Returns the LSN of the last one. */
    long makeClosedLogWithADamagedLastRecord() throws IOException {
        final long last;
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            log.append(bytes("first"));
            last = log.append(bytes("last"));
        }
        damage(path, 1, last % SMALL.segmentBytes() + 16);
        return last;
    }

    /** Changes one byte of a segment. */
    static void damage(final Path log, final long sequence, final long offset) throws IOException {
        try (FileChannel channel = FileChannel.open(
                log.resolve(Segments.nameOf(sequence)), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            final ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, offset);
            one.put(0, (byte) (one.get(0) ^ 0x40)).rewind();
            channel.write(one, offset);
        }
    }
}
