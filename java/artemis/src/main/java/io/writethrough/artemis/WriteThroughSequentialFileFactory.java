// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import io.netty.util.internal.PlatformDependent;
import io.writethrough.Durability;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.Set;
import org.apache.activemq.artemis.ArtemisConstants;
import org.apache.activemq.artemis.core.io.AbstractSequentialFileFactory;
import org.apache.activemq.artemis.core.io.IOCriticalErrorListener;
import org.apache.activemq.artemis.core.io.SequentialFile;
import org.apache.activemq.artemis.core.io.util.ByteBufferPool;
import org.apache.activemq.artemis.utils.ByteUtil;
import org.apache.activemq.artemis.utils.critical.CriticalAnalyzer;
import org.jspecify.annotations.Nullable;

/**
 * Makes the files of an Artemis journal, in place of {@code NIOSequentialFileFactory} and {@code AIOSequentialFileFactory}.
 * The files are the same byte for byte as those of NIO: a journal can go from one to the other and back.
 *
 * <p><b>Writes.</b> Every record leaves at once, and its callback is called when it is on stable storage. Records that come while
 * others are on their way leave together. So Artemis' {@code TimedBuffer}, which makes records wait for each other up to
 * half a millisecond (AIO) or three (NIO) while a thread of its own spins, is not needed, and there is none unless {@link
 * Builder#buffered} asks for it. Records that ask for no sync are as durable as others, as with AIO. Without {@code
 * journal-datasync} ({@link #setDatasync}) a power cut may take what the device has in its cache.
 *
 * <p><b>Callbacks</b> of a file come in the order of its writes, on a thread of the engine ({@link
 * WriteThroughEngine.Builder#completionExecutor}), one at a time. That of a write comes when all writes before it have ended, so
 * that an acknowledged commit has its records. After an error the callback is told, and then the {@link
 * IOCriticalErrorListener}, upon which a broker stops.
 *
 * <p><b>Files</b> are filled with written zeros ({@link WriteThroughFile#allocate}), so that appends change no metadata. The name of
 * a file, which Artemis gives it by renaming, is on stable storage when it is opened. No alignment is needed, so that small
 * records take no more room than they need. A file belongs to the engine while it is open: a second process is refused.
 *
 * @since 0.1
 */
public final class WriteThroughSequentialFileFactory extends AbstractSequentialFileFactory {
    private final @Nullable WriteThroughEngine engine;
    private final ByteBufferPool buffers = ByteBufferPool.threadLocal(true);

    /**
     * A factory on the {@link WriteThroughEngine#shared() shared engine}, without a timed buffer and without listeners.
     *
     * @param directory of the journal
     */
    public WriteThroughSequentialFileFactory(final File directory) {
        this(builder(directory));
    }

    private WriteThroughSequentialFileFactory(final Builder builder) {
        super(
                builder.directory,
                builder.buffered,
                builder.bufferBytes,
                builder.bufferTimeoutNs,
                builder.maxIo,
                false,
                builder.listener,
                builder.analyzer);
        this.engine = builder.engine;
    }

    /**
     * The start of a factory with options of its own.
     *
     * @param directory of the journal
     * @return a builder with the defaults
     */
    public static Builder builder(final File directory) {
        return new Builder(directory);
    }

    /* UncheckedIOException of the shared engine becomes an IOException there. */
    WriteThroughFile open(final Path path) throws IOException {
        final Set<StandardOpenOption> options =
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
        return engine != null ? engine.open(path, options) : WriteThroughFile.open(path, options);
    }

    Durability durability() {
        return isDatasync() ? Durability.DSYNC : Durability.DEVICE;
    }

    /** {@return a file of the directory, not open yet} */
    @Override
    public SequentialFile createSequentialFile(final String fileName) {
        return new WriteThroughSequentialFile(this, journalDir, fileName);
    }

    /** {@return true: writes are asynchronous} */
    @Override
    public boolean isSupportsCallbacks() {
        return true;
    }

    /** {@return false: there is nothing to sync when a write has ended} */
    @Override
    public boolean isSyncSupported() {
        return false;
    }

    /** {@return a direct buffer of zeros, with this limit} */
    @Override
    public ByteBuffer allocateDirectBuffer(final int size) {
        return ByteBuffer.allocateDirect(size);
    }

    /** Frees the memory of a direct buffer at once. */
    @Override
    public void releaseDirectBuffer(final ByteBuffer buffer) {
        if (buffer.isDirect()) {
            PlatformDependent.freeDirectBuffer(buffer);
        }
    }

    /** {@return a direct buffer of zeros, with this limit, of the thread's own pool} */
    @Override
    public ByteBuffer newBuffer(final int size) {
        return newBuffer(size, true);
    }

    /** {@return a direct buffer with this limit, of the thread's own pool} */
    @Override
    public ByteBuffer newBuffer(final int size, final boolean zeroed) {
        return buffers.borrow(size, zeroed);
    }

    /** Gives a buffer back. Writes do it themselves, unless they are told not to. */
    @Override
    public void releaseBuffer(final ByteBuffer buffer) {
        buffers.release(buffer);
    }

    /** Makes what is below the limit zeros. */
    @Override
    public void clearBuffer(final ByteBuffer buffer) {
        ByteUtil.zeros(buffer, 0, buffer.limit());
        buffer.rewind();
    }

    /** {@return a buffer of these bytes} */
    @Override
    public ByteBuffer wrapBuffer(final byte[] bytes) {
        return ByteBuffer.wrap(bytes);
    }

    /** {@return 1: any length will do} */
    @Override
    public int getAlignment() {
        return 1;
    }

    /** {@return the same} */
    @Override
    public int calculateBlockSize(final int bytes) {
        return bytes;
    }

    /** {@return the directory, as in logs} */
    @Override
    public String toString() {
        return "WriteThroughSequentialFileFactory[" + journalDir + "]";
    }

    /**
     * Options of a factory.
     *
     * @since 0.1
     */
    public static final class Builder {
        private final File directory;
        private @Nullable WriteThroughEngine engine;
        private boolean buffered;
        private int bufferBytes = ArtemisConstants.DEFAULT_JOURNAL_BUFFER_SIZE_AIO;
        private int bufferTimeoutNs = ArtemisConstants.DEFAULT_JOURNAL_BUFFER_TIMEOUT_AIO;
        private int maxIo = 500;
        private @Nullable IOCriticalErrorListener listener;
        private @Nullable CriticalAnalyzer analyzer;

        private Builder(final File directory) {
            this.directory = Objects.requireNonNull(directory);
        }

        /**
         * Where the files are opened.
         *
         * @param wanted an engine that is open for as long as the journal is; the shared one by default
         * @return this
         */
        public Builder engine(final WriteThroughEngine wanted) {
            engine = Objects.requireNonNull(wanted);
            return this;
        }

        /**
         * Has Artemis' {@code TimedBuffer} collect records before they are written, as AIO does.
         *
         * @param timeoutNs how long, at most: {@code journal-buffer-timeout}
         * @return this
         * @throws IllegalArgumentException if the time is not positive
         */
        public Builder buffered(final int timeoutNs) {
            if (timeoutNs <= 0) {
                throw new IllegalArgumentException("timeoutNs is " + timeoutNs + ", must be positive");
            }
            buffered = true;
            bufferTimeoutNs = timeoutNs;
            return this;
        }

        /**
         * The largest record that the journal takes, and the size of the timed buffer if there is one: {@code
         * journal-buffer-size}.
         *
         * @param bytes 490 KiB by default, as with Artemis' own factories
         * @return this
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder bufferBytes(final int bytes) {
            if (bytes <= 0) {
                throw new IllegalArgumentException("bufferBytes is " + bytes + ", must be positive");
            }
            bufferBytes = bytes;
            return this;
        }

        /**
         * What {@link WriteThroughSequentialFileFactory#getMaxIO()} says to the journal. It limits nothing here: {@link
         * WriteThroughEngine.Builder#inFlightBytes} does.
         *
         * @param count {@code journal-max-io}; 500 by default
         * @return this
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder maxIo(final int count) {
            if (count <= 0) {
                throw new IllegalArgumentException("maxIo is " + count + ", must be positive");
            }
            maxIo = count;
            return this;
        }

        /**
         * Who is told of errors of the disk.
         *
         * @param wanted by default nobody; a {@code JournalImpl} sets its own
         * @return this
         */
        public Builder criticalErrorListener(final IOCriticalErrorListener wanted) {
            listener = Objects.requireNonNull(wanted);
            return this;
        }

        /**
         * Who watches the timed buffer, if there is one.
         *
         * @param wanted a broker's; nobody by default
         * @return this
         */
        public Builder criticalAnalyzer(final CriticalAnalyzer wanted) {
            analyzer = Objects.requireNonNull(wanted);
            return this;
        }

        /**
         * Makes the factory. It opens nothing yet.
         *
         * @return a new factory
         */
        public WriteThroughSequentialFileFactory build() {
            return new WriteThroughSequentialFileFactory(this);
        }
    }
}
