// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.core;

import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.jni.NativePaths;
import io.writethrough.internal.jni.OpenFlags;
import io.writethrough.internal.load.NativeLibraries;
import io.writethrough.internal.portable.PortableIo;
import java.nio.file.Path;

/**
 * The calls of an engine, whichever it is: of the C core, by {@link NativeIo} and {@link CApi}, or the portable one, by {@link
 * PortableIo}. The handle tells which: those of the C core are an index below 2^21 in their lower half, and those of the portable
 * engine have bit 31 set.
 *
 * <p>So there is no object and no virtual call on the way of a write. To choose is to test the sign of a number that is in a
 * register already, as the argument of the call; in a process that has engines of one kind the other branch was never taken, and
 * the JIT compiler leaves it out. A cached read of the C core does not come here: its {@code CacheView} is of that core alone. What
 * reads and writes bytes chooses in {@code Bytes}, which knows where they are.
 */
public final class Core {
    /* A file is looked for among those of portable engines only once there was one. */
    private static volatile boolean portableUsed;

    private Core() {}

    /** Opens a portable engine. Its handle. */
    public static long openPortableEngine(final long inFlightBytes) {
        portableUsed = true;
        return PortableIo.openEngine(inFlightBytes);
    }

    /** Whether a handle is of the portable engine. */
    public static boolean isPortable(final long handle) {
        return (int) handle < 0;
    }

    /** As {@link NativeIo#submitAll}. */
    public static void submitAll(
            final long file,
            final Object[] bases,
            final long[] requests,
            final int count,
            final int durability,
            final int flags) {
        if (isPortable(file)) {
            PortableIo.submitAll(file, bases, requests, count, durability, flags);
            return;
        }
        NativeIo.submitAll(file, bases, requests, count, durability, flags);
    }

    /** As {@link NativeIo#close}. */
    public static int close(final long file) {
        return isPortable(file) ? PortableIo.close(file) : NativeIo.close(file);
    }

    /** As {@link NativeIo#fetch}. */
    public static int fetch(final long file, final long offset, final long length, final int flags, final long token) {
        return isPortable(file)
                ? PortableIo.fetch(file, offset, length, flags, token)
                : NativeIo.fetch(file, offset, length, flags, token);
    }

    /** As {@link NativeIo#reap}. */
    public static int reap(final long engine, final long[] events, final long timeoutNanos) {
        return isPortable(engine)
                ? PortableIo.reap(engine, events, timeoutNanos)
                : NativeIo.reap(engine, events, timeoutNanos);
    }

    /** As {@link NativeIo#laneOpen}. */
    public static long laneOpen(final long engine, final int entries) {
        return isPortable(engine) ? PortableIo.laneOpen(engine, entries) : NativeIo.laneOpen(engine, entries);
    }

    /** As {@link NativeIo#laneClose}. */
    public static int laneClose(final long lane) {
        return isPortable(lane) ? PortableIo.laneClose(lane) : NativeIo.laneClose(lane);
    }

    /** As {@link NativeIo#laneFetch}. */
    public static int laneFetch(
            final long lane, final long file, final long offset, final long length, final int flags, final long token) {
        return isPortable(lane)
                ? PortableIo.laneFetch(lane, file, offset, length, flags, token)
                : NativeIo.laneFetch(lane, file, offset, length, flags, token);
    }

    /** As {@link NativeIo#laneSend}. */
    public static int laneSend(final long lane) {
        return isPortable(lane) ? PortableIo.laneSend(lane) : NativeIo.laneSend(lane);
    }

    /** As {@link NativeIo#lanePoll}. */
    public static int lanePoll(final long lane, final long[] events, final int max, final long timeoutNanos) {
        return isPortable(lane)
                ? PortableIo.lanePoll(lane, events, max, timeoutNanos)
                : NativeIo.lanePoll(lane, events, max, timeoutNanos);
    }

    /** As {@link NativeIo#refuseLanes}. */
    public static int refuseLanes(final long engine) {
        return isPortable(engine) ? PortableIo.refuseLanes(engine) : NativeIo.refuseLanes(engine);
    }

    /** As {@link NativeIo#writtenSizeOf}. */
    public static long writtenSizeOf(final long engine, final long device, final long number) {
        return isPortable(engine)
                ? PortableIo.writtenSizeOf(engine, device, number)
                : NativeIo.writtenSizeOf(engine, device, number);
    }

    /** As {@link NativeIo#attributes}. */
    public static long attributes(final long file) {
        return isPortable(file) ? PortableIo.attributes(file) : NativeIo.attributes(file);
    }

    /** As {@link NativeIo#size}. */
    public static long size(final long file) {
        return isPortable(file) ? PortableIo.size(file) : NativeIo.size(file);
    }

    /** As {@link NativeIo#open}. */
    public static long open(final long engine, final Path path, final int flags, final int mode, final int durability) {
        return isPortable(engine)
                ? PortableIo.open(engine, path, flags, mode, durability)
                : (portableUsed && PortableIo.holds(path, (flags & OpenFlags.WRITE) != 0))
                        ? -Errno.EBUSY
                        : NativeIo.open(engine, NativePaths.bytesOf(path), flags, mode, durability);
    }

    /** As {@link NativeIo#writtenSize}. */
    public static long writtenSize(final long engine, final Path path) {
        return isPortable(engine)
                ? PortableIo.writtenSize(engine, path)
                : NativeIo.writtenSize(engine, NativePaths.bytesOf(path));
    }

    /** As wt_file_rename of the C ABI. */
    public static int rename(final long file, final Path from, final Path to, final int flags) {
        return isPortable(file)
                ? PortableIo.rename(file, from, to, flags)
                : CApi.wt_file_rename(file, NativePaths.bytesOf(from), NativePaths.bytesOf(to), flags);
    }

    /** As wt_engine_shutdown of the C ABI. */
    public static int shutDown(final long engine) {
        return isPortable(engine) ? PortableIo.shutDown(engine) : CApi.wt_engine_shutdown(engine);
    }

    /** As wt_engine_close of the C ABI. */
    public static int closeEngine(final long engine) {
        return isPortable(engine) ? PortableIo.closeEngine(engine) : CApi.wt_engine_close(engine);
    }

    /** As wt_engine_stats of the C ABI. */
    public static int stats(final long engine, final long[] counters) {
        return isPortable(engine) ? PortableIo.stats(engine, counters) : CApi.wt_engine_stats(engine, counters);
    }

    /** As wt_engine_histogram of the C ABI. */
    public static int histogram(final long engine, final int which, final long[] histogram) {
        return isPortable(engine)
                ? PortableIo.histogram(engine, which, histogram)
                : CApi.wt_engine_histogram(engine, which, histogram);
    }

    /** As wt_engine_backend of the C ABI. */
    public static int backend(final long engine) {
        return isPortable(engine) ? PortableIo.backend(engine) : CApi.wt_engine_backend(engine);
    }

    /** As wt_file_profile of the C ABI. */
    public static int profile(final long file, final CApi.Profile profile) {
        return isPortable(file) ? PortableIo.profile(file, profile) : CApi.wt_file_profile(file, profile);
    }

    /** As wt_file_grow_ahead of the C ABI. */
    public static int growAhead(final long file, final long bytes) {
        return isPortable(file) ? PortableIo.growAhead(file, bytes) : CApi.wt_file_grow_ahead(file, bytes);
    }

    /** As wt_truncate of the C ABI. */
    public static int truncate(final long file, final long size) {
        return isPortable(file) ? PortableIo.truncate(file, size) : CApi.wt_truncate(file, size);
    }

    /** As wt_allocate of the C ABI. */
    public static int allocate(final long file, final long offset, final long length) {
        return isPortable(file) ? PortableIo.allocate(file, offset, length) : CApi.wt_allocate(file, offset, length);
    }

    /** As wt_punch_hole of the C ABI. */
    public static int punchHole(final long file, final long offset, final long length) {
        return isPortable(file) ? PortableIo.punchHole(file, offset, length) : CApi.wt_punch_hole(file, offset, length);
    }

    /** As wt_zero of the C ABI. */
    public static int zero(final long file, final long offset, final long length) {
        return isPortable(file) ? PortableIo.zero(file, offset, length) : CApi.wt_zero(file, offset, length);
    }

    /** As wt_sync of the C ABI. */
    public static int sync(final long file) {
        return isPortable(file) ? PortableIo.sync(file) : CApi.wt_sync(file);
    }

    /** As wt_force of the C ABI. */
    public static int force(final long file) {
        return isPortable(file) ? PortableIo.force(file) : CApi.wt_force(file);
    }

    /** As wt_file_begin_mapping of the C ABI. */
    public static int beginMapping(final long file) {
        return isPortable(file) ? PortableIo.beginMapping(file) : CApi.wt_file_begin_mapping(file);
    }

    /** As wt_mapping_begin of the C ABI. */
    public static int mappingBegin(final long file, final long offset, final long length, final long[] mapping) {
        return isPortable(file)
                ? PortableIo.mappingBegin(file, offset + length, mapping)
                : CApi.wt_mapping_begin(file, offset, length, mapping);
    }

    /** As wt_mapping_end of the C ABI. */
    public static int mappingEnd(final long mapping) {
        return isPortable(mapping) ? PortableIo.mappingEnd(mapping) : CApi.wt_mapping_end(mapping);
    }

    /** As {@link NativeIo#prefetch}. The system reads ahead by itself where the portable engine has its files. */
    public static int prefetch(final long file, final long offset, final long length) {
        return isPortable(file) ? PortableIo.prefetch(file) : NativeIo.prefetch(file, offset, length);
    }

    /** As {@link NativeIo#prefetchRanges}. */
    public static int prefetchRanges(final long file, final long[] ranges) {
        return isPortable(file) ? PortableIo.prefetch(file) : NativeIo.prefetchRanges(file, ranges);
    }

    /** As wt_engine_set_background of the C ABI. The portable engine has no such class, and limits nothing. */
    public static int setBackground(
            final long engine, final long bytesPerSecond, final long operationsPerSecond, final long inFlightBytes) {
        return isPortable(engine)
                ? PortableIo.setBackground(inFlightBytes)
                : CApi.wt_engine_set_background(engine, bytesPerSecond, operationsPerSecond, inFlightBytes);
    }

    /** As {@link NativeIo#laneWork}. */
    public static boolean laneWork() {
        return NativeLibraries.isLoaded() && NativeIo.laneWork();
    }
}
