/*
 * The io interface: what the engine asks of whatever moves blocks. Four things implement it: io_uring, threads and another's
 * ring, which share the posix backing, and the simulated disk of the tests.
 */
#ifndef WT_IO_H
#define WT_IO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "writethrough.h"

/* As many segments as a bio of the kernel has: one I/O stays one device command where the device can. */
#define WT_IO_SEGMENTS 256

enum wt_io_op { WT_IO_READ, WT_IO_WRITE };

struct wt_backing;
struct wt_burst;
struct wt_lane;

/* A turn in the lane of a file: see lane.h. */
struct wt_turn {
    struct wt_turn *next;
    void (*begin)(struct wt_turn *); /* the lane is this turn's now */
};

/*
 * One contiguous read or write of a file. The backend reads the first group, sets the second, and calls complete (from
 * any thread, once; the backend does not touch the wt_io afterwards).
 */
struct wt_io {
    enum wt_io_op op;
    uint32_t durability;     /* WT_DURABILITY_DEVICE, DSYNC or SYNC; of a write */
    bool through_page_cache; /* unaligned length: goes by the buffered descriptor, which must not leave it there */
    bool atomic;        /* of a write in one segment, within the limits of the profile: done as a whole or not at all */
    bool high_priority; /* WT_HIGH_PRIORITY: it waits for nothing that it need not, and has that I/O priority */
    uint32_t retries;   /* the backend's own: how often it was sent again for nothing */
    bool owes_flush;    /* the backend's own: a DSYNC write that was sent without, and shares a flush afterwards */
    bool flush_failed;  /* set by the backend beside the error of a write: a flush of the disk failed, or may have */
    struct wt_backing *backing;
    uint64_t offset;
    uint64_t length;    /* sum of the segments; never 0 */
    int64_t queued_ns;  /* when it was needed first; 0: unknown */
    int64_t started_ns; /* when the kernel got it: set by the backend where it is 0 */
    unsigned segment_count;
    unsigned
        first_segment; /* the first with bytes left to transfer, and how many of its bytes are done: wt_io_advance */
    size_t skipped;
    struct iovec segments[WT_IO_SEGMENTS];

    uint64_t done; /* bytes transferred, from the start; a write's are durable as asked. 0 when handed over */
    int error;     /* 0: all of length was done, or a read met the end of the file; else -errno */

    void (*complete)(struct wt_io *);
    struct wt_io *next; /* list handed to submit; then the backend's own */

    /* The lane's: set when the I/O starts. */
    struct wt_lane *lane;
    struct wt_turn turn;
    void (*then)(struct wt_io *); /* complete, while the lane looks at the end first */
    uint64_t refusals_before;     /* of the lane, and failures of the disk: when the I/O started */
    uint64_t failures_before;
    unsigned runs_again; /* how often it did */
};

/* An open file as a backing knows it. Made by a backend's open, ended by its ops->close. */
struct wt_backing {
    const struct wt_backing_ops *ops;
    uint64_t device; /* st_dev and st_ino: who the file is */
    uint64_t inode;
    bool presumed; /* they, and the profile, are of what had the path just before: size and identify settle it */
    bool writable;
    struct wt_profile profile;
};

/* All return 0 or -errno and block until done. None is called with a lock held that an I/O completion needs. */
struct wt_backing_ops {
    /*
     * Does the I/O on the caller's thread: sets done and error, does not call complete. A short transfer is continued
     * until an error or, for reads, the end of the file. A write that transfers 0 bytes is -EIO.
     */
    void (*run)(struct wt_io *io);
    /* LOCK_EX or LOCK_SH of flock(2), without waiting: -EBUSY if another holds it. Converts a lock already held. */
    int (*lock)(struct wt_backing *backing, bool exclusive);
    /*
     * LOCK_EX in place of the lock that from has, another open of the same file. -EBUSY: not to be had, from has its lock
     * as before; -ENOLCK: and has lost that too.
     */
    int (*take_lock)(struct wt_backing *backing, struct wt_backing *from);
    /*
     * NULL, or: whether it is worth trying again when lock or take_lock gave -EBUSY: no living process that can be seen has
     * the file locked. The kernel does the I/O of a process that was killed to its end, and keeps its lock until then.
     */
    bool (*lock_is_orphaned)(const struct wt_backing *backing);
    /* -ESTALE while it is presumed: the backing is not of the file that it tells of. */
    int (*size)(struct wt_backing *backing, uint64_t *size);
    /* NULL if the backing is never presumed, or: looks again who the file is. Lets go of the lock. */
    int (*identify)(struct wt_backing *backing);
    /* The size, as others may have changed it. */
    int (*check)(struct wt_backing *backing, uint64_t *size);
    /* NULL: always. Whether the file has a name, here or elsewhere: if not, the last close takes it away. */
    bool (*has_name)(struct wt_backing *backing);
    /*
     * Gives the file that has the name from, which must be this one (-ESTALE), the name to; durable on return. -EEXIST: that is
     * taken, and it is not to be replaced. After other errors the file may have the new name, but not durably.
     */
    int (*rename)(struct wt_backing *backing, const char *from, const char *to, bool replace);
    /* Sets the size; durable on return. */
    int (*truncate)(struct wt_backing *backing, uint64_t size);
    /* Reserves extents, and grows the file to offset + length if it is smaller; what exists stays. Need not be durable.
     * -EOPNOTSUPP where the file system cannot. */
    int (*reserve)(struct wt_backing *backing, uint64_t offset, uint64_t length);
    /*
     * The first run in [from, to) that is a hole or unwritten extent: sets [*start, *end), *start == to if there is none.
     * Where this cannot be known, the whole of [from, to) below the file's size counts as data.
     */
    int (*find_hole)(struct wt_backing *backing, uint64_t from, uint64_t to, uint64_t *start, uint64_t *end);
    /* Turns a range of holes and unwritten extents, aligned to blocks, into written zeros inside the device
     * (FALLOC_FL_WRITE_ZEROES). -EOPNOTSUPP where it cannot: then the engine writes zeros. Need not be durable. */
    int (*write_zeroes)(struct wt_backing *backing, uint64_t offset, uint64_t length);
    /*
     * Makes a range read as zeros, without moving the end of the file: as a hole, or if keep_space with its space kept. Aligned
     * to blocks, or up to the end of the file, where there is direct I/O. -EOPNOTSUPP where the file system cannot: nothing
     * was changed, and the engine writes zeros. Need not be durable.
     */
    int (*deallocate)(struct wt_backing *backing, uint64_t offset, uint64_t length, bool keep_space);
    /* fsync, or fdatasync if data_only. */
    int (*sync)(struct wt_backing *backing, bool data_only);
    /* Drops what the kernel's page cache has of the range: it may hold bytes that the device refused. Never fails. */
    void (*forget)(struct wt_backing *backing, uint64_t offset, uint64_t length);
    /* NULL, or: takes what the page cache's error cursor of the direct descriptor has not told yet, so that no later call
     * tells it. 0 or -errno. */
    int (*take_error)(struct wt_backing *backing);
    /* The descriptor of the open file; NULL if the backing has none. */
    int (*descriptor)(struct wt_backing *backing);
    /* The path as it was opened or renamed to, as a string; its end behind "..." if it is longer. NULL: it has none. */
    void (*path)(struct wt_backing *backing, char *path, size_t size);
    int (*close)(struct wt_backing *backing);
    /* NULL, or: the close of one by which nothing was written. It takes no lock of the process's on the file along. */
    void (*let_go)(struct wt_backing *backing);
};

static inline void wt_backing_let_go(struct wt_backing *backing) {
    if (backing->ops->let_go)
        backing->ops->let_go(backing);
    else
        (void)backing->ops->close(backing); /* nothing was written by it */
}

struct wt_backend {
    const struct wt_backend_ops *ops;
    _Atomic uint64_t shared_flushes; /* flushes that the backend sent for several writes: to be counted */
    struct wt_backend *inner;        /* NULL, or: does a part of this one's work */
};

struct wt_backend_ops {
    const char *name; /* "io_uring", "threads", "external", "simulated" */
    int kind;         /* WT_BACKEND_*; 0 for a test's */
    /* Opens or creates a file as wt_file_open says, except TRUNCATE and flock, which are the engine's. A file that was
     * created is durable, and its directory entry too, on return. */
    int (*open)(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                struct wt_backing **backing);
    /* Starts every I/O of the list; each completes on a thread of the backend. Never blocks on a device. Cannot fail: an
     * I/O that cannot be started completes with its error. */
    void (*submit)(struct wt_backend *backend, struct wt_io *list);
    /* Ends the backend. No I/O is outstanding, and no file open. */
    void (*close)(struct wt_backend *backend);
    /* NULL, or for a backend without threads of its own: completes an I/O on the caller's thread, which has to wait and
     * holds no lock. False: there is none. */
    bool (*pump)(struct wt_backend *backend);
    /* NULL, or: starts now what was submitted and is held back for a moment. Before a thread waits. */
    void (*release)(struct wt_backend *backend);
    /* NULL, or: sees that what was submitted goes on without a thread that is not the backend's. Before a thread waits for I/O. */
    void (*unblock)(struct wt_backend *backend);
    /* NULL, or: whether this thread may wait for I/O. No: it would have to end it itself. */
    bool (*may_wait)(struct wt_backend *backend);
    /*
     * NULL, or: takes completions on the caller's thread, in place of a thread of the backend: that saves waking two.
     * Waits up to timeout_ns (negative: for ever). 1: some were taken, or wake was called; 0: timeout; -EBUSY: another
     * thread is at it; -EOPNOTSUPP: not on this kernel.
     */
    int (*reap)(struct wt_backend *backend, int64_t timeout_ns);
    /* Makes a thread in reap return, or the next one that comes. */
    void (*wake)(struct wt_backend *backend);
    /*
     * NULL, or: I/Os of one large write, which the caller starts one after the other and ends together; none is a read, atomic
     * or of high priority. NULL is returned too if there is no place for another burst. Start waits for no device: the caller
     * may hold a lock that completions need. End waits for all of them, makes them stable as each asks, and completes them
     * on the caller's thread.
     */
    struct wt_burst *(*burst_begin)(struct wt_backend *backend);
    void (*burst_start)(struct wt_burst *burst, struct wt_io *writes);
    void (*burst_end)(struct wt_burst *burst);
    /* NULL, or: the memory that I/O of the cache will use, before the first of it. It stays until the backend is closed or
     * no I/O comes any more. */
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
/* The segments are as they were before any wt_io_advance. */
void wt_io_rewind(struct wt_io *io);
/* What is left to transfer. */
static inline struct iovec *wt_io_left(struct wt_io *io) {
    return io->segments + io->first_segment;
}
static inline unsigned wt_io_left_count(const struct wt_io *io) {
    return io->segment_count - io->first_segment;
}

#endif
