// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What happens between two steps of an append. */
@Timeout(60)
class InterleavedTest {
    private static final LogOptions OPTIONS =
            LogOptions.builder().segmentBytes(LogOptions.LEAST_SEGMENT_BYTES).build();

    private static DurableLog open(final SimulatedDisk disk) throws IOException {
        return DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
    }

    /** What a test puts between two steps. */
    private interface Task {
        void run() throws IOException;
    }

    /* Once, at the first such step. */
    private static void at(final DurableLog log, final Appends.Step step, final Task task) {
        log.appends().between(now -> {
            if (now == step) {
                log.appends().between(null);
                try {
                    task.run();
                } catch (final IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        });
    }

    @Test
    void anAppendGoesToTheNewSegmentIfTheOldOneIsLeftWithTheSameOffset() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final int whole = (int) OPTIONS.segmentBytes() - Format.HEADER_BYTES - 2 * Format.FRAME_HEADER_BYTES;
        try (DurableLog log = open(disk)) {
            log.append(LogOnDisk.bytes("first"));
            final long[] large = new long[1];
            at(log, Appends.Step.RESERVE, () -> large[0] = log.append(ByteBuffer.allocate(whole)));
            final long last = log.append(LogOnDisk.bytes("last"));
            assertEquals(1, log.stats().newSegments());
            assertTrue(last > large[0], "LSN " + last + " behind " + large[0]);
            final List<Integer> lengths = new ArrayList<>();
            try (LogReader reader = log.reader(log.start())) {
                while (reader.next()) {
                    lengths.add(reader.record().remaining());
                }
            }
            assertEquals(List.of(5, whole, 4), lengths);
        }
    }

    @Test
    void aThreadThatTellsOfAFailureDoesNotTellItOfLaterAppends() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = open(disk)) {
            disk.failuresPerThousand = 1000;
            final CompletableFuture<Long> lost = log.appendAsync(LogOnDisk.bytes("lost"));
            final CompletableFuture<Long> lostToo = log.appendAsync(LogOnDisk.bytes("lost too"));
            final List<CompletableFuture<Long>> told = new ArrayList<>();
            at(
                    log,
                    Appends.Step.TAKEN_BACK,
                    () -> { // by another thread: the log is repaired, and goes on
                        disk.failuresPerThousand = 0;
                        told.add(log.whenDurable(log.appendLater(LogOnDisk.bytes("later"))));
                    });
            disk.endAll();
            assertTrue(lost.isCompletedExceptionally() && lostToo.isCompletedExceptionally());
            told.get(0).join();
            assertEquals(List.of("later"), LogOnDisk.read(log));
        }
    }

    @Test
    void appendsThatComeDuringAWriteLeaveByOneWrite() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = open(disk)) {
            final int before = disk.steps();
            final List<String> appended = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                appended.add("record " + i);
                log.appendLater(LogOnDisk.bytes("record " + i));
            }
            disk.endAll();
            assertEquals(2 * 2, disk.steps() - before, "steps of two writes, which begin and end");
            assertEquals(appended, LogOnDisk.read(log));
        }
    }

    @Test
    void moreShortAppendsThanMayBeUnderWayWaitForAWrite() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final LogOptions large = LogOptions.builder().segmentBytes(1 << 20).build();
        try (DurableLog log = DurableLog.open(disk, large, Runnable::run, () -> {})) {
            for (int i = 0; i < 20_000; i++) {
                log.appendLater(LogOnDisk.bytes("short"));
            }
            disk.endAll();
            assertEquals(20_000, LogOnDisk.read(log).size());
        }
    }

    @Test
    void appendsOfAnyLengthThatWaitForAWriteAreTheRecordsThatAreRead() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final LogOptions large = LogOptions.builder().segmentBytes(8 << 20).build();
        final Random random = new Random(1);
        final List<ByteBuffer> appended = new ArrayList<>();
        final List<ByteBuffer> read = new ArrayList<>();
        try (DurableLog log = DurableLog.open(disk, large, Runnable::run, () -> {})) {
            for (int i = 0; i < 200; i++) { // 7 MiB: more than what is kept in memory until it is written
                final byte[] record = new byte[1 + random.nextInt(i % 10 == 0 ? 100_000 : 70_000)];
                random.nextBytes(record);
                appended.add(ByteBuffer.wrap(record));
                if (i % 100 == 99) {
                    log.append(ByteBuffer.wrap(record));
                } else {
                    log.appendLater(ByteBuffer.wrap(record));
                }
            }
            disk.endAll();
            try (LogReader reader = log.reader(log.start())) {
                while (reader.next()) {
                    final byte[] copy = new byte[reader.record().remaining()];
                    reader.record().get(copy);
                    read.add(ByteBuffer.wrap(copy));
                }
            }
        }
        assertEquals(appended, read);
    }

    @Test
    void aThreadThatWaitsLeadsTheWriteOfThoseThatCameMeanwhile() throws Exception {
        final SimulatedDisk disk = new SimulatedDisk(1);
        disk.endsWithinWrites = false;
        disk.driver = Thread.currentThread();
        try (DurableLog log = open(disk)) {
            log.appendLater(LogOnDisk.bytes("first"));
            final Thread second = waiting(() -> log.append(LogOnDisk.bytes("second")));
            final CompletableFuture<Long> third = log.appendAsync(LogOnDisk.bytes("third"));
            disk.progress(); // ends the first; nothing else ends by this thread
            second.join();
            assertTrue(third.join() < log.durable());
            assertEquals(List.of("first", "second", "third"), LogOnDisk.read(log));
        }
    }

    @Test
    void aReaderShowsDurableRecordsAlone() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = open(disk);
                LogReader reader = log.reader(log.start())) {
            log.appendLater(LogOnDisk.bytes("8 bytes."));
            assertFalse(reader.next()); // its bytes are in the file
            disk.endAll();
            assertTrue(reader.next());
            assertEquals("8 bytes.", LogOnDisk.textOf(reader.record()));
        }
    }

    /* Sleeps until it is told. */
    private static Thread waiting(final Task task) {
        final Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        while (thread.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        return thread;
    }

    /* As a dependent that blocks: a thread that waits for the dependent would not end. */
    private static void join(final Thread thread, final AtomicBoolean ended) {
        try {
            thread.join(2_000);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        ended.set(!thread.isAlive());
    }

    @Test
    void noThreadThatAppendsWaitsForADependentThatBlocks() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        disk.endsWithinWrites = false;
        disk.driver = Thread.currentThread();
        final AtomicBoolean ended = new AtomicBoolean();
        try (DurableLog log = open(disk)) {
            final CompletableFuture<Long> first = log.appendAsync(LogOnDisk.bytes("first"));
            final Thread second = waiting(() -> log.append(LogOnDisk.bytes("second")));
            final CompletableFuture<Void> dependent = first.thenRun(() -> join(second, ended));
            disk.endAll(); // takes both back
            dependent.join();
            assertTrue(ended.get(), "the second append ended behind the dependent");
        }
    }

    @Test
    void noThreadThatWaitsForTheWatermarkWaitsForADependentThatBlocks() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        disk.driver = Thread.currentThread();
        final AtomicBoolean ended = new AtomicBoolean();
        try (DurableLog log = open(disk)) {
            final long first = log.appendLater(LogOnDisk.bytes("first"));
            final CompletableFuture<Long> told = log.whenDurable(first);
            final Thread waiter = waiting(() -> log.awaitDurable(first));
            final CompletableFuture<Void> dependent = told.thenRun(() -> join(waiter, ended));
            disk.endAll();
            dependent.join();
            assertTrue(ended.get(), "the wait ended behind the dependent");
        }
    }

    @Test
    void aTicketThatComesBackWhileOthersAreTakenBackIsTakenBeforeADependentRuns() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        disk.endsWithinWrites = false;
        disk.driver = Thread.currentThread();
        final AtomicBoolean ended = new AtomicBoolean();
        final Thread[] second = new Thread[1];
        try (DurableLog log = open(disk)) {
            final CompletableFuture<Void> dependent =
                    log.appendAsync(LogOnDisk.bytes("first")).thenRun(() -> join(second[0], ended));
            at(log, Appends.Step.TAKEN_BACK, () -> second[0] = waiting(() -> log.append(LogOnDisk.bytes("second"))));
            disk.endAll();
            dependent.join();
            assertTrue(ended.get(), "the second append ended behind the dependent");
        }
    }

    @Test
    void whatIsAppendedWhileAWriteEndsIsWritten() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        disk.endsWithinWrites = false;
        disk.driver = Thread.currentThread();
        final AtomicBoolean ended = new AtomicBoolean();
        final Thread[] second = new Thread[1];
        final List<CompletableFuture<Long>> third = new ArrayList<>();
        try (DurableLog log = open(disk)) {
            at(log, Appends.Step.TAKEN_BACK, () -> second[0] = waiting(() -> log.append(LogOnDisk.bytes("second"))));
            log.append(LogOnDisk.bytes("first"));
            join(second[0], ended);
            assertTrue(ended.get(), "nobody wrote what a thread waits for");
            at(log, Appends.Step.TAKEN_BACK, () -> third.add(log.appendAsync(LogOnDisk.bytes("third"))));
            log.append(LogOnDisk.bytes("second"));
            disk.endAll();
            assertTrue(third.get(0).isDone(), "nobody wrote what no thread waits for");
        }
    }

    @Test
    void whoWaitsForARecordThatWasDurableBeforeItWasCutOffIsTold() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = open(disk)) {
            final long first = log.append(LogOnDisk.bytes("first"));
            final long second = log.appendLater(LogOnDisk.bytes("second"));
            final CompletableFuture<Long> told = log.whenDurable(second);
            at(log, Appends.Step.TAKEN_BACK, () -> log.truncateAfter(first));
            disk.endAll();
            assertTrue(told.isDone(), "nobody told of the record");
            assertTrue(told.join() > second);
            assertEquals(List.of("first"), LogOnDisk.read(log));
        }
    }

    @Test
    void whoWaitsForARecordThatNeverCameBeforeACutIsToldOfTheCut() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = open(disk)) {
            final long first = log.append(LogOnDisk.bytes("first"));
            log.append(LogOnDisk.bytes("second"));
            final CompletableFuture<Long> told = log.whenDurable(log.end());
            final AtomicReference<String> message = new AtomicReference<>();
            final Thread waiter =
                    waiting(() -> message.set(assertThrows(IOException.class, () -> log.awaitDurable(log.end()))
                            .getMessage()));
            log.truncateAfter(first);
            assertTrue(told.isCompletedExceptionally(), "the future waits on");
            join(waiter, new AtomicBoolean());
            assertNotNull(message.get(), "the thread waits on");
            assertTrue(message.get().contains("cut off"), message.get());
        }
    }

    @Test
    void aLogThatIsClosedHasNoSegmentUnderWay() throws Exception {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final Deque<Thread> helpers = new ConcurrentLinkedDeque<>();
        final AtomicBoolean late = new AtomicBoolean();
        final AtomicBoolean recycled = new AtomicBoolean();
        final DurableLog log = DurableLog.open(
                disk,
                OPTIONS,
                task -> {
                    if (late.get()) {
                        final Thread before = helpers.peekLast();
                        helpers.add(new Thread(() -> {
                            join(before);
                            task.run();
                        }));
                        helpers.getLast().start();
                    } else {
                        task.run();
                    }
                },
                () -> {});
        for (int i = 0; i < 3; i++) {
            log.append(ByteBuffer.allocate(50_000));
        }
        final Thread closing = new Thread(() -> {
            try {
                log.close();
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        late.set(true);
        disk.beforeRename = () -> {
            closing.start();
            while (closing.getState() != Thread.State.WAITING && closing.isAlive()) {
                Thread.onSpinWait();
            }
            disk.beforeRename = () -> {};
            recycled.set(closing.isAlive());
        };
        log.trim(log.end());
        join(helpers.getFirst());
        closing.join();
        assertTrue(recycled.get(), "the log was closed while a segment lost its name");
    }

    private static void join(final @Nullable Thread thread) {
        try {
            if (thread != null) {
                thread.join();
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
