// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is written is what this library reads, and what any other program finds in the file. */
class RoundTripTest extends OnEveryFileSystem {
    private static final int[] OFFSETS = {0, 1, 511, 512, 513, 4095, 4096, 4097, 8192, 65535, 65536, 1 << 20};
    private static final int[] LENGTHS = {1, 2, 511, 512, 513, 4095, 4096, 4097, 12288, 65536, 65537, (1 << 20) + 1};

    @Test
    void everyOffsetAndLengthComesBack() throws IOException {
        byte[] expected = new byte[0];
        int seed = 0;
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            for (final int offset : OFFSETS) {
                for (final int length : LENGTHS) {
                    final byte[] written = bytes(length, ++seed);
                    expected = overlaid(expected, offset, written);
                    final BufferKind kind = BufferKind.values()[seed % BufferKind.values().length];
                    assertEquals(length, file.write(kind.of(written), offset));
                    assertArrayEquals(written, read(file, offset, length));
                    assertEquals(expected.length, file.size());
                }
            }
            assertArrayEquals(expected, read(file, 0, expected.length));
            assertArrayEquals(expected, Files.readAllBytes(path), "as others see it while it is open");
        }
        assertArrayEquals(expected, Files.readAllBytes(path), "as others see it after it was closed");
    }

    @Test
    void randomWritesAndReadsAgreeWithAModelInMemory() throws IOException {
        final Random random = new Random(20261123);
        byte[] expected = new byte[0];
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(256 * 1024).build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            for (int i = 0; i < 400; i++) {
                final int offset = random.nextInt(1 << 20);
                final int length = 1 + random.nextInt(1 << random.nextInt(16));
                if (random.nextBoolean()) {
                    final byte[] written = bytes(length, i);
                    expected = overlaid(expected, offset, written);
                    file.write(kind(random).of(written), offset);
                } else {
                    final ByteBuffer buffer = ByteBuffer.allocateDirect(length);
                    final int count = file.read(buffer, offset);
                    final byte[] got = new byte[Math.max(count, 0)];
                    buffer.flip().get(got);
                    final int end = Math.min(offset + length, expected.length);
                    final byte[] wanted = offset < end ? Arrays.copyOfRange(expected, offset, end) : new byte[0];
                    assertEquals(wanted.length == 0 ? -1 : wanted.length, count);
                    assertArrayEquals(wanted, got, "read " + i + " at " + offset);
                }
            }
        }
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    @Test
    void bytesThatWereThereBeforeAreKeptAroundAWrite() throws IOException {
        final byte[] before = bytes(20_000, 1);
        Files.write(path, before);
        final byte[] written = bytes(100, 2);
        try (WriteThroughFile file = WriteThroughFile.open(path, READ, WRITE)) {
            file.write(ByteBuffer.wrap(written), 4090);
            file.write(ByteBuffer.wrap(written), 19_950);
        }
        final byte[] expected = overlaid(overlaid(before, 4090, written), 19_950, written);
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    @Test
    void aGapBeforeAWriteIsZeros() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(10, 1), 0);
            file.write(buffer(10, 2), 100_000);
            assertArrayEquals(new byte[99_990], read(file, 10, 99_990));
        }
        assertArrayEquals(
                overlaid(overlaid(new byte[0], 0, bytes(10, 1)), 100_000, bytes(10, 2)), Files.readAllBytes(path));
    }

    @Test
    void aVectoredWriteOfMoreBuffersThanTheKernelTakesIsOneWrite() throws IOException {
        final ByteBuffer[] sources = new ByteBuffer[3000];
        final byte[] expected = new byte[sources.length * 17];
        for (int i = 0; i < sources.length; i++) {
            final byte[] part = bytes(17, i);
            System.arraycopy(part, 0, expected, i * 17, 17);
            sources[i] = BufferKind.values()[i % BufferKind.values().length].of(part);
        }
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            assertEquals(expected.length, file.write(sources, 5));
            assertEquals(1, engine.stats().writes());
            for (final ByteBuffer source : sources) {
                assertEquals(source.limit(), source.position());
            }
            final ByteBuffer[] destinations = new ByteBuffer[5000];
            for (int i = 0; i < destinations.length; i++) {
                destinations[i] = i % 2 == 0 ? ByteBuffer.allocate(11) : ByteBuffer.allocateDirect(11);
            }
            assertEquals(expected.length, file.read(destinations, 5));
            final ByteBuffer got = ByteBuffer.allocate(expected.length);
            for (final ByteBuffer destination : destinations) {
                got.put(destination.flip());
            }
            assertArrayEquals(expected, got.array());
        }
    }

    @Test
    void aWriteLargerThanTheCacheIsWrittenWhole() throws IOException {
        final byte[] written = bytes(3_000_001, 7);
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(128 * 1024).build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            assertEquals(written.length, file.write(ByteBuffer.wrap(written), 333));
            assertArrayEquals(written, read(file, 333, written.length));
        }
        assertArrayEquals(overlaid(new byte[0], 333, written), Files.readAllBytes(path));
    }

    @Test
    void writesLongerThanTheLimitOfBytesInFlightAreWrittenWhole() throws IOException {
        final byte[] written = bytes(1_000_000, 8);
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().inFlightBytes(64 * 1024).build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            assertEquals(written.length, file.write(direct(written), 0));
        }
        assertArrayEquals(written, Files.readAllBytes(path));
    }

    @Test
    void eachBackendWritesTheSame() throws IOException {
        for (final Backend backend : new Backend[] {Backend.AUTO, Backend.THREADS}) {
            final byte[] written = bytes(100_000, backend.ordinal());
            try (WriteThroughEngine engine =
                            WriteThroughEngine.builder().backend(backend).build();
                    WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
                file.write(ByteBuffer.wrap(written), 1);
                assertArrayEquals(written, read(file, 1, written.length));
            }
            assertArrayEquals(overlaid(new byte[1], 1, written), Files.readAllBytes(path));
        }
    }

    private static BufferKind kind(final Random random) {
        return BufferKind.values()[random.nextInt(BufferKind.values().length)];
    }

    private static byte[] overlaid(final byte[] base, final int offset, final byte[] written) {
        final byte[] result = Arrays.copyOf(base, Math.max(base.length, offset + written.length));
        System.arraycopy(written, 0, result, offset, written.length);
        return result;
    }
}
