// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.DSYNC;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.SYNC;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When the writes of a file become stable: each for itself, or at a force. */
@Timeout(120)
class CommitTest extends OnEveryFileSystem {
    private static final int BLOCK = 4096;
    private static final int WRITES = 200;

    private WriteThroughEngine engine;

    @BeforeEach
    void openEngine() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(32 << 20).build();
    }

    @AfterEach
    void closeEngine() throws IOException {
        engine.close();
    }

    private WriteThroughFile openFile(final OpenOption... more) throws IOException {
        final OpenOption[] options = new OpenOption[more.length + 3];
        System.arraycopy(more, 0, options, 0, more.length);
        options[more.length] = CREATE;
        options[more.length + 1] = READ;
        options[more.length + 2] = WRITE;
        return engine.open(path, options);
    }

    /* Without direct I/O each write goes to the kernel at once, and is durable. */
    private void assumeDirect(final WriteThroughFile file) throws IOException {
        assumeTrue(
                file.profile().writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O on " + StorageProfile.of(directory));
    }

    private long durableWritesOf(final FileChannel channel) throws IOException {
        final EngineStats before = engine.stats();
        for (int i = 0; i < WRITES; i++) {
            channel.write(buffer(100, i), i * 100L);
        }
        channel.force(false);
        return engine.stats().deviceWrites() - before.deviceWrites();
    }

    @Test
    void aFileIsOfThePolicyThatItIsOpenedWith() throws IOException {
        assertEquals(Commit.EACH_WRITE, openFile().commit());
        assertEquals(Commit.EACH_WRITE, openFile(Commit.EACH_WRITE).commit());
        assertEquals(Commit.AT_FORCE, openFile(Commit.AT_FORCE).commit());
        assertEquals(Commit.EACH_WRITE, openFile(Commit.AT_FORCE, DSYNC).commit());
        assertEquals(Commit.EACH_WRITE, openFile(SYNC, Commit.AT_FORCE).commit());
    }

    @Test
    void aChannelIsOfThePolicyThatIsAskedForAndOfTheFilesElse() throws IOException {
        final WriteThroughFile file = openFile(Commit.AT_FORCE);
        assertSame(file.asFileChannel(), file.asFileChannel(Commit.AT_FORCE));
        assertSame(
                file.asFileChannel(InterruptPolicy.CLOSE), file.asFileChannel(InterruptPolicy.CLOSE, Commit.AT_FORCE));
        final FileChannel each = file.asFileChannel(Commit.EACH_WRITE);
        assertNotSame(file.asFileChannel(), each);
        each.close();
        assertTrue(!file.isOpen() && !file.asFileChannel().isOpen());
    }

    @Test
    void manyWritesAndAForceAreFewWritesOfTheDevice() throws IOException {
        final WriteThroughFile file = openFile();
        assumeDirect(file);
        assertEquals(WRITES, durableWritesOf(file.asFileChannel()));
        final long atForce = durableWritesOf(file.asFileChannel(Commit.AT_FORCE));
        assertTrue(atForce < WRITES / 4, atForce + " writes");
    }

    @Test
    void whatIsWrittenAtAForceIsSeenAtOnceByEachHandle() throws IOException {
        try (WriteThroughFile file = openFile(Commit.AT_FORCE);
                WriteThroughFile other = openFile()) {
            final byte[] expected = bytes(50_000, 1);
            for (int at = 0; at < expected.length; at += 1000) {
                assertEquals(1000, file.write(ByteBuffer.wrap(expected, at, 1000), at));
                assertEquals(at + 1000L, other.size());
            }
            final ByteBuffer read = ByteBuffer.allocate(expected.length);
            assertEquals(expected.length, other.read(read, 0));
            assertArrayEquals(expected, read.array());
            file.force();
            assertArrayEquals(expected, Files.readAllBytes(path));
        }
    }

    @Test
    void everyWayToWriteLaterIsForced() throws Exception {
        final WriteThroughFile file = openFile();
        final ByteBuffer[] two = {buffer(100, 3), direct(bytes(200, 4))};
        final ByteBuffer[] more = {buffer(10, 7), direct(bytes(20, 8))};
        assertEquals(5000, file.writeLater(buffer(5000, 1), 0));
        assertEquals(300, file.writeLater(two, 5000));
        assertEquals(5300, file.appendLater(buffer(50, 5)));
        assertEquals(5350, file.appendLater(more));
        assertEquals(0, two[1].remaining() + more[1].remaining());
        assertEquals(5380, file.size());
        file.forceAsync().get(20, TimeUnit.SECONDS);
        final ByteBuffer expected = ByteBuffer.allocate(5380);
        expected.put(bytes(5000, 1))
                .put(bytes(100, 3))
                .put(bytes(200, 4))
                .put(bytes(50, 5))
                .put(bytes(10, 7))
                .put(bytes(20, 8));
        assertArrayEquals(expected.array(), Files.readAllBytes(path));
    }

    @Test
    void aFileOpenedToAppendAppendsLater() throws IOException {
        try (WriteThroughFile file = engine.open(path, CREATE, APPEND, Commit.AT_FORCE)) {
            final FileChannel channel = file.asFileChannel();
            for (int i = 0; i < 50; i++) {
                assertEquals(i * 70L, channel.position());
                assertEquals(70, channel.write(buffer(70, i)));
            }
            assertEquals(3500, file.append(buffer(5, 1)));
            channel.force(true);
            assertEquals(3505, Files.size(path));
        }
    }

    @Test
    void aNamedDurabilityIsThatOfTheWriteWhateverThePolicyIs() throws IOException {
        final WriteThroughFile file = openFile(Commit.AT_FORCE);
        assumeDirect(file);
        file.allocate(0, 1 << 20);
        final long before = engine.stats().deviceWrites();
        for (int i = 0; i < 10; i++) {
            file.write(buffer(BLOCK, i), (long) i * BLOCK, Durability.DSYNC);
        }
        assertEquals(10, engine.stats().deviceWrites() - before);
    }

    @Test
    void aClosedFileIsNotForced() throws Exception {
        final WriteThroughFile file = openFile(Commit.AT_FORCE);
        file.close();
        assertThrows(ClosedChannelException.class, file::force);
        assertThrows(ClosedChannelException.class, () -> file.writeLater(buffer(1, 1), 0));
        final ExecutionException failure =
                assertThrows(ExecutionException.class, () -> file.forceAsync().get(20, TimeUnit.SECONDS));
        assertInstanceOf(ClosedChannelException.class, failure.getCause());
    }

    @Test
    void aCloseSendsWhatWasNotForced() throws IOException {
        final byte[] expected = bytes(100_000, 1);
        try (WriteThroughFile file = openFile(Commit.AT_FORCE)) {
            file.write(ByteBuffer.wrap(expected), 0);
        }
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    @Test
    void aFileSystemGivesFilesTheirPolicyAndTheirGrowthByTheirNames() throws IOException {
        final WriteThroughFileSystem fileSystem = WriteThroughFileSystem.builder()
                .engine(engine)
                .commitAtForce("glob:**/*.db")
                .growAhead("glob:**/*.log", 1 << 20)
                .build();
        final Path wrapped = fileSystem.wrap(directory);
        try (WriteThroughFile probe = openFile()) {
            assumeDirect(probe);
        }
        try (FileChannel database = FileChannel.open(wrapped.resolve("a.db"), CREATE, WRITE);
                FileChannel durable = FileChannel.open(wrapped.resolve("b.db"), CREATE, WRITE, DSYNC);
                FileChannel other = FileChannel.open(wrapped.resolve("c.bin"), CREATE, WRITE);
                FileChannel log = FileChannel.open(wrapped.resolve("d.log"), CREATE, WRITE)) {
            assertTrue(durableWritesOf(database) < WRITES / 4);
            for (final FileChannel each : List.of(durable, other)) {
                assertTrue(durableWritesOf(each) >= WRITES);
            }
            log.write(buffer(100, 1));
            assertTrue(Files.size(directory.resolve("d.log")) >= 1 << 20, "it grew ahead");
            assertEquals(100, log.size());
        }
        assertEquals(100, Files.size(directory.resolve("d.log")));
        assertThrows(
                IllegalArgumentException.class,
                () -> WriteThroughFileSystem.builder().commitAtForce("nonsense").build());
        assertThrows(
                IllegalArgumentException.class,
                () -> WriteThroughFileSystem.builder().growAhead("glob:**", -1));
    }
}
