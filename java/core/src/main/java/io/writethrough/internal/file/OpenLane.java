// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import static io.writethrough.WriteThroughException.NONE;

import io.writethrough.internal.async.LaneThreads;
import io.writethrough.internal.buffer.Buffers;
import io.writethrough.internal.buffer.Bytes;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jfr.Events;
import io.writethrough.internal.jfr.IoEvent;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A lane that is open: its handle, and what its operations are. An operation has a slot, whose number is its token in native
 * code. Slots are used again and again: an operation makes no object.
 */
public final class OpenLane {
    private static final int VAIN_ROUNDS = 3;
    private static final long LARGEST_FETCH_BYTES = 1 << 20;

    private final OpenEngine engine;
    private final long handle;
    private final Thread thread = Thread.currentThread();
    private final long[] events = new long[NativeIo.EVENTS_AT_ONCE * NativeIo.EVENT_LONGS];
    private int nextEvent;
    private int endOfEvents;
    private Slot[] slots = new Slot[0];
    private @Nullable Slot free;
    private int underWay;

    /* Reads that ended without an event. */
    private @Nullable Slot firstRead;
    private @Nullable Slot lastRead;

    private boolean polling;
    private boolean closed;

    /** As the handler of Lane. */
    public interface Handler {
        void ended(long token, long result, long offset, @Nullable IOException failure);
    }

    private enum Kind {
        WRITE("write"),
        APPEND("append"),
        READ("read"),
        PREFETCH("prefetch");

        private final String operation;

        Kind(final String operation) {
            this.operation = operation;
        }
    }

    private static final class Slot {
        private final int number;
        private @Nullable Slot next;
        private long token;
        private Kind kind = Kind.WRITE;
        private @Nullable OpenFile file;
        private long position;
        private long length;
        private int durability;
        private int flags;
        private @Nullable IoEvent event;

        /* Of a read. */
        private @Nullable ByteBuffer destination;
        private int start;
        private long done;
        private int vainRounds;

        private Slot(final int number) {
            this.number = number;
        }

        private OpenFile ofFile() {
            assert file != null;
            return file;
        }

        private ByteBuffer into() {
            assert destination != null;
            return destination;
        }
    }

    private OpenLane(final OpenEngine engine, final long handle) {
        this.engine = engine;
        this.handle = handle;
    }

    /** Opens a lane of the current thread. */
    public static OpenLane open(final OpenEngine engine, final int entries) throws IOException {
        if (VirtualThreads.isCurrent()) {
            throw new IllegalStateException("a lane belongs to a platform thread, and the current thread is virtual");
        }
        if (entries < 8 || entries > 4096 || Integer.bitCount(entries) != 1) {
            throw new IllegalArgumentException("entries is " + entries + ", must be a power of two from 8 to 4096");
        }
        if (!engine.isOpen()) {
            throw new IllegalStateException("the engine is closed");
        }
        final long handle = Core.laneOpen(engine.handle(), entries);
        if (handle == -Errno.EOPNOTSUPP) {
            throw new UnsupportedOperationException(
                    "the I/O of this engine goes on the ring of an event loop: a lane needs another engine");
        }
        if (handle < 0) {
            throw Failures.ofEngine("open a lane", (int) -handle);
        }
        final OpenLane lane = new OpenLane(engine, handle);
        LaneThreads.opened(lane);
        return lane;
    }

    private void requireThread() {
        if (Thread.currentThread() != thread) {
            throw new IllegalStateException("the lane belongs to another thread, " + thread.getName());
        }
        if (closed) {
            throw new IllegalStateException("the lane is closed");
        }
    }

    // ---- slots ----

    private Slot take(final Kind kind, final OpenFile file, final long position, final long length, final long token) {
        if (file.engine() != engine) {
            throw new IllegalArgumentException("the file is open on another engine: " + file.path());
        }
        if (free == null) {
            grow();
        }
        final Slot slot = free;
        assert slot != null;
        free = slot.next;
        slot.next = null;
        slot.kind = kind;
        slot.file = file;
        slot.position = position;
        slot.length = length;
        slot.token = token;
        underWay++;
        return slot;
    }

    private void give(final Slot slot) {
        slot.file = null;
        slot.destination = null;
        slot.event = null;
        slot.next = free;
        free = slot;
        underWay--;
    }

    private void grow() {
        final int count = slots.length;
        slots = Arrays.copyOf(slots, count == 0 ? 64 : 2 * count);
        for (int i = slots.length - 1; i >= count; i--) {
            slots[i] = new Slot(i);
            slots[i].next = free;
            free = slots[i];
        }
    }

    // ---- operations ----

    /** A write, or with {@link NativeIo#APPEND} an append. */
    public void write(
            final OpenFile file,
            final ByteBuffer source,
            final long position,
            final long token,
            final int durability,
            final int flags)
            throws IOException {
        requireThread();
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        final boolean appends = (flags & NativeIo.APPEND) != 0;
        file.checkWrite(position, length, flags);
        final boolean steady = Buffers.isSteady(source);
        final @Nullable Object base = steady ? Bytes.baseOf(source) : Buffers.copyOf(source, start, length);
        final Slot slot = take(appends ? Kind.APPEND : Kind.WRITE, file, appends ? NONE : position, length, token);
        slot.durability = durability;
        slot.flags = flags;
        slot.event = Events.beginWrite();
        final int index = steady ? Bytes.indexOf(source, start) : 0;
        final int started = base == null ? -Errno.EFAULT : submit(slot, base, index);
        if (started < 0) {
            final String operation = slot.kind.operation;
            give(slot);
            throw file.writeFailed(operation, appends ? NONE : position, length, flags, started);
        }
        source.position(start + length);
    }

    private int submit(final Slot slot, final Object base, final int index) {
        final long file = slot.ofFile().handle();
        final int length = (int) slot.length;
        final int number = slot.number;
        return Bytes.laneWrite(handle, file, base, index, length, slot.position, slot.durability, slot.flags, number);
    }

    /** A read. */
    public void read(final OpenFile file, final ByteBuffer destination, final long position, final long token)
            throws IOException {
        requireThread();
        if (destination.isReadOnly()) {
            throw new IllegalArgumentException("Read-only buffer");
        }
        if (!Buffers.isSteady(destination)) {
            throw new IllegalArgumentException(
                    "a lane reads into an array or into memory of ByteBuffer.allocateDirect, not into mapped memory");
        }
        final int start = destination.position();
        final long length = Math.min(Buffers.remaining(destination, start), Long.MAX_VALUE - position);
        file.checkRead(position);
        final Slot slot = take(Kind.READ, file, position, length, token);
        slot.destination = destination;
        slot.start = start;
        slot.done = 0;
        slot.vainRounds = 0;
        slot.event = Events.beginRead();
        final long result = length == 0 ? 0 : readOn(slot);
        if (NativeIo.isAgain(result)) {
            return;
        }
        if (result < 0) {
            give(slot);
            throw file.failed("read", position, length, result);
        }
        slot.done = result;
        if (lastRead == null) {
            firstRead = slot;
        } else {
            lastRead.next = slot;
        }
        lastRead = slot;
    }

    /* Copies what is cached, and has the rest fetched. EAGAIN: an event comes. Else the count, or a failure. */
    private long readOn(final Slot slot) {
        final Object base = Bytes.baseOf(slot.into());
        final int index = Bytes.indexOf(slot.into(), slot.start);
        final long file = slot.ofFile().handle();
        final long left = slot.length - slot.done;
        if (Core.isPortable(file)) {
            return Bytes.read(file, base, index, left, slot.position, 0);
        }
        final long result = Bytes.readCached(file, base, index + (int) slot.done, left, slot.position + slot.done);
        if (!NativeIo.isAgain(result)) {
            return result < 0 ? result : slot.done + result;
        }
        final long copied = NativeIo.stableBytes(result);
        slot.vainRounds = copied > 0 ? 0 : slot.vainRounds + 1;
        slot.done += copied;
        final long at = slot.position + slot.done;
        final long bytes = Math.min(slot.length - slot.done, LARGEST_FETCH_BYTES);
        if (slot.vainRounds > VAIN_ROUNDS) { // What is fetched is evicted at once.
            final long rest = Bytes.read(file, base, index + (int) slot.done, slot.length - slot.done, at, 0);
            return rest < 0 ? rest : slot.done + rest;
        }
        final int started = Core.laneFetch(handle, file, at, bytes, 0, slot.number);
        return started < 0 ? started : -Errno.EAGAIN;
    }

    /** A prefetch. */
    public void prefetch(final OpenFile file, final long position, final long length, final long token)
            throws IOException {
        requireThread();
        OpenFile.requireNotNegative("length", length);
        OpenFile.checkRange(position, length, 0);
        file.checkRead(position);
        final Slot slot = take(Kind.PREFETCH, file, position, length, token);
        final int started = Core.laneFetch(handle, file.handle(), position, length, 0, slot.number);
        if (started < 0) {
            give(slot);
            throw file.failed("prefetch", position, length, started);
        }
    }

    public void send() {
        requireThread();
        Core.laneSend(handle);
    }

    public int underWay() {
        requireThread();
        return underWay;
    }

    // ---- events ----

    /** As poll of Lane. */
    public int poll(final Handler handler, final int max, final long timeoutNanos) {
        requireThread();
        if (max <= 0) {
            throw new IllegalArgumentException("max is " + max + ", must be positive");
        }
        if (polling) {
            throw new IllegalStateException("a handler of the lane polls the lane");
        }
        polling = true;
        try {
            return pollOnce(handler, max, timeoutNanos);
        } finally {
            polling = false;
        }
    }

    private int pollOnce(final Handler handler, final int max, final long timeoutNanos) {
        final long begin = timeoutNanos > 0 ? System.nanoTime() : 0;
        int told = tellReads(handler, max);
        told += tellEvents(handler, max - told);
        long left = told > 0 ? 0 : timeoutNanos;
        while (told < max) {
            final int count = Core.lanePoll(handle, events, max - told, left);
            assert count >= 0 : count;
            nextEvent = 0;
            endOfEvents = count * NativeIo.EVENT_LONGS;
            told += tellEvents(handler, max - told);
            if (told > 0 || count == 0) {
                break; // Else events of reads that go on.
            }
            left = timeoutNanos > 0 ? Math.max(timeoutNanos - (System.nanoTime() - begin), 0) : timeoutNanos;
        }
        return told;
    }

    private int tellReads(final Handler handler, final int max) {
        int told = 0;
        while (told < max && firstRead != null) {
            final Slot slot = firstRead;
            firstRead = slot.next;
            lastRead = firstRead == null ? null : lastRead;
            told++;
            tell(handler, slot, slot.done, 0, slot.position);
        }
        return told;
    }

    /* What the handler throws is thrown here; the events behind it are there for the next poll. */
    private int tellEvents(final Handler handler, final int max) {
        int told = 0;
        while (told < max && nextEvent < endOfEvents) {
            final int at = nextEvent;
            nextEvent += NativeIo.EVENT_LONGS;
            final Slot slot = slots[(int) events[at]];
            long result = events[at + 1];
            if (slot.kind == Kind.READ) {
                result = result < 0 ? result : readOn(slot);
                if (NativeIo.isAgain(result)) {
                    continue;
                }
            }
            told++;
            tell(handler, slot, result, events[at + 2], events[at + 3]);
        }
        return told;
    }

    private void tell(
            final Handler handler, final Slot slot, final long result, final long stableBytes, final long offset) {
        final OpenFile file = slot.ofFile();
        final boolean writes = slot.kind == Kind.WRITE || slot.kind == Kind.APPEND;
        final long at = writes && result >= 0 ? offset : slot.position;
        final int errno = result < 0 ? NativeIo.errno(result) : 0;
        final long token = slot.token;
        if (slot.event != null) {
            final long done = writes && result < 0 ? stableBytes : Math.max(result, 0);
            slot.event.end(file.path(), at, slot.length, slot.durability, slot.flags, true, errno, done);
        }
        final @Nullable IOException failure;
        final long count;
        try {
            failure = result >= 0 ? null : failureOf(slot, file, result, stableBytes);
            count = result < 0 ? -1 : slot.kind == Kind.READ ? moved(slot, result) : result;
        } finally {
            give(slot);
        }
        handler.ended(token, count, at, failure);
    }

    private static IOException failureOf(
            final Slot slot, final OpenFile file, final long result, final long stableBytes) {
        final boolean writes = slot.kind == Kind.WRITE || slot.kind == Kind.APPEND;
        return writes
                ? file.writeFailed(
                        slot.kind.operation,
                        slot.position,
                        slot.length,
                        slot.flags,
                        NativeIo.failure(result, stableBytes))
                : file.failed(slot.kind.operation, slot.position, slot.length, result);
    }

    /* Of a read: its count, or -1 at the end of the file. */
    private static long moved(final Slot slot, final long count) {
        slot.into().position(slot.start + (int) count);
        return count == 0 && slot.length > 0 ? -1 : count;
    }

    /** As close of Lane. */
    public void close() {
        if (closed) {
            return;
        }
        requireThread();
        if (polling) {
            throw new IllegalStateException("a handler of the lane closes the lane");
        }
        Core.laneClose(handle);
        LaneThreads.closed(this);
        closed = true;
    }
}
