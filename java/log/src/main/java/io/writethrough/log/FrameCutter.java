// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** Makes the frames of an append that is long, or that goes over the end of a segment, from the caller's buffers. */
final class FrameCutter {
    private final ByteBuffer[] parts;
    private final boolean batch;
    private final long logId;
    private int part;
    private long recordLeft;
    private boolean continues;

    /** Each buffer is a record, or all together are one. Their positions do not move. */
    FrameCutter(final ByteBuffer[] parts, final boolean batch, final long logId) {
        this.parts = new ByteBuffer[parts.length];
        for (int i = 0; i < parts.length; i++) {
            this.parts[i] = parts[i].duplicate();
        }
        this.batch = batch;
        this.logId = logId;
        this.recordLeft = lengthOf(0);
    }

    /* Of the record that begins with the part. */
    private long lengthOf(final int first) {
        if (batch) {
            return first < parts.length ? parts[first].remaining() : 0;
        }
        long length = 0;
        for (final ByteBuffer buffer : parts) {
            length += buffer.remaining();
        }
        return length;
    }

    /** How many segments of so much room the append needs behind one that has so much left. */
    int segmentsFor(final long roomNow, final long roomOfSegment) {
        int count = 0;
        long room = roomNow;
        for (int i = 0; i < (batch ? parts.length : 1); i++) {
            for (long left = lengthOf(i); left > 0; ) {
                if (room < Format.LEAST_FRAME_BYTES) {
                    room = roomOfSegment;
                    count++;
                }
                final long length = Math.min(left, room - Format.FRAME_HEADER_BYTES);
                left -= length;
                room -= Format.framed(length);
            }
        }
        return count;
    }

    /** The next frames, from the LSN on, as many as the room takes. */
    ByteBuffer[] cut(final long lsn, final long room, final long watermark) {
        final List<ByteBuffer> buffers = new ArrayList<>();
        long at = lsn;
        while (recordLeft > 0 && lsn + room - at >= Format.LEAST_FRAME_BYTES) {
            at += cutFrame(buffers, at, lsn + room - at, watermark, 0);
        }
        return buffers.toArray(new ByteBuffer[0]);
    }

    /** All parts as one frame that is no record. What is before it is durable. */
    ByteBuffer[] filler(final long lsn) {
        final List<ByteBuffer> buffers = new ArrayList<>();
        cutFrame(buffers, lsn, Format.framed(recordLeft), lsn, Format.FILLER);
        return buffers.toArray(new ByteBuffer[0]);
    }

    private long cutFrame(
            final List<ByteBuffer> buffers, final long lsn, final long room, final long watermark, final int more) {
        final int length = (int) Math.min(recordLeft, room - Format.FRAME_HEADER_BYTES);
        final ByteBuffer header = ByteBuffer.allocate(Format.PREFIX_BYTES + Format.FRAME_HEADER_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        buffers.add(header);
        final List<ByteBuffer> bytes = take(length);
        recordLeft -= length;
        int flags = more | (continues ? Format.CONTINUES : 0);
        continues = recordLeft > 0;
        if (continues) {
            flags |= Format.RECORD_GOES_ON | Format.APPEND_GOES_ON;
        } else if (batch && part < parts.length) {
            flags |= Format.APPEND_GOES_ON;
            recordLeft = lengthOf(part);
        }
        header.putLong(logId).putLong(lsn).putInt(0).putInt(length).putLong(watermark | flags);
        final CRC32C crc = new CRC32C();
        crc.update(header.array());
        for (final ByteBuffer buffer : bytes) {
            crc.update(buffer.duplicate());
            buffers.add(buffer);
        }
        header.putInt(Format.PREFIX_BYTES, (int) crc.getValue()).position(Format.PREFIX_BYTES);
        final long framed = Format.framed(length);
        buffers.add(ByteBuffer.allocate((int) (framed - Format.FRAME_HEADER_BYTES - length)));
        return framed;
    }

    /* The next bytes. Parts that are empty then are passed. */
    private List<ByteBuffer> take(final int length) {
        final List<ByteBuffer> bytes = new ArrayList<>();
        int left = length;
        while (left > 0) {
            final ByteBuffer from = parts[part];
            final int count = Math.min(left, from.remaining());
            bytes.add(from.slice(from.position(), count));
            from.position(from.position() + count);
            left -= count;
            if (!from.hasRemaining()) {
                part++;
            }
        }
        return bytes;
    }
}
