// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.channels.FileChannel.MapMode.READ_WRITE;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.internal.Names;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A file that is mapped for writing, as the engine has it. What its channel shows is in {@link FileChannelContract}. */
class MappedFileTest extends OnEveryFileSystem {
    private static final Duration TIME_TO_COLLECT = Duration.ofSeconds(30);
    private static final int BYTES = 100_000;

    private WriteThroughEngine engine;
    private WriteThroughFile file;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(8 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
        file.write(buffer(BYTES, 1), 0);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private ByteBuffer map() throws IOException {
        return file.asFileChannel().map(READ_WRITE, 0, BYTES);
    }

    private void awaitNoMapping() {
        assertTimeoutPreemptively(TIME_TO_COLLECT, () -> {
            while (engine.stats().mappedFiles() > 0) {
                System.gc();
                Thread.sleep(10);
            }
        });
    }

    /* Two mappings; a method of its own, so that no caller keeps them. */
    private void mapTwiceAndStore(final int seed) throws IOException {
        final ByteBuffer kept = map();
        map().put(0, bytes(BYTES, seed));
        assertEquals(1, engine.stats().mappedFiles());
        assertEquals(2 * BYTES, engine.stats().mappedBytes());
        assertEquals(StorageProfile.WritePath.BUFFERED, file.profile().writePath());
        assertArrayEquals(bytes(BYTES, seed), read(file, 0, BYTES));
        assertEquals(0, engine.stats().cachedBytes());
        assertEquals(buffer(BYTES, seed), kept);
    }

    @Test
    void aFileGoesBackToItsOwnWayWhenTheLastMappingIsGarbage() throws Exception {
        final StorageProfile.WritePath way = file.profile().writePath();
        mapTwiceAndStore(2);
        awaitNoMapping();
        assertArrayEquals(bytes(BYTES, 2), read(file, 0, BYTES));
        assertEquals(way, file.profile().writePath());
        if (way == StorageProfile.WritePath.DIRECT) {
            assertTrue(engine.stats().cachedBytes() >= BYTES);
            final long reads = engine.stats().deviceReads();
            assertArrayEquals(bytes(BYTES, 2), read(file, 0, BYTES));
            assertEquals(reads, engine.stats().deviceReads());
        }
        file.write(buffer(1000, 3), 500);
        assertArrayEquals(bytes(1000, 3), read(file, 500, 1000));
    }

    @Test
    void aViewKeepsTheFileMapped() throws Exception {
        final ByteBuffer view = map().slice(100, 50).asReadOnlyBuffer();
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertEquals(1, engine.stats().mappedFiles());
        file.write(buffer(50, 2), 100);
        assertEquals(buffer(50, 2), view);
        Reference.reachabilityFence(view);
    }

    @Test
    void aMappingIntoAnArenaEndsWhenTheArenaIsGarbage() throws Throwable {
        mapIntoArena(2);
        awaitNoMapping();
        assertArrayEquals(bytes(BYTES, 2), read(file, 0, BYTES));
    }

    private void mapIntoArena(final int seed) throws Throwable {
        final ForeignArena arena = ForeignArena.of("ofShared");
        final ByteBuffer mapped = arena.map(file.asFileChannel(), READ_WRITE, 0, BYTES);
        mapped.put(0, bytes(BYTES, seed));
        assertEquals(1, engine.stats().mappedFiles());
        arena.close();
        assertThrows(IllegalStateException.class, () -> mapped.get(0));
    }

    @Test
    void aMappingOutlivesTheEngine() throws Exception {
        final ByteBuffer mapped = map();
        engine.close();
        mapped.put(0, bytes(BYTES, 2));
        open();
        assertEquals(1, engine.stats().mappedFiles());
        assertEquals(buffer(BYTES, 1), mapped);
        mapped.put(0, bytes(100, 3));
        assertArrayEquals(bytes(100, 3), read(file, 0, 100));
        Reference.reachabilityFence(mapped);
    }

    @Test
    void everyKindOfReadAndWriteSeesWhatIsStored() throws Exception {
        final ByteBuffer mapped = map();
        mapped.put(0, bytes(BYTES, 2));
        final ByteBuffer read = ByteBuffer.allocateDirect(BYTES);
        assertEquals(BYTES, file.readAsync(read, 0).get());
        assertEquals(buffer(BYTES, 2), read.flip());
        file.writeAsync(buffer(5000, 3), 100).get();
        assertEquals(buffer(5000, 3), mapped.slice(100, 5000));
        file.writeLater(buffer(5000, 4), 6000);
        assertEquals(buffer(5000, 4), mapped.slice(6000, 5000));
        assertEquals(BYTES, file.append(buffer(100, 5)));
        assertEquals(BYTES + 100, file.size());
        try (WriteThroughFile other = engine.open(path, READ)) {
            mapped.put(0, bytes(100, 6));
            assertArrayEquals(bytes(100, 6), read(other, 0, 100));
        }
        try (var channel = file.asAsynchronousFileChannel()) {
            final ByteBuffer beside = ByteBuffer.allocate(100);
            assertEquals(100, channel.read(beside, 0).get());
            assertEquals(buffer(100, 6), beside.flip());
        }
        Reference.reachabilityFence(mapped);
    }

    @Test
    void theFileThatIsMappedIsCutAndShowsNothingOfWhatWasAhead() throws Exception {
        try (WriteThroughEngine other =
                        WriteThroughEngine.builder().cacheBytes(8 << 20).build();
                WriteThroughFile growing =
                        other.open(directory.resolve("growing"), new GrowthAhead(1 << 20), CREATE, READ, WRITE)) {
            growing.write(buffer(100, 1), 0);
            final ByteBuffer mapped = growing.asFileChannel().map(READ_WRITE, 0, 50);
            assertEquals(100, Files.size(directory.resolve("growing")));
            assertEquals(buffer(100, 1).slice(0, 50), mapped);
            growing.truncate(20);
            growing.truncate(50);
            assertEquals(ByteBuffer.allocate(30), mapped.slice(20, 30));
        }
    }

    @Test
    void anAtomicWriteSaysWhyItFails() throws Exception {
        if (file.profile().atomicWriteMaxBytes() == 0) {
            return; // WriteFlagTest has this case.
        }
        final ByteBuffer mapped = map();
        final IOException e = assertThrows(
                IOException.class, () -> file.write(buffer(4096, 2), 0, Durability.DSYNC, WriteFlag.ATOMIC));
        assertTrue(e.getMessage().contains("mapped for writing"), e.getMessage());
        Reference.reachabilityFence(mapped);
    }

    @Test
    void oneLineOfTheLogSaysThatTheFileIsMapped() throws Exception {
        final List<String> lines = new ArrayList<>();
        final Handler handler = new Handler() {
            @Override
            public void publish(final LogRecord entry) {
                lines.add(entry.getMessage());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        final Logger logger = Logger.getLogger(Names.LIBRARY);
        logger.addHandler(handler);
        try {
            final ByteBuffer first = map();
            final ByteBuffer second = map();
            Reference.reachabilityFence(first);
            Reference.reachabilityFence(second);
        } finally {
            logger.removeHandler(handler);
        }
        assertEquals(1, lines.size(), lines.toString());
        assertTrue(lines.get(0).startsWith(path + " is mapped for writing"), lines.get(0));
    }

    @Test
    void aRangeOfNothingMapsNothing() throws Exception {
        try (FileChannel channel = file.asFileChannel()) {
            assertEquals(0, channel.map(READ_WRITE, 0, 0).remaining());
            assertEquals(0, engine.stats().mappedFiles());
        }
    }
}
