// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.ConcurrentModificationException;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Disks that refuse writes, disks that are full, appends within appends, and helpers that are late. */
class FailingDiskTest {
    private static final LogOptions OPTIONS =
            LogOptions.builder().segmentBytes(LogOptions.LEAST_SEGMENT_BYTES).build();

    private static ByteBuffer bytes(final String text) {
        return LogOnDisk.bytes(text);
    }

    @Test
    void appendsThatFailStayFailedAndLaterOnesGoOnBehindThem() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            log.append(bytes("before"));
            disk.failuresPerThousand = 1000;
            final long lost = log.appendLater(bytes("lost"));
            final CompletableFuture<Long> behind = log.appendAsync(bytes("lost too"));
            final CompletableFuture<Long> told = log.whenDurable(lost);
            disk.endAll();
            assertTrue(behind.isCompletedExceptionally() && told.isCompletedExceptionally());
            assertThrows(IOException.class, () -> log.append(bytes("cannot be repaired")));
            assertTrue(log.toString().contains("failed"), log.toString());
            disk.failuresPerThousand = 0;
            final long after = log.append(bytes("after"));
            assertTrue(after > lost, "the LSN of a failed record was given to another");
            final IOException e = assertThrows(IOException.class, () -> log.awaitDurable(lost));
            assertTrue(e.getMessage().contains("EIO"), e.getMessage());
            assertEquals(1, log.stats().repairs());
            assertEquals(List.of("before", "after"), LogOnDisk.read(log));
        }
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            assertEquals(List.of("before", "after"), LogOnDisk.read(log));
        }
    }

    @Test
    void anAppendThatWaitsIsToldOfTheFailure() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            disk.failuresPerThousand = 1000;
            final IOException e = assertThrows(IOException.class, () -> log.append(bytes("lost")));
            assertTrue(e.getMessage().contains("EIO"), e.getMessage());
            disk.failuresPerThousand = 0;
            log.append(bytes("after"));
            assertEquals(List.of("after"), LogOnDisk.read(log));
        }
    }

    @Test
    void aFullDiskKeepsWhatWasAcknowledgedAndAppendsGoOnWhenThereIsRoom() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            disk.room = 4 * OPTIONS.segmentBytes();
            int count = 0;
            final IOException e;
            while (true) {
                try {
                    log.append(ByteBuffer.allocate(9_000));
                    count++;
                } catch (final IOException full) {
                    e = full;
                    break;
                }
            }
            assertTrue(e.getMessage().contains("ENOSPC"), e.getMessage());
            assertTrue(count >= 3 * 6, count + " records");
            log.append(bytes("small")); // there is room in the segment
            assertThrows(IOException.class, () -> log.append(ByteBuffer.allocate(30_000)));
            assertEquals(count + 1, LogOnDisk.read(log).size());
            disk.room = Long.MAX_VALUE;
            log.append(ByteBuffer.allocate(30_000));
            assertEquals(count + 2, LogOnDisk.read(log).size());
        }
    }

    @Test
    void anAppendInADependentOfAFutureDoesNotDisturbTheAppendOfItsThread() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(3);
        disk.endsWithinWrites = false; // the engine tells nobody there
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final List<Long> inner = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                log.appendAsync(bytes("future")).thenAccept(lsn -> inner.add(append(log)));
                final long outer = log.append(bytes("outer"));
                assertTrue(log.durable() > outer, "an append returned that was not durable");
            }
            disk.endAll();
            assertEquals(50, inner.size());
            assertEquals(150, LogOnDisk.read(log).size());
        }
    }

    @Test
    @Timeout(60)
    void theHelperThatTrimsByRetentionDoesNotWaitForACutThatWaitsForTheHelper() throws Exception {
        final LogOptions options = LogOptions.builder()
                .segmentBytes(LogOptions.LEAST_SEGMENT_BYTES)
                .retentionBytes(LogOptions.LEAST_SEGMENT_BYTES)
                .build();
        final Deque<Runnable> tasks = new ConcurrentLinkedDeque<>();
        final AtomicBoolean late = new AtomicBoolean();
        final SimulatedDisk disk = new SimulatedDisk(1);
        final DurableLog log = DurableLog.open(
                disk,
                options,
                task -> {
                    if (late.get()) {
                        tasks.add(task);
                    } else {
                        task.run();
                    }
                },
                () -> {});
        final long first = log.append(bytes("first"));
        log.append(ByteBuffer.allocate(50_000));
        late.set(true);
        log.append(ByteBuffer.allocate(50_000)); // in segment 2
        tasks.removeFirst(); // closes segment 1
        tasks.removeFirst().run(); // prepares segment 3
        final Runnable retention = tasks.removeFirst();
        final long kept = log.append(ByteBuffer.allocate(50_000)); // in segment 3
        tasks.removeFirst();
        final Runnable prepare = tasks.removeFirst();
        tasks.clear();
        final Thread cut = new Thread(() -> {
            try {
                log.truncateAfter(kept);
            } catch (final IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        cut.setDaemon(true);
        cut.start();
        while (cut.getState() != Thread.State.WAITING) { // for segment 4
            Thread.onSpinWait();
        }
        final Thread helper = new Thread(() -> {
            retention.run();
            prepare.run();
        });
        helper.setDaemon(true);
        helper.start();
        helper.join(10_000);
        cut.join(10_000);
        assertFalse(helper.isAlive() || cut.isAlive(), "the helper and the cut wait for each other");
        late.set(false);
        tasks.forEach(Runnable::run);
        assertEquals(first, log.start());
        log.append(ByteBuffer.allocate(50_000));
        assertTrue(log.start() > first, "the next segment did not trim");
        log.close();
    }

    @Test
    @Timeout(60)
    void aBufferThatChangesDuringAnAppendDoesNotChangeTheLengthOfTheRecord() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(3);
        disk.endsWithinWrites = false;
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final ByteBuffer record = ByteBuffer.allocate(70_000);
            // The append waits for this one before it begins the next segment.
            log.appendAsync(bytes("before")).thenRun(() -> record.limit(4));
            log.append(record);
            log.append(bytes("after"));
            final List<Integer> lengths = new ArrayList<>();
            try (LogReader reader = log.reader(log.start())) {
                while (reader.next()) {
                    lengths.add(reader.record().remaining());
                }
            }
            assertEquals(List.of(6, 70_000, 5), lengths);
        }
    }

    @Test
    void framesAreOfWhatWasTakenAlsoIfABufferChangesMeanwhile() {
        final ByteBuffer record = bytes("a record");
        final ByteBuffer[] parts = {record};
        final Encoder encoder = Encoder.ofThread();
        final long framed = encoder.take(parts, false);
        final ByteBuffer expected = ByteBuffer.allocate((int) framed)
                .put(encoder.encode(parts, false, framed, 1, 0))
                .flip();
        record.position(3);
        assertEquals(expected, encoder.encode(parts, false, framed, 1, 0));
        record.limit(5);
        assertThrows(ConcurrentModificationException.class, () -> encoder.encode(parts, false, framed, 1, 0));
        assertThrows(ConcurrentModificationException.class, () -> encoder.views(parts));
        encoder.release();
    }

    @Test
    @Timeout(60)
    void anErrorDuringACutClosesTheLogAlsoForTrims() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final long first = log.append(bytes("first"));
            final long second = log.append(bytes("second"));
            disk.error = new OutOfMemoryError("of a test");
            assertThrows(OutOfMemoryError.class, () -> log.truncateAfter(first));
            assertThrows(ClosedChannelException.class, () -> log.append(bytes("third")));
            assertThrows(ClosedChannelException.class, () -> log.trim(second));
            assertEquals(first, log.start());
        }
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            assertEquals(List.of("first", "second"), LogOnDisk.read(log));
        }
    }

    @Test
    @Timeout(60)
    void anErrorOfTheHelperDoesNotStopTheLog() throws IOException {
        final AtomicBoolean refuses = new AtomicBoolean();
        final SimulatedDisk disk = new SimulatedDisk(1);
        final Executor helper = task -> {
            if (refuses.get()) {
                throw new OutOfMemoryError("no thread, in a test");
            }
            task.run();
        };
        try (DurableLog log = DurableLog.open(disk, OPTIONS, helper, () -> {})) {
            log.append(ByteBuffer.allocate(50_000));
            refuses.set(true);
            final long second = log.append(ByteBuffer.allocate(50_000)); // in the segment that is ready
            assertTrue(log.durable() > second);
            assertThrows(OutOfMemoryError.class, () -> log.append(ByteBuffer.allocate(50_000)));
            log.append(bytes("small"));
            refuses.set(false);
            log.append(ByteBuffer.allocate(50_000));
            assertEquals(4, LogOnDisk.read(log).size());
        }
    }

    @Test
    void anErrorWithinAnErrorOfTheHelperDoesNotStopTheLog() throws IOException {
        final AtomicBoolean fails = new AtomicBoolean();
        final SimulatedDisk disk = new SimulatedDisk(1);
        final Executor helper = task -> {
            if (fails.getAndSet(false)) {
                disk.error = new OutOfMemoryError("of a test");
                disk.errorOfDelete = new OutOfMemoryError("of a test, too");
            }
            try {
                task.run();
            } catch (final OutOfMemoryError e) {
                // as a thread of an executor ends
            }
        };
        final DurableLog log = DurableLog.open(disk, OPTIONS, helper, () -> {});
        log.append(ByteBuffer.allocate(50_000));
        fails.set(true);
        log.append(ByteBuffer.allocate(50_000)); // in segment 2, and 3 is not made
        assertNull(disk.errorOfDelete, "nothing failed");
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
            log.append(ByteBuffer.allocate(50_000));
            log.close();
        });
    }

    @Test
    @Timeout(60)
    void aHeapThatIsFullWhileAFailureIsToldDoesNotStopTheLog() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            disk.failuresPerThousand = 1000;
            disk.failure = () -> new IOException() {
                @Override
                public String getMessage() {
                    throw new OutOfMemoryError("of a test");
                }
            };
            final CompletableFuture<Long> lost = log.appendAsync(bytes("lost"));
            disk.endAll();
            assertTrue(lost.isCompletedExceptionally());
            disk.failuresPerThousand = 0;
            log.append(bytes("after"));
            assertEquals(0, log.stats().appendsUnderWay());
            assertEquals(List.of("after"), LogOnDisk.read(log));
        }
    }

    @Test
    void noneOfManyFailedAppendsIsEverToldToBeDurable() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final List<Long> lost = new ArrayList<>();
        final List<Long> kept = new ArrayList<>();
        final LogOptions large = LogOptions.builder().segmentBytes(1 << 20).build();
        try (DurableLog log = DurableLog.open(disk, large, Runnable::run, () -> {})) {
            for (int i = 0; i < 1100; i++) {
                disk.failuresPerThousand = 1000;
                lost.add(log.appendLater(bytes("lost")));
                lost.add(log.appendLater(bytes("lost too")));
                disk.endAll();
                disk.failuresPerThousand = 0;
                kept.add(log.append(bytes("kept")));
            }
            for (final long lsn : lost) {
                assertThrows(IOException.class, () -> log.awaitDurable(lsn));
            }
            for (final long lsn : kept) {
                log.awaitDurable(lsn);
            }
        }
    }

    @Test
    void aCutBehindARecordThatFailedIsRefused() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            log.append(bytes("before"));
            disk.failuresPerThousand = 1000;
            final long lost = log.appendLater(bytes("lost"));
            final long lostToo = log.appendLater(bytes("lost too"));
            disk.endAll();
            assertThrows(IllegalArgumentException.class, () -> log.truncateAfter(lost));
            disk.failuresPerThousand = 0;
            log.append(bytes("after"));
            final long last = log.append(bytes("last"));
            assertThrows(IOException.class, () -> log.truncateAfter(lost));
            assertThrows(IOException.class, () -> log.truncateAfter(lostToo));
            assertEquals(List.of("before", "after", "last"), LogOnDisk.read(log));
            log.truncateAfter(last);
        }
    }

    @Test
    void aTrimThatFailsGivesNothingUp() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            for (int i = 0; i < 3; i++) {
                log.append(ByteBuffer.allocate(50_000));
            }
            disk.failBehindWrites = 0;
            assertThrows(IOException.class, () -> log.trim(log.end()));
            disk.failBehindWrites = Integer.MAX_VALUE;
            assertEquals(3, LogOnDisk.read(log).size());
        }
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            assertEquals(3, LogOnDisk.read(log).size());
        }
    }

    @Test
    void aReaderThatRanOutOfMemoryWithinARecordReadsTheRecordAgain() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final long lsn = log.append(ByteBuffer.allocate(100_000)); // over two segments
            try (LogReader reader = log.reader(log.start())) {
                disk.afterRead = () -> {
                    throw new OutOfMemoryError("of a test");
                };
                assertThrows(OutOfMemoryError.class, reader::next);
                assertTrue(reader.next());
                assertEquals(lsn, reader.lsn());
                assertEquals(100_000, reader.record().remaining());
            }
        }
    }

    @Test
    void anOpeningThatFindsNoRoomForTheControlFileLeavesNoFileOpen() {
        final SimulatedDisk disk = new SimulatedDisk(1);
        disk.room = OPTIONS.segmentBytes();
        final IOException e = assertThrows(IOException.class, () -> open(disk));
        assertTrue(e.getMessage().contains("ENOSPC"), e.getMessage());
        assertEquals(0, disk.openFiles());
    }

    @Test
    void anOpeningThatFailsAtAnyFileLeavesNoFileOpen() throws IOException {
        int failed = 0;
        for (int count = 0; ; count++) {
            final SimulatedDisk disk = new SimulatedDisk(1);
            open(disk)
                    .append(ByteBuffer.allocate(
                            100_000)); // ends without a close, with a segment behind the last record
            final int before = disk.openFiles();
            disk.failBehindOpens = count;
            try {
                open(disk).close();
                break;
            } catch (final IOException e) {
                failed++;
            }
            assertEquals(before, disk.openFiles(), "files are open when opening " + count + " failed");
        }
        assertTrue(failed >= 5, failed + " openings failed");
    }

    @Test
    void anOpeningWithoutAHelperLeavesNoFileOpen() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        open(disk).close();
        disk.delete(Segments.nameOf(2)); // so that the opening needs the helper
        final Executor helper = task -> {
            throw new OutOfMemoryError("no thread, in a test");
        };
        assertThrows(OutOfMemoryError.class, () -> DurableLog.open(disk, OPTIONS, helper, () -> {}));
        assertEquals(0, disk.openFiles());
    }

    @Test
    void aCloseThatFailsAtAnyFileLeavesNoFileOpen() throws IOException {
        for (int count = 0; ; count++) {
            final SimulatedDisk disk = new SimulatedDisk(1);
            final DurableLog log = open(disk);
            log.append(bytes("kept"));
            disk.failBehindCloses = count;
            try {
                log.close();
                assertTrue(count > 2, count + " files were closed");
                break;
            } catch (final IOException e) {
                assertEquals(0, disk.openFiles(), "files are open when close " + count + " failed");
            }
            disk.failBehindCloses = Integer.MAX_VALUE;
            try (DurableLog again = open(disk)) {
                assertEquals(List.of("kept"), LogOnDisk.read(again));
            }
        }
    }

    @Test
    void aCloseBehindAnAppendThatFailedInItsNextSegmentsLeavesNoFileOpen() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final DurableLog log = open(disk);
        log.append(ByteBuffer.allocate(50_000));
        disk.failBehindWrites = 1; // that to the end of segment 1
        assertThrows(IOException.class, () -> log.append(ByteBuffer.allocate(50_000)));
        disk.failBehindWrites = Integer.MAX_VALUE;
        log.close();
        assertEquals(0, disk.openFiles());
    }

    @Test
    void aFailureIsForgottenWithTheRecordsThatACutTakesBack() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final long kept = log.append(bytes("kept"));
            disk.failuresPerThousand = 1000;
            final long lost = log.appendLater(bytes("lost"));
            disk.endAll();
            disk.failuresPerThousand = 0;
            log.append(bytes("cut off"));
            assertThrows(IOException.class, () -> log.awaitDurable(lost));
            log.truncateAfter(kept);
            assertEquals(lost, log.append(bytes("again")));
            log.awaitDurable(lost);
            assertEquals(List.of("kept", "again"), LogOnDisk.read(log));
        }
    }

    @Test
    void aSegmentWhoseNamingFailedLeavesNoGapBehindACut() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final long first;
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            first = log.append(ByteBuffer.allocate(50_000));
            log.append(ByteBuffer.allocate(50_000));
            log.append(ByteBuffer.allocate(50_000)); // in segment 3, and 4 is ready
            disk.killsRename = true;
            log.append(ByteBuffer.allocate(50_000)); // segment 5 has its name, not durably
            log.truncateAfter(first);
        }
        requireRecordsWhateverAPowerCutLeaves(disk, List.of(50_000));
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            assertEquals(List.of(50_000), lengths(log));
        }
    }

    @Test
    void aSegmentWhoseNamingFailedIsMadeAgain() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            log.append(ByteBuffer.allocate(50_000));
            disk.killsRename = true;
            log.append(ByteBuffer.allocate(50_001)); // in segment 2, and 3 has its name, not durably
            log.append(ByteBuffer.allocate(50_002));
            requireRecordsWhateverAPowerCutLeaves(disk, List.of(50_000, 50_001, 50_002));
        }
    }

    @Test
    void anAppendGoesOnBehindASegmentThatLostItsNameByAChangeThatFailed() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            log.append(ByteBuffer.allocate(50_000));
            disk.failBehindWrites = 1; // that to the end of segment 1
            assertThrows(IOException.class, () -> log.append(ByteBuffer.allocate(50_001)));
            disk.failBehindWrites = Integer.MAX_VALUE;
            disk.killsRename = true; // segment 2 has lost its name, not durably
            assertThrows(AssertionError.class, () -> log.append(ByteBuffer.allocate(50_002)));
            log.append(ByteBuffer.allocate(50_003));
            requireRecordsWhateverAPowerCutLeaves(disk, List.of(50_000, 50_003));
        }
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            assertEquals(List.of(50_000, 50_003), lengths(log));
        }
    }

    private static void requireRecordsWhateverAPowerCutLeaves(final SimulatedDisk disk, final List<Integer> lengths)
            throws IOException {
        for (int seed = 0; seed < 16; seed++) {
            final SimulatedDisk left = new SimulatedDisk(1, disk.after(disk.steps(), new Random(seed)));
            try (DurableLog log = DurableLog.open(left, OPTIONS, Runnable::run, () -> {})) {
                assertEquals(lengths, lengths(log), "seed " + seed);
            }
        }
    }

    private static List<Integer> lengths(final DurableLog log) throws IOException {
        final List<Integer> lengths = new ArrayList<>();
        try (LogReader reader = log.reader(log.start())) {
            while (reader.next()) {
                lengths.add(reader.record().remaining());
            }
        }
        return lengths;
    }

    private static DurableLog open(final SimulatedDisk disk) throws IOException {
        return DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
    }

    private static long append(final DurableLog log) {
        try {
            return log.append(bytes("inner"));
        } catch (final IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
