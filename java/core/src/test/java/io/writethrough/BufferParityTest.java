// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Results, positions, limits and contents are those of FileChannel, to which each test does the same. */
class BufferParityTest extends OnEveryFileSystem {
    private static final int CAPACITY = 10_000;

    /* Position and limit: all, some in the middle, none, none at the end. */
    private static final int[][] WINDOWS = {{0, CAPACITY}, {7, 5001}, {300, 300}, {CAPACITY, CAPACITY}};

    private Path channelPath;
    private FileChannel channel;
    private WriteThroughFile file;

    @BeforeEach
    void open() throws IOException {
        channelPath = directory.resolve("channel");
        channel = FileChannel.open(channelPath, CREATE, READ, WRITE);
        file = WriteThroughFile.open(path, CREATE, READ, WRITE);
    }

    @AfterEach
    void close() throws IOException {
        file.close();
        channel.close();
    }

    @Test
    void writeMovesABufferAsFileChannelDoes() throws IOException {
        for (final BufferKind kind : BufferKind.values()) {
            for (final int[] window : WINDOWS) {
                final ByteBuffer ours =
                        kind.of(bytes(CAPACITY, 1)).position(window[0]).limit(window[1]);
                final ByteBuffer theirs =
                        kind.of(bytes(CAPACITY, 1)).position(window[0]).limit(window[1]);
                assertEquals(channel.write(theirs, 100), file.write(ours, 100), kind + " result");
                assertSame(theirs, ours, kind);
                assertArrayEquals(Files.readAllBytes(channelPath), Files.readAllBytes(path), kind + " file");
            }
        }
    }

    @Test
    void readMovesABufferAsFileChannelDoes() throws IOException {
        fill(8000);
        for (final BufferKind kind : writableKinds()) {
            for (final int[] window : WINDOWS) {
                for (final long position : new long[] {0, 1, 4096, 7999, 8000, 8001, 1L << 40}) {
                    final ByteBuffer ours =
                            kind.of(new byte[CAPACITY]).position(window[0]).limit(window[1]);
                    final ByteBuffer theirs =
                            kind.of(new byte[CAPACITY]).position(window[0]).limit(window[1]);
                    assertEquals(channel.read(theirs, position), file.read(ours, position), kind + " at " + position);
                    assertSame(theirs, ours, kind);
                }
            }
        }
    }

    @Test
    void vectoredWriteMovesBuffersAsFileChannelDoes() throws IOException {
        final ByteBuffer[] ours = vector(BufferKind.values(), 3);
        final ByteBuffer[] theirs = vector(BufferKind.values(), 3);
        assertEquals(channel.position(77).write(theirs), file.write(ours, 77));
        assertAllSame(theirs, ours);
        assertArrayEquals(Files.readAllBytes(channelPath), Files.readAllBytes(path));
    }

    @Test
    void vectoredReadMovesBuffersAsFileChannelDoes() throws IOException {
        fill(20_000);
        final BufferKind[] kinds = writableKinds().toArray(new BufferKind[0]);
        for (final long position : new long[] {0, 100, 19_000, 19_999, 20_000, 30_000}) {
            final ByteBuffer[] ours = vector(kinds, 4);
            final ByteBuffer[] theirs = vector(kinds, 4);
            assertEquals(channel.position(position).read(theirs), file.read(ours, position), "at " + position);
            assertAllSame(theirs, ours);
        }
    }

    @Test
    void vectorsWithoutBytesTransferNothing() throws IOException {
        fill(10);
        final ByteBuffer[][] vectors = {
            {}, {ByteBuffer.allocate(0)}, {ByteBuffer.allocate(0), ByteBuffer.allocateDirect(0)}
        };
        for (final ByteBuffer[] vector : vectors) {
            assertEquals(0, file.write(vector, 5));
            assertEquals(0, file.read(vector, 5));
            assertEquals(0, file.read(vector, 50));
        }
        assertEquals(10, file.size());
    }

    @Test
    void theSameBufferTwiceInAVectorIsWrittenTwice() throws IOException {
        final ByteBuffer source = buffer(100, 1);
        assertEquals(200, file.write(new ByteBuffer[] {source, source}, 0));
        assertEquals(100, source.position());
        assertArrayEquals(bytes(100, 1), read(file, 100, 100));
    }

    @Test
    void noPositionMovesWhenAnOperationThrows() throws IOException {
        fill(8000);
        final ByteBuffer heap = buffer(100, 1).position(10);
        final ByteBuffer direct = direct(bytes(100, 1)).position(20);
        file.close();
        assertThrows(IOException.class, () -> file.write(heap, 0));
        assertThrows(IOException.class, () -> file.read(heap, 0));
        assertThrows(IOException.class, () -> file.write(direct, 0));
        assertThrows(IOException.class, () -> file.read(direct, 0));
        assertThrows(IOException.class, () -> file.write(new ByteBuffer[] {heap, direct}, 0));
        assertThrows(IOException.class, () -> file.read(new ByteBuffer[] {heap, direct}, 0));
        assertEquals(10, heap.position());
        assertEquals(20, direct.position());
    }

    private void fill(final int length) throws IOException {
        file.write(buffer(length, 99), 0);
        channel.write(buffer(length, 99), 0);
    }

    private static List<BufferKind> writableKinds() {
        final List<BufferKind> kinds = new ArrayList<>(List.of(BufferKind.values()));
        kinds.removeIf(BufferKind::isReadOnly);
        return kinds;
    }

    /* Buffers of each kind in turn, each with a window of its own, some of them empty. */
    private static ByteBuffer[] vector(final BufferKind[] kinds, final int rounds) {
        final ByteBuffer[] vector = new ByteBuffer[kinds.length * rounds];
        for (int i = 0; i < vector.length; i++) {
            final ByteBuffer buffer = kinds[i % kinds.length].of(bytes(1500, i));
            vector[i] = i % 5 == 4
                    ? buffer.position(9).limit(9)
                    : buffer.position(i).limit(1500 - 2 * i);
        }
        return vector;
    }

    private static void assertAllSame(final ByteBuffer[] expected, final ByteBuffer[] actual) {
        for (int i = 0; i < expected.length; i++) {
            assertSame(expected[i], actual[i], i);
        }
    }

    private static void assertSame(final ByteBuffer expected, final ByteBuffer actual, final Object what) {
        assertEquals(expected.position(), actual.position(), what + " position");
        assertEquals(expected.limit(), actual.limit(), what + " limit");
        assertEquals(expected.duplicate().clear(), actual.duplicate().clear(), what + " contents");
    }
}
