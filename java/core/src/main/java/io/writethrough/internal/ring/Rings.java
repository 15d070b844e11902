// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.ring;

import io.writethrough.internal.file.Failures;
import io.writethrough.internal.jni.NativeIo;
import java.io.IOException;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** How a module of this library that has an event loop gets an engine whose I/O goes on the ring of that loop. */
public final class Rings {
    /* Exported to it when it is there: to name it in module-info, where it is not, would be a warning. */
    private static final String USER = "io.writethrough.netty42";

    private static volatile @Nullable Access<?, ?> access;

    private Rings() {}

    /**
     * What the engine lets such a module do. Nothing here knows the classes of the API.
     *
     * @param <B> the builder of an engine
     * @param <E> the engine
     */
    public interface Access<B, E> {
        /**
         * Opens an engine that has no loop yet.
         *
         * @param mayWait whether the current thread may wait for the engine's I/O. It must not know the engine, which may be lost
         */
        E open(B builder, BooleanSupplier mayWait) throws IOException;

        /** The engine as the C core knows it. */
        long handle(E engine);
    }

    /** The builder of an engine calls it once. */
    public static void grant(final Access<?, ?> granted) {
        access = granted;
        final Module own = Rings.class.getModule();
        if (own.isNamed()) {
            own.getLayer().findModule(USER).ifPresent(user -> {
                own.addExports(Rings.class.getPackageName(), user);
                own.addExports(NativeIo.class.getPackageName(), user);
            });
        }
    }

    /** The access of the builder and the engine of the API, which the caller names; there is a builder by then. */
    @SuppressWarnings("unchecked")
    public static <B, E> Access<B, E> access() {
        return (Access<B, E>) Objects.requireNonNull(access);
    }

    /** The exception of an operation on an engine that was refused, with what to do about it. */
    public static IOException refused(final String operation, final int errno, final String advice) {
        return Failures.ofEngine(operation, errno, advice);
    }
}
