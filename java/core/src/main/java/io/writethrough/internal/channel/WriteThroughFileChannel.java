// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import io.writethrough.Commit;
import io.writethrough.InterruptPolicy;
import io.writethrough.internal.Unchecked;
import io.writethrough.internal.async.IoFuture;
import io.writethrough.internal.file.Arenas;
import io.writethrough.internal.file.JdkChannels;
import io.writethrough.internal.file.OpenFile;
import io.writethrough.internal.jni.NativeIo;
import java.io.FileDescriptor;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.Channel;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A file as the FileChannel that the JDK would have made of it: what is checked, in which order, and what is thrown, is the
 * same, and so are positions. See {@code WriteThroughFile.asFileChannel(InterruptPolicy)}.
 */
public class WriteThroughFileChannel extends ChannelWithoutDescriptor {
    private static final @Nullable MethodHandle OF_JDK_22 = constructorOfJdk22();

    private final OpenFile file;
    private final InterruptPolicy policy;
    private final Commit commit;
    private final Closing closing;
    private final boolean interruptible;
    private final boolean readable;
    private final boolean writable;
    private final boolean appends;

    /* For programs that look for it by reflection, as in the JDK's own channel. null: the file has none. */
    @SuppressWarnings({"unused", "FieldCanBeLocal"})
    private final @Nullable FileDescriptor fd;

    /* Held by what moves the position, over its I/O. Not a monitor, so that a virtual thread can wait for it. */
    private final ReentrantLock positionLock = new ReentrantLock();
    private long position;

    /** What closes the file of a channel that is closing. */
    public interface Closing {
        void close(WriteThroughFileChannel channel, InterruptPolicy policy, Commit commit) throws IOException;
    }

    /** A channel that has what FileChannel has on this JDK. */
    public static WriteThroughFileChannel of(
            final OpenFile file, final InterruptPolicy policy, final Commit commit, final Closing closing) {
        if (OF_JDK_22 == null) {
            return new WriteThroughFileChannel(file, policy, commit, closing);
        }
        try {
            return (WriteThroughFileChannel) OF_JDK_22.invokeExact(file, policy, commit, closing);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    private static @Nullable MethodHandle constructorOfJdk22() {
        if (Runtime.version().feature() < 22) {
            return null;
        }
        final Class<?>[] parameters = {OpenFile.class, InterruptPolicy.class, Commit.class, Closing.class};
        try {
            return MethodHandles.lookup()
                    .findConstructor(
                            Class.forName("io.writethrough.internal.channel.FileChannelOfJdk22"),
                            MethodType.methodType(void.class, parameters))
                    .asType(MethodType.methodType(WriteThroughFileChannel.class, parameters));
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    WriteThroughFileChannel(
            final OpenFile file, final InterruptPolicy policy, final Commit commit, final Closing closing) {
        this.file = file;
        this.policy = policy;
        this.commit = commit;
        this.closing = closing;
        this.interruptible = policy == InterruptPolicy.CLOSE;
        this.readable = file.isReadable();
        this.writable = file.isWritable();
        this.appends = file.appends();
        this.fd = descriptorOf(file);
    }

    static @Nullable FileDescriptor descriptorOf(final OpenFile file) {
        try {
            return file.jdkChannels().descriptor();
        } catch (final IOException e) {
            return null;
        }
    }

    @Override
    public int read(final ByteBuffer destination) throws IOException {
        requireReadable();
        positionLock.lock();
        try {
            final int count = readAt(destination, position);
            position += Math.max(count, 0);
            return count;
        } finally {
            positionLock.unlock();
        }
    }

    @Override
    public long read(final ByteBuffer[] destinations, final int offset, final int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, destinations.length);
        requireReadable();
        final ByteBuffer[] wanted = part(destinations, offset, length);
        long count = 0;
        positionLock.lock();
        try {
            beginBlocking();
            count = file.reads().read(wanted, position, 0);
            position += Math.max(count, 0);
            return count;
        } finally {
            positionLock.unlock();
            endBlocking(count > 0);
        }
    }

    @Override
    public int read(final ByteBuffer destination, final long at) throws IOException {
        Objects.requireNonNull(destination);
        requireNotNegative(at);
        requireReadable();
        return readAt(destination, at);
    }

    private int readAt(final ByteBuffer destination, final long at) throws IOException {
        int count = 0;
        try {
            beginBlocking();
            count = file.reads().read(destination, at, 0);
            return count;
        } finally {
            endBlocking(count > 0);
        }
    }

    @Override
    public int write(final ByteBuffer source) throws IOException {
        requireWritable();
        if (appends) {
            return writeAt(source, 0); // the position is the size: appenders need no turns
        }
        positionLock.lock();
        try {
            final int count = writeAt(source, position);
            position += count;
            return count;
        } finally {
            positionLock.unlock();
        }
    }

    @Override
    public long write(final ByteBuffer[] sources, final int offset, final int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, sources.length);
        requireWritable();
        final ByteBuffer[] wanted = part(sources, offset, length);
        if (appends) {
            return writeAt(wanted, 0);
        }
        positionLock.lock();
        try {
            final long count = writeAt(wanted, position);
            position += count;
            return count;
        } finally {
            positionLock.unlock();
        }
    }

    private long writeAt(final ByteBuffer[] sources, final long at) throws IOException {
        long count = 0;
        try {
            beginBlocking();
            requireNoOverflow(at, remaining(sources));
            count = file.writes().write(sources, at, NativeIo.DURABILITY_OF_FILE, file.modeFlags(commit));
            return count;
        } finally {
            endBlocking(count > 0);
        }
    }

    @Override
    public int write(final ByteBuffer source, final long at) throws IOException {
        Objects.requireNonNull(source);
        requireNotNegative(at);
        requireWritable();
        return writeAt(source, at);
    }

    private int writeAt(final ByteBuffer source, final long at) throws IOException {
        int count = 0;
        try {
            beginBlocking();
            requireNoOverflow(at, source.remaining());
            count = file.writes().write(source, at, NativeIo.DURABILITY_OF_FILE, file.modeFlags(commit));
            return count;
        } finally {
            endBlocking(count > 0);
        }
    }

    private static ByteBuffer[] part(final ByteBuffer[] buffers, final int offset, final int length) {
        return length == buffers.length ? buffers : Arrays.copyOfRange(buffers, offset, offset + length);
    }

    private static long remaining(final ByteBuffer[] buffers) {
        long sum = 0;
        for (final ByteBuffer buffer : buffers) {
            sum += buffer.remaining();
        }
        return sum;
    }

    @Override
    public long position() throws IOException {
        requireOpen();
        positionLock.lock();
        try {
            beginBlocking();
            return appends ? file.size() : position;
        } finally {
            positionLock.unlock();
            endBlocking(true);
        }
    }

    @Override
    public FileChannel position(final long newPosition) throws IOException {
        requireOpen();
        if (newPosition < 0) {
            throw new IllegalArgumentException();
        }
        positionLock.lock();
        try {
            beginBlocking();
            position = newPosition;
            return this;
        } finally {
            positionLock.unlock();
            endBlocking(true);
        }
    }

    @Override
    public long size() throws IOException {
        requireOpen();
        long size = -1;
        try {
            beginBlocking();
            size = file.size();
            return size;
        } finally {
            endBlocking(size >= 0);
        }
    }

    @Override
    public FileChannel truncate(final long newSize) throws IOException {
        requireOpen();
        if (newSize < 0) {
            throw new IllegalArgumentException("Negative size");
        }
        if (!writable) {
            throw new NonWritableChannelException();
        }
        boolean completed = false;
        positionLock.lock();
        try {
            beginBlocking();
            if (newSize < file.size()) {
                file.truncate(newSize);
            }
            position = Math.min(position, newSize);
            completed = true;
            return this;
        } finally {
            positionLock.unlock();
            endBlocking(completed);
        }
    }

    @Override
    public void force(final boolean metaData) throws IOException {
        requireOpen();
        boolean completed = false;
        try {
            beginBlocking();
            file.force(metaData);
            completed = true;
        } finally {
            endBlocking(completed);
        }
    }

    @Override
    public long transferTo(final long from, final long count, final WritableByteChannel target) throws IOException {
        requireOpen();
        if (!target.isOpen()) {
            throw new ClosedChannelException();
        }
        if (!readable) {
            throw new NonReadableChannelException();
        }
        Transfers.requireWritable(target);
        if (from < 0 || count < 0) {
            throw new IllegalArgumentException();
        }
        try {
            return Transfers.to(this, from, count, target);
        } catch (final ClosedByInterruptException e) {
            throw closedWith(target, e);
        }
    }

    @Override
    public long transferFrom(final ReadableByteChannel source, final long to, final long count) throws IOException {
        requireOpen();
        if (!source.isOpen()) {
            throw new ClosedChannelException();
        }
        if (!writable) {
            throw new NonWritableChannelException();
        }
        if (to < 0 || count < 0) {
            throw new IllegalArgumentException();
        }
        try {
            return Transfers.from(source, this, to, count);
        } catch (final ClosedByInterruptException e) {
            throw closedWith(source, e);
        }
    }

    /* The one channel that was in a call when the interrupt came is closed: by FileChannel's word both are. */
    private ClosedByInterruptException closedWith(final Channel other, final ClosedByInterruptException interrupt) {
        if (interruptible) {
            for (final Channel each : new Channel[] {this, other}) {
                try {
                    each.close();
                } catch (final IOException e) {
                    interrupt.addSuppressed(e);
                }
            }
        }
        return interrupt;
    }

    @Override
    public MappedByteBuffer map(final MapMode mode, final long at, final long size) throws IOException {
        if (size > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("Size exceeds Integer.MAX_VALUE");
        }
        Objects.requireNonNull(mode, "Mode is null");
        requireOpen();
        requireNotNegative(at);
        if (size < 0) {
            throw new IllegalArgumentException("Negative size");
        }
        requireMappable(mode, at, size);
        return mapped(
                mode,
                at,
                size,
                () -> file.jdkChannels().map(mode, at, size, file.path().toString()),
                buffer -> buffer);
    }

    /**
     * As map with an arena, from JDK 22 on: the arena is a java.lang.foreign.Arena, and the result a MemorySegment.
     */
    final Object mapSegment(final MapMode mode, final long at, final long size, final Object arena) throws IOException {
        Objects.requireNonNull(mode, "Mode is null");
        Objects.requireNonNull(arena, "Arena is null");
        Arenas.requireUsable(arena);
        if (at < 0) {
            throw new IllegalArgumentException("Requested bytes offset must be >= 0.");
        }
        if (size < 0) {
            throw new IllegalArgumentException("Requested bytes size must be >= 0.");
        }
        requireOpen();
        requireMappable(mode, at, size);
        return mapped(mode, at, size, () -> file.jdkChannels().mapSegment(mode, at, size, arena), Arenas::scopeOf);
    }

    private void requireMappable(final MapMode mode, final long at, final long size) {
        if (at + size < 0) {
            throw new IllegalArgumentException("Position + size overflow");
        }
        if (mode != MapMode.READ_ONLY && !writable) {
            throw new NonWritableChannelException();
        }
        if (!readable) {
            throw new NonReadableChannelException();
        }
        if (mode != MapMode.READ_ONLY && mode != MapMode.PRIVATE && mode != MapMode.READ_WRITE) {
            throw new UnsupportedOperationException(mode
                    + " mappings are not supported by writethrough. READ_ONLY, PRIVATE and READ_WRITE are. Let "
                    + file.path() + " pass by (io.writethrough.passBy) if the program has to map it so");
        }
    }

    /* owner: of what was mapped, the object that is garbage once nobody can store there. */
    private <T> T mapped(
            final MapMode mode,
            final long at,
            final long size,
            final OpenFile.Mapping<T> mapping,
            final UnaryOperator<Object> owner)
            throws IOException {
        boolean completed = false;
        positionLock.lock();
        try {
            beginBlocking();
            if (mode == MapMode.READ_WRITE && size > 0) {
                final T mapped = file.mapForWriting(at, size, mapping, owner);
                completed = true;
                return mapped;
            }
            file.beginMapping();
            if (file.size() < at + size) {
                if (!writable) {
                    throw new IOException("Channel not open for writing - cannot extend file to required size");
                }
                file.truncate(at + size);
            }
            final T mapped = mapping.map();
            completed = true;
            return mapped;
        } finally {
            positionLock.unlock();
            endBlocking(completed);
        }
    }

    @Override
    public FileLock lock(final long at, final long size, final boolean shared) throws IOException {
        requireLockable(shared);
        FileLock lock = null;
        try {
            beginBlocking();
            lock = awaited(file.jdkChannels().lock(at, size, shared, jdk -> new WriteThroughFileLock(this, jdk)));
            return lock;
        } finally {
            endLocking(lock != null);
        }
    }

    private void endLocking(final boolean completed) throws IOException {
        try {
            endBlocking(completed);
        } catch (final ClosedByInterruptException e) {
            throw new FileLockInterruptionException();
        }
    }

    /* Unlike get, join leaves interrupts to the thread. */
    private static FileLock awaited(final IoFuture<FileLock> future) throws IOException {
        try {
            return future.join();
        } catch (final CompletionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            throw JdkChannels.unchecked(e);
        }
    }

    @Override
    public @Nullable FileLock tryLock(final long at, final long size, final boolean shared) throws IOException {
        requireLockable(shared);
        final FileLock lock;
        try {
            lock = file.jdkChannels().tryLock(at, size, shared);
        } catch (final ClosedChannelException e) {
            throw new AsynchronousCloseException();
        }
        return lock == null ? null : new WriteThroughFileLock(this, lock);
    }

    private void requireLockable(final boolean shared) throws IOException {
        requireOpen();
        if (shared && !readable) {
            throw new NonReadableChannelException();
        }
        if (!shared && !writable) {
            throw new NonWritableChannelException();
        }
    }

    @Override
    protected void implCloseChannel() throws IOException {
        closing.close(this, policy, commit);
    }

    /** The file's path, and whether the channel is open. */
    @Override
    public String toString() {
        return "FileChannel of " + file;
    }

    private void beginBlocking() {
        if (interruptible) {
            begin();
        }
    }

    /* What has failed because the channel, or the file, was closed meanwhile says so. */
    private void endBlocking(final boolean completed) throws AsynchronousCloseException {
        if (interruptible) {
            end(completed);
        }
        if (!completed && !(isOpen() && file.isOpen())) {
            throw new AsynchronousCloseException();
        }
    }

    private void requireOpen() throws ClosedChannelException {
        if (!isOpen() || !file.isOpen()) {
            throw new ClosedChannelException();
        }
    }

    private void requireReadable() throws ClosedChannelException {
        requireOpen();
        if (!readable) {
            throw new NonReadableChannelException();
        }
    }

    private void requireWritable() throws ClosedChannelException {
        requireOpen();
        if (!writable) {
            throw new NonWritableChannelException();
        }
    }

    private static void requireNotNegative(final long at) {
        if (at < 0) {
            throw new IllegalArgumentException("Negative position");
        }
    }

    /* As the kernel has it. */
    private void requireNoOverflow(final long at, final long length) throws IOException {
        if (!appends && length > Long.MAX_VALUE - at) {
            throw new IOException("Invalid argument");
        }
    }
}
