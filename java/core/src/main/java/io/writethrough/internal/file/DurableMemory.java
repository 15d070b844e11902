// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.SegmentScope;
import io.writethrough.internal.jni.CApi;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Memory of wt_memory_map. It belongs to the file until {@link #close}, or until this object is lost. It stays there as long as
 * this object is open or one of its buffers can be reached: so a buffer never touches memory that is gone.
 */
public final class DurableMemory {
    /* What wt_memory_map takes and returns. */
    static final int COMPARE = 1;
    static final int WATCHED = 1;

    private final OpenFile file;
    private final Pages pages;
    private final long offset;
    private final long length;
    private final boolean watched;

    /* Guards the two below. */
    private final Object lock = new Object();
    private final Deque<AutoCloseable> arenas = new ArrayDeque<>();
    private boolean closing;

    DurableMemory(
            final OpenFile file,
            final long handle,
            final long address,
            final long offset,
            final long length,
            final boolean watched) {
        this.file = file;
        this.pages = new Pages(handle, address);
        this.offset = offset;
        this.length = length;
        this.watched = watched;
        try {
            NativeHandle.whenLost(this, pages::detach);
        } catch (final Throwable e) {
            pages.detach();
            throw e;
        }
    }

    public long offset() {
        return offset;
    }

    public long length() {
        return length;
    }

    public boolean isWatched() {
        return watched;
    }

    public boolean isOpen() {
        return !pages.detached.get() && file.isOpen();
    }

    public ByteBuffer buffer(final long from, final int bytes) {
        Objects.checkFromIndexSize(from, bytes, length);
        enter();
        try {
            final ByteBuffer buffer = CApi.memoryBuffer(pages.address + from, bytes);
            NativeHandle.whenLost(buffer, pages::leave);
            return buffer;
        } catch (final Throwable e) {
            pages.leave();
            throw e;
        }
    }

    /**
     * A java.lang.foreign.MemorySegment of all of it. The one that only the garbage collector ends keeps the pages, as a buffer. The
     * others end before the pages: {@link #close} closes their arenas, and these refer to this object, so that it is not lost.
     *
     * @return null before JDK 22
     */
    public @Nullable Object segment(final SegmentScope scope) {
        final Segments segments = Segments.ofThisJdk();
        if (segments == null) {
            return null;
        }
        return scope == SegmentScope.AUTO ? automaticSegment(segments) : closeableSegment(segments, scope);
    }

    private Object automaticSegment(final Segments segments) {
        enter();
        try {
            return segments.make(pages.address, length, SegmentScope.AUTO, pages::leave)
                    .segment();
        } catch (final Throwable e) {
            pages.leave();
            throw e;
        }
    }

    private Object closeableSegment(final Segments segments, final SegmentScope scope) {
        synchronized (lock) {
            if (closing || pages.detached.get()) {
                throw closed();
            }
            final Segments.Made made =
                    segments.make(pages.address, length, scope, () -> Reference.reachabilityFence(this));
            arenas.push(made.arena());
            return made.segment();
        }
    }

    private void enter() {
        if (!pages.enter()) {
            throw closed();
        }
    }

    private static IllegalStateException closed() {
        return new IllegalStateException("The mapping is closed");
    }

    public void force(final long from, final long bytes) throws IOException {
        Objects.checkFromIndexSize(from, bytes, length);
        if (!pages.enter()) {
            throw new ClosedChannelException();
        }
        try {
            file.forceMemory(pages.handle, offset, from, bytes);
        } finally {
            pages.leave();
            Reference.reachabilityFence(this);
        }
    }

    public CompletableFuture<Void> forceAsync(final long from, final long bytes) {
        Objects.checkFromIndexSize(from, bytes, length);
        return file.writes().forceMemoryAsync(this, offset + from, from, bytes);
    }

    int startForce(final long from, final long bytes) {
        try {
            return CApi.wt_memory_force(pages.handle, from, bytes);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    public void close() throws IOException {
        if (isOpen()) {
            file.checkMayWait("close a mapping");
        }
        closeArenas();
        pages.detach();
    }

    /* If one refuses, because it is another thread's or in use, the mapping stays open. */
    private void closeArenas() {
        synchronized (lock) {
            while (!arenas.isEmpty()) {
                close(arenas.element());
                arenas.remove();
            }
            closing = true;
        }
    }

    private static void close(final AutoCloseable arena) {
        try {
            arena.close();
        } catch (final RuntimeException e) {
            throw e;
        } catch (final Exception e) {
            throw new AssertionError("an arena throws no other", e);
        }
    }

    /* What knows nothing of the memory's owner, which may be lost. The pages are unmapped when all that use them have left. */
    private static final class Pages {
        private final long handle;
        private final long address;
        private final AtomicInteger users = new AtomicInteger(1); /* the owner */
        private final AtomicBoolean detached = new AtomicBoolean();

        private Pages(final long handle, final long address) {
            this.handle = handle;
            this.address = address;
        }

        private boolean enter() {
            while (true) {
                final int before = users.get();
                if (before == 0 || detached.get()) {
                    return false;
                }
                if (users.compareAndSet(before, before + 1)) {
                    return true;
                }
            }
        }

        private void leave() {
            if (users.decrementAndGet() == 0) {
                CApi.wt_memory_unmap(handle);
            }
        }

        private void detach() {
            if (detached.compareAndSet(false, true)) {
                CApi.wt_memory_detach(handle);
                leave();
            }
        }
    }
}
