// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.jni.CApi;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

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
        if (!pages.enter()) {
            throw new IllegalStateException("The mapping is closed");
        }
        try {
            final ByteBuffer buffer = CApi.memoryBuffer(pages.address + from, bytes);
            NativeHandle.whenLost(buffer, pages::leave);
            return buffer;
        } catch (final Throwable e) {
            pages.leave();
            throw e;
        }
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
        pages.detach();
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
