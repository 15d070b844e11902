// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The posix backing: an open file, its two descriptors, and I/O on the caller's thread. The backends io_uring, threads
 * and external share it.
 */
#define _GNU_SOURCE
#include "posix/posix.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errno_names.h"
#include "base/line.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "base/retry.h"
#include "io/stable.h"
#include "posix/descriptor.h"
#include "posix/holder.h"
#include "posix/probe.h"
#include "posix/through.h"

static_assert(sizeof(off_t) == 8, "offsets are 64 bits wide");

/* Linux 6.17 and 6.11; the headers may be older. */
#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES 0x80
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif

/* Two processes that create and delete one name in turns can send an open round in circles; this often, no more. */
#define OPEN_ATTEMPTS 16

/* Extents that one FIEMAP call brings, on the stack. */
#define FIEMAP_EXTENTS 32u

struct posix_file {
    struct wt_backing backing;
    int descriptor; /* direct where the profile says so, else buffered; carries the flock */
    int buffered;   /* through the page cache, of a direct file that is open for writing or mapped for that; else -1 */
    atomic_bool buffered_advised;
    struct wt_mutex lock;
    int flock_held; /* LOCK_UN, LOCK_SH or LOCK_EX; under lock */
    /* Bytes that the device refused, and that a page cache that is written through may still show; from < to if any. Under lock. */
    uint64_t refused_from, refused_to;
    atomic_uint refusals; /* of such bytes, that were not dropped yet */
    struct wt_flush flush;
    struct wt_posix_registration registration;
    char *path; /* as it was opened */
};

static struct posix_file *file_of(struct wt_backing *backing) {
    return (struct posix_file *)backing;
}

static bool is_direct(const struct wt_backing *backing) {
    return backing->profile.path == WT_PATH_DIRECT;
}

/* ---- descriptors ----------------------------------------------------------------------------------------------- */

static bool same_file(const struct stat *stat, const struct wt_backing *backing) {
    return stat->st_dev == backing->device && stat->st_ino == backing->inode;
}

/* By the path, where there is no /proc: only if that still leads to this file. */
static int open_path_again(const struct posix_file *file, int access) {
    struct stat own = {0}, other = {0};
    int fd = wt_descriptor_open(file->path, access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        return fd;
    }
    int rc = fstat(file->descriptor, &own) < 0 || fstat(fd, &other) < 0 ? -errno : 0;
    if (rc == 0 && (other.st_dev != own.st_dev || other.st_ino != own.st_ino)) {
        rc = -ESTALE;
    }
    /* O_NONBLOCK must not stay: io_uring would answer EAGAIN where it otherwise waits. */
    if (rc == 0 && fcntl(fd, F_SETFL, 0) < 0) {
        rc = -errno;
    }
    if (rc < 0) {
        wt_descriptor_let_go(fd);
        return rc;
    }
    return fd;
}

/*
 * Opens the file once more, without O_DIRECT, by its descriptor: neither a rename nor an unlink can lead that astray.
 */
static int open_again(const struct posix_file *file) {
    int access = file->backing.writable ? O_RDWR : O_RDONLY;
    char by_descriptor[40];
    struct stat stat;
    if (wt_descriptor_any_kept() && fstat(file->descriptor, &stat) == 0) {
        int kept = wt_descriptor_take_kept(stat.st_dev, stat.st_ino, access); /* of an opening that came to nothing */
        if (kept != 0) {
            return kept;
        }
    }
    (void)snprintf(by_descriptor, sizeof by_descriptor, "/proc/thread-self/fd/%d", file->descriptor);
    int fd = wt_descriptor_open(by_descriptor, access | O_CLOEXEC, 0);
    return fd == -ENOENT ? open_path_again(file, access) : fd;
}

/*
 * A file that is written needs a second descriptor some day, for the tail block. It is opened now, while the path may
 * be opened: later the mode may be another, or the process may have no descriptor left. A file that can be opened
 * only once, such as one that was just created without permission to write, goes through the page cache as a whole.
 */
static int have_both_descriptors(struct posix_file *file) {
    if (!is_direct(&file->backing) || !file->backing.writable || file->buffered >= 0) {
        return 0;
    }
    int fd = open_again(file);
    if (fd >= 0) {
        file->buffered = fd;
        return 0;
    }
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM) {
        return fd;
    }
    wt_describe_buffered(&file->backing.profile);
    return 0;
}

/*
 * Only single blocks go through the page cache: neighbours that the kernel reads ahead would be a second copy of what
 * the folios hold. A file system that takes no advice is as correct.
 */
static int buffered_descriptor(struct posix_file *file, bool for_reading) {
    if (file->buffered < 0) { /* nobody writes to a file that was opened for reading */
        return -EBADF;
    }
    if (for_reading && !atomic_load_explicit(&file->buffered_advised, memory_order_relaxed)) {
        atomic_store_explicit(&file->buffered_advised, true, memory_order_relaxed);
        (void)posix_fadvise(file->buffered, 0, 0, POSIX_FADV_RANDOM);
    }
    return file->buffered;
}

/* Then neighbours are read ahead: nothing else has a copy of them. */
static int posix_use_page_cache(struct wt_backing *backing, bool all) {
    struct posix_file *file = file_of(backing);
    if (!is_direct(backing)) {
        return 0;
    }
    if (file->buffered < 0) {
        int fd = open_again(file);
        if (fd < 0) {
            return fd;
        }
        file->buffered = fd;
    }
    atomic_store_explicit(&file->buffered_advised, true, memory_order_relaxed);
    (void)posix_fadvise(file->buffered, 0, 0, all ? POSIX_FADV_NORMAL : POSIX_FADV_RANDOM);
    return 0;
}

static bool goes_buffered(const struct wt_io *io) {
    return io->through_page_cache && is_direct(io->backing);
}

int wt_posix_descriptor(struct wt_io *io) {
    struct posix_file *file = file_of(io->backing);
    return goes_buffered(io) ? buffered_descriptor(file, io->op == WT_IO_READ) : file->descriptor;
}

struct wt_posix_registration *wt_posix_registration(struct wt_io *io) {
    return goes_buffered(io) ? NULL : &file_of(io->backing)->registration;
}

struct wt_flush *wt_posix_flush(struct wt_backing *backing) {
    return &file_of(backing)->flush;
}

/* ---- one I/O --------------------------------------------------------------------------------------------------- */

static int rwf_of_durability(const struct wt_io *io) {
    switch (io->stable_by) {
    case WT_STABLE_BY_NOTHING:
    case WT_STABLE_BY_NOTHING_IN_PARTS:
    case WT_STABLE_BY_SENT_PAGES:
    case WT_STABLE_BY_KEPT_PAGES:
    case WT_STABLE_BY_SHARED_FLUSH:
    case WT_STABLE_BY_BURST_FLUSH:
        return 0;
    case WT_STABLE_BY_COMPLETION:
    case WT_STABLE_BY_FUA:
    case WT_STABLE_BY_OWN_FLUSH:
        break;
    }
    if (io->durability == WT_DURABILITY_SYNC) {
        return RWF_SYNC | RWF_DSYNC;
    }
    return WT_MUTANT("rwf-dsync-dropped") ? 0 : RWF_DSYNC;
}

int wt_posix_rwf(const struct wt_io *io) {
    if (io->op == WT_IO_READ) {
        return 0;
    }
    bool through = io->backing->writes_through && !WT_MUTANT("flag-of-the-kernel-dropped");
    return rwf_of_durability(io) | (io->atomic ? RWF_ATOMIC : 0) | (through ? WT_RWF_WRITETHROUGH : 0);
}

void wt_posix_begin(struct wt_io *io) {
    assert(io->length > 0 && io->segment_count > 0 && io->segment_count <= WT_IO_SEGMENTS);
    assert(!io->atomic || (io->op == WT_IO_WRITE && io->segment_count == 1 && !io->through_page_cache));
    assert(io->offset <= INT64_MAX && io->length <= INT64_MAX - io->offset);
    io->first_segment = 0;
    io->skipped = 0;
    io->done = 0;
    io->error = 0;
    io->flush_failed = false;
    io->retries = 0;
    wt_stable_decide(io, WT_SENDER_RING);
}

/* Whether a direct read that stands at position can only have stopped there because the file ends. */
static bool ends_here(const struct wt_io *io, uint64_t position) {
    uint32_t alignment = io->backing->profile.dio_offset_alignment;
    return io->op == WT_IO_READ && !io->through_page_cache && is_direct(io->backing) && alignment != 0 &&
           position % alignment != 0;
}

/* Whether -EINVAL is the answer to going on, by direct I/O, at the end of a file that ends within a block. */
static bool refused_at_end(const struct wt_io *io) {
    return io->op == WT_IO_READ && !io->through_page_cache && is_direct(io->backing) && io->done > 0 &&
           (io->offset + io->done) % io->backing->profile.block_bytes != 0;
}

/*
 * Whether a refused write reaches past the process's limit on file sizes. The kernel cuts a write short there. If the
 * limit is inside a block, the rest of a direct write is misaligned, and -EINVAL is what the kernel tells.
 */
static bool past_size_limit(const struct wt_io *io) {
    struct rlimit limit;
    return io->op == WT_IO_WRITE && getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           io->offset + io->length > limit.rlim_cur;
}

bool wt_posix_apply_result(struct wt_io *io, int64_t result) {
    if (io->atomic && result > 0 && (uint64_t)result < io->length) {
        io->error = -EIO; /* the rest would be another write: there is none to a kernel that keeps its promise */
        return true;
    }
    if (result > 0) {
        return wt_io_advance(io, (uint64_t)result) || ends_here(io, io->offset + io->done);
    }
    if (result == -EINTR && wt_may_retry(&io->retries)) {
        return false;
    }
    if (result == 0) {
        io->error = io->op == WT_IO_WRITE ? -EIO : 0;
    } else if (result != -EINVAL || !refused_at_end(io)) {
        io->error = result == -EINVAL && past_size_limit(io) ? -EFBIG : (int)result;
    }
    /* The kernel does not say whether it was the write that failed or its flush. */
    io->flush_failed = io->error != 0 && io->stable_by == WT_STABLE_BY_OWN_FLUSH;
    return true;
}

/* Writes the pages of what was transferred, without a flush and without a commit of the journal. */
static void hand_pages_to_device(struct wt_io *io, int fd) {
    const unsigned steps = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int rc;
    uint32_t retries = 0;
    do {
        rc = sync_file_range(fd, (off_t)io->offset, (off_t)io->done, steps);
    } while (rc < 0 && wt_interrupted(&retries));
    if (rc < 0 && (errno == ENOSYS || errno == EPERM)) { /* a filter of system calls refuses it */
        rc = fdatasync(fd);
    }
    if (rc < 0) {
        io->error = io->error != 0 ? io->error : -errno;
        io->done = 0;
    }
}

/*
 * The I/O of a system call has the priority of its thread: pwritev2(2) takes no priority (RWF_HIPRI means polling).
 * Raises the thread's priority, and returns the one to put back; -1 if nothing was changed.
 */
static int raise_priority(void) {
    long had = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
    if (had < 0 || had == WT_POSIX_HIGH_PRIORITY || IOPRIO_PRIO_CLASS(had) == IOPRIO_CLASS_RT) {
        return -1;
    }
    if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, WT_POSIX_HIGH_PRIORITY) < 0) {
        return -1;
    }
    return IOPRIO_PRIO_CLASS(had) == IOPRIO_CLASS_NONE ? 0
                                                       : (int)had; /* that class has no levels, though some are told */
}

static void restore_priority(int had) {
    if (had >= 0) {
        (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, had); /* cannot fail: it was so before */
    }
}

static int sync_descriptor(int fd, bool data_only) {
    int rc;
    uint32_t retries = 0;
    do {
        rc = data_only ? fdatasync(fd) : fsync(fd);
    } while (rc < 0 && wt_interrupted(&retries));
    return rc < 0 ? -errno : 0;
}

/* One transfer with flags: a count or -errno. */
static int64_t transfer(struct wt_io *io, int fd, int flags) {
    if (io->op == WT_IO_WRITE && io->backing->writes_through) {
        return wt_through_write(fd, io, flags);
    }
    off_t offset = (off_t)(io->offset + io->done);
    ssize_t count = io->op == WT_IO_WRITE ? pwritev2(fd, wt_io_left(io), (int)wt_io_left_count(io), offset, flags)
                                          : preadv2(fd, wt_io_left(io), (int)wt_io_left_count(io), offset, flags);
    return count < 0 ? -errno : count;
}

/* The same by the older calls, which have no flags. */
static int64_t transfer_plainly(struct wt_io *io, int fd) {
    off_t offset = (off_t)(io->offset + io->done);
    ssize_t count = io->op == WT_IO_WRITE ? pwritev(fd, wt_io_left(io), (int)wt_io_left_count(io), offset)
                                          : preadv(fd, wt_io_left(io), (int)wt_io_left_count(io), offset);
    return count < 0 ? -errno : count;
}

/*
 * Whether a filter of system calls may be the reason, or a kernel without that call or flag. A plain write in place of one
 * that the kernel writes through might lose a size.
 */
static bool may_go_plainly(const struct wt_io *io, int64_t result) {
    bool refused = result == -ENOSYS || result == -EPERM || result == -EOPNOTSUPP;
    return refused && !io->atomic && !(io->op == WT_IO_WRITE && io->backing->writes_through);
}

/* ---- what a kernel that writes through keeps of a failed write -------------------------------------------------- */

/*
 * Such a kernel keeps the refused bytes as clean pages. Nobody is to read them, so they are dropped before anything else is
 * read or written. -EIO: the kernel keeps them, since a program maps them.
 */
static int drop_refused(struct posix_file *file) {
    unsigned refusals = atomic_load(&file->refusals);
    if (refusals == 0) {
        return 0;
    }
    wt_lock(&file->lock);
    uint64_t from = file->refused_from, to = file->refused_to;
    wt_unlock(&file->lock);
    if (!wt_through_drop(file->descriptor, from, to)) {
        return -EIO;
    }
    wt_lock(&file->lock);
    if (atomic_compare_exchange_strong(&file->refusals, &refusals, 0)) {
        file->refused_from = file->refused_to = 0;
    }
    wt_unlock(&file->lock);
    return 0;
}

/* A write failed. */
static void note_refused(struct posix_file *file, uint64_t from, uint64_t to) {
    wt_lock(&file->lock);
    bool any = file->refused_from < file->refused_to;
    file->refused_from = any && file->refused_from < from ? file->refused_from : from;
    file->refused_to = any && file->refused_to > to ? file->refused_to : to;
    atomic_fetch_add(&file->refusals, 1);
    wt_unlock(&file->lock);
    (void)drop_refused(file); /* where that fails, whoever comes next tries again */
}

/* Makes stable as flags say what was written without them. */
static void flush_plain_write(struct wt_io *io, int fd, int flags) {
    int rc = sync_descriptor(fd, (flags & RWF_SYNC) == 0);
    if (rc < 0) {
        io->error = io->error != 0 ? io->error : rc;
        io->done = 0;
        io->flush_failed = true;
    }
}

static void run_transfers(struct wt_io *io) {
    struct posix_file *file = file_of(io->backing);
    int fd = wt_posix_descriptor(io);
    int rc = fd < 0 ? fd : drop_refused(file);
    if (rc < 0) {
        io->error = rc;
        return;
    }
    if (!wt_stable_owes_flush(io)) { /* else it was on a ring, whose flush will cover it */
        wt_stable_decide(io, WT_SENDER_THREAD);
    }
    int flags = wt_posix_rwf(io);
    bool plainly = false;
    int64_t result;
    do {
        result = plainly ? transfer_plainly(io, fd) : transfer(io, fd, flags);
        if (!plainly && may_go_plainly(io, result)) {
            plainly = true;
            result = transfer_plainly(io, fd);
        }
    } while (!wt_posix_apply_result(io, result));
    if (io->stable_by == WT_STABLE_BY_SENT_PAGES && io->done > 0) {
        hand_pages_to_device(io, fd);
    } else if (plainly && flags != 0 && io->done > 0 && !WT_MUTANT("plain-write-not-flushed")) {
        flush_plain_write(io, fd, flags);
    }
    if (io->error != 0 && io->op == WT_IO_WRITE && io->backing->writes_through && !WT_MUTANT("refused-page-kept")) {
        note_refused(file, io->offset + io->done, io->offset + io->length);
    }
}

void wt_posix_run_left(struct wt_io *io) {
    if (io->started_ns == 0) {
        io->started_ns = wt_now_ns();
    }
    int had = io->high_priority ? raise_priority() : -1;
    run_transfers(io);
    restore_priority(had);
}

static void posix_run(struct wt_io *io) {
    wt_posix_begin(io);
    wt_posix_run_left(io);
}

/* ---- what the kernel allows ------------------------------------------------------------------------------------- */

/* The answer to a call on no descriptor: 0, or that of a filter of system calls, or of a kernel without the call. */
static int answer(long result) {
    bool refused = errno == EPERM || errno == EACCES || errno == ENOSYS || errno == EOPNOTSUPP;
    return result < 0 && refused ? -errno : 0;
}

int wt_posix_prove(void) {
    char byte = 0;
    const struct iovec one = {&byte, 1};
    struct stat stat;
    if (answer(pwritev2(-1, &one, 1, 0, 0)) < 0 && answer(pwritev(-1, &one, 1, 0)) < 0) {
        return -errno;
    }
    if (answer(preadv2(-1, &one, 1, 0, 0)) < 0 && answer(preadv(-1, &one, 1, 0)) < 0) {
        return -errno;
    }
    const int answers[] = {answer(fdatasync(-1)), answer(fsync(-1)), answer(ftruncate(-1, 0)),
                           answer(flock(-1, LOCK_UN)), answer(fstat(-1, &stat))};
    int rc = 0;
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        rc = rc != 0 ? rc : answers[i];
    }
    return rc;
}

/* ---- the file -------------------------------------------------------------------------------------------------- */

static int posix_sync(struct wt_backing *backing, bool data_only) {
    return sync_descriptor(file_of(backing)->descriptor, data_only);
}

/*
 * flock(2) converts by letting go first, so a refused conversion has lost the lock that was there. It is taken back; if
 * another was quicker, the file is not ours any more and the answer is -ENOLCK.
 */
static int convert_lock(struct posix_file *file, int wanted) {
    if (file->flock_held == wanted) {
        return 0;
    }
    if (flock(file->descriptor, wanted | LOCK_NB) == 0) {
        file->flock_held = wanted;
        return 0;
    }
    int error = errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (file->flock_held != LOCK_UN && flock(file->descriptor, file->flock_held | LOCK_NB) < 0) {
        file->flock_held = LOCK_UN;
        error = -ENOLCK;
    }
    return error;
}

/*
 * Where the kernel writes through, no write with the flag may meet plain pages: others have left some, or a call on the file
 * has made some. A size that such a page waits to bring to the disk would be lost.
 */
static int write_plain_pages(const struct posix_file *file) {
    bool needed = file->backing.writes_through && file->backing.writable && !WT_MUTANT("plain-pages-stay");
    return needed ? sync_descriptor(file->descriptor, false) : 0;
}

static int posix_lock(struct wt_backing *backing, bool exclusive) {
    struct posix_file *file = file_of(backing);
    wt_lock(&file->lock);
    int rc = convert_lock(file, exclusive ? LOCK_EX : LOCK_SH);
    wt_unlock(&file->lock);
    return rc == 0 ? write_plain_pages(file) : rc;
}

/*
 * The lock goes to the open file that writes go by, so that it outlasts them, also when the process is killed.
 * flock(2) lets go first in a conversion, and so does this.
 */
static int posix_take_lock(struct wt_backing *backing, struct wt_backing *from) {
    struct posix_file *file = file_of(backing), *holder = file_of(from);
    int rc = write_plain_pages(file);
    if (rc < 0) {
        return rc;
    }
    wt_lock(&holder->lock);
    int held = holder->flock_held;
    rc = flock(holder->descriptor, LOCK_UN) < 0 ? -errno : convert_lock(file, LOCK_EX);
    if (rc == 0) {
        holder->flock_held = LOCK_UN;
    } else if (held != LOCK_UN && flock(holder->descriptor, held | LOCK_NB) < 0) {
        holder->flock_held = LOCK_UN;
        rc = -ENOLCK;
    }
    wt_unlock(&holder->lock);
    /* Another may have had the lock for that instant. What it has left is written; only an error of that is not to be had. */
    return rc == 0 && write_plain_pages(file) < 0 ? -ENOLCK : rc;
}

static bool posix_lock_is_orphaned(const struct wt_backing *backing) {
    return wt_holder_is_gone(backing->device, backing->inode);
}

static int posix_size(struct wt_backing *backing, uint64_t *size) {
    struct stat stat;
    if (fstat(file_of(backing)->descriptor, &stat) < 0) {
        return -errno;
    }
    if (backing->presumed) {
        if (!same_file(&stat, backing) || !S_ISREG(stat.st_mode)) {
            return -ESTALE;
        }
        backing->presumed = false;
    }
    *size = (uint64_t)stat.st_size;
    return 0;
}

static int posix_truncate(struct wt_backing *backing, uint64_t size, bool durable) {
    int fd = file_of(backing)->descriptor;
    int rc;
    if (size > INT64_MAX) {
        return -EFBIG;
    }
    uint32_t retries = 0;
    do {
        rc = ftruncate(fd, (off_t)size);
    } while (rc < 0 && wt_interrupted(&retries));
    if (rc < 0) {
        return -errno;
    }
    if ((!durable && !backing->writes_through) || WT_MUTANT("truncate-not-synced")) {
        return 0;
    }
    return sync_descriptor(fd, true); /* a size is data for fdatasync: without it the bytes cannot be read back */
}

static int allocate(struct wt_backing *backing, int mode, uint64_t offset, uint64_t length) {
    int rc;
    if (offset > INT64_MAX || length > INT64_MAX - offset) {
        return -EFBIG;
    }
    uint32_t retries = 0;
    do {
        rc = fallocate(file_of(backing)->descriptor, mode, (off_t)offset, (off_t)length);
    } while (rc < 0 && wt_interrupted(&retries));
    if (rc < 0) {
        return errno == ENOSYS ? -EOPNOTSUPP : -errno;
    }
    return write_plain_pages(file_of(backing));
}

static int posix_reserve(struct wt_backing *backing, uint64_t offset, uint64_t length) {
    return allocate(backing, 0, offset, length);
}

static int posix_write_zeroes(struct wt_backing *backing, uint64_t offset, uint64_t length) {
    return allocate(backing, FALLOC_FL_WRITE_ZEROES, offset, length);
}

static int posix_deallocate(struct wt_backing *backing, uint64_t offset, uint64_t length, bool keep_space) {
    return allocate(backing, FALLOC_FL_KEEP_SIZE | (keep_space ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE), offset,
                    length);
}

static void posix_forget(struct wt_backing *backing, uint64_t offset, uint64_t length) {
    /* A page that the range only touches is kept by the kernel, so the range is made of whole pages. */
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t from = offset - offset % page;
    uint64_t to = offset + length + page - 1;
    to -= to % page;
    (void)posix_fadvise(file_of(backing)->descriptor, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
}

/*
 * Looks at the error cursor of the descriptor, without a flush: by a sync_file_range(2) that waits and starts
 * nothing. Where a filter of system calls refuses that call, fdatasync(2) looks as well.
 */
static int posix_take_error(struct wt_backing *backing, bool buffered) {
    const struct posix_file *file = file_of(backing);
    int fd = buffered ? file->buffered : file->descriptor;
    int rc = 0;
    uint32_t retries = 0;
    if (fd < 0) {
        return 0;
    }
    do {
        rc = sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE);
    } while (rc < 0 && wt_interrupted(&retries));
    if (rc < 0 && (errno == ENOSYS || errno == EPERM)) {
        return sync_descriptor(fd, true);
    }
    return rc < 0 ? -errno : 0;
}

static void give_up_claims(struct posix_file *file) {
    if (file->registration.owner != NULL) {
        file->registration.release(&file->registration);
    }
    /*
     * To close would do, if nobody else held the open file for an instant: a request of io_uring that has completed
     * and is not freed yet, or a child between fork and exec. The file can be opened again as soon as this returns.
     */
    if (file->flock_held != LOCK_UN) {
        (void)flock(file->descriptor, LOCK_UN);
    }
}

static void free_file(struct posix_file *file) {
    wt_mutex_destroy(&file->lock);
    free(file->path);
    wt_line_free(file);
}

static int posix_close_backing(struct wt_backing *backing) {
    struct posix_file *file = file_of(backing);
    int error = 0;
    give_up_claims(file);
    /* Linux has released a descriptor whatever close(2) returns: none is closed twice, also not after EINTR. */
    if (file->buffered >= 0 && close(file->buffered) < 0 && errno != EINTR) {
        error = -errno;
    }
    if (close(file->descriptor) < 0 && errno != EINTR) {
        error = -errno;
    }
    wt_descriptor_file_closed(backing->device, backing->inode);
    free_file(file);
    return error;
}

static void posix_let_go(struct wt_backing *backing) {
    struct posix_file *file = file_of(backing);
    give_up_claims(file);
    if (file->buffered >= 0) {
        wt_descriptor_let_go(file->buffered);
    }
    wt_descriptor_let_go(file->descriptor);
    free_file(file);
}

/* ---- holes ----------------------------------------------------------------------------------------------------- */

/* A hole that grows while extents are walked in ascending order. */
struct hole_search {
    uint64_t position; /* everything before it is decided */
    uint64_t to;
    uint64_t start; /* valid if found */
    bool found;
};

/* Takes one extent; false when the hole has come to its end. */
static bool visit_extent(struct hole_search *search, const struct fiemap_extent *extent) {
    bool unwritten = (extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0;
    uint64_t begin = extent->fe_logical < search->to ? extent->fe_logical : search->to;
    uint64_t end = extent->fe_length < search->to - begin ? begin + extent->fe_length : search->to;
    if (begin > search->position || unwritten) {
        if (!search->found) {
            search->start = search->position;
            search->found = true;
        }
        search->position = begin > search->position ? begin : search->position;
    }
    if (search->found && !unwritten) {
        return false;
    }
    search->position = end > search->position ? end : search->position;
    return search->position < search->to;
}

/*
 * By FIEMAP, which knows unwritten extents: SEEK_HOLE of ext4 and xfs calls them data as soon as someone has read them
 * through the page cache. FIEMAP_FLAG_SYNC, so that no byte that waits for writeback is taken for a hole.
 */
static int find_hole_by_extents(int fd, struct hole_search *search) {
    struct {
        struct fiemap map;
        struct fiemap_extent extents[FIEMAP_EXTENTS];
    } request;
    bool more = search->position < search->to;
    while (more) {
        memset(&request.map, 0, sizeof request.map);
        request.map.fm_start = search->position;
        request.map.fm_length = search->to - search->position;
        request.map.fm_flags = FIEMAP_FLAG_SYNC;
        request.map.fm_extent_count = FIEMAP_EXTENTS;
        int rc;
        uint32_t retries = 0;
        uint64_t before = search->position;
        do {
            rc = ioctl(fd, FS_IOC_FIEMAP, &request);
        } while (rc < 0 && wt_interrupted(&retries));
        if (rc < 0) {
            return -errno;
        }
        for (unsigned i = 0; i < request.map.fm_mapped_extents && more; i++) {
            more = visit_extent(search, &request.extents[i]);
        }
        if (more && request.map.fm_mapped_extents < FIEMAP_EXTENTS) {
            const struct fiemap_extent end = {.fe_logical = search->to}; /* nothing there: a hole up to the end */
            more = visit_extent(search, &end);
        }
        if (more && search->position == before) {
            return -EIO; /* extents of no bytes: the file system would tell of them for ever */
        }
    }
    return 0;
}

/* By SEEK_HOLE, where there is no FIEMAP; a file system without it calls everything below the size data. */
static int find_hole_by_seek(int fd, struct hole_search *search) {
    off_t start = lseek(fd, (off_t)search->position, SEEK_HOLE);
    if (start < 0 && errno == ENXIO) {
        start = (off_t)search->position; /* at or past the end of the file */
    } else if (start < 0 && errno == EINVAL) {
        start = lseek(fd, 0, SEEK_END);
        start = start >= 0 && start < (off_t)search->position ? (off_t)search->position : start;
    }
    if (start < 0) {
        return -errno;
    }
    search->found = (uint64_t)start < search->to;
    search->start = (uint64_t)start;
    search->position = search->to;
    if (!search->found) {
        return 0;
    }
    off_t end = lseek(fd, start, SEEK_DATA);
    if (end < 0 && errno != ENXIO) { /* also EINVAL: data that is not seen would be taken for a hole */
        return -errno;
    }
    if (end >= 0 && (uint64_t)end < search->to) {
        search->position = (uint64_t)end;
    }
    return 0;
}

static int posix_find_hole(struct wt_backing *backing, uint64_t from, uint64_t to, uint64_t *start, uint64_t *end) {
    int fd = file_of(backing)->descriptor;
    if (to > INT64_MAX || from > to) {
        return -EINVAL;
    }
    struct hole_search search = {.position = from, .to = to};
    int rc = find_hole_by_extents(fd, &search);
    if (rc == -EOPNOTSUPP || rc == -ENOTTY || rc == -EINVAL || rc == -ENOSYS) {
        search = (struct hole_search){.position = from, .to = to};
        rc = from < to ? find_hole_by_seek(fd, &search) : 0;
    }
    if (rc < 0) {
        return rc;
    }
    *start = search.found ? search.start : to;
    *end = search.found ? search.position : to;
    assert(*start <= *end && *end <= to);
    return *start == *end && *start < to ? -EIO : 0; /* a hole of no bytes: its caller would not get past it */
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* Opens the directory that holds path's last component, and makes sure that it holds this file there. -errno if not. */
static int open_parent(const char *path, const struct wt_backing *backing) {
    struct stat stat;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char *parent = slash != NULL ? strndup(path, (size_t)(name - path)) : strdup(".");
    if (parent == NULL) {
        return -ENOMEM;
    }
    int fd = wt_descriptor_open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    free(parent);
    if (fd < 0) {
        return fd;
    }
    if (fstatat(fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && same_file(&stat, backing)) {
        return fd;
    }
    (void)close(fd);
    return -ESTALE;
}

/* Makes the entries of a directory durable; of the whole file system where directories take no fsync. */
static int sync_directory(const struct posix_file *file, int directory) {
    int rc = sync_descriptor(directory, false);
    if (rc == -EINVAL) {
        rc = syncfs(file->descriptor) < 0 ? -errno : 0;
    }
    return rc;
}

static int posix_check(struct wt_backing *backing, uint64_t *size) {
    struct stat stat_of;
    if (fstat(file_of(backing)->descriptor, &stat_of) < 0) {
        return -errno;
    }
    *size = (uint64_t)stat_of.st_size;
    return 0;
}

static bool posix_has_name(struct wt_backing *backing) {
    struct posix_file *file = file_of(backing);
    struct stat stat_of;
    if (fstat(file->descriptor, &stat_of) < 0 || stat_of.st_nlink > 0) {
        return true; /* if fstat(2) fails, the I/O that follows tells */
    }
    wt_lock(&file->lock); /* some file systems count no links */
    bool is_there = stat(file->path, &stat_of) == 0 && same_file(&stat_of, backing);
    wt_unlock(&file->lock);
    return is_there;
}

static int rename_path(const char *from, const char *to, bool replace) {
    if (replace) {
        return rename(from, to) < 0 ? -errno : 0;
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL) {
        return -errno;
    }
    /* A file system that knows no such flag: a link is refused where the name is taken, too. */
    if (link(from, to) < 0) {
        return -errno;
    }
    return unlink(from) < 0 ? -errno : 0;
}

static int posix_rename(struct wt_backing *backing, const char *from, const char *to, bool replace) {
    struct posix_file *file = file_of(backing);
    char *path = strdup(to);
    int old_parent = path != NULL ? open_parent(from, backing) : -ENOMEM;
    if (old_parent < 0) {
        free(path);
        return old_parent;
    }
    int rc = rename_path(from, to, replace);
    if (rc < 0) {
        free(path);
        (void)close(old_parent);
        return rc;
    }
    wt_lock(&file->lock);
    if (strcmp(file->path, from) == 0) {
        char *old_path = file->path;
        file->path = path;
        path = old_path;
    }
    wt_unlock(&file->lock);
    free(path);
    int new_parent = open_parent(to, backing);
    rc = new_parent < 0 || WT_MUTANT("rename-not-synced")
             ? new_parent
             : sync_directory(file, new_parent); /* the new name first: one of them survives */
    if (rc == 0) {
        rc = sync_directory(file, old_parent);
    }
    if (new_parent >= 0) {
        (void)close(new_parent);
    }
    (void)close(old_parent);
    return rc;
}

/* Takes down what was opened, and prepares the descriptor for I/O. */
static int prepare(struct posix_file *file, const struct wt_statx *stat, bool direct) {
    struct wt_backing *backing = &file->backing;
    backing->device = makedev(stat->device_major, stat->device_minor);
    backing->inode = stat->inode;
    int rc = wt_describe(file->descriptor, stat, direct, &backing->profile);
    if (rc == 0 && backing->writes_through) {
        wt_describe_buffered(&backing->profile);
    }
    if (rc == 0) {
        rc = have_both_descriptors(file);
    }
    if (rc < 0 || is_direct(backing)) {
        return rc;
    }
    /*
     * This also takes back O_NONBLOCK, as wt_describe has done for a direct descriptor: with it io_uring would answer
     * EAGAIN where it otherwise waits.
     */
    return fcntl(file->descriptor, F_SETFL, 0) < 0 ? -errno : 0;
}

static int posix_identify(struct wt_backing *backing) {
    struct posix_file *file = file_of(backing);
    struct wt_statx stat;
    if (file->flock_held != LOCK_UN && flock(file->descriptor, LOCK_UN) == 0) {
        file->flock_held = LOCK_UN;
    }
    backing->presumed = false;
    int rc = wt_statx_at(file->descriptor, "", AT_EMPTY_PATH, &stat);
    rc = rc < 0 ? rc : wt_check_kind(stat.mode);
    return rc < 0 ? rc : prepare(file, &stat, false);
}

static int posix_descriptor(struct wt_backing *backing) {
    return file_of(backing)->descriptor;
}

static void posix_path(struct wt_backing *backing, char *path, size_t size) {
    struct posix_file *file = file_of(backing);
    wt_lock(&file->lock);
    size_t length = strlen(file->path);
    bool fits = length < size;
    (void)snprintf(path, size, "%s%s", fits ? "" : "...", fits ? file->path : file->path + length - (size - 4));
    wt_unlock(&file->lock);
}

static const struct wt_backing_ops posix_ops = {
    .run = posix_run,
    .lock = posix_lock,
    .take_lock = posix_take_lock,
    .lock_is_orphaned = posix_lock_is_orphaned,
    .size = posix_size,
    .identify = posix_identify,
    .check = posix_check,
    .has_name = posix_has_name,
    .rename = posix_rename,
    .truncate = posix_truncate,
    .reserve = posix_reserve,
    .find_hole = posix_find_hole,
    .write_zeroes = posix_write_zeroes,
    .deallocate = posix_deallocate,
    .sync = posix_sync,
    .forget = posix_forget,
    .take_error = posix_take_error,
    .use_page_cache = posix_use_page_cache,
    .descriptor = posix_descriptor,
    .path = posix_path,
    .close = posix_close_backing,
    .let_go = posix_let_go,
};

/* ---- open ------------------------------------------------------------------------------------------------------ */

enum creation {
    EXISTED,
    CREATED,
    /* Through a dangling symbolic link: the kernel does not say whether it was this open that made the target. */
    PERHAPS_CREATED,
};

struct opening {
    enum creation creation;
    struct wt_statx seen; /* what was at the path before; its mode is 0 if that tells nothing of what was opened */
    bool direct;          /* the descriptor has O_DIRECT, as its only flag */
    bool reads_little;    /* it goes through the page cache as a whole */
};

/*
 * Looks before it opens: to open a device can have effects of its own, and to open a FIFO may block. Opening for
 * reading and writing does not block, so O_NONBLOCK, which has to be taken back, can be left out there.
 */
static int open_existing(const char *path, int flags, struct opening *opening) {
    struct wt_statx *seen = &opening->seen;
    int look = AT_NO_AUTOMOUNT | ((flags & O_NOFOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0);
    int rc = wt_statx_at(AT_FDCWD, path, look, seen);
    if (rc < 0) {
        return rc;
    }
    if (S_ISLNK(seen->mode)) { /* open(2) has the right answer for a link: -ELOOP */
        seen->mode = 0;
        return wt_descriptor_open(path, flags, 0);
    }
    rc = wt_check_kind(seen->mode);
    if (rc < 0) {
        return rc;
    }
    dev_t device = makedev(seen->device_major, seen->device_minor);
    if ((flags & O_ACCMODE) == O_RDWR && seen->dio_offset_alignment != 0) {
        int fd = wt_descriptor_open_file(path, (flags & ~O_NONBLOCK) | O_DIRECT, device, seen->inode);
        if (fd != -EINVAL) {
            opening->direct = true;
            return fd;
        }
    }
    return wt_descriptor_open_file(path, flags, device, seen->inode);
}

static bool is_symbolic_link(const char *path) {
    struct stat stat;
    return fstatat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(stat.st_mode);
}

/* Opens the file or creates it, and knows which: O_CREAT alone would not tell. */
static int open_or_create(const char *path, int flags, mode_t mode, struct opening *opening) {
    for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
        opening->creation = EXISTED;
        int fd = open_existing(path, flags, opening);
        if (fd != -ENOENT) {
            return fd;
        }
        opening->creation = CREATED;
        opening->seen.mode = 0;
        opening->direct = false;
        fd = wt_descriptor_open(path, flags | O_CREAT | O_EXCL, mode);
        if (fd != -EEXIST) {
            return fd;
        }
        if (is_symbolic_link(path)) {
            /* Left to the kernel, not resolved here: it knows whose links in a shared directory may be followed. */
            opening->creation = PERHAPS_CREATED;
            return wt_descriptor_open(path, flags | O_CREAT, mode);
        }
    }
    return -EAGAIN;
}

static int open_by_flags(const char *path, uint32_t flags, uint32_t mode, struct opening *opening) {
    /* O_NONBLOCK: what was a file a moment ago may be a FIFO now. */
    int open_flags = ((flags & WT_OPEN_WRITE) != 0 ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    if ((flags & WT_OPEN_NOFOLLOW) != 0) {
        open_flags |= O_NOFOLLOW;
    }
    opening->creation = EXISTED;
    opening->seen.mode = 0;
    opening->direct = false;
    opening->reads_little = false;
    if ((flags & WT_OPEN_CREATE_NEW) != 0) {
        opening->creation = CREATED;
        return wt_descriptor_open(path, open_flags | O_CREAT | O_EXCL, (mode_t)mode);
    }
    if ((flags & WT_OPEN_CREATE) != 0) {
        return open_or_create(path, open_flags, (mode_t)mode, opening);
    }
    int fd = open_existing(path, open_flags, opening);
    /* A small file of a program that forces: what the kernel keeps of the file is not to be written before it is read. */
    opening->reads_little = opening->seen.mode != 0 && opening->seen.size <= WT_KEPT_BYTES_MOST &&
                            (flags & (WT_OPEN_AT_FORCE | WT_OPEN_WRITE)) == WT_OPEN_AT_FORCE;
    return fd;
}

/*
 * Makes a created file durable, and its name. The name is in the parent directory; where that cannot be had (it may not
 * be read, it was renamed meanwhile, the file was made through a link) the whole file system is synced: slow and right.
 */
static int persist_creation(const struct posix_file *file, enum creation creation) {
    int rc = sync_descriptor(file->descriptor, false);
    if (rc < 0) {
        return rc;
    }
    int parent = creation == CREATED ? open_parent(file->path, &file->backing) : -ELOOP;
    rc = parent;
    if (parent >= 0) {
        rc = WT_MUTANT("new-name-not-synced") ? 0 : sync_descriptor(parent, false);
        (void)close(parent); /* was only read */
    }
    if (parent < 0 || rc == -EINVAL) { /* EINVAL: a file system whose directories take no fsync */
        rc = syncfs(file->descriptor) < 0 ? -errno : 0;
    }
    return rc;
}

/*
 * Describes the file by what was seen at the path, if that tells anything; overlayfs may copy a file to another file
 * system as it is opened.
 */
static int learn(struct posix_file *file, const struct opening *opening) {
    if (opening->seen.mode == 0) {
        return posix_identify(&file->backing);
    }
    int rc = prepare(file, &opening->seen, opening->direct || opening->reads_little);
    file->backing.presumed = true;
    if (rc == 0 && opening->reads_little) {
        wt_describe_buffered(&file->backing.profile);
        rc = fcntl(file->descriptor, F_SETFL, 0) < 0 ? -errno : 0;
    }
    return rc == 0 && file->backing.profile.fs_magic == OVERLAYFS_SUPER_MAGIC ? posix_identify(&file->backing) : rc;
}

static struct posix_file *new_file(const char *path, bool writable) {
    struct posix_file *file = wt_line_alloc(sizeof *file);
    if (file == NULL) {
        return NULL;
    }
    file->backing.ops = &posix_ops;
    file->backing.writable = writable;
    file->descriptor = -1;
    file->flock_held = LOCK_UN;
    file->buffered = -1;
    file->path = strdup(path);
    if (file->path == NULL || wt_mutex_init(&file->lock, WT_LOCK_BACKING) != 0) {
        free(file->path);
        wt_line_free(file);
        return NULL;
    }
    return file;
}

static int open_posix_file(const char *path, uint32_t flags, uint32_t mode,
                           int (*check)(const struct wt_core_profile *profile, int fd), bool writes_through,
                           struct wt_backing **backing) {
    struct posix_file *file = new_file(path, (flags & WT_OPEN_WRITE) != 0);
    if (file == NULL) {
        return -ENOMEM;
    }
    file->backing.writes_through = writes_through;
    struct opening opening;
    int rc = open_by_flags(path, flags, mode, &opening);
    if (rc < 0) {
        free_file(file);
        return rc;
    }
    file->descriptor = file->flush.descriptor = rc;
    rc = check == NULL ? learn(file, &opening)
                       : posix_identify(&file->backing); /* a check may not meet what is no file */
    if (rc == 0 && check != NULL) {
        rc = check(&file->backing.profile, file->descriptor);
    }
    if (rc == 0 && opening.creation != EXISTED && (flags & WT_OPEN_AT_FORCE) == 0) {
        rc = persist_creation(file, opening.creation);
    }
    if (rc < 0) {
        if (opening.creation == CREATED) {
            (void)unlink(path); /* the first error is the one to report */
        }
        posix_let_go(&file->backing);
        return rc;
    }
    *backing = &file->backing;
    return 0;
}

int wt_posix_open_checked(const char *path, uint32_t flags, uint32_t mode,
                          int (*check)(const struct wt_core_profile *profile, int fd), struct wt_backing **backing) {
    return open_posix_file(path, flags, mode, check, false, backing);
}

static int check_writes_through(const struct wt_core_profile *profile, int fd) {
    (void)profile;
    return wt_through_prove(fd);
}

int wt_posix_open_through(const char *path, uint32_t flags, uint32_t mode, struct wt_backing **backing) {
    bool writes = (flags & WT_OPEN_WRITE) != 0; /* reads are reads on any kernel */
    return open_posix_file(path, flags, mode, writes ? check_writes_through : NULL, true, backing);
}

int wt_posix_open(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                  struct wt_backing **backing) {
    (void)backend; /* a descriptor serves them all */
    return open_posix_file(path, flags, mode, NULL, false, backing);
}

const char *wt_errno_name(int errno_value) {
    if (errno_value < 0 || (size_t)errno_value >= sizeof wt_errno_names / sizeof *wt_errno_names) {
        return NULL;
    }
    return wt_errno_names[errno_value];
}
