package io.writethrough;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import io.writethrough.internal.ControlPlane;
import io.writethrough.internal.DataPlane;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.Channel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.CompletionHandler;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.UnaryOperator;

/**
 * The JDK's own channels of a file that is open on an engine, for what only they can do: locks, in one table with those of every
 * other channel of this JVM, and mappings. No byte is written by them.
 *
 * <p>They are opened at first need, by the descriptor of the C core: so they are channels of this very file, whatever has
 * become of its name. The kernel lets go of all locks that a process has on a file when the process closes any descriptor of
 * it; so they stay open until the file is closed, and are closed just before it.
 *
 * <p>No interrupt may close them, or locks would be lost. The asynchronous channel of the JDK knows no interrupts; mappings,
 * which need the other kind, are made on threads that nobody interrupts.
 */
final class JdkChannels {
    private final long file;
    private final boolean readable;
    private final boolean writable;

    /* Of the engine: those that have a channel open. */
    private final Set<JdkChannels> inUse;

    private AsynchronousFileChannel locks;
    private FileChannel readOnlyMappings;
    private FileChannel privateMappings;
    private boolean isInUse;
    private boolean closed;

    JdkChannels(final long file, final boolean readable, final boolean writable, final Set<JdkChannels> inUse) {
        this.inUse = inUse;
        this.file = file;
        this.readable = readable;
        this.writable = writable;
    }

    /**
     * Starts waiting for a lock, which the owner makes its own. What AsynchronousFileChannel throws at once is thrown; the
     * future fails with the rest. A lock that comes after the future was cancelled is released.
     */
    IoFuture<FileLock> lock(
            final long position, final long size, final boolean shared, final UnaryOperator<FileLock> owner)
            throws IOException {
        final IoFuture<FileLock> future = new IoFuture<>();
        locks().lock(position, size, shared, null, new CompletionHandler<FileLock, Void>() {
            @Override
            public void completed(final FileLock lock, final Void nothing) {
                if (!future.complete(owner.apply(lock))) {
                    releaseUnwanted(lock);
                }
            }

            @Override
            public void failed(final Throwable failure, final Void nothing) {
                future.completeExceptionally(failure);
            }
        });
        return future;
    }

    private static void releaseUnwanted(final FileLock lock) {
        try {
            lock.release();
        } catch (final IOException e) {
            // The channel was closed, and the lock released with it.
            assert !lock.isValid() : e;
        }
    }

    /** {@code null} if another process has a lock that overlaps. */
    FileLock tryLock(final long position, final long size, final boolean shared) throws IOException {
        return locks().tryLock(position, size, shared);
    }

    /** Maps a part of the file that is within its size. */
    MappedByteBuffer map(final MapMode mode, final long position, final long size) throws IOException {
        final FileChannel channel = mappings(mode);
        try {
            return CompletableFuture.supplyAsync(
                            () -> mapUninterrupted(channel, mode, position, size), ChannelThreads.POOL)
                    .join();
        } catch (final CompletionException e) {
            if (e.getCause() instanceof UncheckedIOException failure) {
                throw failure.getCause();
            }
            throw e;
        }
    }

    private static MappedByteBuffer mapUninterrupted(
            final FileChannel channel, final MapMode mode, final long position, final long size) {
        try {
            return channel.map(mode, position, size);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private synchronized AsynchronousFileChannel locks() throws IOException {
        requireOpen();
        if (locks == null) {
            final Set<OpenOption> access = access(readable, writable);
            locks = verified(AsynchronousFileChannel.open(thisFile(), access, ChannelThreads.POOL));
        }
        return locks;
    }

    /* A channel that cannot write cannot make the file grow behind the engine's back; a private mapping needs one that can. */
    private synchronized FileChannel mappings(final MapMode mode) throws IOException {
        requireOpen();
        if (mode == MapMode.READ_ONLY) {
            if (readOnlyMappings == null) {
                readOnlyMappings = verified(FileChannel.open(thisFile(), access(true, false)));
            }
            return readOnlyMappings;
        }
        if (privateMappings == null) {
            privateMappings = verified(FileChannel.open(thisFile(), access(true, true)));
        }
        return privateMappings;
    }

    private static Set<OpenOption> access(final boolean read, final boolean write) {
        final EnumSet<StandardOpenOption> access = EnumSet.noneOf(StandardOpenOption.class);
        if (read) {
            access.add(READ);
        }
        if (write) {
            access.add(WRITE);
        }
        return Set.copyOf(access);
    }

    private Path thisFile() throws IOException {
        return Path.of("/proc/self/fd/" + descriptor());
    }

    private int descriptor() throws IOException {
        final int descriptor = ControlPlane.wt_file_descriptor(file);
        if (descriptor < 0) {
            throw new ClosedChannelException();
        }
        return descriptor;
    }

    /* If the file is still open, its descriptor was its own all the time. */
    private <C extends Channel> C verified(final C channel) throws IOException {
        try {
            descriptor();
            inUse.add(this);
            isInUse = true;
            return channel;
        } catch (final ClosedChannelException e) {
            channel.close();
            throw e;
        }
    }

    private void requireOpen() throws ClosedChannelException {
        if (closed) {
            throw new ClosedChannelException();
        }
    }

    /** Releases all locks, ends waiting for them, and lets no more be taken. */
    synchronized void close() {
        closed = true;
        if (isInUse) { // to ask a set costs most files more than the rest: the JVM makes a monitor of a locked object
            // it hashes
            inUse.remove(this);
            close(locks);
            close(readOnlyMappings);
            close(privateMappings);
        }
    }

    private static void close(final Channel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (final IOException e) {
                // Nothing was written by it: there is nothing that could have been lost.
                System.getLogger(JdkChannels.class.getPackageName())
                        .log(System.Logger.Level.WARNING, "closing a channel that held locks", e);
            }
        }
    }

    /** Closes these and then the file. For {@link NativeHandle}. */
    int closeWithFile(final long handle) {
        close();
        return DataPlane.close(handle);
    }
}
