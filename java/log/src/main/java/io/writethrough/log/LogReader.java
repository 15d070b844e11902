// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.log.Frames.Found;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Reads the records of a log in order. A reader shows durable records alone, and checks each before it shows it. Any number of
 * readers may be open, beside appends. A reader is for one thread at a time.
 *
 * <p>A reader reads 1 MiB of the log at a time, into a buffer of its own. A record is a view of that buffer, without another
 * copy, unless the record is longer or goes over the end of a segment.
 *
 * @since 0.1
 */
public final class LogReader implements Closeable {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

    /* How often a log that is open for reads alone is looked at for more. */
    private static final long LOOK_NANOS = 1_000_000;

    private final DurableLog log;
    private final ByteBuffer window;
    private @Nullable Frames frames;
    private long sequence;
    private long base;
    /* Records from this LSN on are to be read from another file than the open one. */
    private long endOfFile;
    private long begunAt;
    private long position;
    private int cuts;
    private long lsn = Format.NONE;
    private ByteBuffer record = NOTHING;
    private boolean closed;

    LogReader(final DurableLog log, final long lsn) throws IOException {
        this.log = log;
        this.position = lsn;
        this.window = Frames.window(log.segmentBytes());
        this.cuts = log.cuts().length;
        boolean done = false;
        try {
            checkBegin();
            done = true;
        } finally {
            if (!done) {
                close();
            }
        }
    }

    private void checkBegin() throws IOException {
        if (position % 8 != 0) {
            throw noRecord(position);
        }
        if (position < log.end()) {
            skipEndOfSegment();
            final Frames from = framesAt(position);
            final Found found = from.read(position - base, limit(log.end()), false);
            if (found != Found.FRAME || from.continues()) {
                throw noRecord(position);
            }
        }
        begunAt = position;
    }

    private IOException noRecord(final long at) {
        return new IOException("No record of the log " + log.files() + " begins at LSN " + at
                + ". Use an LSN that append or a reader told, or DurableLog.start()");
    }

    /** The LSN of the first record that begins in a segment; -1 if none does. */
    static long firstRecordOf(final DurableLog log, final long sequence) throws IOException {
        final long base = sequence * log.segmentBytes();
        try (LogFile file = log.files().open(Segments.nameOf(sequence), false)) {
            final Frames frames = new Frames(file, log.logId(), base, Frames.window(log.segmentBytes()));
            final long limit = Math.min(log.segmentBytes(), log.end() - base);
            long offset = Format.HEADER_BYTES;
            while (frames.read(offset, limit, false) == Found.FRAME) {
                if (!frames.continues() && !frames.isFiller()) {
                    return base + offset;
                }
                offset = frames.endOf(offset);
            }
            return Format.NONE;
        }
    }

    private long limit(final long end) {
        return Math.min(log.segmentBytes(), end - base);
    }

    private boolean isInSegment(final long at) {
        return frames != null && at > base && at <= base + log.segmentBytes();
    }

    private Frames framesAt(final long at) throws IOException {
        final Frames open = frames;
        if (open != null && isInSegment(at) && at < endOfFile) {
            return open;
        }
        closeFile();
        sequence = Recovery.sequenceOf(at, log.segmentBytes());
        base = sequence * log.segmentBytes();
        final String name = Segments.nameOf(sequence);
        final long written = log.writtenEnd();
        endOfFile = at < written ? written : Long.MAX_VALUE;
        final LogFile file =
                at < written ? log.files().openWritten(name) : log.files().open(name, false);
        final Frames opened = new Frames(file, log.logId(), base, window);
        frames = opened;
        return opened;
    }

    private void skipEndOfSegment() {
        if (!isInSegment(position + Format.LEAST_FRAME_BYTES) || position <= base) {
            position = afterEnd(position);
        }
    }

    /* Where a frame begins that follows one with this end. */
    private long afterEnd(final long end) {
        final long next = (Recovery.sequenceOf(end, log.segmentBytes()) + 1) * log.segmentBytes();
        return next - end < Format.LEAST_FRAME_BYTES ? next + Format.HEADER_BYTES : end;
    }

    /**
     * Goes to the next record.
     *
     * @return whether there is one; false at the end of what is durable, where a later call may find more
     * @throws LogDamagedException if a record is not what was appended; the reader stays where it is
     * @throws java.nio.channels.ClosedChannelException if the log or the reader is closed
     * @throws IOException if the log cannot be read, or the place of the reader was trimmed or cut off
     */
    public boolean next() throws IOException {
        while (true) {
            requireOpen();
            followCuts();
            final long end = log.end();
            if (position >= end) {
                if (!log.isReadOnly() || !look()) {
                    return false;
                }
                continue;
            }
            final long place = position;
            final long lsnBefore = lsn;
            try {
                final boolean isRecord = readRecord(end);
                if (log.cuts().length != cuts) { // it may have been cut off while it was read
                    position = place;
                    lsn = lsnBefore;
                } else if (isRecord) {
                    return true;
                }
            } catch (final IOException e) {
                requireOpen();
                final IOException why = whyGone(e);
                if (why != e || log.cuts().length == cuts) {
                    throw why;
                }
            }
        }
    }

    /* Why the reader's place cannot be read: also if the log's owner is somebody else, who gave it up. */
    private IOException whyGone(final IOException e) {
        if (log.isReadOnly()) {
            try {
                log.followOwner();
            } catch (final IOException cut) {
                cut.addSuppressed(e);
                return cut;
            }
        }
        return position < log.start() ? trimmed(e) : e;
    }

    private IOException trimmed(final @Nullable IOException cause) {
        return new IOException(
                "The log " + log.files() + " was trimmed to LSN " + log.start() + ", behind the reader's LSN "
                        + position + ". Begin another reader",
                cause);
    }

    /* What was read ahead may be gone, and the file, and the place of the reader too: then for good. */
    private void followCuts() throws IOException {
        final long[] all = log.cuts();
        if (cuts < all.length) {
            closeFile();
        }
        for (; cuts < all.length; cuts++) {
            if (position > all[cuts] && position != afterEnd(all[cuts])) {
                throw new IOException("The log " + log.files() + " was cut off at LSN " + all[cuts]
                        + ", before the reader's LSN " + position + ". Begin another reader");
            }
        }
    }

    /* False: a filler was passed. */
    private boolean readRecord(final long end) throws IOException {
        skipEndOfSegment();
        final long begin = position;
        Frames from = readFrame(begin, end);
        if (from.isFiller()) {
            position = base + from.endOf(position - base);
            skipEndOfSegment();
            return false;
        }
        if (from.continues()) {
            throw damaged(begin, "the frame goes on with a record that did not begin");
        }
        if (!from.recordGoesOn()) {
            record = from.bytes();
        } else {
            ByteBuffer whole = ByteBuffer.allocate(2 * from.bytes().remaining());
            whole.put(from.bytes());
            boolean done = false;
            try {
                do {
                    position = base + from.endOf(position - base);
                    skipEndOfSegment();
                    from = readFrame(position, end);
                    if (!from.continues()) {
                        throw damaged(position, "the record does not go on here");
                    }
                    whole = joined(whole, from.bytes());
                } while (from.recordGoesOn());
                done = true;
            } finally {
                position = done ? position : begin; // also if there is no memory
            }
            record = whole.flip().asReadOnlyBuffer();
        }
        lsn = begin;
        position = base + from.endOf(position - base);
        return true;
    }

    private static ByteBuffer joined(final ByteBuffer whole, final ByteBuffer more) {
        if (whole.remaining() >= more.remaining()) {
            return whole.put(more);
        }
        final long wanted = Math.max(2L * whole.capacity(), (long) whole.position() + more.remaining());
        return ByteBuffer.allocate((int) Math.min(wanted, DurableLog.MOST_RECORD_BYTES))
                .put(whole.flip())
                .put(more);
    }

    private Frames readFrame(final long at, final long end) throws IOException {
        final Frames from = framesAt(at);
        if (from.read(at - base, limit(end), true) != Found.FRAME) {
            throw damaged(at, "there is no valid frame");
        }
        return from;
    }

    private LogDamagedException damaged(final long at, final String what) {
        return new LogDamagedException(log.files(), Segments.nameOf(sequence), at - base, at, what);
    }

    private void forget() {
        if (frames != null) {
            frames.forget();
        }
    }

    /* Looks for whole appends behind the end of a log that another one appends to. */
    private boolean look() throws IOException {
        if (log.isCutPending()) {
            return false;
        }
        final long before = log.end();
        final long end;
        try {
            end = endOfAppends(before);
        } catch (final IOException e) {
            throw whyGone(e);
        }
        log.followOwner(); // behind the reads, so that no cut comes between
        if (end == before && position < log.start()) {
            throw trimmed(null);
        }
        forget();
        log.watermark().set(end);
        log.watermark().tell();
        return end > before;
    }

    /* Where the appends end that are whole and follow an end. */
    private long endOfAppends(final long before) throws IOException {
        long at = before;
        long end = before;
        long in = Recovery.sequenceOf(at, log.segmentBytes());
        while (true) {
            if ((in + 1) * log.segmentBytes() - at < Format.LEAST_FRAME_BYTES) {
                in++;
                at = in * log.segmentBytes() + Format.HEADER_BYTES;
                if (!log.files().list().contains(Segments.nameOf(in))) {
                    return end;
                }
            }
            final long base = in * log.segmentBytes();
            try (LogFile file = log.files().open(Segments.nameOf(in), false)) {
                final Frames ahead = new Frames(file, log.logId(), base, Frames.window(log.segmentBytes()));
                Found found;
                while ((found = ahead.read(at - base, log.segmentBytes(), false)) == Found.FRAME) {
                    at = base + ahead.endOf(at - base);
                    end = ahead.appendGoesOn() ? end : at;
                }
                if (found != Found.NOTHING) {
                    return end;
                }
            }
        }
    }

    /**
     * Goes to the next record, and waits until there is one.
     *
     * @return true; false if the log is closed first
     * @throws InterruptedException if the thread is interrupted while it waits
     * @throws IOException as for {@link #next}
     */
    public boolean awaitNext() throws IOException, InterruptedException {
        return awaitNext(Duration.ofNanos(Long.MAX_VALUE));
    }

    /**
     * Goes to the next record, and waits for it for a time. The thread sleeps until a record is durable; only in a log that is
     * open for reads alone it looks once in a millisecond.
     *
     * @param time how long to wait at most
     * @return whether there is a record; false if the time is over or the log is closed
     * @throws InterruptedException if the thread is interrupted while it waits
     * @throws IOException as for {@link #next}
     */
    public boolean awaitNext(final Duration time) throws IOException, InterruptedException {
        final long begun = System.nanoTime();
        final long nanos = time.toNanos();
        while (true) {
            if (log.isClosed()) {
                return false;
            }
            try {
                if (next()) {
                    return true;
                }
            } catch (final java.nio.channels.ClosedChannelException e) {
                if (log.isClosed()) {
                    return false;
                }
                throw e;
            }
            final long left = nanos - (System.nanoTime() - begun);
            if (left <= 0 || !await(left)) {
                return false;
            }
        }
    }

    /* Whether the watermark may have moved. */
    private boolean await(final long nanos) throws InterruptedException {
        if (log.isReadOnly()) {
            LockSupport.parkNanos(this, Math.min(nanos, LOOK_NANOS));
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            return true;
        }
        final CompletableFuture<Long> moved = log.watermark().when(position, false, true);
        if (log.cuts().length != cuts) { // a cut that woke the others before we were among them
            log.watermark().forget(moved);
            return true;
        }
        try {
            moved.get(nanos, TimeUnit.NANOSECONDS);
            return true;
        } catch (final TimeoutException e) {
            log.watermark().forget(moved);
            return false;
        } catch (final ExecutionException e) {
            return false; // closed
        } catch (final InterruptedException e) {
            log.watermark().forget(moved);
            throw e;
        }
    }

    private void requireOpen() throws IOException {
        log.requireOpen();
        if (closed) {
            throw new java.nio.channels.ClosedChannelException();
        }
    }

    /**
     * The LSN of the record that {@link #next} went to.
     *
     * @return -1 before the first call
     */
    public long lsn() {
        return lsn;
    }

    /**
     * The LSN behind that record: {@link DurableLog#reader} may begin there, once the next record is durable.
     *
     * @return where this reader was begun, before the first call of {@link #next}
     */
    public long nextLsn() {
        return position;
    }

    /**
     * Goes to another place: the next call of {@link #next} reads the record there. What was read ahead is used where it has that
     * record.
     *
     * @param to as for {@link DurableLog#reader}
     * @throws IllegalArgumentException as there; the reader stays where it is
     * @throws IOException as there; the reader stays where it is
     */
    public void seek(final long to) throws IOException {
        requireOpen();
        log.requireReadable(to);
        if (cuts < log.cuts().length) {
            closeFile();
            cuts = log.cuts().length;
        }
        final long before = position;
        position = to;
        boolean done = false;
        try {
            checkBegin();
            done = true;
        } finally {
            position = done ? position : before;
        }
    }

    /* Where the first frame is that the reader was begun at: a record, or a filler. */
    long begunAt() {
        return begunAt;
    }

    long rawEnd() {
        return position;
    }

    /**
     * The bytes of the record that {@link #next} went to, from the buffer's position to its limit.
     *
     * @return a read-only buffer that is valid until the next call of a method of this reader other than this one and the LSNs;
     *     the same one at each call
     */
    public ByteBuffer record() {
        return record;
    }

    /** The log's directory, and where the reader is. */
    @Override
    public String toString() {
        return "LogReader[" + log.files() + ", "
                + (lsn == Format.NONE ? "before the first record" : "record at LSN " + lsn) + ", next at LSN "
                + position
                + (closed ? ", closed" : "") + "]";
    }

    /** Closes the reader. */
    @Override
    public void close() throws IOException {
        closed = true;
        closeFile();
    }

    private void closeFile() throws IOException {
        final Frames open = frames;
        frames = null;
        if (open != null) {
            open.file().close();
        }
    }
}
