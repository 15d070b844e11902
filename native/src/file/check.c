/*
 * What others do to a file that is open here. Nobody is kept out who does not ask for flock(2), and the cache is not told. So
 * it is looked at where that costs nothing that counts: never for a read of cached bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "base/mutant.h"
#include "engine/engine.h"
#include "file/inode.h"

int wt_inode_check(struct wt_inode *inode) {
    if (atomic_load(&inode->lost))
        return -ESTALE;
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t size = wt_inode_size(inode), on_disk; /* nobody cuts it while this caller is inside the gate */
    int rc = backing->ops->check(backing, &on_disk);
    bool nameless = atomic_load_explicit(&inode->named, memory_order_relaxed) && backing->ops->has_name &&
                    !backing->ops->has_name(backing);
    if (nameless || (!rc && on_disk < size && !WT_MUTANT("shorter-file-unseen"))) {
        atomic_store(&inode->lost, true);
        return -ESTALE;
    }
    return 0; /* what fstat(2) fails by, the I/O that follows will tell */
}

int wt_inode_check_sometimes(struct wt_inode *inode) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0)
        now.tv_sec = 0;
    int64_t last = atomic_load_explicit(&inode->checked_seconds, memory_order_relaxed);
    if (now.tv_sec == last && !atomic_load_explicit(&inode->lost, memory_order_relaxed))
        return 0;
    atomic_store_explicit(&inode->checked_seconds, now.tv_sec, memory_order_relaxed);
    return wt_inode_check(inode);
}

void wt_inode_check_read(struct wt_inode *inode, struct wt_io *io, uint64_t size) {
    uint64_t end = io->offset + io->length;
    end = end < size ? end : size;
    if (io->error || io->offset + io->done >= end || WT_MUTANT("short-read-unseen"))
        return;
    atomic_store(&inode->lost, true);
    io->error = -ESTALE;
}

int wt_file_rename(wt_file handle, const char *from, const char *to, uint32_t flags) {
    if (!from || !to || (flags & ~(uint32_t)WT_RENAME_REPLACE))
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    struct wt_backing *backing = atomic_load(&file->inode->backing);
    int rc = backing->ops->rename ? backing->ops->rename(backing, from, to, flags & WT_RENAME_REPLACE) : -EOPNOTSUPP;
    wt_file_release(handle);
    return rc;
}
