// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A way that does less than it says would win every comparison. */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = ThreadMode.SEPARATE_THREAD)
final class WaysTest {
    private static final int BYTES = 4096;
    private static final int UNITS = 16;
    private static final long NANOS = 20_000_000;

    @TempDir
    private Path directory;

    private Path path;

    @BeforeEach
    void makeFile() throws IOException {
        path = directory.resolve("file");
        Files.write(path, new byte[UNITS * BYTES]);
    }

    private Way open(DurableWay writer) {
        try {
            return writer.open(path, BYTES);
        } catch (IOException | UnsupportedOperationException e) {
            return abort(writer + " does not work here: " + e.getMessage());
        }
    }

    private byte[] unit(int index) throws IOException {
        return Arrays.copyOfRange(Files.readAllBytes(path), index * BYTES, (index + 1) * BYTES);
    }

    @ParameterizedTest
    @EnumSource
    void aWriterWritesItsWholeUnitThereAndNowhereElse(DurableWay writer) throws IOException {
        byte[] source = new byte[BYTES];
        Buffers.source(BYTES).get(source);
        try (Way way = open(writer)) {
            way.operation().at(3 * BYTES);
            // The first bytes differ from write to write.
            assertArrayEquals(Arrays.copyOfRange(source, 8, BYTES), Arrays.copyOfRange(unit(3), 8, BYTES));
            assertArrayEquals(new byte[BYTES], unit(2));
            assertArrayEquals(new byte[BYTES], unit(4));
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyAsynchronousWriteIsDoneWhenTheSliceEnds(DurableAsyncWay writer) throws IOException {
        AsyncWay way;
        try {
            way = writer.open(path, BYTES, 4);
        } catch (IOException | UnsupportedOperationException e) {
            abort(writer + " does not work here: " + e.getMessage());
            return;
        }
        try (Contender contender = new AsyncContender(way, 4)) {
            Slice slice = contender.run(Pattern.sequential(BYTES, UNITS * BYTES), NANOS, 1);
            assertTrue(slice.operations() >= 4);
            assertEquals(slice.operations(), slice.latency().getTotalCount());
        }
        byte[] source = new byte[BYTES];
        Buffers.source(BYTES).get(source);
        for (int index = 0; index < 4; index++) {
            assertArrayEquals(Arrays.copyOfRange(source, 8, BYTES), Arrays.copyOfRange(unit(index), 8, BYTES));
        }
    }

    @Test
    void aColdReadReadsTheWholeFileInEveryPass() throws IOException {
        try (Contender contender = ColdRead.channel(path, UNITS * BYTES, BYTES, false)) {
            assertEquals(0, contender.run(null, 1, 1).operations() % UNITS);
        }
        try (Contender contender = ColdRead.library(path, UNITS * BYTES, BYTES)) {
            assertEquals(0, contender.run(null, 1, 1).operations() % UNITS);
        }
    }

    @Test
    void pagesAreReadAndWrittenBySeveralThreads() throws IOException {
        long span = (long) UNITS * BYTES;
        try (Contender crowd = new Crowd(Pages.directCached(path, BYTES, Pages.READS_IN_TEN, span / 2), 3)) {
            Slice slice = crowd.run(Pattern.skewed(BYTES, span, 1), NANOS, 1);
            assertTrue(slice.operations() >= 3);
        } catch (UnsupportedOperationException e) {
            abort("no direct I/O here: " + e.getMessage());
        }
        try (Contender crowd = new Crowd(Pages.library(path, BYTES, Pages.READS_IN_TEN, 1 << 20), 3)) {
            assertTrue(crowd.run(Pattern.skewed(BYTES, span, 1), NANOS, 1).operations() >= 3);
        }
    }

    @Test
    void anOpenThatLocksIsRefusedWhereTheFileIsLocked() throws IOException {
        List<OpenClose> locked = List.of(OpenClose.lockedChannel(path), OpenClose.lockedAsyncChannel(path));
        try (FileChannel other = FileChannel.open(path, StandardOpenOption.WRITE);
                FileLock lock = other.tryLock()) {
            for (OpenClose way : locked) {
                assertThrows(
                        OverlappingFileLockException.class,
                        () -> way.operation().at(0));
            }
            OpenClose.channel(path).operation().at(0);
            assertTrue(lock.isValid());
        }
        for (OpenClose way : locked) {
            way.operation().at(0);
            way.operation().at(0);
        }
    }
}
