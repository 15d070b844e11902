// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import one.jasyncfio.AsyncFile;
import one.jasyncfio.EventExecutor;
import one.jasyncfio.OpenOption;

/** jasyncfio, which is io_uring behind futures, as its own benchmark uses it: one executor, aligned buffers. */
public final class Jasyncfio implements Way, AsyncWay {

    /** What is done with the file. */
    public enum Mode {
        /** Past the kernel's page cache, durable. */
        DIRECT_DSYNC(OpenOption.WRITE_ONLY, OpenOption.DIRECT, OpenOption.DSYNC),
        /** Through the kernel's page cache, durable: for records smaller than a block. */
        DSYNC(OpenOption.WRITE_ONLY, OpenOption.DSYNC),
        /** Reads from the kernel's page cache. */
        READ(OpenOption.READ_ONLY),
        /** Reads past it. */
        DIRECT_READ(OpenOption.READ_ONLY, OpenOption.DIRECT);

        private final OpenOption[] options;

        Mode(OpenOption... options) {
            this.options = options;
        }

        private boolean reads() {
            return this == READ || this == DIRECT_READ;
        }
    }

    /** An operation that takes longer than this is lost. */
    private static final long LOST_SECONDS = 30;

    private final EventExecutor executor;
    private final AsyncFile file;
    private final int bytes;
    private final Mode mode;

    /** Opens a file that exists, for operations of so many bytes each. */
    public Jasyncfio(Path path, int bytes, Mode mode) throws IOException {
        this.executor = executor();
        try {
            this.file = AsyncFile.open(path, executor, mode.options).join();
        } catch (CompletionException e) {
            stop(executor);
            throw new IOException(e.getCause());
        }
        this.bytes = bytes;
        this.mode = mode;
    }

    /** As it is by default. */
    static EventExecutor executor() throws IOException {
        try {
            return EventExecutor.initDefault();
        } catch (LinkageError | RuntimeException e) {
            throw new IOException("it does not start: " + e.getMessage(), e);
        }
    }

    static void stop(EventExecutor executor) throws IOException {
        try {
            executor.close();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(e);
        }
    }

    /**
     * Of this version, direct I/O by single buffers is polled for, and never ends on a disk that cannot be polled; by arrays
     * of buffers it is not.
     */
    private CompletableFuture<Integer> start(ByteBuffer[] buffers, long offset) {
        buffers[0].clear();
        return switch (mode) {
            case READ -> file.read(buffers[0], offset, bytes);
            case DSYNC -> file.write(buffers[0], offset, bytes);
            case DIRECT_READ -> file.read(buffers, offset, 1);
            case DIRECT_DSYNC -> file.write(buffers, offset, 1);
        };
    }

    @Override
    public Operation operation() {
        ByteBuffer buffer = Buffers.source(bytes);
        ByteBuffer[] buffers = {buffer};
        return offset -> {
            if (!mode.reads()) {
                Buffers.stamp(buffer, buffer.getLong(0) + 1);
            }
            int done;
            try {
                done = start(buffers, offset).get(LOST_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException | TimeoutException | InterruptedException e) {
                throw new IOException(e);
            }
            if (done != bytes) {
                throw new IOException(done + " of " + bytes + " bytes at " + offset);
            }
        };
    }

    @Override
    public Place place() {
        ByteBuffer buffer = Buffers.source(bytes);
        ByteBuffer[] buffers = {buffer};
        return (offset, done) -> {
            Buffers.stamp(buffer, buffer.getLong(0) + 1);
            start(buffers, offset).whenComplete((count, failure) -> {
                boolean whole = failure == null && count == bytes;
                done.done(failure != null || whole ? failure : new IOException(count + " of " + bytes + " bytes"));
            });
        };
    }

    /** What its own thread starts it does not submit until another thread comes with something. */
    @Override
    public boolean startsWhereDone() {
        return false;
    }

    @Override
    public void close() throws IOException {
        try {
            file.close().join();
        } catch (CompletionException e) {
            throw new IOException(e.getCause());
        } finally {
            stop(executor);
        }
    }
}
