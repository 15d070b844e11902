// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.buffer.CacheView;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The pins of an engine that were taken without native code. Each has a slot of the {@link CacheView}, and stands in the same place
 * here until it is given back: who takes it out there gives it back, and nobody else. What is lost is found after a collection.
 */
final class CachedPins {
    private final CacheView view;
    private final AtomicReferenceArray<@Nullable Lease> leases;
    private final ReferenceQueue<Object> lost = new ReferenceQueue<>();
    private boolean watched;

    CachedPins(final CacheView view) {
        this.view = view;
        this.leases = new AtomicReferenceArray<>(view.slotCount());
    }

    /** Pins for an owner, which closes the pin or is lost; null if native code is to do that. */
    @Nullable
    Pinned pin(
            final Object owner,
            final OpenFile file,
            final CacheView.File cached,
            final long position,
            final int length) {
        final int slot = view.takeSlot(position, length);
        if (slot == CacheView.ASK) {
            return null;
        }
        final long run = cached.pin(position, length);
        if (run == CacheView.ASK) {
            view.giveSlot(slot);
            return null;
        }
        final Lease lease;
        try {
            lease = new Lease(owner, this, file, position, run, slot);
            if (!watched) {
                watch();
            }
        } catch (final Throwable e) { // no memory
            view.unpin(run);
            view.giveSlot(slot);
            throw e;
        }
        leases.setRelease(slot, lease);
        return lease;
    }

    private boolean giveBack(final Lease lease) {
        if (!leases.compareAndSet(lease.slot, lease, null)) {
            return false;
        }
        view.unpin(lease.run);
        view.giveSlot(lease.slot);
        return true;
    }

    private void giveBackLost() {
        for (Reference<?> found = lost.poll(); found != null; found = lost.poll()) {
            final Lease lease = (Lease) found;
            if (giveBack(lease)) {
                NativeHandle.reportLeak(
                        Pinned.description(lease.file.path(), lease.position, lease.length(), lease.made));
            }
        }
    }

    private synchronized void watch() {
        if (!watched) {
            watchNext(new WeakReference<>(this));
            watched = true;
        }
    }

    /* A new object is lost by the next collection. So the lost are looked for after each, and no thread waits for them. */
    private static void watchNext(final WeakReference<CachedPins> watched) {
        NativeHandle.whenLost(new Object(), () -> {
            final CachedPins pins = watched.get();
            if (pins == null) {
                return;
            }
            try {
                pins.giveBackLost();
            } finally { // a handler of the log may throw
                watchNext(watched);
            }
        });
    }

    /** One pin. It does not know its owner but by this reference, which is in the queue when the owner was lost. */
    private static final class Lease extends PhantomReference<Object> implements Pinned {
        private final CachedPins pins;
        private final OpenFile file; /* open as long as this is reachable, and so its engine is */
        private final long position;
        private final long run;
        private final int slot;
        private final @Nullable Throwable made = Pinned.here();

        Lease(
                final Object owner,
                final CachedPins pins,
                final OpenFile file,
                final long position,
                final long run,
                final int slot) {
            super(owner, pins.lost);
            this.pins = pins;
            this.file = file;
            this.position = position;
            this.run = run;
            this.slot = slot;
        }

        @Override
        public long position() {
            return position;
        }

        @Override
        public int length() {
            return CacheView.lengthOf(run);
        }

        @Override
        public boolean isCopy() {
            return false;
        }

        @Override
        public boolean isOpen() {
            return pins.leases.get(slot) == this;
        }

        @Override
        public ByteBuffer buffer() {
            requireOpen();
            return pins.view.pinned(run, 0);
        }

        @Override
        public List<ByteBuffer> segments() {
            return List.of(buffer());
        }

        @Override
        public void close() {
            pins.giveBack(this);
        }

        @Override
        public String toString() {
            return text(file.path());
        }
    }
}
