// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;

/** A java.lang.foreign.Arena, which is there from JDK 22 on: the tests are compiled for 17. */
record ForeignArena(Object arena) {
    /** @param factory the method that makes it: ofConfined, for example */
    static ForeignArena of(final String factory) throws ReflectiveOperationException {
        assumeTrue(Runtime.version().feature() >= 22, "java.lang.foreign is there from JDK 22 on");
        return new ForeignArena(arenas().getMethod(factory).invoke(null));
    }

    private static Class<?> arenas() throws ClassNotFoundException {
        return Class.forName("java.lang.foreign.Arena");
    }

    static ByteBuffer bufferOf(final Object segment) throws ReflectiveOperationException {
        return (ByteBuffer) Class.forName("java.lang.foreign.MemorySegment")
                .getMethod("asByteBuffer")
                .invoke(segment);
    }

    ByteBuffer allocate(final long bytes) throws ReflectiveOperationException {
        return bufferOf(segment(bytes));
    }

    /** A java.lang.foreign.MemorySegment. */
    Object segment(final long bytes) throws ReflectiveOperationException {
        return arenas().getMethod("allocate", long.class, long.class).invoke(arena, bytes, 4096L);
    }

    /** A mapping of a file into the arena. */
    ByteBuffer map(final FileChannel channel, final MapMode mode, final long position, final long size)
            throws Throwable {
        try {
            return bufferOf(FileChannel.class
                    .getMethod("map", MapMode.class, long.class, long.class, arenas())
                    .invoke(channel, mode, position, size, arena));
        } catch (final InvocationTargetException e) {
            throw e.getCause();
        }
    }

    void close() throws ReflectiveOperationException {
        try {
            arenas().getMethod("close").invoke(arena);
        } catch (final InvocationTargetException e) {
            throw (RuntimeException) e.getCause();
        }
    }
}
