// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import io.writethrough.internal.Unchecked;
import io.writethrough.internal.jni.NativeIo;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;

/** What java.lang.foreign tells of a memory segment: that is there from JDK 22 on, and these classes are compiled for 17. */
public final class MemorySegments {
    /* Never started: a confined segment is not accessible by it. */
    private static final Thread OTHER_THREAD = new Thread(() -> {}, "writethrough-other");

    private static final @Nullable MethodHandle SCOPE;
    private static final @Nullable MethodHandle IS_MAPPED;
    private static final @Nullable MethodHandle IS_LOADED;
    private static final @Nullable MethodHandle IS_ACCESSIBLE_BY;

    /* The class of the scopes of Arena.ofAuto(), which only the garbage collector ends, and the one scope that never ends. */
    private static final @Nullable Class<?> AUTOMATIC;
    private static final @Nullable Object GLOBAL;

    /* What keeps a scope open, as the JDK's own channels do. Null where a JDK has it otherwise: then memory is copied. */
    private static final @Nullable MethodHandle ACQUIRE;
    private static final @Nullable MethodHandle RELEASE;

    static {
        @Nullable MethodHandle acquire = null;
        @Nullable MethodHandle release = null;
        @Nullable MethodHandle scope = null;
        @Nullable MethodHandle isMapped = null;
        @Nullable MethodHandle isLoaded = null;
        @Nullable MethodHandle isAccessibleBy = null;
        @Nullable Class<?> automatic = null;
        @Nullable Object global = null;
        if (Runtime.version().feature() >= 22) {
            try {
                final MethodHandles.Lookup lookup = MethodHandles.publicLookup();
                final Class<?> segment = Class.forName("java.lang.foreign.MemorySegment");
                final Class<?> scopes = Class.forName("java.lang.foreign.MemorySegment$Scope");
                final Class<?> arena = Class.forName("java.lang.foreign.Arena");
                automatic = scopeOf(arena, "ofAuto").getClass();
                global = scopeOf(arena, "global");
                scope = lookup.findVirtual(segment, "scope", MethodType.methodType(scopes))
                        .asType(MethodType.methodType(Object.class, Object.class));
                isMapped = lookup.findVirtual(segment, "isMapped", MethodType.methodType(boolean.class))
                        .asType(MethodType.methodType(boolean.class, Object.class));
                isLoaded = lookup.findVirtual(segment, "isLoaded", MethodType.methodType(boolean.class))
                        .asType(MethodType.methodType(boolean.class, Object.class));
                isAccessibleBy = lookup.findVirtual(
                                segment, "isAccessibleBy", MethodType.methodType(boolean.class, Thread.class))
                        .asType(MethodType.methodType(boolean.class, Object.class, Thread.class));
            } catch (final ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
        if (scope != null) {
            try {
                final Class<?> sessions = Class.forName("jdk.internal.foreign.MemorySessionImpl");
                acquire = accessible(sessions.getDeclaredMethod("acquire0"));
                release = accessible(sessions.getDeclaredMethod("release0"));
            } catch (final ReflectiveOperationException e) {
                acquire = null;
            }
        }
        ACQUIRE = release == null ? null : acquire;
        RELEASE = release;
        SCOPE = scope;
        IS_MAPPED = isMapped;
        IS_LOADED = isLoaded;
        IS_ACCESSIBLE_BY = isAccessibleBy;
        AUTOMATIC = automatic;
        GLOBAL = global;
    }

    private MemorySegments() {}

    private static Object scopeOf(final Class<?> arenas, final String factory) throws ReflectiveOperationException {
        final Object arena = arenas.getMethod(factory).invoke(null);
        return arenas.getMethod("scope").invoke(arena);
    }

    private static @Nullable MethodHandle accessible(final Method ofScopes) throws IllegalAccessException {
        return NativeIo.makeAccessible(ofScopes)
                ? MethodHandles.lookup().unreflect(ofScopes).asType(MethodType.methodType(void.class, Object.class))
                : null;
    }

    /**
     * Keeps the arena of a segment open until {@link #release}: to close it meanwhile is an IllegalStateException. Null: that
     * cannot be done here.
     *
     * @throws IllegalStateException if the arena was closed
     * @throws RuntimeException a WrongThreadException, if the arena is confined to another thread
     */
    static @Nullable Object acquire(final Object segment) {
        if (ACQUIRE == null || SCOPE == null) {
            return null;
        }
        try {
            final Object scope = (Object) SCOPE.invokeExact(segment);
            ACQUIRE.invokeExact(scope);
            return scope;
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    /** Of what {@link #acquire} returned, once. */
    static void release(final Object acquired) {
        assert RELEASE != null;
        try {
            RELEASE.invokeExact(acquired);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    /** Whether nothing but the garbage collector takes its memory away. */
    static boolean isSteady(final Object segment) {
        if (SCOPE == null || IS_MAPPED == null) {
            return false;
        }
        try {
            final Object scope = (Object) SCOPE.invokeExact(segment);
            return (scope.getClass() == AUTOMATIC || scope == GLOBAL) && !(boolean) IS_MAPPED.invokeExact(segment);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    static boolean isMapped(final Object segment) {
        try {
            return IS_MAPPED != null && (boolean) IS_MAPPED.invokeExact(segment);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    /**
     * Of a mapped one: to ask whether it is in memory touches none of it.
     *
     * @throws IllegalStateException if the arena was closed
     */
    static void requireAlive(final Object segment) {
        assert IS_LOADED != null;
        try {
            final boolean ignored = (boolean) IS_LOADED.invokeExact(segment);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }

    static boolean isConfined(final Object segment) {
        try {
            return IS_ACCESSIBLE_BY != null && !(boolean) IS_ACCESSIBLE_BY.invokeExact(segment, OTHER_THREAD);
        } catch (final Throwable e) {
            throw Unchecked.of(e);
        }
    }
}
