// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/size.h"

#include <errno.h>

#include "base/mutant.h"
#include "cache/mapping.h"
#include "cache/range.h"
#include "engine/doors.h"
#include "file/check.h"
#include "file/owners.h"
#include "file/transfer.h"
#include "io/disk.h"
#include "io/turns.h"
#include "read/read.h"
#include "write/later.h"
#include "write/round.h"
#include "write/writeback.h"

/* Zeros are written in pieces of this, so that writers nearby wait briefly. */
#define ZERO_PIECE_BYTES (1u << 20)

static uint64_t block_bytes(const struct wt_inode *inode) {
    return UINT64_C(1) << inode->mapping.geometry.block_shift;
}

int64_t wt_size(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int64_t size = (int64_t)wt_inode_visible_size(file->inode);
    wt_file_release(handle);
    return size;
}

int wt_sync(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int rc = wt_may_wait(file->inode->engine->backend);
    if (!rc) {
        (void)wt_inode_begin(file->inode, true);
        rc = wt_inode_check(file->inode);
        wt_inode_end(file->inode);
    }
    if (!rc)
        rc = WT_MUTANT("flush-skipped") ? wt_later_settle(file) : wt_later_sync(file);
    wt_file_release(handle);
    return rc;
}

int wt_inode_change_size(struct wt_inode *inode, uint64_t size) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t on_disk = size;
    int rc = wt_inode_cut(inode, size);
    if (rc && backing->ops->size(backing, &on_disk))
        return rc;
    if (on_disk == size || on_disk < wt_inode_size(inode))
        wt_ends_set(&inode->ends, on_disk);
    else
        wt_inode_suspect_size(inode);
    return rc;
}

int wt_inode_truncate(struct wt_inode *inode, uint64_t size, bool at_force) {
    at_force = at_force && wt_turns_keep(&inode->turns);
    if (!at_force)
        (void)wt_later_keep_nothing(inode, true);
    wt_later_shut(inode);
    int rc = inode->append_error ? inode->restore_error : 0;
    uint64_t old = wt_inode_size(inode), failures = wt_disk_failures(inode->turns.disk);
    if (!rc && size < old && wt_is_owned(inode, size, UINT64_MAX))
        rc = -EBUSY;
    wt_inode_forget_zeros(inode, size, UINT64_MAX);
    if (!rc && size < old && !WT_MUTANT("truncated-tail-stays-cached"))
        rc = wt_mapping_cut(&inode->mapping, size, UINT64_MAX); /* all is clean: if the rest fails, it is read again */
    if (!rc && size != old)
        rc = wt_inode_change_size(inode, size);
    else if (!rc && inode->restore_error) /* the file is longer on disk, and cannot be cut */
        rc = inode->restore_error;
    else if (!rc && size > 0 && !at_force) /* it may have grown by writes that are only on the device */
        rc = wt_inode_flush(inode, true);
    if (!rc)
        wt_ends_set(&inode->ends, size);
    if (!rc)
        wt_round_cut(inode, size, !at_force);
    uint64_t least = size < old ? size : old, mask = block_bytes(inode) - 1;
    if (!rc && at_force && size != old && (least & mask) &&
        !WT_MUTANT("zeros-behind-end-not-noted")) /* zeros of the kernel, as if they were of a round */
        wt_round_note_unflushed(inode, least, (least | mask) + 1, failures);
    wt_inode_open_gate(inode);
    return rc;
}

int wt_truncate(wt_file handle, uint64_t size) {
    if (size > INT64_MAX)
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire_writable(handle);
    if (!file)
        return -EBADF;
    int rc = atomic_load(&file->inode->lost) ? -ESTALE : wt_may_wait(file->inode->engine->backend);
    if (!rc)
        rc = wt_inode_truncate(file->inode, size, file->at_force);
    wt_file_release(handle);
    return rc;
}

int wt_inode_restore_size(struct wt_inode *inode) {
    wt_inode_end(inode);
    wt_later_shut(inode);
    int rc = inode->restore_error;
    wt_inode_open_gate(inode);
    (void)wt_inode_begin(inode, true);
    return rc;
}

/* ---- allocate ------------------------------------------------------------------------------------------------ */

/* Writes zeros to start..end, which is a hole. The file ends at limit afterwards, or where it ends now. */
static int write_zeros(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t limit) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    const struct wt_geometry *geometry = &inode->mapping.geometry;
    struct wt_disk_ends ends = {.now = wt_inode_end_on_disk(inode), .soon = limit};
    /* Without direct I/O, too: the gate is shut there, and the zeros need no turn. */
    struct wt_file_route route = wt_ends_route(WT_TRANSFER_ZEROS, geometry, true, start, end, ends);
    bool cached = route.cached_from < end;
    if (!(end & (block_bytes(inode) - 1)) && !atomic_load(&inode->no_write_zeroes)) {
        int rc = wt_blocking(backing)->write_zeroes(backing, start, end - start);
        if (rc != -EOPNOTSUPP)
            return rc;
        atomic_store(&inode->no_write_zeroes, true);
    }
    struct wt_io io;
    wt_io_init(&io, WT_IO_WRITE, backing, start);
    io.through_page_cache = cached;
    wt_transfer_add_zeros(inode, &io, end - start);
    wt_transfer_run(inode, &io);
    if (cached)
        backing->ops->forget(backing, start, end - start);
    return io.error;
}

static int zero_holes(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t limit, uint64_t *zeroed) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    int rc = 0;
    while (!rc && start < end) {
        uint64_t hole, hole_end;
        rc = wt_blocking(backing)->find_hole(backing, start, end, &hole, &hole_end);
        if (rc || hole >= end)
            return rc;
        /* A hole that begins inside a block begins where the file ends: that block is data. */
        hole = (hole + block_bytes(inode) - 1) & ~(block_bytes(inode) - 1);
        uint64_t to = hole_end < limit ? hole_end : limit;
        if (hole < to)
            rc = write_zeros(inode, hole, to, limit);
        if (hole < to && !rc)
            *zeroed += to - hole;
        start = hole_end > hole ? hole_end : hole;
    }
    return rc;
}

/* The claimed blocks are zero on disk; a write that waits for the claim to end excepts its folio. */
static void remember_zeros(const struct wt_writeback *claim) {
    const struct wt_geometry *geometry = &claim->inode->mapping.geometry;
    for (unsigned i = 0; i < claim->share_count; i++) {
        struct wt_folio *folio = claim->shares[i].folio;
        uint64_t blocks = claim->shares[i].blocks;
        wt_folio_lock(folio);
        uint64_t base = atomic_load_explicit(&folio->index, memory_order_relaxed) << geometry->folio_shift;
        uint64_t first = (uint64_t)__builtin_ctzll(blocks), end = 64 - (uint64_t)__builtin_clzll(blocks);
        if (!(folio->dirty & blocks))
            wt_inode_add_zeros(claim->inode, base + (first << geometry->block_shift),
                               base + (end << geometry->block_shift));
        wt_folio_put(folio);
    }
}

/* Keeps all I/O off the blocks of a range: they are under writeback of an I/O that zero_range stands for. */
static void hold_range(struct wt_writeback *claim, uint64_t start, uint64_t end) {
    struct wt_mapping *mapping = &claim->inode->mapping;
    struct wt_range range = wt_range_of(&mapping->geometry, start, end);
    for (; wt_range_enter(&range); wt_range_leave(&range)) {
        uint64_t blocks = wt_range_blocks(&range);
        struct wt_folio *folio = wt_folio_get(mapping, range.index);
        wt_later_wait_idle(folio, blocks);
        folio->writeback |= blocks;
        claim->shares[claim->share_count++] = (struct wt_share){.folio = folio, .blocks = blocks};
        wt_folio_put(folio);
    }
}

/*
 * Zeros the holes in start..end, which is at most ZERO_PIECE_BYTES and aligned to pages, so that no other I/O touches a
 * page that goes through the kernel's cache.
 */
static int zero_range(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t limit) {
    struct wt_writeback *claim = wt_writeback_take(inode->engine, false);
    if (!claim)
        return -ENOMEM;
    claim->inode = inode;
    claim->zeroing = true;
    claim->bounce = NULL;
    claim->share_count = 0;
    wt_io_init(&claim->io, WT_IO_WRITE, atomic_load(&inode->backing), start);
    claim->io.length = claim->io.done = end - start;
    wt_inode_begin_more(inode);
    hold_range(claim, start, end);
    uint64_t zeroed = 0;
    int rc = zero_holes(inode, start, end, limit, &zeroed);
    if (!rc && zeroed == end - start)
        remember_zeros(claim);
    claim->io.error = rc;
    if (rc)
        claim->io.done = 0;
    wt_writeback_done(&claim->io);
    return rc;
}

static uint64_t piece_end(const struct wt_inode *inode, uint64_t start, uint64_t end) {
    uint64_t folios = UINT64_C(32) << inode->mapping.geometry.folio_shift; /* a writeback has room for 40 */
    uint64_t piece = folios < ZERO_PIECE_BYTES ? folios : ZERO_PIECE_BYTES;
    uint64_t stop = (start + piece) & ~(uint64_t)(WT_PAGE_BYTES - 1);
    return stop < end ? stop : end;
}

static int allocate_cached(struct wt_inode *inode, uint64_t offset, uint64_t end) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t page_mask = WT_PAGE_BYTES - 1;
    uint64_t at = offset & ~page_mask, stop = (end + page_mask) & ~page_mask;
    int rc = 0;
    while (!rc && at < stop) {
        uint64_t hole, hole_end;
        rc = wt_blocking(backing)->find_hole(backing, at, stop, &hole, &hole_end);
        if (rc || hole >= stop)
            return rc;
        at = hole & ~page_mask;
        uint64_t piece = piece_end(inode, at, stop);
        uint64_t size = wt_inode_size(inode);
        rc = zero_range(inode, at, piece, end > size ? end : size);
        at = piece;
    }
    return rc;
}

/*
 * No blocks are claimed here. Each piece is done with the gate shut, so that nobody writes to a hole between its
 * being found and zeroed. The caller is inside the gate, before and after.
 */
static int allocate_buffered(struct wt_inode *inode, uint64_t offset, uint64_t end) {
    int rc = 0;
    uint64_t zeroed = 0;
    wt_inode_end(inode);
    for (uint64_t at = offset; !rc && at < end; at += ZERO_PIECE_BYTES) {
        if (!WT_MUTANT("allocation-over-written"))
            wt_later_shut(inode);
        if (!atomic_load(&inode->mapped))
            rc = zero_holes(inode, at, end - at < ZERO_PIECE_BYTES ? end : at + ZERO_PIECE_BYTES, end, &zeroed);
        if (!WT_MUTANT("allocation-over-written"))
            wt_inode_open_gate(inode);
    }
    (void)wt_inode_begin(inode, true);
    return rc;
}

/* From now on no atomic write goes over the end that the file will have. Waits for those that are in flight. */
static void announce_end(struct wt_inode *inode, uint64_t end) {
    const struct wt_geometry *geometry = &inode->mapping.geometry;
    atomic_store(&inode->ends.reserve_end, end);
    struct wt_folio *folio = wt_folio_get(&inode->mapping, (end - 1) >> geometry->folio_shift);
    uint64_t bit = UINT64_C(1) << ((end - 1) >> geometry->block_shift) % WT_FOLIO_BLOCKS;
    wt_later_wait_idle(folio, bit);
    wt_folio_put(folio);
}

int wt_inode_reserve(struct wt_inode *inode, uint64_t offset, uint64_t end, uint64_t *size, bool told) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    struct wt_disk *disk = inode->turns.disk;
    wt_unsynced zeros = 0;
    wt_disk_note_unsynced(disk, &zeros);
    if (!wt_inode_is_buffered(inode) && end > wt_inode_size(inode))
        announce_end(inode, end);
    /*
     * Reserving grows the file before others can know that. Where a page has several blocks, the file must not end
     * within a page then: see wt_ends_route. The blocks behind the last whole page get their space when their
     * zeros are written.
     */
    uint64_t whole_pages = end & ~(uint64_t)(WT_PAGE_BYTES - 1);
    uint64_t reserve_end = inode->mapping.geometry.page_block_shift != 0 ? whole_pages : end;
    int rc = reserve_end > offset ? wt_blocking(backing)->reserve(backing, offset, reserve_end - offset) : 0;
    if (rc == -EOPNOTSUPP)
        rc = 0;
    /* Zeros that are written to a mapped file might come over what is stored there at this moment. */
    if (!rc && (!atomic_load(&inode->mapped) || WT_MUTANT("allocation-over-stored")))
        rc = inode->without_direct_io ? allocate_buffered(inode, offset, end) : allocate_cached(inode, offset, end);
    if (!rc && size)
        rc = backing->ops->size(backing, size);
    if (!rc && !WT_MUTANT("allocation-not-synced"))
        rc = wt_inode_flush(inode, told);
    return !rc && wt_disk_flush_failed_since(disk, zeros) ? -EIO : rc;
}

/*
 * The caller is inside the gate. *short_file: all zeros are there but the file ends before `end`, since the file
 * system could not reserve and the last bytes share a block with the end of the file.
 */
static int allocate(struct wt_inode *inode, uint64_t offset, uint64_t end, bool *short_file) {
    uint64_t size = 0;
    if (!inode->without_direct_io) /* elsewhere others wait for the gate */
        wt_long_lock(inode->engine->backend, &inode->ahead_lock);
    int rc = wt_inode_reserve(inode, offset, end, &size, true);
    *short_file = !rc && size < end;
    if (rc)
        wt_inode_suspect_size(inode);
    else if (!*short_file)
        wt_inode_grow(inode, end);
    atomic_store(&inode->ends.reserve_end, 0);
    if (!inode->without_direct_io)
        wt_long_unlock(&inode->ahead_lock);
    return rc;
}

/* Grows the file to size, if it is smaller, with the gate shut: a write that grows it further must not be cut. */
static int grow_file(struct wt_inode *inode, uint64_t size) {
    wt_later_shut(inode);
    /* A write that ended meanwhile may have grown it, but only on the device. */
    int rc = wt_inode_size(inode) < size ? wt_inode_change_size(inode, size) : wt_inode_flush(inode, true);
    wt_inode_open_gate(inode);
    return rc;
}

int wt_allocate(wt_file handle, uint64_t offset, uint64_t length) {
    if (offset > INT64_MAX || length > INT64_MAX)
        return -EINVAL;
    if (offset + length > INT64_MAX)
        return -EFBIG;
    struct wt_file_object *file = wt_file_acquire_writable(handle);
    if (!file)
        return -EBADF;
    int rc = atomic_load(&file->inode->lost) ? -ESTALE : wt_may_wait(file->inode->engine->backend);
    if (!rc && length > 0)
        rc = wt_later_keep_nothing(file->inode, true);
    if (!rc && length > 0) {
        wt_later_send(file->inode);
        (void)wt_inode_begin(file->inode, true);
        bool short_file = false;
        rc = allocate(file->inode, offset, offset + length, &short_file);
        wt_inode_end(file->inode);
        if (short_file)
            rc = grow_file(file->inode, offset + length);
    }
    wt_file_release(handle);
    return rc;
}
