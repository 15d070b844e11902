package io.writethrough.internal;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The buffers of one vectored read or write, taken apart into what native code can walk: arrays and direct buffers, each
 * with a range. Every thread keeps one for its next call, so that a call allocates nothing.
 */
public final class Segments {
    private static final int KEPT_SEGMENTS = 1024;
    private static final PerThread<Segments> OF_THREAD = new PerThread<>(Segments::new);

    private Object[] bases = new Object[16];
    private long[] ranges = new long[16];
    private int count;
    private long length;

    private Segments() {}

    /** The current thread's segments, empty. {@link #release} them after use. */
    public static Segments ofThread() {
        return OF_THREAD.get();
    }

    /**
     * Adds the bytes between the buffer's position and limit. A destination is not read-only: of such a buffer the segment
     * may be a copy.
     */
    public void add(final ByteBuffer buffer) {
        final int position = buffer.position();
        final int remaining = Buffers.remaining(buffer, position);
        if (remaining == 0) {
            return;
        }
        if (buffer.isDirect()) {
            Buffers.checkAlive(buffer, position);
            add(buffer, position, remaining);
        } else if (buffer.hasArray()) {
            add(buffer.array(), buffer.arrayOffset() + position, remaining);
        } else {
            add(Buffers.copyOf(buffer, position, remaining), 0, remaining);
        }
    }

    private void add(final Object base, final int start, final int segmentLength) {
        if (count == bases.length) {
            bases = Arrays.copyOf(bases, count * 2);
            ranges = Arrays.copyOf(ranges, count * 2);
        }
        bases[count] = base;
        ranges[count] = (long) start << 32 | segmentLength;
        count++;
        length += segmentLength;
    }

    /** Segments for an operation that outlives the call of its thread. */
    public static Segments ofOperation() {
        return new Segments();
    }

    /** Leaves out the first bytes, fewer than all. */
    public void drop(final long bytes) {
        int gone = 0;
        long left = bytes;
        while (left >= (int) ranges[gone]) {
            left -= (int) ranges[gone++];
        }
        ranges[gone] = (ranges[gone] >> 32) + left << 32 | (int) ranges[gone] - left;
        System.arraycopy(bases, gone, bases, 0, count - gone);
        System.arraycopy(ranges, gone, ranges, 0, count - gone);
        Arrays.fill(bases, count - gone, count, null);
        count -= gone;
        length -= bytes;
    }

    /** Arrays and direct buffers, as many as there are non-empty segments. */
    public Object[] bases() {
        return bases;
    }

    /** For each base the index of its first byte, shifted left by 32, and the count of bytes. */
    public long[] ranges() {
        return ranges;
    }

    /** The bytes of all segments together. */
    public long length() {
        return length;
    }

    /** Forgets the buffers. */
    public void release() {
        if (bases.length > KEPT_SEGMENTS) {
            bases = new Object[16];
            ranges = new long[16];
        } else {
            Arrays.fill(bases, 0, count, null);
        }
        count = 0;
        length = 0;
    }
}
