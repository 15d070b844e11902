// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.sun.nio.file.ExtendedOpenOption;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.CompletionHandler;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Durable overwrites by the JDK's {@link AsynchronousFileChannel}, opened with {@code DIRECT} and {@code DSYNC}. */
public final class AsyncChannel implements Way, AsyncWay {
    private final AsynchronousFileChannel channel;
    private final ExecutorService executor;
    private final int bytes;

    /** Opens a file that exists, for writes of so many bytes each, with as many threads as there can be in flight. */
    public AsyncChannel(Path path, int bytes, int inFlight) throws IOException {
        this.executor = Executors.newFixedThreadPool(inFlight, AsyncChannel::daemon);
        this.channel = AsynchronousFileChannel.open(
                path, Set.of(StandardOpenOption.WRITE, StandardOpenOption.DSYNC, ExtendedOpenOption.DIRECT), executor);
        this.bytes = bytes;
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "async-channel");
        thread.setDaemon(true);
        return thread;
    }

    @Override
    public Operation operation() {
        return new Stamped(bytes, (source, offset) -> {
            try {
                return channel.write(source, offset).get();
            } catch (InterruptedException | ExecutionException e) {
                throw new IOException(e);
            }
        });
    }

    @Override
    public Place place() {
        ByteBuffer source = Buffers.source(bytes);
        CompletionHandler<Integer, Done> handler = new CompletionHandler<>() {
            @Override
            public void completed(Integer written, Done done) {
                done.done(written == bytes ? null : new IOException("wrote " + written + " of " + bytes + " bytes"));
            }

            @Override
            public void failed(Throwable failure, Done done) {
                done.done(failure);
            }
        };
        return (offset, done) -> {
            Buffers.stamp(source.clear(), source.getLong(0) + 1);
            channel.write(source, offset, done, handler);
        };
    }

    @Override
    public void close() throws IOException {
        channel.close();
        executor.shutdown();
    }
}
