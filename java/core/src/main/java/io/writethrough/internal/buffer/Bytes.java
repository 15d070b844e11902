// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import io.writethrough.internal.core.Core;
import io.writethrough.internal.jni.NativeIo;
import java.nio.ByteBuffer;

/**
 * Where the bytes of an operation are, and the call of native code for each: a base, which is a direct buffer, an array or
 * {@link Segments}, and the index of the first byte in it (0 in segments).
 */
public final class Bytes {
    private Bytes() {}

    /** The base of a buffer that is {@linkplain Buffers#isSteady steady}. */
    @SuppressWarnings("ByteBufferBackingArray") // indexOf adds the array's offset
    public static Object baseOf(final ByteBuffer buffer) {
        return buffer.isDirect() ? buffer : buffer.array();
    }

    /** The index in the base of such a buffer of what is at a position of the buffer. */
    public static int indexOf(final ByteBuffer buffer, final int position) {
        return buffer.isDirect() ? position : buffer.arrayOffset() + position;
    }

    /** Writes, and waits. With {@link NativeIo#APPEND} the result is where the bytes went. */
    public static long write(
            final long file,
            final Object base,
            final int index,
            final long length,
            final long position,
            final int durability,
            final int flags) {
        if (base instanceof ByteBuffer direct) {
            return Core.writeDirect(file, direct, index, (int) length, position, durability, flags);
        }
        if (base instanceof byte[] array) {
            return Core.writeArray(file, array, index, (int) length, position, durability, flags);
        }
        final Segments segments = (Segments) base;
        return Core.writeSegments(file, segments.bases(), segments.ranges(), length, position, durability, flags);
    }

    /** Starts a write: 0, and an event comes, or {@link NativeIo#ENDED}, or -errno. */
    public static int submit(
            final long file,
            final Object base,
            final int index,
            final long length,
            final long position,
            final int durability,
            final int flags,
            final long token) {
        if (base instanceof ByteBuffer direct) {
            return Core.submitDirect(file, direct, index, (int) length, position, durability, flags, token);
        }
        if (base instanceof byte[] array) {
            return Core.submitArray(file, array, index, (int) length, position, durability, flags, token);
        }
        final Segments segments = (Segments) base;
        return Core.submitSegments(
                file, segments.bases(), segments.ranges(), length, position, durability, flags, token);
    }

    /** Reads, and waits for what is not cached, unless the flags are against it. */
    public static long read(
            final long file,
            final Object base,
            final int index,
            final long length,
            final long position,
            final int flags) {
        if (base instanceof ByteBuffer direct) {
            return Core.readDirect(file, direct, index, (int) length, position, flags);
        }
        if (base instanceof byte[] array) {
            return Core.readArray(file, array, index, (int) length, position, flags);
        }
        final Segments segments = (Segments) base;
        return Core.readSegments(file, segments.bases(), segments.ranges(), length, position, flags);
    }

    /** Reads what is cached. A failure with EAGAIN: something is not. */
    public static long readCached(
            final long file, final Object base, final int index, final long length, final long position) {
        if (base instanceof ByteBuffer direct) {
            return Core.readCachedDirect(file, direct, index, (int) length, position);
        }
        if (base instanceof byte[] array) {
            return Core.readCachedArray(file, array, index, (int) length, position);
        }
        final Segments segments = (Segments) base;
        return Core.readCachedSegments(file, segments.bases(), segments.ranges(), length, position);
    }
}
