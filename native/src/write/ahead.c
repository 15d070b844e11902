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

/*
 * The write that needed it goes on without growth. If there is no room for the write either, the write tells.
 */
static void give_up(struct wt_inode *inode) {
    atomic_store(&inode->growth_bytes, 0);
    wt_inode_suspect_size(inode);
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
    if (wt_inode_reserve(inode, from, to, &on_disk, false)) {
        give_up(inode);
    } else {
        /* Where the file system cannot reserve, the end stays where it is, within a block. */
        atomic_store(&inode->ends.ahead_end, on_disk < to ? on_disk : to);
    }
    atomic_store(&inode->ends.reserve_end, 0);
}

/* Zeros the holes from the write to the end of its chunk, and space that has no zeros yet. The last page stays as it is. */
static void fill(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t growth) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t size = wt_inode_size(inode), from = page_start(start);
    uint64_t to = page_start(growth < size - end ? end + growth : size);
    uint64_t hole = 0, hole_end = 0;
    if (from < to && (wt_blocking(backing)->find_hole(backing, from, to, &hole, &hole_end) ||
                      (hole < to && wt_inode_reserve(inode, from, to, NULL, false))))
        give_up(inode);
    atomic_store(&inode->filled_end, to > end ? to : end);
}

/* What a write needs to be an overwrite. */
enum need { NOTHING, GROWTH, FILLING };

/* follows: the write begins where the last one ended. */
static enum need need_of(const struct wt_inode *inode, uint64_t end, bool follows) {
    if (end > atomic_load(&inode->ends.ahead_end) && end > wt_inode_size(inode))
        return GROWTH;
    return follows && end > atomic_load(&inode->filled_end) && end <= wt_inode_size(inode) ? FILLING : NOTHING;
}

bool wt_ahead(struct wt_inode *inode, uint64_t start, uint64_t end, bool may_wait) {
    uint64_t growth = atomic_load_explicit(&inode->growth_bytes, memory_order_relaxed);
    if (!growth)
        return true;
    bool follows = atomic_load_explicit(&inode->written_end, memory_order_relaxed) == start;
    if (need_of(inode, end, follows) != NOTHING) {
        if (!may_wait)
            return false;
        wt_long_lock(inode->engine->backend, &inode->ahead_lock);
        growth = atomic_load(&inode->growth_bytes);
        enum need need = growth ? need_of(inode, end, follows) : NOTHING;
        if (need == GROWTH)
            grow(inode, start, end, growth);
        else if (need == FILLING)
            fill(inode, start, end, growth);
        wt_long_unlock(&inode->ahead_lock);
    }
    atomic_store_explicit(&inode->written_end, end, memory_order_relaxed);
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
    if (!rc && !file->inode->without_direct_io)
        atomic_store(&file->inode->growth_bytes, pages);
    if (file)
        wt_file_release(handle);
    return rc;
}
