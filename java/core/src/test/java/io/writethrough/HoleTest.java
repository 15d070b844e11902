// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Holes, and ranges that become zeros. */
@Timeout(120)
class HoleTest extends OnEveryFileSystem {
    private WriteThroughEngine engine;
    private WriteThroughFile file;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(32 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private interface Zeroing {
        void zero(long offset, long length) throws IOException;
    }

    private void zeroes(final Zeroing zeroing) throws IOException {
        final byte[] expected = bytes(300_000, 1);
        file.write(ByteBuffer.wrap(expected.clone()), 0);
        for (final int[] range : new int[][] {{5000, 100_000}, {0, 1}, {200_001, 300}, {290_000, 50_000}, {7, 0}}) {
            zeroing.zero(range[0], range[1]);
            Arrays.fill(expected, range[0], Math.min(range[0] + range[1], expected.length), (byte) 0);
            final ByteBuffer read = ByteBuffer.allocate(expected.length + 1);
            assertEquals(expected.length, file.read(read, 0));
            assertArrayEquals(expected, Arrays.copyOf(read.array(), expected.length));
            assertArrayEquals(expected, Files.readAllBytes(path));
        }
    }

    @Test
    void aPunchedRangeReadsAsZerosAndItsNeighboursStay() throws IOException {
        zeroes(file::punchHole);
    }

    @Test
    void aZeroedRangeReadsAsZerosAndItsNeighboursStay() throws IOException {
        zeroes(file::zero);
    }

    @Test
    void aHoleBeforeALaterWriteReadsAsZeros() throws IOException {
        file.write(buffer(10, 1), 1_000_000);
        final ByteBuffer read = ByteBuffer.allocate(1_000_000);
        assertEquals(1_000_000, file.read(read, 0));
        assertArrayEquals(new byte[1_000_000], read.array());
        assertEquals(1_000_010, file.size());
        assertEquals(1_000_010, Files.size(path));
    }

    @Test
    void badRangesAreRefused() throws IOException {
        file.write(buffer(100, 1), 0);
        assertThrows(IllegalArgumentException.class, () -> file.punchHole(-1, 5));
        assertThrows(IllegalArgumentException.class, () -> file.punchHole(0, -5));
        assertThrows(IllegalArgumentException.class, () -> file.zero(-1, 5));
        assertThrows(IllegalArgumentException.class, () -> file.zero(0, -5));
        file.zero(100, Long.MAX_VALUE);
        try (WriteThroughFile reader = engine.open(path, READ)) {
            assertThrows(NonWritableChannelException.class, () -> reader.punchHole(0, 5));
            assertThrows(NonWritableChannelException.class, () -> reader.zero(0, 5));
        }
        file.close();
        assertThrows(ClosedChannelException.class, () -> file.punchHole(0, 5));
        assertThrows(ClosedChannelException.class, () -> file.zero(0, 5));
        assertTrue(Arrays.equals(bytes(100, 1), Files.readAllBytes(path)));
    }
}
