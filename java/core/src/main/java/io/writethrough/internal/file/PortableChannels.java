// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.portable.PortableIo;
import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Locks and mappings of a file that is open on the portable engine. All handles of the file share the engine's channel, and to close
 * another channel of the file would drop the locks of all: so this knows its own locks, and releases each.
 */
final class PortableChannels extends JdkChannels {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final Set<FileLock> locks = new HashSet<>();

    PortableChannels(final long file, final OfEngine ofEngine) {
        super(file, ofEngine);
    }

    @Override
    @Nullable
    FileLock lockOrNull(final long position, final long size, final boolean shared) throws IOException {
        for (final Iterator<FileLock> all = locks.iterator(); all.hasNext(); ) {
            if (!all.next().isValid()) {
                all.remove();
            }
        }
        final FileLock lock = PortableIo.tryLock(file, position, size, shared);
        if (lock != null) {
            locks.add(lock);
        }
        return lock;
    }

    /* By looking: what waits in the system ends with the channel alone, and that is not this handle's. */
    @Override
    Locking locking(final Range range, final boolean shared) {
        return () -> {
            while (true) {
                synchronized (this) {
                    use();
                    final FileLock lock = lockOrNull(range.position(), range.size(), shared);
                    if (lock != null) {
                        return lock;
                    }
                }
                LockSupport.parkNanos(this, LOOK_NANOS);
            }
        };
    }

    @Override
    void closeChannels() {
        locks.forEach(JdkChannels::releaseUnwanted);
        locks.clear();
    }

    @Override
    public MappedByteBuffer map(final MapMode mode, final long position, final long size, final String path)
            throws IOException {
        synchronized (this) {
            use();
        }
        return mapUninterrupted(channelFor(mode, false), mode, position, size);
    }

    private FileChannel channelFor(final MapMode mode, final boolean own) throws IOException {
        return PortableIo.mappingChannel(file, mode != MapMode.READ_ONLY, own);
    }

    @Override
    public Object mapSegment(final MapMode mode, final long position, final long size, final Object arena)
            throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                interrupted |= Thread.interrupted();
                try {
                    return Arenas.map(channelFor(mode, true), mode, position, size, arena);
                } catch (final ClosedByInterruptException e) {
                    // Once more, without the interrupt.
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    FileDescriptor newDescriptor() throws IOException {
        throw new IOException("A file of the portable engine (Backend.JDK) has no descriptor to give away");
    }
}
