// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.file.OpenEngine;
import io.writethrough.internal.file.OpenLane;
import io.writethrough.internal.jni.Codes;
import io.writethrough.internal.jni.NativeIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One thread's own way into an engine and back, for threads that run an event loop. A lane has an io_uring of its own. Its
 * thread starts operations on any files of the engine, and polls for those that have ended. No other thread, lock or
 * wake-up is on the way of an operation whose blocks nobody else touches, and an operation makes no object.
 *
 * <pre>{@code
 * try (Lane lane = engine.openLane()) {
 *     while (running) {
 *         while (lane.underWay() < 32 && requests.hasNext()) {
 *             Request request = requests.next();
 *             lane.append(log, request.bytes(), request.number());
 *         }
 *         lane.poll((token, result, offset, failure) -> answer(token, offset, failure), 64, 1_000_000);
 *     }
 * }
 * }</pre>
 *
 * <p><b>When I/O begins.</b> As soon as {@link #write write} or {@link #append append} returns, the buffer is the caller's
 * again, and the bytes are in the cache, where every read sees them; those that make the file longer are seen when they are
 * durable. The I/O is collected, and enters the kernel together when the lane is {@linkplain #poll polled} or {@linkplain
 * #send told to}, before the thread waits in any call of this library, and, where the device takes time, after every few
 * I/Os. An operation is durable as its {@link Durability} says when the handler is told of it, not before.
 *
 * <p><b>The thread has to poll.</b> Only the lane's thread can take what its ring has completed. While the thread does not
 * poll, because a handler blocks for instance, nothing is lost. But whoever meets the lane's I/O waits: a write of another
 * thread to the same block, an append behind one of the lane's, the close or the truncation of a file with such I/O, a write
 * that needs the room of the lane's bytes in {@link WriteThroughEngine.Builder#inFlightBytes}, or memory of the cache while
 * the lane's I/O has nearly all of it. Else other files and other blocks are not held up. A poll that leaves nothing under
 * way has also ended what others waited for.
 *
 * <p>The thread may call any method of this library, also in a handler, and wait for its futures and for those derived from
 * them ({@code join}, {@code get}): where such a call waits, it takes the lane's completions first, whose events stay for the
 * next poll. A wait that the library does not see, at a latch or for {@code CompletableFuture.allOf}, takes none: what it
 * waits for must not need the lane.
 *
 * <p><b>The end.</b> {@link #close()} returns when all operations have ended. If the thread ends before, the lane is closed so
 * as well, a moment after {@link Thread#join}: what was started is durable or has failed, and nobody is told. While a lane is
 * open, its engine cannot be closed; a lane that the program has lost keeps its engine open until its thread ends.
 * Interrupts neither end nor shorten a call of a lane.
 *
 * <p>Gathers, the order of overlapping writes and of appends, and errors are the same between lanes, and between a lane and
 * every other way of writing. Calls by another thread than the lane's are refused with an {@link IllegalStateException};
 * calls of a closed lane too. A lane holds a million operations that have not been polled, and refuses more ({@code ENOBUFS}).
 *
 * @since 0.1
 */
public final class Lane implements AutoCloseable {
    /** The thread's requests that a ring takes at once, unless it is opened with another count. */
    static final int ENTRIES = 128;

    private final OpenLane lane;
    private @Nullable Telling telling;

    /* Kept for the next poll, which has the same handler as a rule: so a poll makes no object. */
    private static final class Telling implements OpenLane.Handler {
        private final Handler handler;

        private Telling(final Handler handler) {
            this.handler = handler;
        }

        @Override
        public void ended(final long token, final long result, final long offset, final @Nullable IOException failure) {
            handler.ended(token, result, offset, failure);
        }
    }

    Lane(final OpenEngine engine, final int entries) throws IOException {
        this.lane = OpenLane.open(engine, entries);
    }

    /** What {@link Lane#poll} tells of each operation that has ended, on the lane's thread. */
    @FunctionalInterface
    public interface Handler {
        /**
         * An operation has ended. It may start others. An exception is thrown to the caller of {@code poll}; the operations
         * behind this one are told by the next poll.
         *
         * @param token as given with the operation
         * @param result of a write or an append the count of bytes, all that remained in the buffer; of a read the count,
         *     or -1 at the end of the file; of a prefetch the count of bytes from its position on that are cached now;
         *     -1 if it has failed
         * @param offset where in the file the first byte is: of an append the place that it got
         * @param failure what the same call of {@link WriteThroughFile} would have thrown, or null. A {@link
         *     WriteThroughException} tells how many bytes are durable
         */
        void ended(long token, long result, long offset, @Nullable IOException failure);
    }

    /**
     * Starts a write of the remaining bytes of a buffer, with the durability of the file.
     *
     * @param file a file of the lane's engine, open for writing
     * @param source the bytes; its position becomes its limit. It may be used anew when this returns
     * @param position where in the file the first byte goes; ignored if the file was opened with {@code APPEND}
     * @param token for the {@link Handler}
     * @throws IOException if the write could not be started: nothing was written, and the handler is not told
     * @throws ClosedChannelException if the file is closed
     * @throws IllegalArgumentException if the position is negative, the bytes would end past {@link Long#MAX_VALUE}, or
     *     the file is of another engine
     * @throws NonWritableChannelException if the file was not opened for writing
     */
    public void write(final WriteThroughFile file, final ByteBuffer source, final long position, final long token)
            throws IOException {
        lane.write(
                file.openFile(),
                source,
                position,
                token,
                NativeIo.DURABILITY_OF_FILE,
                file.openFile().modeFlags());
    }

    /**
     * The same, as durable as asked, and with flags. An array of flags that is made once makes this free of objects, too.
     *
     * @param file as there
     * @param source as there
     * @param position as there
     * @param token as there
     * @param durability what is promised of the bytes when the handler is told
     * @param flags how to write; with {@link WriteFlag#NOWAIT} the write fails with {@code EAGAIN} where it would wait for a
     *     block to be read, for memory, or for another's I/O
     * @throws IOException as there
     */
    public void write(
            final WriteThroughFile file,
            final ByteBuffer source,
            final long position,
            final long token,
            final Durability durability,
            final WriteFlag... flags)
            throws IOException {
        lane.write(
                file.openFile(),
                source,
                position,
                token,
                Codes.of(durability),
                Codes.of(flags) | file.openFile().modeFlags());
    }

    /**
     * Starts an append of the remaining bytes of a buffer, with the durability of the file. The appends of a lane are in the
     * file in the order in which they were started, without gaps.
     *
     * @param file a file of the lane's engine, open for writing
     * @param source as of a {@linkplain #write(WriteThroughFile, ByteBuffer, long, long) write}
     * @param token for the {@link Handler}, which is told where the bytes are
     * @throws IOException as of a write
     */
    public void append(final WriteThroughFile file, final ByteBuffer source, final long token) throws IOException {
        lane.write(file.openFile(), source, 0, token, NativeIo.DURABILITY_OF_FILE, NativeIo.APPEND);
    }

    /**
     * The same, as durable as asked, and with flags.
     *
     * @param file as there
     * @param source as there
     * @param token as there
     * @param durability what is promised of the bytes when the handler is told
     * @param flags how to write
     * @throws IOException as there
     */
    public void append(
            final WriteThroughFile file,
            final ByteBuffer source,
            final long token,
            final Durability durability,
            final WriteFlag... flags)
            throws IOException {
        lane.write(file.openFile(), source, 0, token, Codes.of(durability), Codes.of(flags) | NativeIo.APPEND);
    }

    /**
     * Starts a read into the remaining bytes of a buffer. The buffer is the lane's until the handler is told; then its
     * position is past what was read.
     *
     * @param file a file of the lane's engine, open for reading
     * @param destination an array's buffer, or one of {@link ByteBuffer#allocateDirect}
     * @param position where in the file to begin
     * @param token for the {@link Handler}
     * @throws IOException if the read could not be started
     * @throws ClosedChannelException if the file is closed
     * @throws IllegalArgumentException if the position is negative, the buffer is read-only or mapped, or the file is of
     *     another engine
     * @throws NonReadableChannelException if the file was not opened for reading
     */
    public void read(final WriteThroughFile file, final ByteBuffer destination, final long position, final long token)
            throws IOException {
        lane.read(file.openFile(), destination, position, token);
    }

    /**
     * Starts to read missing bytes of a range into the cache: as many as one I/O reads, at most 4 MiB.
     *
     * @param file a file of the lane's engine, open for reading
     * @param position where the range begins
     * @param length its length in bytes
     * @param token for the {@link Handler}, which is told how many bytes from the position on are cached
     * @throws IOException as of a {@linkplain #read read}
     */
    public void prefetch(final WriteThroughFile file, final long position, final long length, final long token)
            throws IOException {
        lane.prefetch(file.openFile(), position, length, token);
    }

    /** Gives the I/O that the lane has collected to the kernel, and does not look what has ended. */
    public void send() {
        lane.send();
    }

    /**
     * The count of operations that were started and not told yet.
     *
     * @return that count
     */
    public int underWay() {
        return lane.underWay();
    }

    /**
     * {@linkplain #send Sends}, and tells the handler of operations that have ended, on this thread. Waits for the first of
     * them, unless no operation is {@linkplain #underWay under way}. Not to be called by a handler of the lane. A thread that
     * polls without ever waiting takes a processor for itself: on a disk without FUA the kernel's workers flush, and need one.
     *
     * @param handler what is told
     * @param max the most operations that it is told of
     * @param timeoutNanos how long to wait at most, in nanoseconds: 0 not at all, a negative number without end. A wait of
     *     100 ms or more may become longer by a flush of the device's cache that this thread then does itself
     * @return how many operations the handler was told of
     */
    public int poll(final Handler handler, final int max, final long timeoutNanos) {
        Telling to = telling;
        if (to == null || to.handler != handler) {
            to = new Telling(Objects.requireNonNull(handler, "handler"));
            telling = to;
        }
        return lane.poll(to, max, timeoutNanos);
    }

    /**
     * Waits until all operations have ended, and closes the lane. What was not polled is told to nobody. Does nothing if the
     * lane is closed.
     */
    @Override
    public void close() {
        lane.close();
    }
}
