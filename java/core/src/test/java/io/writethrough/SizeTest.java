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
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Sizes are exact, at every instant and for everyone. */
class SizeTest extends OnEveryFileSystem {
    @Test
    void theFileGrowsToTheLastByteWrittenAndNoFurther() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            int size = 0;
            for (final int length : new int[] {1, 127, 385, 4096, 100_001}) {
                file.write(buffer(length, 1), size);
                size += length;
                assertEquals(size, file.size());
                assertEquals(size, Files.size(path));
            }
        }
        assertEquals(104_610, Files.size(path));
    }

    @Test
    void truncateCutsForGood() throws IOException {
        final byte[] written = bytes(100_000, 1);
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(ByteBuffer.wrap(written), 0);
            for (final int size : new int[] {70_001, 8192, 4097, 100, 0}) {
                file.truncate(size);
                assertEquals(size, file.size());
                assertEquals(-1, file.read(ByteBuffer.allocate(1), size));
                assertArrayEquals(Arrays.copyOf(written, size), Files.readAllBytes(path));
            }
            file.truncate(100_000);
            assertArrayEquals(new byte[100_000], read(file, 0, 100_000), "what was cut does not come back");
        }
        assertArrayEquals(new byte[100_000], Files.readAllBytes(path));
    }

    @Test
    void truncateToALargerSizeGrowsByZeros() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(100, 1), 0);
            file.truncate(10_000);
            assertEquals(10_000, file.size());
            assertArrayEquals(Arrays.copyOf(bytes(100, 1), 10_000), read(file, 0, 10_000));
        }
    }

    @Test
    void allocateGrowsByZerosAndKeepsWhatIsThere() throws IOException {
        final byte[] expected = Arrays.copyOf(bytes(5000, 1), 300_001);
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(5000, 1), 0);
            file.allocate(100, 299_901);
            assertEquals(300_001, file.size());
            assertArrayEquals(expected, read(file, 0, expected.length));
            file.allocate(0, 10);
            assertEquals(300_001, file.size(), "allocate never shrinks");
        }
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    @Test
    void sizesSurviveCloseAndReopenInEveryMixOfWritePaths() throws IOException {
        byte[] expected = new byte[0];
        int seed = 0;
        for (int round = 0; round < 4; round++) {
            try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
                assertEquals(expected.length, file.size());
                for (final int length : new int[] {100, 412, 512, 3072, 4096, 5000, 1}) {
                    expected = Arrays.copyOf(expected, expected.length + length);
                    final byte[] appended = bytes(length, ++seed);
                    System.arraycopy(appended, 0, expected, expected.length - length, length);
                    file.write(ByteBuffer.wrap(appended), expected.length - length);
                }
                if (round == 2) {
                    expected = Arrays.copyOf(expected, expected.length - 777);
                    file.truncate(expected.length);
                }
            }
            assertArrayEquals(expected, Files.readAllBytes(path));
        }
    }

    @Test
    void syncReturnsAndChangesNothing() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, Durability.DEVICE, CREATE, READ, WRITE)) {
            file.write(buffer(10_000, 1), 3);
            file.sync();
            assertEquals(10_003, file.size());
            assertArrayEquals(bytes(10_000, 1), read(file, 3, 10_000));
        }
        try (WriteThroughFile file = WriteThroughFile.open(path, READ)) {
            file.sync();
        }
    }

    @Test
    void everyDurabilityWritesTheSameBytes() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            int position = 0;
            for (final Durability durability : Durability.values()) {
                assertEquals(1000, file.write(buffer(1000, position), position, durability));
                final ByteBuffer[] vector = {buffer(1000, position), direct(bytes(24, 7))};
                assertEquals(1024, file.write(vector, position + 1000, durability));
                assertArrayEquals(bytes(1000, position), read(file, position, 1000));
                assertArrayEquals(bytes(1000, position), read(file, position + 1000, 1000));
                position += 2024;
            }
        }
        assertEquals(3 * 2024, Files.size(path));
    }

    @Test
    void aFileThatGrowsAheadShowsItsSizeAndIsCutToItWhenClosed() throws IOException {
        final GrowthAhead ahead = new GrowthAhead(1 << 20);
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE, ahead)) {
            for (int i = 0; i < 20; i++) {
                assertEquals(i * 100L, file.append(buffer(100, i)));
            }
            assertEquals(2000, file.size());
            assertEquals(-1, file.read(ByteBuffer.allocate(10), 2000));
            if (file.profile().writePath() == StorageProfile.WritePath.DIRECT) {
                assertTrue(Files.size(path) >= 1 << 20);
            }
        }
        assertEquals(2000, Files.size(path));
        assertThrows(IllegalArgumentException.class, () -> new GrowthAhead(-1));
        try (WriteThroughFile file = WriteThroughFile.open(path, READ, ahead)) {
            assertEquals(2000, file.size());
        }
    }
}
