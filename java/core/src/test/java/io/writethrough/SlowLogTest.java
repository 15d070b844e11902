// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.internal.jni.TraceRecords;
import io.writethrough.internal.stats.SlowLog;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The line in the log about an I/O that took long. */
class SlowLogTest extends OnEveryFileSystem {
    private final Logger logger = Logger.getLogger(SlowLog.LOGGER);
    private final List<LogRecord> lines = new CopyOnWriteArrayList<>();

    @BeforeEach
    void listen() {
        logger.setFilter(line -> {
            lines.add(line);
            return false;
        });
    }

    @AfterEach
    void stopListening() {
        logger.setFilter(null);
    }

    /* Of this test's file: other engines of the process may have slow I/Os of their own. */
    private List<String> texts() {
        return lines.stream()
                .map(new SimpleFormatter()::formatMessage)
                .filter(text -> text.contains(path.toString()))
                .toList();
    }

    private static WriteThroughEngine.Builder allIsSlow() {
        return WriteThroughEngine.builder().slowIoThreshold(Duration.ofNanos(1));
    }

    @Test
    void aSlowWriteIsNamedWithItsFilePlaceAndTimes() throws IOException {
        try (WriteThroughEngine engine = allIsSlow().build()) {
            engine.open(path, CREATE, READ, WRITE).write(buffer(8192, 1), 4096);
        }
        assertEquals(1, texts().size(), texts().toString());
        final String times = "slow write: [0-9.]+ ms \\([0-9.]+ in the queue, [0-9.]+ on the device\\), ";
        assertTrue(texts().get(0).matches(times + path + " at 4096, 8192 bytes"), texts().get(0));
    }

    @Test
    void aSlowReadIsNamedToo() throws IOException {
        Files.write(path, bytes(10000, 1));
        try (WriteThroughEngine engine = allIsSlow().build()) {
            read(engine.open(path, READ), 0, 100);
        }
        assertTrue(texts().get(0).startsWith("slow read: "), texts().toString());
    }

    @Test
    void aFileThatWasRenamedIsNamedAsItIsNow() throws IOException {
        final var renamed = directory.resolve("renamed");
        try (WriteThroughEngine engine = allIsSlow().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            file.renameTo(renamed);
            path = renamed;
            file.write(buffer(10, 1), 0);
        }
        assertEquals(1, texts().size(), texts().toString());
    }

    @Test
    void nothingIsSlowWithoutAThreshold() throws IOException {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().slowIoThreshold(Duration.ZERO).build()) {
            engine.open(path, CREATE, READ, WRITE).write(buffer(8192, 1), 4096);
        }
        assertEquals(List.of(), texts());
    }

    @Test
    void aThresholdThatCannotBeIsRefused() {
        final WriteThroughEngine.Builder builder = WriteThroughEngine.builder();
        assertThrows(IllegalArgumentException.class, () -> builder.slowIoThreshold(Duration.ofMillis(-1)));
        assertThrows(IllegalArgumentException.class, () -> builder.slowIoThreshold(Duration.ofDays(2)));
    }

    private TraceRecords.Io slow(final long offset) {
        return new TraceRecords.Io(TraceRecords.SLOW, true, path.toString(), offset, 10, 1_500_000, 2_000_000, 12, 28);
    }

    @Test
    void aGatherIsCalledOneAndAnErrorIsNamed() {
        final String expected = "slow write: 3.500 ms (1.500 in the queue, 2.000 on the device), " + path
                + " at 7, 10 bytes, a gather of 12 writes, failed: ENOSPC";
        assertEquals(expected, SlowLog.text(slow(7)));
    }

    @Test
    void aDeviceThatStallsFillsTenLinesASecondAndTheRestIsCounted() {
        final SlowLog log = new SlowLog();
        for (int i = 0; i < 25; i++) {
            log.report(slow(i), 1000 + i);
        }
        assertEquals(SlowLog.LINES_A_SECOND, texts().size());
        log.report(slow(99), 1_000_001_000L);
        assertTrue(texts().get(10).endsWith("; before it 15 more were slow"), texts().get(10));
        log.report(slow(100), 1_000_001_001L);
        assertTrue(texts().get(11).endsWith("failed: ENOSPC"), texts().get(11));
    }
}
