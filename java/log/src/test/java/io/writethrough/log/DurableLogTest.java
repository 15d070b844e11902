// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import io.writethrough.Backend;
import io.writethrough.WriteThroughEngine;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class DurableLogTest extends LogOnDisk {
    private static final int GIBIBYTE = 1 << 30;
    private static final LogOptions KEEPS_THREE_SEGMENTS = LogOptions.builder()
            .segmentBytes(LogOptions.LEAST_SEGMENT_BYTES)
            .retentionBytes(3 * LogOptions.LEAST_SEGMENT_BYTES)
            .build();

    @Test
    void eachWayToAppendIsReadAgainByTheNextOpening() throws IOException {
        final List<Long> lsns = new ArrayList<>();
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            assertTrue(log.recovery().created());
            final ByteBuffer source = bytes("one");
            lsns.add(log.append(source));
            assertEquals(source.limit(), source.position());
            lsns.add(log.append(bytes("t"), ByteBuffer.allocate(0), bytes("wo")));
            final CompletableFuture<Long> third = log.appendAsync(bytes("three"));
            final long fourth = log.appendLater(bytes("four"));
            lsns.add(third.join());
            log.awaitDurable(fourth);
            lsns.add(fourth);
            assertTrue(log.durable() > fourth);
            lsns.add(log.appendBatch(List.of(bytes("five"), bytes("six"))));
            log.appendBatchAsync(List.of(bytes("seven"), bytes("eight"))).join();
            final long ninth = log.appendBatchLater(List.of(bytes("nine"), bytes("ten")));
            assertTrue(log.whenDurable(ninth).join() > ninth);
            assertEquals(
                    List.of("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), read(log));
        }
        try (DurableLog log = DurableLog.open(path);
                LogReader reader = log.reader(log.start())) {
            assertEquals(LogOptions.LEAST_SEGMENT_BYTES, log.segmentBytes());
            assertEquals(0, log.recovery().tornBytes());
            assertFalse(log.recovery().created());
            for (final long lsn : lsns) {
                assertTrue(reader.next());
                assertEquals(lsn, reader.lsn());
                assertTrue(reader.record().isReadOnly());
            }
            assertEquals(List.of("two", "three"), read(log, lsns.get(1)).subList(0, 2));
            assertEquals(List.of(), read(log, log.end()));
        }
    }

    @Test
    void recordsOfAnyLengthGoOverTheEndsOfSegments() throws IOException {
        final Random random = new Random(1);
        final List<byte[]> records = new ArrayList<>();
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            for (final int length : new int[] {1, 7, 8, 9, 70_000, 40_000, 61_424, 61_416, 61_440, 1_000_000, 3}) {
                final byte[] record = new byte[length];
                random.nextBytes(record);
                records.add(record);
                final ByteBuffer direct =
                        ByteBuffer.allocateDirect(length).put(record).flip();
                switch (records.size() % 3) {
                    case 0 -> log.append(direct.slice(0, length / 2), direct.slice(length / 2, length - length / 2));
                    case 1 -> log.append(ByteBuffer.wrap(record).asReadOnlyBuffer());
                    default -> log.awaitDurable(log.appendLater(direct));
                }
            }
            check(records, log);
        }
        try (DurableLog log = DurableLog.open(path)) {
            check(records, log);
        }
    }

    private static void check(final List<byte[]> records, final DurableLog log) throws IOException {
        try (LogReader reader = log.reader(log.start())) {
            for (final byte[] record : records) {
                assertTrue(reader.next());
                final byte[] read = new byte[reader.record().remaining()];
                reader.record().get(read);
                assertArrayEquals(record, read);
            }
            assertFalse(reader.next());
        }
    }

    @Test
    void aLogOpensWhereASegmentBeforeItsStartIsThereAndTheNextIsGone() throws IOException {
        final Path first = path.resolve(Segments.nameOf(1));
        final Path kept = directory.resolve("kept");
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            for (int i = 0; i < 40; i++) {
                log.append(bytes(i + " " + "y".repeat(5000)));
            }
            Files.copy(first, kept);
            log.trim(log.append(bytes("last")));
        }
        DurableLog.open(path).close(); // gives up what the helper has not
        assertFalse(Files.exists(path.resolve(Segments.nameOf(2))));
        Files.copy(kept, first);
        try (DurableLog log = DurableLog.open(path)) {
            assertEquals(List.of("last"), read(log));
            assertFalse(Files.exists(first));
            log.append(bytes("more"));
        }
        try (DurableLog log = DurableLog.open(path)) {
            assertEquals(List.of("last", "more"), read(log));
        }
    }

    @Test
    void aThreadThatIsInterruptedReadsAndCutsAndStaysInterrupted() throws IOException {
        final List<byte[]> records = new ArrayList<>();
        final byte[] record = new byte[20_000];
        for (int i = 0; i < 10; i++) {
            records.add(record);
        }
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            final List<Long> lsns = new ArrayList<>();
            Thread.currentThread().interrupt();
            for (int i = 0; i < records.size(); i++) {
                lsns.add(log.append(ByteBuffer.wrap(record)));
            }
            check(records, log); // full segments, and the last
            log.truncateAfter(lsns.get(1));
            check(records.subList(0, 2), log);
            assertTrue(Thread.interrupted());
        }
    }

    @Test
    void manyThreadsAppendAndEachRecordIsOnceAtItsPlace() throws Exception {
        final int threads = 12;
        final int count = 300;
        final Map<Long, String> appended = new ConcurrentHashMap<>();
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            final List<Thread> running = new ArrayList<>();
            final CountDownLatch failed = new CountDownLatch(1);
            for (int thread = 0; thread < threads; thread++) {
                final int number = thread;
                running.add(new Thread(() -> {
                    try {
                        for (int i = 0; i < count; i++) {
                            final String text = number + " " + i + " " + "x".repeat(i % 400);
                            final long lsn =
                                    i % 3 == 0 ? log.appendAsync(bytes(text)).join() : log.append(bytes(text));
                            assertTrue(log.durable() > lsn);
                            appended.put(lsn, text);
                        }
                    } catch (final IOException | RuntimeException e) {
                        failed.countDown();
                    }
                }));
            }
            running.forEach(Thread::start);
            for (final Thread thread : running) {
                thread.join();
            }
            assertEquals(1, failed.getCount());
            assertEquals(threads * count, log.stats().appends());
            assertEquals(0, log.stats().appendsUnderWay());
        }
        final Map<Long, String> read = new HashMap<>();
        try (DurableLog log = DurableLog.open(path);
                LogReader reader = log.reader(log.start())) {
            while (reader.next()) {
                read.put(reader.lsn(), textOf(reader.record()));
            }
        }
        assertEquals(appended, read);
    }

    @Test
    void aTornTailIsCutOffAndItsLengthIsTold() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            log.append(bytes("kept"));
            final long torn = log.append(bytes("torn, and some more bytes of it"));
            damage(copy("torn"), 1, torn % SMALL.segmentBytes() + 20);
        }
        try (DurableLog log = DurableLog.open(directory.resolve("torn"))) {
            assertEquals(Format.framed(31), log.recovery().tornBytes());
            assertEquals(List.of("kept"), read(log));
            log.append(bytes("next"));
        }
        try (DurableLog log = DurableLog.open(directory.resolve("torn"))) {
            assertEquals(0, log.recovery().tornBytes());
            assertEquals(List.of("kept", "next"), read(log));
        }
    }

    @Test
    void damageInTheMiddleIsAnErrorAndNothingIsCutOff() throws IOException {
        final long damaged;
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            log.append(bytes("readable"));
            damaged = log.append(bytes("damaged"));
            log.append(bytes("behind"));
            log.append(bytes("further"));
            damage(copy("damaged"), 1, damaged % SMALL.segmentBytes() + 5);
        }
        final byte[] before = Files.readAllBytes(directory.resolve("damaged").resolve(Segments.nameOf(1)));
        final LogDamagedException e =
                assertThrows(LogDamagedException.class, () -> DurableLog.open(directory.resolve("damaged")));
        assertEquals(Segments.nameOf(1), e.file());
        assertEquals(damaged % SMALL.segmentBytes(), e.offset());
        assertEquals(damaged, e.readableTo());
        assertArrayEquals(
                before, Files.readAllBytes(directory.resolve("damaged").resolve(Segments.nameOf(1))));
        try (DurableLog log = DurableLog.openReadOnly(directory.resolve("damaged"))) {
            assertEquals(List.of("readable"), read(log));
        }
    }

    @Test
    void aLogThatWasClosedKnowsItsEndSoThatNothingIsMissedThere() throws IOException {
        final long last = makeClosedLogWithADamagedLastRecord();
        final LogDamagedException e = assertThrows(LogDamagedException.class, () -> DurableLog.open(path));
        assertEquals(last, e.readableTo());
    }

    @Test
    void aTornSlotOfTheControlFileLeavesTheOther() throws IOException {
        for (int i = 0; i < 2; i++) {
            try (DurableLog log = DurableLog.open(path, SMALL)) {
                log.append(bytes("record"));
            }
        }
        final java.nio.file.Path control = path.resolve(ControlFile.NAME);
        final ByteBuffer slots = ByteBuffer.wrap(Files.readAllBytes(control)).order(ByteOrder.LITTLE_ENDIAN);
        final int newest = slots.getLong(16) > slots.getLong(4096 + 16) ? 0 : 4096;
        Files.write(control, slots.put(newest + 40, (byte) 1).array());
        try (DurableLog log = DurableLog.open(path)) {
            assertEquals(List.of("record", "record"), read(log));
        }
    }

    @Test
    void aMissingSegmentOrControlFileIsDamage() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            for (int i = 0; i < 40; i++) {
                log.append(ByteBuffer.allocate(10_000));
            }
        }
        Files.delete(path.resolve(Segments.nameOf(2)));
        assertThrows(LogDamagedException.class, () -> DurableLog.open(path));
        Files.delete(path.resolve(ControlFile.NAME));
        assertThrows(LogDamagedException.class, () -> DurableLog.open(path));
    }

    @Test
    void trimmedSegmentsAreUsedAgainAndTheirRecordsNeverComeBack() throws IOException {
        final LogOptions options = LogOptions.builder()
                .segmentBytes(LogOptions.LEAST_SEGMENT_BYTES)
                .spareSegments(1)
                .build();
        try (DurableLog log = DurableLog.open(path, options)) {
            for (int i = 0; i < 200; i++) {
                log.trim(log.append(bytes(i + " " + "y".repeat(5000))));
            }
            assertTrue(log.stats().recycledSegments() > 5, log.stats().toString());
            assertTrue(read(log).get(0).startsWith("199 "));
            assertThrows(IllegalArgumentException.class, () -> log.reader(log.start() - 8));
        }
        try (Stream<java.nio.file.Path> files = Files.list(path)) {
            assertTrue(files.count() <= 5);
        }
        try (DurableLog log = DurableLog.open(path, options)) {
            assertEquals(0, log.recovery().tornBytes());
            assertEquals(1, read(log).size());
        }
    }

    @Test
    void aLogKeepsAboutAsMuchAsItsRetentionSays() throws IOException {
        Files.createDirectory(path);
        final LogFiles files = new EngineFiles(WriteThroughEngine.shared(), path);
        try (DurableLog log =
                DurableLog.open(files, KEEPS_THREE_SEGMENTS, Runnable::run, () -> {})) { // a helper that is never late
            for (int i = 0; i < 300; i++) {
                log.append(bytes(i + " " + "z".repeat(5000)));
            }
        }
        try (DurableLog log = DurableLog.open(path, KEEPS_THREE_SEGMENTS)) {
            final List<String> read = read(log);
            assertTrue(read.size() >= 3 * 12 && read.size() <= 5 * 13, read.size() + " records");
            assertTrue(read.get(read.size() - 1).startsWith("299 "));
        }
    }

    @Test
    void aRecordOverMoreSegmentsThanAreKeptStaysUntilSoManyAreBehindIt() throws IOException {
        try (DurableLog log = DurableLog.open(new SimulatedDisk(1), KEEPS_THREE_SEGMENTS, Runnable::run, () -> {})) {
            for (int i = 0; i < 3; i++) {
                log.append(bytes("small"));
            }
            final long large = log.append(ByteBuffer.allocate(300_000));
            log.append(bytes("small"));
            while (log.stats().newSegments() < 6) {
                log.append(ByteBuffer.allocate(50_000));
            }
            try (LogReader reader = log.reader(large)) {
                assertTrue(reader.next());
                assertEquals(300_000, reader.record().remaining());
            }
            while (log.stats().newSegments() < 9) {
                log.append(ByteBuffer.allocate(50_000));
            }
            assertTrue(log.start() > large, "the log keeps more than it was told to");
        }
    }

    @Test
    void aDirectoryWhoseNameCannotBeMadeDurableIsAnError() throws IOException {
        final Path there = Files.createDirectory(path);
        int number = 0;
        for (final IOException refusal : List.of(new IOException("EIO"), new AccessDeniedException("a parent"))) {
            final Path log = there.resolve(number++ + "/a");
            final Path other = there.resolve(number++ + "/a");
            assertSame(refusal, assertThrows(IOException.class, () -> makeDirectory(log, log.getParent(), refusal)));
            assertSame(refusal, assertThrows(IOException.class, () -> makeDirectory(other, there, refusal)));
            makeDirectory(there.resolve(number++ + "/a"), there.getParent(), refusal); // no name in there is new
        }
    }

    private static void makeDirectory(final Path log, final Path refused, final IOException refusal)
            throws IOException {
        DurableLog.makeDirectory(log.toAbsolutePath(), directory -> {
            if (directory.equals(refused.toAbsolutePath())) {
                throw refusal;
            }
        });
    }

    @Test
    void whatIsTruncatedIsGoneAlsoOutOfABatchAndOverSegments() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            log.append(bytes("a"));
            final long batch = log.appendBatch(List.of(bytes("b"), bytes("c"), bytes("d")));
            final long c;
            try (LogReader reader = log.reader(batch)) {
                assertTrue(reader.next() && reader.next());
                c = reader.lsn();
            }
            for (int i = 0; i < 30; i++) {
                log.append(ByteBuffer.allocate(9_000));
            }
            try (LogReader far = log.reader(log.end())) {
                log.truncateAfter(c);
                assertEquals(List.of("a", "b", "c"), read(log));
                log.append(bytes("e"));
                assertThrows(IOException.class, far::next);
            }
        }
        try (DurableLog log = DurableLog.open(path)) {
            assertEquals(List.of("a", "b", "c", "e"), read(log));
        }
    }

    @Test
    void aTailReaderSleepsUntilTheNextRecordIsDurable() throws Exception {
        try (DurableLog log = DurableLog.open(path, SMALL);
                LogReader reader = log.reader(log.end())) {
            assertFalse(reader.next());
            assertFalse(reader.awaitNext(Duration.ofMillis(20)));
            final List<String> seen = new CopyOnWriteArrayList<>();
            final Thread thread = new Thread(() -> {
                try {
                    while (reader.awaitNext()) {
                        seen.add(textOf(reader.record()));
                    }
                } catch (final IOException | InterruptedException e) {
                    seen.add(e.toString());
                }
            });
            thread.start();
            final List<String> expected = IntStream.range(0, 200)
                    .mapToObj(i -> i + "-" + "w".repeat(1000))
                    .toList();
            for (final String record : expected) {
                log.append(bytes(record));
            }
            while (seen.size() < expected.size() && thread.isAlive()) {
                Thread.sleep(1);
            }
            log.close();
            thread.join(TimeUnit.SECONDS.toMillis(60));
            assertEquals(expected, seen);
        }
    }

    @Test
    void aReaderOfAnotherOpeningSeesWhatTheOwnerAppends() throws Exception {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            log.append(bytes("before"));
            try (DurableLog other = DurableLog.openReadOnly(path);
                    LogReader reader = other.reader(other.start())) {
                assertTrue(reader.next());
                assertFalse(reader.next());
                for (int i = 0; i < 40; i++) {
                    log.append(bytes(i + "-" + "v".repeat(8000)));
                    assertTrue(reader.awaitNext(Duration.ofSeconds(20)));
                    assertTrue(textOf(reader.record()).startsWith(i + "-"));
                }
                assertThrows(UnsupportedOperationException.class, () -> other.append(bytes("no")));
            }
        }
    }

    @Test
    void aLogIsOpenOnce() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            assertThrows(IllegalStateException.class, () -> DurableLog.open(path));
            try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
                final EngineFiles files = new EngineFiles(engine, path); // as another process would
                assertThrows(IOException.class, () -> DurableLog.open(files, SMALL, Runnable::run, () -> {}));
            }
            assertTrue(log.toString().contains("open"), log.toString());
        }
    }

    @Test
    void whatIsClosedSaysSo() throws IOException {
        final DurableLog log = DurableLog.open(path, SMALL);
        final CompletableFuture<Long> tail = log.watermark().when(log.end(), false, true);
        final LogReader reader = log.reader(log.start());
        log.close();
        log.close();
        assertThrows(ClosedChannelException.class, () -> log.append(bytes("x")));
        assertThrows(ClosedChannelException.class, reader::next);
        assertThrows(ClosedChannelException.class, () -> log.awaitDurable(log.end()));
        assertTrue(log.appendAsync(bytes("x")).isCompletedExceptionally());
        assertTrue(tail.isCompletedExceptionally());
        reader.close();
        assertTrue(log.toString().contains("closed"), log.toString());
        assertEquals(
                "LogReader[" + path.toRealPath() + ", before the first record, next at LSN " + log.start()
                        + ", closed]",
                reader.toString());
    }

    @Test
    void lengthsThatCannotBeAreRefused() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            assertThrows(IllegalArgumentException.class, () -> log.append(ByteBuffer.allocate(0)));
            assertThrows(
                    IllegalArgumentException.class, () -> log.appendBatch(List.of(bytes("x"), ByteBuffer.allocate(0))));
            assertThrows(IllegalArgumentException.class, () -> log.appendBatch(List.of()));
            final long lsn = log.append(bytes("two words"));
            assertThrows(IOException.class, () -> log.reader(lsn + 8));
            assertThrows(IllegalArgumentException.class, () -> log.reader(log.end() + 8));
        }
    }

    /* In memory where there is room: a disk takes 20 s for it. */
    @Test
    void aRecordOfAGibibyteIsAppendedAndReadByTheNextOpening() throws IOException {
        assumeTrue(Runtime.getRuntime().maxMemory() > 4L * GIBIBYTE, "the heap is too small to read 1 GiB");
        final Path memory = Path.of("/dev/shm");
        if (memory.toFile().getUsableSpace() < 4L * GIBIBYTE) {
            appendAndReadAGibibyte(path);
            return;
        }
        final Path inMemory = Files.createTempDirectory(memory, "writethrough-log-");
        try {
            appendAndReadAGibibyte(inMemory);
        } finally {
            TestDirectories.delete(inMemory);
        }
    }

    private static void appendAndReadAGibibyte(final Path place) throws IOException {
        final ByteBuffer part = ByteBuffer.allocateDirect(GIBIBYTE / 16);
        part.putLong(0, 17);
        final ByteBuffer[] parts = Stream.generate(part::duplicate).limit(16).toArray(ByteBuffer[]::new);
        try (DurableLog log = DurableLog.open(place)) {
            log.append(parts);
            log.append(bytes("behind"));
        }
        try (DurableLog log = DurableLog.open(place);
                LogReader reader = log.reader(log.start())) {
            assertTrue(reader.next());
            assertEquals(GIBIBYTE, reader.record().remaining());
            for (int i = 0; i < parts.length; i++) {
                part.rewind();
                assertEquals(-1, part.mismatch(reader.record().slice(i * part.capacity(), part.capacity())));
            }
            assertTrue(reader.next());
            assertEquals("behind", textOf(reader.record()));
            assertFalse(reader.next());
        }
    }

    @Test
    void moreThanAGibibyteIsRefused() throws IOException {
        final ByteBuffer part = ByteBuffer.allocate(64 << 20);
        final ByteBuffer[] parts = Stream.generate(part::duplicate).limit(17).toArray(ByteBuffer[]::new);
        parts[16].limit(1);
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            assertThrows(IllegalArgumentException.class, () -> log.append(parts));
            assertThrows(IllegalArgumentException.class, () -> log.appendBatch(List.of(parts)));
            assertEquals(0, parts[0].position());
            assertEquals(List.of(), read(log));
        }
    }

    @Test
    void aBufferIsTheCallersAgainWhenTheCallReturns() throws IOException {
        final List<String> expected = new ArrayList<>();
        final ByteBuffer direct = ByteBuffer.allocateDirect(2000);
        final List<CompletableFuture<Long>> told = new ArrayList<>();
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            for (int i = 0; i < 200; i++) {
                expected.add(i + "-" + "q".repeat(i * 37 % 1900));
                direct.clear().put(bytes(expected.get(i))).flip();
                if (i % 3 == 0) {
                    log.appendLater(direct);
                } else {
                    told.add(log.appendAsync(direct));
                }
            }
            direct.clear().put(new byte[2000]);
            told.forEach(CompletableFuture::join);
            assertEquals(expected, read(log));
        }
    }

    @Test
    void anOpeningReadsTheLastSegmentsAlone() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            for (int i = 0; i < 200; i++) {
                log.append(ByteBuffer.allocate(9_000));
            }
            assertTrue(log.stats().segments() > 25);
            copy("crashed"); // where the end is not known
        }
        try (DurableLog log = DurableLog.open(directory.resolve("crashed"))) {
            assertTrue(
                    log.recovery().scannedBytes() <= 2 * SMALL.segmentBytes(),
                    log.recovery().toString());
            assertEquals(200, read(log).size());
        }
    }

    @Test
    void recordsThatTheOpeningFoundAreReadByTheKernelAndLaterOnesByTheEngine() throws IOException {
        final List<Long> lsns = new ArrayList<>();
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            for (int i = 0; i < 20; i++) {
                log.append(bytes("found " + i));
            }
        }
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                DurableLog log = DurableLog.open(
                        path, LogOptions.builder().engine(engine).build())) {
            final long opened = reads(engine);
            try (LogReader reader = log.reader(log.start())) {
                for (int i = 0; i < 20; i++) {
                    assertTrue(reader.next());
                    assertEquals("found " + i, textOf(reader.record()));
                    lsns.add(reader.lsn());
                }
                assertEquals(engine.backend() == Backend.JDK, reads(engine) > opened);
                final long found = reads(engine);
                log.append(bytes("later"));
                assertTrue(reader.next());
                assertEquals("later", textOf(reader.record()));
                assertTrue(reads(engine) > found);
            }
            log.truncateAfter(lsns.get(9));
            log.append(bytes("instead"));
            final long cut = reads(engine);
            assertEquals(List.of("found 9", "instead"), read(log, lsns.get(9)));
            assertTrue(reads(engine) > cut);
        }
    }

    private static long reads(final WriteThroughEngine engine) {
        return engine.stats().readHits()
                + engine.stats().readMisses()
                + engine.stats().deviceReads();
    }

    @Test
    void manyReadersFollowBesideAppendsAndEachSeesEachRecord() throws Exception {
        final int appenders = 3;
        final int count = 150;
        final Map<Integer, List<Long>> seen = new ConcurrentHashMap<>();
        final List<Long> appended = new CopyOnWriteArrayList<>();
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            final List<Thread> readers = new ArrayList<>();
            for (int number = 0; number < 6; number++) {
                final List<Long> of = new ArrayList<>();
                seen.put(number, of);
                readers.add(started(() -> {
                    try (LogReader reader = log.reader(log.start())) {
                        while (of.size() < appenders * count && reader.awaitNext(Duration.ofSeconds(60))) {
                            of.add(reader.lsn());
                        }
                    }
                }));
            }
            final List<Thread> running = new ArrayList<>();
            for (int i = 0; i < appenders; i++) {
                running.add(started(() -> {
                    for (int number = 0; number < count; number++) {
                        appended.add(log.append(bytes("u".repeat(1 + number * 37 % 1500))));
                    }
                }));
            }
            for (final Thread thread : running) {
                thread.join();
            }
            for (final Thread thread : readers) {
                thread.join();
            }
        }
        final List<Long> expected = appended.stream().sorted().toList();
        assertEquals(appenders * count, expected.size());
        seen.forEach((number, of) -> assertEquals(expected, of, "reader " + number));
    }

    /** What a thread of a test does. */
    private interface Task {
        void run() throws Exception;
    }

    private static Thread started(final Task task) {
        final Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (final Exception e) {
                e.printStackTrace();
            }
        });
        thread.start();
        return thread;
    }

    @Test
    void aSynchronousAppendAllocatesNothing() throws IOException {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final ByteBuffer direct = ByteBuffer.allocateDirect(300);
        final ByteBuffer heap = ByteBuffer.allocate(3000);
        try (DurableLog log = DurableLog.open(path)) {
            long least = Long.MAX_VALUE;
            for (int run = 0; run < 6; run++) {
                final long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 60; i++) {
                    log.append(direct.clear());
                    log.append(heap.clear());
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least);
        }
    }

    @Test
    void eachWriteToASegmentIsDurable() throws IOException {
        final Map<String, Integer> writes = new HashMap<>();
        try (Recording recording = new Recording()) {
            recording.enable("io.writethrough.Write").withoutThreshold();
            recording.start();
            try (DurableLog log = DurableLog.open(path, SMALL)) {
                log.append(bytes("synchronous"));
                log.appendAsync(bytes("asynchronous")).join();
                log.append(ByteBuffer.allocate(100_000)); // over the end of the segment: of several buffers
            }
            recording.stop();
            final java.nio.file.Path dump = directory.resolve("writes.jfr");
            recording.dump(dump);
            for (final RecordedEvent event : RecordingFile.readAllEvents(dump)) {
                if (event.getEventType().getName().equals("io.writethrough.Write")
                        && event.getString("path").startsWith(path.toRealPath().toString())
                        && !event.getString("path").endsWith(".free")) {
                    final String how = event.getBoolean("asynchronous") ? "asynchronous " : "";
                    writes.merge(how + event.getString("durability"), 1, Integer::sum);
                }
            }
        }
        assertEquals(java.util.Set.of("DSYNC", "asynchronous DSYNC"), writes.keySet(), writes.toString());
        assertEquals(1, writes.get("asynchronous DSYNC"));
        assertTrue(writes.get("DSYNC") >= 3, writes.toString());
    }

    @Test
    void theFlightRecorderHasOpeningsAndSegments() throws IOException {
        final Map<String, Integer> events = new HashMap<>();
        try (Recording recording = new Recording()) {
            recording.enable("io.writethrough.log.Recovery").withoutThreshold();
            recording.enable("io.writethrough.log.Segment").withoutThreshold();
            recording.start();
            try (DurableLog log = DurableLog.open(path, SMALL)) {
                log.append(ByteBuffer.allocate(100_000));
            }
            recording.stop();
            final java.nio.file.Path dump = directory.resolve("events.jfr");
            recording.dump(dump);
            for (final RecordedEvent event : RecordingFile.readAllEvents(dump)) {
                if (event.getEventType().getName().startsWith("io.writethrough.log.")) {
                    events.merge(event.getEventType().getName(), 1, Integer::sum);
                    assertEquals(path.toRealPath().toString(), event.getString("log"));
                }
            }
        }
        assertEquals(Map.of("io.writethrough.log.Recovery", 1, "io.writethrough.log.Segment", 1), events);
    }
}
