// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import io.writethrough.WriteThroughFile;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.CompletionException;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.ActiveMQExceptionType;
import org.apache.activemq.artemis.api.core.ActiveMQIOErrorException;
import org.apache.activemq.artemis.core.io.AbstractSequentialFile;
import org.apache.activemq.artemis.core.io.DummyCallback;
import org.apache.activemq.artemis.core.io.IOCallback;
import org.apache.activemq.artemis.core.io.SequentialFile;
import org.jspecify.annotations.Nullable;

/** A file of a journal. */
final class WriteThroughSequentialFile extends AbstractSequentialFile {
    private static final System.Logger LOGGER = System.getLogger(WriteThroughSequentialFile.class.getPackageName());

    private final WriteThroughSequentialFileFactory files;
    private final CallbackOrder order = new CallbackOrder();

    /* Null while it is not open. */
    private volatile @Nullable WriteThroughFile open;

    WriteThroughSequentialFile(
            final WriteThroughSequentialFileFactory files, final File directory, final String fileName) {
        super(directory, fileName, files);
        this.files = files;
    }

    @Override
    public boolean isOpen() {
        return open != null;
    }

    @Override
    public void open() throws IOException {
        open(files.getMaxIO(), true);
    }

    @Override
    public synchronized void open(final int maxIo, final boolean useExecutor) throws IOException {
        if (open != null) {
            return;
        }
        try {
            final WriteThroughFile opened = files.open(getFile().toPath());
            try {
                WriteThroughFile.forceDirectory(directory.toPath()); // java.io may just have renamed the file
                fileSize = opened.size();
            } catch (final IOException e) {
                opened.close();
                throw e;
            }
            position.set(0);
            open = opened;
        } catch (final IOException e) {
            throw critical(e);
        }
    }

    @Override
    public synchronized void close() throws IOException {
        close(true, true);
    }

    /** Waits for the writes that have begun, always: what was written must not reach a file that is used anew. */
    @Override
    public synchronized void close(final boolean waitSync, final boolean blockOnWait) throws IOException {
        final WriteThroughFile closing = open;
        if (closing == null) {
            return;
        }
        open = null;
        timedBuffer = null;
        try {
            closing.close();
        } catch (final IOException e) {
            throw critical(e);
        }
    }

    @Override
    public synchronized void fill(final int size) throws IOException {
        final WriteThroughFile file = requireOpen();
        try {
            file.zero(0, size);
            file.allocate(0, size);
            fileSize = file.size();
            position.set(0);
        } catch (final IOException e) {
            throw critical(e);
        }
    }

    @Override
    public void writeDirect(final ByteBuffer bytes, final boolean sync, final IOCallback callback) {
        final WriteThroughFile file = open;
        if (file == null) {
            files.releaseBuffer(bytes);
            callback.onError(
                    ActiveMQExceptionType.IO_ERROR.getCode(), "File not opened. Cannot write to " + getFileName());
            return;
        }
        final long at;
        final CallbackOrder.Write write;
        synchronized (order) {
            at = position.getAndAdd(bytes.remaining());
            write = order.begin(failure -> tell(callback, failure));
        }
        try {
            file.writeAsync(bytes, at, files.durability())
                    .whenComplete((count, failure) -> order.finish(write, failure));
        } catch (final RuntimeException e) {
            order.finish(write, e);
        } finally {
            files.releaseBuffer(bytes); // its bytes are in the cache
        }
    }

    private void tell(final IOCallback callback, final @Nullable Throwable failure) {
        try {
            if (failure == null) {
                callback.done();
                return;
            }
            final Throwable cause =
                    failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
            callback.onError(ActiveMQExceptionType.IO_ERROR.getCode(), cause.toString());
            report(cause);
        } catch (final RuntimeException | Error e) {
            LOGGER.log(System.Logger.Level.WARNING, "A callback of a write to " + getFileName() + " threw", e);
        }
    }

    @Override
    public void writeDirect(final ByteBuffer bytes, final boolean sync) throws Exception {
        if (sync) {
            blockingWriteDirect(bytes, true, true);
        } else {
            requireOpen();
            writeDirect(bytes, false, DummyCallback.getInstance());
        }
    }

    @Override
    public void blockingWriteDirect(final ByteBuffer bytes, final boolean sync, final boolean releaseBuffer)
            throws IOException {
        try {
            writeNow(requireOpen(), bytes);
        } finally {
            if (releaseBuffer) {
                files.releaseBuffer(bytes);
            }
        }
    }

    private void writeNow(final WriteThroughFile file, final ByteBuffer bytes) throws IOException {
        try {
            file.write(bytes, position.getAndAdd(bytes.remaining()), files.durability());
        } catch (final IOException e) {
            throw critical(e);
        }
    }

    @Override
    public int read(final ByteBuffer bytes) throws Exception {
        return read(bytes, null);
    }

    /** The buffer is flipped then; -1 at the end of the file. */
    @Override
    public synchronized int read(final ByteBuffer bytes, final @Nullable IOCallback callback) throws IOException {
        final WriteThroughFile file = requireOpen();
        final int count;
        try {
            count = file.read(bytes, position.get());
        } catch (final IOException e) {
            if (callback != null) {
                callback.onError(ActiveMQExceptionType.IO_ERROR.getCode(), e.toString());
            }
            throw critical(e);
        }
        position.addAndGet(Math.max(count, 0));
        bytes.flip();
        if (callback != null) {
            callback.done();
        }
        return count;
    }

    @Override
    public void sync() throws IOException {
        final WriteThroughFile file = open;
        order.awaitFinished();
        if (file != null && files.isDatasync()) {
            try {
                file.sync();
            } catch (final IOException e) {
                throw critical(e);
            }
        }
    }

    @Override
    public long size() throws IOException {
        final WriteThroughFile file = open;
        return file == null ? getFile().length() : file.size();
    }

    @Override
    public ByteBuffer map(final int at, final long size) throws IOException {
        return requireOpen().asFileChannel().map(FileChannel.MapMode.READ_ONLY, at, size);
    }

    @Override
    public int calculateBlockStart(final int at) {
        return at;
    }

    @Override
    public SequentialFile cloneFile() {
        return new WriteThroughSequentialFile(files, directory, getFileName());
    }

    @Override
    public String toString() {
        return "WriteThroughSequentialFile[" + getFile() + (isOpen() ? "]" : ", closed]");
    }

    private WriteThroughFile requireOpen() throws IOException {
        final WriteThroughFile file = open;
        if (file == null) {
            throw new IOException("File not opened: " + getFileName());
        }
        return file;
    }

    private IOException critical(final IOException failure) {
        report(failure);
        return failure;
    }

    private void report(final Throwable failure) {
        final ActiveMQException wrapped = new ActiveMQIOErrorException(failure.getMessage(), failure);
        files.onIOError(wrapped, failure.getMessage(), this);
    }
}
