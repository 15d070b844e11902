// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of one vectored read or write, taken apart into what native code can walk: arrays and direct buffers, each
 * with a range. Every thread keeps one for its next call, so that a call allocates nothing.
 */
public final class Segments {
    private static final int KEPT_SEGMENTS = 1024;
    private static final PerThread<Segments> OF_THREAD = new PerThread<>(Segments::new);

    private @Nullable Object[] bases = new Object[16];
    private long[] ranges = new long[16];
    private int count;
    private long length;

    /* Destinations that native code must not touch, and the arrays that it fills in their place. Seldom there. */
    private List<Copied> copied = List.of();

    /* A source could not be copied. */
    private boolean faulty;

    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Copied(ByteBuffer destination, int start, byte[] array, long offset) {}

    private Segments() {}

    /** The current thread's segments, empty. {@link #release} them after use. */
    public static Segments ofThread() {
        return OF_THREAD.get();
    }

    /** Adds the bytes between the buffer's position and limit, or a copy of them. */
    public void addSource(final ByteBuffer buffer) {
        final int position = buffer.position();
        final int remaining = Buffers.remaining(buffer, position);
        if (remaining == 0 || addSteady(buffer, position, remaining)) {
            return;
        }
        final byte[] copy = Buffers.copyOf(buffer, position, remaining);
        faulty |= copy == null;
        add(copy, 0, remaining);
    }

    /** Adds the bytes of several buffers. */
    public void addSources(final ByteBuffer[] buffers) {
        for (final ByteBuffer buffer : buffers) {
            addSource(buffer);
        }
    }

    /** Adds the space between the buffer's position and limit, or an array that {@link #deliver} copies to it. */
    public void addDestination(final ByteBuffer buffer) {
        final int position = buffer.position();
        final int remaining = Buffers.remaining(buffer, position);
        if (remaining == 0 || addSteady(buffer, position, remaining)) {
            return;
        }
        faulty |= !Buffers.isThere(buffer, position);
        if (copied.isEmpty()) {
            copied = new ArrayList<>();
        }
        final byte[] array = new byte[remaining];
        copied.add(new Copied(buffer, position, array, length));
        add(array, 0, remaining);
    }

    private boolean addSteady(final ByteBuffer buffer, final int position, final int remaining) {
        if (!Buffers.isSteady(buffer)) {
            return false;
        }
        if (buffer.isDirect()) {
            add(buffer, position, remaining);
        } else {
            add(buffer.array(), buffer.arrayOffset() + position, remaining);
        }
        return true;
    }

    /** Whether the memory of a buffer is that of a mapped file that was cut short: nothing is to be read or written then. */
    public boolean isFaulty() {
        return faulty;
    }

    /**
     * The first so many bytes were read: copies them to the destinations that native code did not touch. False: one is memory
     * of a mapped file that was cut short.
     *
     * @throws IllegalStateException if the arena of one was closed
     */
    public boolean deliver(final long bytes) {
        if (copied.isEmpty()) {
            return true; // without an iterator
        }
        for (final Copied each : copied) {
            final int part = (int) Math.min(bytes - each.offset, each.array.length);
            if (part > 0 && !Buffers.put(each.destination, each.start, each.array, part)) {
                return false;
            }
        }
        return true;
    }

    private void add(final @Nullable Object base, final int start, final int segmentLength) {
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
    public @Nullable Object[] bases() {
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
        copied = List.of();
        faulty = false;
    }
}
