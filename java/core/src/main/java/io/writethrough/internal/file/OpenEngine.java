// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.async.Completions;
import io.writethrough.internal.buffer.CacheView;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import java.util.function.LongToIntFunction;
import org.jspecify.annotations.Nullable;

/** An engine of the C core that is open: its handle, and what its files share. */
public final class OpenEngine {
    private final NativeHandle handle;
    private final Completions completions;
    private final JdkChannels.OfEngine jdkChannels = new JdkChannels.OfEngine();

    /* Whether the current thread may wait for I/O: false on an event loop whose ring has some. */
    private final BooleanSupplier mayWait;

    /* Null if the cache cannot be seen. */
    private final @Nullable CacheView cacheView;
    private volatile @Nullable CachedPins cachedPins;

    /** @param closing closes an engine of the C core, and returns 0 or -errno. It must not know this object, which may be lost */
    public OpenEngine(
            final long engine,
            final Completions completions,
            final LongToIntFunction closing,
            final BooleanSupplier mayWait) {
        this.completions = completions;
        this.mayWait = mayWait;
        this.cacheView = Core.isPortable(engine) ? null : CacheView.of(engine);
        if (cacheView != null) {
            NativeHandle.whenLost(cacheView, cacheView.release());
            for (final Object anchor : cacheView.anchors()) {
                NativeHandle.whenLost(anchor, cacheView.use());
            }
        }
        this.handle = NativeHandle.of(this, engine, unlessLanesAreOpen(closing), () -> "A WriteThroughEngine");
    }

    /* A thread that has ended in Java, and so has lost its engine, closes its lanes a moment later, at its end in native code. */
    private static LongToIntFunction unlessLanesAreOpen(final LongToIntFunction closing) {
        return engine -> Core.refuseLanes(engine) < 0 ? -Errno.EBUSY : closing.applyAsInt(engine);
    }

    /** As the C core knows the engine. Who uses it keeps this object reachable meanwhile. */
    public long handle() {
        return handle.value();
    }

    Completions completions() {
        return completions;
    }

    JdkChannels.OfEngine jdkChannels() {
        return jdkChannels;
    }

    /** The memory of pins; null if there are none. */
    @Nullable
    CacheView cacheView() {
        return cacheView;
    }

    /** Pins that take no native code; null if there are none. */
    @Nullable
    CachedPins cachedPins() {
        final CachedPins made = cachedPins;
        return made != null || cacheView == null ? made : makeCachedPins(cacheView);
    }

    private synchronized CachedPins makeCachedPins(final CacheView view) {
        final CachedPins made = cachedPins;
        if (made != null) {
            return made;
        }
        final CachedPins making = new CachedPins(view);
        cachedPins = making;
        return making;
    }

    /** What reads of a file look into first; null if they cannot. */
    CacheView.@Nullable File cacheViewOf(final long file) {
        return cacheView == null ? null : cacheView.file(file);
    }

    public boolean isOpen() {
        return handle.isOpen();
    }

    /** Before what must not fail halfway: EDEADLK if this thread must not wait now. */
    void checkMayWait(final String operation) throws IOException {
        if (!mayWait.getAsBoolean()) {
            throw Failures.ofEngine(operation, Errno.EDEADLK);
        }
    }

    public void close() throws IOException {
        checkMayWait("close");
        if (isOpen() && Core.refuseLanes(handle()) < 0) {
            throw Failures.ofEngine(
                    "close", Errno.EBUSY, "A lane of the engine is open: its thread closes the lane first, or ends.");
        }
        jdkChannels.close();
        NativeHandle.check(handle.close(), "");
    }
}
