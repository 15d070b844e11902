// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads frames of one segment, through a window of its file. Nothing is read at or behind the limit that a call names, and
 * nothing is believed before its checksum was right.
 */
final class Frames {
    static final int WINDOW_BYTES = 1 << 20;

    /** What is at an offset. */
    enum Found {
        /** A frame whose checksum is right. */
        FRAME,
        /** Zeros where a frame's header would be. */
        ZEROS,
        /** No room for a frame before the limit. */
        NOTHING,
        /** Anything else. */
        JUNK
    }

    private final LogFile file;
    private final long logId;
    private final long base;
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer prefix =
            ByteBuffer.allocate(Format.PREFIX_BYTES + Format.FRAME_HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    /* Bytes of the file, behind room for what the checksum of the first frame begins with. */
    private final ByteBuffer window;
    private ByteBuffer view;
    private long windowStart;
    private long windowEnd;

    private ByteBuffer bytes;
    private long word;
    private int length;

    /** A window for files of segments. */
    static ByteBuffer window(final long segmentBytes) {
        return Format.direct(Format.PREFIX_BYTES + (int) Math.min(WINDOW_BYTES, segmentBytes));
    }

    /** Base is the LSN of the file's first byte. */
    Frames(final LogFile file, final long logId, final long base, final ByteBuffer window) {
        this.file = file;
        this.logId = logId;
        this.base = base;
        this.window = window;
        this.view = window.asReadOnlyBuffer();
        this.bytes = view;
    }

    LogFile file() {
        return file;
    }

    /** Forgets what was read. */
    void forget() {
        windowStart = 0;
        windowEnd = 0;
    }

    /** Makes the window begin at the offset, or before, and have so many bytes behind it. Returns how many it has. */
    private long fill(final long offset, final long count, final long limit) throws IOException {
        final long wanted = Math.min(count, limit - offset);
        if (offset < windowStart || offset + wanted > windowEnd) {
            window.clear()
                    .limit(Format.PREFIX_BYTES + (int) Math.min(most(), limit - offset))
                    .position(Format.PREFIX_BYTES);
            windowStart = offset;
            windowEnd = offset; // a read that throws leaves nothing
            final int read = file.read(window, offset);
            window.clear();
            windowEnd = offset + read;
        }
        return Math.min(wanted, windowEnd - offset);
    }

    private int most() {
        return window.capacity() - Format.PREFIX_BYTES;
    }

    private int at(final long offset) {
        return Format.PREFIX_BYTES + (int) (offset - windowStart);
    }

    /** What is at the offset; if it is a frame, the other methods tell of it. */
    Found read(final long offset, final long limit, final boolean wantBytes) throws IOException {
        if (limit - offset < Format.LEAST_FRAME_BYTES) {
            return Found.NOTHING;
        }
        if (fill(offset, Format.FRAME_HEADER_BYTES, limit) < Format.FRAME_HEADER_BYTES) {
            return Found.JUNK;
        }
        final long first = window.getLong(at(offset));
        length = (int) (first >>> 32);
        word = window.getLong(at(offset) + 8);
        if (first == 0 && word == 0) {
            return Found.ZEROS;
        }
        if (!isPlausible(offset, limit)) {
            return Found.JUNK;
        }
        return checksumOf(offset, limit, wantBytes, word) == (int) first ? Found.FRAME : Found.JUNK;
    }

    private boolean isPlausible(final long offset, final long limit) {
        return length > 0
                && length <= limit - offset - Format.FRAME_HEADER_BYTES
                && Format.areFlags((int) (word & Format.FLAGS))
                && watermark() <= base + offset
                && watermark() >= 0;
    }

    /** The checksum that the frame would have with this watermark and these flags. */
    private int checksumOf(final long offset, final long limit, final boolean wantBytes, final long withWord)
            throws IOException {
        crc.reset();
        final long frame = (long) Format.FRAME_HEADER_BYTES + length;
        if (frame <= most() && fill(offset, frame, limit) == frame) {
            return checksumInWindow(at(offset), (int) frame, withWord);
        }
        prefix.clear();
        prefix.putLong(0, logId).putLong(8, base + offset).putInt(16, 0).putInt(20, length);
        prefix.putLong(24, withWord);
        crc.update(prefix.array());
        final long start = offset + Format.FRAME_HEADER_BYTES;
        if (wantBytes) {
            final ByteBuffer whole = ByteBuffer.allocate(length);
            if (file.read(whole, start) == length) {
                crc.update(whole.array(), 0, length);
            }
            bytes = whole.flip().asReadOnlyBuffer();
        } else {
            for (int done = 0; done < length; ) {
                final int count = (int) fill(start + done, Math.min(length - done, most()), limit);
                if (count == 0) {
                    break; // the file is shorter: so the checksum is wrong
                }
                window.limit(at(start + done) + count).position(at(start + done));
                crc.update(window);
                window.clear();
                done += count;
            }
        }
        return (int) crc.getValue();
    }

    /*
     * Puts what the checksum begins with in front of the frame, so that all is one piece: two take half as long again for records
     * of 512 bytes. What was there comes back.
     */
    private int checksumInWindow(final int frame, final int count, final long withWord) {
        final int begin = frame - Format.PREFIX_BYTES;
        final long before = window.getLong(begin);
        final long behind = window.getLong(begin + 8);
        final int stored = window.getInt(frame);
        final long storedWord = window.getLong(frame + 8);
        window.putLong(begin, logId).putLong(begin + 8, base + windowStart + frame - Format.PREFIX_BYTES);
        window.putInt(frame, 0).putLong(frame + 8, withWord);
        window.limit(frame + count).position(begin);
        crc.update(window);
        window.clear();
        window.putLong(begin, before).putLong(begin + 8, behind);
        window.putInt(frame, stored).putLong(frame + 8, storedWord);
        view.limit(frame + count).position(frame + Format.FRAME_HEADER_BYTES);
        bytes = view;
        return (int) crc.getValue();
    }

    /**
     * A frame whose flag "the append goes on" may be about to fall, and whose header may be torn by that: the header that it
     * has without the flag. Null if the frame is not that.
     */
    @Nullable
    ByteBuffer headerOfLast(final long offset, final long limit) throws IOException {
        if (fill(offset, Format.FRAME_HEADER_BYTES, limit) < Format.FRAME_HEADER_BYTES) {
            return null;
        }
        final int stored = window.getInt(at(offset));
        length = window.getInt(at(offset) + 4);
        word = window.getLong(at(offset) + 8);
        if (!isPlausible(offset, limit)) {
            return null;
        }
        final long last = word & ~(long) Format.APPEND_GOES_ON;
        final int checksum = checksumOf(offset, limit, false, last);
        if (stored != checksum && stored != checksumOf(offset, limit, false, last | Format.APPEND_GOES_ON)) {
            return null;
        }
        final ByteBuffer header = Format.direct(Format.FRAME_HEADER_BYTES);
        return header.putInt(checksum).putInt(length).putLong(last).flip();
    }

    /** The bytes of the record in the frame, read-only, until the next call of this object. */
    ByteBuffer bytes() {
        return bytes;
    }

    /** Of the frame that was read. */
    long watermark() {
        return word & ~(long) Format.FLAGS;
    }

    boolean isFiller() {
        return (word & Format.FLAGS) == Format.FILLER;
    }

    boolean recordGoesOn() {
        return (word & Format.RECORD_GOES_ON) != 0 && !isFiller();
    }

    boolean appendGoesOn() {
        return (word & Format.APPEND_GOES_ON) != 0;
    }

    boolean continues() {
        return (word & Format.CONTINUES) != 0;
    }

    /** Where a frame ends that begins at the offset and was read just now. */
    long endOf(final long offset) {
        return offset + Format.framed(length);
    }

    /**
     * Looks behind a place that should have a frame and has none.
     *
     * @return the offset of a frame with a watermark behind the place, so that the place was durable; -1 if there is none
     */
    long proofOf(final long place, final long limit) throws IOException {
        // Each candidate costs a checksum. Records may be made such that there are many: then damage is what is told.
        long budget = 8 * (limit - place) + (1 << 20);
        for (long offset = place + 8; limit - offset >= Format.LEAST_FRAME_BYTES; offset += 8) {
            if (fill(offset, Format.FRAME_HEADER_BYTES, limit) < Format.FRAME_HEADER_BYTES) {
                return Format.NONE;
            }
            word = window.getLong(at(offset) + 8);
            length = window.getInt(at(offset) + 4);
            if (watermark() > base + place && isPlausible(offset, limit)) {
                budget -= length;
                final int stored = window.getInt(at(offset));
                if (budget < 0 || checksumOf(offset, limit, false, word) == stored) {
                    return offset;
                }
            }
        }
        return Format.NONE;
    }

    /** The end of the last 8 bytes from the offset on that are not zeros; the offset if all are. */
    long endOfBytes(final long offset, final long limit) throws IOException {
        long end = offset;
        for (long at = offset; at < limit; ) {
            final long count = fill(at, most(), limit);
            if (count == 0) {
                return end;
            }
            for (long i = 0; i + 8 <= count; i += 8) {
                if (window.getLong(at(at + i)) != 0) {
                    end = at + i + 8;
                }
            }
            at += count;
        }
        return end;
    }
}
