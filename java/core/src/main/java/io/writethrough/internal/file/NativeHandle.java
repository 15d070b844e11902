// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.WriteThroughException;
import io.writethrough.internal.Names;
import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.util.function.LongToIntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The duty to close a handle of the C core, once: by its owner, or by a Cleaner after the owner was lost, which is reported.
 * It knows nothing of the owner, or that would never be lost.
 */
public final class NativeHandle implements Runnable {
    /* Its thread is the JDK's, which inherits nothing of the code that made it: it would keep that loaded. */
    private static final Cleaner CLEANER = Cleaner.create();

    private final long value;
    private final LongToIntFunction closeFunction;
    private final Supplier<String> description;

    private volatile boolean open = true;
    private boolean closing; /* by this thread, in a callback of which it may be closed again */
    private boolean closed;
    private boolean closedByOwner;
    private int result;

    private Cleaner.@Nullable Cleanable cleanable;

    private NativeHandle(final long value, final LongToIntFunction closeFunction, final Supplier<String> description) {
        this.value = value;
        this.closeFunction = closeFunction;
        this.description = description;
    }

    /**
     * @param closeFunction returns 0 or -errno; -EBUSY if the handle cannot be closed yet, though its owner is lost
     * @param description for the report that it was leaked; it must not know the owner
     */
    static NativeHandle of(
            final Object owner,
            final long value,
            final LongToIntFunction closeFunction,
            final Supplier<String> description) {
        final NativeHandle handle = new NativeHandle(value, closeFunction, description);
        handle.cleanable = CLEANER.register(owner, handle);
        return handle;
    }

    /** Runs what knows nothing of the owner when the owner has been lost. */
    static void whenLost(final Object owner, final Runnable action) {
        CLEANER.register(owner, action);
    }

    /** The handle as the C core knows it, closed or not: using a closed one is EBADF there. */
    long value() {
        return value;
    }

    /** False from the moment that somebody begins to close it. */
    boolean isOpen() {
        return open;
    }

    /**
     * Closes it, unless that was done; returns when it is closed. If this throws, an Error say, it may be called again.
     *
     * @return 0, or -errno of the close if this call did it
     */
    synchronized int close() {
        if (closed || closing) {
            return 0;
        }
        closedByOwner = true;
        run();
        assert cleanable != null;
        cleanable.clean();
        // The engine had closed it.
        return result == -Errno.EBADF ? 0 : result;
    }

    /** Closes it, unless that was done. For the Cleaner. */
    @Override
    public synchronized void run() {
        if (closed) {
            return;
        }
        open = false;
        closing = true;
        try {
            result = closeFunction.applyAsInt(value);
            closed = closedByOwner || result != -Errno.EBUSY;
        } finally {
            closing = false;
        }
        if (!closed) {
            CLEANER.register(new Object(), this); // That object is lost at once: the next collection tries again.
            return;
        }
        if (!closedByOwner && result != -Errno.EBADF) {
            reportLeak(description.get());
        }
    }

    /** Logs that somebody lost what he was to close. */
    static void reportLeak(final String description) {
        System.getLogger(Names.LIBRARY)
                .log(
                        System.Logger.Level.WARNING,
                        "{0} was not closed before it became unreachable: it is closed now. Close it when done with it,"
                                + " by try-with-resources for example.",
                        description);
    }

    /** The result of {@link #close()} as the exception it is. */
    static void check(final int closeResult, final String path) throws IOException {
        if (closeResult < 0) {
            throw Failures.failure(
                    "close", path, WriteThroughException.NONE, WriteThroughException.NONE, -closeResult, 0);
        }
    }
}
