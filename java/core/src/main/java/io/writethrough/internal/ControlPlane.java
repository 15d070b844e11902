package io.writethrough.internal;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.LongByReference;

/**
 * The C ABI of writethrough.h that is not worth JNI code of its own, by JNA's direct mapping. Names are those of the header;
 * results are 0 or a count, and -errno on failure. A path is its bytes and a final 0.
 */
public final class ControlPlane {
    private ControlPlane() {}

    /** Binds the methods. {@link NativeLibraries} calls it once. */
    static void bindTo(final NativeLibrary library) {
        Native.register(ControlPlane.class, library);
    }

    public static native int wt_engine_open(EngineOptions options, LongByReference engine);

    public static native int wt_engine_open_external(EngineOptions options, LongByReference engine);

    public static native int wt_external_attach(long engine);

    public static native int wt_external_may_wait(long engine);

    public static native int wt_external_detach(long engine);

    public static native int wt_engine_shutdown(long engine);

    public static native int wt_engine_close(long engine);

    public static native int wt_engine_stats(long engine, EngineCounters stats);

    /** The sum, then the counts of the buckets. */
    public static native int wt_engine_histogram(long engine, int which, long[] histogram);

    public static native int wt_engine_trace(long engine, int what, long slowNanos);

    /** The records are those of {@link TraceRecords}. */
    public static native int wt_trace_take(long engine, Pointer records, int max, long timeoutNanos);

    public static native int wt_engine_backend(long engine);

    public static native int wt_probe(byte[] path, Profile profile);

    public static native int wt_probe_extents(byte[] path, Extents extents);

    public static native int wt_file_profile(long file, Profile profile);

    public static native int wt_file_holder(byte[] path, Holder holder);

    public static native int wt_file_grow_ahead(long file, long bytes);

    public static native int wt_file_rename(long file, byte[] from, byte[] to, int flags);

    public static native int wt_truncate(long file, long size);

    public static native int wt_allocate(long file, long offset, long length);

    public static native int wt_punch_hole(long file, long offset, long length);

    public static native int wt_zero(long file, long offset, long length);

    public static native int wt_sync(long file);

    public static native int wt_file_descriptor(long file);

    /** {@code null} for a number that is no errno. */
    public static native String wt_errno_name(int errno);

    /** struct wt_engine_options. */
    @FieldOrder({"cache_bytes", "in_flight_bytes", "ring_entries", "backend", "threads", "flags"})
    public static final class EngineOptions extends Structure {
        public long cache_bytes;
        public long in_flight_bytes;
        public int ring_entries;
        public int backend;
        public int threads;
        public int flags;
    }

    /** struct wt_engine_stats. */
    @FieldOrder({
        "cache_bytes",
        "cached_bytes",
        "in_flight_bytes",
        "open_files",
        "open_inodes",
        "read_hits",
        "read_misses",
        "writes",
        "write_errors",
        "device_reads",
        "device_writes",
        "device_read_bytes",
        "device_written_bytes",
        "gathers",
        "gathered_writes",
        "evictions",
        "in_flight_ios",
        "fua_writes",
        "flushes",
        "lost_traces"
    })
    public static final class EngineCounters extends Structure {
        public long cache_bytes;
        public long cached_bytes;
        public long in_flight_bytes;
        public long open_files;
        public long open_inodes;
        public long read_hits;
        public long read_misses;
        public long writes;
        public long write_errors;
        public long device_reads;
        public long device_writes;
        public long device_read_bytes;
        public long device_written_bytes;
        public long gathers;
        public long gathered_writes;
        public long evictions;
        public long in_flight_ios;
        public long fua_writes;
        public long flushes;
        public long lost_traces;
    }

    /** struct wt_holder. */
    @FieldOrder({"pid", "own", "command"})
    public static final class Holder extends Structure {
        public int pid;
        public int own;
        public byte[] command = new byte[32];
    }

    /** struct wt_extents. */
    @FieldOrder({"size_bytes", "written_bytes", "unwritten_bytes", "hole_bytes", "shared_bytes", "extents"})
    public static final class Extents extends Structure {
        public long size_bytes;
        public long written_bytes;
        public long unwritten_bytes;
        public long hole_bytes;
        public long shared_bytes;
        public long extents;
    }

    /** struct wt_profile. */
    @FieldOrder({
        "path",
        "block_bytes",
        "dio_memory_alignment",
        "dio_offset_alignment",
        "logical_block_bytes",
        "physical_block_bytes",
        "fs_block_bytes",
        "fua",
        "volatile_cache",
        "atomic_write_min_bytes",
        "atomic_write_max_bytes",
        "atomic_write_optimal_bytes",
        "atomic_write_max_segments",
        "device_major",
        "device_minor",
        "fs_magic",
        "fs_type",
        "device_name"
    })
    public static final class Profile extends Structure {
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
    }
}
