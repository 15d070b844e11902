// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** WriteFlag.ATOMIC: every way to write so, and what is said where it cannot be. */
@Timeout(120)
class AtomicWriteTest extends OnEveryFileSystem {
    private WriteThroughEngine engine;
    private WriteThroughFile file;
    private int min;
    private int max;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(64 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
        min = file.profile().atomicWriteMinBytes();
        max = file.profile().atomicWriteMaxBytes();
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private void assumeAtomicWrites() throws IOException {
        assumeTrue(
                max > 0, "no atomic writes on " + StorageProfile.of(directory).fileSystemType());
    }

    private static <T> T get(final CompletableFuture<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    private static WriteThroughException failureOf(final CompletableFuture<?> future) {
        final ExecutionException failure = assertThrows(ExecutionException.class, () -> get(future));
        return assertInstanceOf(WriteThroughException.class, failure.getCause());
    }

    private WriteThroughException refused(final int length, final long position) {
        final ByteBuffer source = buffer(length, 1);
        final WriteThroughException failure = assertThrows(
                WriteThroughException.class, () -> file.write(source, position, Durability.DSYNC, WriteFlag.ATOMIC));
        assertEquals(length, source.remaining());
        assertEquals(0, failure.stableBytes());
        return failure;
    }

    @Test
    void pagesOfEveryLengthAndBufferAreWritten() throws Exception {
        assumeAtomicWrites();
        final byte[] expected = new byte[4 * max];
        file.write(ByteBuffer.wrap(expected), 0);
        for (int length = min; length <= max; length *= 2) {
            final List<ByteBuffer> sources = List.of(
                    direct(bytes(length, 1)),
                    buffer(length, 2),
                    buffer(length, 3).asReadOnlyBuffer());
            for (int i = 0; i < sources.size(); i++) {
                sources.get(i).duplicate().get(expected, (i + 1) * length, length);
                assertEquals(
                        length,
                        file.write(sources.get(i), (long) (i + 1) * length, Durability.DSYNC, WriteFlag.ATOMIC));
            }
            assertArrayEquals(expected, Files.readAllBytes(path));
            assertArrayEquals(expected, read(file, 0, expected.length));
        }
    }

    @Test
    void severalBuffersAreOneAtomicWrite() throws Exception {
        assumeAtomicWrites();
        final byte[] page = bytes(4 * min, 1);
        final ByteBuffer[] pieces = {
            ByteBuffer.wrap(page, 0, 100),
            direct(Arrays.copyOfRange(page, 100, min)),
            ByteBuffer.wrap(page, min, 3 * min)
        };
        assertEquals(4 * min, file.write(pieces, 0, Durability.SYNC, WriteFlag.ATOMIC));
        assertEquals(0, pieces[0].remaining() + pieces[1].remaining() + pieces[2].remaining());
        for (final ByteBuffer piece : pieces) {
            piece.rewind();
        }
        pieces[2].position(min);
        assertEquals(4L * min, get(file.writeAsync(pieces, 4L * min, Durability.DSYNC, WriteFlag.ATOMIC)));
        final byte[] twice = Arrays.copyOf(page, 8 * min);
        System.arraycopy(page, 0, twice, 4 * min, 4 * min);
        assertArrayEquals(twice, Files.readAllBytes(path));
        assertThrows(
                WriteThroughException.class,
                () -> file.write(new ByteBuffer[] {buffer(100, 1)}, 0, Durability.DSYNC, WriteFlag.ATOMIC));
    }

    @Test
    void atomicWritesAreStartedAndHandedOverTogether() throws Exception {
        assumeAtomicWrites();
        final ByteBuffer source = buffer(2 * min, 1);
        assertEquals(2 * min, get(file.writeAsync(source, 0, Durability.DSYNC, WriteFlag.ATOMIC)));
        assertEquals(0, source.remaining());
        final List<CompletableFuture<Integer>> futures = file.writeAllAsync(
                List.of(new WriteRequest(buffer(min, 2), 2L * min), new WriteRequest(buffer(min + 1, 3), 0)),
                WriteFlag.ATOMIC);
        assertEquals(min, get(futures.get(0)));
        assertEquals("EINVAL", failureOf(futures.get(1)).errnoName());
        final byte[] expected = Arrays.copyOf(bytes(2 * min, 1), 3 * min);
        System.arraycopy(bytes(min, 2), 0, expected, 2 * min, min);
        assertArrayEquals(expected, Files.readAllBytes(path));
    }

    @Test
    void anAtomicAppendGoesToAMultipleOfItsLengthOrSaysWhyNot() throws Exception {
        assumeAtomicWrites();
        assertEquals(0, file.append(buffer(2 * min, 1), Durability.DSYNC, WriteFlag.ATOMIC));
        assertEquals(2L * min, get(file.appendAsync(buffer(2 * min, 2), Durability.DSYNC, WriteFlag.ATOMIC)));
        file.append(buffer(min, 3));
        final WriteThroughException failure = assertThrows(
                WriteThroughException.class, () -> file.append(buffer(2 * min, 4), Durability.DSYNC, WriteFlag.ATOMIC));
        assertEquals("append", failure.operation());
        assertTrue(failure.getMessage().contains("the file ends elsewhere"), failure.getMessage());
        assertEquals(
                "EINVAL",
                failureOf(file.appendAsync(buffer(2 * min, 4), Durability.DSYNC, WriteFlag.ATOMIC))
                        .errnoName());
        assertEquals(5L * min, file.append(buffer(1, 5)));
        assertEquals(5L * min + 1, Files.size(path));
    }

    @Test
    void aLengthOrPlaceThatCannotBeIsRefusedWithTheLimitsAndChangesNothing() throws Exception {
        assumeAtomicWrites();
        file.write(buffer(8 * min, 1), 0);
        for (final WriteThroughException failure : List.of(
                refused(100, 0), refused(3 * min, 0), refused(2 * min, min), refused(2 * max, 0), refused(min, 10))) {
            assertEquals("EINVAL", failure.errnoName());
            assertTrue(
                    failure.getMessage().contains("a power of two from " + min + " to " + max + " bytes"),
                    failure.getMessage());
        }
        assertArrayEquals(bytes(8 * min, 1), Files.readAllBytes(path));
        file.truncate(min + 100);
        final WriteThroughException end = refused(4 * min, 0);
        assertTrue(end.getMessage().contains("the file ends in the middle of this one"), end.getMessage());
        assertArrayEquals(Arrays.copyOf(bytes(8 * min, 1), min + 100), read(file, 0, min + 100));
    }

    @Test
    void anEngineThatIsTooSmallSaysSo() throws Exception {
        assumeAtomicWrites();
        assumeTrue(max >= 128 << 10, "atomic writes here are short");
        engine.close();
        engine = WriteThroughEngine.builder().cacheBytes(256 << 10).build();
        file = engine.open(path, READ, WRITE);
        final WriteThroughException failure = refused(128 << 10, 0);
        assertEquals("EMSGSIZE", failure.errnoName());
        assertTrue(failure.getMessage().contains("cacheBytes"), failure.getMessage());
    }

    @Test
    void whereThereAreNoAtomicWritesAPageIsRefusedWithWhatToDo() throws Exception {
        assumeTrue(max == 0, "files here have atomic writes");
        final WriteThroughException failure = refused(4096, 0);
        assertEquals("EOPNOTSUPP", failure.errnoName());
        assertTrue(failure.getMessage().contains("no atomic writes"), failure.getMessage());
        assertTrue(failure.getMessage().contains(file.profile().fileSystemType()), failure.getMessage());
        assertEquals(
                failure.getMessage(),
                failureOf(file.writeAsync(buffer(4096, 1), 0, Durability.DSYNC, WriteFlag.ATOMIC))
                        .getMessage());
        assertEquals(0, Files.size(path));
    }

    @Test
    void theLimitsAreThoseOfTheFile() throws Exception {
        final StorageProfile closed = StorageProfile.of(path);
        assertEquals(min, closed.atomicWriteMinBytes());
        assertEquals(max, closed.atomicWriteMaxBytes());
        final int optimal = file.profile().atomicWriteOptimalBytes();
        assertTrue(
                max == 0 ? optimal == 0 : min <= optimal && optimal <= max,
                file.profile().toString());
        assertTrue(
                max == 0 || min >= file.profile().blockBytes(), file.profile().toString());
    }

    @Test
    void aFileThatWasOpenedToAppendAppendsWithFlagsToo() throws Exception {
        engine.close();
        engine = WriteThroughEngine.builder().build();
        file = engine.open(path, APPEND);
        file.write(buffer(100, 1), 0, Durability.DSYNC, WriteFlag.DONTCACHE);
        file.write(buffer(100, 2), 0, Durability.DSYNC, WriteFlag.DONTCACHE);
        file.write(new ByteBuffer[] {buffer(100, 3)}, 0, Durability.DSYNC, WriteFlag.DONTCACHE);
        assertEquals(300, Files.size(path));
    }
}
