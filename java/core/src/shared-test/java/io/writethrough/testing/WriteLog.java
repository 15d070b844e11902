// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.testing;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The log of a device of dm-log-writes, in the order in which the device made things stable (the kernel's
 * admin-guide/device-mapper/log-writes.rst): a sector that says how many entries there are, and for each a sector that describes
 * it with the bytes that were written behind.
 */
final class WriteLog implements Closeable {
    private static final long MAGIC = 0x6a736677736872L;
    private static final int FLUSH = 1;
    private static final int FUA = 2;
    private static final int DISCARD = 4;
    private static final int MARK = 8;
    private static final int ENTRY_BYTES = 32;

    /** An entry. Of a mark the bytes are its text, of a discard there are none. */
    record Entry(long offset, long length, long flags, byte[] bytes) {
        boolean isMark() {
            return (flags & MARK) != 0;
        }

        boolean isDiscard() {
            return (flags & DISCARD) != 0;
        }

        boolean changesDisk() {
            return !isMark() && length > 0;
        }

        boolean isFlush() {
            return (flags & FLUSH) != 0;
        }

        /** What is in the log up to here is on the disk, whatever happens. */
        boolean isStable() {
            return (flags & (FLUSH | FUA)) != 0;
        }

        String text() {
            return new String(bytes, US_ASCII);
        }
    }

    private final FileChannel log;
    private final long entries;
    private final int sectorBytes;
    private long read;
    private long position;

    WriteLog(final Path path) throws IOException {
        log = FileChannel.open(path, StandardOpenOption.READ);
        final ByteBuffer head = read(0, ENTRY_BYTES);
        if (head.getLong() != MAGIC || head.getLong() != 1) {
            throw new IOException(path + " is no log of dm-log-writes, version 1");
        }
        entries = head.getLong();
        sectorBytes = head.getInt();
        position = sectorBytes;
    }

    /** The next entry; null after the last. */
    Entry next() throws IOException {
        if (read == entries) {
            return null;
        }
        read++;
        final ByteBuffer head = read(position, ENTRY_BYTES);
        final long offset = head.getLong() * sectorBytes;
        final long length = head.getLong() * sectorBytes;
        final long flags = head.getLong();
        final int textBytes = (int) head.getLong();
        final long after = position + sectorBytes;
        position = after + ((flags & DISCARD) != 0 ? 0 : length);
        final byte[] bytes;
        if ((flags & MARK) != 0) {
            bytes = read(after - sectorBytes + ENTRY_BYTES, textBytes).array();
        } else {
            bytes = read(after, (int) (position - after)).array();
        }
        return new Entry(offset, length, flags, bytes);
    }

    private ByteBuffer read(final long from, final int length) throws IOException {
        final ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (log.read(buffer, from + buffer.position()) < 0) {
                throw new EOFException("the log ends at " + (from + buffer.position()));
            }
        }
        return buffer.flip();
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
