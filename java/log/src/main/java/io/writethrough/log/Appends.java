// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.log.Segments.Segment;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
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
 *   make frames, take checksums      in the thread's own buffer; a copy goes to the place in `ring`
 *   publish the ticket               its frames are made
 *   write, durably                   one thread, the leader: all frames that are made and follow what is durable, by one write
 *   take the tickets back            the leader moves `durable` on, hands over, and tells those who wait
 * </pre>
 *
 * <p>One write is under way at a time, and each begins where the one before ended. So behind the last frame there are always
 * zeros: a write ends with zeros up to the end of its last block.
 *
 * <p>Who leads: a thread that waits for its own append. Where nobody waits, the thread that published, or that ended the write
 * before, starts an asynchronous write, and whoever ends that goes on. Always: if the oldest ticket that is out is published, and
 * nobody has `writing`, then somebody is about to take it, or a thread that waits was woken to do so.
 *
 * <p>Where the segment has no room left, one thread closes `state` under the lock, waits until all tickets are back, writes
 * its frames at the end of the old segment, then those in the new one, and opens `state` there. A write that fails closes
 * `state` too. The tickets from that one on fail. When all are back, the next append erases what they left and opens `state`.
 */
final class Appends {
    private static final int TICKETS = 1 << 14;
    private static final int MASK = TICKETS - 1;
    private static final long FAILED = -1;
    private static final long NONE = -1;
    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(Format.BLOCK_BYTES + Format.FRAME_HEADER_BYTES)
            .asReadOnlyBuffer();
    private static final ByteBuffer[] NOTHING = {};
    private static final long CLOSED = 0xffff_ffffL;
    private static final long PAUSE_NANOS = 20_000;
    private static final int RING_BYTES = 1 << 20;

    /* A leader waits for the threads that the write before set free: as long as they keep coming, and at least so long. */
    private static final long PATIENCE_NANOS = 50_000;
    /* After a wait in vain so many leaders do not wait. */
    private static final int HASTY_LEADERS = 64;

    private final LogFiles files;
    private final Segments segments;
    private final Watermark watermark;
    private final long logId;
    private final long segmentBytes;

    /* The next ticket, and an eighth of the next offset in the segment; CLOSED in place of the offset: no place is given. */
    private final AtomicLong state = new AtomicLong();
    private volatile Segment segment;
    private volatile long closedOffset;

    /* By ticket: the end of an append whose frames are made, or FAILED; 0 while they are not. Who waits for it. */
    private final AtomicLongArray ends = new AtomicLongArray(TICKETS);
    private final AtomicReferenceArray<@Nullable Waiter> waiters = new AtomicReferenceArray<>(TICKETS);
    /* By ticket: the frames of an append that is too long for the ring. */
    private final AtomicReferenceArray<ByteBuffer @Nullable []> own = new AtomicReferenceArray<>(TICKETS);

    /*
     * The frames by their offset in the segment, modulo the ring's bytes. Frames that begin before the end of the ring may go on
     * behind it, so that each append is one piece.
     */
    private final ByteBuffer ring;
    private final int ringBytes;

    /* The oldest ticket that is out. Changed by the thread that has set `writing`. */
    private volatile int head;

    /* A write is under way, or about to begin, or has just ended. Guards what follows. */
    private final AtomicBoolean writing = new AtomicBoolean();
    private boolean failing;
    private int writtenTicket;
    private long writtenEnd;
    private int hasty;
    private final ByteBuffer[] pieces;
    private final AtomicReference<Asynchronous> asynchronous = new AtomicReference<>(Asynchronous.ENDED);
    private @Nullable Throwable whyEnded;

    private enum Asynchronous {
        STARTING,
        STARTED,
        ENDED
    }

    /* Threads that the last write set free, and that have not come back. */
    private final AtomicInteger expected = new AtomicInteger();

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
        this.ringBytes = (int) Math.min(RING_BYTES, segmentBytes);
        this.ring = Format.direct(ringBytes + Encoder.MOST_BYTES);
        this.pieces = new ByteBuffer[] {ring.duplicate(), ring.duplicate(), ZEROS.duplicate()};
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
            if (ticket - head >= TICKETS || !hasRoom(segment.base() + place * 8, framed)) {
                pause();
            } else if (state.compareAndSet(now, opened(ticket + 1, place * 8 + framed))) {
                // The segment stays until the ticket is back; before, it may have changed and the state not.
                encoder.lsn = segment.base() + place * 8;
                encoder.ticket = ticket;
                return true;
            }
        }
    }

    /* Whether what the ring has where the frames go is durable. */
    private boolean hasRoom(final long lsn, final long framed) {
        return framed > Encoder.MOST_BYTES || lsn + framed - watermark.get() <= ringBytes;
    }

    private int indexOf(final long offset) {
        return (int) (offset % ringBytes);
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

    /* Whether the oldest ticket that is out can be written, or has failed. */
    private boolean canWrite() {
        return ends.get(head & MASK) != 0;
    }

    /* False: another thread leads, or there is nothing to write. */
    private boolean beginWriting() {
        while (canWrite() && writing.compareAndSet(false, true)) {
            if (canWrite()) {
                return true;
            }
            writing.set(false); // who publishes now may have seen it set
        }
        return false;
    }

    /*
     * Nobody has `writing`, as far as the caller knows. Wakes a thread that waits for the oldest ticket, or starts a write.
     * Returns the futures that are to be told, the newest first, in front of those given.
     */
    private @Nullable AppendFuture passOn(final @Nullable AppendFuture untold) {
        @Nullable AppendFuture newest = untold;
        while (canWrite() && !writing.get()) {
            final Waiter oldest = waiters.get(head & MASK);
            if (oldest instanceof Encoder encoder) {
                encoder.wake();
                break;
            }
            if (beginWriting()) {
                final ByteBuffer[] frames = gather();
                if (frames.length > 0 && !startWriting(frames)) {
                    break; // its end goes on
                }
                newest = endWriting(frames.length > 0 ? whyEnded : null, newest);
            }
        }
        return newest;
    }

    /* True: the write has ended already, also if it could not be started. */
    private boolean startWriting(final ByteBuffer[] frames) {
        asynchronous.set(Asynchronous.STARTING);
        final Segment in = segment;
        try {
            in.file().writeAsync(frames, watermark.get() - in.base(), this::asynchronousEnded);
        } catch (final Throwable e) {
            whyEnded = e;
            return true;
        }
        return !asynchronous.compareAndSet(Asynchronous.STARTING, Asynchronous.STARTED);
    }

    private void asynchronousEnded(final @Nullable Throwable why) {
        whyEnded = why;
        if (!asynchronous.compareAndSet(Asynchronous.STARTING, Asynchronous.ENDED)) {
            tell(passOn(endWriting(why, null)));
        }
    }

    /* A thread that waits for its append leads. */
    private @Nullable AppendFuture lead(final @Nullable AppendFuture untold) {
        awaitArrivals();
        final ByteBuffer[] frames = gather();
        @Nullable Throwable why = null;
        if (frames.length > 0) {
            final Segment in = segment;
            try {
                in.file().write(frames, watermark.get() - in.base());
            } catch (final Throwable e) {
                why = e;
            }
        }
        return endWriting(why, untold);
    }

    /* One more write costs longer. A yield lets those threads run. */
    @SuppressWarnings("ThreadPriorityCheck")
    private void awaitArrivals() {
        int before = expected.get();
        if (before <= 0 || hasty > 0) {
            hasty = Math.max(0, hasty - 1);
            return;
        }
        final long begun = System.nanoTime();
        for (boolean came = false; before > 0; ) {
            Thread.yield();
            final int now = expected.get();
            came |= now < before;
            if (now >= before && System.nanoTime() - begun > PATIENCE_NANOS) {
                hasty = came ? 0 : HASTY_LEADERS;
                return;
            }
            before = now;
        }
    }

    /*
     * All frames that are made and follow what is durable, and zeros behind them. Nothing, if the oldest ticket has failed, or any
     * before it.
     */
    private ByteBuffer[] gather() {
        final long from = watermark.get();
        final long base = segment.base();
        final int begin = indexOf(from - base);
        long wrapped = NONE;
        long end = from;
        int ticket = head;
        for (; !failing && ticket - head < TICKETS; ticket++) {
            final long next = ends.get(ticket & MASK);
            if (next == 0 || next == FAILED) {
                break;
            }
            final ByteBuffer[] alone = own.get(ticket & MASK);
            if (alone != null && ticket == head) {
                written(ticket + 1, next);
                return alone;
            } else if (alone != null) {
                break;
            }
            if (wrapped == NONE && indexOf(end - base) < begin) {
                wrapped = end;
            }
            end = next;
        }
        written(ticket, end);
        if (ticket == head) {
            return NOTHING;
        }
        final long firstEnd = wrapped == NONE ? end : wrapped;
        final int second = wrapped == NONE ? 0 : indexOf(wrapped - base);
        pieces[0].clear().limit(begin + (int) (firstEnd - from)).position(begin);
        pieces[1].clear().limit(second + (int) (end - firstEnd)).position(second);
        pieces[2].clear().limit(zerosBehind(end - base));
        return pieces;
    }

    private void written(final int ticket, final long end) {
        writtenTicket = ticket;
        writtenEnd = end;
    }

    /* Zeros in place of the next frame's header, up to the end of a block: so the write ends there, and reads nothing. */
    private int zerosBehind(final long offset) {
        return (int) (Format.endOfZeros(offset, segmentBytes) - offset);
    }

    private ByteBuffer[] withZeros(final ByteBuffer[] frames, final long end) {
        final ByteBuffer[] all = Arrays.copyOf(frames, frames.length + 1);
        all[frames.length] = ZEROS.duplicate().limit(zerosBehind(end));
        return all;
    }

    /* A ticket that has no frames: its append fails, and all behind it. */
    private void fail(final int ticket, final Throwable cause) {
        if (failure == null) {
            failure = cause;
        }
        closeState();
        ends.set(ticket & MASK, FAILED);
    }

    /*
     * Takes back the tickets that were written, or all that are published if a write has failed, and gives up `writing`. passOn
     * follows, and tell when nothing of the log waits for this thread. Returns as passOn does.
     */
    private @Nullable AppendFuture endWriting(final @Nullable Throwable failed, final @Nullable AppendFuture untold) {
        final boolean written = failed == null && writtenTicket != head;
        if (!written) {
            failing = true;
            if (failed != null && failure == null) {
                failure = failed;
            }
            closeState();
        }
        @Nullable Waiter first = null;
        @Nullable Waiter last = null;
        int threads = 0;
        int ticket = head;
        @Nullable Throwable why = null;
        try {
            for (; written ? ticket != writtenTicket : ends.get(ticket & MASK) != 0; ticket++) {
                ends.set(ticket & MASK, 0);
                own.set(ticket & MASK, null);
                final Waiter waiter = waiters.getAndSet(ticket & MASK, null);
                if (waiter != null) {
                    threads += waiter instanceof Encoder ? 1 : 0;
                    waiter.next(null);
                    if (last == null) {
                        first = waiter;
                    } else {
                        last.next(waiter);
                    }
                    last = waiter;
                }
            }
            if (written) {
                watermark.set(writtenEnd);
            } else {
                why = whyFailed();
                watermark.fail(why);
            }
        } catch (final OutOfMemoryError e) {
            // The watermark tells the futures that it still has when the log is repaired.
        } finally {
            expected.set(threads);
            head = ticket;
            assert at(Step.TAKEN_BACK);
            writing.set(false);
        }
        final AppendFuture newest = settle(first, why, untold);
        try {
            watermark.tellThreads();
        } catch (final OutOfMemoryError e) {
            // As above.
        }
        return newest;
    }

    /* Dependents of futures may block: so they come when nothing is left to this thread, and when those who wait were told. */
    private void tell(final @Nullable AppendFuture newest) {
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

    private Throwable whyFailed() {
        try {
            return failed(failure);
        } catch (final Throwable e) {
            return withoutMemory;
        }
    }

    /* Wakes threads that wait. Futures get their outcome, and no dependent runs yet. Needs no memory. */
    private static @Nullable AppendFuture settle(
            final @Nullable Waiter first, final @Nullable Throwable why, final @Nullable AppendFuture untold) {
        @Nullable AppendFuture newest = untold;
        for (Waiter waiter = first; waiter != null; ) {
            final Waiter next = waiter.next(); // before it is told: then it may be in another list
            waiter.next(null);
            waiter.done(why);
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
            publish(encoder, parts, batch, framed, true);
            expected.getAndDecrement();
            final Throwable why = await(encoder);
            if (why != null) {
                throw failed(why.getCause()); // with the trace of this thread
            }
            moveToLimits(parts);
            return lsn;
        } finally {
            encoder.release();
        }
    }

    /* Makes the frames. A long append that is waited for is written from the caller's buffers. */
    private void publish(
            final Encoder encoder,
            final ByteBuffer[] parts,
            final boolean batch,
            final long framed,
            final boolean isWaitedFor) {
        final int ticket = encoder.ticket;
        final long lsn = encoder.lsn;
        try {
            final long offset = lsn - segment.base();
            if (framed <= Encoder.MOST_BYTES) {
                ring.put(
                        indexOf(offset), encoder.encode(parts, batch, framed, logId, watermark.get()), 0, (int) framed);
            } else {
                final ByteBuffer[] frames = isWaitedFor
                        ? new FrameCutter(encoder.views(parts), batch, logId).cut(lsn, framed, watermark.get())
                        : new ByteBuffer[] {encoder.encode(parts, batch, framed, logId, watermark.get())};
                own.set(ticket & MASK, withZeros(frames, offset + framed));
            }
        } catch (final Throwable e) {
            fail(ticket, e);
            return;
        }
        count(framed);
        ends.set(ticket & MASK, lsn + framed);
    }

    /* Returns when the append is durable, or why it is not. Leads where it can. */
    private @Nullable Throwable await(final Encoder encoder) {
        boolean interrupted = false;
        @Nullable AppendFuture untold = null;
        while (!encoder.isDone()) {
            if (beginWriting()) {
                untold = passOn(lead(untold));
            } else if (!files.progress()) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
        }
        tell(untold); // a dependent must not run while this thread may be the one to lead
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return encoder.failure();
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
        waiters.set(encoder.ticket & MASK, waiter);
        publish(encoder, parts, batch, framed, false);
        moveToLimits(parts);
        tell(passOn(null));
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

    private long write(final Segment to, final long offset, final ByteBuffer[] frames) throws IOException {
        long count = 0;
        for (final ByteBuffer buffer : frames) {
            count += buffer.remaining();
        }
        to.file().write(withZeros(frames, offset + count), offset);
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
                Segments.closeAll(others);
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
        write(segment, from, frames.filler(segment.base() + from));
    }

    /** Throws also after a cut that failed. */
    void requireOpen() throws ClosedChannelException {
        if (closed) {
            throw new ClosedChannelException();
        }
    }

    /**
     * A change of the log with no append under way, where the segment's frames end at an offset. It sets the watermark, and returns
     * the segment that the log then has.
     */
    interface Change {
        Segment apply(Segment segment, long end) throws IOException;
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
                segment = change.apply(segment, closedOffset);
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
            final List<Segment> all = new ArrayList<>();
            all.add(segment);
            if (spoilt != null) {
                all.addAll(spoilt);
            }
            Segments.closeAll(all);
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
