package io.writethrough;

import static io.writethrough.WriteThroughException.NONE;

import io.writethrough.internal.Buffers;
import io.writethrough.internal.CacheView;
import io.writethrough.internal.ControlPlane;
import io.writethrough.internal.DataPlane;
import io.writethrough.internal.Errno;
import io.writethrough.internal.NativePaths;
import io.writethrough.internal.OpenFlags;
import io.writethrough.internal.Segments;
import io.writethrough.internal.VirtualThreads;
import io.writethrough.internal.WriteFlags;
import io.writethrough.internal.jfr.Events;
import io.writethrough.internal.jfr.IoEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
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
import java.util.function.LongSupplier;
import java.util.function.LongToIntFunction;

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
 * closed. An option of the engine says where futures complete ({@link
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
public final class WriteThroughFile implements Channel {
    private static final int COPIED_PIECE_BYTES = 4 << 20;

    private final WriteThroughEngine engine;
    private final Completions completions;
    private final NativeHandle handle;
    private final UnderWay underWay;
    private volatile Path path;
    private final Durability durability;
    private final boolean readable;
    private final boolean writable;

    private final boolean appends;

    private final JdkChannels jdkChannels;

    /* Null if reads are all for native code. */
    private final CacheView.File cached;

    /* By InterruptPolicy; null where none was asked for, or where it is being closed. */
    private final AtomicReferenceArray<WriteThroughFileChannel> channels =
            new AtomicReferenceArray<>(InterruptPolicy.values().length);

    WriteThroughFile(final WriteThroughEngine engine, final long file, final Path path, final OpenRequest request) {
        this.engine = engine;
        this.completions = engine.completions();
        this.path = path;
        this.durability = request.durability();
        this.readable = request.readable();
        this.writable = request.writable();
        this.appends = request.append();
        this.jdkChannels = new JdkChannels(file, engine.jdkChannels());
        this.cached = readable ? engine.cacheViewOf(file) : null;
        this.underWay = completions.underWay().ofFile();
        this.handle = NativeHandle.of(
                this, file, closing(underWay, completions, jdkChannels), () -> "The WriteThroughFile " + path);
    }

    /* Static, so that it does not know the file, which may be lost. */
    private static LongToIntFunction closing(
            final UnderWay underWay, final Completions completions, final JdkChannels jdkChannels) {
        return file -> {
            underWay.close(completions);
            return jdkChannels.closeWithFile(file);
        };
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
     * The file as a {@link FileChannel}, for code that needs one. It does what the JDK's channels do, exceptions and
     * positions included, but every write is as durable on return as this file's writes are. To close the channel
     * closes this file, and the other way round.
     *
     * <p><b>Position.</b> The channel has a position, 0 at first. With {@code APPEND} every write goes to the end of
     * the file, also a write that names a position, and the position is the size: as in the JDK on Linux.
     *
     * <p><b>Force.</b> {@code force(false)} costs nothing where writes are {@link Durability#DSYNC} or stronger: they
     * are stable. {@code force(true)} is {@link #sync()}.
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
     * and new bytes. {@code READ_WRITE} is refused with {@link UnsupportedOperationException}: bytes stored in such a
     * mapping would bypass the cache of the engine, the engine would overwrite them, and nobody would promise that
     * they are durable. The {@code map} of JDK 22 and later that takes an arena is refused too; {@code
     * MemorySegment.ofBuffer} makes a segment of the buffer of the other {@code map}.
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
        final int index = policy.ordinal();
        WriteThroughFileChannel channel = channels.get(index);
        if (channel == null) {
            channel = new WriteThroughFileChannel(this, policy);
            if (!channels.compareAndSet(index, null, channel)) {
                return asFileChannel(policy);
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
        if (appends()) {
            throw new UnsupportedOperationException("APPEND not allowed");
        }
        return new WriteThroughAsynchronousFileChannel(this, Objects.requireNonNull(executor));
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

    JdkChannels jdkChannels() {
        return jdkChannels;
    }

    UnderWay underWay() {
        return underWay;
    }

    /* What a virtual thread leaves to one that may wait. */
    private long callWaiting(final LongSupplier call) {
        if (!underWay.enter()) {
            return -Errno.EBADF;
        }
        try {
            return WaitingThreads.call(call);
        } finally {
            underWay.leave();
        }
    }

    boolean isReadable() {
        return readable;
    }

    boolean isWritable() {
        return writable;
    }

    boolean appends() {
        return appends;
    }

    /**
     * Writes the remaining bytes of a buffer, with the durability of the file. As {@link #write(ByteBuffer, long, Durability)}
     * in all else.
     *
     * @param source the bytes
     * @param position where in the file the first of them goes
     * @return the count of bytes written: all that remained
     * @throws IOException as there
     */
    public int write(final ByteBuffer source, final long position) throws IOException {
        return write(source, position, DataPlane.DURABILITY_OF_FILE);
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
        return write(source, position, durability.code);
    }

    private int write(final ByteBuffer source, final long position, final int durabilityCode) throws IOException {
        return appends
                ? write(source, position, durabilityCode, DataPlane.APPEND)
                : writeAt(source, position, durabilityCode);
    }

    private int writeAt(final ByteBuffer source, final long position, final int durabilityCode) throws IOException {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        checkWrite(position, length, 0);
        if (length == 0) {
            return 0;
        }
        final IoEvent event = Events.beginWrite();
        final long result;
        try {
            result = write(source, start, length, position, durabilityCode);
        } finally {
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, position, length, durabilityCode, 0, result);
        if (result < 0) {
            throw failed("write", position, length, result);
        }
        source.position(start + length);
        return length;
    }

    private long write(
            final ByteBuffer source, final int start, final int length, final long position, final int durabilityCode) {
        if (!Buffers.isSteady(source)) {
            return writeCopied(source, start, length, position, durabilityCode);
        }
        if (!VirtualThreads.isCurrent()) {
            return writeWaiting(source, start, length, position, durabilityCode);
        }
        final Operation operation = completions.begin();
        final int started;
        try {
            operation.beginWait(this);
            started = submit(source, start, length, position, durabilityCode, DataPlane.NOWAIT, operation.token());
            if (started == 0) {
                return operation.await();
            }
        } finally {
            completions.abandon(operation);
        }
        return mustWait(started)
                ? callWaiting(() -> writeWaiting(source, start, length, position, durabilityCode))
                : started;
    }

    /* Piece by piece, as the core writes what is long. */
    private long writeCopied(
            final ByteBuffer source, final int start, final int length, final long position, final int durabilityCode) {
        final byte[] piece = new byte[Math.min(length, COPIED_PIECE_BYTES)];
        for (int done = 0; done < length; ) {
            final int bytes = Math.min(piece.length, length - done);
            if (!Buffers.get(source, start + done, piece, bytes)) {
                return DataPlane.failure(-Errno.EFAULT, done);
            }
            final long result = write(ByteBuffer.wrap(piece), 0, bytes, position + done, durabilityCode);
            if (result < 0) {
                return DataPlane.failure(-DataPlane.errno(result), done + DataPlane.stableBytes(result));
            }
            done += bytes;
        }
        return length;
    }

    private static boolean mustWait(final int started) {
        return started == -Errno.EAGAIN || started == -Errno.EMSGSIZE;
    }

    private long writeWaiting(
            final ByteBuffer source, final int start, final int length, final long position, final int durabilityCode) {
        if (source.isDirect()) {
            return DataPlane.writeDirect(handle.value(), source, start, length, position, durabilityCode);
        }
        final int index = source.arrayOffset() + start;
        return DataPlane.writeArray(handle.value(), source.array(), index, length, position, durabilityCode);
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, with the durability of the file. As {@link
     * #write(ByteBuffer[], long, Durability)} in all else.
     *
     * @param sources the bytes
     * @param position where in the file the first of them goes
     * @return the count of bytes written: all that remained
     * @throws IOException as there
     */
    public long write(final ByteBuffer[] sources, final long position) throws IOException {
        return write(sources, position, DataPlane.DURABILITY_OF_FILE);
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
        return write(sources, position, durability.code);
    }

    private long write(final ByteBuffer[] sources, final long position, final int durabilityCode) throws IOException {
        return appends
                ? write(sources, position, durabilityCode, DataPlane.APPEND)
                : writeAt(sources, position, durabilityCode);
    }

    private long writeAt(final ByteBuffer[] sources, final long position, final int durabilityCode) throws IOException {
        final Segments segments = Segments.ofThread();
        final IoEvent event;
        final long length;
        final long result;
        try {
            for (final ByteBuffer source : sources) {
                segments.addSource(source);
            }
            length = segments.length();
            checkWrite(position, length, 0);
            if (length == 0) {
                return 0;
            }
            event = Events.beginWrite();
            result = write(segments, length, position, durabilityCode);
        } finally {
            segments.release();
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, position, length, durabilityCode, 0, result);
        if (result < 0) {
            throw failed("write", position, length, result);
        }
        moveToLimits(sources);
        return length;
    }

    private static void moveToLimits(final ByteBuffer[] sources) {
        for (final ByteBuffer source : sources) {
            source.position(source.limit());
        }
    }

    private long write(final Segments segments, final long length, final long position, final int durabilityCode) {
        if (segments.isFaulty()) {
            return -Errno.EFAULT;
        }
        if (!VirtualThreads.isCurrent()) {
            return writeWaiting(segments, length, position, durabilityCode);
        }
        final Operation operation = completions.begin();
        final int started;
        try {
            operation.beginWait(this);
            started = submit(segments, length, position, durabilityCode, DataPlane.NOWAIT, operation.token());
            if (started == 0) {
                return operation.await();
            }
        } finally {
            completions.abandon(operation);
        }
        return mustWait(started)
                ? callWaiting(() -> writeWaiting(segments, length, position, durabilityCode))
                : started;
    }

    private long writeWaiting(
            final Segments segments, final long length, final long position, final int durabilityCode) {
        return DataPlane.writeSegments(
                handle.value(), segments.bases(), segments.ranges(), length, position, durabilityCode);
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
        if (destination.isReadOnly()) {
            throw readOnly();
        }
        final int start = destination.position();
        final int length = Buffers.remaining(destination, start);
        checkRead(position);
        if (length == 0) {
            return 0;
        }
        final IoEvent event = Events.beginRead();
        final long result;
        try {
            result = read(destination, start, lengthToEnd(length, position), position);
        } finally {
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, position, length, DataPlane.DURABILITY_OF_FILE, 0, result);
        if (result < 0) {
            throw failed("read", position, length, result);
        }
        if (result == 0) {
            return -1;
        }
        destination.position(start + (int) result);
        return (int) result;
    }

    private long read(final ByteBuffer destination, final int start, final int length, final long position) {
        if (!Buffers.isSteady(destination)) {
            return readCopied(destination, start, length, position);
        }
        final int seen = readSeen(destination, start, length, position);
        if (seen >= 0) {
            return seen;
        }
        if (!VirtualThreads.isCurrent()) {
            return readWaiting(destination, start, length, position);
        }
        final long result = readCached(destination, start, length, position);
        return DataPlane.isAgain(result)
                ? readParked(new AsyncRead(this, completions, destination, start, length, position), result)
                : result;
    }

    /* Piece by piece, as the core reads what is long. */
    private long readCopied(final ByteBuffer destination, final int start, final int length, final long position) {
        if (!Buffers.isThere(destination, start)) {
            return -Errno.EFAULT;
        }
        final byte[] piece = new byte[Math.min(length, COPIED_PIECE_BYTES)];
        int done = 0;
        while (done < length) {
            final int bytes = Math.min(piece.length, length - done);
            final long result = read(ByteBuffer.wrap(piece), 0, bytes, position + done);
            if (result < 0) {
                return result;
            }
            if (!Buffers.put(destination, start + done, piece, (int) result)) {
                return -Errno.EFAULT;
            }
            done += (int) result;
            if (result < bytes) {
                break;
            }
        }
        return done;
    }

    private int readSeen(final ByteBuffer destination, final int start, final int length, final long position) {
        return cached == null ? CacheView.ASK : cached.read(destination, start, length, position);
    }

    /* The rest of a read of which something was not cached. */
    private long readParked(final AsyncRead read, final long cached) {
        if (!underWay.enter()) {
            return -Errno.EBADF;
        }
        try {
            return readEntered(read, cached);
        } finally {
            underWay.leave();
        }
    }

    private long readEntered(final AsyncRead read, final long cached) {
        read.advance(DataPlane.stableBytes(cached));
        long result;
        do {
            final Operation operation = completions.begin();
            try {
                operation.beginWait(this);
                final int started = read.fetch(operation);
                if (mustWait(started)) {
                    return WaitingThreads.call(read::readRest);
                }
                final long fetched = started < 0 ? started : operation.await();
                if (fetched < 0) {
                    return fetched;
                }
            } finally {
                completions.abandon(operation);
            }
            result = read.readCached();
        } while (DataPlane.isAgain(result));
        return result;
    }

    long readWaiting(final ByteBuffer destination, final int start, final int length, final long position) {
        if (destination.isDirect()) {
            return DataPlane.readDirect(handle.value(), destination, start, length, position);
        }
        final int index = destination.arrayOffset() + start;
        return DataPlane.readArray(handle.value(), destination.array(), index, length, position);
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
        final Segments segments = Segments.ofThread();
        final IoEvent event;
        final long length;
        final long result;
        try {
            for (final ByteBuffer destination : destinations) {
                if (destination.isReadOnly()) {
                    throw readOnly();
                }
                segments.addDestination(destination);
            }
            length = segments.length();
            checkRead(position);
            if (length == 0) {
                return 0;
            }
            event = Events.beginRead();
            result = read(segments, lengthToEnd(length, position), position);
        } finally {
            segments.release();
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, position, length, DataPlane.DURABILITY_OF_FILE, 0, result);
        if (result < 0) {
            throw failed("read", position, length, result);
        }
        if (result == 0) {
            return -1;
        }
        moveAll(destinations, result);
        return result;
    }

    private long read(final Segments segments, final long length, final long position) {
        if (segments.isFaulty()) {
            return -Errno.EFAULT;
        }
        final long result = readSegments(segments, length, position);
        return segments.deliver(result) ? result : -Errno.EFAULT;
    }

    private long readSegments(final Segments segments, final long length, final long position) {
        if (!VirtualThreads.isCurrent()) {
            return readWaiting(segments, length, position);
        }
        final long result = readCached(segments, length, position);
        return DataPlane.isAgain(result)
                ? readParked(new AsyncRead(this, completions, null, segments, length, position), result)
                : result;
    }

    long readWaiting(final Segments segments, final long length, final long position) {
        return DataPlane.readSegments(handle.value(), segments.bases(), segments.ranges(), length, position);
    }

    static void moveAll(final ByteBuffer[] buffers, final long count) {
        long left = count;
        for (final ByteBuffer buffer : buffers) {
            final int taken = (int) Math.min(left, buffer.remaining());
            buffer.position(buffer.position() + taken);
            left -= taken;
        }
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
        return writeAsync(source, position, DataPlane.DURABILITY_OF_FILE, modeFlags());
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
        return writeAsync(source, position, durability.code, modeFlags());
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
        return writeAsync(source, position, durability.code, WriteFlags.codeOf(flags) | modeFlags());
    }

    private CompletableFuture<Integer> writeAsync(
            final ByteBuffer source, final long position, final int durabilityCode, final int flags) {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        checkWriteArguments(position, length, flags);
        if (!isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        if (length == 0) {
            return IoFuture.completed(0, completions);
        }
        final long at = positionOf(position, flags);
        final IoFuture<Integer> future = new IoFuture<>(completions);
        final Operation operation = completions.begin();
        int started = -Errno.EINVAL;
        try {
            operation.beginWrite(this, future, false, at, length);
            operation.describe(durabilityCode, flags);
            started = submit(source, start, length, at, durabilityCode, flags, operation.token());
            operation.tellIfRefused(started);
        } finally {
            if (started < 0) {
                completions.abandon(operation);
            }
        }
        if (started < 0) {
            return IoFuture.failed(writeFailed("write", at, length, flags, started));
        }
        source.position(start + length);
        return future;
    }

    /**
     * Starts a write with the durability of the file on a thread that may wait for what a write may have to wait for. The
     * buffer belongs to the operation until the future completes.
     */
    CompletableFuture<Integer> writeAsyncElsewhere(final ByteBuffer source, final long position) {
        if (!underWay.enter()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        final IoFuture<Integer> future = new IoFuture<>(completions);
        Operation operation = null;
        boolean handedOver = false;
        try {
            operation = completions.begin();
            operation.beginWrite(this, future, false, positionOf(position, modeFlags()), source.remaining());
            operation.describe(DataPlane.DURABILITY_OF_FILE, modeFlags());
            WaitingThreads.execute(new WaitingWrite(operation, source, position));
            handedOver = true;
        } finally {
            if (!handedOver) {
                underWay.leave();
                completions.abandon(operation);
            }
        }
        return future;
    }

    private final class WaitingWrite extends WaitingThreads.Task {
        private final Operation operation;
        private final ByteBuffer source;
        private final long position;

        private WaitingWrite(final Operation operation, final ByteBuffer source, final long position) {
            this.operation = operation;
            this.source = source;
            this.position = position;
        }

        @Override
        void run() {
            boolean started = false;
            try {
                assert Faults.at(Faults.Step.RUN_WAITING);
                started = startOrEnd();
            } catch (final Throwable e) {
                operation.endWith(e);
            }
            underWay.leave();
            if (!started) {
                completions.completeElsewhere(operation);
            }
        }

        private boolean startOrEnd() {
            final int start = source.position();
            final int length = source.remaining();
            final int started = submit(
                    source, start, length, position, DataPlane.DURABILITY_OF_FILE, modeFlags(), operation.token());
            if (started < 0) {
                operation.endWith(started);
            }
            return started == 0;
        }
    }

    private int submit(
            final ByteBuffer source,
            final int start,
            final int length,
            final long position,
            final int durabilityCode,
            final int flags,
            final long token) {
        final long file = handle.value();
        if (!Buffers.isSteady(source)) {
            final byte[] copy = Buffers.copyOf(source, start, length);
            return copy == null
                    ? -Errno.EFAULT
                    : DataPlane.submitArray(file, copy, 0, length, position, durabilityCode, flags, token);
        }
        if (source.isDirect()) {
            return DataPlane.submitDirect(file, source, start, length, position, durabilityCode, flags, token);
        }
        final int index = source.arrayOffset() + start;
        return DataPlane.submitArray(file, source.array(), index, length, position, durabilityCode, flags, token);
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
        return writeAsync(sources, position, DataPlane.DURABILITY_OF_FILE, modeFlags());
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
        return writeAsync(sources, position, durability.code, modeFlags());
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
        return writeAsync(sources, position, durability.code, WriteFlags.codeOf(flags) | modeFlags());
    }

    private CompletableFuture<Long> writeAsync(
            final ByteBuffer[] sources, final long position, final int durabilityCode, final int flags) {
        final Segments segments = Segments.ofThread();
        try {
            for (final ByteBuffer source : sources) {
                segments.addSource(source);
            }
            return writeAsync(segments, sources, position, durabilityCode, flags);
        } finally {
            segments.release();
        }
    }

    private CompletableFuture<Long> writeAsync(
            final Segments segments,
            final ByteBuffer[] sources,
            final long position,
            final int durabilityCode,
            final int flags) {
        final long length = segments.length();
        checkWriteArguments(position, length, flags);
        if (!isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        if (length == 0) {
            return IoFuture.completed(0L, completions);
        }
        final long at = positionOf(position, flags);
        final IoFuture<Long> future = new IoFuture<>(completions);
        final Operation operation = completions.begin();
        int started = -Errno.EINVAL;
        try {
            operation.beginWrite(this, future, true, at, length);
            operation.describe(durabilityCode, flags);
            started = submit(segments, length, at, durabilityCode, flags, operation.token());
            operation.tellIfRefused(started);
        } finally {
            if (started < 0) {
                completions.abandon(operation);
            }
        }
        if (started < 0) {
            return IoFuture.failed(writeFailed("write", at, length, flags, started));
        }
        moveToLimits(sources);
        return future;
    }

    private int submit(
            final Segments segments,
            final long length,
            final long position,
            final int durabilityCode,
            final int flags,
            final long token) {
        if (segments.isFaulty()) {
            return -Errno.EFAULT;
        }
        return DataPlane.submitSegments(
                handle.value(), segments.bases(), segments.ranges(), length, position, durabilityCode, flags, token);
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
        return writeAllAsync(writes, DataPlane.DURABILITY_OF_FILE, WriteFlags.codeOf(flags));
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
        return writeAllAsync(writes, durability.code, WriteFlags.codeOf(flags));
    }

    private List<CompletableFuture<Integer>> writeAllAsync(
            final List<WriteRequest> writes, final int durabilityCode, final int flags) {
        requireOpenedForWriting();
        final WriteBatch batch = WriteBatch.ofThread();
        try {
            for (final WriteRequest write : writes) {
                checkRange(write.position(), write.source().remaining(), modeFlags() | flags);
                batch.add(write);
            }
            return batch.submit(this, completions, handle.value(), durabilityCode, flags | modeFlags());
        } finally {
            batch.release();
        }
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
        if (destination.isReadOnly()) {
            throw readOnly();
        }
        final int start = destination.position();
        final int remaining = Buffers.remaining(destination, start);
        checkReadArguments(position);
        if (!isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        if (remaining == 0) {
            return IoFuture.completed(0, completions);
        }
        if (!Buffers.isSteady(destination)) {
            Buffers.requireShared(destination);
            final Segments segments = Segments.ofOperation();
            segments.addDestination(destination);
            return readAsync(new ByteBuffer[] {destination}, segments, position, false);
        }
        final int length = lengthToEnd(remaining, position);
        final IoEvent event = Events.beginRead();
        final long result;
        try {
            final int seen = readSeen(destination, start, length, position);
            result = seen >= 0 ? seen : readCached(destination, start, length, position);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result > 0) {
            destination.position(start + (int) result);
        }
        if (!DataPlane.isAgain(result)) {
            Events.end(event, path, position, length, DataPlane.DURABILITY_OF_FILE, 0, result);
            return result < 0
                    ? IoFuture.failed(failed("read", position, length, result))
                    : IoFuture.completed(result == 0 ? -1 : (int) result, completions);
        }
        final AsyncRead read = new AsyncRead(this, completions, destination, start, length, position);
        return readAsync(read, DataPlane.stableBytes(result), false);
    }

    private <T> CompletableFuture<T> readAsync(final AsyncRead read, final long cached, final boolean isLong) {
        read.advance(cached);
        final IoFuture<T> future = new IoFuture<>(completions);
        final Operation operation = completions.begin();
        boolean goesOn = false;
        try {
            operation.beginRead(this, future, isLong, read);
            goesOn = startRead(read, operation);
            if (!goesOn) {
                operation.complete();
            }
        } finally {
            if (!goesOn) {
                completions.abandon(operation);
            }
        }
        return future;
    }

    private boolean startRead(final AsyncRead read, final Operation operation) {
        if (!underWay.enter()) {
            operation.endRead(-Errno.EBADF);
            return false;
        }
        boolean thrown = true;
        try {
            final boolean goesOn = read.start(operation);
            thrown = false;
            return goesOn;
        } finally {
            if (thrown) {
                underWay.leave();
            }
        }
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
        final Segments segments = Segments.ofOperation();
        for (final ByteBuffer destination : destinations) {
            if (destination.isReadOnly()) {
                throw readOnly();
            }
            Buffers.requireShared(destination);
            segments.addDestination(destination);
        }
        checkReadArguments(position);
        if (!isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        if (segments.length() == 0) {
            return IoFuture.completed(0L, completions);
        }
        return readAsync(destinations, segments, position, true);
    }

    @SuppressWarnings("unchecked")
    private <T> CompletableFuture<T> readAsync(
            final ByteBuffer[] destinations, final Segments segments, final long position, final boolean isLong) {
        final long length = lengthToEnd(segments.length(), position);
        final IoEvent event = Events.beginRead();
        long result;
        try {
            result = segments.isFaulty() ? -Errno.EFAULT : readCached(segments, length, position);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result > 0) {
            if (segments.deliver(result)) {
                moveAll(destinations, result);
            } else {
                result = -Errno.EFAULT;
            }
        }
        if (!DataPlane.isAgain(result)) {
            Events.end(event, path, position, length, DataPlane.DURABILITY_OF_FILE, 0, result);
            if (result < 0) {
                return IoFuture.failed(failed("read", position, length, result));
            }
            final long count = result == 0 ? -1 : result;
            return (CompletableFuture<T>)
                    IoFuture.completed(isLong ? (Object) count : (Object) (int) count, completions);
        }
        final AsyncRead read = new AsyncRead(this, completions, destinations, segments, length, position);
        return readAsync(read, DataPlane.stableBytes(result), isLong);
    }

    long readCached(final ByteBuffer destination, final int start, final int length, final long position) {
        if (destination.isDirect()) {
            return DataPlane.readCachedDirect(handle.value(), destination, start, length, position);
        }
        final int index = destination.arrayOffset() + start;
        return DataPlane.readCachedArray(handle.value(), destination.array(), index, length, position);
    }

    long readCached(final Segments segments, final long length, final long position) {
        return DataPlane.readCachedSegments(handle.value(), segments.bases(), segments.ranges(), length, position);
    }

    int fetch(final long position, final long length, final long token) {
        return DataPlane.fetch(handle.value(), position, length, DataPlane.NOWAIT, token);
    }

    /**
     * Writes the remaining bytes of a buffer to the end of the file, with the durability of the file. As {@link
     * #append(ByteBuffer, Durability, WriteFlag...)} in all else.
     *
     * @param source the bytes; its position becomes its limit
     * @return where in the file the first of them is
     * @throws IOException as there
     */
    public long append(final ByteBuffer source) throws IOException {
        return append(source, DataPlane.DURABILITY_OF_FILE, DataPlane.APPEND);
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
        return append(source, durability.code, DataPlane.APPEND | waitingCodeOf(flags));
    }

    private long append(final ByteBuffer source, final int durabilityCode, final int flags) throws IOException {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        requireWritable();
        if (length == 0) {
            return size();
        }
        final IoEvent event = Events.beginWrite();
        final long result;
        try {
            result = writeWith(source, start, length, NONE, durabilityCode, flags);
        } finally {
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, NONE, length, durabilityCode, flags, result);
        if (result < 0) {
            throw writeFailed("append", NONE, length, flags, result);
        }
        source.position(start + length);
        return result;
    }

    /**
     * Writes the remaining bytes of several buffers, one after the other, to the end of the file, with the durability of the
     * file: as one append. As {@link #append(ByteBuffer, Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes; the position of each becomes its limit
     * @return where in the file the first of them is
     * @throws IOException as there
     */
    public long append(final ByteBuffer[] sources) throws IOException {
        return append(sources, DataPlane.DURABILITY_OF_FILE, DataPlane.APPEND);
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
        return append(sources, durability.code, DataPlane.APPEND | waitingCodeOf(flags));
    }

    private long append(final ByteBuffer[] sources, final int durabilityCode, final int flags) throws IOException {
        final Segments segments = Segments.ofThread();
        final IoEvent event;
        final long length;
        final long result;
        try {
            for (final ByteBuffer source : sources) {
                segments.addSource(source);
            }
            length = segments.length();
            requireWritable();
            if (length == 0) {
                return size();
            }
            event = Events.beginWrite();
            result = writeSegmentsWith(segments, length, NONE, durabilityCode, flags);
        } finally {
            segments.release();
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, NONE, length, durabilityCode, flags, result);
        if (result < 0) {
            throw writeFailed("append", NONE, length, flags, result);
        }
        moveToLimits(sources);
        return result;
    }

    private long writeSegmentsWith(
            final Segments segments,
            final long length,
            final long position,
            final int durabilityCode,
            final int flags) {
        if (segments.isFaulty()) {
            return -Errno.EFAULT;
        }
        if (!VirtualThreads.isCurrent()) {
            return writeSegmentsWithWaiting(segments, length, position, durabilityCode, flags);
        }
        final Operation operation = completions.begin();
        final int started;
        try {
            operation.beginWait(this);
            started = submit(segments, length, position, durabilityCode, flags | DataPlane.NOWAIT, operation.token());
            if (started == 0) {
                return awaited(operation, flags);
            }
        } finally {
            completions.abandon(operation);
        }
        return mustWait(started)
                ? callWaiting(() -> writeSegmentsWithWaiting(segments, length, position, durabilityCode, flags))
                : started;
    }

    private long writeSegmentsWithWaiting(
            final Segments segments,
            final long length,
            final long position,
            final int durabilityCode,
            final int flags) {
        return DataPlane.writeSegmentsWith(
                handle.value(), segments.bases(), segments.ranges(), length, position, durabilityCode, flags);
    }

    private static long awaited(final Operation operation, final int flags) {
        final long result = operation.await();
        return result >= 0 && (flags & DataPlane.APPEND) != 0 ? operation.offset() : result;
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
        final int asked = waitingCodeOf(flags);
        return asked == 0
                ? write(source, position, durability.code)
                : write(source, position, durability.code, asked | modeFlags());
    }

    private int write(final ByteBuffer source, final long position, final int durabilityCode, final int flags)
            throws IOException {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        checkWrite(position, length, flags);
        if (length == 0) {
            return 0;
        }
        final IoEvent event = Events.beginWrite();
        final long at = positionOf(position, flags);
        final long result;
        try {
            result = writeWith(source, start, length, at, durabilityCode, flags);
        } finally {
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, at, length, durabilityCode, flags, result);
        if (result < 0) {
            throw writeFailed("write", at, length, flags, result);
        }
        source.position(start + length);
        return length;
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
        final int asked = waitingCodeOf(flags);
        return asked == 0
                ? write(sources, position, durability.code)
                : write(sources, position, durability.code, asked | modeFlags());
    }

    private long write(final ByteBuffer[] sources, final long position, final int durabilityCode, final int flags)
            throws IOException {
        final Segments segments = Segments.ofThread();
        final long at = positionOf(position, flags);
        final IoEvent event;
        final long length;
        final long result;
        try {
            for (final ByteBuffer source : sources) {
                segments.addSource(source);
            }
            length = segments.length();
            checkWrite(position, length, flags);
            if (length == 0) {
                return 0;
            }
            event = Events.beginWrite();
            result = writeSegmentsWith(segments, length, at, durabilityCode, flags);
        } finally {
            segments.release();
            Reference.reachabilityFence(this);
        }
        Events.end(event, path, at, length, durabilityCode, flags, result);
        if (result < 0) {
            throw writeFailed("write", at, length, flags, result);
        }
        moveToLimits(sources);
        return length;
    }

    private long writeWith(
            final ByteBuffer source,
            final int start,
            final int length,
            final long position,
            final int durabilityCode,
            final int flags) {
        if (!Buffers.isSteady(source)) {
            final byte[] copy = Buffers.copyOf(source, start, length);
            return copy == null
                    ? -Errno.EFAULT
                    : writeWith(ByteBuffer.wrap(copy), 0, length, position, durabilityCode, flags);
        }
        if (!VirtualThreads.isCurrent()) {
            return writeWithWaiting(source, start, length, position, durabilityCode, flags);
        }
        final Operation operation = completions.begin();
        final int started;
        try {
            operation.beginWait(this);
            started = submit(
                    source, start, length, position, durabilityCode, flags | DataPlane.NOWAIT, operation.token());
            if (started == 0) {
                return awaited(operation, flags);
            }
        } finally {
            completions.abandon(operation);
        }
        return mustWait(started)
                ? callWaiting(() -> writeWithWaiting(source, start, length, position, durabilityCode, flags))
                : started;
    }

    private long writeWithWaiting(
            final ByteBuffer source,
            final int start,
            final int length,
            final long position,
            final int durabilityCode,
            final int flags) {
        final long file = handle.value();
        if (source.isDirect()) {
            return DataPlane.writeDirectWith(file, source, start, length, position, durabilityCode, flags);
        }
        final int index = source.arrayOffset() + start;
        return DataPlane.writeArrayWith(file, source.array(), index, length, position, durabilityCode, flags);
    }

    /**
     * Starts an append with the durability of the file. As {@link #appendAsync(ByteBuffer, Durability, WriteFlag...)} in all
     * else.
     *
     * @param source the bytes
     * @return as there
     */
    public CompletableFuture<Long> appendAsync(final ByteBuffer source) {
        return appendAsync(source, DataPlane.DURABILITY_OF_FILE, DataPlane.APPEND);
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
        return appendAsync(source, durability.code, DataPlane.APPEND | WriteFlags.codeOf(flags));
    }

    private CompletableFuture<Long> appendAsync(final ByteBuffer source, final int durabilityCode, final int flags) {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        requireOpenedForWriting();
        if (!isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        if (length == 0) {
            return sizeAsFuture();
        }
        final IoFuture<Long> future = new IoFuture<>(completions);
        final Operation operation = completions.begin();
        int started = -Errno.EINVAL;
        try {
            operation.beginAppend(this, future, length);
            operation.describe(durabilityCode, flags);
            started = submit(source, start, length, NONE, durabilityCode, flags, operation.token());
            operation.tellIfRefused(started);
        } finally {
            if (started < 0) {
                completions.abandon(operation);
            }
        }
        if (started < 0) {
            return IoFuture.failed(writeFailed("append", NONE, length, flags, started));
        }
        source.position(start + length);
        return future;
    }

    /**
     * Starts an append of the remaining bytes of several buffers with the durability of the file. As {@link
     * #appendAsync(ByteBuffer[], Durability, WriteFlag...)} in all else.
     *
     * @param sources the bytes
     * @return as there
     */
    public CompletableFuture<Long> appendAsync(final ByteBuffer[] sources) {
        return appendAsync(sources, DataPlane.DURABILITY_OF_FILE, DataPlane.APPEND);
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
        return appendAsync(sources, durability.code, DataPlane.APPEND | WriteFlags.codeOf(flags));
    }

    private CompletableFuture<Long> appendAsync(final ByteBuffer[] sources, final int durabilityCode, final int flags) {
        final Segments segments = Segments.ofThread();
        try {
            for (final ByteBuffer source : sources) {
                segments.addSource(source);
            }
            return appendAsync(segments, sources, durabilityCode, flags);
        } finally {
            segments.release();
        }
    }

    private CompletableFuture<Long> appendAsync(
            final Segments segments, final ByteBuffer[] sources, final int durabilityCode, final int flags) {
        final long length = segments.length();
        requireOpenedForWriting();
        if (!isOpen()) {
            return IoFuture.failed(new ClosedChannelException());
        }
        if (length == 0) {
            return sizeAsFuture();
        }
        final IoFuture<Long> future = new IoFuture<>(completions);
        final Operation operation = completions.begin();
        int started = -Errno.EINVAL;
        try {
            operation.beginAppend(this, future, length);
            operation.describe(durabilityCode, flags);
            started = submit(segments, length, NONE, durabilityCode, flags, operation.token());
            operation.tellIfRefused(started);
        } finally {
            if (started < 0) {
                completions.abandon(operation);
            }
        }
        if (started < 0) {
            return IoFuture.failed(writeFailed("append", NONE, length, flags, started));
        }
        moveToLimits(sources);
        return future;
    }

    private CompletableFuture<Long> sizeAsFuture() {
        try {
            return IoFuture.completed(size(), completions);
        } catch (final IOException e) {
            return IoFuture.failed(e);
        }
    }

    private static int waitingCodeOf(final WriteFlag... flags) {
        final int code = WriteFlags.codeOf(flags);
        if ((code & DataPlane.NOWAIT) != 0) {
            throw new IllegalArgumentException("NOWAIT is for asynchronous writes");
        }
        return code;
    }

    /* What every write of a file that was opened with APPEND is. */
    private int modeFlags() {
        return appends ? DataPlane.APPEND : 0;
    }

    /**
     * The size of the file.
     *
     * @return its size in bytes, with every write that returned
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it
     */
    public long size() throws IOException {
        final long result;
        try {
            result = DataPlane.size(handle.value());
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("size", NONE, NONE, result);
        }
        return result;
    }

    /**
     * Sets the size of the file, durably: bytes past the new size are gone and do not come back. If the new size is
     * larger, the file grows by a hole, which reads as zeros (a {@link java.nio.channels.FileChannel} would not
     * grow); {@link #allocate} makes the file grow by space that exists. Waits for the I/O in flight on the file.
     *
     * @param size the new size in bytes
     * @throws IllegalArgumentException if it is negative
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it: {@code EFBIG}, {@code EIO} and so on
     */
    public void truncate(final long size) throws IOException {
        requireNotNegative("size", size);
        requireWritable();
        final int result;
        try {
            result = ControlPlane.wt_truncate(handle.value(), size);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("truncate", size, NONE, result);
        }
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
        requireNotNegative("offset", offset);
        requireNotNegative("length", length);
        requireNoOverflow("offset", offset, length);
        requireWritable();
        final int result;
        try {
            result = ControlPlane.wt_allocate(handle.value(), offset, length);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("allocate", offset, length, result);
        }
    }

    /* The engine has just opened it. */
    void growAhead(final long bytes) throws IOException {
        final int result;
        try {
            result = ControlPlane.wt_file_grow_ahead(handle.value(), bytes);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            close();
            throw failed("open", NONE, NONE, result);
        }
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
        requireNotNegative("offset", offset);
        requireNotNegative("length", length);
        requireWritable();
        final int result;
        try {
            result = ControlPlane.wt_punch_hole(handle.value(), offset, length);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("punchHole", offset, length, result);
        }
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
        requireNotNegative("offset", offset);
        requireNotNegative("length", length);
        requireWritable();
        final int result;
        try {
            result = ControlPlane.wt_zero(handle.value(), offset, length);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("zero", offset, length, result);
        }
    }

    /**
     * Makes everything durable that was written with {@link Durability#DEVICE}, and all metadata, as fsync(2) does.
     * Writes of other durability need no sync.
     *
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the device refuses it
     */
    public void sync() throws IOException {
        final int result;
        try {
            result = ControlPlane.wt_sync(handle.value());
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("sync", NONE, NONE, result);
        }
    }

    /**
     * What the file system and the device promise for this file, as in use.
     *
     * @return the profile, with the {@link StorageProfile#backend() backend}
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it
     */
    public StorageProfile profile() throws IOException {
        final ControlPlane.Profile profile = new ControlPlane.Profile();
        final int result;
        try {
            result = ControlPlane.wt_file_profile(handle.value(), profile);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("profile", NONE, NONE, result);
        }
        return new StorageProfile(profile, engine.backend());
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
        int flags = 0;
        for (final CopyOption option : options) {
            if (option == StandardCopyOption.REPLACE_EXISTING) {
                flags |= OpenFlags.RENAME_REPLACE;
            } else if (option != StandardCopyOption.ATOMIC_MOVE) {
                throw new UnsupportedOperationException(option + " is not supported by renameTo");
            }
        }
        final byte[] to = NativePaths.bytesOf(target);
        requireOpen();
        synchronized (handle) {
            final int result;
            try {
                result = ControlPlane.wt_file_rename(handle.value(), NativePaths.bytesOf(path), to, flags);
            } finally {
                Reference.reachabilityFence(this);
            }
            if (result == -Errno.EEXIST) {
                throw new FileAlreadyExistsException(target.toString());
            }
            if (result == -Errno.EBADF) {
                throw new ClosedChannelException();
            }
            if (result < 0) {
                throw Failures.ofPath("rename to " + target, path, false, -result);
            }
            path = target;
        }
    }

    /**
     * The path that the file was opened by, or {@link #renameTo renamed} to.
     *
     * @return the same object
     */
    public Path path() {
        return path;
    }

    /**
     * The durability of writes that do not name one.
     *
     * @return that of opening the file
     */
    public Durability durability() {
        return durability;
    }

    /**
     * Whether the file, and its engine, are open.
     *
     * @return false from the moment that somebody begins to close one of them
     */
    @Override
    public boolean isOpen() {
        return handle.isOpen() && engine.isOpen();
    }

    /**
     * Closes the file. Returns when operations that have begun are finished. All writes that returned were as durable
     * as they asked, so nothing is flushed. To close a file that is closed does nothing.
     *
     * @throws WriteThroughException if close(2) reports an error; the file is closed all the same
     */
    @Override
    public void close() throws IOException {
        engine.checkMayWait("close");
        try {
            NativeHandle.check(handle.close(), path.toString());
        } finally {
            for (int i = 0; i < channels.length(); i++) {
                final WriteThroughFileChannel channel = channels.get(i) == null ? null : channels.getAndSet(i, null);
                if (channel != null) {
                    channel.close();
                }
            }
        }
    }

    /**
     * Closes the file for a channel that is closing. It has left the list before it closes others: so two that close at a time
     * do not wait for each other.
     */
    void close(final WriteThroughFileChannel channel, final InterruptPolicy policy) throws IOException {
        channels.compareAndSet(policy.ordinal(), channel, null);
        close();
    }

    /** What force of a channel does. */
    void force(final boolean metaData) throws IOException {
        if (metaData || durability == Durability.DEVICE) {
            sync();
        } else {
            requireOpen();
        }
    }

    /** The path, and whether the file is open. */
    @Override
    public String toString() {
        return "WriteThroughFile[" + path + (isOpen() ? "]" : ", closed]");
    }

    private void checkWrite(final long position, final long length, final int flags) throws IOException {
        checkRange(position, length, flags);
        requireOpen();
        requireOpenedForWriting();
    }

    private void checkWriteArguments(final long position, final long length, final int flags) {
        checkRange(position, length, flags);
        requireOpenedForWriting();
    }

    private static void checkRange(final long position, final long length, final int flags) {
        requireNotNegative("position", position);
        if ((flags & DataPlane.APPEND) == 0) {
            requireNoOverflow("position", position, length);
        }
    }

    /* Where a write is told to be: an append has no position before it has its place. */
    private static long positionOf(final long position, final int flags) {
        return (flags & DataPlane.APPEND) == 0 ? position : NONE;
    }

    private void checkRead(final long position) throws IOException {
        requireNotNegative("position", position);
        requireOpen();
        requireOpenedForReading();
    }

    private void checkReadArguments(final long position) {
        requireNotNegative("position", position);
        requireOpenedForReading();
    }

    private void requireOpenedForReading() {
        if (!readable) {
            throw new NonReadableChannelException();
        }
    }

    private void requireOpenedForWriting() {
        if (!writable) {
            throw new NonWritableChannelException();
        }
    }

    private void requireWritable() throws IOException {
        requireOpen();
        requireOpenedForWriting();
    }

    private void requireOpen() throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
    }

    private static void requireNotNegative(final String name, final long value) {
        if (value < 0) {
            throw new IllegalArgumentException("Negative " + name + ": " + value);
        }
    }

    private static void requireNoOverflow(final String name, final long start, final long length) {
        if (length > Long.MAX_VALUE - start) {
            throw new IllegalArgumentException(
                    name + " " + start + " + " + length + " bytes is past the largest offset there is");
        }
    }

    /* No file goes on past the largest offset: a read there ends before it. */
    private static long lengthToEnd(final long length, final long position) {
        return Math.min(length, Long.MAX_VALUE - position);
    }

    private static int lengthToEnd(final int length, final long position) {
        return (int) lengthToEnd((long) length, position);
    }

    private static IllegalArgumentException readOnly() {
        return new IllegalArgumentException("Read-only buffer");
    }

    private IOException failed(final String operation, final long offset, final long length, final long failure) {
        return failed(operation, offset, length, DataPlane.errno(failure), DataPlane.stableBytes(failure));
    }

    /** Of a write with flags. */
    IOException writeFailed(
            final String operation, final long offset, final long length, final int flags, final long failure) {
        final int errno = DataPlane.errno(failure);
        if ((flags & DataPlane.ATOMIC) == 0) {
            return failed(operation, offset, length, failure);
        }
        try {
            return Failures.ofAtomicWrite(
                    operation, path, offset, length, errno, DataPlane.stableBytes(failure), profile());
        } catch (final IOException e) {
            return failed(operation, offset, length, failure);
        }
    }

    IOException failed(
            final String operation, final long offset, final long length, final int errno, final long stableBytes) {
        if (errno != Errno.EBADF && errno != Errno.EAGAIN) {
            Events.error(operation, path, offset, length, errno, stableBytes);
        }
        return Failures.ofFile(operation, path, offset, length, errno, stableBytes);
    }
}
