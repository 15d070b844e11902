// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A way that loses records would win every comparison. */
final class AppendTest {
    private static final int THREADS = 4;
    private static final long NANOS = 20_000_000;

    @TempDir
    private Path directory;

    private Path log() throws IOException {
        return Files.createFile(directory.resolve("log"));
    }

    private static void assertHasWritten(Slice slice, Path log) throws IOException {
        byte[] expected = new byte[AppendContender.RECORD_BYTES];
        Buffers.source(expected.length).get(expected);
        long records = 0;
        byte[] zeros = new byte[expected.length];
        try (InputStream input = Files.newInputStream(log)) {
            for (byte[] record = input.readNBytes(expected.length);
                    record.length > 0 && !Arrays.equals(record, zeros);
                    record = input.readNBytes(expected.length)) {
                assertArrayEquals(expected, record);
                records++;
            }
        }
        assertTrue(records >= THREADS);
        assertEquals(slice.operations(), records);
    }

    @Test
    void everyRecordUnderTheLockIsInTheLog() throws IOException {
        Path log = log();
        try (AppendContender channel = new AppendChannel(log, THREADS)) {
            assertHasWritten(channel.run(null, NANOS, 1), log);
        }
    }

    @Test
    void everyRecordOfAGroupCommitIsInTheLog() throws IOException {
        Path log = log();
        try (AppendContender group = new AppendGroupCommit(log, THREADS)) {
            assertHasWritten(group.run(null, NANOS, 1), log);
        }
    }
}
