// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileLock;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A file by an asynchronous channel of the JDK: an interrupt closes a {@link java.nio.channels.FileChannel}, and its locks are
 * lost then; this one stays. Where the JDK does the I/O of such a channel by an executor, that is the thread which calls, so nothing is
 * handed over. On Windows the system does it, and the caller waits.
 */
final class ChannelDevice implements Device {
    /* The JDK copies an array into memory of the thread, which it keeps: not more than this. */
    private static final int PIECE_BYTES = 1 << 20;

    private static final @Nullable ExecutorService CALLER = File.separatorChar == '\\' ? null : new Caller();

    private final AsynchronousFileChannel channel;

    private ChannelDevice(final AsynchronousFileChannel channel) {
        this.channel = channel;
    }

    static ChannelDevice open(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return new ChannelDevice(AsynchronousFileChannel.open(path, options, CALLER, attributes));
    }

    /** Runs what it is given on the thread that gives it. */
    private static final class Caller extends AbstractExecutorService {
        @Override
        public void execute(final Runnable task) {
            task.run();
        }

        @Override
        public void shutdown() {
            // It has no thread.
        }

        @Override
        public List<Runnable> shutdownNow() {
            return Collections.emptyList();
        }

        @Override
        public boolean isShutdown() {
            return false;
        }

        @Override
        public boolean isTerminated() {
            return false;
        }

        @Override
        public boolean awaitTermination(final long timeout, final TimeUnit unit) {
            return false;
        }
    }

    private static int resultOf(final Future<Integer> transfer) throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return transfer.get();
                } catch (final InterruptedException e) {
                    interrupted = true;
                } catch (final ExecutionException e) {
                    throw failureOf(e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static IOException failureOf(final ExecutionException e) {
        final Throwable cause = e.getCause();
        if (cause instanceof Error error) {
            throw error;
        }
        if (cause instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        return cause instanceof IOException failure ? failure : new IOException(cause);
    }

    /* Of an array a piece. Direct memory goes as a whole. */
    private static ByteBuffer pieceOf(final ByteBuffer buffer) {
        return buffer.isDirect() || buffer.remaining() <= PIECE_BYTES
                ? buffer.duplicate()
                : buffer.duplicate().limit(buffer.position() + PIECE_BYTES);
    }

    @Override
    public int read(final ByteBuffer destination, final long position) throws IOException {
        int done = 0;
        while (destination.hasRemaining()) {
            final int count = resultOf(channel.read(pieceOf(destination), position + done));
            if (count < 0) {
                break;
            }
            destination.position(destination.position() + count);
            done += count;
        }
        return done;
    }

    @Override
    public void write(final ByteBuffer source, final long position) throws IOException {
        int done = 0;
        while (source.hasRemaining()) {
            final int count = resultOf(channel.write(pieceOf(source), position + done));
            source.position(source.position() + count);
            done += count;
        }
    }

    @Override
    public void force(final boolean metadata) throws IOException {
        channel.force(metadata);
    }

    @Override
    public long size() throws IOException {
        return channel.size();
    }

    @Override
    public void truncate(final long size) throws IOException {
        channel.truncate(size);
    }

    @Override
    public @Nullable FileLock tryLock(final long position, final long size, final boolean shared) throws IOException {
        return channel.tryLock(position, size, shared);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
