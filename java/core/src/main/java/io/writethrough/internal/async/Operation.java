// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import io.writethrough.internal.jfr.Events;
import io.writethrough.internal.jfr.IoEvent;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One asynchronous operation from its submission to the end of its future. The objects are used again and again; a token
 * that native code carries tells which, and in which of its lives.
 *
 * <p>Its fields are set before it is submitted and read after its event, on other threads: in between lies the event queue
 * of the C core, whose lock orders the two.
 */
public final class Operation {
    /** What an operation needs of its file. */
    public interface File {
        Path path();

        /** The exception of a failure, of which it tells the flight recorder. */
        IOException failed(String operation, long offset, long length, int errno, long stableBytes);
    }

    /** An operation that goes on after an event: a read of which something was not cached. */
    public interface Continued {
        /** Takes the event. Returns whether the operation ended. */
        boolean takeEvent(Operation of, long result);

        /** It is not under way any more. */
        void leave();

        /** The end, with this count of bytes. Returns what the future is. */
        long finish(long count);
    }

    /** What a future is. */
    public enum Value {
        /** A count of bytes, as an Integer. */
        INT_COUNT,
        /** A count of bytes, as a Long. */
        LONG_COUNT,
        /** Where an append went. */
        OFFSET,
        /** Null: of a force. */
        NOTHING;

        /** Of a value that is a number. */
        public Object ofCount(final long count) {
            assert this != NOTHING;
            return this == INT_COUNT ? (Object) (int) count : (Object) count;
        }

        /** As exceptions and events name the write. */
        public String operation() {
            return switch (this) {
                case INT_COUNT, LONG_COUNT -> "write";
                case OFFSET -> "append";
                case NOTHING -> "force";
            };
        }
    }

    /** In the list of free operations, or of those that ended and were not completed. */
    @Nullable
    Operation next;

    /* index, and above it how often it was used */
    private long token;

    private @Nullable File file;
    private volatile @Nullable IoFuture<?> future;
    private @Nullable Value kind;
    private long position;
    private long length;
    private @Nullable Continued read;

    private @Nullable Thread waiter;
    private volatile boolean ended;

    private @Nullable Runnable task; /* or all that is above is null */

    private long result;
    private long stableBytes;
    private long offset;

    /* What the future is to be, once that is decided. */
    private boolean decided;
    private @Nullable Object value;
    private @Nullable Throwable failure;

    private @Nullable IoEvent event; /* null: nobody wants one */
    private int durability;
    private int flags;

    Operation(final int index) {
        this.token = index;
    }

    public long token() {
        return token;
    }

    int index() {
        return (int) token;
    }

    /** A write or an append. */
    public void beginWrite(
            final File ofFile, final IoFuture<?> ofFuture, final Value value, final long at, final long bytes) {
        file = ofFile;
        kind = value;
        position = at;
        length = bytes;
        event = bytes == 0 ? null : read == null ? Events.beginWrite() : Events.beginRead();
        future = ofFuture;
    }

    /** How a write is done, for its event. */
    public void describe(final int durabilityCode, final int flagBits) {
        durability = durabilityCode;
        flags = flagBits;
    }

    /** The submission may have failed: then the event ends with that, unless the caller may go on with another way to write. */
    public void tellIfRefused(final int started) {
        final boolean wouldWait = started == -Errno.EAGAIN || started == -Errno.EMSGSIZE;
        if (started < 0 && !(wouldWait && (flags & NativeIo.NOWAIT) != 0)) {
            endWith(started);
            endEvent();
        }
    }

    /** A read, and what goes on with it. */
    public void beginRead(
            final File ofFile,
            final IoFuture<?> ofFuture,
            final Value value,
            final Continued ofRead,
            final long at,
            final long bytes) {
        read = ofRead;
        beginWrite(ofFile, ofFuture, value, at, bytes);
    }

    /** An operation that the current thread waits for by {@link #await}. */
    public void beginWait(final File ofFile) {
        file = ofFile;
        ended = false;
        waiter = Thread.currentThread();
    }

    /** No I/O: a task that runs where futures complete. */
    void beginTask(final Runnable ofTask) {
        task = ofTask;
    }

    /** As a NativeIo's result. Interrupts are left to the thread. */
    public long await() {
        boolean interrupted = false;
        while (!ended) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return result < 0 ? NativeIo.failure(result, stableBytes) : result;
    }

    /** Whether somebody still waits for its future. */
    boolean isOpen() {
        final @Nullable IoFuture<?> open = future;
        return open != null && !open.isDone();
    }

    /** Takes the event's result. Returns whether the operation is to be completed now. May be called again if it throws. */
    boolean end(final long eventResult, final long eventStableBytes, final long eventOffset) {
        assert Faults.at(Faults.Step.END_OPERATION);
        result = eventResult;
        stableBytes = eventStableBytes;
        offset = eventOffset;
        final @Nullable Thread thread = waiter;
        if (thread != null) {
            ended = true; // From here on the operation may be another's.
            LockSupport.unpark(thread);
            return false;
        }
        return read == null || read.takeEvent(this, eventResult);
    }

    /** A write ended as a whole, without an event. */
    void endWrite(final long bytes, final long at) {
        result = bytes;
        stableBytes = bytes;
        offset = at;
    }

    /** Where a write is that ended. */
    public long offset() {
        return offset;
    }

    /** The result of a read that its event did not bring: a NativeIo's. */
    public void endRead(final long readResult) {
        result = readResult < 0 ? -NativeIo.errno(readResult) : readResult;
    }

    /** The operation ends with -errno: it could not begin. */
    public void endWith(final int errno) {
        result = errno;
        stableBytes = 0;
    }

    /** The operation ends with what was thrown. */
    public void endWith(final Throwable thrown) {
        result = -Errno.EIO;
        failure = thrown;
    }

    /** The same, where an event could not be taken. Returns whether the operation is to be completed now. */
    boolean endInsteadOfEvent(final Throwable thrown) {
        if (waiter != null) {
            return false; // It was told; only to wake it has thrown.
        }
        endWith(thrown);
        if (read != null) {
            read.leave();
        }
        return true;
    }

    /** Completes the future, and runs its callbacks. If it throws it is to be called again, and goes on where it was. */
    public void complete() {
        if (task != null) {
            final Runnable once = task;
            task = null;
            once.run();
        }
        final IoFuture<?> open = future;
        if (open == null) {
            return;
        }
        if (!decided) {
            decide();
            decided = true;
        }
        assert Faults.at(Faults.Step.COMPLETE);
        if (failure != null) {
            open.completeExceptionally(failure);
        } else {
            complete(open, value);
        }
        assert Faults.at(Faults.Step.COMPLETED);
    }

    /* Where memory or stack is missing the next call decides. Anything else would be thrown again: that is the outcome. */
    private void decide() {
        try {
            assert Faults.at(Faults.Step.DECIDE);
            endEvent();
            assert file != null && kind != null;
            if (result >= 0) {
                final long count = kind == Value.OFFSET ? offset : read == null ? result : read.finish(result);
                value = kind == Value.NOTHING ? null : kind.ofCount(count);
            } else if (failure == null) {
                final String operation = read == null ? kind.operation() : "read";
                failure = file.failed(operation, position, length, (int) -result, stableBytes);
            }
        } catch (final OutOfMemoryError | StackOverflowError e) {
            throw e;
        } catch (final Throwable e) {
            failure = e;
        }
    }

    /* An event that cannot be told is lost, and nothing else is. */
    private void endEvent() {
        final IoEvent once = event;
        event = null;
        if (once == null) {
            return;
        }
        try {
            tell(once);
        } catch (final Throwable e) {
            Completions.report(e);
        }
    }

    private void tell(final IoEvent once) {
        final long at = read == null && result >= 0 ? offset : position;
        final long done = read == null && result < 0 ? stableBytes : Math.max(result, 0);
        assert file != null;
        once.end(file.path(), at, length, durability, flags, true, (int) -Math.min(result, 0), done);
    }

    @SuppressWarnings("unchecked")
    private static <T> void complete(final IoFuture<?> future, final @Nullable Object value) {
        ((IoFuture<T>) future).complete((T) value);
    }

    /** Ends this life. */
    void clear() {
        future = null;
        file = null;
        read = null;
        task = null;
        decided = false;
        value = null;
        failure = null;
        event = null;
        durability = NativeIo.DURABILITY_OF_FILE;
        flags = 0;
        waiter = null;
        token += 1L << 32;
    }
}
