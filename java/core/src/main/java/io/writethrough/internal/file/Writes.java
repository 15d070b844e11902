// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import static io.writethrough.WriteThroughException.NONE;

import io.writethrough.WriteFlag;
import io.writethrough.WriteRequest;
import io.writethrough.internal.async.Completions;
import io.writethrough.internal.async.Faults;
import io.writethrough.internal.async.IoFuture;
import io.writethrough.internal.async.Operation;
import io.writethrough.internal.async.WaitingThreads;
import io.writethrough.internal.buffer.Buffers;
import io.writethrough.internal.buffer.Bytes;
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
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The writes and appends of an open file. There are two ways: {@link #transfer} for a caller who waits, and {@link #start} for
 * one who gets a future. Both take the {@link Bytes} of one buffer and of several alike; what is around them takes the
 * buffers apart, and moves their positions.
 */
public final class Writes {
    private static final int COPIED_PIECE_BYTES = 4 << 20;

    /* A copied write may be several writes, of a piece each, if it has none but these flags. */
    private static final int IN_PIECES = Codes.of(WriteFlag.DONTCACHE, WriteFlag.HIGH_PRIORITY) | NativeIo.LATER;

    private final OpenFile file;
    private final Completions completions;

    Writes(final OpenFile file, final Completions completions) {
        this.file = file;
        this.completions = completions;
    }

    /* Where a write is told to be: an append has no position before it has its place. */
    private static long positionOf(final long position, final int flags) {
        return (flags & NativeIo.APPEND) == 0 ? position : NONE;
    }

    private static void moveToLimits(final ByteBuffer[] sources) {
        for (final ByteBuffer source : sources) {
            source.position(source.limit());
        }
    }

    // ---- for a caller who waits ----

    public int write(final ByteBuffer source, final long position, final int durability, final int flags)
            throws IOException {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        file.checkWrite(position, length, flags);
        if (length > 0) {
            write("write", source, start, length, positionOf(position, flags), durability, flags);
        }
        return length;
    }

    public long write(final ByteBuffer[] sources, final long position, final int durability, final int flags)
            throws IOException {
        final Segments segments = Segments.ofThread();
        try {
            segments.addSources(sources);
            final long length = segments.length();
            file.checkWrite(position, length, flags);
            if (length > 0) {
                write("write", segments, positionOf(position, flags), durability, flags);
                moveToLimits(sources);
            }
            return length;
        } finally {
            segments.release();
        }
    }

    public long append(final ByteBuffer source, final int durability, final int flags) throws IOException {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        file.requireWritable();
        return length == 0 ? file.size() : write("append", source, start, length, NONE, durability, flags);
    }

    public long append(final ByteBuffer[] sources, final int durability, final int flags) throws IOException {
        final Segments segments = Segments.ofThread();
        try {
            segments.addSources(sources);
            file.requireWritable();
            if (segments.length() == 0) {
                return file.size();
            }
            final long offset = write("append", segments, NONE, durability, flags);
            moveToLimits(sources);
            return offset;
        } finally {
            segments.release();
        }
    }

    /* Returns where an append went. */
    private long write(
            final String operation,
            final ByteBuffer source,
            final int start,
            final int length,
            final long position,
            final int durability,
            final int flags)
            throws IOException {
        final IoEvent event = Events.beginWrite();
        final long result;
        final boolean steady = Buffers.isSteady(source);
        final @Nullable Object held = steady ? null : Buffers.hold(source);
        try {
            result = steady || held != null
                    ? transfer(Bytes.baseOf(source), Bytes.indexOf(source, start), length, position, durability, flags)
                    : transferCopied(source, start, length, position, durability, flags);
        } finally {
            Buffers.release(held);
            Reference.reachabilityFence(file);
        }
        end(event, operation, position, length, durability, flags, result);
        source.position(start + length);
        return result;
    }

    private long write(
            final String operation, final Segments segments, final long position, final int durability, final int flags)
            throws IOException {
        final long length = segments.length();
        final IoEvent event = Events.beginWrite();
        final long result;
        try {
            result = segments.isFaulty() ? -Errno.EFAULT : transfer(segments, 0, length, position, durability, flags);
        } finally {
            segments.release();
            Reference.reachabilityFence(file);
        }
        end(event, operation, position, length, durability, flags, result);
        return result;
    }

    private void end(
            final @Nullable IoEvent event,
            final String operation,
            final long position,
            final long length,
            final int durability,
            final int flags,
            final long result)
            throws IOException {
        Events.end(event, file.path(), position, length, durability, flags, result);
        if (result < 0) {
            throw file.writeFailed(operation, position, length, flags, result);
        }
    }

    /* Piece by piece, as the core writes what is long. */
    private long transferCopied(
            final ByteBuffer source,
            final int start,
            final int length,
            final long position,
            final int durability,
            final int flags) {
        final boolean whole = (flags & ~IN_PIECES) != 0;
        final byte[] piece = new byte[whole ? length : Math.min(length, COPIED_PIECE_BYTES)];
        long result = length;
        int done = 0;
        while (done < length) {
            final int bytes = Math.min(piece.length, length - done);
            if (!Buffers.get(source, start + done, piece, bytes)) {
                return NativeIo.failure(-Errno.EFAULT, done);
            }
            final long at = whole ? position : position + done;
            result = transfer(piece, 0, bytes, at, durability, flags);
            if (result < 0) {
                return NativeIo.failure(-NativeIo.errno(result), done + NativeIo.stableBytes(result));
            }
            done += bytes;
        }
        return whole ? result : length;
    }

    /** The one way of a write whose caller waits. A virtual thread parks: it waits in native code only where it must. */
    private long transfer(
            final Object base,
            final int index,
            final long length,
            final long position,
            final int durability,
            final int flags) {
        if (!VirtualThreads.isCurrent() || (flags & NativeIo.LATER) != 0) { // a later write waits for no I/O of its own
            return Bytes.write(file.handle(), base, index, length, position, durability, flags);
        }
        final Operation operation = completions.begin();
        final int started;
        try {
            operation.beginWait(file);
            started = Bytes.submit(
                    file.handle(),
                    base,
                    index,
                    length,
                    position,
                    durability,
                    flags | NativeIo.NOWAIT,
                    operation.token());
            if (started == 0) {
                final long result = operation.await();
                return result >= 0 && (flags & NativeIo.APPEND) != 0 ? operation.offset() : result;
            }
        } finally {
            completions.abandon(operation);
        }
        return OpenFile.mustWait(started)
                ? file.callWaiting(() -> Bytes.write(file.handle(), base, index, length, position, durability, flags))
                : started;
    }

    // ---- for a caller who gets a future ----

    public CompletableFuture<Integer> writeAsync(
            final ByteBuffer source, final long position, final int durability, final int flags) {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        file.checkWriteArguments(position, length, flags);
        final long at = positionOf(position, flags);
        return start(Operation.Value.INT_COUNT, source, start, length, at, durability, flags);
    }

    public CompletableFuture<Long> writeAsync(
            final ByteBuffer[] sources, final long position, final int durability, final int flags) {
        final Segments segments = Segments.ofThread();
        try {
            segments.addSources(sources);
            file.checkWriteArguments(position, segments.length(), flags);
            final long at = positionOf(position, flags);
            return start(Operation.Value.LONG_COUNT, sources, segments, at, durability, flags);
        } finally {
            segments.release();
        }
    }

    public CompletableFuture<Long> appendAsync(final ByteBuffer source, final int durability, final int flags) {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        file.requireOpenedForWriting();
        return start(Operation.Value.OFFSET, source, start, length, NONE, durability, flags);
    }

    public CompletableFuture<Long> appendAsync(final ByteBuffer[] sources, final int durability, final int flags) {
        final Segments segments = Segments.ofThread();
        try {
            segments.addSources(sources);
            file.requireOpenedForWriting();
            return start(Operation.Value.OFFSET, sources, segments, NONE, durability, flags);
        } finally {
            segments.release();
        }
    }

    private <T> CompletableFuture<T> start(
            final Operation.Value value,
            final ByteBuffer source,
            final int start,
            final int length,
            final long position,
            final int durability,
            final int flags) {
        if (!file.isOpen() || length == 0) {
            return withoutOperation(value);
        }
        final boolean steady = Buffers.isSteady(source);
        final @Nullable Object base = steady ? Bytes.baseOf(source) : Buffers.copyOf(source, start, length);
        final int index = steady ? Bytes.indexOf(source, start) : 0;
        final IoFuture<T> future = new IoFuture<>(completions);
        final int started = start(future, value, base, index, length, position, durability, flags);
        if (started < 0) {
            return IoFuture.failed(file.writeFailed(value.operation(), position, length, flags, started));
        }
        source.position(start + length);
        return future;
    }

    private <T> CompletableFuture<T> start(
            final Operation.Value value,
            final ByteBuffer[] sources,
            final Segments segments,
            final long position,
            final int durability,
            final int flags) {
        final long length = segments.length();
        if (!file.isOpen() || length == 0) {
            return withoutOperation(value);
        }
        final @Nullable Object base = segments.isFaulty() ? null : segments;
        final IoFuture<T> future = new IoFuture<>(completions);
        final int started = start(future, value, base, 0, length, position, durability, flags);
        if (started < 0) {
            return IoFuture.failed(file.writeFailed(value.operation(), position, length, flags, started));
        }
        moveToLimits(sources);
        return future;
    }

    /* The future of a write to a file that is closed, or of no bytes. */
    @SuppressWarnings("unchecked")
    private <T> CompletableFuture<T> withoutOperation(final Operation.Value value) {
        if (!file.isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        try {
            final Object nothing = value == Operation.Value.OFFSET ? (Object) file.size() : value.ofCount(0);
            return (CompletableFuture<T>) IoFuture.completed(nothing, completions);
        } catch (final IOException e) {
            return IoFuture.failed(e);
        }
    }

    /**
     * The one way of a write whose caller gets a future, which completes unless this returns -errno.
     *
     * @param base null: the bytes could not be copied
     */
    private int start(
            final IoFuture<?> future,
            final Operation.Value value,
            final @Nullable Object base,
            final int index,
            final long length,
            final long position,
            final int durability,
            final int flags) {
        final Operation operation = completions.begin();
        int started = -Errno.EINVAL;
        try {
            operation.beginWrite(file, future, value, position, length);
            operation.describe(durability, flags);
            started = base == null
                    ? -Errno.EFAULT
                    : Bytes.submit(
                            file.handle(),
                            base,
                            index,
                            length,
                            position,
                            durability,
                            flags | NativeIo.MAY_END,
                            operation.token());
            operation.tellIfRefused(started);
            if (started == NativeIo.ENDED) {
                completions.completeAtOnce(operation, length, position);
            }
        } finally {
            if (started < 0) {
                completions.abandon(operation);
            }
        }
        return started;
    }

    // ---- several at a time ----

    public List<CompletableFuture<Integer>> writeAllAsync(
            final List<WriteRequest> writes, final int durability, final int flags) {
        file.requireOpenedForWriting();
        final WriteBatch batch = WriteBatch.ofThread();
        try {
            for (final WriteRequest write : writes) {
                OpenFile.checkRange(write.position(), write.source().remaining(), flags);
                batch.add(write.source(), positionOf(write.position(), flags));
            }
            return batch.submit(file, completions, file.handle(), durability, flags);
        } finally {
            batch.release();
        }
    }

    // ---- for a caller who must not wait ----

    /**
     * Starts a write with the durability of the file on a thread that may wait for what a write may have to wait for. The
     * buffer belongs to the operation until the future completes.
     */
    public CompletableFuture<Integer> writeAsyncElsewhere(
            final ByteBuffer source, final long position, final int flags) {
        final long at = positionOf(position, flags);
        return elsewhere(
                Operation.Value.INT_COUNT,
                at,
                source.remaining(),
                flags,
                operation -> new WaitingWrite(operation, source, at, flags));
    }

    /** Starts a force on a thread that may wait. */
    public CompletableFuture<Void> forceAsync() {
        return elsewhere(Operation.Value.NOTHING, NONE, 0, 0, WaitingForce::new);
    }

    /** Starts a force of durable memory on a thread that may wait. */
    CompletableFuture<Void> forceMemoryAsync(
            final DurableMemory memory, final long at, final long from, final long length) {
        return elsewhere(
                Operation.Value.NOTHING,
                at,
                length,
                0,
                operation -> new WaitingMemory(operation, memory, from, length));
    }

    private <T> CompletableFuture<T> elsewhere(
            final Operation.Value value,
            final long position,
            final long length,
            final int flags,
            final Function<Operation, Waiting> task) {
        if (!file.underWay().enter()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        final IoFuture<T> future = new IoFuture<>(completions);
        @Nullable Operation operation = null;
        boolean handedOver = false;
        try {
            operation = completions.begin();
            operation.beginWrite(file, future, value, position, length);
            operation.describe(NativeIo.DURABILITY_OF_FILE, flags);
            WaitingThreads.execute(task.apply(operation));
            handedOver = true;
        } finally {
            if (!handedOver) {
                file.underWay().leave();
                if (operation != null) {
                    completions.abandon(operation);
                }
            }
        }
        return future;
    }

    private abstract class Waiting extends WaitingThreads.Task {
        private final Operation operation;

        private Waiting(final Operation operation) {
            this.operation = operation;
        }

        /* What the C core answers to the start of the operation. */
        abstract int start(Operation of);

        /* Whether an event of the C core ends the operation that was started. */
        abstract boolean hasEvent();

        @Override
        public void run() {
            boolean started = false;
            try {
                assert Faults.at(Faults.Step.RUN_WAITING);
                final int result = start(operation);
                started = result >= 0 && hasEvent();
                if (!started) {
                    operation.endWith(result);
                }
            } catch (final Throwable e) {
                operation.endWith(e);
            }
            file.underWay().leave();
            if (!started) {
                completions.completeElsewhere(operation);
            }
        }
    }

    private final class WaitingForce extends Waiting {
        private WaitingForce(final Operation operation) {
            super(operation);
        }

        @Override
        int start(final Operation of) {
            return Core.force(file.handle());
        }

        @Override
        boolean hasEvent() {
            return false;
        }
    }

    private final class WaitingMemory extends Waiting {
        private final DurableMemory memory;
        private final long from;
        private final long length;

        private WaitingMemory(
                final Operation operation, final DurableMemory memory, final long from, final long length) {
            super(operation);
            this.memory = memory;
            this.from = from;
            this.length = length;
        }

        @Override
        int start(final Operation of) {
            return memory.startForce(from, length);
        }

        @Override
        boolean hasEvent() {
            return false;
        }
    }

    private final class WaitingWrite extends Waiting {
        private final ByteBuffer source;
        private final long position;
        private final int flags;

        private WaitingWrite(final Operation operation, final ByteBuffer source, final long position, final int flags) {
            super(operation);
            this.source = source;
            this.position = position;
            this.flags = flags;
        }

        /* Who hands it over has copied what is not steady. */
        @Override
        int start(final Operation of) {
            return Bytes.submit(
                    file.handle(),
                    Bytes.baseOf(source),
                    Bytes.indexOf(source, source.position()),
                    source.remaining(),
                    position,
                    NativeIo.DURABILITY_OF_FILE,
                    flags,
                    of.token());
        }

        @Override
        boolean hasEvent() {
            return true;
        }
    }
}
