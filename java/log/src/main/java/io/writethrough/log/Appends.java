// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.log.Segments.Segment;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The way of an append:
 *
 * <pre>
 *   take a place and a ticket        one compare-and-set of `state`; no lock
 *   make frames, take checksums      in the thread's own buffer
 *   write them, durably              in the thread; the engine makes one I/O of all that are near each other
 *   give the ticket back             whoever finds the oldest ticket given back moves `durable` on, and tells those who wait
 * </pre>
 *
 * <p>Where the segment has no room left, one thread closes `state` under the lock, waits until all tickets are back, writes
 * its frames at the end of the old segment, then those in the new one, and opens `state` there. A write that fails closes
 * `state` too. The tickets from that one on fail. When all are back, the next append erases what they left and opens `state`.
 */
final class Appends {
    private static final int TICKETS = 1 << 14;
    private static final int MASK = TICKETS - 1;
    private static final long FAILED = -1;
    private static final long CLOSED = 0xffff_ffffL;
    private static final long PAUSE_NANOS = 20_000;

    private final LogFiles files;
    private final Segments segments;
    private final Watermark watermark;
    private final long logId;
    private final long segmentBytes;

    /* The next ticket, and an eighth of the next offset in the segment; CLOSED in place of the offset: no place is given. */
    private final AtomicLong state = new AtomicLong();
    private volatile Segment segment;
    private volatile long closedOffset;

    /* By ticket: the end of an append whose bytes are stable, or FAILED; 0 while it is out. Who waits for it. */
    private final AtomicLongArray ends = new AtomicLongArray(TICKETS);
    private final AtomicReferenceArray<@Nullable Waiter> waiters = new AtomicReferenceArray<>(TICKETS);

    /* The oldest ticket that is out. Changed by the thread that has set `advancing`. */
    private volatile int head;
    private boolean failing;
    private final AtomicBoolean advancing = new AtomicBoolean();

    private final ReentrantLock lock = new ReentrantLock();
    private volatile @Nullable Throwable failure;
    private @Nullable List<Segment> spoilt;
    private volatile boolean closed;
    private final LongAdder bytes = new LongAdder();
    private final LongAdder count = new LongAdder();
    private final AtomicLong rolls = new AtomicLong();
    private final AtomicLong repairs = new AtomicLong();
    private Runnable afterRoll = () -> {};

    /** Steps that tests put something between. They are named in assertions: without those none costs anything. */
    enum Step {
        RESERVE,
        TAKE_BACK,
        TAKEN_BACK
    }

    private @Nullable Consumer<Step> between;

    /* For when there is no memory to tell more. */
    private final IOException withoutMemory = new IOException(
            "append to the log: not durable, since a write failed, and the heap is full. All that was acknowledged before is"
                    + " there. The next append tries to go on");

    Appends(
            final LogFiles files,
            final Segments segments,
            final Watermark watermark,
            final Format.Control control,
            final Segment segment,
            final long end) {
        this.files = files;
        this.segments = segments;
        this.watermark = watermark;
        this.logId = control.logId();
        this.segmentBytes = control.segmentBytes();
        this.segment = segment;
        state.set((end - segment.base()) >> 3);
    }

    /** Runs after each change of the segment. */
    void afterRoll(final Runnable task) {
        afterRoll = task;
    }

    /** For tests: what each step does first. */
    void between(final @Nullable Consumer<Step> task) {
        between = task;
    }

    /* Always true, if it returns. */
    private boolean at(final Step step) {
        final Consumer<Step> task = between;
        if (task != null) {
            task.accept(step);
        }
        return true;
    }

    long sequence() {
        return segment.sequence();
    }

    long rolls() {
        return rolls.get();
    }

    long repairs() {
        return repairs.get();
    }

    @Nullable
    Throwable failure() {
        return failure;
    }

    /** How many appends are under way. */
    int underWay() {
        return (int) (state.get() >>> 32) - head;
    }

    private static void moveToLimits(final ByteBuffer[] parts) {
        for (final ByteBuffer part : parts) {
            part.position(part.limit());
        }
    }

    // ---- places and tickets ----

    /** Takes a place for so many bytes, if the segment has room. */
    private boolean reserve(final Encoder encoder, final long framed) {
        while (true) {
            final long now = state.get();
            final long place = now & CLOSED;
            assert at(Step.RESERVE);
            if (place == CLOSED || place * 8 + framed > segmentBytes) {
                return false;
            }
            final int ticket = (int) (now >>> 32);
            if (ticket - head >= TICKETS) {
                pause();
            } else if (state.compareAndSet(now, opened(ticket + 1, place * 8 + framed))) {
                final Segment in =
                        segment; // stays until the ticket is back; before, it may have changed and the state not
                encoder.segment = in;
                encoder.lsn = in.base() + place * 8;
                encoder.ticket = ticket;
                return true;
            }
        }
    }

    private static long opened(final int ticket, final long offset) {
        return (long) ticket << 32 | offset >> 3;
    }

    private void pause() {
        if (!files.progress()) {
            LockSupport.parkNanos(this, PAUSE_NANOS);
        }
    }

    /* No place is given until `state` is opened again. */
    private void closeState() {
        while (true) {
            final long now = state.get();
            if ((now & CLOSED) == CLOSED) {
                return;
            }
            if (state.compareAndSet(now, now | CLOSED)) {
                closedOffset = (now & CLOSED) * 8;
                return;
            }
        }
    }

    /* With `state` closed, and all tickets back. */
    private void openState(final long offset) {
        assert (state.get() & CLOSED) == CLOSED && underWay() == 0;
        state.set(opened(head, offset));
    }

    private void awaitTickets() {
        while (underWay() != 0) {
            pause();
        }
    }

    private void end(final int ticket, final long end) {
        ends.set(ticket & MASK, end);
        advance();
    }

    private void fail(final int ticket, final Throwable cause) {
        if (failure == null) {
            failure = cause;
        }
        closeState();
        end(ticket, FAILED);
    }

    /*
     * Takes back the tickets from the oldest on. One thread at a time does; whoever comes meanwhile leaves it to that one: so
     * dependents of futures, which may block, come when nothing is left to this thread, and when those who wait were told.
     */
    private void advance() {
        @Nullable AppendFuture newest = null;
        while (ends.get(head & MASK) != 0) {
            assert at(Step.TAKE_BACK);
            if (!advancing.compareAndSet(false, true)) {
                break;
            }
            newest = takeBack(newest);
        }
        for (AppendFuture future = inOrder(newest); future != null; ) {
            final AppendFuture next = (AppendFuture) future.next();
            future.next(null);
            try {
                future.tell();
            } catch (final OutOfMemoryError e) {
                // Of a dependent; the others must hear.
            }
            future = next;
        }
        try {
            watermark.tell();
        } catch (final OutOfMemoryError e) {
            // The next move of the watermark tells those who still wait.
        }
    }

    private static @Nullable AppendFuture inOrder(final @Nullable AppendFuture newest) {
        @Nullable AppendFuture first = null;
        for (AppendFuture future = newest; future != null; ) {
            final AppendFuture older = (AppendFuture) future.next();
            future.next(first);
            first = future;
            future = older;
        }
        return first;
    }

    /*
     * What needs memory may fail: `advancing` falls all the same, and those who wait are told. Returns the futures that are to be
     * told, the newest first, in front of those given.
     */
    private @Nullable AppendFuture takeBack(final @Nullable AppendFuture untold) {
        @Nullable Waiter first = null;
        @Nullable Waiter last = null;
        @Nullable Waiter firstFailed = null;
        int ticket = head;
        long durable = FAILED;
        @Nullable Throwable why = null;
        try {
            for (long end; (end = ends.get(ticket & MASK)) != 0; ticket++) {
                failing |= end == FAILED;
                ends.set(ticket & MASK, 0);
                final Waiter waiter = waiters.getAndSet(ticket & MASK, null);
                if (waiter != null) {
                    waiter.next(null);
                    if (last == null) {
                        first = waiter;
                    } else {
                        last.next(waiter);
                    }
                    last = waiter;
                    firstFailed = failing && firstFailed == null ? waiter : firstFailed;
                }
                durable = failing ? durable : end;
            }
            if (durable != FAILED) {
                watermark.set(durable);
            }
            if (failing && ticket != head) { // else another thread took them, and the log may be under repair
                why = whyFailed();
                watermark.fail(why);
            }
        } catch (final OutOfMemoryError e) {
            // The watermark tells the futures that it still has when the log is repaired.
        } finally {
            head = ticket;
            assert at(Step.TAKEN_BACK);
            advancing.set(false);
        }
        final AppendFuture newest = settle(first, firstFailed, why, untold);
        try {
            watermark.tellThreads();
        } catch (final OutOfMemoryError e) {
            // As above.
        }
        return newest;
    }

    private Throwable whyFailed() {
        try {
            return failed(failure);
        } catch (final Throwable e) {
            return withoutMemory;
        }
    }

    /* Wakes threads that wait. Futures get their outcome, and no dependent runs yet. Needs no memory. */
    private static @Nullable AppendFuture settle(
            final @Nullable Waiter first,
            final @Nullable Waiter firstFailed,
            final @Nullable Throwable why,
            final @Nullable AppendFuture untold) {
        boolean failed = false;
        @Nullable AppendFuture newest = untold;
        for (Waiter waiter = first; waiter != null; ) {
            failed |= waiter == firstFailed;
            final Waiter next = waiter.next(); // before it is told: then it may be in another list
            waiter.next(null);
            waiter.done(failed ? why : null);
            if (waiter instanceof AppendFuture) {
                waiter.next(newest);
                newest = (AppendFuture) waiter;
            }
            waiter = next;
        }
        return newest;
    }

    private IOException failed(final @Nullable Throwable cause) {
        return new IOException(
                "append to the log " + files + ": not durable, since a write failed: "
                        + (cause == null ? "" : cause.getMessage())
                        + ". All that was acknowledged before is there. The next append tries to go on",
                cause);
    }

    // ---- appends ----

    /* NONE: the append has its ticket and its place in a segment. Else the LSN: the append went over several, and is durable. */
    private long reserveOrAppendAcross(
            final Encoder encoder, final ByteBuffer[] parts, final boolean batch, final long framed)
            throws IOException {
        while (!reserve(encoder, framed)) {
            final long lsn = appendAcross(encoder, parts, batch, framed);
            if (lsn != Format.NONE) {
                moveToLimits(parts);
                return lsn;
            }
        }
        return Format.NONE;
    }

    /** Appends and waits. Returns the LSN. */
    long append(final ByteBuffer[] parts, final boolean batch) throws IOException {
        final Encoder encoder = Encoder.ofThread();
        final long framed = encoder.take(parts, batch);
        try {
            final long across = reserveOrAppendAcross(encoder, parts, batch, framed);
            if (across != Format.NONE) {
                return across;
            }
            final long lsn = encoder.lsn;
            encoder.begin();
            waiters.set(encoder.ticket & MASK, encoder);
            write(encoder, parts, batch, framed);
            final Throwable why = encoder.await(files);
            if (why != null) {
                throw failed(why.getCause()); // with the trace of this thread
            }
            moveToLimits(parts);
            return lsn;
        } finally {
            encoder.release();
        }
    }

    private void write(final Encoder encoder, final ByteBuffer[] parts, final boolean batch, final long framed) {
        final Segment in = encoder.segment;
        final long lsn = encoder.lsn;
        try {
            assert in != null;
            if (framed <= Encoder.MOST_BYTES) {
                in.file().write(encoder.encode(parts, batch, framed, logId, watermark.get()), lsn - in.base());
            } else {
                final FrameCutter frames = new FrameCutter(encoder.views(parts), batch, logId);
                in.file().write(frames.cut(lsn, framed, watermark.get()), lsn - in.base());
            }
        } catch (final Throwable e) {
            fail(encoder.ticket, e);
            return;
        }
        count(framed);
        end(encoder.ticket, lsn + framed);
    }

    /** Starts an append. The future completes when it is durable. */
    CompletableFuture<Long> appendAsync(final ByteBuffer[] parts, final boolean batch) {
        final Encoder encoder = Encoder.ofThread();
        final long framed = encoder.take(parts, batch);
        try {
            final AppendFuture future = new AppendFuture(); // a ticket that is taken must come back
            final long across = reserveOrAppendAcross(encoder, parts, batch, framed);
            if (across != Format.NONE) {
                return CompletableFuture.completedFuture(across);
            }
            future.lsn(encoder.lsn);
            start(encoder, parts, batch, framed, future);
            return future;
        } catch (final IOException e) {
            return CompletableFuture.failedFuture(e);
        } finally {
            encoder.release();
        }
    }

    /** Starts an append. Returns the LSN. */
    long appendLater(final ByteBuffer[] parts, final boolean batch) throws IOException {
        final Encoder encoder = Encoder.ofThread();
        final long framed = encoder.take(parts, batch);
        try {
            final long across = reserveOrAppendAcross(encoder, parts, batch, framed);
            if (across != Format.NONE) {
                return across;
            }
            final long lsn = encoder.lsn;
            start(encoder, parts, batch, framed, null);
            return lsn;
        } finally {
            encoder.release();
        }
    }

    private void start(
            final Encoder encoder,
            final ByteBuffer[] parts,
            final boolean batch,
            final long framed,
            final @Nullable Waiter waiter) {
        final Segment in = encoder.segment;
        final long lsn = encoder.lsn;
        final int ticket = encoder.ticket;
        waiters.set(ticket & MASK, waiter);
        try {
            assert in != null;
            final ByteBuffer frames = encoder.encode(parts, batch, framed, logId, watermark.get());
            count(framed);
            in.file().writeAsync(frames, lsn - in.base(), why -> {
                if (why == null) {
                    end(ticket, lsn + framed);
                } else {
                    fail(ticket, why);
                }
            });
            moveToLimits(parts);
        } catch (final Throwable e) {
            fail(ticket, e);
        }
    }

    /**
     * An append that the segment has no room for. It is durable when this returns.
     *
     * @return the LSN; -1 if there is room by now
     */
    private long appendAcross(final Encoder encoder, final ByteBuffer[] parts, final boolean batch, final long framed)
            throws IOException {
        final FrameCutter frames = new FrameCutter(encoder.views(parts), batch, logId);
        final long lsn;
        lock.lock();
        try {
            requireOpen();
            if (failure != null) {
                repair();
            }
            final long place = state.get() & CLOSED;
            if (place != CLOSED && place * 8 + framed <= segmentBytes) {
                return Format.NONE;
            }
            final Object event = LogEvents.beginSegment();
            closeState();
            awaitTickets();
            final Throwable why = failure;
            if (why != null) {
                throw failed(why);
            }
            lsn = roll(frames, closedOffset);
            LogEvents.endSegment(event, files, segment.sequence());
            count(framed);
        } finally {
            lock.unlock();
        }
        watermark.tell();
        return lsn;
    }

    private long roll(final FrameCutter frames, final long offset) throws IOException {
        final Segment old = segment;
        final long room = segmentBytes - offset;
        final int count = frames.segmentsFor(room, segmentBytes - Format.HEADER_BYTES);
        if (count < 1) {
            openState(offset);
            throw new IllegalStateException("The append has room in its segment");
        }
        final List<Segment> next;
        try {
            next = segments.take(count);
        } catch (final Throwable e) {
            openState(offset);
            throw e;
        }
        long end;
        try {
            final long durable = watermark.get();
            end = old.base() + offset;
            if (room >= Format.LEAST_FRAME_BYTES) {
                end += write(old, offset, frames.cut(end, room, durable));
            }
            for (final Segment to : next) {
                end = to.firstLsn();
                end += write(to, Format.HEADER_BYTES, frames.cut(end, segmentBytes - Format.HEADER_BYTES, durable));
            }
        } catch (final Throwable e) {
            spoilt = next;
            failure = e;
            throw failed(e);
        }
        final long lsn = room >= Format.LEAST_FRAME_BYTES
                ? old.base() + offset
                : next.get(0).firstLsn();
        segment = next.get(count - 1);
        watermark.set(end);
        openState(end - segment.base());
        rolls.addAndGet(count);
        lookAfterSegments(old, next);
        return lsn;
    }

    /* The append is durable whatever fails here: each next change of the segment prepares and trims again. */
    private void lookAfterSegments(final Segment old, final List<Segment> next) {
        try {
            segments.retire(old);
            for (int i = 0; i + 1 < next.size(); i++) {
                segments.retire(next.get(i));
            }
            segments.prepare(1);
            afterRoll.run();
        } catch (final Throwable e) {
            DurableLog.LOGGER.log(System.Logger.Level.WARNING, "After a new segment of the log " + files, e);
        }
    }

    private static long write(final Segment to, final long offset, final ByteBuffer[] buffers) throws IOException {
        long count = 0;
        for (final ByteBuffer buffer : buffers) {
            count += buffer.remaining();
        }
        to.file().write(buffers, offset);
        return count;
    }

    /*
     * Makes a filler of what failed appends left: their LSNs have been told, so that no later record may get them. With the lock.
     */
    private void repair() throws IOException {
        closeState();
        awaitTickets();
        final Throwable why = failure;
        final long end = watermark.get() - segment.base();
        try {
            final List<Segment> others = spoilt;
            if (others != null) {
                for (final Segment other : others) {
                    other.file().close();
                }
                segments.recycleBehind(segment.sequence());
                segment.file().zero(closedOffset, segmentBytes);
                spoilt = null;
            }
            if (closedOffset > end) {
                fill(end, closedOffset);
            }
        } catch (final IOException e) {
            if (why != null && why != e) {
                e.addSuppressed(why);
            }
            throw new IOException(
                    "append to the log " + files + ": what failed appends left cannot be overwritten: " + e.getMessage()
                            + ". The next append tries again",
                    e);
        }
        watermark.repaired(segment.base() + end, segment.base() + closedOffset);
        failing = false;
        failure = null;
        repairs.incrementAndGet();
        openState(closedOffset);
        segments.prepare(1);
    }

    private void fill(final long from, final long to) throws IOException {
        final ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 20);
        final List<ByteBuffer> parts = new ArrayList<>();
        for (long left = to - from - Format.FRAME_HEADER_BYTES; left > 0; ) {
            final int length = (int) Math.min(left, zeros.capacity());
            parts.add(zeros.slice(0, length));
            left -= length;
        }
        final FrameCutter frames = new FrameCutter(parts.toArray(new ByteBuffer[0]), false, logId);
        segment.file().write(frames.filler(segment.base() + from), from);
    }

    /** Throws also after a cut that failed. */
    void requireOpen() throws ClosedChannelException {
        if (closed) {
            throw new ClosedChannelException();
        }
    }

    /** A change of the log with no append under way. It sets the watermark, and returns the segment that the log then has. */
    interface Change {
        Segment apply(Segment segment) throws IOException;
    }

    /** Cuts the log. The end is before the present one. */
    void cut(final long end, final Change change) throws IOException {
        lock.lock();
        try {
            requireOpen();
            if (failure != null) {
                repair();
            }
            closeState();
            awaitTickets();
            final Throwable why = failure;
            if (why != null) {
                throw failed(why);
            }
            try {
                segment = change.apply(segment);
            } catch (final Throwable e) {
                failure = e; // the log may be cut or not: only an opening can tell
                closed = true;
                throw e;
            }
            openState(end - segment.base());
            segments.prepare(1);
        } finally {
            lock.unlock();
        }
    }

    /** No append begins any more. Returns when none is under way; whether the log ends where the watermark is. */
    boolean close() throws IOException {
        lock.lock();
        try {
            closed = true;
            closeState();
            awaitTickets();
            segment.file().close();
            return failure == null;
        } finally {
            lock.unlock();
        }
    }

    private void count(final long framed) {
        bytes.add(framed);
        count.increment();
    }

    long bytes() {
        return bytes.sum();
    }

    long count() {
        return count.sum();
    }
}
