package io.writethrough;

import static io.writethrough.WriteThroughException.NONE;

import io.writethrough.internal.Buffers;
import io.writethrough.internal.ControlPlane;
import io.writethrough.internal.DataPlane;
import io.writethrough.internal.Segments;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.channels.Channel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.OpenOption;
import java.nio.file.Path;

/**
 * A file that is written through: when {@code write} returns, its bytes are on stable storage, as the {@link Durability} of
 * the file or of that write asks. {@code read} is served from the cache of the {@link WriteThroughEngine}: a hit is a copy, no
 * system call, and never waits for a device.
 *
 * <p><b>Positions, lengths, alignment.</b> Any position, length and buffer will do: direct or heap, a slice, read-only as a
 * source. There is no current position: every operation names its own. Whole blocks ({@link StorageProfile#blockBytes()}, at a
 * multiple of it) are cheapest to write: of a block that is only partly written the rest must be known, and is read first if
 * it is not cached. Overwrites of what exists ({@link #allocate}) cost one device command where the device can; writes into
 * holes, or that grow the file, make the file system commit metadata too.
 *
 * <p><b>Buffers.</b> As with {@link java.nio.channels.FileChannel}: a write takes what is between a buffer's position and
 * limit, a read fills what is there, and the position moves past what was transferred. If an operation throws, no position has
 * moved. A buffer belongs to its caller again when the operation is over. One that is the view of a memory segment, or of a
 * mapped file, must stay valid until then: do not close the arena or cut the file meanwhile. A read-only heap buffer is
 * copied first; no other kind is, and for the others read and write allocate nothing.
 *
 * <p><b>Threads.</b> Any number of threads may use a file at a time. Writes to different blocks proceed in parallel. Of writes
 * that overlap, each block takes them one after the other, in one order for all blocks; a read sees each block wholly
 * before or wholly after a write. Operations ignore interrupts: unlike a FileChannel, a file is not closed because a thread
 * was interrupted, and the thread stays interrupted.
 *
 * <p><b>Closing.</b> Any thread may close a file at any time: operations that have begun are finished, later ones throw {@link
 * ClosedChannelException}, as they do when the engine was closed. A file that is not closed before it becomes unreachable is
 * closed then, with a warning to the {@link System.Logger} {@code io.writethrough}.
 *
 * <p><b>Errors.</b> An operation that the system or the device refuses throws {@link WriteThroughException}, which says how
 * much of a write is stable, and what to do.
 *
 * @since 0.1
 */
public final class WriteThroughFile implements Channel {
    private final WriteThroughEngine engine;
    private final NativeHandle handle;
    private final Path path;
    private final Durability durability;
    private final boolean readable;
    private final boolean writable;

    WriteThroughFile(final WriteThroughEngine engine, final long file, final Path path, final OpenRequest request) {
        this.engine = engine;
        this.path = path;
        this.durability = request.durability();
        this.readable = request.readable();
        this.writable = request.writable();
        this.handle = NativeHandle.of(this, file, ControlPlane::wt_file_close, "The WriteThroughFile " + path);
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
        final WriteThroughEngine engine;
        try {
            engine = WriteThroughEngine.shared();
        } catch (final UncheckedIOException e) {
            throw e.getCause();
        }
        return engine.open(path, durability, options);
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
     * Writes the remaining bytes of a buffer and returns when they are as durable as asked. It writes all of them or throws.
     *
     * <p>Where the file ends before {@code position}, the gap becomes zeros. The file grows when the bytes are stable, not
     * before, and to its exact new size. A buffer without remaining bytes does nothing.
     *
     * @param source the bytes; its position becomes its limit
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes on return
     * @return the count of bytes written: all that remained
     * @throws IllegalArgumentException if the position is negative, or the bytes would end past {@link Long#MAX_VALUE}
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system or the device refuses it: {@code ENOSPC}, {@code EDQUOT}, {@code EFBIG},
     *     {@code EIO} and so on. {@link WriteThroughException#stableBytes()} of the bytes are stable, the others may be or
     *     not, and a read shows what the device has
     */
    public int write(final ByteBuffer source, final long position, final Durability durability) throws IOException {
        return write(source, position, durability.code);
    }

    private int write(final ByteBuffer source, final long position, final int durabilityCode) throws IOException {
        final int start = source.position();
        final int length = Buffers.remaining(source, start);
        checkWrite(position, length);
        if (length == 0) {
            return 0;
        }
        final long result;
        try {
            result = write(source, start, length, position, durabilityCode);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("write", position, length, result);
        }
        source.position(start + length);
        return length;
    }

    private long write(
            final ByteBuffer source, final int start, final int length, final long position, final int durabilityCode) {
        if (source.isDirect()) {
            Buffers.checkAlive(source, start);
            return DataPlane.writeDirect(handle.value(), source, start, length, position, durabilityCode);
        }
        if (source.hasArray()) {
            final int index = source.arrayOffset() + start;
            return DataPlane.writeArray(handle.value(), source.array(), index, length, position, durabilityCode);
        }
        final byte[] copy = Buffers.copyOf(source, start, length);
        return DataPlane.writeArray(handle.value(), copy, 0, length, position, durabilityCode);
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
     * Writes the remaining bytes of several buffers, one after the other, as one write: contiguous in the file, durable as
     * asked on return, all of them or an exception. Any count of buffers of any kinds will do. As {@link #write(ByteBuffer,
     * long, Durability)} in all else.
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
        final Segments segments = Segments.ofThread();
        final long length;
        final long result;
        try {
            for (final ByteBuffer source : sources) {
                segments.add(source);
            }
            length = segments.length();
            checkWrite(position, length);
            if (length == 0) {
                return 0;
            }
            result = DataPlane.writeSegments(
                    handle.value(), segments.bases(), segments.ranges(), length, position, durabilityCode);
        } finally {
            segments.release();
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("write", position, length, result);
        }
        for (final ByteBuffer source : sources) {
            source.position(source.limit());
        }
        return length;
    }

    /**
     * Reads into the remaining space of a buffer, as much as the file has from the position on. It sees every write that
     * returned, and perhaps some that have not.
     *
     * @param destination where the bytes go; its position moves by as many
     * @param position where in the file to begin
     * @return the count of bytes read: less than remained only at the end of the file; -1 if the position is at or past it
     *     and the buffer has space; 0 if it has none
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
        final long result;
        try {
            result = read(destination, start, lengthToEnd(length, position), position);
        } finally {
            Reference.reachabilityFence(this);
        }
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
        if (destination.isDirect()) {
            Buffers.checkAlive(destination, start);
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
        final long length;
        final long result;
        try {
            for (final ByteBuffer destination : destinations) {
                if (destination.isReadOnly()) {
                    throw readOnly();
                }
                segments.add(destination);
            }
            length = segments.length();
            checkRead(position);
            if (length == 0) {
                return 0;
            }
            result = DataPlane.readSegments(
                    handle.value(), segments.bases(), segments.ranges(), lengthToEnd(length, position), position);
        } finally {
            segments.release();
            Reference.reachabilityFence(this);
        }
        if (result < 0) {
            throw failed("read", position, length, result);
        }
        if (result == 0) {
            return -1;
        }
        moveAll(destinations, result);
        return result;
    }

    private static void moveAll(final ByteBuffer[] buffers, final long count) {
        long left = count;
        for (final ByteBuffer buffer : buffers) {
            final int taken = (int) Math.min(left, buffer.remaining());
            buffer.position(buffer.position() + taken);
            left -= taken;
        }
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
     * Sets the size of the file, durably: what is past it is gone and does not come back. A size larger than the file's makes
     * it grow by a hole, which reads as zeros (a {@link java.nio.channels.FileChannel} would not); {@link #allocate} makes it
     * grow by space that is there. Waits for the I/O in flight on the file.
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
     * Makes every byte of a range exist on the device, durably: holes become written zeros, what was written stays, and the
     * file grows to the end of the range if it was smaller. Later overwrites of the range then change no metadata, so that
     * each is one command where the device can ({@link StorageProfile#fua()}). For a log: allocate it, then write it. A length
     * of 0 does nothing.
     *
     * @param offset where in the file the range begins
     * @param length of the range
     * @throws IllegalArgumentException if one is negative, or the range would end past {@link Long#MAX_VALUE}
     * @throws NonWritableChannelException if the file was not opened for writing
     * @throws ClosedChannelException if the file or its engine is closed
     * @throws WriteThroughException if the system refuses it: {@code ENOSPC}, {@code EFBIG} and so on; what was allocated
     *     until then stays
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

    /**
     * Makes everything durable that was written with {@link Durability#DEVICE}, and all metadata, as fsync(2) does. Writes of
     * other durability need none of it.
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
     * The path that the file was opened by.
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
     * Closes the file: returns when operations that have begun are finished. All writes that returned were as durable as they
     * asked, so nothing is flushed. Closing a file that is closed does nothing.
     *
     * @throws WriteThroughException if close(2) reports an error; the file is closed all the same
     */
    @Override
    public void close() throws IOException {
        NativeHandle.check(handle.close(), path.toString());
    }

    /** The path, and whether the file is open. */
    @Override
    public String toString() {
        return "WriteThroughFile[" + path + (isOpen() ? "]" : ", closed]");
    }

    private void checkWrite(final long position, final long length) throws IOException {
        requireNotNegative("position", position);
        requireNoOverflow("position", position, length);
        requireOpen();
        if (!writable) {
            throw new NonWritableChannelException();
        }
    }

    private void checkRead(final long position) throws IOException {
        requireNotNegative("position", position);
        requireOpen();
        if (!readable) {
            throw new NonReadableChannelException();
        }
    }

    private void requireWritable() throws IOException {
        requireOpen();
        if (!writable) {
            throw new NonWritableChannelException();
        }
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
        return Failures.ofFile(
                operation, path, offset, length, DataPlane.errno(failure), DataPlane.stableBytes(failure));
    }
}
