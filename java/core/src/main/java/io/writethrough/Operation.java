package io.writethrough;

import io.writethrough.internal.DataPlane;
import io.writethrough.internal.jfr.Events;
import io.writethrough.internal.jfr.IoEvent;
import java.util.concurrent.locks.LockSupport;

/**
 * One asynchronous operation from its submission to the end of its future. The objects are used again and again; a token
 * that native code carries tells which, and in which of its lives.
 *
 * <p>Its fields are set before it is submitted and read after its event, on other threads: in between lies the event queue
 * of the C core, whose lock orders the two.
 */
final class Operation {
    /** In the list of free operations, or of those that ended and were not completed. */
    Operation next;

    /* index, and above it how often it was used */
    private long token;

    private WriteThroughFile file;
    private volatile IoFuture<?> future;
    private boolean longResult;
    private long position;
    private long length;
    private AsyncRead read;

    private Thread waiter;
    private volatile boolean ended;

    private long result;
    private long stableBytes;
    private long offset;
    private boolean append;

    private IoEvent event; /* null: nobody wants one */
    private int durability;
    private int flags;

    Operation(final int index) {
        this.token = index;
    }

    long token() {
        return token;
    }

    int index() {
        return (int) token;
    }

    /** A write whose future is a count of bytes, as a long or as an int. */
    void beginWrite(
            final WriteThroughFile ofFile,
            final IoFuture<?> ofFuture,
            final boolean isLong,
            final long at,
            final long bytes) {
        file = ofFile;
        longResult = isLong;
        position = at;
        length = bytes;
        future = ofFuture;
        event = read == null ? Events.beginWrite() : Events.beginRead();
    }

    /** How a write is done, for its event. */
    void describe(final int durabilityCode, final int flagBits) {
        durability = durabilityCode;
        flags = flagBits;
    }

    /** An append, whose future is its offset. */
    void beginAppend(final WriteThroughFile ofFile, final IoFuture<Long> ofFuture, final long bytes) {
        append = true;
        beginWrite(ofFile, ofFuture, true, WriteThroughException.NONE, bytes);
    }

    /** A read: the same, and where to go on. */
    void beginRead(
            final WriteThroughFile ofFile, final IoFuture<?> ofFuture, final boolean isLong, final AsyncRead ofRead) {
        read = ofRead;
        beginWrite(ofFile, ofFuture, isLong, ofRead.position(), ofRead.length());
    }

    /** An operation that the current thread waits for by {@link #await}. */
    void beginWait(final WriteThroughFile ofFile) {
        file = ofFile;
        ended = false;
        waiter = Thread.currentThread();
    }

    /** As a DataPlane's result. Interrupts are left to the thread. */
    long await() {
        boolean interrupted = false;
        while (!ended) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return result < 0 ? DataPlane.failure(result, stableBytes) : result;
    }

    /** Whether somebody still waits for its future. */
    boolean isOpen() {
        final IoFuture<?> open = future;
        return open != null && !open.isDone();
    }

    /** Takes the event's result. Returns whether the operation is to be completed now. */
    boolean end(final long eventResult, final long eventStableBytes, final long eventOffset) {
        result = eventResult;
        stableBytes = eventStableBytes;
        offset = eventOffset;
        if (waiter != null) {
            final Thread thread = waiter;
            waiter = null;
            ended = true;
            LockSupport.unpark(thread);
            return false;
        }
        return read == null || eventResult < 0 || read.goOn(this);
    }

    /** Where a write is that ended. */
    long offset() {
        return offset;
    }

    /** The result of a read that its event did not bring: a DataPlane's. */
    void endRead(final long readResult) {
        result = readResult < 0 ? -DataPlane.errno(readResult) : readResult;
    }

    /** Completes the future: runs its callbacks. */
    void complete() {
        if (event != null) {
            endEvent();
        }
        if (result < 0) {
            final String operation = append ? "append" : read == null ? "write" : "read";
            future.completeExceptionally(file.failed(operation, position, length, (int) -result, stableBytes));
        } else if (append) {
            complete(future, (Long) offset);
        } else if (longResult) {
            complete(future, read == null ? (Long) result : (Long) read.finish(result));
        } else {
            complete(future, read == null ? (Integer) (int) result : (Integer) (int) read.finish(result));
        }
    }

    private void endEvent() {
        final long at = read == null && result >= 0 ? offset : position;
        final long done = read == null && result < 0 ? stableBytes : Math.max(result, 0);
        event.end(file.path(), at, length, durability, flags, true, (int) -Math.min(result, 0), done);
    }

    @SuppressWarnings("unchecked")
    private static <T> void complete(final IoFuture<?> future, final T value) {
        ((IoFuture<T>) future).complete(value);
    }

    /** Ends this life. */
    void clear() {
        future = null;
        file = null;
        read = null;
        append = false;
        event = null;
        durability = DataPlane.DURABILITY_OF_FILE;
        flags = 0;
        waiter = null;
        token += 1L << 32;
    }
}
