// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files without direct I/O, or mapped for writing: reads and durable writes go through the kernel's page cache. */
#include <errno.h>

#include "base/mutant.h"
#include "engine/stats.h"
#include "file/buffered.h"
#include "file/check.h"
#include "file/lane.h"
#include "file/transfer.h"
#include "io/disk.h"
#include "io/turns.h"

/* Pages that carry a piece of the caller's bytes to or from the kernel: the caller's memory may have no address. */
struct bounce {
    struct wt_reservation reservation;
    unsigned run_count;
    uint32_t runs[WT_IO_SEGMENTS];
    struct wt_io io;
};

static void bounce_begin(struct bounce *bounce, struct wt_inode *inode, enum wt_io_op op, uint64_t offset,
                         uint64_t length) {
    struct wt_pool *pool = &inode->mapping.cache->pool;
    uint32_t pages = (uint32_t)((length + WT_PAGE_BYTES - 1) >> WT_PAGE_SHIFT);
    if (op == WT_IO_WRITE)
        (void)wt_room_enter(inode->engine, length, true);
    bounce->reservation = (struct wt_reservation){.pool = pool};
    (void)wt_pool_reserve(&bounce->reservation, pages, true);
    struct wt_io *io = &bounce->io;
    wt_io_init(io, op, atomic_load(&inode->backing), offset);
    io->through_page_cache = true;
    bounce->run_count = 0;
    unsigned order = WT_MAX_ORDER;
    for (uint64_t left = length; left > 0;) {
        while (order > 0 && (UINT64_C(1) << (order + WT_PAGE_SHIFT)) > ((left + WT_PAGE_BYTES - 1) & ~UINT64_C(4095)))
            order--;
        uint32_t run = wt_pool_take_detached(&bounce->reservation, order);
        if (run == WT_NONE) {
            order--;
            continue;
        }
        uint64_t bytes = UINT64_C(1) << (order + WT_PAGE_SHIFT);
        bytes = bytes < left ? bytes : left;
        bounce->runs[bounce->run_count++] = run;
        wt_io_add(io, wt_pool_memory(pool, run), (size_t)bytes);
        left -= bytes;
    }
}

static void bounce_end(struct bounce *bounce) {
    for (unsigned i = 0; i < bounce->run_count; i++)
        wt_pool_free_detached(bounce->reservation.pool, bounce->runs[i]);
    wt_pool_unreserve(&bounce->reservation);
}

/*
 * How many of the left bytes, from offset on, go at once. No block is in two pieces: another write may come between
 * pieces.
 */
static uint64_t piece_of(const struct wt_inode *inode, uint64_t offset, uint64_t left) {
    uint64_t most = (uint64_t)WT_IO_SEGMENTS << WT_PAGE_SHIFT;
    if (most > inode->engine->chunk_bytes)
        most = inode->engine->chunk_bytes;
    uint64_t past_block = (offset + most) & ((UINT64_C(1) << inode->mapping.geometry.block_shift) - 1);
    return left <= most ? left : most - past_block;
}

int64_t wt_buffered_read(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t offset, uint64_t length) {
    uint64_t read = 0;
    int error = 0;
    bool ended = false;
    int64_t begin_ns = wt_now_ns();
    uint64_t size = wt_inode_visible_size(inode);
    error = wt_inode_check_sometimes(inode, begin_ns);
    while (!error && read < length && !ended) {
        struct bounce bounce;
        uint64_t piece = piece_of(inode, offset + read, length - read);
        bounce_begin(&bounce, inode, WT_IO_READ, offset + read, piece);
        struct iovec memory[WT_IO_SEGMENTS];
        for (unsigned i = 0; i < bounce.io.segment_count; i++)
            memory[i] = bounce.io.segments[i];
        wt_transfer_run(inode, &bounce.io);
        uint64_t left = bounce.io.done;
        for (unsigned i = 0; left > 0; i++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): done is at most the sum of the segments. */
            uint64_t n = memory[i].iov_len < left ? memory[i].iov_len : left;
            cursor->copy_out(cursor, memory[i].iov_base, n);
            left -= n;
        }
        read += bounce.io.done;
        error = bounce.io.error;
        ended = bounce.io.done < piece;
        bounce_end(&bounce);
        if (!error && ended && offset + read < size && offset + read < offset + length)
            error = wt_inode_check(inode);
    }
    wt_count(inode->engine, WT_COUNT_READ_MISSES, 1);
    wt_stats_add(inode->engine, WT_HISTOGRAM_READ_MISSES, (uint64_t)(wt_now_ns() - begin_ns));
    return error ? error : (int64_t)read;
}

static int64_t write_pieces(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t offset, uint64_t length,
                            uint32_t durability, uint32_t flags, uint64_t *stable_bytes) {
    uint64_t written = 0;
    int error = 0;
    while (written < length && !error) {
        struct bounce bounce;
        uint64_t piece = piece_of(inode, offset + written, length - written);
        bounce_begin(&bounce, inode, WT_IO_WRITE, offset + written, piece);
        for (unsigned i = 0; i < bounce.io.segment_count; i++)
            cursor->copy_in(cursor, bounce.io.segments[i].iov_base, bounce.io.segments[i].iov_len);
        bounce.io.durability = durability;
        bounce.io.high_priority = flags & WT_HIGH_PRIORITY;
        wt_transfer_run_inside(inode, &bounce.io);
        if (durability == WT_DURABILITY_DEVICE && !WT_MUTANT("buffered-write-not-noted"))
            wt_disk_note_unsynced_since(&inode->unsynced, bounce.io.failures_before);
        written += bounce.io.done;
        error = bounce.io.error;
        if (bounce.io.done > 0)
            wt_inode_grow(inode, offset + written);
        if (error) {
            bounce.io.backing->ops->forget(bounce.io.backing, offset + written, piece - bounce.io.done);
            if (!WT_MUTANT("buffered-size-not-restored"))
                wt_inode_suspect_size(inode);
        }
        bounce_end(&bounce);
        wt_room_retire(inode->engine, piece);
    }
    *stable_bytes = WT_MUTANT("buffered-stable-is-all") ? length : written;
    return error ? error : (int64_t)length;
}

/*
 * The caller is inside the gate. A write has the turn from its first byte to its last, so that an append begins where
 * all writes before it end.
 */
int64_t wt_buffered_write(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t *offset, uint64_t length,
                          uint32_t durability, uint32_t flags, uint64_t *stable_bytes) {
    int64_t begin_ns = wt_now_ns();
    wt_turns_enter(&inode->turns);
    if (flags & WT_APPEND)
        *offset = wt_inode_size(inode);
    int64_t result = wt_inode_check_sometimes(inode, begin_ns);
    if (!result && length > INT64_MAX - *offset)
        result = -EFBIG;
    if (!result)
        result = write_pieces(inode, cursor, *offset, length, durability, flags, stable_bytes);
    wt_turns_leave(&inode->turns);
    wt_count(inode->engine, result < 0 ? WT_COUNT_WRITE_ERRORS : WT_COUNT_WRITES, 1);
    wt_stats_add(inode->engine, WT_HISTOGRAM_WRITES, (uint64_t)(wt_now_ns() - begin_ns));
    return result;
}
