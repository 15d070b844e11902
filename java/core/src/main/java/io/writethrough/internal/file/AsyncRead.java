// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.async.Completions;
import io.writethrough.internal.async.Faults;
import io.writethrough.internal.async.Operation;
import io.writethrough.internal.async.WaitingThreads;
import io.writethrough.internal.buffer.Bytes;
import io.writethrough.internal.buffer.Segments;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A read of bytes that are not all cached: it has them fetched, copies what is cached, and so on to the end. One that makes
 * no progress so, since what is fetched is evicted again at once, is left to a thread that may wait.
 */
public final class AsyncRead extends WaitingThreads.Task implements Operation.Continued {
    private static final int VAIN_ROUNDS = 3;
    private static final long LARGEST_FETCH_BYTES = 1 << 20;

    private final OpenFile file;
    private final Completions completions;
    private final Object base;
    private int index; /* of the next byte in the base */
    private long position; /* of it in the file */
    private long left;
    private long done;
    private int vainRounds;

    /* Of a read that nobody waits for. */
    private @Nullable Operation operation;

    private @Nullable ByteBuffer destination; /* or */
    private int start;
    private ByteBuffer @Nullable [] destinations;

    AsyncRead(
            final OpenFile file,
            final Completions completions,
            final Object base,
            final int index,
            final long length,
            final long position) {
        this.file = file;
        this.completions = completions;
        this.base = base;
        this.index = index;
        this.left = length;
        this.position = position;
    }

    /** The buffer that is to be moved past what was read, and where it was. */
    AsyncRead into(final ByteBuffer buffer, final int from) {
        destination = buffer;
        start = from;
        return this;
    }

    /** The buffers that are to be moved past what was read. */
    AsyncRead into(final ByteBuffer[] buffers) {
        destinations = buffers;
        return this;
    }

    /** Copies what is cached. Returns the count of all that was read, or a failure: with EAGAIN, something is missing. */
    long readCached() {
        final long result = Bytes.readCached(file.handle(), base, index, left, position);
        if (result >= 0) {
            return done + result;
        }
        final long copied = NativeIo.errno(result) == Errno.EAGAIN ? NativeIo.stableBytes(result) : 0;
        vainRounds = copied > 0 ? 0 : vainRounds + 1;
        advance(copied);
        return result;
    }

    /** The next so many bytes were read. */
    void advance(final long copied) {
        done += copied;
        position += copied;
        left -= copied;
        if (!(base instanceof Segments segments)) {
            index += (int) copied;
        } else if (copied > 0) {
            segments.drop(copied);
        }
    }

    /** Has the rest fetched, whose event is the operation's. Returns 0 or -errno; EAGAIN: {@link #readRest} is better. */
    int fetch(final Operation operation) {
        if (left > LARGEST_FETCH_BYTES || vainRounds > VAIN_ROUNDS) {
            return -Errno.EAGAIN;
        }
        return Core.fetch(file.handle(), position, left, NativeIo.NOWAIT, operation.token());
    }

    /** Reads the rest, waiting for it. Returns the count of all that was read, or a failure. */
    long readRest() {
        final long result = Bytes.read(file.handle(), base, index, left, position, 0);
        return result < 0 ? result : done + result;
    }

    /**
     * On the event of a fetch: reads on, or has more fetched, or leaves it to another. Returns whether the operation ended: with
     * what is thrown, if anything is.
     */
    @Override
    public boolean takeEvent(final Operation of, final long fetched) {
        try {
            assert Faults.at(Faults.Step.READ_ON);
            final long result = fetched < 0 ? fetched : readCached();
            if (NativeIo.isAgain(result)) {
                return !start(of);
            }
            of.endRead(delivered(result));
        } catch (final RuntimeException e) {
            of.endRead(-Errno.EFAULT);
        } catch (final Throwable e) {
            of.endWith(e);
        }
        leave();
        return true;
    }

    /**
     * Starts what is needed to read on. Returns whether the operation goes on: else it ended. If it throws nothing goes on, and
     * the read has not left what is under way.
     */
    boolean start(final Operation of) {
        operation = of;
        final int started = fetch(of);
        if (started == -Errno.EAGAIN) {
            WaitingThreads.execute(this);
        } else if (started < 0) {
            of.endRead(started);
            leave();
            return false;
        }
        return true;
    }

    /** It is not under way any more. */
    @Override
    public void leave() {
        file.underWay().leave();
    }

    @Override
    public void run() {
        assert operation != null;
        try {
            assert Faults.at(Faults.Step.RUN_WAITING);
            operation.endRead(delivered(readRest()));
        } catch (final RuntimeException e) {
            // The memory of the buffer is gone: its arena was closed.
            operation.endRead(-Errno.EFAULT);
        } catch (final Throwable e) {
            operation.endWith(e);
        }
        leave();
        completions.completeElsewhere(operation);
    }

    /* What native code read in place of a buffer that it must not touch goes there. */
    private long delivered(final long result) {
        return !(base instanceof Segments segments) || segments.deliver(result) ? result : -Errno.EFAULT;
    }

    /** Moves the buffers past what was read. Returns the count, or -1 at the end of the file. */
    @Override
    public long finish(final long count) {
        if (count == 0) {
            return -1;
        }
        if (destination != null) {
            destination.position(start + (int) count);
        } else {
            assert destinations != null;
            Reads.moveAll(destinations, count);
        }
        return count;
    }
}
