// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.jni.TraceRecords;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import jdk.jfr.FlightRecorder;
import org.jspecify.annotations.Nullable;

/**
 * What happens, told to the flight recorder if a recording wants it. If none does, an operation costs a look at one or two
 * fields more, and allocates nothing. Until somebody starts the flight recorder, nothing of it is loaded but the one class that
 * tells whether somebody has: the first operation after that begins to listen.
 */
public final class Events {
    private static final boolean PRESENT =
            ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    /* Listens once the flight recorder has started. */
    private static final AtomicReference<@Nullable Recordings> WAITING = new AtomicReference<>();

    private Events() {}

    private static boolean hasStarted() {
        return PRESENT && FlightRecorder.isInitialized();
    }

    /* Of an operation. Not with a lock that a listener takes: the flight recorder holds its own while it calls one. */
    private static boolean isListening() {
        if (!hasStarted()) {
            return false;
        }
        if (WAITING.get() != null) {
            final Recordings recordings = WAITING.getAndSet(null);
            if (recordings != null) {
                recordings.begin();
            }
        }
        return true;
    }

    /** The event of a write that begins, or null if nobody wants it. */
    public static @Nullable IoEvent beginWrite() {
        return isListening() && WriteEvent.isWanted() ? WriteEvent.begun() : null;
    }

    /** The event of a read that begins, or null if nobody wants it. */
    public static @Nullable IoEvent beginRead() {
        return isListening() && ReadEvent.isWanted() ? ReadEvent.begun() : null;
    }

    /** The end of a synchronous operation; the event may be null, and the result is one of {@link NativeIo}. */
    public static void end(
            final @Nullable IoEvent event,
            final Path path,
            final long position,
            final long length,
            final int durability,
            final int flags,
            final long result) {
        if (event == null) {
            return;
        }
        if (result < 0) {
            final int errno = NativeIo.errno(result);
            event.end(path, position, length, durability, flags, false, errno, NativeIo.stableBytes(result));
        } else if ((flags & NativeIo.APPEND) != 0) {
            event.end(path, result, length, durability, flags, false, 0, length);
        } else {
            event.end(path, position, length, durability, flags, false, 0, result);
        }
    }

    /** An operation failed. */
    public static void error(
            final String operation,
            final Path path,
            final long position,
            final long length,
            final int errno,
            final long stableBytes) {
        if (isListening() && ErrorEvent.isWanted()) {
            ErrorEvent.commit(operation, path, position, length, errno, stableBytes);
        }
    }

    /** Whether somebody wants {@link #gather}. */
    public static boolean wantsGathers() {
        return hasStarted() && GatherEvent.isWanted();
    }

    /** A gather ended. */
    public static void gather(final int engine, final TraceRecords.Io io) {
        if (PRESENT) {
            GatherEvent.commit(engine, io);
        }
    }

    /** So often memory of the cache was taken back since the last time. */
    public static void evictions(final int engine, final long count, final long cachedBytes, final long cacheBytes) {
        if (PRESENT) {
            EvictionEvent.commit(engine, count, cachedBytes, cacheBytes);
        }
    }

    /**
     * Has a task run whenever recordings start or stop, and may want something else, and another in each period of {@link
     * #evictions}, by default a second, while somebody wants these. Returns what ends that.
     */
    public static Runnable listen(final Runnable change, final Runnable period) {
        if (!PRESENT) {
            return () -> {};
        }
        final Recordings recordings = new Recordings(change, period);
        if (hasStarted()) {
            recordings.begin();
        } else {
            WAITING.set(recordings);
        }
        return () -> {
            WAITING.compareAndSet(recordings, null);
            recordings.end();
        };
    }
}
