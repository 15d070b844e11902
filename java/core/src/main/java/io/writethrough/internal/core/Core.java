// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.core;

import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.jni.NativePaths;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * The calls of an engine, whichever it is: of the C core, by {@link NativeIo} and {@link CApi}. Of their constants and results all know
 */
public final class Core {
    private Core() {}

    /** As {@link NativeIo#writeDirect}. */
    public static long writeDirect(
            final long file,
            final ByteBuffer source,
            final int start,
            final int length,
            final long offset,
            final int durability,
            final int flags) {
        return NativeIo.writeDirect(file, source, start, length, offset, durability, flags);
    }

    /** As {@link NativeIo#readDirect}. */
    public static long readDirect(
            final long file, final ByteBuffer destination, final int start, final int length, final long offset) {
        return NativeIo.readDirect(file, destination, start, length, offset);
    }

    /** As {@link NativeIo#readCachedDirect}. */
    public static long readCachedDirect(
            final long file, final ByteBuffer destination, final int start, final int length, final long offset) {
        return NativeIo.readCachedDirect(file, destination, start, length, offset);
    }

    /** As {@link NativeIo#submitDirect}. */
    public static int submitDirect(
            final long file,
            final ByteBuffer source,
            final int start,
            final int length,
            final long offset,
            final int durability,
            final int flags,
            final long token) {
        return NativeIo.submitDirect(file, source, start, length, offset, durability, flags, token);
    }

    /** As {@link NativeIo#laneWriteDirect}. */
    public static int laneWriteDirect(
            final long lane,
            final long file,
            final ByteBuffer source,
            final int start,
            final int length,
            final long offset,
            final int durability,
            final int flags,
            final long token) {
        return NativeIo.laneWriteDirect(lane, file, source, start, length, offset, durability, flags, token);
    }

    /** As {@link NativeIo#writeArray}. */
    public static long writeArray(
            final long file,
            final byte[] source,
            final int start,
            final int length,
            final long offset,
            final int durability,
            final int flags) {
        return NativeIo.writeArray(file, source, start, length, offset, durability, flags);
    }

    /** As {@link NativeIo#readArray}. */
    public static long readArray(
            final long file, final byte[] destination, final int start, final int length, final long offset) {
        return NativeIo.readArray(file, destination, start, length, offset);
    }

    /** As {@link NativeIo#readCachedArray}. */
    public static long readCachedArray(
            final long file, final byte[] destination, final int start, final int length, final long offset) {
        return NativeIo.readCachedArray(file, destination, start, length, offset);
    }

    /** As {@link NativeIo#submitArray}. */
    public static int submitArray(
            final long file,
            final byte[] source,
            final int start,
            final int length,
            final long offset,
            final int durability,
            final int flags,
            final long token) {
        return NativeIo.submitArray(file, source, start, length, offset, durability, flags, token);
    }

    /** As {@link NativeIo#laneWriteArray}. */
    public static int laneWriteArray(
            final long lane,
            final long file,
            final byte[] source,
            final int start,
            final int length,
            final long offset,
            final int durability,
            final int flags,
            final long token) {
        return NativeIo.laneWriteArray(lane, file, source, start, length, offset, durability, flags, token);
    }

    /** As {@link NativeIo#writeSegments}. */
    public static long writeSegments(
            final long file,
            final Object[] bases,
            final long[] ranges,
            final long length,
            final long offset,
            final int durability,
            final int flags) {
        return NativeIo.writeSegments(file, bases, ranges, length, offset, durability, flags);
    }

    /** As {@link NativeIo#readSegments}. */
    public static long readSegments(
            final long file, final Object[] bases, final long[] ranges, final long length, final long offset) {
        return NativeIo.readSegments(file, bases, ranges, length, offset);
    }

    /** As {@link NativeIo#readCachedSegments}. */
    public static long readCachedSegments(
            final long file, final Object[] bases, final long[] ranges, final long length, final long offset) {
        return NativeIo.readCachedSegments(file, bases, ranges, length, offset);
    }

    /** As {@link NativeIo#submitSegments}. */
    public static int submitSegments(
            final long file,
            final Object[] bases,
            final long[] ranges,
            final long length,
            final long offset,
            final int durability,
            final int flags,
            final long token) {
        return NativeIo.submitSegments(file, bases, ranges, length, offset, durability, flags, token);
    }

    /** As {@link NativeIo#submitAll}. */
    public static void submitAll(
            final long file,
            final Object[] bases,
            final long[] requests,
            final int count,
            final int durability,
            final int flags) {
        NativeIo.submitAll(file, bases, requests, count, durability, flags);
    }

    /** As {@link NativeIo#close}. */
    public static int close(final long file) {
        return NativeIo.close(file);
    }

    /** As {@link NativeIo#fetch}. */
    public static int fetch(final long file, final long offset, final long length, final int flags, final long token) {
        return NativeIo.fetch(file, offset, length, flags, token);
    }

    /** As {@link NativeIo#reap}. */
    public static int reap(final long engine, final long[] events, final long timeoutNanos) {
        return NativeIo.reap(engine, events, timeoutNanos);
    }

    /** As {@link NativeIo#laneOpen}. */
    public static long laneOpen(final long engine, final int entries) {
        return NativeIo.laneOpen(engine, entries);
    }

    /** As {@link NativeIo#laneClose}. */
    public static int laneClose(final long lane) {
        return NativeIo.laneClose(lane);
    }

    /** As {@link NativeIo#laneFetch}. */
    public static int laneFetch(
            final long lane, final long file, final long offset, final long length, final int flags, final long token) {
        return NativeIo.laneFetch(lane, file, offset, length, flags, token);
    }

    /** As {@link NativeIo#laneSend}. */
    public static int laneSend(final long lane) {
        return NativeIo.laneSend(lane);
    }

    /** As {@link NativeIo#lanePoll}. */
    public static int lanePoll(final long lane, final long[] events, final int max, final long timeoutNanos) {
        return NativeIo.lanePoll(lane, events, max, timeoutNanos);
    }

    /** As {@link NativeIo#refuseLanes}. */
    public static int refuseLanes(final long engine) {
        return NativeIo.refuseLanes(engine);
    }

    /** As {@link NativeIo#writtenSizeOf}. */
    public static long writtenSizeOf(final long engine, final long device, final long number) {
        return NativeIo.writtenSizeOf(engine, device, number);
    }

    /** As {@link NativeIo#attributes}. */
    public static long attributes(final long file) {
        return NativeIo.attributes(file);
    }

    /** As {@link NativeIo#size}. */
    public static long size(final long file) {
        return NativeIo.size(file);
    }

    /** As {@link NativeIo#open}. */
    public static long open(final long engine, final Path path, final int flags, final int mode, final int durability) {
        return NativeIo.open(engine, NativePaths.bytesOf(path), flags, mode, durability);
    }

    /** As {@link NativeIo#writtenSize}. */
    public static long writtenSize(final long engine, final Path path) {
        return NativeIo.writtenSize(engine, NativePaths.bytesOf(path));
    }

    /** As wt_file_rename of the C ABI. */
    public static int rename(final long file, final Path from, final Path to, final int flags) {
        return CApi.wt_file_rename(file, NativePaths.bytesOf(from), NativePaths.bytesOf(to), flags);
    }

    /** As wt_engine_shutdown of the C ABI. */
    public static int shutDown(final long engine) {
        return CApi.wt_engine_shutdown(engine);
    }

    /** As wt_engine_close of the C ABI. */
    public static int closeEngine(final long engine) {
        return CApi.wt_engine_close(engine);
    }

    /** As wt_engine_stats of the C ABI. */
    public static int stats(final long engine, final long[] counters) {
        return CApi.wt_engine_stats(engine, counters);
    }

    /** As wt_engine_histogram of the C ABI. */
    public static int histogram(final long engine, final int which, final long[] histogram) {
        return CApi.wt_engine_histogram(engine, which, histogram);
    }

    /** As wt_engine_backend of the C ABI. */
    public static int backend(final long engine) {
        return CApi.wt_engine_backend(engine);
    }

    /** As wt_file_profile of the C ABI. */
    public static int profile(final long file, final CApi.Profile profile) {
        return CApi.wt_file_profile(file, profile);
    }

    /** As wt_file_grow_ahead of the C ABI. */
    public static int growAhead(final long file, final long bytes) {
        return CApi.wt_file_grow_ahead(file, bytes);
    }

    /** As wt_truncate of the C ABI. */
    public static int truncate(final long file, final long size) {
        return CApi.wt_truncate(file, size);
    }

    /** As wt_allocate of the C ABI. */
    public static int allocate(final long file, final long offset, final long length) {
        return CApi.wt_allocate(file, offset, length);
    }

    /** As wt_punch_hole of the C ABI. */
    public static int punchHole(final long file, final long offset, final long length) {
        return CApi.wt_punch_hole(file, offset, length);
    }

    /** As wt_zero of the C ABI. */
    public static int zero(final long file, final long offset, final long length) {
        return CApi.wt_zero(file, offset, length);
    }

    /** As wt_sync of the C ABI. */
    public static int sync(final long file) {
        return CApi.wt_sync(file);
    }

    /** As wt_force of the C ABI. */
    public static int force(final long file) {
        return CApi.wt_force(file);
    }

    /** As wt_file_begin_mapping of the C ABI. */
    public static int beginMapping(final long file) {
        return CApi.wt_file_begin_mapping(file);
    }

    /** As wt_mapping_begin of the C ABI. */
    public static int mappingBegin(final long file, final long end, final long[] mapping) {
        return CApi.wt_mapping_begin(file, end, mapping);
    }

    /** As wt_mapping_end of the C ABI. */
    public static int mappingEnd(final long mapping) {
        return CApi.wt_mapping_end(mapping);
    }

    /** As wt_memory_map of the C ABI. */
    public static int memoryMap(
            final long file, final long offset, final long length, final int flags, final long[] handleAndAddress) {
        return CApi.wt_memory_map(file, offset, length, flags, handleAndAddress);
    }

    /** As {@link NativeIo#laneWork}. */
    public static boolean laneWork() {
        return NativeIo.laneWork();
    }
}
