// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.contender.ForcedChannels.Kind;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A program that writes less, or forces less, than it says would win every comparison. */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = ThreadMode.SEPARATE_THREAD)
final class CommitsTest {
    private static final int BYTES = 512;
    private static final int UNITS = 64;
    private static final int WRITES = 8;
    private static final int THREADS = 4;
    private static final long NANOS = 20_000_000;

    @TempDir
    private Path directory;

    private Path written() throws IOException {
        return Files.write(directory.resolve("file"), new byte[UNITS * BYTES]);
    }

    private static Pattern sequential() {
        return Pattern.sequential(BYTES, UNITS * BYTES);
    }

    /** In each unit the number of the last write to it, and behind that the bytes that all writes have. */
    private static void assertHasWrites(long writes, Path path) throws IOException {
        byte[] source = new byte[BYTES - Long.BYTES];
        Buffers.source(BYTES).get(Long.BYTES, source);
        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(path));
        assertEquals(UNITS * BYTES, content.remaining());
        assertTrue(writes >= WRITES);
        for (long last = Math.max(0, writes - UNITS); last < writes; last++) {
            int unit = (int) (last % UNITS) * BYTES;
            assertEquals(last, content.getLong(unit));
            byte[] rest = new byte[source.length];
            content.get(unit + Long.BYTES, rest);
            assertArrayEquals(source, rest);
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyOverwriteOfEveryCommitIsInTheFile(Kind kind) throws IOException {
        Path path = written();
        Slice slice;
        try (Contender commits = new CommitOverwrites(ForcedChannels.of(kind), path, BYTES, WRITES, CommitPart.WHOLE)) {
            slice = commits.run(sequential(), NANOS, 1);
        }
        assertHasWrites(slice.operations() * WRITES, path);
    }

    @ParameterizedTest
    @EnumSource
    void everyStreamIsANewFileWithAllItsWrites(Kind kind) throws IOException {
        Path path = directory.resolve("stream");
        try (Contender stream = new CommitStream(ForcedChannels.of(kind), path, BYTES, UNITS, CommitPart.WHOLE)) {
            assertTrue(stream.run(sequential(), NANOS, 1).operations() >= 1);
            assertHasWrites(UNITS, path);
        }
        assertTrue(Files.notExists(path));
    }

    @ParameterizedTest
    @EnumSource
    void everyAppendOfEveryThreadIsInTheLogOfTheSlice(Kind kind) throws IOException {
        Path path = directory.resolve("log");
        try (Contender appends = new CommitAppends(ForcedChannels.of(kind), path, BYTES, 2, THREADS)) {
            for (int i = 0; i < 2; i++) {
                Slice slice = appends.run(null, NANOS, 1);
                assertTrue(slice.operations() >= THREADS);
                assertEquals(slice.operations() * 2 * BYTES, Files.size(path));
            }
        }
        assertTrue(Files.notExists(path));
    }

    /** Channels whose writes and forces go on a list. */
    private static ForcedChannels listing(List<String> calls) {
        return new ForcedChannels((path, options) -> new ListingChannel(calls, UNITS * BYTES), () -> {});
    }

    @Test
    void aForceFollowsTheWritesOfEachCommit() throws IOException {
        List<String> commit = new ArrayList<>(Collections.nCopies(WRITES, "write"));
        commit.add("force");

        List<String> calls = new ArrayList<>();
        new CommitOverwrites(listing(calls), written(), BYTES, WRITES, CommitPart.WHOLE).run(sequential(), 0, 1);
        assertEquals(commit, calls);

        calls.clear();
        Path none = directory.resolve("none");
        new CommitStream(listing(calls), none, BYTES, WRITES, CommitPart.WHOLE).run(sequential(), 0, 1);
        assertEquals(commit, calls);

        calls.clear();
        long commits = new CommitAppends(listing(calls), none, BYTES, WRITES, 1)
                .run(sequential(), 0, 1)
                .operations();
        assertEquals(commit, calls.subList(0, WRITES + 1));
        assertEquals(commits * (WRITES + 1), calls.size());
    }

    @Test
    void onlyThePartThatCountsIsTimed() throws IOException {
        assertEquals(7, CommitPart.WHOLE.nanos(10, 12, 17));
        assertEquals(2, CommitPart.WRITES.nanos(10, 12, 17));
        assertEquals(5, CommitPart.FORCE.nanos(10, 12, 17));
        Way.Operation slowWrite = offset -> {
            for (long begin = System.nanoTime(); System.nanoTime() - begin < NANOS; ) {
                Thread.onSpinWait();
            }
        };
        ListingChannel channel = new ListingChannel(new ArrayList<>(), UNITS * BYTES);
        for (CommitPart part : CommitPart.values()) {
            CommitClock clock = new CommitClock(1, part);
            long begin = System.nanoTime();
            clock.run(channel, slowWrite, sequential(), 0);
            long all = System.nanoTime() - begin;
            long counted = clock.slice().nanos();
            assertEquals(1, clock.slice().operations());
            assertTrue(part == CommitPart.FORCE ? counted <= all - NANOS : counted >= NANOS, part + ": " + counted);
        }
    }
}
