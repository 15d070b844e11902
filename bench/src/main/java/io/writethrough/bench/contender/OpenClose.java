// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletionException;
import one.jasyncfio.AsyncFile;
import one.jasyncfio.EventExecutor;
import org.apache.activemq.artemis.nativo.jlibaio.LibaioContext;
import org.apache.activemq.artemis.nativo.jlibaio.SubmitInfo;

/** Opens a file that exists, for reading and writing, and closes it. */
public final class OpenClose implements Way {
    private static final OpenOption[] READ_WRITE = {StandardOpenOption.READ, StandardOpenOption.WRITE};

    @FunctionalInterface
    private interface Closer {
        void close() throws IOException;
    }

    private final Operation operation;
    private final Closer closer;

    private OpenClose(Operation operation, Closer closer) {
        this.operation = operation;
        this.closer = closer;
    }

    private static OpenClose of(Operation operation) {
        return new OpenClose(operation, () -> {});
    }

    /** By this library, on an engine that stays open. */
    public static OpenClose library(Path path) throws IOException {
        WriteThroughEngine engine = WriteThroughEngine.builder().build();
        return new OpenClose(offset -> engine.open(path, READ_WRITE).close(), engine::close);
    }

    /** By {@link FileChannel}. */
    public static OpenClose channel(Path path) {
        return of(offset -> FileChannel.open(path, READ_WRITE).close());
    }

    /** By {@link FileChannel}, and locked against other processes, as this library's files are. */
    public static OpenClose lockedChannel(Path path) {
        return of(offset -> {
            try (FileChannel channel = FileChannel.open(path, READ_WRITE)) {
                requireLock(channel.tryLock(), path);
            }
        });
    }

    /** By {@link RandomAccessFile}. */
    public static OpenClose randomAccess(Path path) {
        return of(offset -> new RandomAccessFile(path.toFile(), "rw").close());
    }

    /** By {@link AsynchronousFileChannel}. */
    public static OpenClose asyncChannel(Path path) {
        return of(offset -> AsynchronousFileChannel.open(path, READ_WRITE).close());
    }

    /** By {@link AsynchronousFileChannel}, and locked against other processes. */
    public static OpenClose lockedAsyncChannel(Path path) {
        return of(offset -> {
            try (AsynchronousFileChannel channel = AsynchronousFileChannel.open(path, READ_WRITE)) {
                requireLock(channel.tryLock(), path);
            }
        });
    }

    /** {@code tryLock} has no lock where another process has one. */
    private static void requireLock(FileLock lock, Path path) throws IOException {
        if (lock == null) {
            throw new IOException("another process has locked " + path);
        }
    }

    /** By jasyncfio, on an executor that stays open. */
    public static OpenClose jasyncfio(Path path) throws IOException {
        EventExecutor executor = Jasyncfio.executor();
        Operation operation = offset -> {
            try {
                AsyncFile.open(path, executor, one.jasyncfio.OpenOption.READ_WRITE)
                        .join()
                        .close()
                        .join();
            } catch (CompletionException e) {
                throw new IOException(e.getCause());
            }
        };
        return new OpenClose(operation, () -> Jasyncfio.stop(executor));
    }

    /** By the libaio binding of Artemis, in a context that stays open. */
    public static OpenClose artemis(Path path) throws IOException {
        if (!LibaioContext.isLoaded()) {
            throw new IOException("its native library does not load: is libaio.so.1 installed?");
        }
        LibaioContext<SubmitInfo> context = new LibaioContext<>(1, true, true);
        return new OpenClose(offset -> context.openFile(path.toFile(), true).close(), context::close);
    }

    @Override
    public Operation operation() {
        return operation;
    }

    @Override
    public void close() throws IOException {
        closer.close();
    }
}
