// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A handle of a file. Calls on it that have begun end before it is closed, asynchronous operations too. */
final class PortableFile {
    /* WT_DURABILITY_SYNC. */
    private static final int SYNC = 3;

    /* Of a NOWAIT write, as in the C core. */
    private static final long LARGEST_NOWAIT_BYTES = 4 << 20;

    private final long handle;
    private final PortableEngine engine;
    private final Owners.Owned owned;
    private final Inode inode;
    private final boolean writes;
    private final boolean atForce;
    private final int durability;

    private int users;
    private boolean closed;
    private int losses; /* of which this handle was told, or that came before it */
    private volatile Path path;

    PortableFile(
            final long handle,
            final PortableEngine engine,
            final Owners.Owned owned,
            final Path path,
            final boolean writes,
            final boolean atForce,
            final int durability) {
        this.handle = handle;
        this.engine = engine;
        this.owned = owned;
        this.inode = owned.inode();
        this.path = path;
        this.writes = writes;
        this.atForce = atForce;
        this.durability = durability;
        this.losses = inode.losses();
    }

    long handle() {
        return handle;
    }

    PortableEngine engine() {
        return engine;
    }

    Inode inode() {
        return inode;
    }

    Owners.Owned owned() {
        return owned;
    }

    boolean writes() {
        return writes;
    }

    Path path() {
        return path;
    }

    void path(final Path renamed) {
        path = renamed;
    }

    // ---- calls inside ----

    synchronized boolean enter() {
        if (closed) {
            return false;
        }
        users++;
        return true;
    }

    synchronized void leave() {
        users--;
        if (closed) {
            notifyAll();
        }
    }

    /** 0, -EBADF, or the error of later writes of which nobody has told this handle. */
    int close() {
        boolean interrupted = false;
        synchronized (this) {
            if (closed) {
                return -Errno.EBADF;
            }
            closed = true;
            while (users > 0) {
                try {
                    wait();
                } catch (final InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        engine.remove(this);
        final int lost = tellOfLosses();
        final int result = owned.release(writes);
        return lost < 0 ? lost : result;
    }

    // ---- writes ----

    private boolean wantsMetadata(final int ofWrite) {
        return (ofWrite == NativeIo.DURABILITY_OF_FILE ? durability : ofWrite) == SYNC;
    }

    private static long placeOf(final long position, final int flags) {
        return (flags & NativeIo.APPEND) != 0 ? Inode.AT_END : position;
    }

    private static long lengthOf(final ByteBuffer[] buffers) {
        long length = 0;
        for (final ByteBuffer buffer : buffers) {
            length += buffer.remaining();
        }
        return length;
    }

    private int refusal(final int flags) {
        return !writes ? -Errno.EBADF : (flags & NativeIo.ATOMIC) != 0 ? -Errno.EOPNOTSUPP : 0;
    }

    /** Returns when the bytes are stable, or with LATER when they are in the page cache. The count, the place, or -errno. */
    long write(final ByteBuffer[] sources, final long position, final int ofWrite, final int flags) {
        final int refusal = refusal(flags);
        if (refusal != 0) {
            return refusal;
        }
        final long begin = System.nanoTime();
        final long length = lengthOf(sources);
        final boolean later = (flags & NativeIo.LATER) != 0;
        final Ticket ticket = later ? null : new Ticket(Thread.currentThread(), wantsMetadata(ofWrite));
        final long at = inode.write(sources, length, placeOf(position, flags), ticket);
        final int errno = at < 0 || ticket == null ? 0 : inode.await(ticket);
        engine.counters().wrote(length, at < 0 || errno != 0, System.nanoTime() - begin);
        if (at < 0 || errno != 0) {
            return at < 0 ? at : -errno;
        }
        return (flags & NativeIo.APPEND) != 0 ? at : length;
    }

    /** The same without waiting for that: an event comes. 0 or -errno. */
    int submit(
            final Events events,
            final ByteBuffer[] sources,
            final long position,
            final int ofWrite,
            final int flags,
            final long token) {
        final int refusal = refusal(flags);
        if (refusal != 0) {
            return refusal;
        }
        final long length = lengthOf(sources);
        final boolean waits = (flags & NativeIo.NOWAIT) == 0;
        if (!waits && length > LARGEST_NOWAIT_BYTES) {
            return -Errno.EMSGSIZE;
        }
        final int room = engine.enter(length, waits);
        if (room < 0) {
            return room;
        }
        final Submitted ticket = new Submitted(events, token, length, wantsMetadata(ofWrite));
        synchronized (this) {
            users++; // the caller is one: it is not closed
        }
        events.begin();
        boolean written = false;
        try {
            final long at = inode.write(sources, length, placeOf(position, flags), ticket);
            written = at >= 0;
            if (!written) {
                return (int) at;
            }
        } finally {
            if (!written) {
                events.forget();
                engine.leave(length);
                leave();
                engine.counters().wrote(length, true, 0);
            }
        }
        inode.leadElsewhere();
        return 0;
    }

    private final class Submitted extends Ticket {
        private final Events events;
        private final long token;
        private final long length;
        private final long begin = System.nanoTime();

        private Submitted(final Events events, final long token, final long length, final boolean metadata) {
            super(null, metadata);
            this.events = events;
            this.token = token;
            this.length = length;
        }

        @Override
        void ended(final int errno) {
            engine.counters().wrote(length, errno != 0, System.nanoTime() - begin);
            engine.leave(length);
            leave();
            events.end(token, errno == 0 ? length : -errno, errno == 0 ? length : 0, start());
        }
    }

    // ---- the rest ----

    long read(final ByteBuffer[] destinations, final long position) {
        final long begin = System.nanoTime();
        final long result = inode.read(destinations, position);
        engine.counters().read(result, System.nanoTime() - begin);
        return result;
    }

    int truncate(final long size) {
        return writes ? inode.truncate(size, !atForce) : -Errno.EBADF;
    }

    int fill(final long offset, final long length, final boolean keepsBytes) {
        return writes ? inode.fill(offset, length, keepsBytes) : -Errno.EBADF;
    }

    int force(final boolean metadata) {
        final int lost = tellOfLosses();
        if (lost < 0) {
            return lost;
        }
        final int result = inode.force(metadata);
        if (result < 0) {
            tellOfLosses(); // by this
        }
        return result;
    }

    private synchronized int tellOfLosses() {
        final int now = inode.losses();
        if (losses == now) {
            return 0;
        }
        losses = now;
        return -inode.failedErrno();
    }
}
