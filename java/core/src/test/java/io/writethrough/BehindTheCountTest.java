// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A read changes those bytes of a buffer that it counts, and no others: by every way to read, into every kind of buffer. */
class BehindTheCountTest extends OnEveryFileSystem {
    private static final int CAPACITY = 4096;
    private static final int FIRST = 7;
    private static final byte MARK = 0x55;
    private static final byte RECORD = 0x41;

    private WriteThroughEngine engine;
    private WriteThroughFile file;
    private AsynchronousFileChannel asynchronous;
    private FileChannel channel;

    /** Reads from an offset on into a buffer: the count, or -1. */
    private interface Read {
        long into(ByteBuffer buffer, long offset) throws Exception;
    }

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(4 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
        asynchronous = file.asAsynchronousFileChannel();
        channel = file.asFileChannel();
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private List<Read> reads() {
        final List<Read> reads = new ArrayList<>();
        reads.add((buffer, offset) -> file.read(buffer, offset));
        reads.add((buffer, offset) -> file.read(halves(buffer), offset));
        reads.add((buffer, offset) -> file.readAsync(buffer, offset).get());
        reads.add((buffer, offset) -> file.readAsync(halves(buffer), offset).get());
        reads.add((buffer, offset) -> channel.read(buffer, offset));
        reads.add((buffer, offset) -> channel.position(offset).read(buffer));
        reads.add((buffer, offset) -> channel.position(offset).read(halves(buffer)));
        reads.add((buffer, offset) -> asynchronous.read(buffer, offset).get());
        reads.add(this::readByPath);
        reads.add(this::readByStream);
        return reads;
    }

    private static ByteBuffer[] halves(final ByteBuffer buffer) {
        final int half = buffer.position() + 50;
        return new ByteBuffer[] {
            buffer.duplicate().limit(half), buffer.duplicate().position(half)
        };
    }

    private long readByPath(final ByteBuffer buffer, final long offset) throws IOException {
        try (SeekableByteChannel other = Files.newByteChannel(WriteThroughFileSystem.path(directory.resolve("copy")))) {
            return other.position(offset).read(buffer);
        }
    }

    private long readByStream(final ByteBuffer buffer, final long offset) throws IOException {
        if (!buffer.hasArray()) {
            return readByPath(buffer, offset);
        }
        try (InputStream in = Files.newInputStream(WriteThroughFileSystem.path(directory.resolve("copy")))) {
            in.skip(offset);
            final int start = buffer.arrayOffset() + buffer.position();
            return in.read(buffer.array(), start, buffer.remaining());
        }
    }

    private static List<BufferKind> writableKinds() {
        return Arrays.stream(BufferKind.values())
                .filter(kind -> !kind.isReadOnly())
                .toList();
    }

    /* All of it marked, with room before its position and behind its limit. */
    private static ByteBuffer marked(final BufferKind kind) {
        final byte[] marks = new byte[CAPACITY];
        Arrays.fill(marks, MARK);
        return kind.of(marks).position(FIRST).limit(CAPACITY - FIRST);
    }

    private static void assertMarkedOutside(final ByteBuffer buffer, final long count, final Object what) {
        final ByteBuffer all = buffer.duplicate().clear();
        for (int i = 0; i < CAPACITY; i++) {
            if (i < FIRST || i >= FIRST + Math.max(count, 0)) {
                final int at = i;
                assertEquals(MARK, all.get(i), () -> what + ": counted " + count + ", but changed byte " + at);
            }
        }
    }

    @Test
    void aReadAtTheEndOfTheFileChangesNoByteBehindTheEnd() throws Exception {
        for (final long size : new long[] {1, 100, 511, 4000, 4096, 4097, 70_000}) {
            file.truncate(0);
            file.write(buffer((int) size, size), 0);
            Files.write(directory.resolve("copy"), bytes((int) size, size));
            final List<Read> reads = reads();
            for (int way = 0; way < reads.size(); way++) {
                for (final BufferKind kind : writableKinds()) {
                    for (final long offset : new long[] {0, size - Math.min(size, 60), size - 1, size, size + 5000}) {
                        final ByteBuffer buffer = marked(kind);
                        final long count = reads.get(way).into(buffer, offset);
                        final long expected = Math.min(size - offset, CAPACITY - 2 * FIRST);
                        final String what = "way " + way + ", " + kind + " at " + offset + " of " + size;
                        assertEquals(expected <= 0 ? -1 : expected, count, what);
                        assertMarkedOutside(buffer, count, what);
                    }
                }
            }
        }
    }

    @Test
    void aReadChangesNoByteBehindItsCountWhileAppendsAreUnderWay() throws Exception {
        final Deque<CompletableFuture<Long>> appends = new ArrayDeque<>();
        final byte[] record = new byte[100];
        Arrays.fill(record, RECORD);
        Files.write(directory.resolve("copy"), record);
        file.write(ByteBuffer.wrap(record), 0);
        final List<Read> reads = reads();
        for (int round = 0; round < 600; round++) {
            appends.add(file.appendAsync(ByteBuffer.wrap(record)));
            final Read read = reads.get(round % reads.size());
            for (final BufferKind kind : writableKinds()) {
                final ByteBuffer buffer = marked(kind);
                final long count = read.into(buffer, 0);
                assertTrue(count > 0 && count % 100 == 0 || count == CAPACITY - 2 * FIRST, () -> "count " + count);
                assertMarkedOutside(buffer, count, "way " + round % reads.size() + ", " + kind);
            }
            if (appends.size() == 30) {
                for (final Future<Long> append : appends) {
                    append.get();
                }
                appends.clear();
                file.truncate(100);
            }
        }
    }

    @Test
    void aReadThatFailsChangesNoByte() throws Exception {
        file.write(buffer(1000, 1), 0);
        file.read(ByteBuffer.allocate(1000), 0);
        final List<Read> reads = reads().subList(0, 8);
        file.close();
        for (int way = 0; way < reads.size(); way++) {
            for (final BufferKind kind : writableKinds()) {
                final ByteBuffer buffer = marked(kind);
                final Read read = reads.get(way);
                assertThrows(Exception.class, () -> read.into(buffer, 0));
                assertMarkedOutside(buffer, 0, "way " + way + ", " + kind);
            }
        }
    }
}
