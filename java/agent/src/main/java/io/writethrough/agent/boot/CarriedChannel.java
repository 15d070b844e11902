// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.boot;

import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/**
 * The channel of a stream or {@code RandomAccessFile} whose file the engine has opened. The object of {@code java.io} has it in
 * its field {@code channel}, where it has the JDK's own channel otherwise. The rewritten methods of {@code java.io} ask by
 * {@code instanceof}, and call the method here that has their descriptor.
 *
 * <p>The place is null where the JDK's own channel has its descriptor: Netty's native transports read that field at its offset, of
 * whatever class the channel is, and refuse a null.
 */
@SuppressWarnings("unused")
public abstract class CarriedChannel extends FileChannel {
    private @Nullable Object null0;
    private @Nullable Object null1;
    private @Nullable Object null2;
    private @Nullable Object null3;
    private @Nullable Object null4;
    private @Nullable Object null5;
    private @Nullable Object null6;
    private @Nullable Object null7;
    private @Nullable Object null8;
    private @Nullable Object null9;
    private @Nullable Object null10;
    private @Nullable Object null11;
    private @Nullable Object null12;
    private @Nullable Object null13;
    private @Nullable Object null14;
    private @Nullable Object null15;

    /* For programs that look for it by reflection, as in the JDK's own channel. */
    @SuppressWarnings("FieldCanBeLocal")
    private final FileDescriptor fd;

    protected CarriedChannel(final FileDescriptor fd) {
        this.fd = fd;
    }

    /** {@code read()} of a stream: a byte, or -1 at the end of the file. */
    public abstract int readByte() throws IOException;

    public abstract int readBytes(byte[] bytes, int offset, int length) throws IOException;

    /* The parameter has the JDK's name, which the message of a NullPointerException tells. */
    public final int readBytes(final byte[] b) throws IOException {
        return readBytes(b, 0, b.length);
    }

    public abstract @Nullable String readLine() throws IOException;

    public abstract void writeByte(int value) throws IOException;

    public abstract void writeBytes(byte[] bytes, int offset, int length) throws IOException;

    /* As above. */
    public final void writeBytes(final byte[] b) throws IOException {
        writeBytes(b, 0, b.length);
    }

    /** {@code RandomAccessFile.writeBytes}: the low byte of each character. */
    public abstract void writeLowBytes(String text) throws IOException;

    /** {@code RandomAccessFile.writeChars}: two bytes of each character. */
    public abstract void writeChars(String text) throws IOException;

    public abstract long pointer() throws IOException;

    public abstract void seek(long position) throws IOException;

    public abstract long length() throws IOException;

    public abstract void setLength(long length) throws IOException;

    public abstract long skip(long count) throws IOException;

    public abstract int available() throws IOException;
}
