// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import io.writethrough.agent.boot.CarriedChannel;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What an object of {@code java.io} and its channel do with a carried file. The methods of streams throw what {@code java.io}
 * throws, and no interrupt ends them. The methods of the channel are those of the engine's channel.
 *
 * <p>The object closes its channel, and the channel closes the object: whichever is first, the engine's file is closed once, and
 * before the descriptor.
 */
final class StreamChannel extends CarriedChannel {
    private final CarriedFile file;
    private final Owner owner;

    /**
     * Whose channel this is, and what the object of java.io may do.
     *
     * @param stream the object
     * @param descriptor its descriptor
     * @param closesByInterrupt whether an interrupt closes the channel
     */
    record Owner(
            Jdk jdk,
            @Nullable Report report,
            Closeable stream,
            FileDescriptor descriptor,
            boolean reads,
            boolean writes,
            boolean closesByInterrupt) {}

    StreamChannel(final CarriedFile file, final Owner owner) {
        super(owner.descriptor());
        this.file = file;
        this.owner = owner;
    }

    CarriedFile file() {
        return file;
    }

    boolean reads() {
        return owner.reads();
    }

    boolean writes() {
        return owner.writes();
    }

    // ---- streams ----

    static IOException streamClosed() {
        return new IOException("Stream Closed");
    }

    /* Of a stream that was made on a descriptor for the other direction. */
    private static IOException wrongDirection() {
        return new IOException("Bad file descriptor");
    }

    private void requireStream(final boolean direction) throws IOException {
        if (!isOpen()) {
            throw streamClosed();
        }
        if (!direction) {
            throw wrongDirection();
        }
    }

    @Override
    public int readByte() throws IOException {
        final byte[] one = new byte[1];
        return readBytes(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int readBytes(final byte[] bytes, final int offset, final int length) throws IOException {
        checkRange(bytes, offset, length);
        if (length == 0) {
            return 0;
        }
        requireStream(owner.reads());
        try {
            return file.channel().read(ByteBuffer.wrap(bytes, offset, length));
        } catch (final ClosedChannelException e) {
            throw streamClosed();
        }
    }

    /* As native code does: without a message. */
    private static void checkRange(final byte[] bytes, final int offset, final int length) {
        Objects.requireNonNull(bytes);
        if (offset < 0 || length < 0 || length > bytes.length - offset) {
            throw new IndexOutOfBoundsException();
        }
    }

    @Override
    public @Nullable String readLine() throws IOException {
        final StringBuilder line = new StringBuilder();
        int value = readByte();
        if (value < 0) {
            return null;
        }
        while (value >= 0 && value != '\n' && value != '\r') {
            line.append((char) value);
            value = readByte();
        }
        if (value == '\r') {
            final long next = pointer();
            if (readByte() != '\n') {
                seek(next);
            }
        }
        return line.toString();
    }

    @Override
    public void writeByte(final int value) throws IOException {
        writeBytes(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void writeBytes(final byte[] bytes, final int offset, final int length) throws IOException {
        checkRange(bytes, offset, length);
        if (length == 0) {
            return;
        }
        requireStream(owner.writes());
        try {
            final ByteBuffer source = ByteBuffer.wrap(bytes, offset, length);
            while (source.hasRemaining()) {
                file.channel().write(source);
            }
        } catch (final ClosedChannelException e) {
            throw streamClosed();
        }
    }

    @Override
    public void writeLowBytes(final String text) throws IOException {
        final byte[] bytes = new byte[text.length()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) text.charAt(i);
        }
        writeBytes(bytes, 0, bytes.length);
    }

    @Override
    public void writeChars(final String text) throws IOException {
        final ByteBuffer bytes = ByteBuffer.allocate(2 * text.length());
        for (int i = 0; i < text.length(); i++) {
            bytes.putChar(text.charAt(i));
        }
        writeBytes(bytes.array(), 0, bytes.capacity());
    }

    @Override
    public long pointer() throws IOException {
        requireStream(true);
        try {
            return file.channel().position();
        } catch (final ClosedChannelException e) {
            throw streamClosed();
        }
    }

    @Override
    public void seek(final long position) throws IOException {
        if (position < 0) {
            throw new IOException("Negative seek offset");
        }
        moveTo(position);
    }

    private void moveTo(final long position) throws IOException {
        requireStream(true);
        if (position < 0) {
            throw new IOException("Invalid argument");
        }
        try {
            file.channel().position(position);
        } catch (final ClosedChannelException e) {
            throw streamClosed();
        }
    }

    @Override
    public long length() throws IOException {
        requireStream(true);
        try {
            return file.channel().size();
        } catch (final ClosedChannelException e) {
            throw streamClosed();
        }
    }

    @Override
    public void setLength(final long length) throws IOException {
        requireStream(true);
        if (length < 0 || !owner.writes()) {
            throw new IOException("Invalid argument");
        }
        try {
            file.file().truncate(length);
            if (file.channel().position() > length) {
                file.channel().position(length);
            }
        } catch (final ClosedChannelException e) {
            throw streamClosed();
        }
    }

    @Override
    public long skip(final long count) throws IOException {
        final long before = pointer();
        moveTo(before + count);
        return count;
    }

    @Override
    public int available() throws IOException {
        return (int) Math.max(0, Math.min(length() - pointer(), Integer.MAX_VALUE));
    }

    /** {@code FileDescriptor.sync}, which no interrupt ends. */
    void sync() throws IOException {
        requireOpen();
        countForce();
        file.channel().force(true);
    }

    private void countForce() {
        if (owner.report() != null) {
            owner.report().forced();
        }
    }

    // ---- the channel ----

    private void requireOpen() throws ClosedChannelException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
    }

    private void requireReadable() throws ClosedChannelException {
        requireOpen();
        if (!owner.reads()) {
            throw new NonReadableChannelException();
        }
    }

    private void requireWritable() throws ClosedChannelException {
        requireOpen();
        if (!owner.writes()) {
            throw new NonWritableChannelException();
        }
    }

    private static void requireNotNegative(final long position) {
        if (position < 0) {
            throw new IllegalArgumentException("Negative position");
        }
    }

    private interface Action<T> {
        T run() throws IOException;
    }

    private <T> T interruptibly(final Action<T> action) throws IOException {
        if (!owner.closesByInterrupt()) {
            return action.run();
        }
        boolean completed = false;
        try {
            begin();
            final T result = action.run();
            completed = true;
            return result;
        } finally {
            end(completed);
        }
    }

    @Override
    public int read(final ByteBuffer destination) throws IOException {
        requireReadable();
        return interruptibly(() -> file.channel().read(destination));
    }

    @Override
    public long read(final ByteBuffer[] destinations, final int offset, final int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, destinations.length);
        requireReadable();
        return interruptibly(() -> file.channel().read(destinations, offset, length));
    }

    @Override
    public int read(final ByteBuffer destination, final long position) throws IOException {
        Objects.requireNonNull(destination);
        requireNotNegative(position);
        requireReadable();
        return interruptibly(() -> file.channel().read(destination, position));
    }

    @Override
    public int write(final ByteBuffer source) throws IOException {
        requireWritable();
        return interruptibly(() -> file.channel().write(source));
    }

    @Override
    public long write(final ByteBuffer[] sources, final int offset, final int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, sources.length);
        requireWritable();
        return interruptibly(() -> file.channel().write(sources, offset, length));
    }

    @Override
    public int write(final ByteBuffer source, final long position) throws IOException {
        Objects.requireNonNull(source);
        requireNotNegative(position);
        requireWritable();
        return interruptibly(() -> file.channel().write(source, position));
    }

    @Override
    public long position() throws IOException {
        requireOpen();
        return interruptibly(() -> file.channel().position());
    }

    @Override
    public FileChannel position(final long newPosition) throws IOException {
        requireOpen();
        interruptibly(() -> file.channel().position(newPosition));
        return this;
    }

    @Override
    public long size() throws IOException {
        requireOpen();
        return interruptibly(() -> file.channel().size());
    }

    @Override
    public FileChannel truncate(final long size) throws IOException {
        requireOpen();
        if (size < 0) {
            throw new IllegalArgumentException("Negative size");
        }
        requireWritable();
        interruptibly(() -> file.channel().truncate(size));
        return this;
    }

    @Override
    public void force(final boolean metaData) throws IOException {
        requireOpen();
        countForce();
        interruptibly(() -> {
            file.channel().force(metaData);
            return this;
        });
    }

    @Override
    public long transferTo(final long position, final long count, final WritableByteChannel target) throws IOException {
        requireOpen();
        if (target.isOpen()) {
            requireReadable();
        }
        return interruptibly(() -> file.channel().transferTo(position, count, target));
    }

    @Override
    public long transferFrom(final ReadableByteChannel source, final long position, final long count)
            throws IOException {
        requireOpen();
        if (source.isOpen()) {
            requireWritable();
        }
        return interruptibly(() -> file.channel().transferFrom(source, position, count));
    }

    @Override
    public MappedByteBuffer map(final MapMode mode, final long position, final long size) throws IOException {
        requireOpen();
        return interruptibly(() -> file.channel().map(mode, position, size));
    }

    @Override
    public FileLock lock(final long position, final long size, final boolean shared) throws IOException {
        requireLockable(shared);
        try {
            return interruptibly(() -> new Lock(this, file.channel().lock(position, size, shared)));
        } catch (final ClosedByInterruptException e) {
            throw new FileLockInterruptionException();
        }
    }

    @Override
    public @Nullable FileLock tryLock(final long position, final long size, final boolean shared) throws IOException {
        requireLockable(shared);
        final FileLock lock = file.channel().tryLock(position, size, shared);
        return lock == null ? null : new Lock(this, lock);
    }

    private void requireLockable(final boolean shared) throws ClosedChannelException {
        if (shared) {
            requireReadable();
        } else {
            requireWritable();
        }
    }

    private static final class Lock extends FileLock {
        private final FileLock lock;

        Lock(final FileChannel channel, final FileLock lock) {
            super(channel, lock.position(), lock.size(), lock.isShared());
            this.lock = lock;
        }

        @Override
        public boolean isValid() {
            return lock.isValid();
        }

        @Override
        public void release() throws IOException {
            lock.release();
        }
    }

    // ---- closing ----

    @Override
    protected void implCloseChannel() throws IOException {
        try {
            file.close();
        } catch (final IOException | RuntimeException | Error e) {
            owner.jdk().close(owner.descriptor()); // as a stream in close() comes no further
            throw e;
        } finally {
            owner.stream().close();
        }
    }

    /** The file's path, and whether the channel is open. */
    @Override
    public String toString() {
        return file.channel().toString();
    }
}
