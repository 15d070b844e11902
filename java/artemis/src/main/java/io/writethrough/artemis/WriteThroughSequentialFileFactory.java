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
 * Makes the files of an Artemis journal, in place of {@code NIOSequentialFileFactory} and {@code
 * AIOSequentialFileFactory}. The files are the same as those of NIO, byte for byte: a journal can change to NIO and
 * back.
 *
 * <p><b>Writes.</b> A record is sent to the device at once, and its callback is called when the record is on stable
 * storage. Records that arrive while other records are in flight share a write. Artemis' {@code TimedBuffer} makes
 * records wait for other records, up to half a millisecond with AIO and three milliseconds with NIO, while a thread
 * spins. This factory needs no such buffer, and has none unless {@link Builder#buffered} asks for one. A record that
 * asks for no sync is as durable as the others, as with AIO. Without {@code journal-datasync} ({@link #setDatasync}) a
 * power cut may take what is only in the volatile cache of the device.
 *
 * <p><b>Callbacks</b> of a file are called in the order of the writes, one at a time, on a thread of the engine ({@link
 * WriteThroughEngine.Builder#completionExecutor}). The callback of a write is called when all earlier writes of the
 * file have ended. So a commit that was acknowledged has all its records. After an error the callback gets the error
 * first. The {@link IOCriticalErrorListener} gets the error next, and a broker then stops.
 *
 * <p><b>Files</b> are filled with written zeros ({@link WriteThroughFile#allocate}), so that an append changes no
 * metadata. Artemis names a file by renaming the file; the name is on stable storage when the file is opened.
 * Positions, lengths and buffer addresses need no alignment, so that small records take only their own bytes. The
 * engine owns a file while the file is open: an open by a second process fails.
 *
 * @since 0.1
 */
public final class WriteThroughSequentialFileFactory extends AbstractSequentialFileFactory {
    private final @Nullable WriteThroughEngine engine;
    private final ByteBufferPool buffers = ByteBufferPool.threadLocal(true);

    /**
     * A factory on the {@link WriteThroughEngine#shared() shared engine}, without a timed buffer and without listeners.
     * The library makes that engine when the first file is opened.
     *
     * @param directory the directory of the journal
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
     * The default options of a factory.
     *
     * @param directory the directory of the journal
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

    /** {@return a file of the directory, which is not open yet} */
    @Override
    public SequentialFile createSequentialFile(final String fileName) {
        return new WriteThroughSequentialFile(this, journalDir, fileName);
    }

    /** {@return true: writes are asynchronous} */
    @Override
    public boolean isSupportsCallbacks() {
        return true;
    }

    /** {@return false: a write that has ended needs no sync} */
    @Override
    public boolean isSyncSupported() {
        return false;
    }

    /** {@return a new direct buffer of this many zero bytes} */
    @Override
    public ByteBuffer allocateDirectBuffer(final int size) {
        return ByteBuffer.allocateDirect(size);
    }

    /** Frees the memory of a direct buffer at once: the buffer must not be used afterwards. */
    @Override
    public void releaseDirectBuffer(final ByteBuffer buffer) {
        if (buffer.isDirect()) {
            PlatformDependent.freeDirectBuffer(buffer);
        }
    }

    /** {@return a direct buffer of zeros with this limit in bytes, from the pool of the calling thread} */
    @Override
    public ByteBuffer newBuffer(final int size) {
        return newBuffer(size, true);
    }

    /** {@return a direct buffer with this limit in bytes, from the pool of the calling thread} */
    @Override
    public ByteBuffer newBuffer(final int size, final boolean zeroed) {
        return buffers.borrow(size, zeroed);
    }

    /** Returns a buffer to the pool. A write returns its buffer itself, unless its caller asked the write not to. */
    @Override
    public void releaseBuffer(final ByteBuffer buffer) {
        buffers.release(buffer);
    }

    /** Sets the bytes below the limit to zero, and the position to 0. */
    @Override
    public void clearBuffer(final ByteBuffer buffer) {
        ByteUtil.zeros(buffer, 0, buffer.limit());
        buffer.rewind();
    }

    /** {@return a heap buffer that shares these bytes} */
    @Override
    public ByteBuffer wrapBuffer(final byte[] bytes) {
        return ByteBuffer.wrap(bytes);
    }

    /** {@return 1: a file takes any count of bytes at any position} */
    @Override
    public int getAlignment() {
        return 1;
    }

    /** {@return the same count of bytes: there are no blocks to fill} */
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
     * Options of a factory. Unlike other builders of this library, a builder of this class changes itself.
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
         * The engine on which the files are opened. The factory does not close the engine.
         *
         * @param wanted an engine that stays open for as long as the journal; by default the shared engine
         * @return this
         */
        public Builder engine(final WriteThroughEngine wanted) {
            engine = Objects.requireNonNull(wanted);
            return this;
        }

        /**
         * Asks for Artemis' {@code TimedBuffer}, which collects records before they are written, as AIO does.
         *
         * @param timeoutNs how long a record waits at most, in nanoseconds: {@code journal-buffer-timeout}
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
         * The size in bytes of the largest record that the journal takes, and of the timed buffer if there is one:
         * {@code journal-buffer-size}.
         *
         * @param bytes 490 KiB by default, as with Artemis' own factories
         * @return this
         * @throws IllegalArgumentException if the size is not positive
         */
        public Builder bufferBytes(final int bytes) {
            if (bytes <= 0) {
                throw new IllegalArgumentException("bufferBytes is " + bytes + ", must be positive");
            }
            bufferBytes = bytes;
            return this;
        }

        /**
         * What {@link WriteThroughSequentialFileFactory#getMaxIO()} tells the journal. This count limits nothing here:
         * {@link WriteThroughEngine.Builder#inFlightBytes} limits the bytes in flight.
         *
         * @param count {@code journal-max-io}; 500 by default
         * @return this
         * @throws IllegalArgumentException if the count is not positive
         */
        public Builder maxIo(final int count) {
            if (count <= 0) {
                throw new IllegalArgumentException("maxIo is " + count + ", must be positive");
            }
            maxIo = count;
            return this;
        }

        /**
         * The listener for errors of the device.
         *
         * @param wanted by default there is no listener; a {@code JournalImpl} sets its own
         * @return this
         */
        public Builder criticalErrorListener(final IOCriticalErrorListener wanted) {
            listener = Objects.requireNonNull(wanted);
            return this;
        }

        /**
         * The analyzer that watches the timed buffer, if there is one.
         *
         * @param wanted the analyzer of a broker; by default there is none
         * @return this
         */
        public Builder criticalAnalyzer(final CriticalAnalyzer wanted) {
            analyzer = Objects.requireNonNull(wanted);
            return this;
        }

        /**
         * Makes the factory. This opens no file and no engine.
         *
         * @return a new factory
         */
        public WriteThroughSequentialFileFactory build() {
            return new WriteThroughSequentialFileFactory(this);
        }
    }
}
