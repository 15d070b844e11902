// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.file.OpenFile;
import io.writethrough.internal.jni.Codes;
import io.writethrough.internal.jni.NativeIo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * The methods of {@link WriteThroughFile} that take memory segments, from JDK 22 on. A segment is native memory, or a view of a
 * {@code byte[]}; others are an {@link UnsupportedOperationException}. While an operation uses a segment its arena cannot be
 * closed, as with the channels of the JDK: {@code close()} is an {@link IllegalStateException}. The memory of a mapped file, and of
 * a segment of 2 GiB or more, is copied. A segment of a confined arena is for the thread of the arena.
 *
 * <p>The build compiles this class on every JDK, against the types in src/main/java22-stubs.
 */
abstract class MemorySegmentMethods {
    /* No buffer has more bytes. */
    private static final long BUFFER_BYTES = 1 << 30;

    abstract OpenFile openFile();

    private static ByteBuffer[] buffersOf(final MemorySegment segment) {
        final long bytes = segment.byteSize();
        final ByteBuffer[] buffers = new ByteBuffer[(int) ((bytes + BUFFER_BYTES - 1) / BUFFER_BYTES)];
        for (int i = 0; i < buffers.length; i++) {
            final long from = i * BUFFER_BYTES;
            buffers[i] = segment.asSlice(from, Math.min(BUFFER_BYTES, bytes - from)).asByteBuffer();
        }
        return buffers;
    }

    private static boolean isOneBuffer(final MemorySegment segment) {
        return segment.byteSize() <= Integer.MAX_VALUE;
    }

    private long readWith(final MemorySegment destination, final long position, final int flags) throws IOException {
        return isOneBuffer(destination)
                ? openFile().reads().read(destination.asByteBuffer(), position, flags)
                : openFile().reads().read(buffersOf(destination), position, flags);
    }

    private long writeWith(final MemorySegment source, final long position, final int durability, final int flags)
            throws IOException {
        return isOneBuffer(source)
                ? openFile().writes().write(source.asByteBuffer(), position, durability, flags)
                : openFile().writes().write(buffersOf(source), position, durability, flags);
    }

    private long appendWith(final MemorySegment source, final int durability, final int flags) throws IOException {
        return isOneBuffer(source)
                ? openFile().writes().append(source.asByteBuffer(), durability, flags)
                : openFile().writes().append(buffersOf(source), durability, flags);
    }

    /**
     * Reads into a segment, as much as the file has from the position on. As {@link WriteThroughFile#read(ByteBuffer, long,
     * ReadFlag...)} in all else.
     *
     * @param destination where the bytes go: all of the segment
     * @param position where in the file to begin
     * @param flags how to read
     * @return the count of bytes read, -1 or 0, as there
     * @throws IllegalStateException if the arena of the segment was closed
     * @throws IOException as there
     * @since 0.1.0
     */
    public long read(final MemorySegment destination, final long position, final ReadFlag... flags)
            throws IOException {
        return readWith(destination, position, Codes.of(flags));
    }

    /**
     * Writes the bytes of a segment, with the durability of the file or by its policy. As {@link
     * WriteThroughFile#write(ByteBuffer, long)} in all else.
     *
     * @param source the bytes: all of the segment
     * @param position where in the file the first of them goes
     * @return the count of bytes written: all
     * @throws IllegalStateException if the arena of the segment was closed
     * @throws IOException as there
     * @since 0.1.0
     */
    public long write(final MemorySegment source, final long position) throws IOException {
        return writeWith(source, position, NativeIo.DURABILITY_OF_FILE, openFile().modeFlags(openFile().commit()));
    }

    /**
     * Writes the bytes of a segment, as durable as asked. As {@link WriteThroughFile#write(ByteBuffer, long, Durability,
     * WriteFlag...)} in all else.
     *
     * @param source the bytes: all of the segment
     * @param position where in the file the first of them goes
     * @param durability what is promised of the bytes on return
     * @param flags how to write; {@link WriteFlag#NOWAIT} is refused
     * @return the count of bytes written: all
     * @throws IllegalStateException if the arena of the segment was closed
     * @throws IOException as there
     * @since 0.1.0
     */
    public long write(
            final MemorySegment source, final long position, final Durability durability, final WriteFlag... flags)
            throws IOException {
        return writeWith(
                source,
                position,
                Codes.of(durability),
                WriteThroughFile.waitingCodeOf(flags) | openFile().modeFlags());
    }

    /**
     * Writes the bytes of a segment to the end of the file, with the durability of the file or by its policy. As {@link
     * WriteThroughFile#append(ByteBuffer)} in all else.
     *
     * @param source the bytes: all of the segment
     * @return where in the file the first of them is; the size of the file if there are none
     * @throws IllegalStateException if the arena of the segment was closed
     * @throws IOException as there
     * @since 0.1.0
     */
    public long append(final MemorySegment source) throws IOException {
        return appendWith(
                source,
                NativeIo.DURABILITY_OF_FILE,
                NativeIo.APPEND | openFile().modeFlags(openFile().commit()));
    }

    /**
     * Writes the bytes of a segment to the end of the file, as durable as asked. As {@link WriteThroughFile#append(ByteBuffer,
     * Durability, WriteFlag...)} in all else.
     *
     * @param source the bytes: all of the segment
     * @param durability what is promised of the bytes on return
     * @param flags how to write; {@link WriteFlag#NOWAIT} is refused
     * @return where in the file the first of them is; the size of the file if there are none
     * @throws IllegalStateException if the arena of the segment was closed
     * @throws IOException as there
     * @since 0.1.0
     */
    public long append(final MemorySegment source, final Durability durability, final WriteFlag... flags)
            throws IOException {
        return appendWith(source, Codes.of(durability), NativeIo.APPEND | WriteThroughFile.waitingCodeOf(flags));
    }
}
