// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A file system without room. WT_TEST_SMALL_DIR names a directory on one of some 16 to 64 MiB, which may be filled. */
class FullFileSystemTest {
    private static final LogOptions OPTIONS =
            LogOptions.builder().segmentBytes(1 << 20).build();
    private static final int RECORD_BYTES = 100_000;

    private Path small;
    private Path path;
    private Path ballast;

    @BeforeEach
    void makeDirectory() throws IOException {
        final String named = System.getProperty("WT_TEST_SMALL_DIR", System.getenv("WT_TEST_SMALL_DIR"));
        assumeTrue(named != null, "WT_TEST_SMALL_DIR does not name a small file system to fill");
        small = Files.createTempDirectory(Path.of(named), "log");
        path = small.resolve("log");
        ballast = small.resolve("ballast");
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        if (small != null) {
            TestDirectories.delete(small);
        }
    }

    private static ByteBuffer record(final int number) {
        return ByteBuffer.allocate(RECORD_BYTES).putInt(0, number);
    }

    private static List<Integer> numbersOf(final DurableLog log) throws IOException {
        final List<Integer> numbers = new ArrayList<>();
        try (LogReader reader = log.reader(log.start())) {
            while (reader.next()) {
                numbers.add(reader.record().getInt(reader.record().position()));
            }
        }
        return numbers;
    }

    /* To the last block, which a loop in steps of a block finds. */
    private void takeAllRoom() throws IOException {
        try (OutputStream out = Files.newOutputStream(ballast)) {
            assertThrows(IOException.class, () -> {
                while (true) {
                    out.write(new byte[1024]);
                }
            });
        }
    }

    /* Appends until there is no room. */
    private static IOException fill(final DurableLog log, final List<Integer> numbers, final List<Long> lsns) {
        while (numbers.size() < 1000) {
            try {
                lsns.add(log.append(record(numbers.size())));
            } catch (final IOException e) {
                return e;
            }
            numbers.add(numbers.size());
        }
        throw new AssertionError("WT_TEST_SMALL_DIR is not small");
    }

    @Test
    void aFullFileSystemTakesNothingAndAppendsGoOnWhenThereIsRoom() throws IOException {
        final List<Integer> numbers = new ArrayList<>();
        final List<Long> lsns = new ArrayList<>();
        try (DurableLog log = DurableLog.open(path, OPTIONS)) {
            Files.write(ballast, new byte[4 << 20]);
            final IOException full = fill(log, numbers, lsns);
            assertTrue(full.getMessage().contains("ENOSPC"), full.getMessage());
            takeAllRoom();
            log.trim(lsns.get(3)); // the first change of the control file since the log was made
            numbers.subList(0, 3).clear();
            assertEquals(numbers, numbersOf(log));
        }
        try (DurableLog log = DurableLog.open(path)) {
            assertEquals(numbers, numbersOf(log));
            assertThrows(IOException.class, () -> {
                for (int i = 0; i < 11; i++) {
                    log.append(record(-1));
                    numbers.add(-1); // the end of the last segment had room
                }
            });
            Files.delete(ballast);
            log.append(record(7));
            numbers.add(7);
            assertEquals(numbers, numbersOf(log));
        }
        try (DurableLog log = DurableLog.open(path)) {
            assertEquals(numbers, numbersOf(log));
        }
    }
}
