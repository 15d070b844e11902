// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "read/pin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cache/cursor.h"
#include "cache/range.h"
#include "engine/doors.h"
#include "engine/stats.h"
#include "read/fetch.h"
#include "read/read.h"
#include "read/readahead.h"

/* What a handle of a pin stands for. */
struct pin {
    wt_engine engine;
    void *copy; /* NULL: the runs are of the engine's cache */
    uint32_t run_count;
    struct iovec runs[];
};

struct wt_handle_table wt_pin_handles = WT_HANDLE_TABLE(3);

/* ---- pinning ----------------------------------------------------------------------------------------------------- */

/* A block that could not be pinned after so many reads is evicted at once, or keeps nothing: that of a size to be restored. */
#define VAIN_READS 8

/* Pins folio after folio. Returns where it stopped, or -errno. */
static int64_t pin_folios(struct wt_file_object *file, uint64_t offset, uint64_t end, bool cached_only,
                          struct wt_pins *pins, bool *hit) {
    struct wt_inode *inode = file->inode;
    struct wt_range range = wt_range_of(&inode->mapping.geometry, offset, end);
    uint64_t read_from = 0; /* of the last read, and one more */
    unsigned vain_reads = 0;
    while (wt_range_enter(&range)) {
        uint32_t at = range.from;
        struct wt_folio *folio = wt_folio_find_to_copy(&inode->mapping, range.index, NULL, at);
        enum wt_pin_result result = folio ? wt_folio_pin(folio, pins, &at, range.to) : WT_PIN_MISSING;
        if (folio)
            wt_folio_put(folio);
        if (result == WT_PIN_DONE) {
            wt_range_leave(&range);
            continue;
        }
        if (result == WT_PIN_MOVING)
            return WT_PIN_ONLY_COPIED;
        int rc = cached_only ? -EAGAIN : wt_may_wait(inode->engine->backend);
        if (rc)
            return rc;
        uint64_t missing = range.at + (at - range.from);
        if (missing < read_from && ++vain_reads > VAIN_READS)
            return WT_PIN_ONLY_COPIED;
        read_from = missing + 1;
        if (*hit)
            wt_read_ahead_miss(file, offset, range.end, false);
        *hit = false;
        int64_t n = wt_read_step(file, missing, &range.end, NULL, 0);
        if (!n && wt_inode_is_buffered(inode)) /* a program has mapped the file a moment ago */
            return WT_PIN_ONLY_COPIED;
        if (n < 0)
            return n;
    }
    return (int64_t)range.at;
}

int64_t wt_pin_range(struct wt_file_object *file, uint64_t offset, uint64_t length, bool cached_only,
                     struct wt_pins *pins) {
    struct wt_inode *inode = file->inode;
    struct wt_pool *pool = &inode->engine->cache.pool;
    uint64_t size = wt_inode_visible_size(inode), end = offset + length < size ? offset + length : size;
    if (offset >= end)
        return 0;
    if (wt_inode_is_buffered(inode))
        return WT_PIN_ONLY_COPIED;
    if (!wt_pins_enter(pool, pins, wt_range_pages(offset, end)))
        return -ENOBUFS;
    int64_t begin_ns = wt_stats_sample_read();
    bool hit = true;
    int64_t stop = pin_folios(file, offset, end, cached_only, pins, &hit);
    wt_pins_settle(pool, pins);
    if (stop <= (int64_t)offset) {
        wt_pins_leave(pool, pins->runs, pins->run_count);
        return stop < 0 ? stop : 0;
    }
    if (hit)
        wt_read_ahead_hit(file, offset, (uint64_t)stop);
    wt_count(inode->engine, hit ? WT_COUNT_READ_HITS : WT_COUNT_READ_MISSES, 1);
    if (begin_ns)
        wt_stats_add(inode->engine, hit ? WT_HISTOGRAM_READ_HITS : WT_HISTOGRAM_READ_MISSES,
                     (uint64_t)(wt_now_ns() - begin_ns));
    return stop - (int64_t)offset;
}

/* ---- what callers have of it ------------------------------------------------------------------------------------- */

/* Makes a handle of a pin with these runs, and tells the caller of it. False: no memory. */
static bool publish(struct wt_pinned *pinned, const struct pin *like, const struct iovec *runs) {
    struct pin *pin = malloc(sizeof *pin + like->run_count * sizeof *runs);
    if (!pin)
        return false;
    *pin = *like;
    memcpy(pin->runs, runs, like->run_count * sizeof *runs);
    pinned->pin = wt_handle_open(&wt_pin_handles, pin, NULL);
    if (!pinned->pin) {
        free(pin);
        return false;
    }
    memcpy(pinned->runs, runs, like->run_count * sizeof *runs);
    pinned->run_count = like->run_count;
    pinned->is_copy = like->copy != NULL;
    return true;
}

static int64_t pin_copy(wt_file file, uint64_t offset, uint64_t length, struct wt_pinned *pinned) {
    struct iovec run = {malloc(length), length};
    if (!run.iov_base)
        return -ENOMEM;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, &run);
    int64_t n = wt_read_cursor(file, &cursor, length, offset, 0);
    run.iov_len = n > 0 ? (size_t)n : 0;
    const struct pin pin = {.copy = run.iov_base, .run_count = 1};
    if (n > 0 && !publish(pinned, &pin, &run))
        n = -ENOMEM;
    if (n <= 0)
        free(run.iov_base);
    return n;
}

static int64_t pin_cached(struct wt_file_object *file, uint64_t offset, uint64_t length, struct wt_pinned *pinned) {
    struct wt_pins pins;
    struct wt_engine_object *engine = file->inode->engine;
    int64_t n = wt_pin_range(file, offset, length, false, &pins);
    if (n <= 0)
        return n;
    const struct pin pin = {.engine = engine->handle, .run_count = pins.run_count};
    if (!publish(pinned, &pin, pins.runs)) {
        wt_pins_leave(&engine->cache.pool, pins.runs, pins.run_count);
        return -ENOMEM;
    }
    return n;
}

int64_t wt_pin(wt_file handle, uint64_t offset, uint64_t length, uint32_t flags, struct wt_pinned *pinned) {
    if (!pinned || flags & ~(uint32_t)WT_PIN_COPY)
        return -EINVAL;
    pinned->pin = 0;
    pinned->run_count = pinned->is_copy = 0;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int64_t n = wt_read_check(file, length, offset);
    if (!n && length > WT_PIN_MOST)
        n = -EMSGSIZE;
    if (!n && length > 0) {
        n = pin_cached(file, offset, length, pinned);
        if (n == WT_PIN_ONLY_COPIED || (n == -ENOBUFS && flags & WT_PIN_COPY))
            n = pin_copy(handle, offset, length, pinned);
    }
    wt_file_release(handle);
    return n;
}

int wt_unpin(wt_pin_id handle) {
    struct pin *pin = wt_handle_close(&wt_pin_handles, handle, NULL);
    if (!pin)
        return -EBADF;
    struct wt_engine_object *engine = pin->copy ? NULL : wt_engine_acquire(pin->engine);
    if (engine) {
        wt_pins_leave(&engine->cache.pool, pin->runs, pin->run_count);
        wt_engine_release(pin->engine);
    }
    free(pin->copy);
    free(pin);
    return 0;
}
