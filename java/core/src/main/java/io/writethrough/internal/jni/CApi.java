// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jni;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The C ABI of writethrough.h that is not the {@link NativeIo}'s, by JNI as that. Names are those of the header; results are 0 or
 * a count, and -errno on failure. A path is its bytes and a final 0. Structures go through as arrays.
 *
 * <p>JNA would bind these methods with less, take a third of a second before the first of them, and keep their class and its
 * loader for as long as the process lives.
 */
public final class CApi {
    /** Of the library that has these methods. The library looks at this constant before it registers any. */
    public static final int ABI_VERSION = 7;

    private CApi() {}

    /** {@code engine[0]} becomes the handle. */
    public static int wt_engine_open(final EngineOptions options, final long[] engine) {
        return wt_engine_open(options.bytes(), engine);
    }

    private static native int wt_engine_open(byte[] options, long[] engine);

    /** The same for the ring of an event loop. */
    public static int wt_engine_open_external(final EngineOptions options, final long[] engine) {
        return wt_engine_open_external(options.bytes(), engine);
    }

    private static native int wt_engine_open_external(byte[] options, long[] engine);

    public static native int wt_external_attach(long engine);

    public static native int wt_external_may_wait(long engine);

    public static native int wt_external_detach(long engine);

    public static native int wt_engine_shutdown(long engine);

    public static native int wt_engine_close(long engine);

    /** The fields of struct wt_engine_stats, in their order. */
    public static native int wt_engine_stats(long engine, long[] stats);

    /** The sum, then the counts of the buckets. */
    public static native int wt_engine_histogram(long engine, int which, long[] histogram);

    public static native int wt_engine_set_background(
            long engine, long bytesPerSecond, long operationsPerSecond, long inFlightBytes);

    public static native int wt_engine_trace(long engine, int what, long slowNanos);

    /** The records are those of {@link TraceRecords}. */
    public static native int wt_trace_take(long engine, ByteBuffer records, int max, long timeoutNanos);

    public static native int wt_engine_backend(long engine);

    public static int wt_probe(final byte[] path, final Profile profile) {
        final byte[] bytes = new byte[Profile.BYTES];
        final int result = wt_probe(path, bytes);
        profile.set(bytes);
        return result;
    }

    private static native int wt_probe(byte[] path, byte[] profile);

    public static int wt_probe_extents(final byte[] path, final Extents extents) {
        final long[] longs = new long[Extents.LONGS];
        final int result = wt_probe_extents(path, longs);
        extents.set(longs);
        return result;
    }

    private static native int wt_probe_extents(byte[] path, long[] extents);

    public static int wt_file_profile(final long file, final Profile profile) {
        final byte[] bytes = new byte[Profile.BYTES];
        final int result = wt_file_profile(file, bytes);
        profile.set(bytes);
        return result;
    }

    private static native int wt_file_profile(long file, byte[] profile);

    public static int wt_file_holder(final byte[] path, final Holder holder) {
        final byte[] bytes = new byte[Holder.BYTES];
        final int result = wt_file_holder(path, bytes);
        holder.set(bytes);
        return result;
    }

    private static native int wt_file_holder(byte[] path, byte[] holder);

    public static native int wt_file_grow_ahead(long file, long bytes);

    public static native int wt_file_rename(long file, byte[] from, byte[] to, int flags);

    public static native int wt_truncate(long file, long size);

    public static native int wt_allocate(long file, long offset, long length);

    public static native int wt_punch_hole(long file, long offset, long length);

    public static native int wt_zero(long file, long offset, long length);

    public static native int wt_sync(long file);

    public static native int wt_force(long file);

    public static native int wt_file_begin_mapping(long file);

    /** The number of the mapping goes to the first element. */
    public static native int wt_mapping_begin(long file, long offset, long length, long[] mapping);

    public static native int wt_mapping_end(long mapping);

    /** The handle and the address go to the first two elements. */
    public static native int wt_memory_map(long file, long offset, long length, int flags, long[] handleAndAddress);

    public static native int wt_memory_force(long memory, long offset, long length);

    public static native int wt_memory_detach(long memory);

    public static native int wt_memory_unmap(long memory);

    public static native int wt_memory_is_watched();

    /** A direct buffer of memory, which it does not keep. */
    public static native ByteBuffer memoryBuffer(long address, int length);

    public static native int wt_file_descriptor(long file);

    /** {@code null} for a number that is no errno. */
    public static native String wt_errno_name(int errno);

    private static ByteBuffer structure(final byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    }

    private static String text(final byte[] bytes) {
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    /** struct wt_engine_options. */
    public static final class EngineOptions {
        private static final int BYTES = 32;

        public long cache_bytes;
        public long in_flight_bytes;
        public int ring_entries;
        public int backend;
        public int threads;
        public int flags;

        private byte[] bytes() {
            final byte[] bytes = new byte[BYTES];
            structure(bytes)
                    .putLong(cache_bytes)
                    .putLong(in_flight_bytes)
                    .putInt(ring_entries)
                    .putInt(backend)
                    .putInt(threads)
                    .putInt(flags);
            return bytes;
        }
    }

    /** struct wt_holder. */
    public static final class Holder {
        private static final int BYTES = 40;

        public int pid;
        public int own;
        public byte[] command = new byte[32];

        /** Empty if it is not known. */
        public String commandName() {
            return text(command);
        }

        private void set(final byte[] bytes) {
            final ByteBuffer from = structure(bytes);
            pid = from.getInt();
            own = from.getInt();
            from.get(command);
        }
    }

    /** struct wt_extents. */
    public static final class Extents {
        private static final int LONGS = 6;

        public long size_bytes;
        public long written_bytes;
        public long unwritten_bytes;
        public long hole_bytes;
        public long shared_bytes;
        public long extents;

        private void set(final long[] longs) {
            size_bytes = longs[0];
            written_bytes = longs[1];
            unwritten_bytes = longs[2];
            hole_bytes = longs[3];
            shared_bytes = longs[4];
            extents = longs[5];
        }
    }

    /** struct wt_profile. */
    public static final class Profile {
        private static final int BYTES = 168;
        private static final int FS_MAGIC = 64; /* aligned */

        public int path;
        public int block_bytes;
        public int dio_memory_alignment;
        public int dio_offset_alignment;
        public int logical_block_bytes;
        public int physical_block_bytes;
        public int fs_block_bytes;
        public int fua;
        public int volatile_cache;
        public int atomic_write_min_bytes;
        public int atomic_write_max_bytes;
        public int atomic_write_optimal_bytes;
        public int atomic_write_max_segments;
        public int device_major;
        public int device_minor;
        public long fs_magic;
        public byte[] fs_type = new byte[32];
        public byte[] device_name = new byte[64];

        public boolean isDirect() {
            return path == 1;
        }

        public String fileSystemType() {
            return text(fs_type);
        }

        /** Empty if it is not known. */
        public String deviceName() {
            return text(device_name);
        }

        private void set(final byte[] bytes) {
            final ByteBuffer from = structure(bytes);
            path = from.getInt();
            block_bytes = from.getInt();
            dio_memory_alignment = from.getInt();
            dio_offset_alignment = from.getInt();
            logical_block_bytes = from.getInt();
            physical_block_bytes = from.getInt();
            fs_block_bytes = from.getInt();
            fua = from.getInt();
            volatile_cache = from.getInt();
            atomic_write_min_bytes = from.getInt();
            atomic_write_max_bytes = from.getInt();
            atomic_write_optimal_bytes = from.getInt();
            atomic_write_max_segments = from.getInt();
            device_major = from.getInt();
            device_minor = from.getInt();
            fs_magic = from.position(FS_MAGIC).getLong();
            from.get(fs_type);
            from.get(device_name);
        }
    }
}
