// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/** The numbers of the format, which package-info.java has in words. */
final class Format {
    static final int VERSION = 1;

    /** Of a slot of the control file, and of a segment. */
    static final int HEADER_BYTES = 4096;

    static final int FRAME_HEADER_BYTES = 16;

    /** A write of frames ends with zeros up to a multiple of this. */
    static final int BLOCK_BYTES = 4096;

    /** A frame needs so much. */
    static final int LEAST_FRAME_BYTES = 24;

    /** In front of a frame while its checksum is taken: the log's id, and the frame's LSN. */
    static final int PREFIX_BYTES = 16;

    static final int RECORD_GOES_ON = 1;
    static final int APPEND_GOES_ON = 2;
    static final int CONTINUES = 4;
    static final int FLAGS = 7;

    /** The flags of a frame that is no record: its bytes were those of appends that failed. */
    static final int FILLER = 1;

    static final long NONE = -1;

    /** The part of a header that is not zeros. */
    static final int USED_HEADER_BYTES = 64;

    private static final int CHECKSUM_AT = 12;
    private static final int USED_AGAIN_AT = 40;
    private static final long CONTROL_MAGIC = magic("WTLOGCTL");
    private static final long SEGMENT_MAGIC = magic("WTLOGSEG");

    private Format() {}

    private static long magic(final String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }

    /** What a frame with so many bytes of a record takes. */
    static long framed(final long length) {
        return (FRAME_HEADER_BYTES + length + 7) & -8L;
    }

    /** Where the zeros end that a write of frames has behind them, if the frames end at the offset. */
    static long endOfZeros(final long offset, final long segmentBytes) {
        final long blocks = (offset + FRAME_HEADER_BYTES + BLOCK_BYTES - 1) / BLOCK_BYTES;
        return Math.min(blocks * BLOCK_BYTES, segmentBytes);
    }

    /** Whether the flags can be: a record that goes on is in an append that does. */
    static boolean areFlags(final int flags) {
        return (flags & RECORD_GOES_ON) == 0 || (flags & APPEND_GOES_ON) != 0 || flags == FILLER;
    }

    static ByteBuffer direct(final int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int checksum(final ByteBuffer header) {
        final CRC32C crc = new CRC32C();
        final ByteBuffer copy = ByteBuffer.allocate(USED_HEADER_BYTES)
                .put(header.duplicate().clear().limit(USED_HEADER_BYTES));
        copy.putInt(CHECKSUM_AT, 0);
        crc.update(copy.flip());
        return (int) crc.getValue();
    }

    private static ByteBuffer seal(final ByteBuffer header) {
        header.putInt(CHECKSUM_AT, checksum(header));
        return header.clear();
    }

    private static boolean isSealed(final ByteBuffer header, final long magic) {
        return header.getLong(0) == magic && header.getInt(CHECKSUM_AT) == checksum(header);
    }

    static ByteBuffer segmentHeader(
            final long logId, final long sequence, final long segmentBytes, final boolean isUsedAgain) {
        final ByteBuffer header = direct(HEADER_BYTES);
        header.putLong(0, SEGMENT_MAGIC).putInt(8, VERSION);
        header.putLong(16, logId).putLong(24, sequence).putLong(32, segmentBytes);
        header.putLong(USED_AGAIN_AT, isUsedAgain ? 1 : 0);
        return seal(header);
    }

    /** Of a header without a fault: whether the segment may have bytes of an older one behind its frames. */
    static boolean isUsedAgain(final ByteBuffer header) {
        return header.getLong(USED_AGAIN_AT) != 0;
    }

    /** What is wrong with the header of a segment; empty if nothing is. */
    static String faultOfSegmentHeader(
            final ByteBuffer header, final long logId, final long sequence, final long segmentBytes) {
        if (!isSealed(header, SEGMENT_MAGIC)) {
            return "the header has a wrong magic or checksum";
        }
        if (header.getInt(8) != VERSION) {
            return "the header has version " + header.getInt(8) + ", this library reads version " + VERSION;
        }
        if (header.getLong(16) != logId) {
            return "the segment is of another log";
        }
        if (header.getLong(24) != sequence || header.getLong(32) != segmentBytes) {
            return "the header has sequence " + header.getLong(24) + " and " + header.getLong(32) + " bytes";
        }
        return "";
    }

    /** A slot of the control file, and what it says. */
    record Control(long generation, long logId, long segmentBytes, long start, long cut, long end) {
        /** A cut raises the generation by so much, which is odd as any other change's 1. */
        static final long CUT_GENERATIONS = (1L << 32) + 1;

        /** How many cuts there were: so a reader learns of one that is over. */
        long cuts() {
            return generation >>> 32;
        }

        ByteBuffer slot() {
            final ByteBuffer slot = direct(HEADER_BYTES);
            slot.putLong(0, CONTROL_MAGIC).putInt(8, VERSION);
            slot.putLong(16, generation).putLong(24, logId).putLong(32, segmentBytes);
            slot.putLong(40, start).putLong(48, cut).putLong(56, end);
            return seal(slot);
        }

        /** Whether the slot is one of this or another version. */
        static boolean isValid(final ByteBuffer slot) {
            return isSealed(slot, CONTROL_MAGIC);
        }

        static int versionOf(final ByteBuffer slot) {
            return slot.getInt(8);
        }

        static Control of(final ByteBuffer slot) {
            return new Control(
                    slot.getLong(16),
                    slot.getLong(24),
                    slot.getLong(32),
                    slot.getLong(40),
                    slot.getLong(48),
                    slot.getLong(56));
        }

        boolean isPlausible() {
            return segmentBytes >= LogOptions.LEAST_SEGMENT_BYTES
                    && segmentBytes <= LogOptions.MOST_SEGMENT_BYTES
                    && segmentBytes % HEADER_BYTES == 0
                    && start >= segmentBytes;
        }
    }
}
