// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Group commit as databases write it, for the benchmark: appenders make their frames and take the checksums, queue them, and
 * park; one thread takes all there are, writes them by one {@code write}, forces once, and wakes their appenders. The file was
 * written with zeros, and is used again from its beginning. Nothing is allocated, and no lock is held.
 */
final class HandMadeLog implements Closeable {
    private static final int BATCH_BYTES = 1 << 20;
    static final long LOG_BYTES = 64L << 20;

    /** One appender's frame, and whether it is durable. */
    final class Appender {
        private final ByteBuffer frame;
        private final CRC32C crc = new CRC32C();
        private final Thread waiter = Thread.currentThread();
        private @Nullable Appender next;
        private volatile boolean done;

        private Appender(final int recordBytes) {
            frame = ByteBuffer.allocateDirect((int) Format.framed(recordBytes)).order(ByteOrder.LITTLE_ENDIAN);
        }

        void append(final ByteBuffer record) throws IOException {
            frame.clear().putInt(0).putInt(record.remaining()).putLong(durable);
            frame.put(record).flip();
            crc.reset();
            crc.update(frame);
            frame.putInt(0, (int) crc.getValue());
            done = false;
            enqueue(this);
            while (!done) {
                LockSupport.park(this);
            }
            final IOException why = failure;
            if (why != null) {
                throw new IOException(why);
            }
        }
    }

    private final FileChannel channel;
    private final ByteBuffer batch = ByteBuffer.allocateDirect(BATCH_BYTES);
    private final AtomicReference<@Nullable Appender> newest = new AtomicReference<>();
    private final Thread committer = new Thread(this::commitAll, "group commit");
    private long position;
    private volatile long durable;
    private volatile @Nullable IOException failure;
    private volatile boolean closed;

    HandMadeLog(final Path path) throws IOException {
        channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        for (long at = 0; at < LOG_BYTES; at += BATCH_BYTES) {
            channel.write(batch.clear(), at);
        }
        channel.force(true);
        committer.setDaemon(true);
        committer.start();
    }

    /** For the current thread. */
    Appender appender(final int recordBytes) {
        return new Appender(recordBytes);
    }

    private void enqueue(final Appender appender) {
        Appender before;
        do {
            before = newest.get();
            appender.next = before;
        } while (!newest.compareAndSet(before, appender));
        if (before == null) {
            LockSupport.unpark(committer);
        }
    }

    private void commitAll() {
        while (!closed) {
            final Appender oldest = inOrder(newest.getAndSet(null));
            if (oldest == null) {
                LockSupport.park(this);
            } else {
                commit(oldest);
            }
        }
    }

    private static @Nullable Appender inOrder(final @Nullable Appender newestFirst) {
        Appender oldest = null;
        for (Appender appender = newestFirst; appender != null; ) {
            final Appender next = appender.next;
            appender.next = oldest;
            oldest = appender;
            appender = next;
        }
        return oldest;
    }

    private void commit(final Appender oldest) {
        batch.clear();
        for (Appender appender = oldest; appender != null; appender = appender.next) {
            batch.put(appender.frame.clear());
        }
        batch.flip();
        try {
            if (position + batch.remaining() > LOG_BYTES) {
                position = 0;
            }
            position += channel.write(batch, position);
            channel.force(false);
            durable += batch.limit();
        } catch (final IOException e) {
            failure = e;
        }
        for (Appender appender = oldest; appender != null; ) {
            final Appender next = appender.next; // once it is done it may be queued again
            final Thread waiter = appender.waiter;
            appender.done = true;
            LockSupport.unpark(waiter);
            appender = next;
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        LockSupport.unpark(committer);
        channel.close();
    }
}
