// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A file that is open on a portable engine, by however many handles: its bytes on the way to the page cache of the system, and the
 * forces that make them durable.
 *
 * <pre>
 *   write:  [order: bytes into the page cache, a ticket into the list] ... the ticket ends
 *   force:  take the token, take the tickets -> force -> [state: all of them are stable] -> they end
 *                                                failed -> [order: cut what is not stable] -> all end with the error
 * </pre>
 *
 * A force makes stable what was in the page cache when it began, so it ends the tickets that were in the list then. One force runs
 * at a time, and the tickets that come meanwhile share the next one.
 *
 * <p>The system may take pages for clean after a force that has failed, and a later force of theirs succeeds though the disk never
 * had them. So a failed force ends all tickets there are, and those whose bytes were on their way while it ran, with its error: no
 * later force speaks for these bytes. What nobody waits for, later writes, is lost: until somebody writes it again, each force fails.
 *
 * <p>Locks are taken in this order: the token of the force, {@code order}, {@code state}.
 */
final class Inode {
    private static final int BLOCK_BYTES = 4096;
    private static final ByteBuffer ZEROS = ByteBuffer.allocate(BLOCK_BYTES).asReadOnlyBuffer();
    private static final int PIECE_BYTES = 1 << 20;
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Executor executor; /* of forces for which no thread waits */
    private final Counters counters;

    /* By which bytes enter the page cache, one write after the other, and the size changes. */
    private final ReentrantLock order = new ReentrantLock();

    private volatile Device device; /* changes once, when a file that was only read is opened for writing */
    private long lookedAt;
    private BooleanSupplier hasName = () -> true;

    private final ReentrantLock state = new ReentrantLock();
    private final Condition tokenIsFree = state.newCondition();

    /* Changed with state held from here on. Those that are volatile are read without. */
    private List<Ticket> waiting = new ArrayList<>();
    private boolean forcing;
    private boolean leaderComes;
    private volatile int failures;
    private volatile int failedErrno;
    private Ranges later = new Ranges(); /* written later, since the last force began */
    private final Ranges lost = new Ranges();
    private volatile int losses;
    private long changes; /* that a force is to make stable and nobody waits for */
    private long stableChanges;
    private boolean everForced;
    private volatile boolean mapped;
    private volatile boolean stale;
    private boolean endInDoubt;
    private volatile long end;
    private long stableEnd; /* each byte behind it is of writes that were not acknowledged */

    Inode(final Device device, final Executor executor, final Counters counters) throws IOException {
        this.device = device;
        this.executor = executor;
        this.counters = counters;
        this.end = device.size();
        this.stableEnd = end;
        this.lookedAt = System.nanoTime();
    }

    /** From now on the file is written, by this device, which reads it as well. */
    void device(final Device writing) {
        order.lock();
        try {
            device = writing;
        } finally {
            order.unlock();
        }
    }

    Device device() {
        return device;
    }

    /** From now on the file is lost once this tells that it has no name. */
    void keepName(final BooleanSupplier named) {
        order.lock();
        try {
            hasName = named;
        } finally {
            order.unlock();
        }
    }

    // ---- reads ----

    /** The count, which is less than asked at the end of the file alone, or -errno. */
    long read(final ByteBuffer[] destinations, final long position) {
        long done = 0;
        try {
            for (final ByteBuffer destination : destinations) {
                final int length = destination.remaining();
                final int count = device.read(destination, position + done);
                done += count;
                if (count < length) {
                    return isCutBefore(position + done + 1) ? -Errno.ESTALE : done;
                }
            }
            return stale ? -Errno.ESTALE : done;
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        }
    }

    /* A read found no bytes where this engine has written some: another program has cut the file, or this one just did. */
    private boolean isCutBefore(final long position) throws IOException {
        return position > end ? stale : isLost();
    }

    /** Whether another program has cut the file, or taken a name that it was to keep. */
    boolean isLost() throws IOException {
        order.lock();
        try {
            return look();
        } finally {
            order.unlock();
        }
    }

    /* With the order held: whether the file is shorter than what was written, or has no name where it is to have one. */
    private boolean look() throws IOException {
        final long size = device.size();
        final boolean named = hasName.getAsBoolean();
        state.lock();
        try {
            stale |= size < end || !named;
            return stale;
        } finally {
            state.unlock();
        }
    }

    private boolean lookNowAndThen() throws IOException {
        final long now = System.nanoTime();
        if (now - lookedAt < LOOK_NANOS) {
            return stale;
        }
        lookedAt = now;
        return look();
    }

    /** The size, or -errno. */
    long size() {
        try {
            return stale ? -Errno.ESTALE : device.size();
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        }
    }

    // ---- writes ----

    /** Where a write goes that is an append. */
    static final long AT_END = -1;

    /**
     * Writes into the page cache.
     *
     * @param position or {@link #AT_END}
     * @param ticket ends when the bytes are stable, or are not; null: a force is to find them
     * @return where the bytes went, or -errno, and then the ticket does not end
     */
    long write(final ByteBuffer[] sources, final long length, final long position, final @Nullable Ticket ticket) {
        order.lock();
        try {
            if (lookNowAndThen()) {
                return -Errno.ESTALE;
            }
            cutIfInDoubt();
            final long at = position == AT_END ? Math.max(end, device.size()) : position;
            if (length > Long.MAX_VALUE - at) {
                return -Errno.EFBIG;
            }
            final int failuresBefore = failures;
            long done = at;
            try {
                for (final ByteBuffer source : sources) {
                    final int bytes = source.remaining();
                    device.write(source, done);
                    done += bytes;
                }
            } catch (final IOException | RuntimeException e) {
                takeBack();
                throw e;
            }
            return written(at, at + length, failuresBefore, ticket);
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        } finally {
            order.unlock();
        }
    }

    /* The bytes are in the page cache. If a force has failed since the first of them came there, they may be lost already. */
    private long written(
            final long start, final long behindLast, final int failuresBefore, final @Nullable Ticket ticket) {
        state.lock();
        try {
            end = Math.max(end, behindLast);
            if (ticket != null) {
                if (failures != failuresBefore) {
                    return -failedErrno;
                }
                ticket.covers(start, behindLast);
                waiting.add(ticket);
                return start;
            }
            changes++;
            if (failures == failuresBefore) {
                later.add(start, behindLast);
            } else {
                lost.add(start, behindLast);
                losses++;
            }
            return start;
        } finally {
            state.unlock();
        }
    }

    /* With the order held: a write has failed in its middle. What it has added to the file goes. */
    private void takeBack() {
        final long size = end;
        try {
            if (device.size() > size) {
                device.truncate(size);
            }
        } catch (final IOException e) {
            doubtEnd();
        }
    }

    private void doubtEnd() {
        state.lock();
        try {
            endInDoubt = true;
        } finally {
            state.unlock();
        }
    }

    /* With the order held: before anything is written behind bytes that failed and could not be cut off. */
    private void cutIfInDoubt() throws IOException {
        final long size;
        state.lock();
        try {
            if (!endInDoubt) {
                return;
            }
            size = end;
        } finally {
            state.unlock();
        }
        device.truncate(size);
        state.lock();
        try {
            endInDoubt = false;
            changes++;
        } finally {
            state.unlock();
        }
    }

    /**
     * Writes zeros: over what is there, and no further than the end of the file; or only where zeros are or nothing is, and then
     * the file becomes as long. 0 or -errno.
     */
    int fill(final long offset, final long length, final boolean keepsBytes) {
        final Ticket ticket = new Ticket(Thread.currentThread(), false);
        final int failuresBefore = failures;
        final byte[] piece = new byte[(int) Math.min(length, PIECE_BYTES)];
        long done = 0;
        int result = 0;
        while (done < length && result == 0) {
            final long bytes = fillPiece(offset + done, length - done, keepsBytes, piece);
            if (bytes == 0) {
                break;
            }
            done += Math.max(bytes, 0);
            result = (int) Math.min(bytes, 0);
        }
        final long queued = done == 0 ? result : written(offset, offset + done, failuresBefore, ticket);
        final int forced = done == 0 ? 0 : queued < 0 ? (int) queued : -await(ticket);
        return result < 0 ? result : forced;
    }

    /* The count of bytes, 0 at the end of the file, or -errno. */
    private long fillPiece(final long offset, final long left, final boolean keepsBytes, final byte[] piece) {
        order.lock();
        try {
            if (lookNowAndThen()) {
                return -Errno.ESTALE;
            }
            cutIfInDoubt();
            final long toEnd = keepsBytes ? left : Math.min(left, device.size() - offset);
            final int bytes = (int) Math.max(Math.min(toEnd, piece.length), 0);
            if (keepsBytes) {
                fillHoles(offset, bytes, piece);
            } else if (bytes > 0) {
                device.write(ByteBuffer.wrap(piece, 0, bytes), offset);
            }
            state.lock();
            try {
                end = Math.max(end, bytes > 0 ? offset + bytes : 0);
            } finally {
                state.unlock();
            }
            return bytes;
        } catch (final IOException e) {
            takeBack();
            return -IoErrors.errno(e);
        } finally {
            order.unlock();
        }
    }

    /* Java does not tell holes from zeros: blocks of zeros are written as such, which fills a hole and changes nothing else. */
    private void fillHoles(final long offset, final int bytes, final byte[] piece) throws IOException {
        final int there = device.read(ByteBuffer.wrap(piece, 0, bytes), offset);
        int at = 0;
        while (at < bytes) {
            final int blockEnd =
                    (int) Math.min(bytes, (offset + at) / BLOCK_BYTES * BLOCK_BYTES + BLOCK_BYTES - offset);
            if (blockEnd > there || isZero(piece, at, blockEnd)) {
                final int from = Math.max(at, Math.min(there, blockEnd));
                final int start = isZero(piece, at, Math.min(there, blockEnd)) ? at : from;
                device.write(ZEROS.slice(0, blockEnd - start), offset + start);
            }
            at = blockEnd;
        }
    }

    private static boolean isZero(final byte[] bytes, final int from, final int to) {
        for (int i = from; i < to; i++) {
            if (bytes[i] != 0) {
                return false;
            }
        }
        return true;
    }

    // ---- the size ----

    /** Sets the size; durable, or with the next force. 0 or -errno. */
    int truncate(final long size, final boolean durable) {
        final Ticket ticket = new Ticket(Thread.currentThread(), false);
        boolean forces = false;
        takeToken();
        try {
            final int result = resize(size, durable ? ticket : null);
            forces = durable && result == 0;
            if (!forces) {
                return result;
            }
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        } finally {
            if (!forces) {
                giveToken();
            }
        }
        forceWithToken();
        return -ticket.errno();
    }

    private int resize(final long size, final @Nullable Ticket ticket) throws IOException {
        order.lock();
        try {
            if (look()) {
                return -Errno.ESTALE;
            }
            if (size > device.size()) {
                device.write(ByteBuffer.wrap(new byte[1]), size - 1);
            } else {
                device.truncate(size);
            }
            state.lock();
            try {
                end = size;
                stableEnd = Math.min(stableEnd, size);
                endInDoubt = false;
                later.remove(size, Long.MAX_VALUE);
                lost.remove(size, Long.MAX_VALUE);
                changes++;
                if (ticket != null) {
                    waiting.add(ticket);
                }
            } finally {
                state.unlock();
            }
            return 0;
        } finally {
            order.unlock();
        }
    }

    /**
     * The file is going to be mapped for writing, up to there. From now on each force is one of the system: nobody tells of
     * stores. 0 or -errno.
     */
    int mapForWriting(final long size) {
        state.lock();
        try {
            mapped = true;
        } finally {
            state.unlock();
        }
        final long now = size();
        return now < 0 ? (int) now : now < size ? truncate(size, true) : 0;
    }

    boolean isMapped() {
        return mapped;
    }

    // ---- forces ----

    /** The losses of later writes until now: a handle tells of them once. */
    int losses() {
        return losses;
    }

    /** Why the last of them was lost. */
    int failedErrno() {
        return failedErrno;
    }

    /** Makes stable all that was written before. 0 or -errno. */
    int force(final boolean metadata) {
        final Ticket ticket = new Ticket(Thread.currentThread(), metadata);
        order.lock();
        try {
            if (metadata ? look() : lookNowAndThen()) {
                return -Errno.ESTALE;
            }
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        } finally {
            order.unlock();
        }
        state.lock();
        try {
            if (!metadata && everForced && !mapped && lost.isEmpty() && changes == stableChanges) {
                return 0;
            }
            waiting.add(ticket);
        } finally {
            state.unlock();
        }
        final int errno = await(ticket);
        state.lock();
        try {
            return errno != 0 ? -errno : lost.isEmpty() ? 0 : -failedErrno;
        } finally {
            state.unlock();
        }
    }

    /** Waits until a ticket of this thread ends: 0 or its errno. */
    int await(final Ticket ticket) {
        boolean interrupted = false;
        while (!ticket.isDone()) {
            if (!lead() && !ticket.isDone()) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return ticket.errno();
    }

    /** Sees to it that a ticket ends for which no thread waits. */
    void leadElsewhere() {
        state.lock();
        try {
            if (forcing || leaderComes) {
                return;
            }
            leaderComes = true;
        } finally {
            state.unlock();
        }
        try {
            executor.execute(this::leadAsTask);
        } catch (final RuntimeException | Error e) { // no thread is to be had: this one does it
            leadAsTask();
        }
    }

    private void leadAsTask() {
        state.lock();
        try {
            leaderComes = false;
        } finally {
            state.unlock();
        }
        lead();
    }

    /* Forces for all who wait, unless somebody does. */
    private boolean lead() {
        state.lock();
        try {
            if (forcing || waiting.isEmpty()) {
                return false;
            }
            forcing = true;
        } finally {
            state.unlock();
        }
        forceWithToken();
        return true;
    }

    private void takeToken() {
        state.lock();
        try {
            while (forcing) {
                tokenIsFree.awaitUninterruptibly();
            }
            forcing = true;
        } finally {
            state.unlock();
        }
    }

    private void giveToken() {
        state.lock();
        try {
            forcing = false;
            tokenIsFree.signal();
        } finally {
            state.unlock();
        }
        wakeNext();
    }

    /* One of those who wait is the next leader. */
    private void wakeNext() {
        @Nullable Ticket next = null;
        boolean elsewhere = false;
        state.lock();
        try {
            if (forcing || waiting.isEmpty()) {
                return;
            }
            for (int i = 0; i < waiting.size() && next == null; i++) {
                next = waiting.get(i).hasWaiter() ? waiting.get(i) : null;
            }
            elsewhere = next == null;
        } finally {
            state.unlock();
        }
        if (elsewhere) {
            leadElsewhere();
        } else {
            assert next != null;
            next.wake();
        }
    }

    /* With the token, which is free afterwards, and whoever waits is told, in any case. */
    private void forceWithToken() {
        List<Ticket> covered = List.of();
        int errno = Errno.EIO;
        try {
            final Ranges coveredLater;
            final long coveredChanges;
            final long coveredEnd;
            state.lock();
            try {
                final List<Ticket> next = new ArrayList<>();
                coveredLater = later;
                later = new Ranges();
                covered = waiting;
                waiting = next;
                coveredChanges = changes;
                coveredEnd = end;
            } finally {
                state.unlock();
            }
            boolean metadata = false;
            for (final Ticket ticket : covered) {
                metadata |= ticket.wantsMetadata();
            }
            final int result = tryForce(metadata);
            counters.forced(covered.size());
            if (result == 0) {
                succeeded(covered, coveredLater, coveredChanges, coveredEnd);
            } else {
                failed(covered, coveredLater, result);
            }
            errno = result;
        } finally {
            try {
                giveToken();
            } finally {
                for (final Ticket ticket : covered) {
                    ticket.end(errno);
                }
            }
        }
    }

    private int tryForce(final boolean metadata) {
        try {
            device.force(metadata);
            return 0;
        } catch (final IOException e) {
            return IoErrors.errno(e);
        } catch (final RuntimeException | Error e) { // whoever waits is told in any case
            IoErrors.report("a force", e);
            return Errno.EIO;
        }
    }

    private void succeeded(
            final List<Ticket> covered, final Ranges coveredLater, final long coveredChanges, final long coveredEnd) {
        state.lock();
        try {
            everForced = true;
            stableChanges = coveredChanges;
            stableEnd = coveredEnd;
            if (!lost.isEmpty()) {
                lost.removeAll(coveredLater);
                for (final Ticket ticket : covered) {
                    lost.remove(ticket.start(), ticket.end());
                }
            }
        } finally {
            state.unlock();
        }
    }

    private void failed(final List<Ticket> covered, final Ranges coveredLater, final int errno) {
        order.lock();
        try {
            final long cutTo;
            state.lock();
            try {
                failures++;
                failedErrno = errno;
                covered.addAll(waiting);
                waiting = new ArrayList<>();
                lost.addAll(coveredLater);
                lost.addAll(later);
                later = new Ranges();
                losses += changes != stableChanges ? 1 : 0;
                cutTo = end > stableEnd && !mapped ? stableEnd : end;
            } finally {
                state.unlock();
            }
            if (cutTo < end) {
                cut(cutTo);
            }
        } finally {
            order.unlock();
        }
    }

    /* With the order held: an append that comes now is to follow the last one that was acknowledged. */
    private void cut(final long size) {
        boolean isCut = true;
        try {
            device.truncate(size);
        } catch (final IOException e) {
            isCut = false;
        }
        state.lock();
        try {
            changes++;
            end = size;
            endInDoubt |= !isCut;
            lost.remove(size, Long.MAX_VALUE);
        } finally {
            state.unlock();
        }
    }
}
