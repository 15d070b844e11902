// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.apache.activemq.artemis.nativo.jlibaio.LibaioContext;
import org.apache.activemq.artemis.nativo.jlibaio.LibaioFile;
import org.apache.activemq.artemis.nativo.jlibaio.SubmitInfo;

/**
 * The libaio binding of ActiveMQ Artemis as its journal uses it where it syncs data, which is its default: direct I/O from
 * aligned buffers, and a thread that polls, and calls {@code fdatasync} for what has completed before it tells.
 */
public final class Artemis implements Way, AsyncWay {
    /** The default of the broker. Fewer than are in flight and one would stop the poller, which starts the next write. */
    private static final int MOST_IN_FLIGHT = 4096;

    private final LibaioContext<SubmitInfo> context;
    private final LibaioFile<SubmitInfo> file;
    private final Thread poller;
    private final int bytes;

    /** Opens a file that exists, for writes of so many bytes each, a multiple of 512. */
    public Artemis(Path path, int bytes) throws IOException {
        if (!LibaioContext.isLoaded()) {
            throw new IOException("its native library does not load: is libaio.so.1 installed?");
        }
        this.context = new LibaioContext<>(MOST_IN_FLIGHT, true, true);
        this.file = context.openFile(path.toFile(), true);
        this.bytes = bytes;
        this.poller = new Thread(context::poll, "libaio-poller");
        poller.setDaemon(true);
        poller.start();
    }

    /** One write in flight, and who is told. */
    private final class Write implements SubmitInfo {
        private final ByteBuffer buffer = Buffers.source(bytes);
        private Done done;
        private String error;

        void start(long offset, Done whenDone) {
            done = whenDone;
            error = null;
            Buffers.stamp(buffer.clear(), buffer.getLong(0) + 1);
            try {
                file.write(offset, bytes, buffer, this);
            } catch (IOException e) {
                whenDone.done(e);
            }
        }

        @Override
        public void onError(int errno, String message) {
            error = message + " (" + errno + ")";
        }

        /** Told after an error too. */
        @Override
        public void done() {
            done.done(error == null ? null : new IOException(error));
        }
    }

    /** A thread that waits for its write. */
    private static final class Waiter implements Done {
        private volatile Thread thread;
        private volatile boolean isDone;
        private volatile Throwable failure;

        @Override
        public void done(Throwable thrown) {
            failure = thrown;
            Thread waiting = thread;
            isDone = true;
            LockSupport.unpark(waiting);
        }
    }

    @Override
    public Operation operation() {
        Write write = new Write();
        Waiter waiter = new Waiter();
        return offset -> {
            waiter.thread = Thread.currentThread();
            waiter.isDone = false;
            write.start(offset, waiter);
            while (!waiter.isDone) {
                LockSupport.park(waiter);
            }
            if (waiter.failure != null) {
                throw new IOException(waiter.failure);
            }
        };
    }

    @Override
    public Place place() {
        return new Write()::start;
    }

    @Override
    public void close() throws IOException {
        context.close();
        file.close();
    }
}
