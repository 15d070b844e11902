// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.log.Frames.Found;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds where a log ends. Looks from the newest segment backwards, until one has an append that is whole: as a rule one segment
 * is read. Nothing is changed before all is found.
 */
final class Recovery {
    private static final int LOOKS = 3;

    private final LogFiles files;
    private final long logId;
    private final long segmentBytes;
    private final long start;
    private final long closedAt;
    private final List<Erasure> erasures = new ArrayList<>();
    private final ByteBuffer window;
    private long tornBytes;
    private long scannedBytes;

    private record Erasure(long sequence, long from, long to) {}

    /**
     * What a segment has from an offset on. The last commit is -1 if no append ends there. Bytes that are known to be of appends,
     * or may be, end at two other offsets.
     */
    private record Scan(long begin, long framesEnd, long lastCommit, long bytesEnd, long mayEnd) {}

    /** Where the log ends, an LSN, and what was cut off. */
    record Result(long end, long tornBytes, long scannedBytes) {}

    /**
     * What somebody saw who only reads, beside an owner perhaps. With damage, the end is before the damage. A cut that is not
     * finished is the end: what is behind counts as gone.
     */
    record Look(
            Format.Control control,
            long newest,
            Result found,
            @Nullable LogDamagedException damage) {}

    Recovery(final LogFiles files, final Format.Control control) {
        this.files = files;
        this.logId = control.logId();
        this.segmentBytes = control.segmentBytes();
        this.start = control.start();
        this.closedAt = control.end();
        this.window = Frames.window(segmentBytes);
    }

    /** Looks at a log without a change. Damage is told when it is seen again: the owner may write, or take names, meanwhile. */
    static Look look(final LogFiles files) throws IOException {
        IOException last = new IOException("No log in " + files);
        for (int attempt = 0; attempt < LOOKS; attempt++) {
            final Format.Control known = control(files);
            long newest = sequenceOf(known.start(), known.segmentBytes()) - 1;
            try {
                newest = requireAll(files, sequences(files.list()), known.start(), known.segmentBytes());
                final Result found = known.cut() == Format.NONE
                        ? new Recovery(files, known).find(newest)
                        : new Result(known.cut(), 0, 0);
                return new Look(known, newest, found, null);
            } catch (final LogDamagedException e) {
                last = e;
                if (attempt == LOOKS - 1) {
                    return new Look(known, newest, new Result(e.readableTo(), 0, 0), e);
                }
            } catch (final NoSuchFileException e) {
                last = e;
            }
        }
        throw last;
    }

    private static Format.Control control(final LogFiles files) throws IOException {
        final Format.Control control = ControlFile.read(files);
        if (control == null) {
            throw new IOException("The log " + files + " is being made. Try again");
        }
        return control;
    }

    /** The sequence of the segment that a record or an end is in: an end may be the first byte behind a segment. */
    static long sequenceOf(final long lsn, final long segmentBytes) {
        return (lsn - 1) / segmentBytes;
    }

    /** The sequences of the segments that a log has, in order. */
    static List<Long> sequences(final List<String> names) {
        final List<Long> sequences = new ArrayList<>();
        for (final String name : names) {
            final long sequence = Segments.sequenceOf(name);
            if (sequence != Format.NONE) {
                sequences.add(sequence);
            }
        }
        sequences.sort(null);
        return sequences;
    }

    /** Checks that none is missing from the segment of the start on. Returns the last. */
    static long requireAll(final LogFiles files, final List<Long> sequences, final long start, final long segmentBytes)
            throws IOException {
        long next = sequenceOf(start, segmentBytes);
        for (final long sequence : sequences) {
            if (sequence > next) {
                break;
            }
            next = Math.max(next, sequence + 1);
        }
        final long last = sequences.isEmpty() ? 0 : sequences.get(sequences.size() - 1);
        if (next != last + 1 || last < sequenceOf(start, segmentBytes)) {
            throw new LogDamagedException(
                    files, Segments.nameOf(next), 0, Math.max(start, next * segmentBytes), "the segment is missing");
        }
        return last;
    }

    /** Returns whether the segment may have bytes of an older one. */
    static boolean checkSegment(
            final LogFiles files, final LogFile file, final long logId, final long sequence, final long segmentBytes)
            throws IOException {
        final ByteBuffer header = Format.direct(Format.HEADER_BYTES);
        file.read(header, 0);
        String fault = Format.faultOfSegmentHeader(header, logId, sequence, segmentBytes);
        if (fault.isEmpty() && file.size() < segmentBytes) {
            fault = "the file has " + file.size() + " bytes, a segment has " + segmentBytes;
        }
        if (!fault.isEmpty()) {
            throw new LogDamagedException(
                    files, Segments.nameOf(sequence), 0, sequence * segmentBytes + Format.HEADER_BYTES, fault);
        }
        return Format.isUsedAgain(header);
    }

    private LogDamagedException damaged(final long sequence, final long offset, final String what) {
        return new LogDamagedException(
                files, Segments.nameOf(sequence), offset, sequence * segmentBytes + offset, what);
    }

    private Scan scan(final long sequence) throws IOException {
        try (LogFile file = files.open(Segments.nameOf(sequence), false)) {
            final boolean isUsedAgain = checkSegment(files, file, logId, sequence, segmentBytes);
            final long base = sequence * segmentBytes;
            final Frames frames = new Frames(file, logId, base, window);
            final long begin = Math.max(Format.HEADER_BYTES, start - base);
            long offset = begin;
            long lastCommit = Format.NONE;
            Found found;
            while ((found = frames.read(offset, segmentBytes, false)) == Found.FRAME) {
                offset = frames.endOf(offset);
                if (!frames.appendGoesOn()) {
                    lastCommit = offset;
                }
            }
            final long mayEnd = found == Found.NOTHING ? offset : frames.endOfBytes(offset, segmentBytes);
            final long bytesEnd = isUsedAgain ? endOfTorn(found, offset) : mayEnd;
            scannedBytes += segmentBytes - begin;
            if (mayEnd > offset) {
                final long proof = frames.proofOf(offset, segmentBytes);
                if (proof != Format.NONE) {
                    throw damaged(
                            sequence,
                            offset,
                            "there is no valid frame, and the frame at offset " + proof
                                    + " tells that there was a durable one");
                }
            }
            return new Scan(
                    begin, offset, lastCommit, bytesEnd, isUsedAgain && closedAt != Format.NONE ? bytesEnd : mayEnd);
        }
    }

    /*
     * Where a torn write ends, as far as is known, in a segment that has other bytes behind: zeros are behind the last write that
     * was whole.
     */
    private long endOfTorn(final Found found, final long offset) {
        return found == Found.JUNK ? Format.endOfZeros(offset, segmentBytes) : offset;
    }

    /** Finds the end. The last is the newest segment that there is. */
    Result find(final long last) throws IOException {
        final long first = sequenceOf(start, segmentBytes);
        boolean bytesAbove = false;
        for (long sequence = last; ; sequence--) {
            final Scan scan = scan(sequence);
            final long base = sequence * segmentBytes;
            if (bytesAbove && segmentBytes - scan.framesEnd >= Format.LEAST_FRAME_BYTES) {
                throw damaged(
                        sequence, scan.framesEnd, "there is no valid frame, but the next segment has been written");
            }
            final boolean isEnd = scan.lastCommit != Format.NONE || sequence == first;
            final long end = scan.lastCommit != Format.NONE ? scan.lastCommit : scan.begin;
            if (scan.mayEnd > end) {
                erasures.add(new Erasure(sequence, end, scan.mayEnd));
            }
            if (scan.bytesEnd > end) {
                tornBytes += scan.bytesEnd - end;
                bytesAbove = true;
            }
            if (isEnd) {
                requireClosedEnd(base + end);
                return new Result(base + end, tornBytes, scannedBytes);
            }
        }
    }

    private void requireClosedEnd(final long end) throws LogDamagedException {
        if (closedAt != Format.NONE && end < closedAt) {
            final long sequence = sequenceOf(end, segmentBytes);
            throw damaged(
                    sequence,
                    end - sequence * segmentBytes,
                    "the log was closed at LSN " + closedAt + ", and the records up to there are missing");
        }
    }

    /** Erases what was found behind the end, the newest segment first. A crash in the middle leaves what is a torn tail again. */
    void erase() throws IOException {
        for (final Erasure erasure : erasures) {
            try (LogFile file = files.open(Segments.nameOf(erasure.sequence), false)) {
                file.zero(erasure.from, erasure.to);
            }
        }
    }

    /**
     * Erases everything from the cut on in the cut's own segment, which is the last one. The frame before the cut becomes the
     * last one of its append. A crash in the middle leaves a cut that is done again.
     *
     * @param to an offset in the segment: no frame behind it can be of this log's next records
     */
    static void cut(
            final LogFiles files,
            final long logId,
            final long segmentBytes,
            final long start,
            final long cut,
            final long to)
            throws IOException {
        final long sequence = sequenceOf(cut, segmentBytes);
        final long base = sequence * segmentBytes;
        try (LogFile file = files.open(Segments.nameOf(sequence), false)) {
            checkSegment(files, file, logId, sequence, segmentBytes);
            final Frames frames = new Frames(file, logId, base, Frames.window(segmentBytes));
            long offset = Math.max(Format.HEADER_BYTES, start - base);
            while (base + offset < cut) {
                final @Nullable ByteBuffer header;
                if (frames.read(offset, segmentBytes, false) == Found.FRAME && base + frames.endOf(offset) < cut) {
                    offset = frames.endOf(offset);
                    continue;
                }
                header = frames.headerOfLast(offset, segmentBytes);
                if (header == null || base + frames.endOf(offset) != cut) {
                    throw new LogDamagedException(
                            files, file.name(), offset, base + offset, "no frame ends at the cut at LSN " + cut);
                }
                file.write(header, offset);
                break;
            }
            final long from = cut - base;
            frames.forget();
            file.zero(from, Math.max(from, frames.endOfBytes(from, to)));
        }
    }
}
