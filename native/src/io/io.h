// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The io interface: what the engine asks of a backend, which moves blocks. Five backends implement the interface. The
 * backends io_uring, threads, kernel and external share the posix backing. The fifth is the simulated disk of the tests.
 */
#ifndef WT_IO_H
#define WT_IO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "io/profile.h"
#include "writethrough.h"

/* As many segments as a bio of the kernel has: so one I/O stays one device command where the device can do that. */
#define WT_IO_SEGMENTS 256

/*
 * The kernel is left to keep no longer I/Os in its page cache. More is better sent at once: then the device is busy before
 * the flush.
 */
#define WT_KEPT_BYTES_MOST (64u << 10)

/* A timeout of reap, for the ring of a lane. */
#define WT_REAP_PATIENTLY INT64_MIN

enum wt_io_op { WT_IO_READ, WT_IO_WRITE };

/* What makes a write stable, and so how it is sent. wt_stable_by (stable.h) decides. */
enum wt_stable_by {
    WT_STABLE_BY_NOTHING,          /* a plain write, for which DEVICE was asked; or a read */
    WT_STABLE_BY_NOTHING_IN_PARTS, /* the same, as a part of a burst */
    WT_STABLE_BY_SENT_PAGES,       /* DEVICE through the page cache: a plain write, and sync_file_range(2) */
    WT_STABLE_BY_KEPT_PAGES,       /* the same, where the kernel may keep the pages: a plain write */
    WT_STABLE_BY_COMPLETION,       /* RWF_DSYNC: the disk has no volatile cache, so there is nothing to flush */
    WT_STABLE_BY_FUA,              /* RWF_DSYNC: one command */
    WT_STABLE_BY_OWN_FLUSH,        /* RWF_DSYNC: a write and a flush */
    WT_STABLE_BY_SHARED_FLUSH,     /* a plain write. One flush follows for it and others that completed before */
    WT_STABLE_BY_BURST_FLUSH,      /* a plain write. One flush follows for all parts of the burst */
};

struct wt_backing;
struct wt_burst;
struct wt_turns;

/* A turn on a file: see turns.h. */
struct wt_turn {
    struct wt_turn *next;
    void (*begin)(struct wt_turn *); /* the turn has come */
};

/*
 * One contiguous read or write of a file. The backend sets `done` and `error`. The backend also changes the fields
 * whose comment says so, and only reads the others. Then the backend calls `complete` once, from any thread, and does
 * not touch the wt_io afterwards.
 */
struct wt_io {
    enum wt_io_op op;
    uint32_t durability; /* WT_DURABILITY_DEVICE, DSYNC or SYNC; of a write */
    /*
     * The I/O goes through the kernel's page cache: by the second descriptor, if the file has direct I/O. The length
     * need not be whole blocks. The bytes are as durable as asked.
     */
    bool through_page_cache;
    bool kept;          /* set at its turn: the kernel may keep the bytes in its page cache until a flush */
    bool atomic;        /* a write in one segment, within the limits of the profile: all of it is done, or nothing */
    bool high_priority; /* WT_HIGH_PRIORITY: it joins no batch, and has that I/O priority */
    uint32_t retries;   /* the backend's own: how often it was sent again after a dropped request */
    enum wt_stable_by stable_by; /* set by the backend when it sends a write: see stable.h */
    bool flush_failed; /* set by the backend with the error of a write: a flush of the disk failed, or may have */
    struct wt_backing *backing;
    uint64_t offset;
    uint64_t length;    /* the sum of the segments; never 0 */
    int64_t queued_ns;  /* when the I/O was needed first; 0: unknown */
    int64_t started_ns; /* when the kernel got the I/O: set by the backend where it is 0 */
    unsigned segment_count;
    unsigned first_segment; /* changed by the backend, by wt_io_advance: the first segment with bytes left */
    size_t skipped;         /* the same: how many of that segment's bytes are done */
    struct iovec segments[WT_IO_SEGMENTS]; /* the same: that segment begins behind those bytes */

    uint64_t done; /* bytes transferred, from the start; those of a write are as durable as asked. 0 when handed over */
    int error;     /* 0: all of length is done, or a read met the end of the file; else -errno */

    void (*complete)(struct wt_io *);
    struct wt_io *next; /* the list handed to submit; then the backend's own */

    /* Fields of turns.h, set when the I/O starts. */
    struct wt_turns *turns;
    struct wt_turn turn;
    void (*then)(struct wt_io *); /* the caller's complete, while turns.c looks at the end first */
    uint64_t refusals_before;     /* refusals of the file and failures of the disk, when the I/O started */
    uint64_t failures_before;
    unsigned runs_again; /* how often the I/O ran again */
    bool met_kept;       /* the I/O had an error while the kernel kept bytes: the error may have been theirs */
};

/* An open file as a backend knows it. A backend's open makes it, and ops->close ends it. */
struct wt_backing {
    const struct wt_backing_ops *ops;
    uint64_t device; /* st_dev and st_ino: the identity of the file */
    uint64_t inode;
    bool presumed; /* of the file that had the path just before, as the profile: size and identify settle it */
    bool writable;
    bool writes_through; /* the kernel writes its page cache through: see posix/through.h */
    struct wt_core_profile profile;
};

/* All return 0 or -errno, and block until done. None is called with a lock held that the end of an I/O needs. */
struct wt_backing_ops {
    /*
     * Does the I/O on the caller's thread: sets done and error, does not call complete. A short transfer is continued
     * until an error or, for reads, the end of the file. A write that transfers 0 bytes is -EIO.
     */
    void (*run)(struct wt_io *io);
    /*
     * LOCK_EX or LOCK_SH of flock(2), without waiting. -EBUSY: another holds it. Converts a lock that is held
     * already.
     */
    int (*lock)(struct wt_backing *backing, bool exclusive);
    /*
     * LOCK_EX in place of the lock that from has, another open of the same file. -EBUSY: the lock cannot be had, and
     * from still has its lock. -ENOLCK: the lock cannot be had, and from has lost its lock too.
     */
    int (*take_lock)(struct wt_backing *backing, struct wt_backing *from);
    /*
     * NULL, or: after lock or take_lock gave -EBUSY, whether to try again: no living process that can be seen has the
     * file locked. The kernel finishes the I/O of a process that was killed, and keeps its lock until then.
     */
    bool (*lock_is_orphaned)(const struct wt_backing *backing);
    /* -ESTALE, for a presumed backing: it is of another file than the one it tells of. */
    int (*size)(struct wt_backing *backing, uint64_t *size);
    /*
     * NULL if the backing is never presumed, or: asks the kernel again for the identity of the file. Releases the
     * lock.
     */
    int (*identify)(struct wt_backing *backing);
    /* The size of the file, which others may have changed. */
    int (*check)(struct wt_backing *backing, uint64_t *size);
    /*
     * NULL: the file always has a name. Or: whether it has a name, here or elsewhere. If not, the last close takes
     * the file away.
     */
    bool (*has_name)(struct wt_backing *backing);
    /*
     * Renames this file from `from` to `to`, durably on return. -ESTALE: `from` is not a name of this file. -EEXIST:
     * `to` is taken, and is not to be replaced. After other errors the file may have the new name, but not durably.
     */
    int (*rename)(struct wt_backing *backing, const char *from, const char *to, bool replace);
    /* Sets the size; durable on return if asked for. */
    int (*truncate)(struct wt_backing *backing, uint64_t size, bool durable);
    /*
     * Reserves extents, and grows the file to offset + length if it is smaller; existing bytes stay. Need not be
     * durable. -EOPNOTSUPP: the file system cannot.
     */
    int (*reserve)(struct wt_backing *backing, uint64_t offset, uint64_t length);
    /*
     * The first run in [from, to) that is a hole or an unwritten extent: sets [*start, *end), and *start == to if
     * there is none. Where this cannot be known, the whole of [from, to) below the file's size counts as data.
     */
    int (*find_hole)(struct wt_backing *backing, uint64_t from, uint64_t to, uint64_t *start, uint64_t *end);
    /*
     * Turns a range of holes and unwritten extents, aligned to blocks, into written zeros inside the device
     * (FALLOC_FL_WRITE_ZEROES). -EOPNOTSUPP: the device cannot, and the engine writes zeros. Need not be durable.
     */
    int (*write_zeroes)(struct wt_backing *backing, uint64_t offset, uint64_t length);
    /*
     * Makes a range read as zeros, without moving the end of the file: as a hole, or if keep_space with its space
     * kept. The range is aligned to blocks, or goes up to the end of the file, while there is direct I/O. -EOPNOTSUPP:
     * the file system cannot, nothing was changed, and the engine writes zeros. Need not be durable.
     */
    int (*deallocate)(struct wt_backing *backing, uint64_t offset, uint64_t length, bool keep_space);
    /* fsync, or fdatasync if data_only. */
    int (*sync)(struct wt_backing *backing, bool data_only);
    /* Drops the range from the kernel's page cache, which may hold bytes that the device refused. Never fails. */
    void (*forget)(struct wt_backing *backing, uint64_t offset, uint64_t length);
    /*
     * NULL, or: takes the error that the page cache has not told to the direct descriptor yet, or to the buffered one, so
     * that no later call is told it. 0 or -errno.
     */
    int (*take_error)(struct wt_backing *backing, bool buffered);
    /*
     * NULL, or: from now on all I/O of the file goes through the page cache, or only a part again. Nothing is in flight. 0 or
     * -errno.
     */
    int (*use_page_cache)(struct wt_backing *backing, bool all);
    /* NULL if the backing has no descriptor, or: the descriptor of the open file. */
    int (*descriptor)(struct wt_backing *backing);
    /*
     * The path as it was opened or renamed to, as a string; of a longer path its end, behind "...". NULL: the backing
     * has no path.
     */
    void (*path)(struct wt_backing *backing, char *path, size_t size);
    int (*close)(struct wt_backing *backing);
    /* NULL, or: closes a backing by which nothing was written. Drops no lock of the process on the file. */
    void (*let_go)(struct wt_backing *backing);
};

static inline void wt_backing_let_go(struct wt_backing *backing) {
    if (backing->ops->let_go)
        backing->ops->let_go(backing);
    else
        (void)backing->ops->close(backing); /* nothing was written by this descriptor */
}

struct wt_backend {
    const struct wt_backend_ops *ops;
    _Atomic uint64_t shared_flushes; /* flushes that the backend sent for several writes: to be counted */
    struct wt_backend *inner;        /* NULL, or a backend that does a part of the work */
    bool
        takes_time; /* the ring of a lane: when it was sent to last, the kernel had something that was not over. By its thread */
};

struct wt_backend_ops {
    const char *name; /* "io_uring", "threads", "kernel", "external", "simulated" */
    int kind;         /* WT_BACKEND_*; 0 for a test's */
    /*
     * Opens or creates a file as wt_file_open says, except TRUNCATE and flock, which are the engine's. If a file was
     * created, the file and its directory entry are durable on return.
     */
    int (*open)(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                struct wt_backing **backing);
    /*
     * Starts every I/O of the list. Each completes on a thread of the backend, or within the call if it is over by then;
     * so may I/O of others. The caller holds no lock that completions need. Never blocks on a device. Cannot fail: an
     * I/O that cannot be started completes with its error.
     */
    void (*submit)(struct wt_backend *backend, struct wt_io *list);
    /* Ends the backend. No I/O is in flight, and no file is open. */
    void (*close)(struct wt_backend *backend);
    /*
     * NULL, or for a backend without threads of its own: completes an I/O on the caller's thread, which has to wait
     * and holds no lock. False: there is none.
     */
    bool (*pump)(struct wt_backend *backend);
    /* NULL, or: starts now the I/O that was submitted and is held back for a moment. Called before a thread waits. */
    void (*release)(struct wt_backend *backend);
    /*
     * NULL, or: makes sure that submitted I/O goes on without a thread that is not the backend's. Called before a
     * thread waits for I/O.
     */
    void (*unblock)(struct wt_backend *backend);
    /* NULL, or: whether this thread may wait for I/O. If it may not, the thread itself would have to end that I/O. */
    bool (*may_wait)(struct wt_backend *backend);
    /*
     * NULL, or: reaps completions on the caller's thread, in place of a thread of the backend: that saves waking two
     * threads. Waits up to timeout_ns (negative: for ever). 1: some were reaped, or wake was called. 0: timeout, or
     * submitters took what there was.
     * -EBUSY: another thread is reaping. -EOPNOTSUPP: not on this kernel.
     */
    int (*reap)(struct wt_backend *backend, int64_t timeout_ns);
    /* Makes a thread in reap return, or the next one that comes. */
    void (*wake)(struct wt_backend *backend);
    /*
     * NULL, or: opens a ring for a lane of the calling thread, which alone submits to it (submit) and takes its completions
     * (reap, pump). A timeout of WT_REAP_PATIENTLY does not wait, but has time for a flush. Any thread may call its wake. The ring is closed (close) before the backend, by that thread, when
     * nothing is in flight. Its I/O counts as this backend's. -errno: the lane has no ring, and uses the backend.
     */
    int (*lane_open)(struct wt_backend *backend, unsigned entries, struct wt_backend **ring);
    /*
     * NULL, or a burst: I/Os of one large write, which the caller starts one after the other and ends together. No
     * I/O of them is a read, atomic or of high priority. burst_begin returns NULL if there is no place for another
     * burst. burst_start waits for no device: the caller may hold a lock that completions need. burst_end waits for
     * all of them, makes them stable as each asks, and completes them on the caller's thread.
     */
    struct wt_burst *(*burst_begin)(struct wt_backend *backend);
    void (*burst_start)(struct wt_burst *burst, struct wt_io *writes);
    void (*burst_end)(struct wt_burst *burst);
    /*
     * NULL, or: tells the memory that I/O of the cache will use, before the first such I/O. The memory stays until
     * the backend is closed or no I/O comes any more.
     */
    void (*arena)(struct wt_backend *backend, void *base, size_t bytes);
};

/* 0, or -EDEADLK: this thread may not wait for I/O now, and must not begin what might. */
static inline int wt_may_wait(struct wt_backend *backend) {
    return backend->ops->may_wait != NULL && !backend->ops->may_wait(backend) ? -EDEADLK : 0;
}

/* An I/O of no bytes yet, not started: all that its maker does not set has its usual value. complete is not set. */
void wt_io_init(struct wt_io *io, enum wt_io_op op, struct wt_backing *backing, uint64_t offset);
/* Adds memory at its end, for as many bytes more. */
void wt_io_add(struct wt_io *io, void *memory, size_t length);
/* Counts n transferred bytes: advances done and first_segment. True when all of length is done. */
bool wt_io_advance(struct wt_io *io, uint64_t n);
/* Undoes every wt_io_advance: the segments are as they were. */
void wt_io_rewind(struct wt_io *io);
/* What is left to transfer. */
static inline struct iovec *wt_io_left(struct wt_io *io) {
    return io->segments + io->first_segment;
}
static inline unsigned wt_io_left_count(const struct wt_io *io) {
    return io->segment_count - io->first_segment;
}

#endif
