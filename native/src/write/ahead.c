// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/ahead.h"

#include <errno.h>

#include "base/mutant.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "write/later.h"
#include "write/size.h"

static uint64_t page_start(uint64_t offset) {
    return offset & ~(uint64_t)(WT_PAGE_BYTES - 1);
}

static void grow(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t growth) {
    uint64_t ahead = atomic_load(&inode->ends.ahead_end), size = wt_inode_size(inode);
    uint64_t from = ahead > size ? ahead : size;
    /* if the write is far behind the end, what lies between stays a hole */
    from = page_start(from > start ? from : start);
    uint64_t to = end > from ? end : from;
    if (growth > INT64_MAX - to - WT_PAGE_BYTES)
        return;
    to = page_start(to + growth);
    uint64_t on_disk = 0;
    if (wt_inode_reserve(inode, from, to, &on_disk)) {
        /*
         * The write that needed it goes on without growth. If there is no room for the write either, the write tells.
         */
        atomic_store(&inode->growth_bytes, 0);
        wt_inode_suspect_size(inode);
    } else {
        /* Where the file system cannot reserve, the end stays where it is, within a block. */
        atomic_store(&inode->ends.ahead_end, on_disk < to ? on_disk : to);
    }
    atomic_store(&inode->ends.reserve_end, 0);
}

bool wt_ahead(struct wt_inode *inode, uint64_t start, uint64_t end, bool may_wait) {
    uint64_t growth = atomic_load_explicit(&inode->growth_bytes, memory_order_relaxed);
    if (!growth || end <= atomic_load(&inode->ends.ahead_end))
        return true;
    if (!may_wait)
        return false;
    wt_long_lock(inode->engine->backend, &inode->ahead_lock);
    growth = atomic_load(&inode->growth_bytes);
    if (growth && end > atomic_load(&inode->ends.ahead_end))
        grow(inode, start, end, growth);
    wt_long_unlock(&inode->ahead_lock);
    return true;
}

int wt_file_grow_ahead(wt_file handle, uint64_t bytes) {
    if (bytes > INT64_MAX)
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    int rc = file && file->writable ? 0 : -EBADF;
    uint64_t pages = page_start(bytes + WT_PAGE_BYTES - 1); /* less would not bring the end to the next page */
    if (!rc && pages > 0)
        rc = wt_later_keep_nothing(file->inode, wt_may_wait(file->inode->engine->backend) == 0);
    if (!rc && !file->inode->buffered)
        atomic_store(&file->inode->growth_bytes, pages);
    if (file)
        wt_file_release(handle);
    return rc;
}
