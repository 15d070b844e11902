// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A file system without room. WT_TEST_SMALL_DIR names a directory on one that may be filled: some 16 to 64 MiB, as a loop
 * mount for example.
 */
class FullDiskTest {
    private static final int CHUNK = 200_003;
    private static final int CHUNKS_AT_MOST = 2000;

    private Path ballast;
    private Path path;

    @BeforeEach
    void makeFiles() throws IOException {
        final String small = TestDirectories.setting("WT_TEST_SMALL_DIR");
        assumeTrue(small != null, "WT_TEST_SMALL_DIR does not name a small file system to fill");
        ballast = Path.of(small, "ballast");
        path = Path.of(small, "file");
        deleteFiles();
        Files.write(ballast, new byte[2 << 20]);
    }

    @AfterEach
    void deleteFiles() throws IOException {
        if (path != null) {
            Files.deleteIfExists(ballast);
            Files.deleteIfExists(path);
        }
    }

    @Test
    void aFullDiskKeepsWhatWasAcknowledgedAndTheExceptionSaysHowMuchIsStable() throws IOException {
        final ByteArrayOutputStream acknowledged = new ByteArrayOutputStream();
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final WriteThroughException e = fill(file, acknowledged);
            final int chunk = acknowledged.size() / CHUNK;
            assertEquals(28, e.errno());
            assertEquals("write", e.operation());
            assertEquals(acknowledged.size(), e.offset());
            assertEquals(CHUNK, e.length());
            assertTrue(e.stableBytes() >= 0 && e.stableBytes() < CHUNK, e.getMessage());
            assertTrue(e.getMessage().contains("The file system is full"), e.getMessage());
            assertKept(acknowledged.toByteArray(), Files.readAllBytes(path));
            final int stable = (int) e.stableBytes();
            assertArrayEquals(
                    Arrays.copyOf(OnEveryFileSystem.bytes(CHUNK, chunk), stable),
                    OnEveryFileSystem.read(file, acknowledged.size(), stable));

            file.write(OnEveryFileSystem.buffer(4096, 1), 4096);
            file.write(ByteBuffer.wrap(acknowledged.toByteArray(), 4096, 4096), 4096);

            Files.delete(ballast);
            file.write(OnEveryFileSystem.buffer(CHUNK, chunk), acknowledged.size());
            acknowledged.write(OnEveryFileSystem.bytes(CHUNK, chunk));
        }
        assertKept(acknowledged.toByteArray(), Files.readAllBytes(path));
    }

    private static WriteThroughException fill(final WriteThroughFile file, final ByteArrayOutputStream acknowledged)
            throws IOException {
        for (int chunk = 0; chunk < CHUNKS_AT_MOST; chunk++) {
            final ByteBuffer source = OnEveryFileSystem.buffer(CHUNK, chunk);
            try {
                file.write(source, acknowledged.size());
            } catch (final WriteThroughException e) {
                assertEquals("ENOSPC", e.errnoName(), e.getMessage());
                assertEquals(0, source.position());
                return e;
            }
            acknowledged.write(source.array());
        }
        throw new AssertionError("WT_TEST_SMALL_DIR holds " + acknowledged.size() + " bytes: not small");
    }

    private static void assertKept(final byte[] acknowledged, final byte[] found) {
        assertArrayEquals(acknowledged, Arrays.copyOf(found, acknowledged.length));
    }

    @Test
    void aLaneIsToldThatTheDiskIsFullAndHowMuchIsStable() throws IOException {
        final IOException[] told = {null};
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
                Lane lane = engine.openLane()) {
            for (int chunk = 0; chunk < CHUNKS_AT_MOST && told[0] == null; chunk++) {
                lane.write(file, OnEveryFileSystem.buffer(CHUNK, chunk), (long) chunk * CHUNK, chunk);
                lane.poll(
                        (token, result, offset, failure) -> {
                            assertEquals(failure == null ? CHUNK : -1, result);
                            assertEquals(token * CHUNK, offset);
                            told[0] = failure;
                        },
                        1,
                        -1);
            }
            final WriteThroughException e = assertInstanceOf(WriteThroughException.class, told[0]);
            assertEquals("ENOSPC", e.errnoName());
            assertEquals("write", e.operation());
            assertEquals(CHUNK, e.length());
            assertTrue(e.stableBytes() >= 0 && e.stableBytes() < CHUNK, e.getMessage());
            assertEquals(0, lane.underWay());
        }
    }

    @Test
    void allocateBeyondTheRoomThereIsIsRefusedAndTheFileGoesOn() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(OnEveryFileSystem.buffer(10_000, 1), 0);
            final WriteThroughException e = assertThrows(WriteThroughException.class, () -> file.allocate(0, 1L << 30));
            assertEquals("ENOSPC", e.errnoName());
            assertEquals("allocate", e.operation());
            assertArrayEquals(OnEveryFileSystem.bytes(10_000, 1), OnEveryFileSystem.read(file, 0, 10_000));
            file.truncate(0);
            file.write(OnEveryFileSystem.buffer(10_000, 2), 0);
        }
        assertArrayEquals(OnEveryFileSystem.bytes(10_000, 2), Files.readAllBytes(path));
    }
}
