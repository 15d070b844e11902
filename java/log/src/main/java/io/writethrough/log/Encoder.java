// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.lang.ref.SoftReference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ConcurrentModificationException;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What a thread needs for its appends, kept for its next one: room for the frames, and where they go. The frames are made, and
 * their checksums taken, without a lock.
 */
final class Encoder implements Waiter {
    /** Longer synchronous appends are written from the caller's buffers. */
    static final int MOST_BYTES = 64 << 10;

    /* Soft: a thread would keep the class loader of this library for as long as it lives. */
    private static final ThreadLocal<SoftReference<Encoder>> OF_THREAD = new ThreadLocal<>();

    /** For an append of one buffer. */
    final ByteBuffer[] one = new ByteBuffer[1];

    /** The place that the thread's append has got. */
    long lsn;

    int ticket;

    private final Thread thread = Thread.currentThread();
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer prefix = ByteBuffer.allocate(Format.PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    private ByteBuffer frames = Format.direct(4096);

    /* What the append takes of each buffer. */
    private int[] positions = new int[1];
    private int[] counts = new int[1];
    private @Nullable Waiter next;
    private @Nullable Throwable failure;
    private volatile boolean done;
    private boolean busy;

    static Encoder ofThread() {
        final SoftReference<Encoder> reference = OF_THREAD.get();
        final Encoder found = reference == null ? null : reference.get();
        if (found != null && !found.busy) {
            return found;
        }
        final Encoder made = new Encoder();
        if (found != null) {
            return made; // an append in a dependent of a future that this thread completes, while it appends
        }
        OF_THREAD.set(new SoftReference<>(made));
        return made;
    }

    /**
     * Begins an append, and fixes what it takes of each buffer: another thread may change a buffer's position and limit. {@link
     * #release} follows.
     *
     * @return the bytes of the frames, in one segment
     * @throws IllegalArgumentException for a length that cannot be
     */
    long take(final ByteBuffer[] parts, final boolean batch) {
        if (counts.length < parts.length) {
            positions = new int[parts.length];
            counts = new int[parts.length];
        }
        long length = 0;
        long framed = 0;
        for (int i = 0; i < parts.length; i++) {
            positions[i] = parts[i].position();
            counts[i] = Math.max(0, parts[i].limit() - positions[i]);
            if (batch) {
                checkLength(counts[i]);
                framed += Format.framed(counts[i]);
            }
            length += counts[i];
        }
        checkLength(length);
        busy = true;
        return batch ? framed : Format.framed(length);
    }

    private static void checkLength(final long length) {
        if (length < 1 || length > DurableLog.MOST_RECORD_BYTES) {
            throw new IllegalArgumentException("A record has from 1 byte to 1 GiB, and a batch in all: " + length);
        }
    }

    /** The frames were written, or the append has failed. */
    void release() {
        busy = false;
    }

    /** Views of what the append takes. */
    ByteBuffer[] views(final ByteBuffer[] parts) {
        final ByteBuffer[] views = new ByteBuffer[parts.length];
        try {
            for (int i = 0; i < parts.length; i++) {
                views[i] = parts[i].slice(positions[i], counts[i]);
            }
        } catch (final IndexOutOfBoundsException e) {
            throw changed(e);
        }
        return views;
    }

    private static ConcurrentModificationException changed(final @Nullable Throwable cause) {
        return new ConcurrentModificationException(
                "A buffer was changed while the log appended its bytes. Leave buffers alone until the append returns",
                cause);
    }

    private ByteBuffer room(final int bytes) {
        if (bytes > MOST_BYTES) {
            return Format.direct(bytes);
        }
        if (frames.capacity() < bytes) {
            frames = Format.direct(Math.max(bytes, Math.min(2 * frames.capacity(), MOST_BYTES)));
        }
        return frames.clear();
    }

    /**
     * The frames of a whole append, which was taken; each buffer is a record, or all together are one. The checksums are of the
     * copies, so that they are right whatever happens to the buffers. No position moves.
     */
    ByteBuffer encode(
            final ByteBuffer[] parts, final boolean batch, final long framed, final long logId, final long watermark) {
        final ByteBuffer into = room((int) framed);
        int frame = 0;
        int end = Format.FRAME_HEADER_BYTES;
        try {
            for (int i = 0; i < parts.length; i++) {
                into.put(end, parts[i], positions[i], counts[i]);
                end += counts[i];
                final boolean isLast = i == parts.length - 1;
                if (batch || isLast) {
                    final int flags = isLast ? 0 : Format.APPEND_GOES_ON;
                    frame = seal(into, frame, end, logId, watermark | flags);
                    end = frame + Format.FRAME_HEADER_BYTES;
                }
            }
        } catch (final IndexOutOfBoundsException e) {
            throw changed(e);
        }
        if (frame != framed) {
            throw changed(null);
        }
        return into.limit(frame).position(0);
    }

    /* Returns where the next frame begins. */
    private int seal(final ByteBuffer into, final int frame, final int end, final long logId, final long word) {
        into.putInt(frame, 0).putInt(frame + 4, end - frame - Format.FRAME_HEADER_BYTES);
        into.putLong(frame + 8, word);
        prefix.putLong(0, logId).putLong(8, lsn + frame);
        crc.reset();
        crc.update(prefix.array(), 0, Format.PREFIX_BYTES);
        into.limit(end).position(frame);
        crc.update(into);
        into.clear();
        into.putInt(frame, (int) crc.getValue());
        final int nextFrame = (end + 7) & -8;
        for (int i = end; i < nextFrame; i++) {
            into.put(i, (byte) 0);
        }
        return nextFrame;
    }

    /** Before the append is known to others. */
    void begin() {
        done = false;
        failure = null;
    }

    /** Whether the append is durable, or has failed. */
    boolean isDone() {
        return done;
    }

    /** Of an append that is done: why it has failed. */
    @Nullable
    Throwable failure() {
        return failure;
    }

    /** The thread looks for what it waits for. */
    void wake() {
        if (Thread.currentThread() != thread) {
            LockSupport.unpark(thread);
        }
    }

    @Override
    public @Nullable Waiter next() {
        return next;
    }

    @Override
    public void next(final @Nullable Waiter waiter) {
        next = waiter;
    }

    @Override
    public void done(final @Nullable Throwable why) {
        failure = why;
        done = true;
        wake();
    }
}
