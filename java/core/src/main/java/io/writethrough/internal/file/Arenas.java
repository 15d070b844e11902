// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.Unchecked;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;

/** What java.lang.foreign does with arenas: that is there from JDK 22 on, and this class is compiled for 17. */
public final class Arenas {
    private static final MethodHandle ALLOCATE;
    private static final MethodHandle MAP;
    private static final MethodHandle SCOPE;

    static {
        try {
            final MethodHandles.Lookup lookup = MethodHandles.publicLookup();
            final Class<?> arena = Class.forName("java.lang.foreign.Arena");
            final Class<?> segment = Class.forName("java.lang.foreign.MemorySegment");
            ALLOCATE = lookup.findVirtual(arena, "allocate", MethodType.methodType(segment, long.class))
                    .asType(MethodType.methodType(Object.class, Object.class, long.class));
            MAP = lookup.findVirtual(
                            FileChannel.class,
                            "map",
                            MethodType.methodType(segment, MapMode.class, long.class, long.class, arena))
                    .asType(MethodType.methodType(
                            Object.class, FileChannel.class, MapMode.class, long.class, long.class, Object.class));
            SCOPE = lookup.findVirtual(
                            segment,
                            "scope",
                            MethodType.methodType(Class.forName("java.lang.foreign.MemorySegment$Scope")))
                    .asType(MethodType.methodType(Object.class, Object.class));
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private Arenas() {}

    /** Throws what the JDK throws if the arena is closed, or belongs to another thread. */
    public static void requireUsable(final Object arena) {
        try {
            final Object nothing = (Object) ALLOCATE.invokeExact(arena, 0L);
            assert nothing != null;
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    static Object map(
            final FileChannel channel, final MapMode mode, final long position, final long size, final Object arena)
            throws IOException {
        try {
            return (Object) MAP.invokeExact(channel, mode, position, size, arena);
        } catch (final IOException e) {
            throw e;
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    /** What every view of a segment keeps reachable, and its arena does: when this is garbage, nobody can use the memory. */
    public static Object scopeOf(final Object segment) {
        try {
            return (Object) SCOPE.invokeExact(segment);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }
}
