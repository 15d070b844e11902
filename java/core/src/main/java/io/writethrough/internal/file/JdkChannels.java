// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.Names;
import io.writethrough.internal.async.ChannelThreads;
import io.writethrough.internal.async.Completions;
import io.writethrough.internal.async.IoFuture;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.Channel;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's own channels of a file that is open on an engine, for what only they can do: locks, in one table with those of every
 * other channel of this JVM, and mappings. No byte is written by them.
 *
 * <p>They are made at first need, on the descriptor of the C core. So nothing is opened: they are channels of this very file,
 * whatever has become of its name and its mode, and need no descriptor of their own. They never close that of the core, and the
 * core closes it after them.
 *
 * <p>No interrupt may close them, or locks would be lost. So what an interrupt would end, waiting for a lock and mapping, is done
 * on threads that nobody interrupts.
 */
public class JdkChannels {
    private static final int NO_DESCRIPTOR = -1;

    final long file;
    private final OfEngine ofEngine;

    /* For shared locks and mappings; for exclusive locks; for mappings for writing. */
    private @Nullable FileChannel reading;
    private @Nullable FileChannel writing;
    private @Nullable FileChannel mapping;

    /* What they and others are given as the descriptor of the core, and what stands for none once the file is closed. */
    private @Nullable FileDescriptor descriptor;
    private boolean isInUse;
    private boolean closed;

    /* The locks that threads wait for, guarded by itself: the JDK's table knows them a moment later. */
    private final List<Range> awaited = new ArrayList<>();

    /** Those of a file. */
    static JdkChannels of(final long file, final OfEngine ofEngine) {
        return Core.isPortable(file) ? new PortableChannels(file, ofEngine) : new JdkChannels(file, ofEngine);
    }

    JdkChannels(final long file, final OfEngine ofEngine) {
        this.file = file;
        this.ofEngine = ofEngine;
    }

    /** Those of an engine that are in use. It closes them before its files. */
    static final class OfEngine {
        private final Set<JdkChannels> inUse = ConcurrentHashMap.newKeySet();
        private volatile boolean closed;

        private void add(final JdkChannels channels) throws ClosedChannelException {
            inUse.add(channels);
            if (closed) { // and perhaps they were added too late to be closed
                throw new ClosedChannelException();
            }
        }

        /** From now on none can be used. */
        void close() {
            closed = true;
            inUse.forEach(JdkChannels::close);
        }
    }

    record Range(long position, long size) {
        boolean overlaps(final long otherPosition, final long otherSize) {
            return position < end(otherPosition, otherSize) && otherPosition < end(position, size);
        }

        /* As in the JDK, where a size of 0 is one up to the largest position. */
        private static long end(final long position, final long size) {
            return size == 0 ? Long.MAX_VALUE : position + size;
        }
    }

    // ---- locks ----

    /**
     * Starts waiting for a lock, which the owner makes its own. What AsynchronousFileChannel throws at once is thrown; the
     * future fails with the rest. A lock that comes after the future was cancelled is released.
     */
    public IoFuture<FileLock> lock(
            final long position, final long size, final boolean shared, final UnaryOperator<FileLock> owner)
            throws IOException {
        final FileLock lock = tryLock(position, size, shared);
        if (lock != null) {
            return IoFuture.completed(owner.apply(lock), null);
        }
        final IoFuture<FileLock> future = new IoFuture<>(null);
        final Range range = new Range(position, size);
        final Locking locking = locking(range, shared);
        synchronized (awaited) {
            requireNotAwaited(position, size);
            awaited.add(range);
        }
        try {
            ChannelThreads.POOL.execute(() -> await(locking, range, owner, future));
        } catch (final Throwable e) {
            forget(range);
            throw e;
        }
        return future;
    }

    /** Waits for a lock. */
    interface Locking {
        FileLock lock() throws IOException;
    }

    /** The way to wait for a lock until this is closed. */
    Locking locking(final Range range, final boolean shared) throws IOException {
        final FileChannel channel = locks(shared);
        return () -> channel.lock(range.position, range.size, shared);
    }

    private void await(
            final Locking locking,
            final Range range,
            final UnaryOperator<FileLock> owner,
            final IoFuture<FileLock> future) {
        final FileLock lock;
        try {
            lock = locking.lock();
        } catch (final Throwable e) {
            forget(range);
            future.completeExceptionally(e instanceof ClosedChannelException ? new AsynchronousCloseException() : e);
            return;
        }
        forget(range);
        boolean wanted = false;
        try {
            wanted = future.complete(owner.apply(lock));
        } catch (final Throwable e) {
            future.completeExceptionally(e);
        }
        if (!wanted) {
            releaseUnwanted(lock);
        }
    }

    @SuppressWarnings("ReferenceEquality") // of two equal ones only this one
    private void forget(final Range range) {
        synchronized (awaited) {
            awaited.removeIf(other -> other == range);
        }
    }

    private void requireNotAwaited(final long position, final long size) {
        for (final Range range : awaited) {
            if (range.overlaps(position, size)) {
                throw new OverlappingFileLockException();
            }
        }
    }

    static void releaseUnwanted(final FileLock lock) {
        try {
            lock.release();
        } catch (final IOException e) {
            // The channel was closed, and the lock released with it.
            assert !lock.isValid() : e;
        }
    }

    /**
     * {@code null} if another process has a lock that overlaps. It waits for nobody, and close waits for it.
     */
    public synchronized @Nullable FileLock tryLock(final long position, final long size, final boolean shared)
            throws IOException {
        use();
        synchronized (awaited) {
            if (position >= 0 && size >= 0) {
                requireNotAwaited(position, size);
            }
        }
        return lockOrNull(position, size, shared);
    }

    /** Of a file that is in use and is not closed meanwhile. */
    @Nullable
    FileLock lockOrNull(final long position, final long size, final boolean shared) throws IOException {
        return locks(shared).tryLock(position, size, shared);
    }

    private FileChannel locks(final boolean shared) throws IOException {
        return shared ? reading() : writing();
    }

    // ---- mappings ----

    /** Maps a part of the file that is within its size; path is for messages. */
    public MappedByteBuffer map(final MapMode mode, final long position, final long size, final String path)
            throws IOException {
        if (mode == MapMode.PRIVATE && size > 0) {
            return mapPrivate(position, size, path);
        }
        final FileChannel channel = mode == MapMode.READ_WRITE ? mapping() : reading();
        final MapMode ofJdk = mode == MapMode.READ_WRITE ? mode : MapMode.READ_ONLY;
        return mapUninterrupted(channel, ofJdk, position, size);
    }

    /** Maps on a thread that nobody interrupts. */
    static MappedByteBuffer mapUninterrupted(
            final FileChannel channel, final MapMode ofJdk, final long position, final long size) throws IOException {
        try {
            return CompletableFuture.supplyAsync(
                            () -> mapUnchecked(channel, ofJdk, position, size), ChannelThreads.POOL)
                    .join();
        } catch (final CompletionException e) {
            if (e.getCause() instanceof UncheckedIOException failure) {
                throw failure.getCause();
            }
            throw unchecked(e);
        }
    }

    /** What a task has thrown on another thread, an Error say, as it was. */
    public static RuntimeException unchecked(final CompletionException e) {
        if (e.getCause() instanceof Error error) {
            throw error;
        }
        return e.getCause() instanceof RuntimeException cause ? cause : e;
    }

    private static MappedByteBuffer mapUnchecked(
            final FileChannel channel, final MapMode mode, final long position, final long size) {
        try {
            return channel.map(mode, position, size);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The same into a segment of an arena. A confined arena is its thread's: so the thread maps the file itself, by a channel that
     * its interrupts may close.
     */
    public Object mapSegment(final MapMode mode, final long position, final long size, final Object arena)
            throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                interrupted |= Thread.interrupted();
                try {
                    return mapOwn(mode, position, size, arena);
                } catch (final ClosedByInterruptException e) {
                    // Once more, without the interrupt.
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /*
     * The core does not close the file meanwhile, and no descriptor is closed: that would drop the locks of this process on the
     * file. The object of the descriptor is for this mapping alone: it remembers streams.
     */
    private synchronized Object mapOwn(final MapMode mode, final long position, final long size, final Object arena)
            throws IOException {
        use();
        final FileDescriptor own = newDescriptor();
        try (FileChannel channel = mode == MapMode.READ_ONLY ? newReading(own) : newMapping(own)) {
            return Arenas.map(channel, mode, position, size, arena);
        } finally {
            NativeIo.setDescriptor(own, NO_DESCRIPTOR);
        }
    }

    /* By the core: to the JDK a private mapping needs a channel that reads and writes, which it makes of a path alone. */
    private synchronized MappedByteBuffer mapPrivate(final long position, final long size, final String path)
            throws IOException {
        use();
        final long address = NativeIo.mapPrivate(descriptorOfCore(), position, size);
        if (address < 0) {
            throw Failures.failure("map", path, position, size, (int) -address, 0);
        }
        final ByteBuffer memory = NativeIo.memory(address, size);
        NativeHandle.whenLost(memory, () -> NativeIo.unmap(address, size));
        return (MappedByteBuffer) memory;
    }

    // ---- channels ----

    private synchronized FileChannel reading() throws IOException {
        use();
        if (reading == null) {
            reading = newReading(descriptor());
        }
        return reading;
    }

    private static FileChannel newReading(final FileDescriptor descriptor) {
        return new FileInputStream(descriptor) {
            @Override
            public void close() {
                // The descriptor is the core's.
            }
        }.getChannel();
    }

    private synchronized FileChannel mapping() throws IOException {
        use();
        if (mapping == null) {
            mapping = newMapping(descriptor());
        }
        return mapping;
    }

    /* On the core's own descriptor, as its mapping: so errors of what is stored are where the core looks for them. */
    private static FileChannel newMapping(final FileDescriptor descriptor) throws IOException {
        final FileChannel channel = newReading(descriptor);
        if (!NativeIo.letMap(channel)) {
            throw new IOException("This JVM has no mappings for writing of files that were opened by native code."
                    + " Map the file by a FileChannel of the JDK, and let it pass by (io.writethrough.passBy).");
        }
        return channel;
    }

    private synchronized FileChannel writing() throws IOException {
        use();
        if (writing == null) {
            writing = new FileOutputStream(descriptor()) {
                @Override
                public void close() {
                    // The descriptor is the core's.
                }
            }.getChannel();
        }
        return writing;
    }

    /** The descriptor of the core as an object of the JDK, the same at each call. It is valid until this is closed. */
    public synchronized FileDescriptor descriptor() throws IOException {
        if (closed) {
            throw new ClosedChannelException();
        }
        if (descriptor == null) {
            descriptor = newDescriptor();
        }
        return descriptor;
    }

    FileDescriptor newDescriptor() throws IOException {
        final FileDescriptor object = new FileDescriptor();
        if (!NativeIo.setDescriptor(object, descriptorOfCore())) {
            throw new IOException(
                    "This JVM has no locks, mappings and descriptors for files that were opened by native code."
                            + " Lock or map the file by a FileChannel of the JDK.");
        }
        return object;
    }

    private int descriptorOfCore() throws IOException {
        final int descriptor = CApi.wt_file_descriptor(file);
        if (descriptor < 0) {
            throw descriptor == -Errno.EBADF
                    ? new ClosedChannelException()
                    : Failures.ofEngine(
                            "descriptor of a file",
                            -descriptor,
                            "Without one there are no locks and mappings. Lock or map the file by a FileChannel of the JDK.");
        }
        return descriptor;
    }

    /* From here on the file is not closed before this is. */
    final void use() throws ClosedChannelException {
        if (closed) {
            throw new ClosedChannelException();
        }
        if (!isInUse) {
            isInUse = true;
            ofEngine.add(this);
        }
    }

    /** Releases all locks, ends waiting for them, and lets no more be taken. */
    synchronized void close() {
        closed = true;
        if (isInUse) { // to ask a set costs most files more than the rest: the JVM makes a monitor of a locked object
            // it hashes
            ofEngine.inUse.remove(this);
            closeChannels();
        }
        if (descriptor != null) {
            NativeIo.setDescriptor(descriptor, NO_DESCRIPTOR);
        }
    }

    /** Of a file that was in use. */
    void closeChannels() {
        close(reading);
        close(writing);
        close(mapping);
    }

    private static void close(final @Nullable Channel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (final IOException e) {
                // Nothing was written by it: there is nothing that could have been lost.
                System.getLogger(Names.LIBRARY)
                        .log(System.Logger.Level.WARNING, "closing a channel that held locks", e);
            }
        }
    }

    /** Closes these and then the file. For {@link NativeHandle}. */
    int closeWithFile(final long handle) {
        try {
            close();
        } catch (final Throwable e) {
            Completions.report(e);
        }
        return Core.close(handle);
    }
}
