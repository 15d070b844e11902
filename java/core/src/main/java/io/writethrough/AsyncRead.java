package io.writethrough;

import io.writethrough.internal.DataPlane;
import io.writethrough.internal.Errno;
import io.writethrough.internal.Segments;
import java.nio.ByteBuffer;

/**
 * A read of bytes that are not all cached: it has them fetched, copies what is cached, and so on to the end. One that makes
 * no progress so, since what is fetched is evicted again at once, is left to a thread that may wait.
 */
final class AsyncRead extends WaitingThreads.Task {
    private static final int VAIN_ROUNDS = 3;
    private static final long LARGEST_FETCH_BYTES = 1 << 20;

    private final WriteThroughFile file;
    private final Completions completions;
    private final long position;
    private final long length;
    private long done;
    private int vainRounds;

    /* Of a read that nobody waits for. */
    private Operation operation;

    private final ByteBuffer destination; /* or */
    private final int start;
    private final ByteBuffer[] destinations; /* and */
    private final Segments segments;

    AsyncRead(
            final WriteThroughFile file,
            final Completions completions,
            final ByteBuffer destination,
            final int start,
            final int length,
            final long position) {
        this.file = file;
        this.completions = completions;
        this.destination = destination;
        this.start = start;
        this.destinations = null;
        this.segments = null;
        this.position = position;
        this.length = length;
    }

    AsyncRead(
            final WriteThroughFile file,
            final Completions completions,
            final ByteBuffer[] destinations,
            final Segments segments,
            final long length,
            final long position) {
        this.file = file;
        this.completions = completions;
        this.destination = null;
        this.start = 0;
        this.destinations = destinations;
        this.segments = segments;
        this.position = position;
        this.length = length;
    }

    long position() {
        return position;
    }

    long length() {
        return length;
    }

    /** Copies what is cached. Returns the count of all that was read, or a failure: with EAGAIN, something is missing. */
    long readCached() {
        final long result = destination != null
                ? file.readCached(destination, start + (int) done, (int) (length - done), position + done)
                : file.readCached(segments, length - done, position + done);
        if (result >= 0) {
            return done + result;
        }
        final long copied = DataPlane.errno(result) == Errno.EAGAIN ? DataPlane.stableBytes(result) : 0;
        vainRounds = copied > 0 ? 0 : vainRounds + 1;
        advance(copied);
        return result;
    }

    /** The next so many bytes were read. */
    void advance(final long copied) {
        done += copied;
        if (segments != null && copied > 0) {
            segments.drop(copied);
        }
    }

    /** Has the rest fetched, whose event is the operation's. Returns 0 or -errno; EAGAIN: {@link #readRest} is better. */
    int fetch(final Operation operation) {
        if (length - done > LARGEST_FETCH_BYTES || vainRounds > VAIN_ROUNDS) {
            return -Errno.EAGAIN;
        }
        return file.fetch(position + done, length - done, operation.token());
    }

    /** Reads the rest, waiting for it. Returns the count of all that was read, or a failure. */
    long readRest() {
        final long result = destination != null
                ? file.readWaiting(destination, start + (int) done, (int) (length - done), position + done)
                : file.readWaiting(segments, length - done, position + done);
        return result < 0 ? result : done + result;
    }

    /**
     * On the event of a fetch: reads on, or has more fetched, or leaves it to another. Returns whether the operation ended: with
     * what is thrown, if anything is.
     */
    boolean takeEvent(final Operation of, final long fetched) {
        try {
            assert Faults.at(Faults.Step.READ_ON);
            final long result = fetched < 0 ? fetched : readCached();
            if (DataPlane.isAgain(result)) {
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
    void leave() {
        file.underWay().leave();
    }

    @Override
    void run() {
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
        return segments == null || segments.deliver(result) ? result : -Errno.EFAULT;
    }

    /** Moves the buffers past what was read. Returns the count, or -1 at the end of the file. */
    long finish(final long count) {
        if (count == 0) {
            return -1;
        }
        if (destination != null) {
            destination.position(start + (int) count);
        } else {
            WriteThroughFile.moveAll(destinations, count);
        }
        return count;
    }
}
