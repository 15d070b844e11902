// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A log as databases write it: appenders queue their records and park; one thread takes all there are, writes them by one
 * {@code write}, forces once, and wakes their appenders. Nothing is allocated, and no lock is held.
 */
public final class AppendGroupCommit extends AppendContender {
    private static final int BATCH_BYTES = 1 << 20;

    /** One appender's record, and whether it is durable. */
    private static final class Request implements Appender {
        private final AppendGroupCommit log;
        private final ByteBuffer record = Buffers.source(RECORD_BYTES);
        private final Thread waiter = Thread.currentThread();
        private Request next;
        private volatile boolean done;

        Request(AppendGroupCommit log) {
            this.log = log;
        }

        @Override
        public void append() throws IOException {
            done = false;
            log.enqueue(this);
            while (!done) {
                LockSupport.park(this);
            }
            if (log.failure != null) {
                throw new IOException(log.failure);
            }
        }
    }

    private final FileChannel channel;
    private final ByteBuffer batch = Buffers.source(BATCH_BYTES);
    private final AtomicReference<Request> newest = new AtomicReference<>();
    private final Thread committer = new Thread(this::commitAll, "group-commit");
    private long position;
    private volatile IOException failure;
    private volatile boolean closed;

    /** Opens a log that exists. */
    public AppendGroupCommit(Path path, int threads) throws IOException {
        super(threads);
        this.channel = FileChannel.open(path, StandardOpenOption.WRITE);
        committer.setDaemon(true);
        committer.start();
    }

    @Override
    public Appender appender() {
        return new Request(this);
    }

    private void enqueue(Request request) {
        Request before;
        do {
            before = newest.get();
            request.next = before;
        } while (!newest.compareAndSet(before, request));
        if (before == null) {
            LockSupport.unpark(committer);
        }
    }

    private void commitAll() {
        while (!closed) {
            Request oldest = inOrder(newest.getAndSet(null));
            if (oldest == null) {
                LockSupport.park(this);
            } else {
                commit(oldest);
            }
        }
    }

    private static Request inOrder(Request newestFirst) {
        Request oldest = null;
        for (Request request = newestFirst; request != null; ) {
            Request next = request.next;
            request.next = oldest;
            oldest = request;
            request = next;
        }
        return oldest;
    }

    private void commit(Request oldest) {
        batch.clear();
        for (Request request = oldest; request != null; request = request.next) {
            batch.put(request.record.clear());
        }
        try {
            write(batch.flip());
        } catch (IOException e) {
            failure = e;
        }
        for (Request request = oldest; request != null; ) {
            // Once it is done it may be queued again.
            Request next = request.next;
            Thread waiter = request.waiter;
            request.done = true;
            LockSupport.unpark(waiter);
            request = next;
        }
    }

    private void write(ByteBuffer records) throws IOException {
        if (position + records.remaining() > LOG_BYTES) {
            position = 0;
        }
        position += channel.write(records, position);
        channel.force(false);
    }

    @Override
    public void close() throws IOException {
        closed = true;
        LockSupport.unpark(committer);
        channel.close();
    }
}
