// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** WriteFlag.HIGH_PRIORITY changes when bytes are written, and not what. */
@Timeout(120)
class PriorityTest extends OnEveryFileSystem {
    private static final int RECORD = 100;

    @ParameterizedTest
    @EnumSource(
            value = Backend.class,
            names = {"AUTO", "THREADS"})
    void writesOfBothPrioritiesAreAllThere(final Backend backend) throws Exception {
        final ByteBuffer expected = ByteBuffer.allocate(8 * 50 * RECORD);
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().backend(backend).build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            for (int i = 0; i < 50; i++) {
                final long position = expected.position();
                final var high =
                        file.writeAsync(record(expected, i), position, Durability.DSYNC, WriteFlag.HIGH_PRIORITY);
                final var plain = file.writeAsync(record(expected, i + 1), position + RECORD);
                assertEquals(
                        RECORD,
                        file.write(
                                record(expected, i + 2),
                                position + 2 * RECORD,
                                Durability.SYNC,
                                WriteFlag.HIGH_PRIORITY));
                final var pieces = new ByteBuffer[] {record(expected, i + 3), record(expected, i + 4)};
                assertEquals(
                        2 * RECORD,
                        file.write(pieces, position + 3 * RECORD, Durability.DSYNC, WriteFlag.HIGH_PRIORITY));
                final var several = file.writeAllAsync(
                        List.of(
                                new WriteRequest(record(expected, i + 5), position + 5 * RECORD),
                                new WriteRequest(record(expected, i + 6), position + 6 * RECORD)),
                        WriteFlag.HIGH_PRIORITY);
                for (final var future : List.of(high, plain, several.get(0), several.get(1))) {
                    assertEquals(RECORD, future.get(20, TimeUnit.SECONDS));
                }
                assertEquals(
                        position + 7 * RECORD,
                        file.append(record(expected, i + 7), Durability.DSYNC, WriteFlag.HIGH_PRIORITY));
            }
            assertArrayEquals(expected.array(), read(file, 0, expected.capacity()));
        }
        assertArrayEquals(expected.array(), Files.readAllBytes(path));
    }

    private static ByteBuffer record(final ByteBuffer expected, final int seed) {
        final byte[] bytes = bytes(RECORD, seed);
        expected.put(bytes);
        return ByteBuffer.wrap(bytes);
    }

    @Test
    void whatIsWrittenAtomicallyWithHighPriorityIsBoth() throws Exception {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final int length = file.profile().atomicWriteMinBytes();
            assumeTrue(length > 0, "no atomic writes here");
            file.write(buffer(length, 1), 0, Durability.DSYNC, WriteFlag.ATOMIC, WriteFlag.HIGH_PRIORITY);
            assertArrayEquals(bytes(length, 1), Arrays.copyOf(Files.readAllBytes(path), length));
        }
    }
}
