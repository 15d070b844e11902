// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The power is cut at each step of programs that append, trim and truncate, on a disk that keeps any sectors of what is under
 * way; and then at steps of the recovery. A ledger says what the log must have. {@code -DWT_POWER_SEEDS=N} or the variable of
 * that name runs other programs, N of each kind.
 */
class PowerCutTest {
    private static final LogOptions OPTIONS = LogOptions.builder()
            .segmentBytes(LogOptions.LEAST_SEGMENT_BYTES)
            .spareSegments(1)
            .build();
    /* Each torn tail is worth a line, but not here. Kept, or the level would be forgotten. */
    private static final Logger LOGGER = Logger.getLogger("io.writethrough.log");

    static {
        LOGGER.setLevel(Level.WARNING);
    }

    private static final int STEPS = 50;
    private static final int CUTS_AT_A_STEP = 2;

    static LongStream seeds() {
        final String named = System.getProperty("WT_POWER_SEEDS", System.getenv("WT_POWER_SEEDS"));
        return named == null
                ? LongStream.range(0, 1)
                : new Random().longs(Integer.parseInt(named), 0, Integer.MAX_VALUE);
    }

    private static DurableLog open(final SimulatedDisk disk) throws IOException {
        return DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noPowerCutTakesWhatWasAcknowledged(final long seed) throws IOException {
        cutAtEachStepOf(seed, 0, false);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noPowerCutBringsBackWhatWasTrimmedOrCutOff(final long seed) throws IOException {
        cutAtEachStepOf(seed, 0, true);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noPowerCutTakesWhatWasAcknowledgedByADiskThatFails(final long seed) throws IOException {
        cutAtEachStepOf(seed, 60, false);
    }

    @Test
    void aSegmentThatAKilledProcessNamedIsThereAfterAPowerCut() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final DurableLog killed = open(disk);
        killed.append(ByteBuffer.allocate(50_000));
        disk.killsRename = true;
        killed.append(ByteBuffer.allocate(50_000)); // segment 3 gets its name, not durably
        final DurableLog log = open(disk);
        log.append(ByteBuffer.allocate(50_000));
        assertEquals(3, LogOnDisk.read(log).size());
        for (int seed = 0; seed < 16; seed++) {
            final SimulatedDisk left = new SimulatedDisk(1, disk.after(disk.steps(), new Random(seed)));
            try (DurableLog again = open(left)) {
                assertEquals(3, LogOnDisk.read(again).size());
            }
        }
    }

    private static void cutAtEachStepOf(final long seed, final int failures, final boolean cuts) throws IOException {
        final Ledger ledger = new Ledger();
        final SimulatedDisk disk = new SimulatedDisk(seed);
        final Random random = new Random(seed);
        final DurableLog log = open(disk);
        disk.failuresPerThousand = failures;
        for (int i = 0; i < STEPS; i++) {
            final int what = random.nextInt(cuts ? 24 : 20);
            if (what < 20 || ledger.appends().isEmpty()) {
                append(log, disk, ledger, random);
            } else if (what < 22) {
                trim(log, disk, ledger, random);
            } else {
                truncate(log, disk, ledger, random);
            }
        }
        disk.endAll();
        disk.failuresPerThousand = 0;
        log.close();
        final int steps = disk.steps();
        for (int step = 0; step <= steps; step++) {
            for (int i = 0; i < CUTS_AT_A_STEP; i++) {
                ledger.replay();
                final Random chance = new Random(seed * 1_000_003 + step * 31L + i);
                try {
                    checkAfterCut(disk.after(step, chance), ledger, chance);
                } catch (final IOException | AssertionError | RuntimeException e) {
                    throw new AssertionError(
                            "seed " + seed + ", cut " + i + " behind step " + step + " of " + steps, e);
                }
            }
        }
        assertTrue(ledger.present() > 0, ledger.toString());
    }

    private static void append(
            final DurableLog log, final SimulatedDisk disk, final Ledger ledger, final Random random) {
        final int way = random.nextInt(3);
        final Ledger.Append append = ledger.add(random.nextInt(4) == 0 ? 2 + random.nextInt(6) : 1);
        final List<ByteBuffer> buffers = Ledger.buffers(append);
        final ByteBuffer one = buffers.get(0);
        try {
            if (way == 0) {
                append.lsn = append.count == 1 ? log.append(one) : log.appendBatch(buffers);
                disk.tell(() -> append.acknowledged = true);
            } else if (way == 1) {
                (append.count == 1 ? log.appendAsync(one) : log.appendBatchAsync(buffers))
                        .whenComplete((lsn, failure) -> told(append, disk, lsn, failure));
            } else {
                append.lsn = append.count == 1 ? log.appendLater(one) : log.appendBatchLater(buffers);
                log.whenDurable(append.lsn)
                        .whenComplete((watermark, failure) -> told(append, disk, append.lsn, failure));
            }
        } catch (final IOException e) {
            disk.tell(() -> append.failed = true);
        }
        if (random.nextInt(3) == 0) {
            disk.progress();
        }
    }

    private static void told(
            final Ledger.Append append, final SimulatedDisk disk, final Long lsn, final Throwable failure) {
        if (failure == null) {
            append.lsn = lsn;
            disk.tell(() -> append.acknowledged = true);
        } else {
            disk.tell(() -> append.failed = true);
        }
    }

    private static void trim(final DurableLog log, final SimulatedDisk disk, final Ledger ledger, final Random random)
            throws IOException {
        disk.endAll();
        final List<Ledger.Append> appends = ledger.appends();
        final int kept = random.nextInt(appends.size());
        if (appends.get(kept).gone || appends.get(kept).lsn < log.start()) {
            return;
        }
        final List<Ledger.Append> given =
                appends.subList(0, kept).stream().filter(append -> !append.gone).toList();
        disk.tell(() -> given.forEach(append -> append.mayBeGone = true));
        log.trim(appends.get(kept).lsn);
        given.forEach(append -> append.gone = true);
        disk.tell(() -> given.forEach(append -> append.gone = true));
    }

    private static void truncate(
            final DurableLog log, final SimulatedDisk disk, final Ledger ledger, final Random random)
            throws IOException {
        disk.endAll();
        final List<Ledger.Append> appends = ledger.appends();
        final int from = Math.max(0, appends.size() - 12);
        final int kept = from + random.nextInt(appends.size() - from);
        if (appends.get(kept).gone || appends.get(kept).count > 1 || appends.get(kept).lsn < log.start()) {
            return;
        }
        final List<Ledger.Append> given = appends.subList(kept + 1, appends.size()).stream()
                .filter(append -> !append.gone)
                .toList();
        disk.tell(() -> given.forEach(append -> append.mayBeGone = true));
        log.truncateAfter(appends.get(kept).lsn);
        given.forEach(append -> append.gone = true);
        disk.tell(() -> given.forEach(append -> append.gone = true));
    }

    /* Opens what a cut left; sometimes after another cut, at a step of the opening. Then goes on, and opens it again. */
    private static void checkAfterCut(final Map<String, byte[]> files, final Ledger ledger, final Random chance)
            throws IOException {
        final SimulatedDisk first = new SimulatedDisk(1, files);
        try (DurableLog log = open(first)) {
            ledger.check(log);
        }
        final SimulatedDisk second = new SimulatedDisk(2, first.after(chance.nextInt(first.steps() + 1), chance));
        long end;
        try (DurableLog log = open(second)) {
            ledger.check(log);
            for (int i = 0; i < 3; i++) {
                log.appendLater(ByteBuffer.wrap(new byte[] {-1, -1, -1, -1, (byte) i}));
            }
            end = log.append(ByteBuffer.wrap(new byte[] {-1, -1, -1, -1, 3}));
        }
        try (DurableLog log = open(new SimulatedDisk(3, second.after(second.steps(), chance)));
                LogReader reader = log.reader(log.start())) {
            int added = 0;
            while (reader.next()) {
                added += reader.record().getInt(reader.record().position()) == -1 ? 1 : 0;
            }
            assertTrue(added == 4 && reader.lsn() == end, added + " records, the last at " + reader.lsn());
        }
    }
}
