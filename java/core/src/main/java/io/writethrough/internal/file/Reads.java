// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import static io.writethrough.WriteThroughException.NONE;

import io.writethrough.ReadFlag;
import io.writethrough.internal.async.Completions;
import io.writethrough.internal.async.IoFuture;
import io.writethrough.internal.async.Operation;
import io.writethrough.internal.async.WaitingThreads;
import io.writethrough.internal.buffer.Buffers;
import io.writethrough.internal.buffer.Bytes;
import io.writethrough.internal.buffer.CacheView;
import io.writethrough.internal.buffer.Segments;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jfr.Events;
import io.writethrough.internal.jfr.IoEvent;
import io.writethrough.internal.jni.Codes;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The reads of an open file. There are two ways: {@link #transfer} for a caller who waits, and {@link #start} for one who gets
 * a future. Both take the {@link Bytes} of one buffer and of several alike; what is around them takes the buffers apart, and
 * moves their positions. A single buffer is looked for in the {@link CacheView} first, without native code.
 */
public final class Reads {
    private static final int COPIED_PIECE_BYTES = 4 << 20;
    private static final int NOWAIT = Codes.of(ReadFlag.NOWAIT);

    private final OpenFile file;
    private final Completions completions;

    /* Null if reads are all for native code. */
    private final CacheView.@Nullable File cached;

    Reads(final OpenFile file, final Completions completions, final CacheView.@Nullable File cached) {
        this.file = file;
        this.completions = completions;
        this.cached = cached;
    }

    private static void requireWritable(final ByteBuffer destination) {
        if (destination.isReadOnly()) {
            throw new IllegalArgumentException("Read-only buffer");
        }
    }

    /* No file goes on past the largest offset: a read there ends before it. */
    private static long lengthToEnd(final long length, final long position) {
        return Math.min(length, Long.MAX_VALUE - position);
    }

    static void moveAll(final ByteBuffer[] buffers, final long count) {
        long left = count;
        for (final ByteBuffer buffer : buffers) {
            final int taken = (int) Math.min(left, buffer.remaining());
            buffer.position(buffer.position() + taken);
            left -= taken;
        }
    }

    // ---- for a caller who waits ----

    public int read(final ByteBuffer destination, final long position, final int flags) throws IOException {
        requireWritable(destination);
        final int start = destination.position();
        final int length = Buffers.remaining(destination, start);
        file.checkRead(position);
        if (length == 0) {
            return 0;
        }
        final IoEvent event = Events.beginRead();
        final long result;
        try {
            result = read(destination, start, (int) lengthToEnd(length, position), position, flags);
        } finally {
            Reference.reachabilityFence(file);
        }
        end(event, position, length, result);
        if (result == 0) {
            return -1;
        }
        destination.position(start + (int) result);
        return (int) result;
    }

    public long read(final ByteBuffer[] destinations, final long position, final int flags) throws IOException {
        final Segments segments = Segments.ofThread();
        try {
            for (final ByteBuffer destination : destinations) {
                requireWritable(destination);
                segments.addDestination(destination);
            }
            file.checkRead(position);
            if (segments.length() == 0) {
                return 0;
            }
            final long count = read(segments, position, flags);
            moveAll(destinations, Math.max(count, 0));
            return count;
        } finally {
            segments.release();
        }
    }

    private long read(final Segments segments, final long position, final int flags) throws IOException {
        final long length = segments.length();
        final IoEvent event = Events.beginRead();
        long result;
        try {
            result = segments.isFaulty()
                    ? -Errno.EFAULT
                    : transfer(segments, 0, lengthToEnd(length, position), position, flags);
            if (!segments.deliver(result)) {
                result = -Errno.EFAULT;
            }
        } finally {
            segments.release();
            Reference.reachabilityFence(file);
        }
        end(event, position, length, result);
        return result == 0 ? -1 : result;
    }

    private void end(final @Nullable IoEvent event, final long position, final long length, final long result)
            throws IOException {
        Events.end(event, file.path(), position, length, NativeIo.DURABILITY_OF_FILE, 0, result);
        if (result < 0) {
            throw file.failed("read", position, length, result);
        }
    }

    private long read(
            final ByteBuffer destination, final int start, final int length, final long position, final int flags) {
        if (Buffers.isSteady(destination)) {
            return readInto(destination, start, length, position, flags);
        }
        final @Nullable Object held = Buffers.hold(destination);
        if (held == null) {
            return readCopied(destination, start, length, position, flags);
        }
        try {
            return readInto(destination, start, length, position, flags);
        } finally {
            Buffers.release(held);
        }
    }

    /* Into memory that stays until this returns. */
    private long readInto(
            final ByteBuffer destination, final int start, final int length, final long position, final int flags) {
        final int seen = flags == 0 ? readSeen(destination, start, length, position) : CacheView.ASK;
        return seen >= 0
                ? seen
                : transfer(Bytes.baseOf(destination), Bytes.indexOf(destination, start), length, position, flags);
    }

    private int readSeen(final ByteBuffer destination, final int start, final int length, final long position) {
        return cached == null ? CacheView.ASK : cached.read(destination, start, length, position);
    }

    /* Piece by piece, as the core reads what is long. */
    private long readCopied(
            final ByteBuffer destination, final int start, final int length, final long position, final int flags) {
        if (!Buffers.isThere(destination, start)) {
            return -Errno.EFAULT;
        }
        final byte[] piece = new byte[Math.min(length, COPIED_PIECE_BYTES)];
        int done = 0;
        while (done < length) {
            final int bytes = Math.min(piece.length, length - done);
            final long result = read(ByteBuffer.wrap(piece), 0, bytes, position + done, flags);
            if (result < 0) {
                return NativeIo.isAgain(result) && done > 0 ? done : result;
            }
            if (!Buffers.put(destination, start + done, piece, (int) result)) {
                return -Errno.EFAULT;
            }
            done += (int) result;
            if (result < bytes) {
                break;
            }
        }
        return done;
    }

    /** The one way of a read whose caller waits. A virtual thread parks: it waits in native code only where it must. */
    private long transfer(final Object base, final int index, final long length, final long position, final int flags) {
        if (!VirtualThreads.isCurrent() || (flags & NOWAIT) != 0) {
            return Bytes.read(file.handle(), base, index, length, position, flags);
        }
        if (flags != 0) {
            return file.callWaiting(() -> Bytes.read(file.handle(), base, index, length, position, flags));
        }
        final long result = Bytes.readCached(file.handle(), base, index, length, position);
        return NativeIo.isAgain(result)
                ? parked(new AsyncRead(file, completions, base, index, length, position), result)
                : result;
    }

    /* The rest of a read of which something was not cached. */
    private long parked(final AsyncRead read, final long cachedResult) {
        if (!file.underWay().enter()) {
            return -Errno.EBADF;
        }
        try {
            return entered(read, cachedResult);
        } finally {
            file.underWay().leave();
        }
    }

    private long entered(final AsyncRead read, final long cachedResult) {
        read.advance(NativeIo.stableBytes(cachedResult));
        long result;
        do {
            final Operation operation = completions.begin();
            try {
                operation.beginWait(file);
                final int started = read.fetch(operation);
                if (OpenFile.mustWait(started)) {
                    return WaitingThreads.call(read::readRest);
                }
                final long fetched = started < 0 ? started : operation.await();
                if (fetched < 0) {
                    return fetched;
                }
            } finally {
                completions.abandon(operation);
            }
            result = read.readCached();
        } while (NativeIo.isAgain(result));
        return result;
    }

    // ---- pinned ----

    /**
     * @param owner closes what this returns, or is lost
     * @param copies past the limit of pins a copy is made
     */
    public Pinned pin(final Object owner, final long position, final int length, final boolean copies)
            throws IOException {
        file.checkRead(position);
        final IoEvent event = Events.beginRead();
        final Pinned cachedPin = pinCached(owner, position, length);
        if (cachedPin == null) {
            return pinByCore(event, position, length, copies);
        }
        end(event, position, length, length);
        return cachedPin;
    }

    private @Nullable Pinned pinCached(final Object owner, final long position, final int length) {
        final CachedPins pins = file.engine().cachedPins();
        return cached == null || pins == null || length == 0 || position > Long.MAX_VALUE - length
                ? null
                : pins.pin(owner, file, cached, position, length);
    }

    private Pinned pinByCore(final @Nullable IoEvent event, final long position, final int length, final boolean copies)
            throws IOException {
        final long[] runs = new long[PinnedMemory.mostRuns(length)];
        final CacheView view = file.engine().cacheView();
        final int result;
        try {
            result = view == null ? -Errno.ENODATA : pinned(position, (int) lengthToEnd(length, position), runs);
        } finally {
            Reference.reachabilityFence(file);
        }
        if (view == null || result == -Errno.ENODATA || copies && result == -Errno.ENOBUFS) {
            final ByteBuffer copy = ByteBuffer.allocate(length);
            read(copy, position, 0);
            return new PinnedMemory(file, position, copy.flip());
        }
        if (result == -Errno.ENOBUFS) {
            throw Failures.ofPinLimit(file.path(), position, length);
        }
        if (result < 0) {
            end(event, position, length, result);
        }
        final PinnedMemory memory = new PinnedMemory(file, view, position, runs, result);
        end(event, position, length, memory.length());
        return memory;
    }

    private int pinned(final long position, final int length, final long[] runs) {
        final boolean parks = VirtualThreads.isCurrent();
        final int result = NativeIo.pin(file.handle(), position, length, parks, runs);
        return parks && result == -Errno.EAGAIN
                ? (int) file.callWaiting(() -> NativeIo.pin(file.handle(), position, length, false, runs))
                : result;
    }

    // ---- for nobody yet ----

    public void prefetch(final long position, final long length) throws IOException {
        requireRange(position, length);
        file.checkRead(position);
        try {
            tell(position, length, Core.prefetch(file.handle(), position, length));
        } finally {
            Reference.reachabilityFence(file);
        }
    }

    public void prefetch(final long[] positions, final long[] lengths) throws IOException {
        if (positions.length != lengths.length) {
            throw new IllegalArgumentException(positions.length + " positions and " + lengths.length + " lengths");
        }
        final long[] ranges = new long[2 * positions.length];
        for (int i = 0; i < positions.length; i++) {
            requireRange(positions[i], lengths[i]);
            ranges[2 * i] = positions[i];
            ranges[2 * i + 1] = lengths[i];
        }
        file.checkRead(0);
        try {
            tell(NONE, NONE, Core.prefetchRanges(file.handle(), ranges));
        } finally {
            Reference.reachabilityFence(file);
        }
    }

    private static void requireRange(final long position, final long length) {
        OpenFile.requireNotNegative("position", position);
        OpenFile.requireNotNegative("length", length);
    }

    private void tell(final long position, final long length, final int result) throws IOException {
        if (result < 0) {
            throw file.failed("prefetch", position, length, result);
        }
    }

    // ---- for a caller who gets a future ----

    public CompletableFuture<Integer> readAsync(final ByteBuffer destination, final long position) {
        requireWritable(destination);
        final int start = destination.position();
        final int length = Buffers.remaining(destination, start);
        file.checkReadArguments(position);
        if (!file.isOpen() || length == 0) {
            return withoutOperation(Operation.Value.INT_COUNT);
        }
        if (!Buffers.isSteady(destination)) {
            Buffers.requireShared(destination);
            final Segments segments = Segments.ofOperation();
            segments.addDestination(destination);
            return start(Operation.Value.INT_COUNT, new ByteBuffer[] {destination}, segments, position);
        }
        final int toEnd = (int) lengthToEnd(length, position);
        final Object base = Bytes.baseOf(destination);
        final int index = Bytes.indexOf(destination, start);
        final IoEvent event = Events.beginRead();
        final long result;
        try {
            final int seen = readSeen(destination, start, toEnd, position);
            result = seen >= 0 ? seen : Bytes.readCached(file.handle(), base, index, toEnd, position);
        } finally {
            Reference.reachabilityFence(file);
        }
        if (result > 0) {
            destination.position(start + (int) result);
        }
        return NativeIo.isAgain(result)
                ? start(
                        Operation.Value.INT_COUNT,
                        new AsyncRead(file, completions, base, index, toEnd, position).into(destination, start),
                        position,
                        length,
                        result)
                : ended(event, Operation.Value.INT_COUNT, position, length, result);
    }

    public CompletableFuture<Long> readAsync(final ByteBuffer[] destinations, final long position) {
        final Segments segments = Segments.ofOperation();
        for (final ByteBuffer destination : destinations) {
            requireWritable(destination);
            Buffers.requireShared(destination);
            segments.addDestination(destination);
        }
        file.checkReadArguments(position);
        return !file.isOpen() || segments.length() == 0
                ? withoutOperation(Operation.Value.LONG_COUNT)
                : start(Operation.Value.LONG_COUNT, destinations, segments, position);
    }

    private <T> CompletableFuture<T> start(
            final Operation.Value value,
            final ByteBuffer[] destinations,
            final Segments segments,
            final long position) {
        final long length = segments.length();
        final long toEnd = lengthToEnd(length, position);
        final IoEvent event = Events.beginRead();
        long result;
        try {
            result =
                    segments.isFaulty() ? -Errno.EFAULT : Bytes.readCached(file.handle(), segments, 0, toEnd, position);
        } finally {
            Reference.reachabilityFence(file);
        }
        if (result > 0) {
            if (segments.deliver(result)) {
                moveAll(destinations, result);
            } else {
                result = -Errno.EFAULT;
            }
        }
        return NativeIo.isAgain(result)
                ? start(
                        value,
                        new AsyncRead(file, completions, segments, 0, toEnd, position).into(destinations),
                        position,
                        length,
                        result)
                : ended(event, value, position, length, result);
    }

    /* The future of a read of a file that is closed, or into no space. */
    @SuppressWarnings("unchecked")
    private <T> CompletableFuture<T> withoutOperation(final Operation.Value value) {
        return file.isOpen()
                ? (CompletableFuture<T>) IoFuture.completed(value.ofCount(0), completions)
                : IoFuture.failed(new ClosedChannelException());
    }

    /* All was cached, or it failed. */
    @SuppressWarnings("unchecked")
    private <T> CompletableFuture<T> ended(
            final @Nullable IoEvent event,
            final Operation.Value value,
            final long position,
            final long length,
            final long result) {
        Events.end(event, file.path(), position, length, NativeIo.DURABILITY_OF_FILE, 0, result);
        return result < 0
                ? IoFuture.failed(file.failed("read", position, length, result))
                : (CompletableFuture<T>) IoFuture.completed(value.ofCount(result == 0 ? -1 : result), completions);
    }

    /** The one way of a read whose caller gets a future, from where something is not cached. */
    private <T> CompletableFuture<T> start(
            final Operation.Value value,
            final AsyncRead read,
            final long position,
            final long length,
            final long cachedResult) {
        read.advance(NativeIo.stableBytes(cachedResult));
        final IoFuture<T> future = new IoFuture<>(completions);
        final Operation operation = completions.begin();
        boolean goesOn = false;
        try {
            operation.beginRead(file, future, value, read, position, length);
            goesOn = startEntered(read, operation);
            if (!goesOn) {
                operation.complete();
            }
        } finally {
            if (!goesOn) {
                completions.abandon(operation);
            }
        }
        return future;
    }

    private boolean startEntered(final AsyncRead read, final Operation operation) {
        if (!file.underWay().enter()) {
            operation.endRead(-Errno.EBADF);
            return false;
        }
        boolean thrown = true;
        try {
            final boolean goesOn = read.start(operation);
            thrown = false;
            return goesOn;
        } finally {
            if (thrown) {
                file.underWay().leave();
            }
        }
    }
}
