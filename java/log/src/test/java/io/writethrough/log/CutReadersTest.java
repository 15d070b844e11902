// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Readers that are open while the log is cut. */
class CutReadersTest {
    private static final LogOptions OPTIONS = LogOptions.builder()
            .segmentBytes(LogOptions.LEAST_SEGMENT_BYTES)
            .spareSegments(0)
            .build();

    @Test
    void aReaderBehindACutDoesNotReadTheFileThatIsGone() throws IOException {
        try (DurableLog log = DurableLog.open(new SimulatedDisk(1), OPTIONS, Runnable::run, () -> {})) {
            final int whole = (int) OPTIONS.segmentBytes() - Format.HEADER_BYTES - Format.FRAME_HEADER_BYTES;
            final long first = log.append(ByteBuffer.allocate(whole)); // fills segment 1
            final long withdrawn = log.append(LogOnDisk.bytes("withdrawn"));
            try (LogReader reader = log.reader(withdrawn)) {
                log.truncateAfter(first);
                assertEquals(withdrawn, log.append(LogOnDisk.bytes("appended.")));
                assertTrue(reader.next());
                assertEquals("appended.", LogOnDisk.textOf(reader.record()));
            }
        }
    }

    @Test
    void aRecordThatIsCutOffWhileItIsReadIsNotShown() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final long first = log.append(LogOnDisk.bytes("first"));
            try (LogReader reader = log.reader(first)) {
                assertTrue(reader.next());
                final long withdrawn = log.append(LogOnDisk.bytes("withdrawn"));
                disk.afterRead = () -> {
                    try {
                        log.truncateAfter(first);
                        log.append(LogOnDisk.bytes("appended."));
                    } catch (final IOException e) {
                        throw new UncheckedIOException(e);
                    }
                };
                assertTrue(reader.next());
                assertEquals("appended.", LogOnDisk.textOf(reader.record()));
                assertEquals(withdrawn, reader.lsn());
            }
        }
    }

    @Test
    void whoOnlyReadsDoesNotSeeWhatACrashKeptACutFromErasing() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
        final long first = log.append(LogOnDisk.bytes("first"));
        log.append(LogOnDisk.bytes("withdrawn"));
        disk.failBehindWrites = 1; // the control file says where the cut is
        assertThrows(IOException.class, () -> log.truncateAfter(first));
        disk.failBehindWrites = Integer.MAX_VALUE;
        try (DurableLog reads = DurableLog.openReadOnly(disk);
                LogReader reader = reads.reader(reads.start())) {
            assertTrue(reader.next());
            assertEquals(reader.nextLsn(), reads.end());
            assertFalse(reader.next());
            try (DurableLog owner = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
                owner.append(LogOnDisk.bytes("second"));
                assertTrue(reader.next());
                assertEquals("second", LogOnDisk.textOf(reader.record()));
            }
        }
    }

    @Test
    void whoOnlyReadsIsToldOfACutThatTheOwnerMakesLater() throws IOException {
        for (final String longer : List.of("as long  ", "longer than what was withdrawn")) {
            final SimulatedDisk disk = new SimulatedDisk(1);
            try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
                final long first = log.append(LogOnDisk.bytes("first"));
                log.append(LogOnDisk.bytes("withdrawn"));
                try (DurableLog reads = DurableLog.openReadOnly(disk);
                        LogReader reader = reads.reader(reads.end())) {
                    assertFalse(reader.next());
                    log.truncateAfter(first);
                    assertToldOfACut(reader);
                    log.append(LogOnDisk.bytes(longer));
                    assertToldOfACut(reader);
                    log.append(LogOnDisk.bytes("more"));
                    assertToldOfACut(reader);
                }
            }
        }
    }

    @Test
    void whoOnlyReadsIsNotToldThatACutIsDamage() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final long first = log.append(LogOnDisk.bytes("first"));
            log.append(LogOnDisk.bytes("withdrawn"));
            try (DurableLog reads = DurableLog.openReadOnly(disk)) {
                log.truncateAfter(first);
                try (LogReader reader = reads.reader(first)) {
                    assertTrue(reader.next());
                    assertToldOfACut(reader); // where "withdrawn" was are zeros
                }
            }
        }
    }

    private static void assertToldOfACut(final LogReader reader) {
        final IOException e = assertThrows(IOException.class, reader::next);
        assertTrue(e.getMessage().contains("took back records"), e.toString());
    }

    @Test
    void whoOnlyReadsGoesOnWhenTheOwnerTrimsAndOpensAgain() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
        log.append(LogOnDisk.bytes("first"));
        try (DurableLog reads = DurableLog.openReadOnly(disk);
                LogReader reader = reads.reader(reads.end())) {
            log.trim(log.end());
            log.close();
            log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
            assertFalse(reader.next());
            log.append(LogOnDisk.bytes("second"));
            assertTrue(reader.next());
            assertEquals("second", LogOnDisk.textOf(reader.record()));
            assertEquals(log.start(), reads.start());
        }
        log.close();
    }

    @Test
    void whoOnlyReadsIsNotToldThatATrimIsDamage() throws IOException {
        final LogOptions options =
                LogOptions.builder().segmentBytes(4 << 20).spareSegments(1).build();
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, options, Runnable::run, () -> {})) {
            while (log.stats().newSegments() < 2) {
                log.append(ByteBuffer.allocate(700_000));
            }
            try (DurableLog reads = DurableLog.openReadOnly(disk);
                    LogReader reader = reads.reader(reads.start());
                    LogReader atEnd = reads.reader(reads.end())) {
                assertTrue(reader.next());
                log.trim(log.end());
                while (log.stats().newSegments() < 5) { // the file that the reader has open is used again
                    log.append(ByteBuffer.allocate(700_000));
                }
                assertTrimmed(reader);
                assertTrue(atEnd.next());
                while (log.stats().newSegments() < 7) {
                    log.append(ByteBuffer.allocate(700_000));
                }
                log.trim(log.end());
                assertTrue(reads.end() < log.start());
                try (LogReader behind = reads.reader(reads.end())) {
                    assertTrimmed(behind);
                }
            }
        }
    }

    private static void assertTrimmed(final LogReader reader) {
        final IOException e = assertThrows(IOException.class, reader::next);
        assertTrue(e.getMessage().contains("was trimmed"), e.toString());
    }

    @Test
    void whoOnlyReadsDoesNotSeeABatchInPart() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            log.append(ByteBuffer.allocate(50_000));
            try (DurableLog reads = DurableLog.openReadOnly(disk);
                    LogReader reader = reads.reader(reads.end())) {
                disk.failBehindWrites = 1; // that to the end of segment 1
                final List<ByteBuffer> batch = List.of(LogOnDisk.bytes("first"), ByteBuffer.allocate(20_000));
                assertThrows(IOException.class, () -> log.appendBatch(batch));
                assertFalse(reader.next());
                disk.failBehindWrites = Integer.MAX_VALUE;
                log.appendBatch(batch);
                assertTrue(reader.next());
                assertEquals("first", LogOnDisk.textOf(reader.record()));
                assertTrue(reader.next());
            }
        }
    }

    @Test
    @Timeout(60)
    void aReaderThatSleepsAtTheEndHearsThatItsPlaceWasCutOff() throws Exception {
        try (DurableLog log = DurableLog.open(new SimulatedDisk(1), OPTIONS, Runnable::run, () -> {})) {
            final long first = log.append(LogOnDisk.bytes("first"));
            log.append(LogOnDisk.bytes("withdrawn, and longer"));
            final CompletableFuture<Boolean> found = new CompletableFuture<>();
            final Thread tail = new Thread(() -> {
                try (LogReader reader = log.reader(log.end())) {
                    found.complete(reader.awaitNext());
                } catch (final IOException | InterruptedException e) {
                    found.completeExceptionally(e);
                }
            });
            tail.setDaemon(true);
            tail.start();
            while (tail.getState() != Thread.State.TIMED_WAITING && tail.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            log.truncateAfter(first);
            log.append(LogOnDisk.bytes("shorter"));
            final ExecutionException e = assertThrows(ExecutionException.class, () -> found.get(10, TimeUnit.SECONDS));
            assertTrue(e.getCause().getMessage().contains("was cut off"), e.toString());
        }
    }

    @Test
    void aReaderGoesToAnyRecordAlsoBehindACut() throws IOException {
        try (DurableLog log = DurableLog.open(new SimulatedDisk(1), OPTIONS, Runnable::run, () -> {})) {
            final List<Long> lsns = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                lsns.add(log.append(ByteBuffer.allocate(7_000).putInt(0, i)));
            }
            try (LogReader reader = log.reader(log.end())) {
                for (final int number : new int[] {39, 0, 1, 20, 19, 39, 5}) {
                    reader.seek(lsns.get(number));
                    assertTrue(reader.next());
                    assertEquals(number, reader.record().getInt(reader.record().position()));
                }
                assertThrows(IOException.class, () -> reader.seek(lsns.get(7) + 8));
                assertThrows(IllegalArgumentException.class, () -> reader.seek(log.end() + 8));
                assertTrue(reader.next());
                assertEquals(lsns.get(6), reader.lsn());
                log.truncateAfter(lsns.get(2));
                assertEquals(lsns.get(3), log.append(LogOnDisk.bytes("fourth")));
                reader.seek(lsns.get(3)); // its place is gone, and it goes to another
                assertTrue(reader.next());
                assertEquals("fourth", LogOnDisk.textOf(reader.record()));
            }
        }
    }
}
