package io.writethrough.internal;

import io.writethrough.WriteThroughEngine;
import java.io.IOException;
import java.util.function.BooleanSupplier;

/** How a module of this library that has an event loop gets an engine whose I/O goes on the ring of that loop. */
public final class Rings {
    /* Exported to it when it is there: to name it in module-info, where it is not, would be a warning. */
    private static final String USER = "io.writethrough.netty42";

    private static volatile Access access;

    private Rings() {}

    /** What {@link WriteThroughEngine} lets such a module do. */
    public interface Access {
        /**
         * Opens an engine that has no loop yet.
         *
         * @param mayWait whether the current thread may wait for the engine's I/O. It must not know the engine, which may be lost
         */
        WriteThroughEngine open(WriteThroughEngine.Builder builder, BooleanSupplier mayWait) throws IOException;

        /** The engine as the C core knows it. */
        long handle(WriteThroughEngine engine);
    }

    /** {@link WriteThroughEngine} calls it once. */
    public static void grant(final Access granted) {
        access = granted;
        final Module own = Rings.class.getModule();
        if (own.isNamed()) {
            own.getLayer().findModule(USER).ifPresent(user -> own.addExports(Rings.class.getPackageName(), user));
        }
    }

    /** The access; there is a builder by then. */
    public static Access access() {
        return access;
    }
}
