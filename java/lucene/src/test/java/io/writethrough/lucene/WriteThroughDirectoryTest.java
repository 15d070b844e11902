// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.EngineStats;
import io.writethrough.StorageProfile;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import io.writethrough.testing.TestDirectories;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.DataAccessHint;
import org.apache.lucene.store.FSLockFactory;
import org.apache.lucene.store.FlushInfo;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexInput;
import org.apache.lucene.store.IndexOutput;
import org.apache.lucene.store.MergeInfo;
import org.apache.lucene.store.NIOFSDirectory;
import org.apache.lucene.store.RandomAccessInput;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What this directory promises beyond what Lucene expects of all. */
class WriteThroughDirectoryTest {
    private static final int LARGE = 4 << 20;

    private Path path;
    private WriteThroughEngine engine;
    private WriteThroughDirectory directory;

    @BeforeEach
    void open() throws IOException {
        path = TestDirectories.make();
        engine = WriteThroughEngine.builder().cacheBytes(32 << 20).build();
        directory = new WriteThroughDirectory(path, FSLockFactory.getDefault(), engine);
    }

    @AfterEach
    void close() throws IOException {
        directory.close();
        engine.close();
        TestDirectories.delete(path);
    }

    private static byte[] bytes(final int length) {
        final byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private void write(final String name, final byte[] bytes) throws IOException {
        try (IndexOutput output = directory.createOutput(name, IOContext.DEFAULT)) {
            output.writeBytes(bytes, bytes.length);
        }
    }

    /* Elsewhere the kernel has the cache. */
    private void assumeDirect(final String name) throws IOException {
        try (WriteThroughFile file = engine.open(path.resolve(name), StandardOpenOption.READ)) {
            assumeTrue(file.profile().writePath() == StorageProfile.WritePath.DIRECT, "no direct I/O in " + path);
        }
    }

    /* In reverse order nothing is read ahead: without the prefetch each page is a read of the device. */
    @Test
    void pagesThatWerePrefetchedComeByFewReadsOfTheDevice() throws IOException {
        final byte[] bytes = bytes(LARGE);
        write("prefetched", bytes);
        assumeDirect("prefetched");
        try (IndexInput input = directory.openInput("prefetched", IOContext.DEFAULT.withHints(DataAccessHint.RANDOM))) {
            final RandomAccessInput slice = input.randomAccessSlice(8192, LARGE - 8192);
            final long before = engine.stats().deviceReads();
            slice.prefetch(1 << 20, 64 * 4096);
            for (int page = 63; page >= 0; page--) {
                final int position = (1 << 20) + page * 4096;
                assertEquals(bytes[8192 + position], slice.readByte(position));
            }
            final long reads = engine.stats().deviceReads() - before;
            assertTrue(reads >= 1 && reads <= 8, reads + " reads of the device");
            assertThrows(IndexOutOfBoundsException.class, () -> slice.prefetch(LARGE - 8192, 1));
        }
        try (IndexInput input = directory.openInput("prefetched", IOContext.DEFAULT)) {
            input.close();
            assertThrows(AlreadyClosedException.class, () -> input.prefetch(0, 1));
        }
    }

    @Test
    void aLongOutputIsReadAsWrittenByEveryDirectory() throws IOException {
        final byte[] bytes = bytes(LARGE + 12345);
        final CRC32 checksum = new CRC32();
        checksum.update(bytes);
        final IndexOutput output = directory.createOutput("long", IOContext.DEFAULT);
        int done = 0;
        for (int piece = 1; done < bytes.length; piece = piece * 3 % 100_003 + 1) {
            final int here = Math.min(piece, bytes.length - done);
            output.writeBytes(bytes, done, here);
            done += here;
            assertEquals(done, output.getFilePointer());
        }
        assertEquals(checksum.getValue(), output.getChecksum());
        output.close();
        assertEquals(bytes.length, output.getFilePointer());
        assertThrows(AlreadyClosedException.class, () -> output.writeByte((byte) 1));

        assertEquals(bytes.length, directory.fileLength("long"));
        assertArrayEquals(bytes, Files.readAllBytes(path.resolve("long")));
        final byte[] read = new byte[bytes.length];
        try (IndexInput input = directory.openInput("long", IOContext.READONCE)) {
            input.readBytes(read, 0, read.length);
        }
        assertArrayEquals(bytes, read);
        try (NIOFSDirectory other = new NIOFSDirectory(path);
                IndexInput input = other.openInput("long", IOContext.DEFAULT)) {
            Arrays.fill(read, (byte) 0);
            input.readBytes(read, 0, read.length);
        }
        assertArrayEquals(bytes, read);
    }

    @Test
    void aLongOutputLeavesTheCacheToReaders() throws IOException {
        try (IndexOutput output = directory.createOutput("long", IOContext.DEFAULT)) {
            final byte[] bytes = bytes(LARGE);
            output.writeBytes(bytes, bytes.length);
            output.writeByte((byte) 1);
            assumeDirect("long");
            final EngineStats stats = engine.stats();
            assertTrue(stats.cachedBytes() <= LARGE / 2, "cached are " + stats.cachedBytes());
            assertTrue(stats.deviceWrittenBytes() >= LARGE / 2, "written are " + stats.deviceWrittenBytes());
        }
    }

    @Test
    void whatAMergeReadsSoonStaysInTheCache() throws IOException {
        final byte[] bytes = bytes(LARGE);
        final long few = LARGE / 16;
        assertTrue(readOfOutput("flush", bytes, IOContext.flush(new FlushInfo(1000, LARGE))) < few);
        assertTrue(readOfOutput("merge", bytes, IOContext.merge(new MergeInfo(1000, LARGE, false, 1))) < few);
        assertTrue(readOfOutput("large", bytes, IOContext.merge(new MergeInfo(1000, 17 << 20, false, 1))) > few);
    }

    private long readOfOutput(final String name, final byte[] bytes, final IOContext context) throws IOException {
        try (IndexOutput output = directory.createOutput(name, context)) {
            output.writeBytes(bytes, bytes.length);
        }
        assumeDirect(name);
        final long before = engine.stats().deviceReadBytes();
        try (IndexInput input = directory.openInput(name, IOContext.DEFAULT)) {
            input.readBytes(new byte[bytes.length], 0, bytes.length);
        }
        return engine.stats().deviceReadBytes() - before;
    }

    @Test
    void aSyncTouchesNoFileThatIsDurable() throws IOException {
        final List<String> names = List.of("a", "b", "c");
        for (final String name : names) {
            write(name, bytes(20_000));
        }
        directory.sync(names);
        directory.rename("c", "d");
        for (final String name : List.of("a", "b", "d")) {
            Files.delete(path.resolve(name));
            directory.sync(List.of(name));
        }
    }

    @Test
    void aNewFileWithAnOldNameIsSyncedAgain() throws IOException {
        write("a", bytes(100));
        directory.sync(List.of("a"));
        directory.deleteFile("a");
        assertThrows(NoSuchFileException.class, () -> directory.sync(List.of("a")));
        write("a", bytes(100));
        directory.sync(List.of("a"));
        directory.rename("a", "b");
        assertThrows(NoSuchFileException.class, () -> directory.sync(List.of("a")));
        write("a", bytes(100));
        Files.delete(path.resolve("a"));
        assertThrows(NoSuchFileException.class, () -> directory.sync(List.of("a")));
        write("a", bytes(100));
        directory.rename("a", "b");
        Files.delete(path.resolve("b"));
        assertThrows(NoSuchFileException.class, () -> directory.sync(List.of("b")));
    }

    @Test
    void aFileOfAnEarlierProcessCanBeSyncedWhileAnotherEngineReadsIt() throws IOException {
        write("a", bytes(100));
        try (WriteThroughEngine other =
                        WriteThroughEngine.builder().cacheBytes(16 << 20).build();
                WriteThroughFile reader = other.open(path.resolve("a"), StandardOpenOption.READ);
                WriteThroughDirectory later = new WriteThroughDirectory(path, FSLockFactory.getDefault(), engine)) {
            later.sync(List.of("a"));
            assertEquals(100, reader.size());
        }
    }

    @Test
    void inputsTakeAsMuchAtATimeAsTheirContextSays() throws IOException {
        write("file", bytes(1 << 20));
        assumeDirect("file");
        final IOContext inSequence = IOContext.DEFAULT.withHints(DataAccessHint.SEQUENTIAL);
        final IOContext atRandom = IOContext.DEFAULT.withHints(DataAccessHint.RANDOM);
        assertEquals((1 << 20) / 16384, readsOfEachByte(inSequence, inSequence));
        assertEquals((1 << 20) / 16384, readsOfEachByte(atRandom, IOContext.merge()));
        assertEquals((1 << 20) / 512, readsOfEachByte(inSequence, atRandom));
        final long usual = readsOfEachByte(IOContext.DEFAULT, IOContext.DEFAULT);
        assertTrue(usual >= (1 << 20) / 4096 && usual <= (1 << 20) / 4096 + 4, usual + " reads");
    }

    private long readsOfEachByte(final IOContext opened, final IOContext updated) throws IOException {
        try (IndexInput input = directory.openInput("file", opened)) {
            input.readBytes(new byte[1 << 20], 0, 1 << 20); // now all is cached
            input.updateIOContext(updated);
            input.seek(0);
            final EngineStats before = engine.stats();
            for (int i = 0; i < 1 << 20; i++) {
                input.readByte();
            }
            final EngineStats after = engine.stats();
            return after.readHits() + after.readMisses() - before.readHits() - before.readMisses();
        }
    }

    @Test
    void readsByPositionLeaveThePlaceOfReadsInSequence() throws IOException {
        final byte[] bytes = bytes(100_000);
        write("file", bytes);
        try (IndexInput input = directory.openInput("file", IOContext.DEFAULT)) {
            final CachedIndexInput slice = (CachedIndexInput) input.slice("most", 10, bytes.length - 10);
            for (int i = 0; i < 3000; i++) {
                assertEquals(bytes[10 + i], slice.readByte());
                final int far = i * 7919 % (bytes.length - 10);
                assertEquals(bytes[10 + far], slice.readByte(far));
                assertEquals(i + 1, slice.getFilePointer());
            }
        }
    }

    @Test
    void whatIsBehindTheEndAndWhatIsClosedIsToldWithTheFile() throws IOException {
        write("file", bytes(100_000));
        final IndexInput input = directory.openInput("file", IOContext.DEFAULT);
        final IndexInput clone = input.clone();
        final IndexInput slice = input.slice("part", 50_000, 100);
        slice.seek(99);
        final Exception behind = assertThrows(EOFException.class, slice::readInt);
        assertTrue(behind.getMessage().contains(path.resolve("file") + "\") [slice=part]"), behind.getMessage());
        assertThrows(EOFException.class, () -> slice.seek(101));
        assertThrows(IllegalArgumentException.class, () -> slice.seek(-1));
        assertThrows(IndexOutOfBoundsException.class, () -> slice.prefetch(99, 2));
        clone.readByte();
        input.close();
        for (final IndexInput each : List.of(input, clone, slice)) {
            assertThrows(AlreadyClosedException.class, () -> each.readBytes(new byte[60_000], 0, 60_000));
            assertThrows(AlreadyClosedException.class, () -> each.slice("of closed", 0, 1));
            assertThrows(AlreadyClosedException.class, each::clone);
        }
    }
}
