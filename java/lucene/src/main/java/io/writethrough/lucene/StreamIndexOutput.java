// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import io.writethrough.Durability;
import io.writethrough.WriteFlag;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.zip.CRC32;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.IndexOutput;
import org.jspecify.annotations.Nullable;

/**
 * Writes a new file from its begin to its end. Whole chunks leave for the device as one I/O each while the caller goes on, and
 * stay in the cache only if they are to. What is less than a chunk, which is all of most files, is a write that the sync of the
 * file makes durable: a file that is deleted before costs no I/O.
 */
final class StreamIndexOutput extends IndexOutput {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    static final int CHUNK_BYTES = 256 << 10;
    private static final int FIRST_BYTES = 4 << 10;
    private static final int MAX_CHUNKS_UNDER_WAY = 4;

    private final WriteThroughFile file;
    private final @Nullable ReadSoon readSoon;
    private final WriteFlag[] flags;
    private final CRC32 checksum = new CRC32();
    private final Deque<CompletableFuture<Integer>> underWay = new ArrayDeque<>();

    private byte[] chunk = new byte[FIRST_BYTES];
    private int length;
    private int checked;
    private long written;
    private boolean closed;

    StreamIndexOutput(
            final String description,
            final String name,
            final WriteThroughFile file,
            final @Nullable ReadSoon readSoon) {
        super(description, name);
        this.file = file;
        this.readSoon = readSoon;
        this.flags = readSoon != null ? new WriteFlag[0] : new WriteFlag[] {WriteFlag.DONTCACHE};
    }

    /* There is space for one byte at least. */
    private void makeSpace() throws IOException {
        if (closed) {
            throw new AlreadyClosedException("Already closed: " + this);
        }
        if (chunk.length < CHUNK_BYTES) {
            chunk = Arrays.copyOf(chunk, Math.min(4 * chunk.length, CHUNK_BYTES));
        } else {
            send();
        }
    }

    private void send() throws IOException {
        updateChecksum();
        while (underWay.size() >= MAX_CHUNKS_UNDER_WAY) {
            Completion.await(underWay.remove());
        }
        underWay.add(file.writeAsync(ByteBuffer.wrap(chunk, 0, length), written, Durability.DEVICE, flags));
        written += length;
        length = checked = 0;
    }

    private void updateChecksum() {
        checksum.update(chunk, checked, length - checked);
        checked = length;
    }

    @Override
    public void writeByte(final byte value) throws IOException {
        if (length == chunk.length) {
            makeSpace();
        }
        chunk[length++] = value;
    }

    @Override
    public void writeBytes(final byte[] bytes, final int start, final int count) throws IOException {
        for (int done = 0; done < count; ) {
            if (length == chunk.length) {
                makeSpace();
            }
            final int here = Math.min(count - done, chunk.length - length);
            System.arraycopy(bytes, start + done, chunk, length, here);
            length += here;
            done += here;
        }
    }

    @Override
    public void writeShort(final short value) throws IOException {
        if (chunk.length - length < Short.BYTES) {
            super.writeShort(value);
            return;
        }
        SHORT.set(chunk, length, value);
        length += Short.BYTES;
    }

    @Override
    public void writeInt(final int value) throws IOException {
        if (chunk.length - length < Integer.BYTES) {
            super.writeInt(value);
            return;
        }
        INT.set(chunk, length, value);
        length += Integer.BYTES;
    }

    @Override
    public void writeLong(final long value) throws IOException {
        if (chunk.length - length < Long.BYTES) {
            super.writeLong(value);
            return;
        }
        LONG.set(chunk, length, value);
        length += Long.BYTES;
    }

    @Override
    public long getFilePointer() {
        return written + length;
    }

    @Override
    public long getChecksum() {
        updateChecksum();
        return checksum.getValue();
    }

    /** When this returns the kernel or the device has the bytes. */
    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        updateChecksum();
        try (file) {
            file.writeLater(ByteBuffer.wrap(chunk, 0, length), written);
            written += length;
            for (final CompletableFuture<Integer> write : underWay) {
                Completion.await(write);
            }
            if (readSoon != null && !underWay.isEmpty()) {
                readSoon.keep(getName(), file);
            }
        } finally {
            // Of a closed output the place is still asked for. A write finds no space, and is told why.
            length = checked = 0;
            chunk = new byte[0];
        }
    }
}
