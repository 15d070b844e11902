/*
 * writethrough: write-through file I/O.
 *
 * A write copies the caller's bytes into a page cache of this process and sends the touched blocks at once as direct
 * I/O. When the call returns, the bytes are on stable storage and any error of that I/O was the caller's. A read of
 * cached bytes is a copy and no system call.
 *
 * Conventions of every function here:
 *  - offsets, lengths and sizes are bytes; times are nanoseconds.
 *  - the result is 0 or a count on success and -errno on failure. Nothing sets errno.
 *  - engines and files are handles. A handle that was closed, or never opened, gives -EBADF, never undefined behaviour.
 *  - every function may be called from any thread at any time, and blocks unless it says otherwise.
 *  - a child of fork(2) has none of its parent's engines and files: their handles are closed ones there (-EBADF), and what it
 *    does with them touches nothing of the parent's. It may open engines of its own. Descriptors are closed by execve(2).
 *  - a buffer belongs to the caller again as soon as the call returns; the library keeps no pointer to it.
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
#define WT_ABI_VERSION 3

typedef uint64_t wt_engine;
typedef uint64_t wt_file;

/* The ABI version that the loaded library was built with; compare it with WT_ABI_VERSION. */
WT_API uint32_t wt_abi_version(void);

/* ---- durability ---------------------------------------------------------------------------------------------- */

enum {
    WT_DURABILITY_FILE = 0,   /* per write: what the file was opened with; at open: the same as DSYNC */
    WT_DURABILITY_DEVICE = 1, /* accepted by the device; its volatile cache may lose it in a power cut until wt_sync */
    WT_DURABILITY_DSYNC = 2,  /* on stable storage, with the metadata needed to read it back (O_DSYNC) */
    WT_DURABILITY_SYNC = 3,   /* DSYNC and all metadata, times included (O_SYNC) */
};

/* ---- engine -------------------------------------------------------------------------------------------------- */

enum {
    WT_BACKEND_AUTO = 0,     /* io_uring, or threads where the kernel refuses io_uring */
    WT_BACKEND_IO_URING = 1, /* fails to open where the kernel refuses it */
    WT_BACKEND_THREADS = 2,
};

enum {
    /* A thread of the kernel takes what is submitted (IORING_SETUP_SQPOLL): asynchronous I/O starts without a system call.
     * The thread spins, and sleeps when there was nothing for 10 ms: it wants a processor of its own. */
    WT_ENGINE_SQPOLL = 1,
    /* The device is asked for the end of asynchronous I/O and does not interrupt (IORING_SETUP_IOPOLL). A thread of the
     * engine spins while any is in flight. Only files on a device with polled queues (/sys/block/X/queue/io_poll is 1; for
     * NVMe the kernel's parameter nvme.poll_queues) can be opened: others are -EOPNOTSUPP, and not created. */
    WT_ENGINE_IOPOLL = 2,
};

struct wt_engine_options {
    uint64_t cache_bytes;     /* folio memory: the hard limit of cached bytes. 0: 256 MiB. 128 KiB to 16 TiB */
    uint64_t in_flight_bytes; /* past this many bytes under I/O a caller waits. 0: 64 MiB. At least 64 KiB */
    uint32_t ring_entries;    /* submission queue of the io_uring backend. 0: 256. A power of two, 8 to 32768 */
    uint32_t backend;         /* WT_BACKEND_* */
    uint32_t threads;         /* of the threads backend. 0: 8. At most 256 */
    uint32_t flags;           /* WT_ENGINE_*. They are io_uring's: with one, AUTO means IO_URING */
};

struct wt_engine_stats {
    uint64_t cache_bytes;     /* the limit in force, rounded to the unit of allocation */
    uint64_t cached_bytes;    /* folio memory in use now */
    uint64_t in_flight_bytes; /* under I/O or waiting in a gather now */
    uint64_t open_files;      /* handles */
    uint64_t open_inodes;     /* distinct files */
    uint64_t read_hits;       /* wt_read calls that needed no I/O */
    uint64_t read_misses;     /* wt_read calls that did */
    uint64_t writes;          /* writes completed without error */
    uint64_t write_errors;    /* writes completed with an error */
    uint64_t device_reads;    /* I/Os sent */
    uint64_t device_writes;   /* I/Os sent */
    uint64_t device_read_bytes;
    uint64_t device_written_bytes;
    uint64_t gathers;         /* write I/Os that carried writes collected under another I/O */
    uint64_t gathered_writes; /* writes that those carried */
    uint64_t evictions;       /* runs of folio memory taken back */
    uint64_t in_flight_ios;   /* I/Os that were sent and have not ended, now */
    uint64_t fua_writes;      /* durable write I/Os that were to be one command each: the device has FUA */
    uint64_t flushes; /* flushes of a device's cache that durable writes needed: their own, or one shared by several */
    uint64_t lost_traces; /* trace records that nobody took in time */
};

/*
 * Opens an engine: reserves cache_bytes of address space (memory is used as it is touched) and sets up the backend.
 * options may be NULL for the defaults. -EINVAL: a value out of its range; -ENOMEM: no memory of that size;
 * -EPERM, -ENOSYS: io_uring was asked for, by name or by a flag, and the kernel refuses it. -EOPNOTSUPP: it refuses what a
 * flag asks for. A flag together with the threads backend is -EINVAL. Also -errno, most often -EPERM or -ENOSYS, where a filter
 * of system calls refuses one without which no file can be read or written durably, whatever the backend.
 *
 * A kernel that refuses io_uring only later does no harm: I/O goes on by threads.
 */
WT_API int wt_engine_open(const struct wt_engine_options *options, wt_engine *engine);

/*
 * Closes an engine and every file still open on it: calls that have begun finish, later ones get -EBADF. All memory and
 * descriptors are gone when it returns, also when it returns -EBADF because another thread closes the engine at that time.
 * Returns the first error met in closing a file, and closes all the same.
 */
WT_API int wt_engine_close(wt_engine engine);

WT_API int wt_engine_stats(wt_engine engine, struct wt_engine_stats *stats);

/* What there are histograms of. All are of times but the last. */
enum {
    WT_HISTOGRAM_READ_HITS = 0,    /* of every 64th of them, as one read in 64 is timed */
    WT_HISTOGRAM_READ_MISSES = 1,  /* the whole call */
    WT_HISTOGRAM_WRITES = 2,       /* from the call or the submission until all was stable, or failed */
    WT_HISTOGRAM_DEVICE_READS = 3, /* of an I/O, from when the kernel got it to its end */
    WT_HISTOGRAM_DEVICE_WRITES = 4,
    WT_HISTOGRAM_QUEUE = 5,   /* of an I/O, from when the first write or read needed it until the kernel got it */
    WT_HISTOGRAM_GATHERS = 6, /* writes that one gather carried */
};
#define WT_HISTOGRAMS 7

/*
 * Values 0 to 3 have a bucket each, and each power of two from 4 on has four of the same width: bucket i, from 4 on, begins at
 * (4 + i % 4) << (i / 4 - 1). The last has all that is larger, too.
 */
#define WT_HISTOGRAM_BUCKETS 160

struct wt_histogram {
    uint64_t sum; /* of the values */
    uint64_t count[WT_HISTOGRAM_BUCKETS];
};

/* The WT_HISTOGRAM_* which, since the engine was opened. */
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
    uint64_t queue_ns;  /* from when the first of its writes, or a read, needed it until the kernel got it */
    uint64_t device_ns; /* from then to its end: with a flush, and of a part of a large write the copying of others */
    uint32_t reason;    /* WT_TRACE_* that it is here for */
    uint32_t writes;    /* of a gather: that it carried */
    int32_t error;      /* 0 or -errno */
    uint32_t is_write;
    char path[256]; /* of the file; the end of one that is longer, behind "..." */
};

/*
 * From now on records are kept of I/Os that end, until wt_trace_take takes them; up to 1024, and those that do not fit are
 * counted as lost. what is WT_TRACE_*, 0 for none.
 */
WT_API int wt_engine_trace(wt_engine engine, uint32_t what, uint64_t slow_ns);

/*
 * Takes up to max records, waiting up to timeout_ns (negative: for ever) for the first. Returns their count, 0 after the
 * timeout, -ESHUTDOWN when the engine was shut down and all were taken.
 */
WT_API int wt_trace_take(wt_engine engine, struct wt_trace_record *records, int max, int64_t timeout_ns);

/* The WT_BACKEND_* in use: never AUTO. */
WT_API int wt_engine_backend(wt_engine engine);

/* ---- what file systems and devices promise --------------------------------------------------------------------- */

enum {
    WT_PATH_DIRECT = 1,   /* folios of this process, direct I/O */
    WT_PATH_BUFFERED = 2, /* no direct I/O here: the kernel's page cache is the cache, pwritev2(RWF_DSYNC) the write */
};

enum { WT_NO = 0, WT_YES = 1, WT_UNKNOWN = 2 };

struct wt_profile {
    uint32_t path;                   /* WT_PATH_* a write takes */
    uint32_t block_bytes;            /* the unit of direct I/O here: at least every alignment below, at most 4096 */
    uint32_t dio_memory_alignment;   /* statx STATX_DIOALIGN, 0 where the kernel does not say */
    uint32_t dio_offset_alignment;   /* the same */
    uint32_t logical_block_bytes;    /* of the device, 0: unknown */
    uint32_t physical_block_bytes;   /* of the device, 0: unknown */
    uint32_t fs_block_bytes;         /* of the file system (statfs f_bsize) */
    uint32_t fua;                    /* WT_YES, WT_NO, WT_UNKNOWN: the device takes a durable write as one command */
    uint32_t volatile_cache;         /* WT_YES, WT_NO, WT_UNKNOWN: the device has a cache that a power cut empties */
    uint32_t atomic_write_min_bytes; /* of WT_ATOMIC: statx STATX_WRITE_ATOMIC, at least a block. 0: none */
    uint32_t atomic_write_max_bytes;
    uint32_t atomic_write_optimal_bytes; /* the file system does longer ones, not the device: they cost more */
    uint32_t atomic_write_max_segments;
    uint32_t device_major; /* st_dev */
    uint32_t device_minor;
    uint64_t fs_magic;    /* statfs f_type */
    char fs_type[32];     /* "ext4", "xfs", ...; the magic in hex where the name is not known */
    char device_name[64]; /* as in /sys/block, the disk of a partition; "" for a file system without one device */
};

/*
 * What a file at path (or created in the directory path) would get. Changes nothing, opens nothing for writing. Of a
 * directory whose file system makes no nameless files (O_TMPFILE; overlayfs of older kernels) less is known: BUFFERED.
 */
WT_API int wt_probe(const char *path, struct wt_profile *profile);

/* The same for an open file, as in use. */
WT_API int wt_file_profile(wt_file file, struct wt_profile *profile);

/* How the bytes of a file below its size lie on the device. */
struct wt_extents {
    uint64_t size_bytes;
    uint64_t written_bytes;   /* a write there changes no metadata, unless it is shared */
    uint64_t unwritten_bytes; /* preallocated, not written yet: a write there needs a commit of the journal */
    uint64_t hole_bytes;      /* the same, and space must be found */
    uint64_t shared_bytes;    /* of the written: with other files (reflinks). The first write moves them */
    uint64_t extents;
};

/*
 * Looks at the extents of the file at path. Changes nothing; what others wrote to the file and the kernel holds back is
 * written first. -EOPNOTSUPP: this file system does not tell (no FIEMAP).
 */
WT_API int wt_probe_extents(const char *path, struct wt_extents *extents);

/* ---- files --------------------------------------------------------------------------------------------------- */

enum {
    WT_OPEN_READ = 1,
    WT_OPEN_WRITE = 2,
    WT_OPEN_CREATE = 4,     /* create if missing; the directory entry is durable when the call returns */
    WT_OPEN_CREATE_NEW = 8, /* create; -EEXIST if anything has that name */
    WT_OPEN_TRUNCATE = 16,  /* size 0, durable when the call returns; needs WRITE */
    WT_OPEN_NOFOLLOW = 32,  /* -ELOOP if the last component is a symbolic link */
    WT_OPEN_NAMED = 64,     /* the file is to keep a name: see below */
};

/*
 * What others do to an open file. flock(2) keeps out who asks for it. A file may be renamed and unlinked while it is open, and
 * another may get its name or be renamed over it: as everywhere in POSIX the handle stays that of the file that was opened. What
 * is written to a file without a name is gone with its last close, however. Who must not write there unknowingly, as a database,
 * opens with WT_OPEN_NAMED: a file that has no name left is lost then. So is, always, a file that another program cuts short.
 * Everything on a lost file fails with -ESTALE from when that is noticed: close all its handles and open it again. It is noticed
 * by wt_sync and by opening the file once more; by a read of blocks that are not cached and are not there any more; by the first
 * write, and the first read of something not cached, in each second. A read of cached bytes does not look. Bytes that others
 * overwrite or add are not noticed. WT_OPEN_NAMED holds for all handles of the file on the engine, until the last is closed.
 */

/*
 * Opens path. flags are WT_OPEN_*, at least READ or WRITE; mode is that of open(2) for a created file; durability is the
 * default of writes to this handle. Two opens of one file on one engine share its folios and see each other's writes at
 * once. A writer also needs permission to read, since a part of a block is written by rewriting the block.
 *
 * While a file is open for writing the engine holds flock(2) LOCK_EX on it, else LOCK_SH: one engine owns a file. Of a process
 * that was killed the kernel does the I/O to its end and keeps the lock until then: an open waits for that, 2 s at most.
 * A file that is written by direct I/O has two descriptors while it is open, so that nothing has to be opened later: its mode
 * may change, and the process run out of descriptors. Where the file cannot be opened twice (it was created without permission to
 * write, say) the path is WT_PATH_BUFFERED.
 *
 * -ESTALE: it is open here already, and others have cut it short. -EBUSY: another engine or process holds it
 * (wt_file_holder tells who). -EISDIR: a directory. -EOPNOTSUPP: no regular file (a FIFO, a device), or one of /proc, /sys and
 * the like, which has no bytes of its own. -EPERM: it has the attribute append-only or immutable (lsattr(1)), and a writer here
 * rewrites the block that the file ends in. Else what open(2) gives: -ENOENT, -EACCES, -EEXIST, -ELOOP, -EROFS, -EMFILE, ...
 *
 * An open that fails, and wt_probe, take no POSIX lock (fcntl(2)) of the process along, as the close of a descriptor does. Where
 * there is such a lock they may keep a descriptor of the file until it is gone or the file is closed here.
 */
WT_API int wt_file_open(wt_engine engine, const char *path, uint32_t flags, uint32_t mode, uint32_t durability,
                        wt_file *file);

/* Who holds a file. */
struct wt_holder {
    int32_t pid;
    uint32_t own;     /* 1: it is this process, by another engine or by flock(2) of its own */
    char command[32]; /* the name of the process, as ps shows it; "" if it is gone */
};

/*
 * Tells which process has flock(2) on the file at path: for the message after -EBUSY. -ESRCH: none, or none that this process
 * can see (it let go meanwhile, or lives in another container). Else what stat(2) gives, or opening /proc/locks.
 */
WT_API int wt_file_holder(const char *path, struct wt_holder *holder);

enum { WT_RENAME_REPLACE = 1 };

/*
 * Renames the open file from `from`, which must be a name of it (-ESTALE: it is not; a symbolic link to it is none), to `to`;
 * the new name is on stable storage when the call returns, and the old one gone from there. -EEXIST: there is a file `to`, and
 * flags has not WT_RENAME_REPLACE. -EXDEV: to is on another file system. Else what rename(2) gives, or an error of the disk:
 * then the file has its new name, but perhaps not durably. I/O goes on meanwhile.
 */
WT_API int wt_file_rename(wt_file file, const char *from, const char *to, uint32_t flags);

/*
 * Closes a handle. Calls on it that have begun finish first; later ones get -EBADF. Everything written was durable
 * before, so there is nothing to flush and no error to lose; the result is that of close(2).
 */
WT_API int wt_file_close(wt_file file);

/*
 * Writes the bytes of iov to offset and returns when they are durable, as durability (WT_DURABILITY_*) asks. Returns the
 * count of bytes written, which is all of them, or -errno. On an error *stable_bytes (may be NULL) says how many bytes
 * from the start of this write are known to be durable; the rest may or may not have reached the disk, and a read shows
 * what the disk has. Any offset, length and memory alignment will do; whole blocks (see wt_profile) need no read first.
 *
 * Concurrent writes that overlap are applied one after the other; to writers of different blocks nobody waits. The
 * file grows when the bytes are durable, not before, and its size is never padded. A write of 0 bytes does nothing.
 *
 * -EBADF: not open, or not for writing. -EINVAL: offset or count or durability out of range. -EFBIG: past the largest
 * file. -ENOSPC, -EDQUOT: no room; acknowledged bytes stay as they were. -EIO and others: of the device.
 */
WT_API int64_t wt_write(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t durability,
                        uint64_t *stable_bytes);

/*
 * Reads into iov from offset. Returns the count of bytes read: less than asked only at the end of the file, 0 at or past
 * it. Sees every byte that this engine wrote, each block wholly old or wholly new under concurrent writes. Bytes that
 * are cached cost no system call and never wait for a device. -errno as for wt_write. On WT_PATH_BUFFERED the kernel's
 * page cache is read: a system call, and what a concurrent write shows of itself is the kernel's affair.
 */
WT_API int64_t wt_read(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset);

/* How a write is done, beside its durability; or'ed together. */
enum {
    /*
     * Of an asynchronous operation: give -EAGAIN, with nothing changed, where the call would have to wait for memory, for
     * room in flight, for another's I/O or for a block that is not cached.
     */
    WT_NOWAIT = 1,
    /*
     * The write goes to the end of the file, and is told where that was: behind every append and every write that began
     * before it, so that appends never overlap. None is acknowledged before all appends before it are stable, and the size
     * grows with that: nobody sees a gap that an append has yet to fill. One that fails takes those behind it along, with its
     * error: the file ends with the last bytes that were acknowledged, or are stable by that append's stable_bytes, and the
     * next append goes there. A power cut may leave parts of appends that were not acknowledged yet, with zeros between them.
     *
     * For plain writes past the end an append does not wait: acknowledged behind one that is still in flight, it has zeros
     * before it until that is stable, and for good if that fails or the power goes first.
     */
    WT_APPEND = 2,
    /*
     * The pages of the write are not cached any more once it is stable, also those that were before it, but for pages that
     * other I/O is on at that moment. For what will not be read soon.
     */
    WT_DONTCACHE = 4,
    /*
     * Nothing tears the write: after a power cut, a crash or an error the file has all of it or none. Its length is a power of
     * two, from atomic_write_min_bytes to atomic_write_max_bytes of wt_file_profile, and offset is a multiple of it. The file
     * does not end in the middle of it, nor within a block in a page (4096 bytes) that it touches: else the bytes and the size
     * could not change as one. With WT_APPEND the file ends at a multiple of the length.
     *
     * It is one I/O, with RWF_ATOMIC, and carries nothing else: it first waits until no other I/O is on its blocks, also when it
     * is asynchronous (-EAGAIN with WT_NOWAIT), and what is written to them later leaves after it.
     *
     * -EOPNOTSUPP: this file has no atomic writes, since the kernel, the file system or the device has none. -EINVAL: not of
     * this length, or not there. -EMSGSIZE: more than the engine takes at once: 4 MiB or 2048 blocks, less with little memory.
     */
    WT_ATOMIC = 8,
    /*
     * The write does not wait for company: neither for other I/O near it nor for other writers, as small writes do that gather,
     * nor for a flush that it could share; what collected behind an I/O leaves at once if such a write is among it. Only for
     * I/O on its own blocks it waits, as every write.
     *
     * And it asks the kernel for the highest priority that needs no privilege, best effort 0, for each I/O that carries a part
     * of it. What comes of that is the scheduler's affair (/sys/block/X/queue/scheduler): bfq prefers it to best effort 1 to 7,
     * which is 4 unless ionice(1) or nice(1) said otherwise; mq-deadline tells only classes apart, kyber and none nothing.
     * What the kernel writes by threads of its own, as of an asynchronous write past the end of the file, has their priority.
     */
    WT_HIGH_PRIORITY = 16,
};

/*
 * wt_write with flags (not WT_NOWAIT). offset is where to write, or with WT_APPEND is set to where it was written, also when
 * that failed. 0 if it got no place.
 */
WT_API int64_t wt_write_with(wt_file file, const struct iovec *iov, int iov_count, uint64_t *offset,
                             uint32_t durability, uint32_t flags, uint64_t *stable_bytes);

/* The size of the file. */
WT_API int64_t wt_size(wt_file file);

/*
 * Sets the size, up (a hole, read as zeros) or down, durably. Waits for the I/O in flight on the file; I/O that begins
 * meanwhile waits for it. Nothing that was cut comes back.
 */
WT_API int wt_truncate(wt_file file, uint64_t size);

/*
 * Makes every byte of the range exist on the device: holes and preallocated extents become written zeros, what was
 * written stays, the file grows to offset + length if it was smaller. Durable on return. Overwrites of the range then
 * need no change of metadata, so that each is one device command where the device has FUA. On an error what was
 * allocated until then stays. length 0 does nothing.
 */
WT_API int wt_allocate(wt_file file, uint64_t offset, uint64_t length);

/*
 * Makes a range a hole, which reads as zeros and takes no space; durable on return. The size of the file stays: what of the
 * range is past it does not count. Waits for the I/O in flight on the file, and I/O that begins meanwhile waits for it; a
 * block that is only partly in the range keeps its other bytes, and its space. Where the file system has no holes to punch,
 * zeros are written, in pieces of 1 MiB between which others have their turn. On an error each block of the range is as it
 * was or zeros, and keeps its other bytes.
 */
WT_API int wt_punch_hole(wt_file file, uint64_t offset, uint64_t length);

/* The same, but the space stays with the file, so that a write to the range cannot fail for want of it. */
WT_API int wt_zero(wt_file file, uint64_t offset, uint64_t length);

/*
 * From now on the file grows ahead, by bytes at a time (whole pages of 4096; 0: no more): a write past what it has on disk
 * first makes that longer, as wt_allocate does, so that the writes that follow are overwrites and need no commit of the file
 * system's journal. Of all handles of the file the last call counts. wt_size and reads know only what was written; closing the
 * last handle cuts the rest off. After a crash it is still there: the file is longer than what was written to it, by zeros, and
 * by parts of writes that were not acknowledged; wt_file_open then takes all of it for the file. Other programs see the longer
 * file at any time. If there is no room to grow ahead, the file does without from then on. Does nothing on WT_PATH_BUFFERED.
 */
WT_API int wt_file_grow_ahead(wt_file file, uint64_t bytes);

/* Makes durable what was written with WT_DURABILITY_DEVICE, and all metadata (fsync). Other writes need none of it. */
WT_API int wt_sync(wt_file file);

/*
 * A descriptor of the file, with the handle's access at least, for as long as the handle is open: for locks (fcntl(2)), mappings
 * (mmap(2)) and /proc/self/fd/N, which opens this very file also when it was renamed or unlinked. It stays the library's:
 * neither close it nor do I/O on it. -EOPNOTSUPP: there is none.
 */
WT_API int wt_file_descriptor(wt_file file);

/* ---- asynchronous I/O ------------------------------------------------------------------------------------------- */

/* How an asynchronous operation ended. */
struct wt_event {
    uint64_t token;        /* as given with the operation */
    int64_t result;        /* what the synchronous call would have returned */
    uint64_t stable_bytes; /* of a write */
    uint64_t offset;       /* of a write: where it is, and so where an append went */
};

/*
 * Starts a write, with flags, and returns 0 when its bytes are in the cache: the buffer may be used again, and reads see the bytes. The
 * event with the token comes, once, when all of them are durable or failed. -errno: nothing was started, no event comes.
 *
 * Waits while in_flight_bytes are under I/O, and for a device where a partly overwritten block has to be read first;
 * WT_NOWAIT gives -EAGAIN there. -ENOBUFS: a million operations have begun whose events nobody took: wt_reap takes them.
 * WT_APPEND ignores offset. A write longer than the engine takes at once (4 MiB, less with little memory)
 * cannot be WT_NOWAIT: -EMSGSIZE.
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

/* The same for count writes, in order, with as few system calls as they need. */
WT_API int wt_write_submit_all(struct wt_submission *submissions, int count);

/*
 * Starts reading into the cache what it lacks of a range, as much as is read at once. The event's result is the count of
 * bytes from offset on that are cached then, unless evicted meanwhile; 0 at the end of the file.
 */
WT_API int wt_fetch_submit(wt_file file, uint64_t offset, uint64_t length, uint32_t flags, uint64_t token);

/* wt_read of bytes that are cached: never waits for a device. -EAGAIN: some are not; iov may hold some bytes. */
WT_API int64_t wt_read_cached(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset);

/*
 * Takes up to max events, waiting up to timeout_ns (negative: for ever) for the first. Returns their count, 0 after the
 * timeout, -ESHUTDOWN when the engine was shut down and all its events were taken. With no timeout, or one of 100 ms or more,
 * the calling thread may flush the device's cache for writes that wait for it: the call then takes that much longer.
 */
WT_API int wt_reap(wt_engine engine, struct wt_event *events, int max, int64_t timeout_ns);

/*
 * The first half of wt_engine_close: closes all files, whose I/O ends; no file can be opened any more. A thread in wt_reap
 * gets the events that are left. wt_engine_close drops events that nobody took.
 */
WT_API int wt_engine_shutdown(wt_engine engine);

/* ---- another's ring -------------------------------------------------------------------------------------------- */

/*
 * An engine whose I/O is submitted by another, on an io_uring of his: an event loop. The engine hands out transfers as a request
 * of the ring has them, and is told their results. It has no thread for them.
 *
 * The loop is one thread. It attaches, and reads the notifier, on its ring as a rule; when that can be read it takes, as long
 * as it is given something, and submits. Results it passes on, and takes again: a short transfer goes on. Before it is gone it
 * detaches, and goes on until all that it took has ended: the memory and the file of a transfer are in use until then.
 *
 * While no loop is attached, and for what threads wait for while the loop does not come, the engine has a backend of its own
 * (options->backend). The loop itself cannot wait for what it has taken. While that is in flight its synchronous calls are
 * -EDEADLK and do nothing (wt_read of cached bytes is not one), and so is a submission that would have to wait.
 */
struct wt_transfer {
    uint8_t opcode; /* IORING_OP_READ, READV, WRITE, WRITEV */
    uint8_t flags;  /* IOSQE_ASYNC or none */
    uint16_t ioprio;
    int32_t fd;
    uint64_t offset;
    uint64_t address; /* of the bytes, or of the vector: valid until the end */
    uint32_t length;  /* of the bytes, or of the vector in iovecs */
    uint32_t rw_flags;
    uint32_t token; /* below 256 */
};

struct wt_transfer_end {
    uint32_t token;
    int32_t result; /* the res of the completion */
};

/* As wt_engine_open, without flags (-EINVAL). */
WT_API int wt_engine_open_external(const struct wt_engine_options *options, wt_engine *engine);

/*
 * The calling thread is the engine's loop from now on. Returns the notifier, a descriptor that is the caller's to close: once
 * somebody submits it can be read, 8 bytes, and also when the engine is closed. -EBUSY: there is a loop; -EINVAL: it is no such engine.
 */
WT_API int wt_external_attach(wt_engine engine);

/* Sets up to max transfers, which begin now, and returns their count. -EBADF: the engine is closed, and nothing is in flight. */
WT_API int wt_external_take(wt_engine engine, struct wt_transfer *transfers, int max);

/* These have ended. -EINVAL: one was not in flight; the others are done. */
WT_API int wt_external_done(wt_engine engine, const struct wt_transfer_end *ends, int count);

/* 0, or -EDEADLK: the calling thread is the loop, and has transfers, so that it must not wait for the engine. */
WT_API int wt_external_may_wait(wt_engine engine);

/* The loop takes nothing new. Returns how many transfers it has: they are taken and done as before until it is 0, which may
 * be asked again. */
WT_API int wt_external_detach(wt_engine engine);

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* The symbolic name of an errno value, "ENOSPC" for 28; NULL for one unknown. */
WT_API const char *wt_errno_name(int errno_value);

#ifdef __cplusplus
}
#endif

#endif
