// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Bytes that are read where the cache has them. */
class PinTest extends OnEveryFileSystem {
    private static final int PAGE = 4096;
    private static final int CACHE = 1 << 20;
    private static final int LIMIT = CACHE / 4 / PAGE;

    /* Of pins without native code, 4 pages each at most. */
    private static final int SLOTS = CACHE / 8 / (4 * PAGE);

    private static final int HOT_BLOCKS = 8;
    private static final int KEPT = 3;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Logger logger = Logger.getLogger("io.writethrough");
    private final BlockingQueue<LogRecord> reports = new LinkedBlockingQueue<>();
    private WriteThroughEngine engine;
    private WriteThroughFile file;

    @BeforeEach
    void openFile() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(CACHE).build();
        file = engine.open(path, CREATE, READ, WRITE);
        logger.setFilter(report -> {
            reports.add(report);
            return false;
        });
    }

    @AfterEach
    void closeFile() throws IOException {
        logger.setFilter(null);
        file.close();
        engine.close();
    }

    private void assumePinned() throws IOException {
        assumeTrue(
                file.profile().writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O on " + StorageProfile.of(directory));
    }

    private static ByteBuffer filled(final int length, final int value) {
        final byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return ByteBuffer.wrap(bytes);
    }

    /* Two reads: then all of it is known to be used, and pinned without native code if it is in one piece and not long. */
    private void heat(final int length) throws IOException {
        for (int i = 0; i < 2; i++) {
            assertEquals(length, file.read(ByteBuffer.allocate(length), 0));
        }
    }

    private static void assertFilled(final int value, final ByteBuffer bytes) {
        for (int i = bytes.position(); i < bytes.limit(); i++) {
            assertEquals(value, bytes.get(i), i);
        }
    }

    @Test
    void pinnedBytesAreThoseOfTheFileAndKeepThemWhenTheFileIsWritten() throws IOException {
        file.write(filled(3 * PAGE, 1), 0);
        try (PinnedBytes pinned = file.pin(100, 2 * PAGE)) {
            assertEquals(100, pinned.position());
            assertEquals(2 * PAGE, pinned.length());
            file.write(filled(3 * PAGE, 2), 0);
            assertFilled(1, pinned.buffer());
            try (PinnedBytes later = file.pin(100, 2 * PAGE)) {
                assertFilled(2, later.buffer());
            }
            file.truncate(0);
            assertFilled(1, pinned.buffer());
            assertEquals(2 * PAGE, pinned.buffer().remaining());
        }
    }

    @Test
    void buffersAreReadOnlyAndEachIsAnotherOne() throws IOException {
        file.write(filled(PAGE, 1), 0);
        try (PinnedBytes pinned = file.pin(0, PAGE)) {
            final ByteBuffer first = pinned.buffer();
            assertTrue(first.isReadOnly());
            first.position(7);
            assertEquals(0, pinned.buffer().position());
            assertTrue(pinned.segments().stream().allMatch(ByteBuffer::isReadOnly));
        }
    }

    @Test
    void aCachedPageIsPinnedWithoutACopyAndCounted() throws IOException {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        final PinnedBytes pinned = file.pin(8, 64);
        assertFalse(pinned.isCopy());
        assertTrue(pinned.buffer().isDirect());
        assertEquals(1, pinned.segments().size());
        assertEquals(PAGE, engine.stats().pinnedBytes());
        pinned.close();
        assertEquals(0, engine.stats().pinnedBytes());
        pinned.close();
        assertEquals(0, engine.stats().pinnedBytes());
    }

    @Test
    void whatIsNotCachedIsReadFirst() throws IOException {
        file.write(ByteBuffer.wrap(new byte[] {5, 6, 7}), 3 * PAGE);
        file.close();
        file = engine.open(path, READ, WRITE);
        try (PinnedBytes pinned = file.pin(3 * PAGE - 1, 10)) {
            assertEquals(4, pinned.length(), "up to the end of the file");
            assertEquals(ByteBuffer.wrap(new byte[] {0, 5, 6, 7}), pinned.buffer());
        }
        try (PinnedBytes nothing = file.pin(3 * PAGE + 3, 10)) {
            assertEquals(0, nothing.length());
            assertFalse(nothing.buffer().hasRemaining());
            assertEquals(List.of(), nothing.segments());
        }
    }

    @Test
    void pagesThatLieScatteredAreSegmentsAndOneBuffer() throws IOException {
        assumePinned();
        file.truncate(8 * PAGE);
        for (int page = 7; page >= 0; page--) {
            file.write(filled(PAGE, page), (long) page * PAGE);
        }
        try (PinnedBytes pinned = file.pin(0, 8 * PAGE)) {
            assertTrue(pinned.segments().size() > 1, "written backwards, page by page");
            int at = 0;
            for (final ByteBuffer segment : pinned.segments()) {
                for (; segment.hasRemaining(); at++) {
                    assertEquals(at / PAGE, segment.get());
                }
            }
            assertEquals(8 * PAGE, at);
            final ByteBuffer whole = pinned.buffer();
            for (int i = 0; i < 8 * PAGE; i++) {
                assertEquals(i / PAGE, whole.get(i));
            }
        }
    }

    @Test
    void pastTheLimitAPinFailsOrIsACopy() throws IOException {
        assumePinned();
        file.write(filled(2 * LIMIT * PAGE, 3), 0);
        heat(2 * LIMIT * PAGE);
        final List<PinnedBytes> all = new ArrayList<>();
        for (int page = 0; page < LIMIT + SLOTS; page++) {
            all.add(file.pin((long) page * PAGE, PAGE));
        }
        final WriteThroughException refused =
                assertThrows(WriteThroughException.class, () -> file.pin(0, 1).close());
        assertEquals("ENOBUFS", refused.errnoName());
        assertTrue(Objects.requireNonNull(refused.getMessage()).contains("pinned"), refused.getMessage());
        try (PinnedBytes copy = file.pinOrCopy((long) (LIMIT + SLOTS) * PAGE, PAGE)) {
            assertTrue(copy.isCopy());
            assertEquals(PAGE, copy.length());
            assertFilled(3, copy.buffer());
            assertEquals(1, copy.segments().size());
        }
        assertEquals((LIMIT + SLOTS) * PAGE, engine.stats().pinnedBytes());
        all.remove(0).close();
        all.add(file.pin(0, PAGE));
        all.forEach(PinnedBytes::close);
        assertEquals(0, engine.stats().pinnedBytes());
    }

    @Test
    void closedBytesGiveNoBuffer() throws IOException {
        file.write(filled(PAGE, 1), 0);
        final PinnedBytes pinned = file.pin(0, PAGE);
        assertTrue(pinned.isOpen());
        pinned.close();
        assertFalse(pinned.isOpen());
        assertThrows(IllegalStateException.class, pinned::buffer);
        assertThrows(IllegalStateException.class, pinned::segments);
    }

    @Test
    void wrongArgumentsAreRefused() throws IOException {
        assertThrows(IllegalArgumentException.class, () -> file.pin(-1, 1));
        assertThrows(IllegalArgumentException.class, () -> file.pin(0, -1));
        assertThrows(IllegalArgumentException.class, () -> file.pin(0, PinnedBytes.MAX_LENGTH + 1));
        try (PinnedBytes nothing = file.pin(Long.MAX_VALUE, 10)) {
            assertEquals(0, nothing.length());
        }
        file.close();
        assertThrows(ClosedChannelException.class, () -> file.pin(0, 1));
        file = engine.open(path, WRITE);
        assertThrows(NonReadableChannelException.class, () -> file.pin(0, 1));
    }

    @Test
    void bytesOutliveTheirFileAndAreZerosWithoutTheirEngine() throws IOException {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        final PinnedBytes pinned = file.pin(0, PAGE);
        final ByteBuffer bytes = pinned.buffer();
        file.close();
        assertFilled(1, bytes);
        engine.close();
        assertFilled(0, bytes);
        pinned.close();
    }

    @Test
    void bytesOfAFileThatIsMappedAreACopy() throws IOException {
        file.write(filled(PAGE, 1), 0);
        try (var channel = file.asFileChannel()) {
            final var mapped = channel.map(java.nio.channels.FileChannel.MapMode.READ_WRITE, 0, PAGE);
            try (PinnedBytes pinned = file.pin(0, PAGE)) {
                assertTrue(pinned.isCopy());
                mapped.put(0, (byte) 2);
                assertFilled(1, pinned.buffer());
            }
        }
    }

    @Test
    void aLostPinIsGivenBackAndReportedOnce() throws Exception {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        assertLostPinIsGivenBackAndReportedOnce();
    }

    @Test
    void aLostPinThatTookNoNativeCodeIsGivenBackAndReportedOnce() throws Exception {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        heat(PAGE);
        assertLostPinIsGivenBackAndReportedOnce();
        assertLostPinIsGivenBackAndReportedOnce();
    }

    @Test
    void aPinThatIsLostAfterManyCollectionsIsFoundAndOneThatIsKeptIsNot() throws Exception {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        heat(PAGE);
        final PinnedBytes[] old = {file.pin(0, PAGE)};
        try (PinnedBytes kept = file.pin(0, PAGE)) {
            for (int collections = 0; collections < 5; collections++) {
                file.pin(0, PAGE).length();
                awaitReport();
                assertEquals(2 * PAGE, engine.stats().pinnedBytes());
            }
            old[0] = null;
            awaitReport();
            assertTrue(kept.isOpen());
            assertEquals(PAGE, engine.stats().pinnedBytes());
        }
        assertEquals(0, engine.stats().pinnedBytes());
    }

    private LogRecord awaitReport() throws InterruptedException {
        LogRecord report = null;
        for (int i = 0; i < 300 && report == null; i++) {
            System.gc();
            report = reports.poll(100, TimeUnit.MILLISECONDS);
        }
        return Objects.requireNonNull(report, "no report after 300 collections");
    }

    private void assertLostPinIsGivenBackAndReportedOnce() throws Exception {
        file.pin(0, PAGE).length();
        assertEquals(PAGE, engine.stats().pinnedBytes());
        final String text = new SimpleFormatter().formatMessage(awaitReport());
        assertTrue(text.contains("PinnedBytes") && text.contains(path.toString()) && text.contains("tracePins"), text);
        assertEquals(0, engine.stats().pinnedBytes());
        System.gc();
        assertEquals(null, reports.poll(50, TimeUnit.MILLISECONDS));
    }

    @Test
    void aPinThatIsClosedAgainByManyThreadsGivesBackNoPinOfOthers() throws Exception {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        heat(PAGE);
        final ExecutorService threads = Executors.newFixedThreadPool(3);
        try (PinnedBytes kept = file.pin(0, PAGE)) {
            for (int round = 0; round < 200; round++) {
                final PinnedBytes pinned = file.pin(0, PAGE);
                final List<Future<?>> closes = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    closes.add(threads.submit(pinned::close));
                }
                pinned.close();
                for (final Future<?> close : closes) {
                    close.get();
                }
                assertFalse(pinned.isOpen());
                try (PinnedBytes next = file.pin(0, PAGE)) { // in the place of the other
                    pinned.close();
                    assertTrue(next.isOpen());
                    assertThrows(IllegalStateException.class, pinned::buffer);
                    assertEquals(2 * PAGE, engine.stats().pinnedBytes());
                }
            }
            file.write(filled(PAGE, 2), 0);
            assertFilled(1, kept.buffer());
        } finally {
            threads.shutdownNow();
        }
        assertEquals(0, engine.stats().pinnedBytes());
    }

    @Test
    void aPinOfHotBytesTakesTwoObjectsAndABuffer() throws IOException {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        heat(PAGE);
        long least = Long.MAX_VALUE;
        for (int run = 0; run < 5; run++) {
            final long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 200; i++) {
                try (PinnedBytes pinned = file.pin(0, PAGE)) {
                    assertEquals(1, pinned.buffer().get(i));
                }
            }
            least = Math.min(least, (THREADS.getCurrentThreadAllocatedBytes() - before) / 200);
        }
        assertTrue(least <= 160, least + " bytes a pin");
    }

    @Test
    void hotBytesOutliveTheirFileAndAreZerosWithoutTheirEngine() throws IOException {
        assumePinned();
        file.write(filled(2 * PAGE, 1), 0);
        heat(2 * PAGE);
        final PinnedBytes pinned = file.pin(0, PAGE);
        final PinnedBytes shadowed = file.pin(PAGE, PAGE);
        final ByteBuffer bytes = pinned.buffer();
        file.write(filled(PAGE, 2), PAGE);
        file.close();
        assertFilled(1, bytes);
        assertFilled(1, shadowed.buffer());
        engine.close();
        assertFilled(0, bytes);
        assertFilled(0, shadowed.buffer());
        shadowed.close();
        pinned.close();
        assertFalse(pinned.isOpen());
    }

    @Test
    void aPageThatLeftTheFileIsFreeWhenItsLastPinIsClosed() throws IOException {
        assumePinned();
        file.write(filled(PAGE, 1), 0);
        heat(PAGE);
        final PinnedBytes pinned = file.pin(0, PAGE);
        file.truncate(0);
        assertEquals(PAGE, engine.stats().cachedBytes());
        assertFilled(1, pinned.buffer());
        pinned.close();
        assertEquals(0, engine.stats().cachedBytes());
    }

    @Test
    void pinnedBlocksStayWholeAmongWritersAndEvictions() throws Exception {
        assumePinned();
        final AtomicBoolean over = new AtomicBoolean();
        final AtomicInteger pins = new AtomicInteger();
        final ExecutorService threads = Executors.newFixedThreadPool(4);
        file.allocate(0, HOT_BLOCKS * PAGE);
        try (WriteThroughFile cold = engine.open(path.resolveSibling("cold"), CREATE, READ, WRITE)) {
            cold.allocate(0, 4 << 20);
            final List<Future<Void>> parts = List.of(
                    threads.submit(() -> writeBlocks(over)),
                    threads.submit(() -> readAll(cold, over)),
                    threads.submit(() -> pinBlocks(over, pins)),
                    threads.submit(() -> pinBlocks(over, pins)));
            while (pins.get() < 20_000 && parts.stream().noneMatch(Future::isDone)) {
                assertTrue(engine.stats().pinnedBytes() <= CACHE / 4 + CACHE / 8);
            }
            over.set(true);
            for (final Future<Void> part : parts) {
                part.get();
            }
        } finally {
            threads.shutdownNow();
        }
        assertEquals(0, engine.stats().pinnedBytes());
    }

    /* Each block holds a count, again and again. */
    private Void writeBlocks(final AtomicBoolean over) throws IOException {
        final ByteBuffer block = ByteBuffer.allocateDirect(PAGE);
        for (long count = 1; !over.get(); count++) {
            for (int at = 0; at < PAGE; at += Long.BYTES) {
                block.putLong(at, count);
            }
            file.write(block.clear(), count % HOT_BLOCKS * PAGE);
        }
        return null;
    }

    private static Void readAll(final WriteThroughFile cold, final AtomicBoolean over) throws IOException {
        final ByteBuffer some = ByteBuffer.allocate(64 << 10);
        for (long at = 0; !over.get(); at = (at + some.capacity()) % (4 << 20)) {
            cold.read(some.clear(), at);
        }
        return null;
    }

    private Void pinBlocks(final AtomicBoolean over, final AtomicInteger pins) throws IOException {
        final PinnedBytes[] kept = new PinnedBytes[KEPT];
        final long[] counts = new long[KEPT];
        for (int i = 0; !over.get(); i++) {
            final int at = i % KEPT;
            if (kept[at] != null) {
                assertEquals(counts[at], countOf(kept[at]));
                kept[at].close();
            }
            kept[at] = file.pinOrCopy((long) (i % HOT_BLOCKS) * PAGE, PAGE);
            counts[at] = countOf(kept[at]);
            pins.incrementAndGet();
        }
        for (final PinnedBytes pinned : kept) {
            if (pinned != null) {
                pinned.close();
            }
        }
        return null;
    }

    private static long countOf(final PinnedBytes pinned) {
        final ByteBuffer bytes = pinned.buffer();
        final long count = bytes.getLong(0);
        for (int at = 0; at < PAGE; at += Long.BYTES) {
            assertEquals(count, bytes.getLong(at));
        }
        return count;
    }

    @Test
    void aBufferOfALostEngineCanStillBeRead() throws Exception {
        assumePinned();
        final ByteBuffer bytes = bytesOfALostEngine();
        for (int i = 0; i < 20; i++) {
            System.gc();
            reports.poll(10, TimeUnit.MILLISECONDS);
        }
        bytes.get(0);
        bytes.get(PAGE - 1);
    }

    private ByteBuffer bytesOfALostEngine() throws IOException {
        try (WriteThroughEngine other =
                        WriteThroughEngine.builder().cacheBytes(CACHE).build();
                WriteThroughFile another = other.open(path.resolveSibling("another"), CREATE, READ, WRITE)) {
            another.write(filled(PAGE, 1), 0);
            try (PinnedBytes pinned = another.pin(0, PAGE)) {
                return pinned.buffer();
            }
        }
    }
}
