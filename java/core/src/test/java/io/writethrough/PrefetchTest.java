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
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Prefetching reads what is missing, in few I/Os, and nothing twice. */
class PrefetchTest extends OnEveryFileSystem {
    private static final int BLOCK = 4096;

    private final byte[] bytes = new byte[256 * BLOCK];

    private WriteThroughEngine engine;

    @BeforeEach
    void writeFile() throws IOException {
        new Random(1).nextBytes(bytes);
        Files.write(path, bytes);
        engine = WriteThroughEngine.builder().cacheBytes(16 << 20).build();
    }

    private boolean isDirect(final WriteThroughFile file) throws IOException {
        return file.profile().writePath() == StorageProfile.WritePath.DIRECT;
    }

    private void check(final WriteThroughFile file, final int position, final int length) throws IOException {
        final ByteBuffer into = ByteBuffer.allocate(length);
        assertEquals(length, file.read(into, position));
        assertArrayEquals(Arrays.copyOfRange(bytes, position, position + length), into.array());
    }

    @Test
    void aPrefetchedRangeIsOneIoAndIsNotReadAgain() throws IOException {
        try (WriteThroughEngine closed = engine;
                WriteThroughFile file = closed.open(path, READ)) {
            file.prefetch(10 * BLOCK + 1, 20 * BLOCK);
            assertEquals(isDirect(file) ? 1 : 0, closed.stats().deviceReads());
            check(file, 10 * BLOCK, 21 * BLOCK);
            if (isDirect(file)) {
                assertEquals(1, closed.stats().deviceReads());
            }
        }
    }

    @Test
    void rangesThatFollowOneAnotherAreOneIo() throws IOException {
        try (WriteThroughEngine closed = engine;
                WriteThroughFile file = closed.open(path, READ)) {
            file.prefetch(
                    new long[] {0, BLOCK, 2 * BLOCK + 5, 100 * BLOCK, 50 * BLOCK},
                    new long[] {BLOCK, BLOCK, 10, BLOCK, Long.MAX_VALUE - 50 * BLOCK});
            // The last range has a block in its middle that is on its way already.
            assertEquals(isDirect(file) ? 4 : 0, closed.stats().deviceReads());
            check(file, 0, 3 * BLOCK);
            check(file, 50 * BLOCK, 206 * BLOCK);
            if (isDirect(file)) {
                assertEquals(4, closed.stats().deviceReads());
            }
        }
    }

    @Test
    void anyCountOfRangesIsPrefetched() throws IOException {
        try (WriteThroughEngine closed = engine;
                WriteThroughFile file = closed.open(path, READ)) {
            final long[] positions = new long[1000];
            final long[] lengths = new long[1000];
            for (int i = 0; i < positions.length; i++) {
                positions[i] = (i * 7L) % 256 * BLOCK;
                lengths[i] = 1;
            }
            file.prefetch(positions, lengths);
            file.prefetch(new long[0], new long[0]);
            final long reads = closed.stats().deviceReads();
            check(file, 0, bytes.length);
            if (isDirect(file)) {
                assertEquals(256, reads);
                assertEquals(reads, closed.stats().deviceReads());
            }
        }
    }

    @Test
    void whatCannotBePrefetchedIsTold() throws IOException {
        try (WriteThroughEngine closed = engine;
                WriteThroughFile file = closed.open(path, READ);
                WriteThroughFile written = closed.open(path, CREATE, WRITE)) {
            final long before = closed.stats().deviceReads();
            assertThrows(IllegalArgumentException.class, () -> file.prefetch(-1, 1));
            assertThrows(IllegalArgumentException.class, () -> file.prefetch(0, -1));
            assertThrows(IllegalArgumentException.class, () -> file.prefetch(new long[1], new long[2]));
            assertThrows(IllegalArgumentException.class, () -> file.prefetch(new long[] {0, -1}, new long[2]));
            assertThrows(NonReadableChannelException.class, () -> written.prefetch(0, 1));
            file.prefetch(Long.MAX_VALUE, Long.MAX_VALUE);
            file.prefetch(0, 0);
            file.close();
            assertThrows(ClosedChannelException.class, () -> file.prefetch(0, 1));
            assertThrows(ClosedChannelException.class, () -> file.prefetch(new long[1], new long[1]));
            assertEquals(before, closed.stats().deviceReads());
        }
    }
}
