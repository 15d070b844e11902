// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "file/check.h"

#include <errno.h>
#include <time.h>

#include "base/mutant.h"

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
    return 0; /* if fstat(2) fails, the I/O that follows tells */
}

static int64_t seconds_of(int64_t now_ns) {
    struct timespec now;
    if (now_ns)
        return now_ns / 1000000000;
    return clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0 ? now.tv_sec : 0;
}

int wt_inode_check_sometimes(struct wt_inode *inode, int64_t now_ns) {
    int64_t seconds = seconds_of(now_ns), last = atomic_load_explicit(&inode->checked_seconds, memory_order_relaxed);
    if (seconds == last && !atomic_load_explicit(&inode->lost, memory_order_relaxed))
        return 0;
    atomic_store_explicit(&inode->checked_seconds, seconds, memory_order_relaxed);
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
