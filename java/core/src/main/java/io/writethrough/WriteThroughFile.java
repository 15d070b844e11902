// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.Directories;
import io.writethrough.internal.async.ChannelThreads;
import io.writethrough.internal.channel.WriteThroughAsynchronousFileChannel;
import io.writethrough.internal.channel.WriteThroughFileChannel;
import io.writethrough.internal.file.OpenFile;
import io.writethrough.internal.jni.Codes;
import io.writethrough.internal.jni.NativeIo;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.Channel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.CopyOption;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * A file that is written through: when {@code write} returns, its bytes are on stable storage, as the {@link
 * Durability} of the file or of that write asks. {@code read} is served from the cache of the {@link
 * WriteThroughEngine}: a read of cached bytes is a copy, makes no system call, and never waits for a device.
 *
 * <p><b>Positions, lengths, alignment.</b> Any position, length and buffer will do: direct or heap, a slice,
 * read-only as a source. A file has no current position: every operation names its own. If the file was opened with
 * {@code APPEND}, the position of a write is ignored: writes go to the end of the file, as {@link
 * #append(ByteBuffer)} does. Whole blocks ({@link StorageProfile#blockBytes()}, at a multiple of it) are cheapest to
 * write. If a block is only partly written, its other bytes must be known, and are read first if they are not cached.
 * An overwrite of bytes that exist ({@link #allocate}) costs one device command where the device can do that. A write
 * into a hole, or one that makes the file grow, also makes the file system commit metadata.
 *
 * <p><b>Buffers.</b> As with {@link java.nio.channels.FileChannel}, a write takes the bytes between a buffer's
 * position and limit, a read fills that space, and the position moves past what was transferred. If an operation
 * throws, no position has moved. A buffer belongs to its caller again when the operation is over. The JVM copies
 * three kinds of buffers: read-only heap buffers, views of memory segments whose arena can be closed, and mapped
 * files. If such an arena is closed meanwhile, the operation throws {@link IllegalStateException}. If somebody cuts
 * such a mapped file short meanwhile, the operation fails with {@code EFAULT}. In an asynchronous read that waits for
 * a device both are {@code EFAULT}. No other kind of buffer is copied, and for the others read and write allocate
 * nothing.
 *
 * <p><b>Threads.</b> Any number of threads may use a file at a time. Writes to different blocks proceed in parallel.
 * Writes that overlap are applied one after the other, in one order for all blocks. A read sees each block wholly
 * before or wholly after a write. Operations ignore interrupts: other than a FileChannel, a file is not closed
 * because a thread was interrupted, and the thread stays interrupted.
 *
 * <p><b>Asynchronous operations.</b> {@code writeAsync} returns when the bytes are in the cache: reads see the bytes,
 * and the buffer is free again. Its future completes when the bytes are as durable as asked, or fails with the error
 * that a write would have thrown. {@code readAsync} completes when the bytes are in the buffer, which belongs to the
 * operation until then. Illegal arguments are thrown. Every other failure is the future's, also that the file is
 * closed. An option of the engine says where futures complete that are not done when the method returns ({@link
 * WriteThroughEngine.Builder#completionExecutor}). To cancel a future, or to complete it by hand, stops the waiting
 * and never the operation: a write goes on to the device, and a read may still fill its buffer.
 *
 * <p><b>Virtual threads.</b> A read or write parks the virtual thread that waits for it, and its carrier runs other
 * threads. The operation may allocate.
 *
 * <p><b>Closing.</b> Any thread may close a file at any time. Operations that have begun are finished. Later
 * operations throw {@link ClosedChannelException}, as they do when the engine was closed. If a file becomes
 * unreachable before it is closed, it is closed then, with a warning to the {@link System.Logger} {@code
 * io.writethrough}.
 *
 * <p><b>Errors.</b> An operation that the system or the device refuses throws {@link WriteThroughException}, which
 * says how much of a write is stable, and what to do.
 *
 * <p><b>Other programs.</b> The file may be renamed and unlinked while it is open, and another file may get its name.
 * The handle stays the handle of the file that was opened, unless {@link WriteThroughOption#KEEP_NAME} asks for more.
 * If another program cuts the file short, all operations fail with {@code ESTALE} from the moment that the library
 * notices. The library notices in {@link #sync()}, when the file is opened once more, in a read of bytes that are not
 * cached and are not there any more, and otherwise in the first write, and in the first read of something not cached,
 * in each second. A read of cached bytes does not look. The library does not notice bytes that others overwrite or
 * add.
 *
 * @since 0.1
 */
public final class WriteThroughFile extends MemorySegmentMethods implements Channel {
    private final OpenFile file;
    private final Backend backend;

    /* By InterruptPolicy and Commit; null where none was asked for, or where it is being closed. */
    private final AtomicReferenceArray<WriteThroughFileChannel> channels =
            new AtomicReferenceArray<>(InterruptPolicy.values().length * Commit.values().length);

    WriteThroughFile(final OpenFile file, final Backend backend) {
        this.file = file;
        this.backend = backend;
    }

    @Override
    OpenFile openFile() {
        return file;
    }

    /**
     * Opens a file on the {@link WriteThroughEngine#shared() shared engine}, as {@link WriteThroughEngine#open(Path,
     * OpenOption...)} does.
     *
     * @param path a path of the default file system
     * @param options as there
     * @return the open file
     * @throws IOException as there, or if the shared engine cannot be opened
     */
    public static WriteThroughFile open(final Path path, final OpenOption... options) throws IOException {
        return open(path, Durability.DSYNC, options);
    }

    /**
     * Opens a file on the {@link WriteThroughEngine#shared() shared engine}, as {@link WriteThroughEngine#open(Path,
     * Durability, OpenOption...)} does.
     *
     * @param path a path of the default file system
     * @param durability as there
     * @param options as there
     * @return the open file
     * @throws IOException as there, or if the shared engine cannot be opened
     */
    public static WriteThroughFile open(final Path path, final Durability durability, final OpenOption... options)
            throws IOException {
        return sharedEngine().open(path, durability, options);
    }

    /**
     * Opens a file on the {@link WriteThroughEngine#shared() shared engine}, as {@link WriteThroughEngine#open(Path, Set,
     * FileAttribute...)} does.
     *
     * @param path a path of the default file system
     * @param options as there
     * @param attributes as there
     * @return the open file
     * @throws IOException as there, or if the shared engine cannot be opened
     */
    public static WriteThroughFile open(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return sharedEngine().open(path, options, attributes);
    }

    /**
     * Makes durable which names a directory has, after a file in the directory was renamed, made, linked or deleted. On return a
     * power cut takes none of these changes back. The call ignores interrupts: the interrupt status stays set, and nothing is
     * closed. A directory that is new needs the same for the directory that has its name. Files that the library makes or renames
     * need no such call. On Windows, which has no such call and journals names by itself, nothing is done.
     *
     * @param directory a directory of the default file system that this process may read
     * @throws java.nio.file.NoSuchFileException if there is no such directory
     * @throws IOException if it cannot be opened for reading, or its device refuses the flush
     * @since 0.1.0
     */
    public static void forceDirectory(final Path directory) throws IOException {
        Directories.force(directory);
    }

    static WriteThroughEngine sharedEngine() throws IOException {
        try {
            return WriteThroughEngine.shared();
        } catch (final UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /**
     * The file as a {@link FileChannel} that ignores interrupts: {@link #asFileChannel(InterruptPolicy)} with {@link
     * InterruptPolicy#IGNORE}.
     *
     * @return the same object at every call, until it is closed
     */
    public FileChannel asFileChannel() {
        return asFileChannel(InterruptPolicy.IGNORE);
    }

    /**
     * The file as a {@link FileChannel} that ignores interrupts, and whose writes become stable by this policy in place of
     * the {@linkplain #commit() file's}: {@link #asFileChannel(InterruptPolicy, Commit)} with {@link
     * InterruptPolicy#IGNORE}.
     *
     * @param commit when a write of the channel becomes stable
     * @return the same object at every call with this policy, until it is closed
     * @since 0.1
     */
    public FileChannel asFileChannel(final Commit commit) {
        return asFileChannel(InterruptPolicy.IGNORE, commit);
    }

    /**
     * The file as a {@link FileChannel}, for code that needs one. It does what the JDK's channels do, exceptions and
     * positions included, but every write is as durable on return as this file's writes are. To close the channel
     * closes this file, and the other way round.
     *
     * <p><b>Position.</b> The channel has a position, 0 at first. With {@code APPEND} every write goes to the end of
     * the file, also a write that names a position, and the position is the size: as in the JDK on Linux.
     *
     * <p><b>Force.</b> {@code force(false)} is {@link #force()}: it makes stable all that was written, and the size. With
     * {@link Commit#EACH_WRITE} and {@link Durability#DSYNC} or stronger that is stable, and no system call is made. {@code
     * force(true)} is {@link #sync()} at first, and whenever the mode, the owner, the group or the links of the file have
     * changed since; else it is {@link #force()}. So the times of the file and its extended attributes may not be stable:
     * {@link #sync()} makes them so.
     *
     * <p><b>Locks</b> are those of the JDK. They exclude other processes. They throw {@link
     * java.nio.channels.OverlappingFileLockException} where any channel of this JVM, of the JDK's too, has a lock
     * that overlaps. When the process closes any JDK channel of a file, the kernel drops all its locks on that file,
     * as everywhere on Linux: keep no such channel beside those of this library. Here a lock goes with its own
     * channel, and all locks go with the last handle of the file.
     *
     * <p><b>Mappings.</b> {@code READ_ONLY} and {@code PRIVATE} map the file as the device has it: every write that
     * returned is in the mapping. Writes that return later show in a {@code READ_ONLY} mapping too, and in a {@code
     * PRIVATE} mapping where it has not been written to. While a write is in flight a mapping may show any mix of old
     * and new bytes.
     *
     * <p>{@code READ_WRITE} changes the way of all I/O of the file, by every handle: through the kernel's page cache, with
     * the same durability. So reads see what is stored in the mapping, and the mapping shows what is written, both at
     * once. What is stored is durable after {@link java.nio.MappedByteBuffer#force()}, or {@code force} or {@link #sync()}
     * of the file; an error of what the kernel wrote before is told to the first of these. An {@linkplain
     * WriteFlag#ATOMIC atomic} write fails, {@link #allocate} reserves space and writes no zeros, and the file does not
     * grow ahead. A write by {@link Commit#AT_FORCE} returns when the device has its bytes. {@link #profile()} tells {@link
     * StorageProfile.WritePath#BUFFERED}, {@link EngineStats#mappedFiles()} counts such files, and one line of the log
     * names the file. The mapping outlives the channel, and a file that is opened again is mapped still. Once the last such
     * mapping is garbage (of JDK 22 and later: its arena is closed or not, and garbage), the next operation on the file
     * flushes what was stored, and goes on by direct I/O. If that flush fails, the next {@code force}, {@code sync} or
     * {@code close} tells. An access behind the end of a file that was cut short is an {@link InternalError}, as with the
     * JDK's channels.
     *
     * <p><b>Netty.</b> Its native transports (epoll, io_uring) send a {@code DefaultFileRegion} by the descriptor of
     * the JDK's own channel class, and fail with a region of this channel ("failed to get FileChannelImpl.fd"). Its
     * NIO transport sends such a region. All of them send a {@code DefaultFileRegion} of a {@code File}, or a {@code
     * ChunkedNioFile} of this channel.
     *
     * @param policy what an interrupt of a thread that uses the channel does
     * @return the same object at every call with this policy, until it is closed; a closed one if the file is closed
     */
    public FileChannel asFileChannel(final InterruptPolicy policy) {
        return asFileChannel(policy, file.commit());
    }

    /**
     * The file as a {@link FileChannel} whose writes become stable by this policy in place of the {@linkplain #commit()
     * file's}. As {@link #asFileChannel(InterruptPolicy)} in all else.
     *
     * @param policy what an interrupt of a thread that uses the channel does
     * @param commit when a write of the channel becomes stable
     * @return the same object at every call with these policies, until it is closed; a closed one if the file is closed
     * @since 0.1
     */
    public FileChannel asFileChannel(final InterruptPolicy policy, final Commit commit) {
        final int index = indexOf(policy, commit);
        WriteThroughFileChannel channel = channels.get(index);
        if (channel == null) {
            channel = WriteThroughFileChannel.of(file, policy, commit, this::close);
            if (!channels.compareAndSet(index, null, channel)) {
                return asFileChannel(policy, commit);
            }
        }
        if (!isOpen()) {
            closeQuietly(channel);
        }
        return channel;
    }

    /**
     * The file as an {@link AsynchronousFileChannel} whose handlers run on threads of the library: {@link
     * #asAsynchronousFileChannel(ExecutorService)} with as many threads as there are handlers busy at a time. The system
     * properties {@code java.nio.channels.DefaultThreadPool.threadFactory} and {@code initialSize} are those of {@link
     * java.nio.channels.AsynchronousChannelGroup}, and are read at the first call.
     *
     * @return a new channel on this file
     * @throws UnsupportedOperationException if the file was opened with {@code APPEND}
     * @throws Error if one of the properties has a value that cannot be, as the JDK does
     */
    public AsynchronousFileChannel asAsynchronousFileChannel() {
        return asAsynchronousFileChannel(ChannelThreads.handlers());
    }

    /**
     * The file as an {@link AsynchronousFileChannel}, for code that needs one. It does what the JDK's channels do; a
     * write is as durable when it completes as this file's writes are. Operations may be carried out in another order
     * than they were begun. To close the channel closes this file, and the other way round: operations that have
     * begun are finished first, and operations that wait for a lock end with {@link
     * java.nio.channels.AsynchronousCloseException}. Locks are as in {@link #asFileChannel(InterruptPolicy)}.
     *
     * @param executor runs the handlers, one task for each. When it was shut down no operation can be begun ({@link
     *     java.util.concurrent.RejectedExecutionException}); handlers of those that were begun before run on threads
     *     of the library
     * @return a new channel on this file
     * @throws UnsupportedOperationException if the file was opened with {@code APPEND}
     */
    public AsynchronousFileChannel asAsynchronousFileChannel(final ExecutorService executor) {
        if (file.appends()) {
            throw new UnsupportedOperationException("APPEND not allowed");
        }
        return new WriteThroughAsynchronousFileChannel(file, Objects.requireNonNull(executor), this);
    }

    private static int indexOf(final InterruptPolicy policy, final Commit commit) {
        return policy.ordinal() * Commit.values().length + commit.ordinal();
    }

    /* The file is closed already, by somebody who is told what fails. */
    private static void closeQuietly(final WriteThroughFileChannel channel) {
        try {
            channel.close();
        } catch (final IOException e) {
            // The channel is closed all the same: it was before it closed the file once more.
            assert !channel.isOpen() : e;
        }
    }

    /**
     * Writes the remaining bytes of a buffer, with the durability of the file, or by its {@linkplain #commit() policy} as
     * {@link #writeLater(ByteBuffer, long)} does. As {@link #write(ByteBuffer, long, Durability)} in all else.
     *
     * @param source the bytes
     * @param position where in the file the first of them goes
     * @return the count of bytes written: all that remained
     * @throws IOException as there
     */
    public int write(final ByteBuffer source, final long position) throws IOException {
        return file.writes().write(source, position, NativeIo.DURABILITY_OF_FILE, file.modeFlags(file.commit()));
    }

    /**
     * Writes the remaining bytes of a buffer and returns when they are as durable as asked. It writes all of them or
     * throws.
     *
     * <p>If {@code position} is behind the end of the file, the gap becomes zeros. The file grows when the bytes are
     * stable, not before, and to its exact new size. A buffer without remaining bytes does nothing.
     *
     * @param source the bytes; its position becomes its limit
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes on return
     * @return the count of bytes written: all that remained
     * @throws IllegalArgumentException if the position is negative, or the bytes would end past {@link
     *     Long#MAX_VALUE}
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system or the device refuses it: {@code ENOSPC}, {@code EDQUOT}, {@code
     *     EFBIG}, {@code EIO} and so on. {@link WriteThroughException#stableBytes()} of the bytes are stable, the
     *     others may be or not, and a read shows what the device has
     */
    public int write(final ByteBuffer source, final long position, final Durability durability) throws IOException {
        return file.writes().write(source, position, Codes.of(durability), file.modeFlags());
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, with the durability of the file, or by its
     * {@linkplain #commit() policy} as {@link #writeLater(ByteBuffer[], long)} does. As {@link #write(ByteBuffer[], long,
     * Durability)} in all else.
     *
     * @param sources the bytes
     * @param position where in the file the first of them goes
     * @return the count of bytes written: all that remained
     * @throws IOException as there
     */
    public long write(final ByteBuffer[] sources, final long position) throws IOException {
        return file.writes().write(sources, position, NativeIo.DURABILITY_OF_FILE, file.modeFlags(file.commit()));
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, as one write: contiguous in the file, and
     * as durable as asked on return. It writes all of them or throws. Any count of buffers of any kinds will do. As
     * {@link #write(ByteBuffer, long, Durability)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes on return
     * @return the count of bytes written: all that remained
     * @throws IOException as there
     */
    public long write(final ByteBuffer[] sources, final long position, final Durability durability) throws IOException {
        return file.writes().write(sources, position, Codes.of(durability), file.modeFlags());
    }

    /**
     * Reads into the remaining space of a buffer, as much as the file has from the position on. The read sees every
     * write that returned, and perhaps some that have not.
     *
     * <p>The space of the buffer past the count stays as it was, unless the file is truncated or closed, or fails,
     * during the read.
     *
     * @param destination where the bytes go; its position moves by as many
     * @param position where in the file to begin
     * @return the count of bytes read: less than remained only at the end of the file; -1 if the position is at or
     *     past it and the buffer has space; 0 if it has none
     * @throws IllegalArgumentException if the position is negative or the buffer read-only
     * @throws NonReadableChannelException if the file was not opened for reading
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system or the device refuses it: {@code EIO} and so on
     */
    public int read(final ByteBuffer destination, final long position) throws IOException {
        return file.reads().read(destination, position, 0);
    }

    /**
     * Reads into the remaining space of a buffer, with flags. As {@link #read(ByteBuffer, long)} in all else.
     *
     * @param destination where the bytes go; its position moves by as many
     * @param position where in the file to begin
     * @param flags how to read
     * @return the count of bytes read, -1 or 0, as there; with {@link ReadFlag#NOWAIT} also less where something is not cached
     * @throws WriteThroughException {@code EAGAIN}: with {@code NOWAIT}, if the first byte is not cached
     * @throws IOException as there
     * @since 0.1.0
     */
    public int read(final ByteBuffer destination, final long position, final ReadFlag... flags) throws IOException {
        return file.reads().read(destination, position, Codes.of(flags));
    }

    /**
     * Reads into the remaining space of several buffers, filling one after the other. As {@link #read(ByteBuffer, long)} in
     * all else.
     *
     * @param destinations where the bytes go; the position of each moves by as many as it took
     * @param position where in the file to begin
     * @return the count of bytes read, -1 or 0, as there
     * @throws IOException as there
     */
    public long read(final ByteBuffer[] destinations, final long position) throws IOException {
        return file.reads().read(destinations, position, 0);
    }

    /**
     * Reads into the remaining space of several buffers, filling one after the other, with flags. As {@link #read(ByteBuffer,
     * long, ReadFlag...)} in all else.
     *
     * @param destinations where the bytes go; the position of each moves by as many as it took
     * @param position where in the file to begin
     * @param flags how to read
     * @return the count of bytes read, -1 or 0, as there
     * @throws IOException as there
     * @since 0.1.0
     */
    public long read(final ByteBuffer[] destinations, final long position, final ReadFlag... flags) throws IOException {
        return file.reads().read(destinations, position, Codes.of(flags));
    }

    /**
     * Starts to read what the cache lacks of a range, and returns at once: for bytes that will be wanted soon. Missing blocks
     * that are neighbours leave as one I/O (of at most 4 MiB, less with a small cache), and all together. What is cached, or
     * is being read, costs no I/O. A {@link #read(ByteBuffer, long) read} then copies what has arrived, and waits for what
     * is on its way.
     *
     * <p>The call waits for no memory, no I/O and no truncation: where it would have to, the rest is not read. One call reads at
     * most a quarter of the cache, and all prefetching and read-ahead of an engine has at most a quarter in flight. Prefetched
     * bytes are protected from eviction for a while, until they are read first. Nothing is done where the kernel has the
     * cache: for a file without direct I/O ({@link StorageProfile#writePath()}), and while a file is mapped for writing.
     *
     * <p>How the I/O ends nobody is told. A block that could not be read stays missing, and a read of the block tells the
     * error. The file may be closed or truncated meanwhile: {@link #close()} and {@link #truncate} wait for the I/O.
     *
     * @param position where the range begins
     * @param length its length in bytes; what is behind the end of the file does not count
     * @throws IllegalArgumentException if the position or the length is negative
     * @throws NonReadableChannelException if the file was not opened for reading
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the file is lost, {@code ESTALE}
     * @since 0.1.0
     */
    public void prefetch(final long position, final long length) throws IOException {
        file.reads().prefetch(position, length);
    }

    /**
     * Starts to read what the cache lacks of several ranges. The I/O of up to 256 ranges leaves together, and ranges that follow
     * one another in the file and here leave as one. As {@link #prefetch(long, long)} in all else: so all ranges together are at
     * most a quarter of the cache for each 256 of them.
     *
     * @param positions where the ranges begin
     * @param lengths their lengths in bytes
     * @throws IllegalArgumentException if one is negative, or there are more of one than of the other
     * @throws IOException as there
     * @since 0.1.0
     */
    public void prefetch(final long[] positions, final long[] lengths) throws IOException {
        file.reads().prefetch(positions, lengths);
    }

    /**
     * Starts a write with the durability of the file. As {@link #writeAsync(ByteBuffer, long, Durability, WriteFlag...)} in
     * all else.
     *
     * @param source the bytes
     * @param position where in the file the first of them goes
     * @return as there
     */
    public CompletableFuture<Integer> writeAsync(final ByteBuffer source, final long position) {
        return file.writes().writeAsync(source, position, NativeIo.DURABILITY_OF_FILE, file.modeFlags());
    }

    /**
     * Starts a write. As {@link #writeAsync(ByteBuffer, long, Durability, WriteFlag...)} in all else.
     *
     * @param source the bytes
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes when the future completes
     * @return as there
     */
    public CompletableFuture<Integer> writeAsync(
            final ByteBuffer source, final long position, final Durability durability) {
        return file.writes().writeAsync(source, position, Codes.of(durability), file.modeFlags());
    }

    /**
     * Starts a write of the remaining bytes of a buffer. When this returns, the bytes are in the cache, where reads
     * see them, and the buffer belongs to the caller again: the caller may fill it anew at once. When the future
     * completes, the bytes are as durable as asked. Overlapping writes that one thread starts are applied in that
     * order.
     *
     * <p>The call waits while {@link WriteThroughEngine.Builder#inFlightBytes} are under I/O, and for the read of a
     * block that is only partly overwritten and not cached. With {@link WriteFlag#NOWAIT} it fails there instead.
     *
     * <p>The future completes on the engine's {@link WriteThroughEngine.Builder#completionExecutor executor}, or
     * fails with what {@link #write(ByteBuffer, long, Durability)} would have thrown. To cancel the future stops the
     * waiting, not the write.
     *
     * @param source the bytes; its position becomes its limit when this returns, unless the future has failed then,
     *     in which case nothing was written
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes when the future completes
     * @param flags how to submit it
     * @return a future of the count of bytes: all that remained
     * @throws IllegalArgumentException if the position is negative, or the bytes would end past {@link
     *     Long#MAX_VALUE}
     * @throws NonWritableChannelException if the file was not opened for writing
     */
    public CompletableFuture<Integer> writeAsync(
            final ByteBuffer source, final long position, final Durability durability, final WriteFlag... flags) {
        return file.writes().writeAsync(source, position, Codes.of(durability), Codes.of(flags) | file.modeFlags());
    }

    /**
     * Starts a write of the remaining bytes of several buffers, with the durability of the file. As {@link
     * #writeAsync(ByteBuffer[], long, Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes
     * @param position where in the file the first of them goes
     * @return as there
     */
    public CompletableFuture<Long> writeAsync(final ByteBuffer[] sources, final long position) {
        return file.writes().writeAsync(sources, position, NativeIo.DURABILITY_OF_FILE, file.modeFlags());
    }

    /**
     * Starts a write of the remaining bytes of several buffers. As {@link #writeAsync(ByteBuffer[], long, Durability,
     * WriteFlag...)} in all else.
     *
     * @param sources the bytes
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes when the future completes
     * @return as there
     */
    public CompletableFuture<Long> writeAsync(
            final ByteBuffer[] sources, final long position, final Durability durability) {
        return file.writes().writeAsync(sources, position, Codes.of(durability), file.modeFlags());
    }

    /**
     * Starts a write of the remaining bytes of several buffers, one after the other, as one write. As {@link
     * #writeAsync(ByteBuffer, long, Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit when this returns, unless the future has failed then
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes when the future completes
     * @param flags how to submit it
     * @return a future of the count of bytes: all that remained
     */
    public CompletableFuture<Long> writeAsync(
            final ByteBuffer[] sources, final long position, final Durability durability, final WriteFlag... flags) {
        return file.writes().writeAsync(sources, position, Codes.of(durability), Codes.of(flags) | file.modeFlags());
    }

    /**
     * Starts several writes with the durability of the file. As {@link #writeAllAsync(List, Durability, WriteFlag...)} in all
     * else.
     *
     * @param writes the writes, in order
     * @param flags how to submit them
     * @return as there
     */
    public List<CompletableFuture<Integer>> writeAllAsync(final List<WriteRequest> writes, final WriteFlag... flags) {
        return file.writes().writeAllAsync(writes, NativeIo.DURABILITY_OF_FILE, Codes.of(flags) | file.modeFlags());
    }

    /**
     * Starts several writes, in order, that leave together. This does the same as one call of {@link
     * #writeAsync(ByteBuffer, long, Durability, WriteFlag...)} for each, and costs less. Each write succeeds or fails
     * for itself.
     *
     * @param writes the writes, in order; no buffer is in more than one of them
     * @param durability what is promised of the bytes of each when its future completes
     * @param flags how to submit them
     * @return a future for each write, in their order
     * @throws IllegalArgumentException if one of the writes would end past {@link Long#MAX_VALUE}; none was started
     * @throws NonWritableChannelException if the file was not opened for writing
     */
    public List<CompletableFuture<Integer>> writeAllAsync(
            final List<WriteRequest> writes, final Durability durability, final WriteFlag... flags) {
        return file.writes().writeAllAsync(writes, Codes.of(durability), Codes.of(flags) | file.modeFlags());
    }

    /**
     * Starts a read into the remaining space of a buffer, as much as the file has from the position on. If all of it
     * is cached, it is read before this returns, and the future is done. The buffer belongs to the operation until
     * the future completes; after a future was cancelled, for as long as the read goes on.
     *
     * <p>The future completes on the engine's {@link WriteThroughEngine.Builder#completionExecutor executor}, or
     * fails with what {@link #read(ByteBuffer, long)} would have thrown.
     *
     * @param destination where the bytes go; its position moves by as many when the future completes
     * @param position where in the file to begin
     * @return a future of the count of bytes read: less than remained only at the end of the file; -1 if the position
     *     is at or past it and the buffer has space; 0 if it has none
     * @throws IllegalArgumentException if the position is negative or the buffer read-only
     * @throws NonReadableChannelException if the file was not opened for reading
     */
    public CompletableFuture<Integer> readAsync(final ByteBuffer destination, final long position) {
        return file.reads().readAsync(destination, position);
    }

    /**
     * Starts a read into the remaining space of several buffers, filling one after the other. As {@link
     * #readAsync(ByteBuffer, long)} in all else.
     *
     * @param destinations where the bytes go; the position of each moves by as many as it took when the future completes.
     *     The array is not to be changed until then
     * @param position where in the file to begin
     * @return a future of the count of bytes read, -1 or 0, as there
     */
    public CompletableFuture<Long> readAsync(final ByteBuffer[] destinations, final long position) {
        return file.reads().readAsync(destinations, position);
    }

    /**
     * Writes the remaining bytes of a buffer to the end of the file, with the durability of the file, or by its
     * {@linkplain #commit() policy} as {@link #appendLater(ByteBuffer)} does. As {@link #append(ByteBuffer, Durability,
     * WriteFlag...)} in all else.
     *
     * @param source the bytes; its position becomes its limit
     * @return where in the file the first of them is
     * @throws IOException as there
     */
    public long append(final ByteBuffer source) throws IOException {
        return file.writes()
                .append(source, NativeIo.DURABILITY_OF_FILE, NativeIo.APPEND | file.modeFlags(file.commit()));
    }

    /**
     * Writes the remaining bytes of a buffer to the end of the file, and returns when they, and all appends before
     * them, are as durable as asked. It writes all of them or throws.
     *
     * <p>Any number of threads may append at a time. Each append gets a place of its own, behind every append and
     * every write that began before it, and many appends leave in few I/Os. No append is acknowledged before all
     * appends before it are stable, and the size grows in that order: nobody sees a gap that an earlier append has
     * yet to fill.
     *
     * <p>An append does not wait for plain writes past the end. If an append is acknowledged behind a plain write
     * that is still in flight, the append has zeros before it until the plain write is stable, and for good if the
     * plain write fails or the power goes first.
     *
     * <p>An append that fails makes those behind it fail too, with the same error. The file then ends with the last
     * bytes that were acknowledged, or that {@link WriteThroughException#stableBytes()} counts, and the next append
     * goes there. After a crash the file may end with parts of appends that were never acknowledged, and zeros
     * between them.
     *
     * @param source the bytes; its position becomes its limit
     * @param durability what is promised of the bytes on return
     * @param flags how to write; {@link WriteFlag#NOWAIT} is refused
     * @return where in the file the first of them is; the size of the file if there are none
     * @throws IllegalArgumentException for {@code NOWAIT}
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system or the device refuses it, as for a {@link #write(ByteBuffer, long,
     *     Durability) write}
     */
    public long append(final ByteBuffer source, final Durability durability, final WriteFlag... flags)
            throws IOException {
        return file.writes().append(source, Codes.of(durability), NativeIo.APPEND | waitingCodeOf(flags));
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, to the end of the file, with the durability of the
     * file, or by its {@linkplain #commit() policy} as {@link #appendLater(ByteBuffer[])} does: as one append. As {@link
     * #append(ByteBuffer, Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit
     * @return where in the file the first of them is
     * @throws IOException as there
     */
    public long append(final ByteBuffer[] sources) throws IOException {
        return file.writes()
                .append(sources, NativeIo.DURABILITY_OF_FILE, NativeIo.APPEND | file.modeFlags(file.commit()));
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, to the end of the file: as one append. As {@link
     * #append(ByteBuffer, Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit
     * @param durability what is promised of the bytes on return
     * @param flags how to write; {@link WriteFlag#NOWAIT} is refused
     * @return where in the file the first of them is; the size of the file if there are none
     * @throws IllegalArgumentException for {@code NOWAIT}
     * @throws IOException as there
     */
    public long append(final ByteBuffer[] sources, final Durability durability, final WriteFlag... flags)
            throws IOException {
        return file.writes().append(sources, Codes.of(durability), NativeIo.APPEND | waitingCodeOf(flags));
    }

    /**
     * Writes the remaining bytes of a buffer, with flags. As {@link #write(ByteBuffer, long, Durability)} in all else.
     *
     * @param source the bytes; its position becomes its limit
     * @param position where in the file the first of them goes; not looked at with {@link WriteFlag#APPEND}
     * @param durability what is promised of the bytes on return
     * @param flags how to write; {@link WriteFlag#NOWAIT} is refused
     * @return the count of bytes written: all that remained
     * @throws IllegalArgumentException for {@code NOWAIT}, and as there
     * @throws IOException as there
     */
    public int write(
            final ByteBuffer source, final long position, final Durability durability, final WriteFlag... flags)
            throws IOException {
        return file.writes().write(source, position, Codes.of(durability), waitingCodeOf(flags) | file.modeFlags());
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, as one write, with flags. As {@link
     * #write(ByteBuffer, long, Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit
     * @param position where in the file the first of them goes; not looked at with {@link WriteFlag#APPEND}
     * @param durability what is promised of the bytes on return
     * @param flags how to write; {@link WriteFlag#NOWAIT} is refused
     * @return the count of bytes written: all that remained
     * @throws IllegalArgumentException as there
     * @throws IOException as there
     */
    public long write(
            final ByteBuffer[] sources, final long position, final Durability durability, final WriteFlag... flags)
            throws IOException {
        return file.writes().write(sources, position, Codes.of(durability), waitingCodeOf(flags) | file.modeFlags());
    }

    /**
     * Starts an append with the durability of the file. As {@link #appendAsync(ByteBuffer, Durability, WriteFlag...)} in all
     * else.
     *
     * @param source the bytes
     * @return as there
     */
    public CompletableFuture<Long> appendAsync(final ByteBuffer source) {
        return file.writes().appendAsync(source, NativeIo.DURABILITY_OF_FILE, NativeIo.APPEND);
    }

    /**
     * Starts an append, as {@link #append(ByteBuffer, Durability, WriteFlag...)} describes it. When this returns, the
     * append has its place, and the buffer belongs to the caller again. Appends that one thread starts are in the
     * file in that order. No read sees the bytes before they are stable. As {@link #writeAsync(ByteBuffer, long,
     * Durability, WriteFlag...)} in all else.
     *
     * @param source the bytes; its position becomes its limit when this returns, unless the future has failed then
     * @param durability what is promised of the bytes when the future completes
     * @param flags how to submit it
     * @return a future of where in the file the first of the bytes is; the size of the file if there are none
     * @throws NonWritableChannelException if the file was not opened for writing
     */
    public CompletableFuture<Long> appendAsync(
            final ByteBuffer source, final Durability durability, final WriteFlag... flags) {
        return file.writes().appendAsync(source, Codes.of(durability), NativeIo.APPEND | Codes.of(flags));
    }

    /**
     * Starts an append of the remaining bytes of several buffers with the durability of the file. As {@link
     * #appendAsync(ByteBuffer[], Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes
     * @return as there
     */
    public CompletableFuture<Long> appendAsync(final ByteBuffer[] sources) {
        return file.writes().appendAsync(sources, NativeIo.DURABILITY_OF_FILE, NativeIo.APPEND);
    }

    /**
     * Starts an append of the remaining bytes of several buffers, one after the other, as one append. As {@link
     * #appendAsync(ByteBuffer, Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit when this returns, unless the future has failed then
     * @param durability what is promised of the bytes when the future completes
     * @param flags how to submit it
     * @return a future of where in the file the first of the bytes is; the size of the file if there are none
     * @throws NonWritableChannelException if the file was not opened for writing
     */
    public CompletableFuture<Long> appendAsync(
            final ByteBuffer[] sources, final Durability durability, final WriteFlag... flags) {
        return file.writes().appendAsync(sources, Codes.of(durability), NativeIo.APPEND | Codes.of(flags));
    }

    /**
     * Writes the remaining bytes of a buffer and returns when they are in the cache: every read sees them, and {@link
     * #size()} counts them. {@link #force()} makes them stable, with all that was written before it. For a program that
     * writes many times and then has to be sure once.
     *
     * <p><b>Until the force.</b> The bytes leave for the device without a force too: when the file holds 256 KiB of such
     * bytes, when another write goes to their blocks, and otherwise less than a millisecond after the call, or as soon as
     * an I/O that is on their blocks has ended. A power cut may take any of them, and keep any other. When the process is
     * killed, the kernel writes what has left; what has not is lost. Of two writes to one block the later one is never
     * kept without the earlier one.
     *
     * <p><b>Errors.</b> What the device refuses later is told by {@link #force()}, {@link #sync()} and {@link #close()}. A
     * read then shows what the device has, and the file ends where its stable bytes end.
     *
     * <p>The call waits while {@link WriteThroughEngine.Builder#inFlightBytes} are under I/O, and for the read of a block
     * that is only partly overwritten and not cached. On a file without direct I/O ({@link StorageProfile#writePath()})
     * the bytes are stable on return.
     *
     * @param source the bytes; its position becomes its limit
     * @param position where in the file the first of them goes; not looked at if the file was opened with {@code APPEND}
     * @return the count of bytes written: all that remained
     * @throws IllegalArgumentException if the position is negative, or the bytes would end past {@link Long#MAX_VALUE}
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the bytes around them cannot be read, {@code EIO}, or there is no memory, {@code
     *     ENOMEM}
     * @since 0.1
     */
    public int writeLater(final ByteBuffer source, final long position) throws IOException {
        return file.writes().write(source, position, NativeIo.DURABILITY_OF_FILE, file.modeFlags(Commit.AT_FORCE));
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, as one write. As {@link #writeLater(ByteBuffer,
     * long)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit
     * @param position as there
     * @return the count of bytes written: all that remained
     * @throws IOException as there
     * @since 0.1
     */
    public long writeLater(final ByteBuffer[] sources, final long position) throws IOException {
        return file.writes().write(sources, position, NativeIo.DURABILITY_OF_FILE, file.modeFlags(Commit.AT_FORCE));
    }

    /**
     * Writes the remaining bytes of a buffer to the end of the file, behind every append and every write that began before
     * it, and returns when they are in the cache. As {@link #writeLater(ByteBuffer, long)} in all else. Other than {@link
     * #append(ByteBuffer) append}, it is in no order with other appends. While one of several threads is still on its way
     * into the cache, the size may count the append of another behind it already, and its place reads as zeros. A power cut
     * may keep one append and take others before it, which then are zeros.
     *
     * @param source the bytes; its position becomes its limit
     * @return where in the file the first of them is; the size of the file if there are none
     * @throws IOException as there
     * @since 0.1
     */
    public long appendLater(final ByteBuffer source) throws IOException {
        return file.writes().append(source, NativeIo.DURABILITY_OF_FILE, NativeIo.APPEND | NativeIo.LATER);
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, to the end of the file: as one append. As {@link
     * #appendLater(ByteBuffer)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit
     * @return where in the file the first of them is; the size of the file if there are none
     * @throws IOException as there
     * @since 0.1
     */
    public long appendLater(final ByteBuffer[] sources) throws IOException {
        return file.writes().append(sources, NativeIo.DURABILITY_OF_FILE, NativeIo.APPEND | NativeIo.LATER);
    }

    /**
     * Makes stable what was written to the file before this call began, by whichever handle: by {@link #writeLater(ByteBuffer,
     * long) writeLater}, {@link #appendLater(ByteBuffer) appendLater}, writes of {@link Commit#AT_FORCE}, and writes with
     * {@link Durability#DEVICE}. The size is stable with it. The times of the file may not be: {@link #sync()} is for them.
     * Forces of several threads share their I/O and their flush. The first force of an open file flushes in any
     * case, for what an earlier process may have left; after that no system call is made if all is stable.
     *
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if bytes are lost, since the device refused them or a flush failed. Each handle that was
     *     open at the time is told once. As long as nobody has written the lost bytes again, cut them off or made them a
     *     hole, each force and {@link #sync()} of each handle fails
     * @since 0.1
     */
    public void force() throws IOException {
        file.force();
    }

    /**
     * Starts a {@link #force()}. The future completes on the engine's {@link
     * WriteThroughEngine.Builder#completionExecutor executor}, or fails with what {@link #force()} would have thrown.
     *
     * @return a future of nothing
     * @since 0.1
     */
    public CompletableFuture<Void> forceAsync() {
        return file.writes().forceAsync();
    }

    static int waitingCodeOf(final WriteFlag... flags) {
        final int code = Codes.of(flags);
        if ((code & NativeIo.NOWAIT) != 0) {
            throw new IllegalArgumentException("NOWAIT is for asynchronous writes");
        }
        return code;
    }

    /**
     * The size of the file.
     *
     * @return its size in bytes, with every write that returned
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it
     */
    public long size() throws IOException {
        return file.size();
    }

    /**
     * Sets the size of the file, durably: bytes past the new size are gone and do not come back. A file that was opened
     * with {@link Commit#AT_FORCE}, which see, has its new size durably with the next force. If the new size is larger, the file grows by a hole, which reads as zeros (a {@link java.nio.channels.FileChannel} would not
     * grow); {@link #allocate} makes the file grow by space that exists. Waits for the I/O in flight on the file.
     *
     * @param size the new size in bytes
     * @throws IllegalArgumentException if it is negative
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it: {@code EFBIG}, {@code EIO} and so on
     */
    public void truncate(final long size) throws IOException {
        file.truncate(size);
    }

    /**
     * Makes every byte of a range exist on the device, durably: holes become written zeros, written bytes stay, and
     * the file grows to the end of the range if it was smaller. Later overwrites of the range then change no
     * metadata, so that each is one command where the device can do that ({@link StorageProfile#fua()}). For a log:
     * allocate it, then write it. A length of 0 does nothing.
     *
     * @param offset where in the file the range begins
     * @param length of the range
     * @throws IllegalArgumentException if one is negative, or the range would end past {@link Long#MAX_VALUE}
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it: {@code ENOSPC}, {@code EFBIG} and so on; what was
     *     allocated until then stays
     */
    public void allocate(final long offset, final long length) throws IOException {
        file.allocate(offset, length);
    }

    /**
     * Reads bytes where the cache has them, without a copy. What is not cached is read first. The bytes stay as they are, and where
     * they are, until they are closed: {@link PinnedBytes} says more.
     *
     * <p>A pin of up to four pages of 4096 bytes that are hot (read twice, and in one piece of memory) calls no native code. Pins by
     * native code have a quarter of {@link WriteThroughEngine.Builder#cacheBytes} at most, in whole pages, and those without it an
     * eighth. A pin that finds no room among the latter is one by native code. Past that this method throws: {@link #pinOrCopy}
     * copies there.
     *
     * @param position where in the file the bytes begin
     * @param length of the range in bytes, up to {@link PinnedBytes#MAX_LENGTH}. At the end of the file fewer are pinned
     * @return the bytes, to be closed
     * @throws IllegalArgumentException if the position is negative, or the length is negative or too large
     * @throws NonReadableChannelException if the file was not opened for reading
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if too much is pinned already ({@code ENOBUFS}), or the bytes cannot be read
     * @since 0.1.0
     */
    public PinnedBytes pin(final long position, final int length) throws IOException {
        return pin(position, length, false);
    }

    /**
     * The same, but past the limit the bytes are copied.
     *
     * @param position as {@link #pin(long, int)}
     * @param length as {@link #pin(long, int)}
     * @return the bytes, to be closed; {@link PinnedBytes#isCopy()} tells
     * @throws IllegalArgumentException as {@link #pin(long, int)}
     * @throws NonReadableChannelException if the file was not opened for reading
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the bytes cannot be read
     * @since 0.1.0
     */
    public PinnedBytes pinOrCopy(final long position, final int length) throws IOException {
        return pin(position, length, true);
    }

    private PinnedBytes pin(final long position, final int length, final boolean copies) throws IOException {
        if (length < 0 || length > PinnedBytes.MAX_LENGTH) {
            throw new IllegalArgumentException(
                    "length " + length + " is not from 0 to " + PinnedBytes.MAX_LENGTH + " bytes");
        }
        return new PinnedBytes(file, position, length, copies);
    }

    /**
     * Maps a range of the file as memory that the program stores into, and that {@link WriteThroughMapping#force()} makes durable.
     * The mapping says what it shows, and what it forbids others. Neither the offset nor the length needs an alignment. The range
     * may end behind the end of the file, which stays as long as it is. Reads what the file has in the range, and no holes.
     *
     * @param offset where in the file the range begins, in bytes
     * @param length of the range, in bytes, at least 1
     * @return the mapping, to be closed
     * @throws IllegalArgumentException if the offset is negative, the length is not positive, or the range would end past {@link
     *     Long#MAX_VALUE}
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws NonReadableChannelException if the file was not opened for reading
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if a part of the range is mapped so already, or the file is mapped for writing by a
     *     channel ({@code EBUSY}); if there is no address space ({@code ENOMEM}); if the file cannot be read
     * @since 0.1
     */
    public WriteThroughMapping map(final long offset, final long length) throws IOException {
        return map(offset, length, false);
    }

    /* compare: changes are found by comparing, also where the kernel could tell them. */
    WriteThroughMapping map(final long offset, final long length, final boolean compare) throws IOException {
        return new WriteThroughMapping(file.mapMemory(offset, length, compare));
    }

    /**
     * Makes a range of the file a hole, durably: the range reads as zeros and takes no space. The size stays: the
     * part of the range past the size does not count. Waits for the I/O in flight on the file, and I/O that begins
     * meanwhile waits for the call. A block that is only partly in the range keeps its other bytes, and its space.
     * Where the file system cannot punch holes, zeros are written, 1 MiB at a time.
     *
     * @param offset where in the file the range begins
     * @param length of the range
     * @throws IllegalArgumentException if one is negative
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system or the device refuses it; each block of the range is then as it was
     *     or zeros, and keeps its other bytes
     */
    public void punchHole(final long offset, final long length) throws IOException {
        file.punchHole(offset, length);
    }

    /**
     * Makes a range of the file read as zeros, durably, and keeps its space, so that a write to the range cannot fail
     * for want of space. For large ranges this costs less than to write zeros. As {@link #punchHole} in all else. To
     * make later writes cheap, use {@link #allocate}.
     *
     * @param offset where in the file the range begins
     * @param length of the range
     * @throws IllegalArgumentException if one is negative
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException as there
     */
    public void zero(final long offset, final long length) throws IOException {
        file.zero(offset, length);
    }

    /**
     * Makes everything durable that was written with {@link Durability#DEVICE}, and all metadata, as fsync(2) does.
     * Writes of other durability need no sync.
     *
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the device refuses it
     */
    public void sync() throws IOException {
        file.sync();
    }

    /**
     * What the file system and the device promise for this file, as in use.
     *
     * @return the profile, with the {@link StorageProfile#backend() backend}
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it
     */
    public StorageProfile profile() throws IOException {
        return new StorageProfile(file.profile(), backend);
    }

    /**
     * Renames the file, durably: when this returns, the new name is on stable storage, and the old name is gone from
     * there. The file stays open, I/O on it goes on, and {@link #path()} is the new path from then on. The current
     * path must be a name of the file itself: not a symbolic link to it, and not taken by another file meanwhile.
     *
     * @param target the new path, on the same file system
     * @param options {@link java.nio.file.StandardCopyOption#REPLACE_EXISTING} to replace a file that is there, in
     *     one step; {@link java.nio.file.StandardCopyOption#ATOMIC_MOVE} is accepted, since a rename always is one
     * @throws FileAlreadyExistsException if there is a file with that path, and it is not to be replaced
     * @throws java.nio.file.NoSuchFileException if the target's directory is missing, or the file has no name any
     *     more
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it: {@code EXDEV} for another file system, {@code ESTALE}
     *     if the current path is not the file's own, {@code EIO} and so on. After an error of the disk the file may
     *     have its new name, but not durably
     * @throws UnsupportedOperationException for other options
     * @throws java.nio.file.ProviderMismatchException if the path is not of the default file system
     */
    public void renameTo(final Path target, final CopyOption... options) throws IOException {
        boolean replace = false;
        for (final CopyOption option : options) {
            if (option == StandardCopyOption.REPLACE_EXISTING) {
                replace = true;
            } else if (option != StandardCopyOption.ATOMIC_MOVE) {
                throw new UnsupportedOperationException(option + " is not supported by renameTo");
            }
        }
        file.renameTo(target, replace);
    }

    /**
     * The path that the file was opened by, or {@link #renameTo renamed} to.
     *
     * @return the same object
     */
    public Path path() {
        return file.path();
    }

    /**
     * The file's descriptor, for what only the kernel can do with a file: its number in {@code /proc/self/fd}, advice, a lock
     * by native code. It stays the library's: whoever writes, truncates or closes by it damages the file, and what it reads
     * may be older than what the library reads where a file commits at a force.
     *
     * @return the same object at each call, which is not {@linkplain FileDescriptor#valid valid} once the file is closed
     * @throws java.nio.channels.ClosedChannelException if the file is closed
     * @throws IOException if the file, or this JVM, has no such descriptor
     */
    public FileDescriptor fileDescriptor() throws IOException {
        return file.jdkChannels().descriptor();
    }

    /**
     * The durability of writes that do not name one.
     *
     * @return that of opening the file
     */
    public Durability durability() {
        return file.durability();
    }

    /**
     * When writes become stable that name no durability.
     *
     * @return that of opening the file
     * @since 0.1
     */
    public Commit commit() {
        return file.commit();
    }

    /**
     * Whether the file, and its engine, are open.
     *
     * @return false from the moment that somebody begins to close one of them
     */
    @Override
    public boolean isOpen() {
        return file.isOpen();
    }

    /**
     * Closes the file. Returns when operations that have begun are finished. All writes that returned were as durable
     * as they asked, so nothing is flushed. What {@link #writeLater(ByteBuffer, long) writeLater} has in the cache is sent
     * to the device, and this waits for that, without a flush. To close a file that is closed does nothing.
     *
     * @throws WriteThroughException if close(2) reports an error, or the device refused bytes of {@code writeLater} and this
     *     handle was not told yet; the file is closed all the same
     */
    @Override
    public void close() throws IOException {
        file.checkMayWait("close");
        try {
            file.close();
        } finally {
            for (int i = 0; i < channels.length(); i++) {
                final WriteThroughFileChannel channel = channels.get(i) == null ? null : channels.getAndSet(i, null);
                if (channel != null) {
                    channel.close();
                }
            }
        }
    }

    /* For a channel that is closing. It has left the list before it closes others: so two that close at a time do not wait. */
    private void close(final WriteThroughFileChannel channel, final InterruptPolicy policy, final Commit commit)
            throws IOException {
        channels.compareAndSet(indexOf(policy, commit), channel, null);
        close();
    }

    /** The path, and whether the file is open. */
    @Override
    public String toString() {
        return file.toString();
    }
}
