// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import io.writethrough.internal.core.Core;
import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.portable.PortableIo;
import java.nio.ByteBuffer;

/**
 * Where the bytes of an operation are, and the call of native code for each, or of the portable engine: a base, which is a direct
 * buffer, an array or {@link Segments}, and the index of the first byte in it (0 in segments).
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
        if (Core.isPortable(file)) {
            return PortableIo.write(file, views(base, index, length), position, durability, flags);
        }
        if (base instanceof ByteBuffer direct) {
            return NativeIo.writeDirect(file, direct, index, (int) length, position, durability, flags);
        }
        if (base instanceof byte[] array) {
            return NativeIo.writeArray(file, array, index, (int) length, position, durability, flags);
        }
        final Segments segments = (Segments) base;
        return NativeIo.writeSegments(file, segments.bases(), segments.ranges(), length, position, durability, flags);
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
        if (Core.isPortable(file)) {
            return PortableIo.submit(file, views(base, index, length), position, durability, flags, token);
        }
        if (base instanceof ByteBuffer direct) {
            return NativeIo.submitDirect(file, direct, index, (int) length, position, durability, flags, token);
        }
        if (base instanceof byte[] array) {
            return NativeIo.submitArray(file, array, index, (int) length, position, durability, flags, token);
        }
        final Segments segments = (Segments) base;
        return NativeIo.submitSegments(
                file, segments.bases(), segments.ranges(), length, position, durability, flags, token);
    }

    /** Starts a write of one buffer or array on a lane: 0, and the lane's poll tells the end, or -errno. */
    public static int laneWrite(
            final long lane,
            final long file,
            final Object base,
            final int index,
            final int length,
            final long position,
            final int durability,
            final int flags,
            final long token) {
        if (Core.isPortable(lane)) {
            return PortableIo.laneWrite(lane, file, views(base, index, length), position, durability, flags, token);
        }
        return base instanceof ByteBuffer direct
                ? NativeIo.laneWriteDirect(lane, file, direct, index, length, position, durability, flags, token)
                : NativeIo.laneWriteArray(lane, file, (byte[]) base, index, length, position, durability, flags, token);
    }

    /** Reads, and waits for what is not cached, unless the flags are against it. Of the portable engine flags change nothing. */
    public static long read(
            final long file,
            final Object base,
            final int index,
            final long length,
            final long position,
            final int flags) {
        if (Core.isPortable(file)) {
            return PortableIo.read(file, views(base, index, length), position);
        }
        if (base instanceof ByteBuffer direct) {
            return NativeIo.readDirect(file, direct, index, (int) length, position, flags);
        }
        if (base instanceof byte[] array) {
            return NativeIo.readArray(file, array, index, (int) length, position, flags);
        }
        final Segments segments = (Segments) base;
        return NativeIo.readSegments(file, segments.bases(), segments.ranges(), length, position, flags);
    }

    /** Reads what is cached. A failure with EAGAIN: something is not. */
    public static long readCached(
            final long file, final Object base, final int index, final long length, final long position) {
        if (Core.isPortable(file)) {
            return PortableIo.readCached(file, length, position);
        }
        if (base instanceof ByteBuffer direct) {
            return NativeIo.readCachedDirect(file, direct, index, (int) length, position);
        }
        if (base instanceof byte[] array) {
            return NativeIo.readCachedArray(file, array, index, (int) length, position);
        }
        final Segments segments = (Segments) base;
        return NativeIo.readCachedSegments(file, segments.bases(), segments.ranges(), length, position);
    }

    /* What the portable engine takes. */
    private static ByteBuffer[] views(final Object base, final int index, final long length) {
        return base instanceof Segments segments
                ? PortableIo.views(segments.bases(), segments.ranges(), length)
                : new ByteBuffer[] {PortableIo.view(base, index, (int) length)};
    }
}
