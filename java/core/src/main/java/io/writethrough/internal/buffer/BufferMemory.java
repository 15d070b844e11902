// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import io.writethrough.internal.Unchecked;
import io.writethrough.internal.jni.NativeIo;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Where the memory of a direct buffer comes from. {@code ByteBuffer.allocateDirect} and JNI give memory that lives as long as
 * the buffer is reachable. A memory segment's goes when its arena is closed, a mapped file's when somebody cuts the file.
 *
 * <p>The JDK keeps that in two private fields of every buffer, which tell it for the cost of two loads. {@code
 * MemorySegment.ofBuffer}, the public way of JDK 22 and later, allocates, and JDK 17 has none. Where a JDK has no such fields, no
 * memory counts as steady: that is slower, and right.
 */
public final class BufferMemory {
    private static final @Nullable MethodHandle SEGMENT = getter(Buffer.class, "segment");
    private static final @Nullable MethodHandle MAPPED_FILE = getter(MappedByteBuffer.class, "fd");

    private BufferMemory() {}

    private static @Nullable MethodHandle getter(final Class<? extends Buffer> holder, final String name) {
        try {
            final Field field = holder.getDeclaredField(name);
            if (!NativeIo.makeAccessible(field)) {
                return null;
            }
            return MethodHandles.lookup()
                    .unreflectGetter(field)
                    .asType(MethodType.methodType(Object.class, ByteBuffer.class));
        } catch (final ReflectiveOperationException e) {
            return null;
        }
    }

    private static @Nullable Object get(final MethodHandle getter, final ByteBuffer direct) {
        try {
            return (Object) getter.invokeExact(direct);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    static boolean isSteady(final ByteBuffer direct) {
        if (SEGMENT == null || MAPPED_FILE == null || get(MAPPED_FILE, direct) != null) {
            return false;
        }
        final Object segment = get(SEGMENT, direct);
        return segment == null || MemorySegments.isSteady(segment);
    }

    /**
     * Keeps the arena of memory that is not steady open: what {@link #release} is told. Null: the memory is a file's, or this JDK
     * does not let others keep arenas open, so native code must not use the memory.
     */
    static @Nullable Object hold(final ByteBuffer direct) {
        if (SEGMENT == null || MAPPED_FILE == null || get(MAPPED_FILE, direct) != null) {
            return null;
        }
        final Object segment = get(SEGMENT, direct);
        return segment == null || MemorySegments.isMapped(segment) ? null : MemorySegments.acquire(segment);
    }

    static void release(final Object held) {
        MemorySegments.release(held);
    }

    /** Whether an arena gave the memory, and may take it away. */
    static boolean hasArena(final ByteBuffer direct) {
        return SEGMENT == null || get(SEGMENT, direct) != null;
    }

    /** Throws what every access throws if the arena of the memory was closed, or is another thread's. */
    static void requireAlive(final ByteBuffer direct, final int index) {
        if (!hasArena(direct)) {
            return;
        }
        final Object segment = SEGMENT == null ? null : get(SEGMENT, direct);
        if (segment != null && MemorySegments.isMapped(segment)) {
            MemorySegments.requireAlive(segment);
        } else {
            direct.get(index);
        }
    }

    /** Of one that is not steady. */
    static boolean isConfined(final ByteBuffer direct) {
        final Object segment = SEGMENT == null ? null : get(SEGMENT, direct);
        return segment != null && MemorySegments.isConfined(segment);
    }
}
