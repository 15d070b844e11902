// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.log.Segments.Segment;
import java.lang.ref.SoftReference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What a thread needs for its appends, kept for its next one: room for the frames, and where they go. The frames are made, and
 * their checksums taken, without a lock.
 */
final class Encoder implements Waiter {
    /** Longer appends are written from the caller's buffers. */
    static final int MOST_BYTES = 64 << 10;

    /* Soft: a thread would keep the class loader of this library for as long as it lives. */
    private static final ThreadLocal<SoftReference<Encoder>> OF_THREAD = new ThreadLocal<>();

    /** For an append of one buffer. */
    final ByteBuffer[] one = new ByteBuffer[1];

    /** The place that the thread's append has got. */
    @Nullable
    Segment segment;

    long lsn;
    int ticket;

    private final Thread thread = Thread.currentThread();
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer prefix = ByteBuffer.allocate(Format.PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    private ByteBuffer frames = Format.direct(4096);
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

    private void makeRoom(final int bytes) {
        if (frames.capacity() < bytes) {
            frames = Format.direct(Math.max(bytes, Math.min(2 * frames.capacity(), MOST_BYTES)));
        }
    }

    /** The frames of a whole append; each buffer is a record, or all together are one. No position moves. */
    ByteBuffer encode(
            final ByteBuffer[] parts, final boolean batch, final long framed, final long logId, final long watermark) {
        makeRoom((int) framed);
        frames.clear();
        int frame = 0;
        int end = Format.FRAME_HEADER_BYTES;
        for (int i = 0; i < parts.length; i++) {
            final ByteBuffer part = parts[i];
            final int count = part.remaining();
            frames.put(end, part, part.position(), count);
            end += count;
            final boolean isLast = i == parts.length - 1;
            if (batch || isLast) {
                final int flags = isLast ? 0 : Format.APPEND_GOES_ON;
                frame = seal(frame, end, logId, watermark | flags);
                end = frame + Format.FRAME_HEADER_BYTES;
            }
        }
        return frames.limit(frame).position(0);
    }

    /* Returns where the next frame begins. */
    private int seal(final int frame, final int end, final long logId, final long word) {
        frames.putInt(frame, 0).putInt(frame + 4, end - frame - Format.FRAME_HEADER_BYTES);
        frames.putLong(frame + 8, word);
        prefix.putLong(0, logId).putLong(8, lsn + frame);
        crc.reset();
        crc.update(prefix.array(), 0, Format.PREFIX_BYTES);
        frames.limit(end).position(frame);
        crc.update(frames);
        frames.clear();
        frames.putInt(frame, (int) crc.getValue());
        final int nextFrame = (end + 7) & -8;
        for (int i = end; i < nextFrame; i++) {
            frames.put(i, (byte) 0);
        }
        return nextFrame;
    }

    /** Before the append is known to others. */
    void begin() {
        busy = true;
        done = false;
        failure = null;
    }

    /** Returns when the append is durable, or why it is not. */
    @Nullable
    Throwable await(final LogFiles files) {
        boolean interrupted = false;
        while (!done) {
            if (!files.progress()) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
        }
        busy = false;
        if (interrupted) {
            thread.interrupt();
        }
        return failure;
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
        if (Thread.currentThread() != thread) {
            LockSupport.unpark(thread);
        }
    }
}
