// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexInput;
import org.apache.lucene.store.RandomAccessInput;
import org.jspecify.annotations.Nullable;

/**
 * Reads a file, or a slice of one, through a window: a copy of a few bytes around the last place that was read. Who reads the
 * next byte looks into an array, and asks the cache only behind its end. A longer read goes past the window.
 *
 * <p>The window begins at {@link #windowStart} of this input. {@link #base} is the place of the window's first byte for reads
 * in sequence, which go from {@link #at} to {@link #limit}. A read by position that moves the window leaves the place of
 * reads in sequence where it was, outside: then {@code base} is that place, and {@code at} and {@code limit} are 0.
 */
final class CachedIndexInput extends IndexInput implements RandomAccessInput {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).order(ByteOrder.LITTLE_ENDIAN);

    /* The longest that numbers of variable length are. */
    private static final int MAX_VINT_BYTES = 5;
    private static final int MAX_VLONG_BYTES = 10;

    private final CachedFile file;
    private final long offset;
    private final long length;
    private final boolean closesFile;

    private Windows windows;
    private int windowBytes;

    /* The array of the buffer, which shows all of it. */
    private byte[] window = NOTHING.array();
    private ByteBuffer buffer = NOTHING;
    private long windowStart;
    private int windowLength;

    /* Where a read is in sequence that finds nothing in the window. */
    private long expected = -1;

    private long base;
    private int at;
    private int limit;
    private boolean closed;

    CachedIndexInput(final String description, final CachedFile file, final Windows windows) {
        this(description, file, 0, file.length(), windows, true);
    }

    private CachedIndexInput(
            final String description,
            final CachedFile file,
            final long offset,
            final long length,
            final Windows windows,
            final boolean closesFile) {
        super(description);
        this.file = file;
        this.offset = offset;
        this.length = length;
        this.closesFile = closesFile;
        this.windows = windows;
        this.windowBytes = windows.least();
    }

    private CachedIndexInput(final CachedIndexInput of) {
        this(of.toString(), of.file, of.offset, of.length, of.windows, false);
        this.base = of.getFilePointer();
    }

    // ---- the window ----

    private void ensureOpen() {
        if (closed || !file.isOpen()) {
            throw new AlreadyClosedException("Already closed: " + this);
        }
    }

    private void check(final long position, final int bytes) throws EOFException {
        ensureOpen();
        if (position < 0) {
            throw new IllegalArgumentException("Negative position " + position + ": " + this);
        }
        if (bytes > length - position) {
            throw new EOFException("read past EOF: " + bytes + " bytes at " + position + " of " + length + ": " + this);
        }
    }

    /*
     * Moves the window to where a position is, with so many bytes from there on. Its ends are multiples of its size in the
     * file, where the input has so much: so it is in one page of the cache if it is no longer than one, and also has what is
     * before a position that somebody jumped to.
     */
    private void show(final long position, final int bytes) throws IOException {
        check(position, bytes);
        windowBytes = position == expected ? windows.after(windowBytes) : windows.least();
        final long mask = -(long) windowBytes;
        final long first = Math.max((offset + position & mask) - offset, 0);
        final long last = Math.min((offset + position + bytes - 1 & mask) + windowBytes - offset, length);
        final long start = last - first > windowBytes ? position : first;
        final int wanted = (int) (last - start);
        if (window.length < wanted) {
            final int capacity = Math.max(wanted, (int) Math.min(windowBytes, length));
            buffer = ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
            window = buffer.array();
        }
        windowLength = 0;
        file.read(buffer.limit(wanted).position(0), offset + start, this);
        buffer.clear();
        windowStart = start;
        windowLength = wanted;
        expected = last;
    }

    /* For reads in sequence: there is at least one byte from "at" to "limit". */
    private void refill() throws IOException {
        final long position = getFilePointer();
        keepPlace(position);
        show(position, 1);
        place(position);
    }

    private void keepPlace(final long position) {
        base = position;
        at = limit = 0;
    }

    private void place(final long position) {
        final long index = position - windowStart;
        if (index >= 0 && index <= windowLength) {
            base = windowStart;
            at = (int) index;
            limit = windowLength;
        } else {
            keepPlace(position);
        }
    }

    /* For reads by position: where in the window it is, with so many bytes from there on. */
    private int indexOf(final long position, final int bytes) throws IOException {
        final long index = position - windowStart;
        return index >= 0 && index <= windowLength - bytes ? (int) index : indexAfterMove(position, bytes);
    }

    private int indexAfterMove(final long position, final int bytes) throws IOException {
        final long pointer = getFilePointer();
        keepPlace(pointer);
        show(position, bytes);
        place(pointer);
        return (int) (position - windowStart);
    }

    // ---- reads in sequence ----

    @Override
    public byte readByte() throws IOException {
        if (at == limit) {
            refill();
        }
        return window[at++];
    }

    @Override
    public void readBytes(final byte[] bytes, final int start, final int count) throws IOException {
        final int here = Math.min(count, limit - at);
        System.arraycopy(window, at, bytes, start, here);
        at += here;
        if (here < count) {
            readBytesBehind(bytes, start + here, count - here);
        }
    }

    private void readBytesBehind(final byte[] bytes, final int start, final int count) throws IOException {
        final long position = getFilePointer();
        check(position, count);
        if (count < windowBytes) {
            int done = 0;
            while (done < count) {
                refill();
                final int here = Math.min(count - done, limit - at);
                System.arraycopy(window, at, bytes, start + done, here);
                at += here;
                done += here;
            }
            return;
        }
        file.read(ByteBuffer.wrap(bytes, start, count), offset + position, this);
        expected = position + count;
        keepPlace(expected);
    }

    @Override
    public short readShort() throws IOException {
        if (limit - at < Short.BYTES) {
            return super.readShort();
        }
        final short value = (short) SHORT.get(window, at);
        at += Short.BYTES;
        return value;
    }

    @Override
    public int readInt() throws IOException {
        if (limit - at < Integer.BYTES) {
            return super.readInt();
        }
        final int value = (int) INT.get(window, at);
        at += Integer.BYTES;
        return value;
    }

    @Override
    public long readLong() throws IOException {
        if (limit - at < Long.BYTES) {
            return super.readLong();
        }
        final long value = (long) LONG.get(window, at);
        at += Long.BYTES;
        return value;
    }

    @Override
    public int readVInt() throws IOException {
        if (limit - at < MAX_VINT_BYTES) {
            return super.readVInt();
        }
        final byte[] bytes = window;
        int place = at;
        byte next = bytes[place++];
        int value = next & 0x7f;
        for (int shift = 7; next < 0; shift += 7) {
            if (shift >= Integer.SIZE) {
                throw new IOException("Invalid vInt of more than " + MAX_VINT_BYTES + " bytes: " + this);
            }
            next = bytes[place++];
            value |= (next & 0x7f) << shift;
        }
        at = place;
        return value;
    }

    @Override
    public long readVLong() throws IOException {
        if (limit - at < MAX_VLONG_BYTES) {
            return super.readVLong();
        }
        final byte[] bytes = window;
        int place = at;
        byte next = bytes[place++];
        long value = next & 0x7f;
        for (int shift = 7; next < 0; shift += 7) {
            if (shift >= Long.SIZE) {
                throw new IOException("Invalid vLong of more than " + MAX_VLONG_BYTES + " bytes: " + this);
            }
            next = bytes[place++];
            value |= (next & 0x7fL) << shift;
        }
        at = place;
        return value;
    }

    @Override
    public void readInts(final int[] values, final int start, final int count) throws IOException {
        Objects.checkFromIndexSize(start, count, values.length);
        for (int done = 0; done < count; ) {
            final int here = Math.min(count - done, (limit - at) / Integer.BYTES);
            buffer.position(at).asIntBuffer().get(values, start + done, here);
            at += here * Integer.BYTES;
            done += here;
            if (done < count) {
                values[start + done++] = readInt();
            }
        }
    }

    @Override
    public void readLongs(final long[] values, final int start, final int count) throws IOException {
        Objects.checkFromIndexSize(start, count, values.length);
        for (int done = 0; done < count; ) {
            final int here = Math.min(count - done, (limit - at) / Long.BYTES);
            buffer.position(at).asLongBuffer().get(values, start + done, here);
            at += here * Long.BYTES;
            done += here;
            if (done < count) {
                values[start + done++] = readLong();
            }
        }
    }

    @Override
    public void readFloats(final float[] values, final int start, final int count) throws IOException {
        Objects.checkFromIndexSize(start, count, values.length);
        for (int done = 0; done < count; ) {
            final int here = Math.min(count - done, (limit - at) / Float.BYTES);
            buffer.position(at).asFloatBuffer().get(values, start + done, here);
            at += here * Float.BYTES;
            done += here;
            if (done < count) {
                values[start + done++] = Float.intBitsToFloat(readInt());
            }
        }
    }

    // ---- reads by position ----

    @Override
    public byte readByte(final long position) throws IOException {
        final int index = indexOf(position, 1);
        return window[index];
    }

    @Override
    public short readShort(final long position) throws IOException {
        final int index = indexOf(position, Short.BYTES);
        return (short) SHORT.get(window, index);
    }

    @Override
    public int readInt(final long position) throws IOException {
        final int index = indexOf(position, Integer.BYTES);
        return (int) INT.get(window, index);
    }

    @Override
    public long readLong(final long position) throws IOException {
        final int index = indexOf(position, Long.BYTES);
        return (long) LONG.get(window, index);
    }

    @Override
    public void readBytes(final long position, final byte[] bytes, final int start, final int count)
            throws IOException {
        if (count == 0) {
            return;
        }
        if (count <= windowBytes) {
            final int index = indexOf(position, count);
            System.arraycopy(window, index, bytes, start, count);
            return;
        }
        check(position, count);
        file.read(ByteBuffer.wrap(bytes, start, count), offset + position, this);
    }

    // ---- places, copies, slices ----

    @Override
    public long getFilePointer() {
        return base + at;
    }

    @Override
    public void seek(final long position) throws IOException {
        final long index = position - windowStart;
        if (index < 0 || index >= windowLength) {
            check(position, 0);
        }
        place(position);
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public CachedIndexInput clone() {
        ensureOpen();
        return new CachedIndexInput(this);
    }

    @Override
    public IndexInput slice(final String description, final long start, final long count) {
        return slice(description, start, count, windows);
    }

    @Override
    public IndexInput slice(final String description, final long start, final long count, final IOContext context) {
        return slice(description, start, count, windows.forContext(context));
    }

    private IndexInput slice(
            final @Nullable String description, final long start, final long count, final Windows ofSlice) {
        ensureOpen();
        if (start < 0 || count < 0 || count > length - start) {
            throw new IllegalArgumentException("slice() " + description + " of " + count + " bytes at " + start
                    + " is out of bounds, the length is " + length + ": " + this);
        }
        return new CachedIndexInput(getFullSliceDescription(description), file, offset + start, count, ofSlice, false);
    }

    @Override
    public RandomAccessInput randomAccessSlice(final long start, final long count) {
        return (RandomAccessInput) slice("randomaccess", start, count);
    }

    @Override
    public void prefetch(final long position, final long count) throws IOException {
        ensureOpen();
        Objects.checkFromIndexSize(position, count, length);
        file.prefetch(offset + position, count, this);
    }

    @Override
    public void updateIOContext(final IOContext context) {
        ensureOpen();
        windows = windows.forContext(context);
        windowBytes = windows.least();
    }

    /** Clones and slices may still show a few bytes that they have copied, and throw for the next ones. */
    @Override
    public void close() throws IOException {
        closed = true;
        window = NOTHING.array();
        buffer = NOTHING;
        windowLength = 0;
        keepPlace(getFilePointer());
        if (closesFile) {
            file.close();
        }
    }
}
