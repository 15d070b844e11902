// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Segments that are used again: with the bytes of an older one behind their frames, or with zeros. */
@Timeout(60)
class UsedAgainTest {
    private static final LogOptions OPTIONS = LogOptions.builder()
            .segmentBytes(LogOptions.LEAST_SEGMENT_BYTES)
            .spareSegments(1)
            .build();
    private static final int SEGMENT_BYTES = (int) LogOptions.LEAST_SEGMENT_BYTES;
    private static final int RECORD_BYTES = 1000;

    private static DurableLog open(final SimulatedDisk disk) throws IOException {
        return DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
    }

    private static ByteBuffer record(final int number) {
        final byte[] record = new byte[RECORD_BYTES];
        Arrays.fill(record, (byte) 0x5a);
        return ByteBuffer.wrap(record).putInt(0, number);
    }

    private static List<Integer> read(final DurableLog log) throws IOException {
        final List<Integer> numbers = new ArrayList<>();
        try (LogReader reader = log.reader(log.start())) {
            while (reader.next()) {
                numbers.add(reader.record().getInt(reader.record().position()));
            }
        }
        return numbers;
    }

    private static boolean hasBytes(final byte[] segment, final int from) {
        for (int i = from; i < segment.length; i++) {
            if (segment[i] != 0) {
                return true;
            }
        }
        return false;
    }

    private static byte[] segmentOf(final Map<String, byte[]> files, final long lsn) {
        return files.get(Segments.nameOf(Recovery.sequenceOf(lsn, SEGMENT_BYTES)));
    }

    private static Map<String, byte[]> filesOf(final SimulatedDisk disk) {
        return disk.after(disk.steps(), new Random(1));
    }

    /** What a log leaves that is not closed, with its end in the middle of a trimmed segment. */
    private static final class Left {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final List<Integer> numbers = new ArrayList<>();
        long last;
        long end;

        Left() throws IOException {
            final DurableLog log = open(disk);
            long before = log.append(record(0));
            for (int number = 1; log.stats().newSegments() < 5 || offsetOf(log.end()) < SEGMENT_BYTES / 2; number++) {
                last = log.append(record(number));
                if (offsetOf(last) < offsetOf(before)) {
                    log.trim(last);
                }
                before = last;
            }
            assertTrue(log.stats().recycledSegments() > 1, log.stats().toString());
            numbers.addAll(read(log));
            end = log.end();
        }

        static int offsetOf(final long lsn) {
            return (int) (lsn % SEGMENT_BYTES);
        }
    }

    @Test
    void aTrimmedSegmentIsUsedAgainAsItIsAndHasACleanEnd() throws IOException {
        final Left left = new Left();
        final Map<String, byte[]> files = filesOf(left.disk);
        final int behind = (int) Format.endOfZeros(Left.offsetOf(left.end), SEGMENT_BYTES);
        assertTrue(hasBytes(segmentOf(files, left.end), behind), "zeros were written");
        final SimulatedDisk disk = new SimulatedDisk(2, files);
        try (DurableLog log = open(disk)) {
            assertEquals(0, log.recovery().tornBytes());
            assertEquals(left.end, log.recovery().end());
            assertEquals(left.numbers, read(log));
            log.append(record(-1));
            left.numbers.add(-1);
            assertEquals(left.numbers, read(log));
        }
        try (DurableLog log = open(disk)) {
            assertEquals(left.numbers, read(log));
        }
    }

    @Test
    void aTornTailBeforeOlderBytesIsCutOff() throws IOException {
        final Left left = new Left();
        final Map<String, byte[]> files = filesOf(left.disk);
        final int torn = Left.offsetOf(left.last);
        segmentOf(files, left.end)[torn + 500] ^= 1;
        final SimulatedDisk disk = new SimulatedDisk(2, files);
        try (DurableLog log = open(disk)) {
            assertEquals(left.last, log.recovery().end());
            assertEquals(
                    Format.endOfZeros(torn, SEGMENT_BYTES) - torn,
                    log.recovery().tornBytes());
            assertEquals(left.numbers.subList(0, left.numbers.size() - 1), read(log));
        }
        assertTrue(!hasBytes(segmentOf(filesOf(disk), left.end), torn), "a later write of the torn tail may be there");
    }

    @Test
    void aFrameOfATornWriteBehindOneThatIsMissingDoesNotComeBack() throws IOException {
        final Left left = new Left();
        final Map<String, byte[]> before = filesOf(left.disk);
        final SimulatedDisk torn = new SimulatedDisk(2, before);
        try (DurableLog log = open(torn)) {
            log.appendLater(record(-1));
            log.appendLater(record(-2));
            torn.endAll();
        }
        // The second was made before the first was durable. It alone has arrived.
        final byte[] segment = segmentOf(before, left.end);
        final byte[] written = segmentOf(filesOf(torn), left.end);
        final int second = Left.offsetOf(left.end) + (int) Format.framed(RECORD_BYTES);
        System.arraycopy(written, second, segment, second, (int) Format.framed(RECORD_BYTES));
        final SimulatedDisk disk = new SimulatedDisk(3, before);
        final DurableLog log = open(disk);
        assertEquals(left.numbers, read(log));
        assertTrue(!hasBytes(segmentOf(filesOf(disk), left.end), Left.offsetOf(left.end)), "the frame is there");
    }

    @Test
    void aSegmentThatATruncationTookBackGetsZerosBeforeItIsUsedAgain() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final LogOptions options = LogOptions.builder()
                .segmentBytes(SEGMENT_BYTES)
                .spareSegments(2)
                .build();
        try (DurableLog log = DurableLog.open(disk, options, Runnable::run, () -> {})) {
            final long first = log.append(record(0));
            for (int round = 0; round < 3; round++) { // files change places
                long last = first;
                while (last < 2L * SEGMENT_BYTES + SEGMENT_BYTES / 2) {
                    last = log.append(record(1));
                }
                log.truncateAfter(first);
                assertTrue(
                        !hasBytes(segmentOf(filesOf(disk), last), Format.HEADER_BYTES),
                        "records that were taken back are there");
                assertEquals(List.of(0), read(log));
            }
        }
    }
}
