// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * writethrough: write-through file I/O.
 *
 * A write copies the caller's bytes into a page cache of this process and sends the touched blocks at once as direct
 * I/O. When the call returns, the bytes are on stable storage, or the call has returned the error of that I/O. A read
 * of cached bytes is a copy and no system call.
 *
 * Conventions of every function here:
 *  - offsets, lengths and sizes are bytes; times are nanoseconds.
 *  - the result is 0 or a count on success and -errno on failure. No function sets errno.
 *  - engines and files are handles. A handle that was closed, or never opened, gives -EBADF, never undefined behaviour.
 *  - every function may be called from any thread at any time. A function blocks unless its comment says otherwise.
 *  - a child of fork(2) has none of its parent's engines and files. The parent's handles are closed handles there
 *    (-EBADF), and calls with them touch nothing of the parent's. The child may open engines of its own. execve(2)
 *    closes all descriptors of the library.
 *  - a buffer belongs to the caller again as soon as the call returns. The library keeps no pointer to the buffer.
 */
#ifndef WRITETHROUGH_H
#define WRITETHROUGH_H

#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WT_API __attribute__((visibility("default")))
#else
#define WT_API
#endif

/* Changes when a structure, constant or function below changes incompatibly. */
#define WT_ABI_VERSION 7

typedef uint64_t wt_engine;
typedef uint64_t wt_file;
typedef uint64_t wt_lane;

/* The ABI version that the loaded library was built with; compare it with WT_ABI_VERSION. */
WT_API uint32_t wt_abi_version(void);

/* ---- durability ---------------------------------------------------------------------------------------------- */

enum {
    WT_DURABILITY_FILE = 0,   /* for a write: what the file was opened with; for an open: the same as DSYNC */
    WT_DURABILITY_DEVICE = 1, /* accepted by the device: until wt_sync a power cut may take it */
    WT_DURABILITY_DSYNC = 2,  /* on stable storage, with the metadata needed to read the bytes back (O_DSYNC) */
    WT_DURABILITY_SYNC = 3,   /* DSYNC and all metadata, times included (O_SYNC) */
};

/* ---- engine -------------------------------------------------------------------------------------------------- */

enum {
    WT_BACKEND_AUTO = 0,     /* io_uring, or threads where the kernel refuses io_uring */
    WT_BACKEND_IO_URING = 1, /* the engine fails to open where the kernel refuses io_uring */
    WT_BACKEND_THREADS = 2,
    /*
     * The kernel's page cache is the cache, and the kernel writes it through: reads are preadv2, and a write is pwritev2
     * with RWF_WRITETHROUGH | RWF_DSYNC. For kernels with the patch set "buffered write-through" of 2026 (not merged yet),
     * on xfs. AUTO never means this. See below.
     */
    WT_BACKEND_KERNEL = 3,
};

/*
 * With WT_BACKEND_KERNEL:
 *
 * - The flag's bit, 0x200, means nothing or something else on other kernels. So the first open for writing on each mount
 *   proves, on a nameless file in the directory of the file, that this kernel writes through: the pages are clean at once
 *   and stay cached, and the disk has the bytes. If not, wt_file_open is -EOPNOTSUPP and creates no file: use AUTO
 *   there. ext4, btrfs and tmpfs are refused so. The proof needs permission to write to the directory, and
 *   /proc.
 * - The path of each file is WT_PATH_BUFFERED, with all that says below.
 * - The kernel does one write to a file at a time, and a read of cached bytes of that file waits for the write. Writes of
 *   the library are done when they are submitted.
 * - A write goes in one call, and as one command, as far as it lies in one extent of the file and in 128 KiB; on a kernel
 *   without memfd_secret(2) in one page.
 * - After a failed write reads are -EIO until the kernel has dropped the pages: while a program maps them, the kernel
 *   keeps them.
 * - No other program may write to the file without the flag: a size may then be lost (a fault of the patch set).
 */

enum {
    /*
     * A thread of the kernel takes submissions (IORING_SETUP_SQPOLL): asynchronous I/O starts without a system call.
     * The thread spins, and sleeps after 10 ms without a submission. So the thread needs a processor of its own.
     */
    WT_ENGINE_SQPOLL = 1,
    /*
     * The engine polls the device for the end of asynchronous I/O: the device does not interrupt
     * (IORING_SETUP_IOPOLL). A thread of the engine spins while such I/O is in flight. Only files on a device with
     * polled queues can be opened (/sys/block/X/queue/io_poll is 1; for NVMe the kernel's parameter
     * nvme.poll_queues): opening any other file is -EOPNOTSUPP, and does not create the file.
     */
    WT_ENGINE_IOPOLL = 2,
};

struct wt_engine_options {
    uint64_t cache_bytes;     /* folio memory: the hard limit of cached bytes. 0: 256 MiB. 128 KiB to 16 TiB */
    uint64_t in_flight_bytes; /* a caller waits while this many bytes are under I/O. 0: 64 MiB. At least 64 KiB */
    uint32_t ring_entries;    /* submission queue of the io_uring backend. 0: 256. A power of two, 8 to 32768 */
    uint32_t backend;         /* WT_BACKEND_* */
    uint32_t threads;         /* of the threads backend. 0: 8. At most 256 */
    uint32_t flags;           /* WT_ENGINE_*. The flags are io_uring's: with one of them, AUTO means IO_URING */
};

struct wt_engine_stats {
    uint64_t cache_bytes;     /* the limit in force, rounded to the unit of allocation */
    uint64_t cached_bytes;    /* folio memory in use now */
    uint64_t in_flight_bytes; /* under I/O or waiting in a gather now */
    uint64_t open_files;      /* handles */
    uint64_t open_inodes;     /* distinct files */
    uint64_t read_hits;       /* wt_read calls that needed no I/O */
    uint64_t read_misses;     /* wt_read calls that needed I/O */
    uint64_t writes;          /* writes completed without error */
    uint64_t write_errors;    /* writes completed with an error */
    uint64_t device_reads;    /* I/Os sent */
    uint64_t device_writes;   /* I/Os sent */
    uint64_t device_read_bytes;
    uint64_t device_written_bytes;
    uint64_t gathers;         /* write I/Os that carried writes gathered under an earlier I/O */
    uint64_t gathered_writes; /* writes that gathers carried */
    uint64_t evictions;       /* runs of folio memory that were evicted */
    uint64_t in_flight_ios;   /* I/Os that are in flight now: sent and not ended */
    uint64_t fua_writes;      /* durable write I/Os sent as one command each: the device has FUA */
    uint64_t flushes;         /* flushes of a device's cache that writes needed: their own, or one shared by several */
    uint64_t lost_traces;     /* trace records that nobody took in time */
    uint64_t mapped_files;    /* distinct files that are mapped for writing (wt_mapping_begin) now */
    uint64_t pinned_bytes;    /* in pages that pins keep now; a page counts once for each of its pins */
    uint64_t mapped_bytes;    /* the length of the mappings of these */
    uint64_t durable_memory_bytes; /* the length of what durable memory (wt_memory_map) owns of files now */
};

/*
 * Opens an engine: reserves cache_bytes of address space (memory is used as it is touched) and sets up the backend.
 * options may be NULL for the defaults.
 *
 * -EINVAL: a value is out of its range, or a flag comes with the threads backend. -ENOMEM: no memory of that size.
 * -EPERM, -ENOSYS: the caller asked for io_uring, by name or by a flag, and the kernel refuses io_uring. -EOPNOTSUPP:
 * the kernel refuses what a flag asks for. Also -errno, most often -EPERM or -ENOSYS, where a filter of system calls
 * refuses a call that every durable read or write needs, whatever the backend.
 *
 * If the kernel refuses io_uring only later, I/O goes on by threads.
 */
WT_API int wt_engine_open(const struct wt_engine_options *options, wt_engine *engine);

/*
 * Closes an engine and every file still open on it. Calls that have begun finish; later calls get -EBADF. All memory
 * and descriptors are gone when wt_engine_close returns, also when it returns -EBADF because another thread closes
 * the engine at that time. Returns the first error of closing a file, and closes all files anyway.
 * -EBUSY: a lane is open (wt_lane_open), and nothing was done. -EDEADLK: see wt_engine_open_external.
 */
WT_API int wt_engine_close(wt_engine engine);

WT_API int wt_engine_stats(wt_engine engine, struct wt_engine_stats *stats);

/*
 * Limits the background class of an engine: the reads and writes of handles that were opened with WT_OPEN_BACKGROUND, such as
 * those of a compaction or a backup beside the reads of clients. All other handles are of the foreground class, also those of the
 * same file, and are not limited. The limits hold for all background handles of the engine together, and change at once.
 *
 * - bytes_per_second and operations_per_second: more does not begin. 0: no limit, as when the engine is opened. Time that was not
 *   used is lost, but for a millisecond.
 * - in_flight_bytes: the share. More is not under I/O at a time. 0: 256 KiB, as when the engine is opened. At least 16 KiB.
 *
 * A synchronous read or write goes in pieces of at most 128 KiB and no more than the share, one after the other: so each that is
 * longer is several operations, and each piece of a durable write is durable by itself. Appends, atomic writes and asynchronous
 * operations go as a whole, and begin alone if they are larger than the share. Before it begins, each waits for the limit and for
 * the share; with WT_NOWAIT it is -EAGAIN. Of reads only what is not cached counts. What is prefetched and read ahead counts
 * too, and is left out where it would have to wait.
 *
 * Not limited are: reads where the kernel has the cache (WT_PATH_BUFFERED), wt_force and wt_sync and the I/O of writes with
 * WT_LATER, which count when they are called, and calls that change the size or the space of a file. While an engine is being closed nobody
 * waits.
 *
 * -EINVAL: in_flight_bytes is too small.
 *
 * @since 0.1
 */
WT_API int wt_engine_set_background(wt_engine engine, uint64_t bytes_per_second, uint64_t operations_per_second,
                                    uint64_t in_flight_bytes);

/* The histograms. All but the last count times. */
enum {
    WT_HISTOGRAM_READ_HITS = 0,    /* every 64th read hit: one read in 64 is timed */
    WT_HISTOGRAM_READ_MISSES = 1,  /* read misses: the whole call */
    WT_HISTOGRAM_WRITES = 2,       /* writes: from the call or the submission until all was stable, or failed */
    WT_HISTOGRAM_DEVICE_READS = 3, /* read I/Os: from when the kernel got the I/O to its end */
    WT_HISTOGRAM_DEVICE_WRITES = 4,
    WT_HISTOGRAM_QUEUE = 5,   /* all I/Os: from when the first write or read needed the I/O until the kernel got it */
    WT_HISTOGRAM_GATHERS = 6, /* gathers: the count of writes that one gather carried */
};
#define WT_HISTOGRAMS 7

/*
 * Values 0 to 3 have a bucket each. Each power of two from 4 on has four buckets of the same width: bucket i, from 4
 * on, begins at (4 + i % 4) << (i / 4 - 1). The last bucket also has all larger values.
 */
#define WT_HISTOGRAM_BUCKETS 160

struct wt_histogram {
    uint64_t sum; /* of the values */
    uint64_t count[WT_HISTOGRAM_BUCKETS];
};

/* Fills in the histogram `which`, one of WT_HISTOGRAM_*, since the engine was opened. */
WT_API int wt_engine_histogram(wt_engine engine, uint32_t which, struct wt_histogram *histogram);

/* ---- what happens as it happens --------------------------------------------------------------------------------- */

enum {
    WT_TRACE_GATHERS = 1, /* the gathers */
    WT_TRACE_SLOW = 2,    /* I/Os that took slow_ns or longer, the time in the queue included */
};

/* One I/O that ended. */
struct wt_trace_record {
    uint64_t offset;
    uint64_t bytes;
    uint64_t queue_ns;  /* from when the first of its writes, or a read, needed the I/O until the kernel got it */
    uint64_t device_ns; /* from then to its end: includes a flush, and for a part of a large write the copy of others */
    uint32_t reason;    /* the WT_TRACE_* for which the record was kept */
    uint32_t writes;    /* for a gather: the count of writes that the gather carried */
    int32_t error;      /* 0 or -errno */
    uint32_t is_write;
    char path[256]; /* of the file; of a longer path its end, behind "..." */
};

/*
 * From now on the engine keeps records of I/Os that end, until wt_trace_take takes them. The engine keeps up to 1024,
 * and counts records that do not fit as lost (lost_traces). what is WT_TRACE_* or'ed together; 0: keep none.
 */
WT_API int wt_engine_trace(wt_engine engine, uint32_t what, uint64_t slow_ns);

/*
 * Takes up to max records. Waits up to timeout_ns (negative: for ever) for the first. Returns the count of records, 0
 * after the timeout, or -ESHUTDOWN when the engine was shut down and all records were taken.
 */
WT_API int wt_trace_take(wt_engine engine, struct wt_trace_record *records, int max, int64_t timeout_ns);

/* The WT_BACKEND_* in use: never AUTO. */
WT_API int wt_engine_backend(wt_engine engine);

/* ---- what file systems and devices promise --------------------------------------------------------------------- */

enum {
    WT_PATH_DIRECT = 1,   /* folios of this process, direct I/O */
    WT_PATH_BUFFERED = 2, /* no direct I/O, or WT_BACKEND_KERNEL: reads and durable writes by the kernel's page cache */
};

enum { WT_NO = 0, WT_YES = 1, WT_UNKNOWN = 2 };

struct wt_profile {
    uint32_t path;                   /* the WT_PATH_* of a write */
    uint32_t block_bytes;            /* the unit of direct I/O here: at least every alignment below, at most 4096 */
    uint32_t dio_memory_alignment;   /* statx STATX_DIOALIGN, 0 where the kernel does not say */
    uint32_t dio_offset_alignment;   /* the same, for offsets */
    uint32_t logical_block_bytes;    /* of the device, 0: unknown */
    uint32_t physical_block_bytes;   /* of the device, 0: unknown */
    uint32_t fs_block_bytes;         /* of the file system (statfs f_bsize) */
    uint32_t fua;                    /* WT_YES, WT_NO, WT_UNKNOWN: a durable write is one command on the device */
    uint32_t volatile_cache;         /* WT_YES, WT_NO, WT_UNKNOWN: the device has a cache that a power cut empties */
    uint32_t atomic_write_min_bytes; /* for WT_ATOMIC: statx STATX_WRITE_ATOMIC, at least a block. 0: none */
    uint32_t atomic_write_max_bytes;
    uint32_t atomic_write_optimal_bytes; /* longer ones are done by the file system: they cost more */
    uint32_t atomic_write_max_segments;
    uint32_t device_major; /* st_dev */
    uint32_t device_minor;
    uint64_t fs_magic;    /* statfs f_type */
    char fs_type[32];     /* "ext4", "xfs", ...; the magic in hex where the name is unknown */
    char device_name[64]; /* as in /sys/block: for a partition its disk; "" for a file system without one device */
};

/*
 * Tells what a file at path would get, or a file that is created in the directory path. Changes nothing and opens
 * nothing for writing. For a directory whose file system makes no nameless files (O_TMPFILE; overlayfs of older
 * kernels) less can be known: the path is then WT_PATH_BUFFERED.
 */
WT_API int wt_probe(const char *path, struct wt_profile *profile);

/* The same for an open file: the profile in use. */
WT_API int wt_file_profile(wt_file file, struct wt_profile *profile);

/* How the bytes of a file below its size lie on the device. */
struct wt_extents {
    uint64_t size_bytes;
    uint64_t written_bytes;   /* a write there changes no metadata, unless the extent is shared */
    uint64_t unwritten_bytes; /* preallocated, not written yet: a write there needs a commit of the journal */
    uint64_t hole_bytes;      /* a write there needs a commit of the journal, and space must be found */
    uint64_t shared_bytes;    /* of written_bytes: shared with other files (reflinks). The first write moves them */
    uint64_t extents;
};

/*
 * Looks at the extents of the file at path. Changes nothing, but dirty pages of the file in the kernel's page cache are
 * written first. -EOPNOTSUPP: this file system does not tell (no FIEMAP).
 */
WT_API int wt_probe_extents(const char *path, struct wt_extents *extents);

/* ---- files --------------------------------------------------------------------------------------------------- */

enum {
    WT_OPEN_READ = 1,
    WT_OPEN_WRITE = 2,
    WT_OPEN_CREATE = 4,     /* create if missing; the file and its name are durable when the call returns */
    WT_OPEN_CREATE_NEW = 8, /* create; -EEXIST if anything has that name */
    WT_OPEN_TRUNCATE = 16,  /* size 0, as durable as wt_truncate makes it; needs WRITE */
    WT_OPEN_NOFOLLOW = 32,  /* -ELOOP if the last component is a symbolic link */
    WT_OPEN_NAMED = 64,     /* the file is to keep a name: see below */
    WT_OPEN_AT_FORCE = 128, /* for a program that forces, as in POSIX: see below */
    WT_OPEN_BACKGROUND =
        256, /* what this handle reads and writes is of the background class: wt_engine_set_background */
};

/*
 * With WT_OPEN_AT_FORCE the handle has the contract of POSIX, and costs less:
 *
 * - An open that makes a file costs no fsync. The first wt_force or wt_sync of the file makes the file durable, also an
 *   empty one. The directory entry is then as durable as after fsync(2) of the file: with it on ext4, xfs and btrfs; POSIX
 *   asks for an fsync of the directory, which is the caller's.
 * - wt_truncate and WT_OPEN_TRUNCATE cost no flush: the next wt_force or wt_sync makes the new size durable. That holds as
 *   long as nothing but wt_force and wt_sync has made bytes of the file durable since the file was opened on the engine.
 *   After the first write without WT_LATER, allocation or hole they are durable on return.
 * - A file of at most 64 KiB that is opened for reading alone is read through the kernel's page cache, with
 *   WT_PATH_BUFFERED. As long as such a handle is open, each write to the file on this engine is durable by itself.
 */

/*
 * What others do to an open file. flock(2) keeps out only programs that ask for it.
 *
 * A file may be renamed and unlinked while it is open, and another file may get its name or be renamed over it. As
 * everywhere in POSIX the handle stays the handle of the file that was opened. But bytes that are written to a file
 * without a name are gone with its last close. A caller that must not write to a nameless file unknowingly, such as a
 * database, opens with WT_OPEN_NAMED: such a file is lost once it has no name left.
 *
 * Every file is lost when another program cuts it short. Everything on a lost file fails with -ESTALE from the moment
 * that the library notices: close all handles of the file and open it again. The library notices
 *  - in wt_sync, and when the file is opened once more;
 *  - in a read of blocks that are not cached and are not on the disk any more;
 *  - in the first write, and in the first read of something not cached, in each second.
 *
 * A read of cached bytes does not look. The library does not notice bytes that others overwrite or add.
 *
 * WT_OPEN_NAMED holds for all handles of the file on the engine, until the last of them is closed.
 */

/*
 * Opens path. flags are WT_OPEN_*, with READ or WRITE at least. mode is the mode of open(2) for a created file.
 * durability is the default of writes to this handle. Two opens of one file on one engine share its folios and see
 * each other's writes at once. A writer also needs permission to read, since a write to a part of a block rewrites
 * the block.
 *
 * While a file is open for writing the engine holds flock(2) LOCK_EX on it, otherwise LOCK_SH: one engine owns a
 * file. The kernel finishes the I/O of a process that was killed, and keeps the lock until then: an open waits for
 * that, for 2 s at most.
 *
 * A file that is written by direct I/O has two descriptors while it is open. So nothing has to be opened later, when
 * the mode of the file may have changed or the process may have no descriptor left. Where the file cannot be opened
 * twice (it was created without permission to write, say) the path is WT_PATH_BUFFERED.
 *
 * -ESTALE: the file is open here already, and another program has cut it short. -EBUSY: another engine or process
 * holds the file (wt_file_holder tells which). -EISDIR: a directory. -EOPNOTSUPP: no regular file (a FIFO, a device),
 * or a file of /proc, /sys and the like, which has no bytes of its own. -EPERM: the file has the attribute
 * append-only or immutable (lsattr(1)), and a writer here rewrites the block that the file ends in. Otherwise the
 * errors of open(2): -ENOENT, -EACCES, -EEXIST, -ELOOP, -EROFS, -EMFILE, ...
 *
 * The close of a descriptor drops the POSIX locks (fcntl(2)) that the process has on the file. An open that fails,
 * and wt_probe, drop none: where there is such a lock, they may keep a descriptor of the file until the lock is gone
 * or the file is closed here.
 */
WT_API int wt_file_open(wt_engine engine, const char *path, uint32_t flags, uint32_t mode, uint32_t durability,
                        wt_file *file);

/* The process that holds a file. */
struct wt_holder {
    int32_t pid;
    uint32_t own;     /* 1: the holder is this process, by another engine or by flock(2) of its own */
    char command[32]; /* the name of the process, as ps shows it; "" if the process is gone */
};

/*
 * Tells which process has flock(2) on the file at path: for the message after -EBUSY. -ESRCH: no process, or none
 * that this process can see (the holder let go meanwhile, or lives in another container). Otherwise the errors of
 * stat(2), or of opening /proc/locks.
 */
WT_API int wt_file_holder(const char *path, struct wt_holder *holder);

enum { WT_RENAME_REPLACE = 1 };

/*
 * Renames the open file from `from` to `to`. When the call returns, the new name is on stable storage, and the old
 * name is gone from there. I/O goes on meanwhile.
 *
 * -ESTALE: `from` is not a name of the open file (a symbolic link to the file is no name of it). -EEXIST: there is a
 * file `to`, and flags lacks WT_RENAME_REPLACE. -EXDEV: `to` is on another file system. Otherwise the errors of
 * rename(2), or an error of the disk: then the file has its new name, but perhaps not durably.
 */
WT_API int wt_file_rename(wt_file file, const char *from, const char *to, uint32_t flags);

/*
 * Closes a handle. Calls on it that have begun finish first; later calls get -EBADF. There is nothing to flush. Bytes of
 * later writes that are in the cache are sent, and the call waits until the device has them; what grows the file the kernel
 * may keep, and the next wt_force of the file on any handle covers that, as the next fsync(2) does. The result is that of
 * close(2), or the error of bytes of later writes that were lost.
 */
WT_API int wt_file_close(wt_file file);

/*
 * Writes the bytes of iov to offset and returns when they are durable, as durability (WT_DURABILITY_*) asks. Returns
 * the count of bytes written, which is all of them, or -errno. On an error *stable_bytes (may be NULL) says how many
 * bytes from the start of this write are known to be durable. The other bytes may or may not have reached the disk,
 * and a read shows what the disk has. Any offset, length and memory alignment will do. Whole blocks (see wt_profile)
 * need no read first.
 *
 * Concurrent writes that overlap are applied one after the other. Writers of different blocks do not wait for each
 * other. The file grows when the bytes are durable, not before, and its size is never padded. A write of 0 bytes does
 * nothing.
 *
 * -EBADF: not open, or not open for writing. -EINVAL: offset, count or durability is out of range. -EFBIG: past the
 * largest file. -ENOSPC, -EDQUOT: no room; acknowledged bytes stay as they were. -EIO and others: an error of the
 * device.
 */
WT_API int64_t wt_write(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t durability,
                        uint64_t *stable_bytes);

/*
 * Reads into iov from offset. Returns the count of bytes read: less than asked only at the end of the file, 0 at or
 * past the end. The read sees every byte that this engine wrote; under concurrent writes each block is wholly old or
 * wholly new. Cached bytes cost no system call and never wait for a device. -errno as for wt_write. On
 * WT_PATH_BUFFERED the read is a system call that reads the kernel's page cache; the kernel decides how much of a
 * concurrent write the read sees.
 */
WT_API int64_t wt_read(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset);

/* ---- pinned reads: cached bytes without a copy ------------------------------------------------------------------- */

/* A pin that is out. */
typedef uint64_t wt_pin_id;

#define WT_PIN_MOST 262144u /* bytes of one pin at most */
#define WT_PIN_RUNS 65u     /* runs of one pin at most: it touches so many pages of 4096 bytes */

enum {
    WT_PIN_COPY = 1, /* where the limit of pinned pages is reached: a copy, in place of -ENOBUFS */
};

struct wt_pinned {
    wt_pin_id pin;      /* for wt_unpin; 0 if nothing is pinned */
    uint32_t run_count; /* of runs, as many as were filled in */
    uint32_t is_copy;   /* 1: the bytes are a copy, in memory of this pin's own */
    struct iovec runs[WT_PIN_RUNS];
};

/*
 * Reads as wt_read does, but the bytes stay where the cache has them: runs has them piece by piece, in the order of the file.
 * Returns the count of bytes in them: less than length only at the end of the file, 0 at or past the end. The bytes may be
 * read until wt_unpin, by any thread, and must not be stored to. What is not cached is read first.
 *
 * Until wt_unpin the bytes do not change, and their memory is nobody else's. A write to them goes to new memory, and so does
 * what a failed I/O has the library read again; a truncation, a hole or the close of the file leaves them alone. So a
 * pin shows each block as it was when it was pinned; reads show the file. wt_engine_close ends all pins: their memory, but for
 * copies, is unmapped then.
 *
 * Bytes within one page (4096 bytes at a multiple of it) are one run. Pages beside each other are one run if they are
 * neighbours in memory, as they are where one read or write brought them at a time when the cache had a run of free pages for
 * them: runs of 2 to 64 pages, aligned to their size from the beginning of their 64 blocks. None of that is promised.
 *
 * Pins that are out keep the pages that they touch, up to a quarter of cache_bytes in all; a page counts once for each of its
 * pins. (Pins that Java takes without this call have an eighth besides.) Past that limit the call is -ENOBUFS or, with WT_PIN_COPY, makes a copy. The library also makes a copy, whatever the
 * flags, on WT_PATH_BUFFERED, of a file that is mapped for writing, and where a block was written again while its last I/O was
 * in flight. A copy is memory of the process beside the cache.
 *
 * -EMSGSIZE: length is more than WT_PIN_MOST. -EINVAL: a flag is not known, or the range is not one. -ENOMEM. Otherwise as
 * wt_read.
 *
 * @since 0.1
 */
WT_API int64_t wt_pin(wt_file file, uint64_t offset, uint64_t length, uint32_t flags, struct wt_pinned *pinned);

/*
 * Gives a pin back. Nobody looks at its bytes any more. Any thread may call this, also when the file or the engine is closed.
 * Never waits. -EBADF: there is no such pin.
 *
 * @since 0.1
 */
WT_API int wt_unpin(wt_pin_id pin);

/* How a read is done; or'ed together. On WT_PATH_BUFFERED, and while the file is mapped for writing, they have no effect. */
enum {
    /*
     * The read waits for no device. It ends before the first byte that is not cached, and then returns less than was asked;
     * -EAGAIN: that is the first byte of the read.
     */
    WT_READ_NOWAIT = 1,
    /*
     * What the read brings into the cache leaves the cache when the read returns: pages that were missing, and pages that were
     * prefetched or read ahead and that nobody has read before. Pages that were cached otherwise stay, and so do pages with
     * other I/O on them.
     */
    WT_READ_DONTCACHE = 2,
    /* The I/O of the read has the highest priority that needs no privilege: see WT_HIGH_PRIORITY. */
    WT_READ_HIGH_PRIORITY = 4,
    /*
     * The read is one of many that go on where the one before ended. What follows is read ahead from the first of them on, and
     * each page leaves the cache as with DONTCACHE, but only when a read has come to its end, or to the end of the file.
     */
    WT_READ_SEQUENTIAL = 8,
};

/* wt_read with flags, WT_READ_*. -EINVAL: a flag is not known. @since 0.1 */
WT_API int64_t wt_read_with(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t flags);

/* Bytes of a file that wt_prefetch_ranges reads. */
struct wt_prefetch_range {
    uint64_t offset;
    uint64_t length; /* what is behind the end of the file does not count */
};

/*
 * Starts to read what the cache lacks of the ranges, and returns at once. Missing blocks that are neighbours in the file leave as
 * one I/O (of at most 4 MiB, less with a small cache), also where neighbouring ranges follow one another here, and all leave
 * together. Blocks that are cached, or that another call is reading, cost no I/O. wt_read then copies what has arrived, and
 * waits for what is on its way.
 *
 * Prefetching waits for no memory, no I/O and no truncation: where it would have to, the rest is not read. One call reads at most
 * a quarter of the cache, and all prefetching and read-ahead of an engine has at most a quarter in flight. Prefetched bytes
 * are protected from eviction for a while, until they are read first. Nothing is done on WT_PATH_BUFFERED, and while the
 * file is mapped for writing.
 *
 * How the I/O ends nobody is told: a block that could not be read stays missing, and wt_read tells the error. A file may be
 * closed and cut short meanwhile: the close and the truncation wait for the I/O. 0; -EBADF: not open, or not open for
 * reading; -EINVAL: a count, offset or length is out of range; -ESTALE: the file is lost.
 *
 * @since 0.1
 */
WT_API int wt_prefetch_ranges(wt_file file, const struct wt_prefetch_range *ranges, int count);

/* The same for one range. @since 0.1 */
WT_API int wt_prefetch(wt_file file, uint64_t offset, uint64_t length);

/* How a write is done, beside its durability; or'ed together. */
enum {
    /*
     * Only for asynchronous operations. The call returns -EAGAIN, with nothing changed, instead of waiting: for
     * memory, for room in flight, for another's I/O or for a block that is not cached.
     */
    WT_NOWAIT = 1,
    /*
     * The write goes to the end of the file, and is told where that was. The end is behind every append and every
     * write that began before this one, so appends never overlap.
     *
     * No append is acknowledged before all appends before it are stable, and the size grows in that order: nobody
     * sees a gap that an append has yet to fill. An append that fails makes those behind it fail too, with its error.
     * The file then ends with the last bytes that were acknowledged, or are stable by that append's stable_bytes, and
     * the next append goes there. A power cut may leave parts of appends that were not acknowledged yet, with zeros
     * between them.
     *
     * An append does not wait for plain writes past the end. If an append is acknowledged behind a plain write that
     * is still in flight, the append has zeros before it until the plain write is stable, and for good if the plain
     * write fails or the power goes first.
     */
    WT_APPEND = 2,
    /*
     * Once stable, the write's pages are dropped from the cache, even if they were cached before. Pages with other
     * I/O in flight stay. For bytes that will not be read soon.
     */
    WT_DONTCACHE = 4,
    /*
     * Nothing tears the write: after a power cut, a crash or an error the file has all of it or none. The length is a
     * power of two, from atomic_write_min_bytes to atomic_write_max_bytes of wt_file_profile, and offset is a
     * multiple of the length. The file must not end in the middle of the write, nor within a block in a page (4096
     * bytes) that the write touches: there the bytes and the size could not change as one. With WT_APPEND the file
     * must end at a multiple of the length. An append whose place was right fails all the same (-EINVAL, in the event
     * of an asynchronous one) if a plain write or an allocation that began later puts the end into that place first:
     * the append then goes behind them, and there is no place for it.
     *
     * The write is one I/O, with RWF_ATOMIC, that carries nothing else. It first waits until no other I/O is on its
     * blocks, also when it is asynchronous (-EAGAIN with WT_NOWAIT). Later writes to these blocks leave after it.
     *
     * -EOPNOTSUPP: this file has no atomic writes, since the kernel, the file system or the device has none. -EINVAL:
     * not with this length, or not at this offset. -EMSGSIZE: more than the engine takes at once, which is 4 MiB or
     * 2048 blocks, less with little memory.
     */
    WT_ATOMIC = 8,
    /*
     * The write joins no batch. It does not wait for I/O near it or for other writers, as small writes do that
     * gather, nor for a flush that it could share. If such a write is among the writes that gathered behind an I/O,
     * these leave at once. The write waits only for I/O on its own blocks, as every write does.
     *
     * The write also asks the kernel for the highest priority that needs no privilege, best effort 0, for each I/O
     * that carries a part of it. The effect depends on the scheduler (/sys/block/X/queue/scheduler): bfq prefers best
     * effort 0 to best effort 1 to 7, and 4 is the usual level unless ionice(1) or nice(1) said otherwise;
     * mq-deadline tells only classes apart; kyber and none ignore the priority. I/O that the kernel does by threads
     * of its own, such as an asynchronous write past the end of the file, has the priority of those threads.
     */
    WT_HIGH_PRIORITY = 16,
};

enum {
    /*
     * Of wt_write_with alone, with no other flag but WT_APPEND: the call returns when the bytes are in the cache, where
     * all reads see them and wt_size counts them. wt_force makes the bytes stable, with all others that were written
     * before it. The durability of the call does not count.
     *
     * The bytes leave for the device without a force too: when the file holds 256 KiB of them, when another write goes to
     * their blocks, and otherwise less than a millisecond after the call, or as soon as an I/O that is on their blocks has
     * ended. Up to 64 KiB that grow the file, or are of a new file before its first force, leave for the kernel's page
     * cache, which keeps them until the force; but not once anything else has made bytes of the file durable, and such a call
     * waits for a flush first (with WT_NOWAIT: -EAGAIN). If the process is killed, the kernel writes what has left, and what has not is lost. Of two writes to one
     * block the later one is never kept without the earlier one. A write that fails on the device has nobody to tell but
     * wt_force, wt_sync and wt_file_close.
     *
     * With WT_APPEND the call gets its place as other appends do, and is in no order with them: while one append is still
     * on its way into the cache, the size may count one behind it already, and its place reads as zeros; a power cut may
     * keep one and take others before it.
     *
     * The call waits while in_flight_bytes are under I/O (of later writes whole blocks count), and for the device where
     * a partly overwritten block has to be read first. *stable_bytes is 0. On WT_PATH_BUFFERED the write is as durable
     * as any other.
     */
    WT_LATER = 65536, /* far from the flags above: Java takes their bits from the order of WriteFlag */
};

/*
 * wt_write with flags (not WT_NOWAIT). *offset is where to write. With WT_APPEND, *offset is set to the place of the
 * append, also when the append failed; it is 0 if the append got no place.
 */
WT_API int64_t wt_write_with(wt_file file, const struct iovec *iov, int iov_count, uint64_t *offset,
                             uint32_t durability, uint32_t flags, uint64_t *stable_bytes);

/* The size of the file, or -errno. */
WT_API int64_t wt_size(wt_file file);

/*
 * Sets the size, up (a hole, read as zeros) or down, durably; by a handle with WT_OPEN_AT_FORCE, which see, with the next
 * wt_force. Waits for the I/O in flight on the file. I/O that begins meanwhile waits for the truncation. Nothing that was
 * cut comes back, once that is durable.
 */
WT_API int wt_truncate(wt_file file, uint64_t size);

/*
 * Makes every byte of the range exist on the device: holes and preallocated extents become written zeros, written
 * bytes stay, and the file grows to offset + length if it was smaller. Durable on return. Overwrites of the range
 * then need no change of metadata, so that each is one device command where the device has FUA. After an error the
 * part that was allocated until then stays. A length of 0 does nothing.
 */
WT_API int wt_allocate(wt_file file, uint64_t offset, uint64_t length);

/*
 * Makes a range a hole, which reads as zeros and takes no space; durable on return. The size of the file stays: the
 * part of the range past the size does not count. Waits for the I/O in flight on the file. I/O that begins meanwhile
 * waits for the call. A block that is only partly in the range keeps its other bytes, and its space. Where the file
 * system cannot punch holes, the call writes zeros, in pieces of 1 MiB; other I/O has its turn between the pieces.
 * After an error each block of the range is as it was or zeros, and keeps its other bytes.
 */
WT_API int wt_punch_hole(wt_file file, uint64_t offset, uint64_t length);

/* The same, but the space stays with the file, so that a write to the range cannot fail for want of space. */
WT_API int wt_zero(wt_file file, uint64_t offset, uint64_t length);

/*
 * From now on the file grows ahead, by this many bytes at a time (rounded up to whole pages of 4096; 0: no more). A
 * write past the end of the file on disk first makes the file longer, as wt_allocate does. The writes that follow are
 * then overwrites and need no commit of the file system's journal. The same goes for writes in sequence into holes of the
 * file, and into space that was reserved and has no zeros yet: a write that begins where the last one ended first fills
 * this many bytes from there with zeros. Of several calls, on whichever handle of the file, the last one counts.
 *
 * wt_size and reads know only what was written. Closing the last handle cuts off what was only grown ahead. After a
 * crash that part is still there: the file is longer than what was written to it, by zeros and by parts of writes
 * that were not acknowledged, and wt_file_open takes all of it for the file. Other programs see the longer file at
 * any time. If there is no room to grow ahead, the file stops growing ahead. Does nothing on WT_PATH_BUFFERED.
 */
WT_API int wt_file_grow_ahead(wt_file file, uint64_t bytes);

/*
 * Makes stable what was written to the file before this call began, by whichever handle: writes with WT_LATER, and with
 * WT_DURABILITY_DEVICE. The size is stable with it, and times may not be. Calls of several threads share their I/O and
 * their flush. The first wt_force of an open file flushes in any case, for what an earlier process may have left; after
 * that no system call is made if all is stable.
 *
 * An error tells that bytes of writes with WT_LATER are lost: the device refused them, or a flush failed. Each handle that
 * was open at the time is told once, by wt_force, wt_sync or wt_file_close. As long as nobody has written the lost bytes
 * again, cut them off or made them a hole, each wt_force and wt_sync fails. Reads show what the device has there.
 *
 * @since 0.1
 */
WT_API int wt_force(wt_file file);

/* Makes writes with WT_DURABILITY_DEVICE durable, and all metadata (fsync). Other writes need no wt_sync. */
WT_API int wt_sync(wt_file file);

/*
 * Tells that the file is going to be mapped (mmap(2)), by the descriptor below. When this returns the device has what was
 * written with WT_LATER, so that the mapping shows it. From now on a write with WT_LATER returns when the device has its
 * bytes, until the last handle of the file is closed. Errors as wt_force.
 *
 * @since 0.1
 */
WT_API int wt_file_begin_mapping(wt_file file);

/* A mapping that was begun. No two of a process have the same number, and none is 0. */
typedef uint64_t wt_mapping;

/*
 * Tells that length bytes of the file from offset on, which is open for writing, are going to be mapped for writing (mmap(2) with
 * PROT_WRITE and MAP_SHARED), by the descriptor below. If the file is shorter than their end it becomes that long, by zeros, and
 * durably.
 *
 * From now on, until the last such mapping of the file has ended, all its I/O goes through the kernel's page cache, as where
 * there is no direct I/O (WT_PATH_BUFFERED). So reads and writes, by any handle of any engine of this process, see what is
 * stored in the mapping, and the mapping shows what they write, both at once. A write is as durable as ever; with WT_LATER
 * it returns when the device has its bytes. What is stored in the mapping is durable after msync(2), wt_force or wt_sync. An
 * atomic write is -EOPNOTSUPP. wt_allocate reserves space and writes no zeros. A file that grows ahead is cut to its size, and
 * does not grow ahead meanwhile.
 *
 * The mapping outlives the handle: a file that is closed and opened again is mapped still. Other processes know nothing of it.
 * To store behind the end of the file is SIGBUS, as ever, and so is to store into a hole of a full file system.
 *
 * 1: the file was not mapped before. 0: it was. Errors as wt_force; -ENOMEM; those of wt_truncate.
 *
 * @since 0.1
 */
WT_API int wt_mapping_begin(wt_file file, uint64_t offset, uint64_t length, wt_mapping *mapping);

/*
 * Tells that the memory of a mapping is unmapped, or that nobody will store there any more. Any thread may call this, also
 * when the file is closed. Waits for nothing. After the last mapping of the file the next operation on the file flushes what
 * was stored, and goes on by direct I/O. If that flush fails, the next wt_force or wt_sync tells.
 *
 * 0, or -EBADF: there is no such mapping.
 *
 * @since 0.1
 */
WT_API int wt_mapping_end(wt_mapping mapping);

/*
 * A descriptor of the file, with the handle's access at least, for as long as the handle is open. It is for locks
 * (fcntl(2)), mappings (mmap(2)) and /proc/self/fd/N, which opens this very file even if the file was renamed or
 * unlinked. The descriptor stays the library's: do not close it, and do no I/O on it. -EOPNOTSUPP: the file has no
 * descriptor.
 */
WT_API int wt_file_descriptor(wt_file file);

/* ---- durable memory ---------------------------------------------------------------------------------------------- */

/* Memory of wt_memory_map. */
typedef uint64_t wt_memory;

enum {
    WT_MEMORY_COMPARE = 1, /* find what changed by comparing, also where the kernel could tell: for tests */
};

/*
 * Maps length bytes of the file from offset on as memory at *address, which the program reads and stores into, and which
 * wt_memory_force makes durable. The file is open for reading and writing by this handle. offset and length need no alignment.
 * *address is in its page where offset is in its page.
 *
 * The memory has the bytes of the file as they are when this returns, and zeros behind its end: all writes that returned before
 * are in it. They are read now, except for holes. So errors of the disk are told here, and no access to the memory is SIGBUS.
 * The memory is anonymous: its pages count for this process, as far as the file has data or the program touched them. The kernel
 * may swap them and cannot drop them. Mappings of large holes cost next to nothing.
 *
 * Until the memory is detached it owns the range: writes to a part of it, holes and zeros in it, and a cut of the file within
 * or before it are -EBUSY; so are appends while it reaches behind the end of the file, another wt_memory_map of a part of it, and
 * wt_mapping_begin. Reads of the file see what was forced. The file does not become longer by this call.
 *
 * A child of fork(2) has no such memory: its addresses are not mapped there.
 *
 * 1: the kernel watches which pages change (Linux 6.7 and later). 0: it does not, or refuses userfaultfd(2), and a force compares
 * its whole range with the file, which the cache has or has to read.
 *
 * -EBADF: the file is not open for both. -EINVAL: length is 0, or a flag is not known. -EBUSY: see above, or a hole or zeros are
 * being made in the range at this moment. -ENOMEM: the address space, or the limit of it. Errors of wt_read, and of wt_force for what was written with WT_LATER.
 *
 * @since 0.1
 */
WT_API int wt_memory_map(wt_file file, uint64_t offset, uint64_t length, uint32_t flags, wt_memory *memory,
                         void **address);

/*
 * Makes durable what was stored into length bytes of the memory from offset on, counted from *address, before this call began.
 * Pages that changed are written, as far as they are in the mapping, and nothing else: so stores beside the range may become
 * durable too. One run of changed pages is one durable write; several leave together and share a flush. If no page
 * has changed, no I/O is done. Where a changed page is behind the end of the file, the file becomes longer, up to the end of that
 * page or of the mapping. A page of zeros behind the end does not count as changed, also if zeros were stored there: wt_allocate
 * gives a file a length. Where the file cannot be read to compare, a page of zeros may count as changed.
 *
 * A store that another thread makes meanwhile is written by this call, or found by the next. Forces of one
 * mapping go one at a time, and wait for no other writes of the file.
 *
 * I/O by which the kernel stores into the memory without the processor, such as a direct read into it, has to be over when a
 * force begins: the kernel does not see which pages it changes.
 *
 * After an error all pages of this force still count as changed: the next force writes them. -EBADF: the memory is detached or
 * unmapped, or its file is closed. -EINVAL: the range is not in the memory. Otherwise errors of wt_write, and of wt_force if several runs
 * had changed.
 *
 * @since 0.1
 */
WT_API int wt_memory_force(wt_memory memory, uint64_t offset, uint64_t length);

/*
 * Ends that the memory belongs to the file, which wt_file_close does too: no store of the future reaches the file, nor does one of
 * the past that no force has covered, and others may change the range. The memory itself stays, with what it has. Waits for a
 * force that is under way. -EBADF: unmapped already. -EDEADLK: on the thread of an event loop that carries the I/O.
 *
 * @since 0.1
 */
WT_API int wt_memory_detach(wt_memory memory);

/* Detaches the memory and unmaps it. No thread touches it any more. Also after its file is closed. Errors as wt_memory_detach. */
WT_API int wt_memory_unmap(wt_memory memory);

/* 1: wt_memory_map will have the kernel watch which pages change. 0: it will compare. */
WT_API int wt_memory_is_watched(void);

/* ---- asynchronous I/O ------------------------------------------------------------------------------------------- */

/* How an asynchronous operation ended. */
struct wt_event {
    uint64_t token;        /* as given with the operation */
    int64_t result;        /* what the synchronous call would have returned */
    uint64_t stable_bytes; /* for a write */
    uint64_t offset;       /* for a write: its offset; for an append the place that it got */
};

/*
 * Starts a write, with flags, and returns 0 when its bytes are in the cache: the buffer may be used again, and reads
 * see the bytes. One event with the token comes when all of the bytes are durable, or failed. -errno: nothing was
 * started, and no event comes.
 *
 * The call waits while in_flight_bytes are under I/O, and for the device where a partly overwritten block has to be
 * read first. With WT_NOWAIT the call returns -EAGAIN there. -ENOBUFS: a million operations have begun whose events
 * nobody took; wt_reap takes them. WT_APPEND ignores offset. -EMSGSIZE: WT_NOWAIT with a write longer than the engine
 * takes at once (4 MiB, less with little memory).
 */
WT_API int wt_write_submit(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t durability,
                           uint32_t flags, uint64_t token);

/* One write of several that leave together. */
struct wt_submission {
    wt_file file;
    const struct iovec *iov;
    int32_t iov_count;
    uint32_t durability;
    uint64_t offset;
    uint64_t token;
    int32_t result; /* set: as wt_write_submit returns */
    uint32_t flags;
};

/* The same for count writes, in order, with as few system calls as possible. */
WT_API int wt_write_submit_all(struct wt_submission *submissions, int count);

/*
 * Starts to read missing bytes of a range into the cache, as many as one I/O reads. The event's result is the count
 * of bytes from offset on that are cached then, unless they are evicted meanwhile; 0 at the end of the file.
 */
WT_API int wt_fetch_submit(wt_file file, uint64_t offset, uint64_t length, uint32_t flags, uint64_t token);

/*
 * wt_read of cached bytes: never waits for a device. -EAGAIN: some bytes are not cached, and iov may hold some bytes; or the last
 * mapping of the file has ended, and the next call that may wait takes the file back to direct I/O.
 */
WT_API int64_t wt_read_cached(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset);

/*
 * Takes up to max events. Waits up to timeout_ns (negative: for ever) for the first. Returns the count of events, 0
 * after the timeout, or -ESHUTDOWN when the engine was shut down and all its events were taken. If timeout_ns is
 * negative, or 100 ms or more, the calling thread may flush the device's cache for writes that wait for the flush:
 * the call then takes that much longer.
 */
WT_API int wt_reap(wt_engine engine, struct wt_event *events, int max, int64_t timeout_ns);

/*
 * The first half of wt_engine_close: closes all files, after their I/O has ended. From then on no file can be opened.
 * A thread in wt_reap gets the events that are left. wt_engine_close drops events that nobody took.
 */
WT_API int wt_engine_shutdown(wt_engine engine);

/* ---- lanes ------------------------------------------------------------------------------------------------------ */

/*
 * A lane belongs to one thread, and has an io_uring of its own. Its operations are those of wt_write_submit and
 * wt_fetch_submit, and their events come by wt_lane_poll. No other thread, lock or wake-up is on the way of an operation
 * whose blocks nobody else touches. The lane collects I/O and gives it to the kernel together: when the lane is polled or
 * told to (wt_lane_send), before its thread waits in any call of this library, and, where the device takes time, after every
 * few I/Os. Gathers, shadows, the order of appends and errors are the same between lanes, and between a lane and every other
 * way of writing.
 *
 * Only the lane's thread may take completions of its ring. So the thread has to poll while the lane has operations whose
 * events were not taken. Until it does, a call of another thread waits if it meets the lane's I/O: a write to a block that the
 * lane has in flight, an append behind one of the lane's, the close or a truncation of a file with such I/O, a call that needs
 * the lane's room in in_flight_bytes, or memory of the cache while the lane's I/O has nearly all of it. The thread itself may
 * call whatever it likes: where it waits, it takes the completions of its lanes first, and their events stay for wt_lane_poll.
 * If the thread ends, its lanes are closed as by wt_lane_close.
 *
 * A lane holds at most a million operations whose events were not taken (-ENOBUFS). All functions give -EBADF for a
 * handle that never was a lane's, and -EPERM if the lane is closed or belongs to another thread. @since 0.1
 */

/*
 * Opens a lane for the calling thread. entries: how many requests its ring submits at once, a power of two from 8 to 4096; 0: 128.
 * If the kernel refuses a ring, and on the threads backend, the engine's threads carry the lane's I/O, and nothing else
 * changes. -EINVAL: entries. -ENOMEM. -EOPNOTSUPP: an event loop carries the engine's I/O (wt_engine_open_external). While a
 * lane is open, the engine cannot be closed (-EBUSY).
 */
WT_API int wt_lane_open(wt_engine engine, uint32_t entries, wt_lane *lane);

/*
 * Waits until all operations of the lane have ended, drops the events that nobody took, and closes the lane. What was written is
 * durable or has failed, as its event would have told.
 */
WT_API int wt_lane_close(wt_lane lane);

/* As wt_write_submit, of a file of the lane's engine (-EXDEV: another engine's). The buffer is free on return. */
WT_API int wt_lane_write(wt_lane lane, wt_file file, const struct iovec *iov, int iov_count, uint64_t offset,
                         uint32_t durability, uint32_t flags, uint64_t token);

/* As wt_fetch_submit: a prefetch, or the first half of a read, of which wt_read_cached is the second. */
WT_API int wt_lane_fetch(wt_lane lane, wt_file file, uint64_t offset, uint64_t length, uint32_t flags, uint64_t token);

/* Gives the I/O that the lane has collected to the kernel. */
WT_API int wt_lane_send(wt_lane lane);

/*
 * Sends as wt_lane_send does, and takes up to max events. Waits up to timeout_ns (negative: for ever) for the first, unless
 * none of the lane's operations is under way. Returns the count of events, which may be 0. When a call has taken the last
 * event, it first ends the I/O of other threads that the lane's ring carries, whatever timeout_ns is: as a rule there is none,
 * else the call takes as long as the device does. If timeout_ns is negative, or 100 ms or more, the thread may flush the
 * device's cache for writes that wait for the flush: the call then takes that much longer.
 */
WT_API int wt_lane_poll(wt_lane lane, struct wt_event *events, int max, int64_t timeout_ns);

/* ---- another's ring -------------------------------------------------------------------------------------------- */

/*
 * An engine whose I/O is submitted by an event loop, on the loop's own io_uring. The engine hands out transfers,
 * which are described as requests of the ring, and is told their results. The engine has no thread for them.
 *
 * The loop is one thread. It attaches, and reads the notifier, as a rule on its ring. When the notifier is readable
 * the loop takes transfers, as long as it is given any, and submits them. It passes results on and then takes again,
 * because a short transfer has to go on. Before the thread ends it detaches, and goes on until all that it took has
 * ended: the memory and the file of a transfer are in use until then.
 *
 * The engine also has a backend of its own (options->backend). That backend does the I/O while no loop is attached,
 * and the I/O that threads wait for while the loop does not come. The loop itself cannot wait for what it has taken.
 * While a transfer is in flight the loop's synchronous calls return -EDEADLK and do nothing, and so does a submission
 * that would have to wait. wt_read of cached bytes is not refused.
 */
struct wt_transfer {
    uint8_t opcode; /* IORING_OP_READ, READV, WRITE, WRITEV */
    uint8_t flags;  /* IOSQE_ASYNC or none */
    uint16_t ioprio;
    int32_t fd;
    uint64_t offset;
    uint64_t address; /* of the bytes, or of the vector: valid until the transfer has ended */
    uint32_t length;  /* of the bytes, or the count of iovecs in the vector */
    uint32_t rw_flags;
    uint32_t token; /* below 256 */
};

struct wt_transfer_end {
    uint32_t token;
    int32_t result; /* res of the completion */
};

/* As wt_engine_open, without flags (-EINVAL). */
WT_API int wt_engine_open_external(const struct wt_engine_options *options, wt_engine *engine);

/*
 * Makes the calling thread the engine's loop. Returns the notifier, a descriptor that the caller has to close. 8
 * bytes can be read from the notifier once somebody submits, and also when the engine is closed. -EBUSY: the engine
 * has a loop already. -EINVAL: the engine was not opened by wt_engine_open_external.
 */
WT_API int wt_external_attach(wt_engine engine);

/*
 * Fills in up to max transfers, which the loop then has to submit, and returns their count. -EBADF: the engine is
 * closed, and nothing is in flight.
 */
WT_API int wt_external_take(wt_engine engine, struct wt_transfer *transfers, int max);

/* Tells the engine that these transfers have ended. -EINVAL: one of them was not in flight; the others are done. */
WT_API int wt_external_done(wt_engine engine, const struct wt_transfer_end *ends, int count);

/* 0, or -EDEADLK: the calling thread is the loop and has transfers, so it must not wait for the engine. */
WT_API int wt_external_may_wait(wt_engine engine);

/*
 * From now on the loop gets nothing new. Returns the count of transfers that the loop still has. They go on as
 * before, with wt_external_take and wt_external_done, until a further call of wt_external_detach returns 0.
 */
WT_API int wt_external_detach(wt_engine engine);

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* The symbolic name of an errno value, "ENOSPC" for 28; NULL for an unknown value. */
WT_API const char *wt_errno_name(int errno_value);

#ifdef __cplusplus
}
#endif

#endif
