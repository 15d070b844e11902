// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.jni.NativePaths;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The portable engine by handles, with the results of {@link NativeIo} and {@link CApi}: 0, a count or a place, and -errno for a
 * failure. A handle that was closed is EBADF.
 */
public final class PortableIo {
    /** WT_BACKEND_JDK: the ordinal of {@code Backend.JDK}. */
    public static final int BACKEND = 4;

    /* In the lower half of each handle. The C core has none with that bit. */
    private static final long BIT = 1L << 31;

    private static final AtomicLong LAST = new AtomicLong();
    private static final ConcurrentHashMap<Long, Object> OBJECTS = new ConcurrentHashMap<>();

    private static final long LEAST_BACKGROUND_BYTES = 16 << 10;

    private PortableIo() {}

    private static long newHandle() {
        return LAST.incrementAndGet() << 32 | BIT;
    }

    private static @Nullable PortableEngine engineOf(final long handle) {
        return OBJECTS.get(handle) instanceof PortableEngine engine ? engine : null;
    }

    private static @Nullable PortableLane laneOf(final long handle) {
        return OBJECTS.get(handle) instanceof PortableLane lane ? lane : null;
    }

    /* Who gets one leaves it. Null: there is none, or it is closed. */
    private static @Nullable PortableFile entered(final long handle) {
        return OBJECTS.get(handle) instanceof PortableFile file && file.enter() ? file : null;
    }

    private interface Call {
        long of(PortableFile file);
    }

    private static long call(final long handle, final Call call) {
        final PortableFile file = entered(handle);
        if (file == null) {
            return -Errno.EBADF;
        }
        try {
            return call.of(file);
        } finally {
            file.leave();
        }
    }

    // ---- engines ----

    /** Opens an engine. Its handle. */
    public static long openEngine(final long inFlightBytes) {
        final long handle = newHandle();
        OBJECTS.put(handle, new PortableEngine(inFlightBytes));
        return handle;
    }

    public static int backend(final long engine) {
        return engineOf(engine) == null ? -Errno.EBADF : BACKEND;
    }

    public static int shutDown(final long engine) {
        final PortableEngine open = engineOf(engine);
        if (open == null) {
            return -Errno.EBADF;
        }
        final int result = open.shutDown();
        OBJECTS.values().removeIf(object -> object instanceof PortableFile file && file.engine() == open);
        return result;
    }

    public static int closeEngine(final long engine) {
        if (OBJECTS.remove(engine) instanceof PortableEngine open) {
            open.close();
            OBJECTS.values().removeIf(object -> object instanceof PortableLane lane && lane.engine() == open);
            return 0;
        }
        return -Errno.EBADF;
    }

    public static int stats(final long engine, final long[] counters) {
        final PortableEngine open = engineOf(engine);
        if (open == null) {
            return -Errno.EBADF;
        }
        open.stats(counters);
        return 0;
    }

    public static int histogram(final long engine, final int which, final long[] histogram) {
        final PortableEngine open = engineOf(engine);
        return open == null ? -Errno.EBADF : open.counters().histogram(which, histogram);
    }

    public static int reap(final long engine, final long[] events, final long timeoutNanos) {
        final PortableEngine open = engineOf(engine);
        return open == null
                ? -Errno.ESHUTDOWN
                : open.events().take(events, NativeIo.EVENTS_AT_ONCE, timeoutNanos, false);
    }

    // ---- files ----

    public static long open(final long engine, final Path path, final int flags, final int mode, final int durability) {
        NativePaths.requireDefault(path);
        final PortableEngine open = engineOf(engine);
        return open == null || open.isClosed()
                ? -Errno.EBADF
                : Opening.open(
                        open, newHandle(), path, flags, mode, durability, file -> OBJECTS.put(file.handle(), file));
    }

    public static int close(final long file) {
        final Object open = OBJECTS.get(file);
        if (!(open instanceof PortableFile)) {
            return -Errno.EBADF;
        }
        final int result = ((PortableFile) open).close();
        OBJECTS.remove(file);
        return result;
    }

    /** Whether a portable engine of this process has a file that the C core is to open. */
    public static boolean holds(final Path path, final boolean writes) {
        try {
            return Owners.has(Owners.identityOf(path, true), writes);
        } catch (final IOException e) {
            return false;
        }
    }

    /** The process that has a file which could not be opened; null if it is not known. */
    public static @Nullable Long holder(final Path path) {
        try {
            final String identity = Owners.identityOf(path, true);
            if (Owners.has(identity, true)) {
                return ProcessHandle.current().pid();
            }
            final Long portable = Holders.ofPortable(identity);
            return portable != null ? portable : Holders.ofCore(identity, true);
        } catch (final IOException e) {
            return null;
        }
    }

    /** The name of a process; empty if it is not known. */
    public static String commandOf(final long pid) {
        return Holders.commandOf(pid);
    }

    public static long writtenSize(final long engine, final Path path) {
        try {
            return writtenSize(engine, Owners.identityOf(path, true));
        } catch (final IOException e) {
            return -Errno.ENOENT;
        }
    }

    /** As the JDK shows the identity of a file. */
    public static long writtenSizeOf(final long engine, final long device, final long number) {
        return writtenSize(engine, "(dev=" + Long.toHexString(device) + ",ino=" + number + ")");
    }

    private static long writtenSize(final long engine, final String identity) {
        final PortableEngine open = engineOf(engine);
        final Owners.Owned owned = open == null ? null : Owners.of(open, identity);
        if (owned == null || !owned.isWritten()) {
            return -Errno.ENOENT;
        }
        final long size = owned.inode().size();
        return size < 0 ? -Errno.ENOENT : size;
    }

    public static int rename(final long file, final Path from, final Path to, final int flags) {
        return (int) call(file, open -> Naming.rename(open, from, to, flags));
    }

    public static int profile(final long file, final CApi.Profile profile) {
        return (int) call(file, open -> Profiles.fill(open.path(), profile));
    }

    /** What a file at a path would get. */
    public static void profile(final Path path, final CApi.Profile profile) {
        Profiles.fill(path, profile);
    }

    public static long size(final long file) {
        return call(file, open -> open.inode().size());
    }

    /** 0: what others change is not known, so that each sync is one of the system. */
    public static long attributes(final long file) {
        return 0;
    }

    /** Does nothing, as where there is no direct I/O. */
    public static int growAhead(final long file, final long bytes) {
        return (int) call(file, open -> 0);
    }

    public static int truncate(final long file, final long size) {
        return (int) call(file, open -> open.truncate(size));
    }

    public static int allocate(final long file, final long offset, final long length) {
        return (int) call(file, open -> open.fill(offset, length, true));
    }

    /** Java punches no holes: it writes zeros, and keeps the space. */
    public static int punchHole(final long file, final long offset, final long length) {
        return zero(file, offset, length);
    }

    public static int zero(final long file, final long offset, final long length) {
        return (int) call(file, open -> open.fill(offset, Math.min(length, Long.MAX_VALUE - offset), false));
    }

    public static int sync(final long file) {
        return (int) call(file, open -> open.force(true));
    }

    public static int force(final long file) {
        return (int) call(file, open -> open.force(false));
    }

    // ---- mappings ----

    public static int beginMapping(final long file) {
        return (int) call(file, open -> 0);
    }

    /** The number of the mapping is the file's handle: nothing has to be done at its end. */
    public static int mappingBegin(final long file, final long end, final long[] mapping) {
        mapping[0] = file;
        return (int) call(file, open -> open.inode().mapForWriting(end));
    }

    public static int mappingEnd(final long mapping) {
        return 0;
    }

    /** A channel of the JDK for mappings of the file, which stays open; one of its own for a thread that others may interrupt. */
    public static FileChannel mappingChannel(final long file, final boolean writable, final boolean own)
            throws IOException {
        final PortableFile open = entered(file);
        if (open == null) {
            throw new java.nio.channels.ClosedChannelException();
        }
        try {
            return own
                    ? open.owned().newChannel(open.path(), writable)
                    : open.owned().mapping(open.path(), writable);
        } finally {
            open.leave();
        }
    }

    /** A lock of the JDK; null if another process has one that overlaps. */
    public static @Nullable FileLock tryLock(
            final long file, final long position, final long size, final boolean shared) throws IOException {
        final PortableFile open = entered(file);
        if (open == null) {
            throw new java.nio.channels.ClosedChannelException();
        }
        try {
            return open.inode().device().tryLock(position, size, shared);
        } finally {
            open.leave();
        }
    }

    // ---- bytes ----

    /** A view of a part of a buffer or an array. */
    public static ByteBuffer view(final Object base, final int start, final int length) {
        return base instanceof byte[] array
                ? ByteBuffer.wrap(array, start, length)
                : ((ByteBuffer) base).duplicate().clear().position(start).limit(start + length);
    }

    /** Views of segments, as many as have so many bytes together. */
    public static ByteBuffer[] views(final Object[] bases, final long[] ranges, final long length) {
        int count = 0;
        for (long bytes = 0; bytes < length; count++) {
            bytes += (int) ranges[count];
        }
        final ByteBuffer[] views = new ByteBuffer[count];
        long left = length;
        for (int i = 0; i < count; i++) {
            final int start = (int) (ranges[i] >> 32);
            final int bytes = (int) Math.min((int) ranges[i], left);
            left -= bytes;
            views[i] = view(bases[i], start, bytes);
        }
        return views;
    }

    public static long write(
            final long file, final ByteBuffer[] sources, final long offset, final int durability, final int flags) {
        return call(file, open -> open.write(sources, offset, durability, flags));
    }

    public static long read(final long file, final ByteBuffer[] destinations, final long offset) {
        return call(file, open -> open.read(destinations, offset));
    }

    /** What the system has cached is not known here: a thread that may wait reads it. */
    public static long readCached(final long file, final long length, final long offset) {
        return call(file, open -> length == 0 ? 0 : -Errno.EAGAIN);
    }

    /** What may be read is asked for, and nothing is done. */
    public static int prefetch(final long file) {
        return (int) call(file, open -> 0);
    }

    /** What the C core refuses is refused. */
    public static int setBackground(final long inFlightBytes) {
        return inFlightBytes != 0 && inFlightBytes < LEAST_BACKGROUND_BYTES ? -Errno.EINVAL : 0;
    }

    public static int submit(
            final long file,
            final ByteBuffer[] sources,
            final long offset,
            final int durability,
            final int flags,
            final long token) {
        return (int) call(file, open -> open.submit(open.engine().events(), sources, offset, durability, flags, token));
    }

    public static void submitAll(
            final long file,
            final Object[] bases,
            final long[] requests,
            final int count,
            final int durability,
            final int flags) {
        for (int i = 0; i < count; i++) {
            final int request = i * NativeIo.REQUEST_LONGS;
            requests[request + 2] = submitOne(file, bases[i], requests, request, durability, flags);
        }
    }

    private static int submitOne(
            final long file,
            final @Nullable Object base,
            final long[] requests,
            final int request,
            final int durability,
            final int flags) {
        if (base == null) {
            return -Errno.EFAULT;
        }
        final ByteBuffer source = view(base, (int) (requests[request] >> 32), (int) requests[request]);
        return submit(file, new ByteBuffer[] {source}, requests[request + 1], durability, flags, requests[request + 2]);
    }

    /** A read of the whole by a thread that may wait is better; and a prefetch is the system's own. */
    public static int fetch(final long file, final long offset, final long length, final int flags, final long token) {
        return (int) call(file, open -> -Errno.EAGAIN);
    }

    // ---- lanes ----

    public static long laneOpen(final long engine, final int entries) {
        final PortableEngine open = engineOf(engine);
        if (open == null || open.isClosed()) {
            return -Errno.EBADF;
        }
        final PortableLane lane = new PortableLane(open);
        if (!open.add(lane)) {
            return -Errno.EBADF;
        }
        final long handle = newHandle();
        OBJECTS.put(handle, lane);
        return handle;
    }

    public static int refuseLanes(final long engine) {
        final PortableEngine open = engineOf(engine);
        return open == null ? 0 : open.refuseLanes();
    }

    public static int laneClose(final long lane) {
        final PortableLane open = laneOf(lane);
        if (open == null || !open.isOfCurrentThread()) {
            return open == null ? -Errno.EBADF : -Errno.EPERM;
        }
        open.close();
        OBJECTS.remove(lane);
        return 0;
    }

    public static int laneWrite(
            final long lane,
            final long file,
            final ByteBuffer[] sources,
            final long offset,
            final int durability,
            final int flags,
            final long token) {
        final PortableLane open = laneOf(lane);
        return open == null
                ? -Errno.EBADF
                : (int) call(file, of -> of.submit(open.events(), sources, offset, durability, flags, token));
    }

    /** The event of a prefetch: so many bytes of the file are in the range, and a read finds them wherever they are. */
    public static int laneFetch(
            final long lane, final long file, final long offset, final long length, final int flags, final long token) {
        final PortableLane open = laneOf(lane);
        if (open == null) {
            return -Errno.EBADF;
        }
        return (int) call(file, of -> {
            final long size = of.inode().size();
            if (size < 0) {
                return size;
            }
            open.events().begin();
            open.events().end(token, Math.max(Math.min(size - offset, length), 0), 0, offset);
            return 0;
        });
    }

    public static int laneSend(final long lane) {
        return laneOf(lane) == null ? -Errno.EBADF : 0;
    }

    public static int lanePoll(final long lane, final long[] events, final int max, final long timeoutNanos) {
        final PortableLane open = laneOf(lane);
        return open == null
                ? -Errno.EBADF
                : open.events().take(events, Math.min(max, NativeIo.EVENTS_AT_ONCE), timeoutNanos, true);
    }
}
