// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "read/read.h"

#include <errno.h>

#include "base/mutant.h"
#include "cache/mapping.h"
#include "cache/range.h"
#include "engine/doors.h"
#include "engine/stats.h"
#include "file/buffered.h"
#include "file/check.h"
#include "read/fetch.h"
#include "read/readahead.h"

/* A flag beside WT_READ_*: all that is asked, or -EAGAIN. */
#define CACHED_ONLY (UINT32_C(1) << 31)

#define READ_FLAGS ((uint32_t)(WT_READ_NOWAIT | WT_READ_DONTCACHE | WT_READ_HIGH_PRIORITY | WT_READ_SEQUENTIAL))

/*
 * Copies the bytes a..b of a locked folio, up to the first that is missing. Returns where it stopped. once: pages that were read
 * ahead stay marked so, and are dropped afterwards.
 */
static uint32_t copy_cached(struct wt_folio *folio, struct wt_cursor *cursor, uint32_t a, uint32_t b, bool once) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    unsigned first = a >> geometry->block_shift, last = (b - 1) >> geometry->block_shift;
    uint64_t missing = wt_bits(first, last) & (~folio->uptodate | folio->reading);
    if (missing) {
        unsigned stop = (unsigned)__builtin_ctzll(missing);
        if (stop == first)
            return a;
        b = stop << geometry->block_shift;
    }
    wt_folio_touch(folio,
                   wt_bits(a >> WT_PAGE_SHIFT, (b - 1) >> WT_PAGE_SHIFT) & (once ? ~folio->ahead : ~UINT64_C(0)));
    for (uint32_t at = a, length; at < b; at += length) {
        const uint8_t *memory = wt_folio_memory(folio, at, b, &length);
        cursor->copy_out(cursor, memory, length);
    }
    return b;
}

/*
 * One step of a read past cached bytes: enters the gate, looks at the size again, reads at most so many bytes. *end falls to the
 * size.
 */
static int64_t read_step(struct wt_inode *inode, uint64_t at, uint64_t *end, uint64_t most, struct wt_cursor *cursor,
                         uint32_t flags) {
    struct wt_engine_object *engine = inode->engine;
    (void)wt_inode_begin(inode, true);
    uint64_t size = wt_inode_visible_size(inode);
    if (*end > size)
        *end = size;
    int64_t n = wt_inode_check_sometimes(inode, 0);
    if (!n && at < *end) {
        if (wt_inode_is_buffered(inode)) { /* a program has mapped the file a moment ago */
            n = cursor ? wt_buffered_read(inode, cursor, at, *end - at) : 0;
            wt_inode_end(inode);
            *end = n < 0 || !cursor ? *end : at + (uint64_t)n;
            return n;
        }
        uint64_t length = *end - at < most ? *end - at : most;
        struct wt_reservation reservation = {.pool = &engine->cache.pool};
        (void)wt_pool_reserve(&reservation, wt_range_pages(at, at + length), true);
        n = wt_read_missing(inode, &reservation, at, length, cursor, flags);
        wt_pool_unreserve(&reservation);
    }
    wt_inode_end(inode);
    return n;
}

/* offset..end was read by a read with WT_READ_ONCE: what that has brought in leaves. */
static void drop_behind(struct wt_inode *inode, uint64_t offset, uint64_t end, uint32_t flags) {
    const uint64_t page_mask = WT_PAGE_BYTES - 1;
    bool whole_pages = !(flags & WT_READ_DONTCACHE) && end < wt_inode_visible_size(inode);
    uint64_t stop = whole_pages ? end & ~page_mask : end;
    if (stop > offset && !WT_MUTANT("read-once-kept"))
        wt_mapping_drop_ahead(&inode->mapping, offset & ~page_mask, stop);
}

int64_t wt_read_step(struct wt_file_object *file, uint64_t at, uint64_t *end, struct wt_cursor *cursor,
                     uint32_t flags) {
    struct wt_engine_object *engine = file->inode->engine;
    if (!file->background)
        return read_step(file->inode, at, end, engine->chunk_bytes, cursor, flags);
    uint64_t most = wt_background_piece(&engine->background);
    most = most < engine->chunk_bytes ? most : engine->chunk_bytes;
    uint64_t bytes = *end - at < most ? *end - at : most;
    (void)wt_background_enter(&engine->background, bytes, true);
    int64_t n = read_step(file->inode, at, end, most, cursor, flags);
    uint64_t used = n < 0 || (uint64_t)n > bytes ? bytes : (uint64_t)n; /* 0: it has waited for another's I/O */
    wt_background_undo(&engine->background, bytes, used);
    wt_background_leave(&engine->background, used);
    return n;
}

static int64_t read_file(struct wt_file_object *file, struct wt_cursor *cursor, uint64_t offset, uint64_t end,
                         uint32_t flags) {
    struct wt_inode *inode = file->inode;
    struct wt_range range = wt_range_of(&inode->mapping.geometry, offset, end);
    bool hit = true, once = flags & WT_READ_ONCE, cached_only = flags & CACHED_ONLY;
    int64_t begin_ns = wt_stats_sample_read();
    /*
     * In a larger file the next read would seldom want this folio, and the look-up finds the lines of its neighbours
     * cached.
     */
    bool one_folio = wt_inode_visible_size(inode) <= UINT64_C(1) << inode->mapping.geometry.folio_shift;
    struct wt_folio *recent = one_folio ? wt_file_recent_folio(file->handle) : NULL;
    while (wt_range_enter(&range)) {
        struct wt_folio *folio = wt_folio_find_to_copy(&inode->mapping, range.index, recent, range.from);
        if (folio) {
            if (one_folio && folio != recent)
                wt_file_note_folio(file->handle, recent = folio);
            uint32_t stop = copy_cached(folio, cursor, range.from, range.to, once);
            wt_folio_put(folio);
            if (wt_range_advance(&range, stop))
                continue;
        }
        if (cached_only)
            return -EAGAIN;
        if (flags & WT_READ_NOWAIT && !WT_MUTANT("nowait-read-waits"))
            break;
        int rc = wt_may_wait(inode->engine->backend);
        if (rc)
            return rc;
        if (hit)
            wt_read_ahead_miss(file, offset, range.end, flags & WT_READ_SEQUENTIAL);
        hit = false;
        begin_ns = begin_ns ? begin_ns : wt_now_ns();
        int64_t n = wt_read_step(file, range.at, &range.end, cursor, flags);
        if (n < 0) {
            if (once)
                drop_behind(inode, offset, range.at, flags);
            return n;
        }
        range.at += (uint64_t)n;
    }
    if (once)
        drop_behind(inode, offset, range.at, flags);
    if (range.at < range.end) /* it may not wait */
        return range.at > offset ? (int64_t)(range.at - offset) : -EAGAIN;
    if (hit && !cached_only)
        wt_read_ahead_hit(file, offset, range.end);
    wt_count(inode->engine, hit ? WT_COUNT_READ_HITS : WT_COUNT_READ_MISSES, 1);
    if (begin_ns)
        wt_stats_add(inode->engine, hit ? WT_HISTOGRAM_READ_HITS : WT_HISTOGRAM_READ_MISSES,
                     (uint64_t)(wt_now_ns() - begin_ns));
    return (int64_t)(range.at - offset);
}

/* 1: the file has no folios, and the caller is inside the gate. 0: it has. -EAGAIN: to enter the caller would have to wait. */
static int enter_buffered(struct wt_inode *inode, bool may_wait) {
    if (!wt_inode_is_buffered(inode))
        return 0;
    if (!wt_inode_begin(inode, may_wait))
        return -EAGAIN;
    bool buffered = wt_inode_is_buffered(inode);
    if (!buffered)
        wt_inode_end(inode);
    return buffered;
}

int64_t wt_read_acquired(struct wt_file_object *file, struct wt_cursor *cursor, uint64_t length, uint64_t offset,
                         uint32_t flags) {
    int64_t result = wt_read_check(file, length, offset);
    if (!result && length > 0) {
        uint64_t size = wt_inode_visible_size(file->inode);
        uint64_t end = offset + length < size ? offset + length : size;
        bool may_wait = !(flags & (CACHED_ONLY | WT_READ_NOWAIT)) || WT_MUTANT("cached-read-waits");
        int buffered = offset < end ? enter_buffered(file->inode, may_wait) : 0;
        if (buffered < 0) {
            result = buffered;
        } else if (buffered) {
            result = wt_buffered_read(file->inode, cursor, offset, end - offset);
            wt_inode_end(file->inode);
        } else if (offset < end) {
            result = read_file(file, cursor, offset, end, flags);
        }
    }
    return result;
}

static int64_t read_cursor(wt_file handle, struct wt_cursor *cursor, uint64_t length, uint64_t offset, uint32_t flags) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int64_t result = wt_read_acquired(file, cursor, length, offset, flags);
    wt_file_release(handle);
    return result;
}

int64_t wt_read_cursor(wt_file handle, struct wt_cursor *cursor, uint64_t length, uint64_t offset, uint32_t flags) {
    return flags & ~READ_FLAGS ? -EINVAL : read_cursor(handle, cursor, length, offset, flags);
}

int64_t wt_read_cached_cursor(wt_file handle, struct wt_cursor *cursor, uint64_t length, uint64_t offset) {
    return read_cursor(handle, cursor, length, offset, CACHED_ONLY);
}

int64_t wt_read_cached(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset) {
    uint64_t length = 0;
    int rc = wt_iovec_length(iov, iov_count, &length);
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_read_cached_cursor(file, &cursor, length, offset);
}

int64_t wt_read_with(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t flags) {
    uint64_t length = 0;
    int rc = wt_iovec_length(iov, iov_count, &length);
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_read_cursor(file, &cursor, length, offset, flags);
}

int64_t wt_read(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset) {
    return wt_read_with(file, iov, iov_count, offset, 0);
}
