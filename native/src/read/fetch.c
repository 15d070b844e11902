// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "read/fetch.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "cache/range.h"
#include "engine/doors.h"
#include "file/check.h"
#include "file/lane.h"
#include "file/operation.h"
#include "file/transfer.h"

int wt_read_check(const struct wt_file_object *file, uint64_t length, uint64_t offset) {
    if (!file->readable)
        return -EBADF;
    if (offset > INT64_MAX || length > INT64_MAX)
        return -EINVAL;
    return atomic_load_explicit(&file->inode->lost, memory_order_relaxed) ? -ESTALE : 0;
}

/* ---- missing blocks ------------------------------------------------------------------------------------------ */

/* So many folios at most that one read fills blocks of. */
#define PARTS 40u

struct read_part {
    struct wt_folio *folio;
    uint64_t blocks;
};

struct missing_read {
    struct wt_io io;
    uint64_t size; /* of the file, when the read began */
    bool once;     /* what it brings in leaves the cache when it was read: it counts as read ahead */
    unsigned part_count;
    struct read_part parts[PARTS];
};

/* The blocks that are cached, or that other I/O brings or writes: nobody reads these. */
static uint64_t blocks_there(struct wt_folio *folio) {
    return folio->uptodate | folio->reading | folio->writeback | wt_folio_stuck(folio);
}

/* Claims the run of missing blocks at the start of a..b of a locked folio. Returns where it ends. */
static uint32_t claim(struct wt_folio *folio, struct wt_reservation *reservation, struct missing_read *read, uint32_t a,
                      uint32_t b) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    unsigned first = a >> geometry->block_shift, last = (b - 1) >> geometry->block_shift;
    uint64_t there = wt_bits(first, last) & blocks_there(folio);
    if (there) {
        unsigned stop = (unsigned)__builtin_ctzll(there);
        if (stop == first)
            return a;
        last = stop - 1;
    }
    unsigned first_page = wt_page_of(geometry, first), last_page = wt_page_of(geometry, last);
    if (read->part_count == PARTS || read->io.segment_count + (last_page - first_page + 1) > WT_IO_SEGMENTS)
        return a;
    if (!WT_MUTANT("pinned-bytes-read-again"))
        wt_folio_renew(folio, reservation, first_page, last_page);
    wt_folio_fill(folio, reservation, first_page, last_page);
    folio->reading |= wt_bits(first, last);
    read->parts[read->part_count++] = (struct read_part){.folio = folio, .blocks = wt_bits(first, last)};
    uint32_t end = (last + 1) << geometry->block_shift;
    for (uint32_t at = first << geometry->block_shift, length; at < end; at += length) {
        uint8_t *memory = wt_folio_memory(folio, at, end, &length);
        wt_io_add(&read->io, memory, length);
    }
    return end;
}

/*
 * Claims missing blocks from offset on, folio after folio. If another thread reads the first of them, waits for that
 * and claims nothing. False: the caller may not wait.
 */
static bool claim_all(struct wt_inode *inode, struct wt_reservation *reservation, struct missing_read *read,
                      uint64_t offset, uint64_t end, bool may_wait) {
    struct wt_range range = wt_range_of(&inode->mapping.geometry, offset, end);
    while (wt_range_enter(&range)) {
        struct wt_folio *folio = wt_folio_get(&inode->mapping, range.index);
        uint64_t first = UINT64_C(1) << (range.from >> inode->mapping.geometry.block_shift);
        uint64_t filling = folio->reading | (folio->writeback & ~folio->uptodate); /* by a read, or with zeros */
        filling |= wt_folio_stuck(folio) & ~folio->uptodate;
        if (read->part_count == 0 && (filling & first)) {
            if (may_wait)
                wt_folio_wait(folio);
            wt_folio_put(folio);
            return may_wait;
        }
        uint32_t stop = claim(folio, reservation, read, range.from, range.to);
        wt_folio_put(folio);
        if (stop < range.to)
            break;
        wt_range_leave(&range);
    }
    return true;
}

/* The I/O ended: its blocks are uptodate now, with zeros behind the end of the file. */
static void publish(struct missing_read *read, uint64_t offset, uint64_t length, struct wt_cursor *cursor) {
    uint64_t valid_end = read->io.offset + read->io.done, end = offset + length;
    for (unsigned i = 0; i < read->part_count; i++) {
        struct wt_folio *folio = read->parts[i].folio;
        uint64_t blocks = read->parts[i].blocks;
        const struct wt_geometry *geometry = &folio->mapping->geometry;
        uint64_t base = atomic_load_explicit(&folio->index, memory_order_relaxed) << geometry->folio_shift;
        uint32_t start = (uint32_t)__builtin_ctzll(blocks) << geometry->block_shift;
        uint32_t stop = (64 - (uint32_t)__builtin_clzll(blocks)) << geometry->block_shift;

        wt_folio_lock(folio);
        folio->reading &= ~blocks;
        if (!read->io.error) {
            uint64_t valid = valid_end > base ? valid_end - base : 0;
            uint32_t zeros = valid <= start ? start : valid < stop ? (uint32_t)valid : stop;
            for (uint32_t n; zeros < stop; zeros += n) {
                uint8_t *memory = wt_folio_memory(folio, zeros, stop, &n);
                if (!WT_MUTANT("read-past-end-not-zeroed"))
                    memset(memory, 0, n);
            }
            folio->uptodate |= blocks;
            if (!cursor || read->once)
                folio->ahead |= wt_bits(start >> WT_PAGE_SHIFT, (stop - 1) >> WT_PAGE_SHIFT);
            if (cursor && end > base + start) {
                uint32_t a = offset > base + start ? (uint32_t)(offset - base) : start;
                uint32_t b = end < base + stop ? (uint32_t)(end - base) : stop;
                for (uint32_t at = a, n; at < b; at += n) {
                    const uint8_t *memory = wt_folio_memory(folio, at, b, &n);
                    cursor->copy_out(cursor, memory, n);
                }
            }
        }
        wt_folio_wake(folio);
        wt_folio_put(folio);
    }
}

static void prepare(struct missing_read *read, struct wt_inode *inode, uint64_t offset) {
    uint64_t block_mask = (UINT64_C(1) << inode->mapping.geometry.block_shift) - 1;
    wt_io_init(&read->io, WT_IO_READ, atomic_load(&inode->backing), offset & ~block_mask);
    read->part_count = 0;
    read->once = false;
    read->size = wt_inode_size(inode);
}

int64_t wt_read_missing(struct wt_inode *inode, struct wt_reservation *reservation, uint64_t offset, uint64_t length,
                        struct wt_cursor *cursor, uint32_t flags) {
    struct missing_read read;
    prepare(&read, inode, offset);
    read.once = flags & WT_READ_ONCE;
    read.io.high_priority = flags & WT_READ_HIGH_PRIORITY && !WT_MUTANT("urgent-read-forgotten");
    (void)claim_all(inode, reservation, &read, offset, offset + length, true);
    if (read.part_count == 0)
        return 0;
    uint64_t read_end = read.io.offset + read.io.length;
    wt_transfer_run(inode, &read.io);
    wt_inode_check_read(inode, &read.io, read.size);
    publish(&read, offset, length, cursor);
    wt_pool_kick(&inode->mapping.cache->pool);
    if (read.io.error)
        return read.io.error;
    return (int64_t)((read_end < offset + length ? read_end : offset + length) - offset);
}

/* ---- fetch: the same, and nobody waits ------------------------------------------------------------------------- */

struct fetch {
    struct missing_read read; /* first: its io completes */
    struct wt_operation operation;
    struct wt_inode *inode;
    uint64_t offset, length;
    uint64_t background_bytes; /* that it has of the background share */
};

static void free_fetch(struct wt_operation *operation) {
    free((uint8_t *)operation - offsetof(struct fetch, operation));
}

static const struct wt_operation_type fetch_type = {.bytes = sizeof(struct fetch), .free = free_fetch};

static void fetch_done(struct wt_io *io) {
    struct fetch *fetch = (struct fetch *)io;
    struct wt_inode *inode = fetch->inode;
    uint64_t end = fetch->offset + fetch->length;
    uint64_t read_end = 0;
    for (unsigned i = 0; i < fetch->read.part_count; i++)
        read_end += (uint64_t)__builtin_popcountll(fetch->read.parts[i].blocks) << inode->mapping.geometry.block_shift;
    read_end += io->offset;
    wt_transfer_ended(inode, io, 0);
    wt_inode_check_read(inode, &fetch->read.io, fetch->read.size);
    publish(&fetch->read, fetch->offset, fetch->length, NULL);
    wt_pool_kick(&inode->mapping.cache->pool);
    wt_background_leave(&inode->engine->background, fetch->background_bytes);
    fetch->operation.result = io->error && !WT_MUTANT("fetch-error-swallowed")
                                  ? io->error
                                  : (int64_t)((read_end < end ? read_end : end) - fetch->offset);
    wt_operations_end(inode, &fetch->operation);
}

/* Where the cached bytes from `at` on end. */
static uint64_t cached_end(struct wt_inode *inode, uint64_t at, uint64_t end) {
    const struct wt_geometry *geometry = &inode->mapping.geometry;
    struct wt_range range = wt_range_of(geometry, at, end);
    for (; wt_range_enter(&range); wt_range_leave(&range)) {
        struct wt_folio *folio = wt_folio_find(&inode->mapping, range.index);
        if (!folio)
            return range.at;
        uint64_t missing = wt_range_blocks(&range) & (~folio->uptodate | folio->reading);
        wt_folio_put(folio);
        if (missing) {
            uint32_t stop = (uint32_t)__builtin_ctzll(missing) << geometry->block_shift;
            return stop > range.from ? range.at + (stop - range.from) : range.at;
        }
    }
    return end;
}

/* Claims the first missing blocks; none if all is cached. False: it would have to wait for another's read. */
static bool claim_missing(struct fetch *fetch, struct wt_reservation *reservation, uint64_t end, bool may_wait) {
    uint64_t at;
    while (fetch->read.part_count == 0 && (at = cached_end(fetch->inode, fetch->offset, end)) < end) {
        prepare(&fetch->read, fetch->inode, at);
        if (!claim_all(fetch->inode, reservation, &fetch->read, at, end, may_wait))
            return false;
    }
    return true;
}

/* Starts the I/O, or ends the operation if there is nothing to read. -EAGAIN: it would wait and may not. */
static int start_fetch(struct fetch *fetch, bool may_wait) {
    struct wt_inode *inode = fetch->inode;
    uint64_t size = wt_inode_visible_size(inode), end = fetch->offset + fetch->length;
    end = end < size ? end : size;
    fetch->length = end > fetch->offset ? end - fetch->offset : 0;
    if (fetch->length > inode->engine->chunk_bytes)
        fetch->length = inode->engine->chunk_bytes;
    end = fetch->offset + fetch->length;
    fetch->read.part_count = 0;
    bool waited = true;
    if (fetch->length > 0 && !wt_inode_is_buffered(inode)) {
        uint32_t pages = wt_range_pages(fetch->offset, end);
        struct wt_reservation reservation = {.pool = &inode->mapping.cache->pool};
        waited = wt_pool_reserve(&reservation, pages, may_wait) && claim_missing(fetch, &reservation, end, may_wait);
        wt_pool_unreserve(&reservation);
    }
    if (!waited)
        return -EAGAIN;
    if (fetch->read.part_count == 0) {
        wt_background_undo(&inode->engine->background, fetch->background_bytes, 0);
        fetch->operation.result = (int64_t)fetch->length;
        wt_operations_end(inode, &fetch->operation);
        return 0;
    }
    fetch->read.io.complete = fetch_done;
    wt_transfer_submit(inode, &fetch->read.io, NULL);
    return 0;
}

/* ---- ahead: the same, and nobody is told ----------------------------------------------------------------------- */

/* The part of the cache that all I/O for nobody yet may have in flight: evicting passes its memory by. */
#define AHEAD_PART 4u

static void fetch_ahead_done(struct wt_io *io) {
    struct fetch *fetch = (struct fetch *)io;
    struct wt_inode *inode = fetch->inode;
    uint64_t length = io->length;
    wt_transfer_ended(inode, io, 0);
    wt_inode_check_read(inode, &fetch->read.io, fetch->read.size);
    publish(&fetch->read, fetch->offset, fetch->length, NULL);
    atomic_fetch_sub(&inode->engine->ahead_bytes, length);
    wt_background_leave(&inode->engine->background, fetch->background_bytes);
    wt_pool_kick(&inode->mapping.cache->pool);
    free(fetch);
    wt_inode_end(inode);
}

static uint64_t most_ahead(const struct wt_engine_object *engine) {
    return ((uint64_t)engine->cache.pool.frame_count << WT_PAGE_SHIFT) / AHEAD_PART;
}

/* Gives back room that was not used. */
static void leave_ahead(struct wt_engine_object *engine, uint64_t bytes, uint64_t used, bool background) {
    atomic_fetch_sub(&engine->ahead_bytes, bytes - used);
    if (background)
        wt_background_undo(&engine->background, bytes, used);
}

/* Counts bytes that are about to be read for nobody yet. False: there is no room for them now. */
static bool enter_ahead(struct wt_engine_object *engine, uint64_t bytes, bool background) {
    uint64_t in_flight = atomic_fetch_add(&engine->ahead_bytes, bytes);
    bool room = in_flight + bytes <= most_ahead(engine) || WT_MUTANT("prefetch-unbounded");
    if (room && background)
        room = wt_background_enter(&engine->background, bytes, false);
    if (!room)
        atomic_fetch_sub(&engine->ahead_bytes, bytes);
    return room;
}

/* The first run of blocks in *start..end that are not cached and that nobody reads, up to what one I/O takes. False: none. */
static bool find_missing(struct wt_inode *inode, uint64_t *start, uint64_t end, uint64_t *stop) {
    const struct wt_geometry *geometry = &inode->mapping.geometry;
    struct wt_range range = wt_range_of(geometry, *start, end);
    bool found = false;
    for (; wt_range_enter(&range); wt_range_leave(&range)) {
        uint64_t blocks = wt_range_blocks(&range), missing = blocks;
        struct wt_folio *folio = wt_folio_find(&inode->mapping, range.index);
        if (folio) {
            missing &= ~blocks_there(folio);
            wt_folio_put(folio);
        }
        if (!found && missing == 0)
            continue;
        uint64_t base = range.index << geometry->folio_shift;
        if (!found) {
            unsigned first = (unsigned)__builtin_ctzll(missing);
            *start = base + ((uint64_t)first << geometry->block_shift);
            uint64_t most = *start + inode->engine->chunk_bytes;
            range.end = range.end < most ? range.end : most;
            blocks &= ~UINT64_C(0) << first;
            found = true;
        }
        uint64_t there = blocks & ~missing;
        if (there) {
            uint64_t first_there = base + ((uint64_t)__builtin_ctzll(there) << geometry->block_shift);
            *stop = first_there < range.end ? first_there : range.end;
            return true;
        }
    }
    *stop = range.end;
    return found;
}

/* Starts to read a run of missing blocks, the first of them at least. Returns where what is read ends; start: there is no room. */
static uint64_t start_ahead(struct wt_inode *inode, uint64_t start, uint64_t stop, bool background) {
    uint64_t block_mask = (UINT64_C(1) << inode->mapping.geometry.block_shift) - 1;
    uint64_t most = ((stop + block_mask) & ~block_mask) - start;
    if (!enter_ahead(inode->engine, most, background))
        return start;
    struct wt_reservation reservation = {.pool = &inode->mapping.cache->pool};
    uint32_t pages = wt_range_pages(start, stop);
    struct fetch *fetch = malloc(sizeof *fetch);
    uint64_t end = start;
    if (fetch) {
        fetch->inode = inode;
        fetch->offset = start;
        fetch->length = stop - start;
        prepare(&fetch->read, inode, start);
        if (wt_pool_reserve(&reservation, pages, WT_MUTANT("prefetch-waits")))
            (void)claim_all(inode, &reservation, &fetch->read, start, stop, false);
        wt_pool_unreserve(&reservation);
        end = start + fetch->read.io.length;
    }
    leave_ahead(inode->engine, most, end - start, background);
    if (end == start) {
        free(fetch);
        return start;
    }
    wt_inode_begin_more(inode);
    fetch->background_bytes = background ? end - start : 0;
    fetch->read.io.complete = fetch_ahead_done;
    wt_transfer_submit(inode, &fetch->read.io, NULL);
    return end;
}

uint64_t wt_fetch_ahead(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t *most, bool background) {
    if (!wt_inode_begin(inode, false))
        return start;
    uint64_t size = wt_inode_visible_size(inode), at = start, stop;
    uint64_t last = end < size ? end : size;
    bool room = !wt_inode_is_buffered(inode);
    uint64_t piece = background ? wt_background_piece(&inode->engine->background) : UINT64_MAX;
    while (room && find_missing(inode, &at, last, &stop)) {
        stop = stop - at < piece ? stop : at + piece;
        uint64_t read_end = stop - at <= *most ? start_ahead(inode, at, stop, background) : at;
        room = read_end > at;
        *most -= read_end - at < *most ? read_end - at : *most; /* it is in whole blocks */
        at = read_end;
    }
    wt_inode_end(inode);
    return room ? end : at;
}

int wt_prefetch_ranges(wt_file handle, const struct wt_prefetch_range *ranges, int count) {
    if (count < 0 || (count > 0 && !ranges))
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int rc = 0;
    for (int i = 0; i < count && !rc; i++)
        rc = wt_read_check(file, ranges[i].length, ranges[i].offset);
    const struct wt_geometry *geometry = &file->inode->mapping.geometry;
    uint64_t block_mask = (UINT64_C(1) << geometry->block_shift) - 1;
    uint64_t most = most_ahead(file->inode->engine);
    struct wt_plug plug;
    wt_plug_begin(&plug);
    for (int i = 0; i < count && !rc;) {
        uint64_t start = ranges[i].offset & ~block_mask, end = ranges[i].offset + ranges[i].length;
        /* neighbours are one range */
        while (++i < count && !WT_MUTANT("neighbours-apart") && ranges[i].offset >= start &&
               (ranges[i].offset & ~block_mask) <= ((end + block_mask) & ~block_mask)) {
            uint64_t next_end = ranges[i].offset + ranges[i].length;
            end = next_end > end ? next_end : end;
        }
        if (end > start && wt_fetch_ahead(file->inode, start, end, &most, file->background) < end)
            break;
    }
    wt_plug_end(&plug);
    wt_file_release(handle);
    return rc;
}

int wt_prefetch(wt_file file, uint64_t offset, uint64_t length) {
    return wt_prefetch_ranges(file, &(struct wt_prefetch_range){.offset = offset, .length = length}, 1);
}

/* ---- for an event ---------------------------------------------------------------------------------------------- */

int wt_fetch_submit(wt_file handle, uint64_t offset, uint64_t length, uint32_t flags, uint64_t token) {
    if (flags & ~(uint32_t)WT_NOWAIT)
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    struct wt_engine_object *engine = file->inode->engine;
    bool may_wait = !(flags & WT_NOWAIT) && !wt_may_wait(engine->backend);
    struct wt_lane_object *lane = wt_lane_current();
    int rc = wt_read_check(file, length, offset);
    if (!rc && lane && lane->engine != engine)
        rc = -EXDEV;
    uint64_t background_bytes = 0;
    if (!rc && file->background) {
        uint64_t piece = wt_background_piece(&engine->background);
        length = length < piece ? length : piece;
        if (wt_background_enter(&engine->background, length, may_wait))
            background_bytes = length;
        else
            rc = -EAGAIN;
    }
    rc = rc ? rc : wt_operation_begin(engine, lane, sizeof(struct fetch));
    bool counted = !rc;
    struct fetch *fetch = rc ? NULL : malloc(sizeof *fetch);
    if (!fetch && !rc)
        rc = -ENOMEM;
    if (!rc && !wt_inode_begin(file->inode, may_wait))
        rc = -EAGAIN;
    if (!rc) {
        fetch->inode = file->inode;
        fetch->offset = offset;
        fetch->length = length;
        fetch->background_bytes = background_bytes;
        fetch->operation = (struct wt_operation){.token = token, .handle = handle, .type = &fetch_type, .lane = lane};
        rc = start_fetch(fetch, may_wait);
        if (rc)
            wt_inode_end(file->inode);
    }
    if (rc) {
        wt_background_undo(&engine->background, background_bytes, 0);
        if (counted)
            wt_operation_give_up(engine, lane, sizeof(struct fetch));
        free(fetch);
        wt_file_release(handle);
    }
    return rc == -EAGAIN && !may_wait && !(flags & WT_NOWAIT) ? -EDEADLK : rc;
}
