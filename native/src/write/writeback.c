// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/writeback.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "cache/mapping.h"
#include "cache/range.h"
#include "engine/stats.h"
#include "file/check.h"
#include "file/lane.h"
#include "file/transfer.h"
#include "io/disk.h"
#include "write/append.h"
#include "write/gather.h"
#include "write/round.h"

/* ---- objects ------------------------------------------------------------------------------------------------- */

/* The lock is held, here and in the next two functions. */
static void count_out(struct wt_engine_object *engine, uint32_t more) {
    uint32_t out = atomic_load_explicit(&engine->writebacks_out, memory_order_relaxed);
    atomic_store_explicit(&engine->writebacks_out, out + more, memory_order_relaxed);
}

/* Objects that threads keep for their next I/O are counted as out. Those that nobody keeps any more go into the list. */
static void take_spares(struct wt_engine_object *engine) {
    for (unsigned i = 0; i < WT_COUNTER_STRIPES; i++) {
        struct wt_writeback *spare = atomic_exchange(&engine->spare_writebacks[i], NULL);
        if (!spare)
            continue;
        spare->next = engine->free_writebacks;
        engine->free_writebacks = spare;
        count_out(engine, UINT32_MAX);
    }
}

static struct wt_writeback *take_object(struct wt_engine_object *engine, bool limited) {
    if (limited && wt_writeback_is_short(engine))
        return NULL;
    struct wt_writeback *writeback = engine->free_writebacks;
    if (writeback)
        engine->free_writebacks = writeback->next;
    else
        writeback = malloc(sizeof *writeback);
    count_out(engine, writeback != NULL);
    return writeback;
}

static void give_object(struct wt_engine_object *engine, struct wt_writeback *writeback) {
    writeback->next = engine->free_writebacks;
    engine->free_writebacks = writeback;
    count_out(engine, UINT32_MAX);
    if (engine->writeback_waiters)
        wt_wake_all(&engine->writeback_room);
}

struct wt_writeback *wt_writeback_take(struct wt_engine_object *engine, bool limited) {
    struct wt_lane_object *lane = wt_lane_current_of(engine);
    if (lane && lane->spares) {
        struct wt_writeback *kept = lane->spares;
        lane->spares = kept->next;
        lane->spare_count--;
        return kept;
    }
    struct wt_writeback *spare = atomic_exchange(&engine->spare_writebacks[wt_stripe_of_thread()], NULL);
    if (spare)
        return spare;
    wt_lock(&engine->free_lock);
    struct wt_writeback *writeback = take_object(engine, limited);
    wt_unlock(&engine->free_lock);
    return writeback;
}

void wt_writeback_give(struct wt_engine_object *engine, struct wt_writeback *writeback) {
    struct wt_lane_object *lane = wt_lane_current_of(engine);
    if (lane && lane->spare_count < WT_LANE_SPARES && !atomic_load(&engine->writeback_waiters)) {
        writeback->next = lane->spares;
        lane->spares = writeback;
        lane->spare_count++;
        return;
    }
    /* A thread that waits for an object has counted itself before it looks at the spares. */
    writeback = atomic_exchange(&engine->spare_writebacks[wt_stripe_of_thread()], writeback);
    if (!writeback && atomic_load(&engine->writeback_waiters))
        writeback = atomic_exchange(&engine->spare_writebacks[wt_stripe_of_thread()], NULL);
    if (!writeback)
        return;
    wt_lock(&engine->free_lock);
    give_object(engine, writeback);
    wt_unlock(&engine->free_lock);
}

void wt_writeback_give_spares(struct wt_lane_object *lane) {
    for (struct wt_writeback *spare = lane->spares, *next; spare; spare = next) {
        next = spare->next;
        wt_writeback_give(lane->engine, spare);
    }
    lane->spares = NULL;
    lane->spare_count = 0;
}

int wt_writeback_wait(struct wt_engine_object *engine) {
    wt_lock(&engine->free_lock);
    engine->writeback_waiters++;
    struct wt_writeback *writeback;
    take_spares(engine);
    while (!(writeback = take_object(engine, true)) && engine->writebacks_out > 0)
        wt_wait(engine->backend, &engine->writeback_room, &engine->free_lock);
    engine->writeback_waiters--;
    if (writeback)
        give_object(engine, writeback);
    wt_unlock(&engine->free_lock);
    return writeback ? 0 : -ENOMEM;
}

uint32_t wt_writebacks_in_use(const struct wt_engine_object *engine) {
    uint32_t spares = 0;
    for (unsigned i = 0; i < WT_COUNTER_STRIPES; i++)
        spares += atomic_load(&engine->spare_writebacks[i]) != NULL;
    return atomic_load(&engine->writebacks_out) - spares;
}

void wt_writeback_close(struct wt_engine_object *engine) {
    take_spares(engine);
    assert(engine->writebacks_out == 0);
    for (struct wt_writeback *w = engine->free_writebacks, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    for (struct wt_link *link = engine->free_links, *next; link; link = next) {
        next = link->next;
        free(link);
    }
}

/* ---- launch: dirty blocks become I/O ------------------------------------------------------------------------- */

static uint64_t folio_offset(const struct wt_folio *folio) {
    return atomic_load_explicit(&folio->index, memory_order_relaxed) << folio->mapping->geometry.folio_shift;
}

unsigned wt_launch_need(const struct wt_geometry *geometry, uint64_t blocks) {
    /*
     * One object for each run of blocks. Two runs may be cut: the one at the end of the file and the one at a new
     * end.
     */
    unsigned cuts = geometry->page_block_shift == 0 ? 0 : 2;
    return (unsigned)__builtin_popcountll(blocks & ~(blocks << 1)) + cuts;
}

static struct wt_writeback *launch_object(struct wt_launch *launch) {
    struct wt_writeback *writeback = launch->objects;
    if (writeback)
        launch->objects = writeback->next;
    else
        writeback = wt_writeback_take(launch->inode->engine, false);
    return writeback;
}

struct wt_writeback *wt_launch_next(struct wt_launch *launch, uint64_t offset) {
    struct wt_writeback *writeback = launch_object(launch);
    if (!writeback)
        return NULL;
    struct wt_io *io = &writeback->io;
    wt_io_init(io, WT_IO_WRITE, atomic_load(&launch->inode->backing), offset);
    io->complete = wt_writeback_done;
    writeback->inode = launch->inode;
    writeback->next = NULL;
    writeback->zeroing = writeback->gather = false;
    writeback->writes = 0;
    writeback->bounce = NULL;
    writeback->share_count = 0;
    if (launch->last)
        launch->last->next = writeback;
    else
        launch->first = writeback;
    launch->last = writeback;
    wt_inode_begin_more(launch->inode);
    return writeback;
}

static bool can_extend(const struct wt_writeback *writeback, const struct wt_folio *folio, uint64_t offset,
                       unsigned pages) {
    /* What is fenced must not become more: the fence would not be around that. */
    bool fenced = writeback && writeback->io.through_page_cache && folio->mapping->geometry.page_block_shift != 0;
    return writeback && !fenced && writeback->io.op == WT_IO_WRITE &&
           writeback->io.offset + writeback->io.length == offset &&
           writeback->io.segment_count + pages <= WT_IO_SEGMENTS &&
           (writeback->share_count < WT_WRITEBACK_SHARES ||
            writeback->shares[writeback->share_count - 1].folio == folio);
}

/* The blocks that the route fences. */
static uint64_t fence_of(const struct wt_folio *folio, const struct wt_file_route *route) {
    unsigned shift = folio->mapping->geometry.block_shift;
    uint64_t base = folio_offset(folio);
    if (route->fence_end == route->fence_start)
        return 0;
    return wt_bits((unsigned)((route->fence_start - base) >> shift),
                   (unsigned)((route->fence_end - base - 1) >> shift));
}

/*
 * Adds the blocks first..last to an I/O, with their bytes only up to end (in the folio). All of them go by direct I/O,
 * or all through the page cache, as the route says. With a fence they are an I/O by itself. False: there is no memory
 * for another I/O.
 */
static bool add_blocks(struct wt_launch *launch, struct wt_folio *folio, unsigned first, unsigned last, uint32_t end,
                       const struct wt_file_route *route) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    uint32_t start = first << geometry->block_shift;
    unsigned pages = wt_page_of(geometry, last) - wt_page_of(geometry, first) + 1;
    uint64_t offset = folio_offset(folio) + start;
    uint64_t fenced = fence_of(folio, route) & ~wt_bits(first, last);
    bool alone = route->fence_end > route->fence_start;
    struct wt_writeback *writeback = launch->last;
    if (alone || !can_extend(writeback, folio, offset, pages))
        writeback = wt_launch_next(launch, offset);
    if (!writeback)
        return false;

    for (uint32_t at = start, length; at < end; at += length) {
        uint8_t *memory = wt_folio_memory(folio, at, end, &length);
        wt_io_add(&writeback->io, memory, length);
    }
    if (route->cached_from < folio_offset(folio) + end)
        writeback->io.through_page_cache = true;

    struct wt_share *share = writeback->share_count ? &writeback->shares[writeback->share_count - 1] : NULL;
    if (!share || share->folio != folio) {
        share = &writeback->shares[writeback->share_count++];
        *share = (struct wt_share){.folio = folio};
    }
    share->blocks |= wt_bits(first, last);
    share->fenced |= fenced;
    folio->writeback |= wt_bits(first, last) | fenced;
    return true;
}

/*
 * Where the bytes of a block end that belong to the file once this launch is stable, counted in the folio: the end of
 * the block, except in the block that the file ends in.
 */
static uint32_t end_of_block(struct wt_folio *folio, unsigned block, struct wt_link *only, uint64_t end_on_disk) {
    uint64_t base = folio_offset(folio);
    uint32_t block_end = (block + 1) << folio->mapping->geometry.block_shift;
    uint64_t ahead_end = atomic_load(&wt_inode_of(folio)->ends.ahead_end);
    uint64_t end = end_on_disk > ahead_end ? end_on_disk : ahead_end;
    for (struct wt_link *link = only ? only : folio->links; link && end < base + block_end;
         link = only ? NULL : link->next)
        if (link->dirty >> block & 1 && link->end > end)
            end = link->end;
    return end < base + block_end && !WT_MUTANT("size-padded") ? (uint32_t)(end - base) : block_end;
}

/*
 * Launches one run of blocks, by the route that wt_ends_route says. Returns the blocks that it took.
 *
 * If the route sends the last page by itself, the blocks before that page are launched first, as a run of their own.
 * Until the last page is stable, the file may end within the last of these blocks: other writes may have brought the
 * bytes of the page. Then that block goes with its exact length as well.
 */
static uint64_t launch_run(struct wt_launch *launch, struct wt_folio *folio, unsigned first, unsigned last,
                           struct wt_link *only) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    uint64_t base = folio_offset(folio), start = base + ((uint64_t)first << geometry->block_shift);
    struct wt_disk_ends ends = wt_inode_disk_ends(wt_inode_of(folio));
    uint32_t end = end_of_block(folio, last, only, ends.now);
    bool grows = start >= ends.now || atomic_load(&wt_inode_of(folio)->rounds.unforced);
    struct wt_file_route route = launch->leaves_growth && grows
                                     ? wt_ends_route_kept(geometry, start, base + end)
                                     : wt_ends_route(WT_TRANSFER_WRITE, geometry, true, start, base + end, ends);
    uint64_t taken = 0;
    if (start < route.cached_from && route.cached_from < base + end) {
        unsigned tail_first = (unsigned)((route.cached_from - base) >> geometry->block_shift);
        taken = launch_run(launch, folio, first, tail_first - 1, only);
        if (!taken)
            return 0;
        first = tail_first;
    }
    if (!(folio->writeback & fence_of(folio, &route) & ~wt_bits(first, last)) &&
        add_blocks(launch, folio, first, last, end, &route))
        taken |= wt_bits(first, last);
    return taken;
}

/*
 * The writes whose bytes just left now wait for the I/O. The I/O is as durable as the most demanding of them asks,
 * and of high priority if one of them is.
 */
static void launch_links(struct wt_launch *launch, struct wt_folio *folio, uint64_t launched, struct wt_link *only) {
    uint64_t moved_links = 0;
    for (struct wt_link *link = only ? only : folio->links; link; link = only ? NULL : link->next) {
        uint64_t moved = link->dirty & launched;
        if (!moved)
            continue;
        link->dirty &= ~moved;
        link->writeback |= moved;
        moved_links++;
        for (struct wt_writeback *w = launch->first; w; w = w->next) {
            const struct wt_share *share = &w->shares[w->share_count - 1];
            if (share->folio != folio || !(share->blocks & moved))
                continue;
            if (w->io.durability < link->write->durability && !WT_MUTANT("durability-dropped"))
                w->io.durability = link->write->durability;
            if (link->write->flags & WT_HIGH_PRIORITY)
                w->io.high_priority = true;
            if (wt_is_of_round(link->write))
                w->writes++;
            else if (w->writes++ == 0 || link->write->begin_ns < w->io.queued_ns)
                w->io.queued_ns = link->write->begin_ns;
        }
    }
    if (launch->gather)
        wt_count(launch->inode->engine, WT_COUNT_GATHERED_WRITES, moved_links);
}

uint64_t wt_launch_blocks(struct wt_launch *launch, struct wt_folio *folio, uint64_t blocks, struct wt_link *only) {
    assert((blocks & ~folio->dirty) == 0 && (blocks & (folio->writeback | folio->reading)) == 0);
    uint64_t launched = 0, left = blocks;
    while (left) {
        unsigned first = (unsigned)__builtin_ctzll(left);
        uint64_t above = ~(left >> first);
        unsigned last = above ? first + (unsigned)__builtin_ctzll(above) - 1 : 63;
        launched |= launch_run(launch, folio, first, last, only);
        left &= ~(wt_bits(first, last) | folio->writeback); /* which may have fenced off more than the run */
    }
    folio->dirty &= ~launched;
    wt_gather_left(folio);
    launch_links(launch, folio, launched, only);
    return launched;
}

static void run(struct wt_writeback *writeback) {
    if (WT_MUTANT("completion-before-io")) {
        struct wt_io io = writeback->io;
        writeback->io.done = io.length;
        wt_writeback_done(&writeback->io);
        wt_blocking(io.backing)->run(&io);
        return;
    }
    wt_transfer_run_to_end(writeback->inode, &writeback->io);
}

/* Whether the I/O is but a copy to the kernel, which nobody needs to wait for. */
static bool is_copy(const struct wt_launch *launch, const struct wt_io *io) {
    return launch->leaves_growth && io->through_page_cache && io->length <= WT_KEPT_BYTES_MOST;
}

void wt_launch_start(struct wt_launch *launch, bool run_last) {
    struct wt_io *list = NULL, **tail = &list;
    struct wt_writeback *mine = NULL, *copies = NULL, *next;
    for (struct wt_writeback *w = launch->first; w; w = next) {
        next = w->next;
        w->gather = launch->gather;
        if (launch->gather && w->io.op == WT_IO_WRITE)
            wt_count(launch->inode->engine, WT_COUNT_GATHERS, 1);
        if (is_copy(launch, &w->io)) {
            w->next = copies;
            copies = w;
        } else if (run_last && !next && !launch->burst) {
            mine = w;
        } else {
            w->io.next = NULL;
            *tail = &w->io;
            tail = &w->io.next;
        }
    }
    launch->first = launch->last = NULL;
    if (list)
        wt_transfer_submit(launch->inode, list, launch->burst);
    for (; copies; copies = next) {
        next = copies->next;
        run(copies);
    }
    if (mine)
        run(mine);
}

/* ---- done: the end of an I/O --------------------------------------------------------------------------------- */

/* An I/O that ended, and what is left to do when all folio locks are released. */
struct ending {
    uint64_t stable_end; /* the bytes of the I/O are stable up to this offset */
    int error;
    bool zeroing;
    bool unflushed;          /* the device has the bytes, and may have them in its cache alone */
    uint64_t failures;       /* of flushes of the disk, when the I/O started */
    int64_t ended_ns;        /* 0: unknown */
    unsigned round_links;    /* of rounds, that ended: each has kept the gate */
    struct wt_launch launch; /* the gathers */
    struct wt_write *done;   /* writes that are stable, or failed */
    uint64_t retired_bytes;
    uint32_t freed; /* threads that this I/O has set free until now */
    unsigned leader_count;
    struct wt_write *leaders[WT_WRITEBACK_SHARES]; /* writers that were told to lead a gather */
};

static void leave_gate(struct wt_inode *inode, unsigned times) {
    while (times-- > 0)
        wt_inode_end(inode);
}

static void unlink_link(struct wt_folio *folio, struct wt_link *link, struct ending *ending) {
    if (link->previous)
        link->previous->next = link->next;
    else
        folio->links = link->next;
    if (link->next)
        link->next->previous = link->previous;
    ending->retired_bytes += link->bytes;
    struct wt_write *write = link->write;
    atomic_store_explicit(&write->ended_ns, ending->ended_ns, memory_order_relaxed);
    if (wt_is_of_round(write)) {
        wt_round_unlink(wt_inode_of(folio), link);
        ending->round_links++;
    }
    wt_link_give(link);
    if (wt_gather_release(write, &ending->freed) == 0) {
        write->next_done = ending->done;
        ending->done = write;
    }
}

/*
 * The device has bytes of the link. Those of a round may still be lost, by a flush that fails from now on. Those of any
 * other write take the place of bytes that were lost.
 */
static void note_on_device(const struct wt_link *link, uint64_t start, uint64_t end, const struct ending *ending) {
    struct wt_inode *inode = link->write->inode;
    start = start > link->start ? start : link->start;
    if (start >= end)
        return;
    if (wt_is_of_round(link->write) && ending->unflushed)
        wt_round_note_unflushed(inode, start, end, ending->failures);
    else if (ending->unflushed)
        wt_round_find_by_flush(inode, start, end, ending->failures);
    else if (!wt_is_of_round(link->write))
        wt_round_find(inode, start, end);
}

/*
 * The device refused these blocks with bytes of a round. If a round has newer bytes in them (by: its link), they are
 * written again as a whole, see lay_writes_over: then that round answers for the refused bytes as well.
 */
static void lose_blocks(const struct wt_link *link, uint64_t base, uint64_t blocks, int error, struct wt_link *by) {
    struct wt_inode *inode = link->write->inode;
    unsigned shift = inode->mapping.geometry.block_shift;
    for (uint64_t left = blocks; left;) {
        unsigned first = (unsigned)__builtin_ctzll(left);
        uint64_t above = ~(left >> first);
        unsigned last = above ? first + (unsigned)__builtin_ctzll(above) - 1 : 63;
        uint64_t start = base + ((uint64_t)first << shift), end = base + ((uint64_t)(last + 1) << shift);
        start = start > link->start ? start : link->start;
        end = end < link->end ? end : link->end;
        wt_round_lose(inode, start, end, error, by ? by->write : NULL);
        if (by && start < end) {
            by->start = start < by->start ? start : by->start;
            by->end = end > by->end ? end : by->end;
        }
        left &= ~wt_bits(first, last);
    }
}

/* Bytes of a round that no I/O made stable: nobody waits for them but the next force. */
static void fail_round(const struct wt_link *link, struct wt_folio *folio, uint64_t failed, int error) {
    uint64_t base = folio_offset(folio), left = failed;
    for (struct wt_link *newer = folio->links; newer && left; newer = newer->next) {
        if (!wt_is_of_round(newer->write))
            continue;
        lose_blocks(link, base, left & newer->dirty, error, newer);
        left &= ~newer->dirty;
    }
    lose_blocks(link, base, left, error, NULL);
    wt_inode_note_failed_end(link->write->inode, link->end);
}

/* A round's link may stay for long: what was in flight is counted off at once. */
static void retire_blocks(struct wt_link *link, uint64_t blocks, struct ending *ending) {
    uint64_t bytes = (uint64_t)__builtin_popcountll(blocks) << link->write->inode->mapping.geometry.block_shift;
    wt_round_uncount(link, bytes);
    ending->retired_bytes += bytes;
}

/*
 * The I/O of these blocks has ended, for the bad ones with an error: tells the writes, and grows the file by what is
 * stable.
 */
static void end_links(struct wt_folio *folio, uint64_t good, uint64_t bad, int error, struct ending *ending) {
    uint64_t base = folio_offset(folio);
    unsigned shift = folio->mapping->geometry.block_shift;
    for (struct wt_link *link = folio->links, *next; link; link = next) {
        next = link->next;
        struct wt_write *write = link->write;
        uint64_t stable = link->writeback & good, failed = link->writeback & bad;
        if (!(stable | failed))
            continue;
        if (stable) {
            uint64_t end = base + ((uint64_t)(64 - (unsigned)__builtin_clzll(stable)) << shift);
            end = end < link->end ? end : link->end;
            end = end < ending->stable_end ? end : ending->stable_end;
            note_on_device(link, base + ((uint64_t)__builtin_ctzll(stable) << shift), end, ending);
            (write->flags & WT_APPEND ? wt_inode_grow_unseen : wt_inode_grow)(wt_inode_of(folio), end);
        }
        if (failed) {
            uint64_t at = base + ((uint64_t)__builtin_ctzll(failed) << shift);
            if (wt_is_of_round(write))
                fail_round(link, folio, failed, error);
            else if (!WT_MUTANT("error-swallowed"))
                wt_write_fail(write, error, at > write->offset ? at : write->offset);
            if (WT_MUTANT("gather-error-to-one"))
                bad = 0, good |= failed;
        }
        link->writeback &= ~(stable | failed);
        if (wt_is_of_round(write))
            retire_blocks(link, stable | failed, ending);
        if (!(link->writeback | link->dirty))
            unlink_link(folio, link, ending);
    }
}

static void fill_done(struct wt_io *io);

uint64_t wt_launch_fill(struct wt_launch *launch, struct wt_folio *folio, uint64_t blocks) {
    struct wt_inode *inode = wt_inode_of(folio);
    unsigned shift = inode->mapping.geometry.block_shift;
    uint64_t left = blocks;
    assert((blocks & ~(folio->dirty & folio->uptodate)) == 0 && (blocks & (folio->writeback | folio->reading)) == 0);
    for (; left; left &= left - 1) {
        unsigned block = (unsigned)__builtin_ctzll(left);
        uint8_t *memory = wt_folio_detached_memory(folio, block), *bounce = NULL;
        assert(memory);
        if (wt_folio_shows(folio, memory) && !WT_MUTANT("pinned-bytes-below-a-shadow-read")) {
            bounce = aligned_alloc(WT_PAGE_BYTES, WT_PAGE_BYTES);
            if (!bounce)
                break;
        }
        struct wt_writeback *read = wt_launch_next(launch, folio_offset(folio) + ((uint64_t)block << shift));
        if (!read) {
            free(bounce);
            break;
        }
        folio->reading |= UINT64_C(1) << block;
        read->bounce = bounce;
        wt_io_add(&read->io, bounce ? bounce : memory, 1u << shift);
        read->io.op = WT_IO_READ;
        read->io.complete = fill_done;
        read->file_size = wt_inode_size(inode);
        read->shares[0] = (struct wt_share){.folio = folio, .blocks = UINT64_C(1) << block};
        read->share_count = 1;
    }
    return blocks & ~left;
}

/*
 * The writes whose bytes are dirty in these blocks fail, because no I/O will carry them. What the device has is read
 * again.
 */
static void fail_dirty(struct wt_folio *folio, uint64_t blocks, int error, struct ending *ending) {
    for (struct wt_link *link = folio->links; link; link = link->next) {
        link->writeback |= link->dirty & blocks;
        link->dirty &= ~blocks;
    }
    end_links(folio, 0, blocks, error, ending);
    folio->dirty &= ~blocks;
    folio->uptodate &= ~blocks;
    wt_gather_left(folio);
}

/*
 * The gather leaves, as far as there is memory for I/Os. What is left waits for the end of other I/O on the folio.
 * Without such I/O nobody would send it: then its writes fail.
 */
static uint64_t launch_gathered(struct wt_folio *folio, struct ending *ending) {
    uint64_t blocks = wt_gathered_blocks(folio);
    uint64_t taken = blocks ? wt_launch_blocks(&ending->launch, folio, blocks, NULL) : 0;
    uint64_t left = wt_gathered_blocks(folio);
    if (left && !wt_gather_is_sent_later(folio))
        fail_dirty(folio, left, -ENOMEM, ending);
    return taken;
}

/*
 * The blocks that became dirty under the I/O that just ended leave now, or a leader is told to send them, or they are held
 * until their force.
 */
static void send_gather(struct wt_folio *folio, struct ending *ending) {
    struct wt_write *leader;
    if (wt_gather_io_ended(folio, ending->freed, &leader) && !wt_round_hold_gathered(folio))
        (void)launch_gathered(folio, ending);
    if (leader)
        ending->leaders[ending->leader_count++] = leader;
    wt_folio_wake(folio);
    wt_folio_put(folio);
}

void wt_launch_gather(struct wt_folio *folio) {
    struct wt_inode *inode = wt_inode_of(folio);
    struct ending ending = {.launch = {.inode = inode, .gather = true}};
    wt_gather_await_arrivals(folio);
    wt_folio_lock(folio);
    wt_gather_take(folio);
    if (WT_MUTANT("lead-lost")) {
        wt_unlock(&folio->lock);
        return;
    }
    uint64_t taken = launch_gathered(folio, &ending);
    /* Dirty blocks of the folios that follow in the file come along. */
    while (taken >> (WT_FOLIO_BLOCKS - 1)) {
        uint64_t index = atomic_load_explicit(&folio->index, memory_order_relaxed);
        struct wt_folio *next = wt_folio_find(&inode->mapping, index + 1);
        wt_folio_put(folio);
        folio = next;
        uint64_t blocks = folio ? wt_gathered_blocks(folio) : 0;
        taken = blocks & 1 ? wt_launch_blocks(&ending.launch, folio, blocks, NULL) : 0;
    }
    if (folio)
        wt_folio_put(folio);
    wt_launch_start(&ending.launch, true);
    if (ending.retired_bytes)
        wt_room_retire(inode->engine, ending.retired_bytes);
    if (ending.done)
        wt_writes_end(inode, ending.done);
    leave_gate(inode, ending.round_links);
}

static void end_share(const struct wt_share *share, struct ending *ending) {
    struct wt_folio *folio = share->folio;
    unsigned shift = folio->mapping->geometry.block_shift;
    wt_folio_lock(folio);
    assert((folio->writeback & share->blocks) == share->blocks);
    uint64_t bad = 0;
    if (ending->error && !(WT_MUTANT("short-write-is-whole") && ending->stable_end > folio_offset(folio))) {
        uint64_t base = folio_offset(folio);
        uint64_t good_blocks = ending->stable_end > base ? (ending->stable_end - base) >> shift : 0;
        if (good_blocks < WT_FOLIO_BLOCKS)
            bad = share->blocks & wt_bits((unsigned)good_blocks, WT_FOLIO_BLOCKS - 1);
    }
    end_links(folio, share->blocks & ~bad, bad, ending->error, ending);
    folio->writeback &= ~(share->blocks | share->fenced);
    uint64_t repair = 0;
    if (!ending->zeroing) { /* a range of zeros that could not be written reads as zeros anyway */
        if (!WT_MUTANT("stale-read-after-failure"))
            folio->uptodate &= ~(bad & ~folio->dirty);
        repair = WT_MUTANT("repair-skipped") ? 0 : bad & folio->dirty;
    }
    /* A fenced block may be in repair, which fills its detached memory. */
    wt_folio_release_detached(folio, (share->blocks | share->fenced) & ~(repair | folio->reading));
    /*
     * Newer writes went to a shadow: a copy of the refused bytes with the newer bytes on top. They need what the
     * device has below them.
     */
    uint64_t unrepaired = repair & ~wt_launch_fill(&ending->launch, folio, repair);
    if (unrepaired) { /* no memory for that */
        fail_dirty(folio, unrepaired, -ENOMEM, ending);
        wt_folio_release_detached(folio, unrepaired);
    }
    send_gather(folio, ending);
}

void wt_write_end(struct wt_write *write, int64_t now_ns) {
    int error = atomic_load(&write->error);
    uint64_t failed_at = atomic_load(&write->failed_at), end = wt_end_of(write);
    wt_count(write->inode->engine, error ? WT_COUNT_WRITE_ERRORS : WT_COUNT_WRITES, 1);
    wt_stats_add(write->inode->engine, WT_HISTOGRAM_WRITES, (uint64_t)(now_ns - write->begin_ns));
    wt_background_leave(&write->inode->engine->background, write->background_bytes);
    write->operation.result = error ? error : (int64_t)write->length;
    write->operation.stable_bytes = (failed_at < end ? failed_at : end) - write->offset;
    write->operation.offset = write->offset;
}

void wt_writes_end(struct wt_inode *inode, struct wt_write *done) {
    struct wt_operation *operations = NULL, **tail = &operations;
    int64_t now_ns = 0;
    for (struct wt_write *write = wt_appends_end(inode, done), *next; write; write = next) {
        next = write->next_done;
        if (write->flags & WT_DONTCACHE)
            wt_mapping_drop_idle(&inode->mapping, write->offset, wt_end_of(write));
        if (!write->async) {
            sem_post(&write->wake);
            continue;
        }
        int64_t ended_ns = write->flags & WT_APPEND ? 0 /* it may have waited for others */
                                                    : atomic_load_explicit(&write->ended_ns, memory_order_relaxed);
        if (!ended_ns)
            ended_ns = now_ns = now_ns ? now_ns : wt_now_ns();
        wt_write_end(write, ended_ns);
        write->operation.next = NULL;
        *tail = &write->operation;
        tail = &write->operation.next;
    }
    if (operations)
        wt_operations_end(inode, operations);
}

static void end_all(struct wt_inode *inode, struct ending *ending) {
    struct wt_engine_object *engine = inode->engine;
    while (ending->launch.objects) {
        struct wt_writeback *object = ending->launch.objects;
        ending->launch.objects = object->next;
        wt_writeback_give(engine, object);
    }
    wt_launch_start(&ending->launch, false);
    if (ending->retired_bytes)
        wt_room_retire(engine, ending->retired_bytes);
    else
        wt_pool_kick(&engine->cache.pool);
    wt_writes_end(inode, ending->done);
    for (unsigned i = 0; i < ending->leader_count; i++)
        sem_post(&ending->leaders[i]->wake);
    leave_gate(inode, ending->round_links + 1);
}

/*
 * The bytes of an I/O that the kernel keeps are lost if a flush or a write failed since the kernel got them: that may have been
 * told their error. And a write that had an error while the kernel kept bytes may have been told the error of these.
 */
static void judge_kept(struct wt_inode *inode, struct wt_io *io) {
    struct wt_turns *turns = &inode->turns;
    if (io->kept && !io->error && atomic_load(&turns->refusals) != io->refusals_before) {
        io->error = -EIO;
        io->done = 0;
    } else if (io->met_kept && !WT_MUTANT("error-of-kept-bytes-taken")) {
        wt_round_lose_unflushed(inode, io->error ? io->error : -EIO);
    }
}

void wt_writeback_done(struct wt_io *io) {
    struct wt_writeback *writeback = (struct wt_writeback *)io;
    struct wt_inode *inode = writeback->inode;
    assert(io->error || io->done == io->length);
    free(writeback->bounce);
    if (!writeback->zeroing)
        judge_kept(inode, io);
    int64_t ended_ns = writeback->zeroing ? 0 : wt_transfer_ended(inode, io, writeback->gather ? writeback->writes : 0);
    if (!writeback->zeroing && io->durability == WT_DURABILITY_DEVICE)
        wt_disk_note_unsynced_since(&inode->unsynced, io->failures_before);

    /* The object will carry the first gather, so its contents are kept here. */
    struct wt_share shares[WT_WRITEBACK_SHARES];
    unsigned share_count = writeback->share_count;
    memcpy(shares, writeback->shares, share_count * sizeof *shares);
    if (io->error) {
        if (io->offset + io->length > wt_inode_size(inode))
            wt_inode_suspect_size(inode);
    }
    /*
     * The kernel must keep neither refused bytes nor a large folio of its own: other I/O may want to replace a part
     * of that.
     */
    if (io->through_page_cache && (io->error || (io->length > WT_PAGE_BYTES && !io->kept)))
        io->backing->ops->forget(io->backing, io->offset, io->length);
    struct ending ending = {.stable_end = io->offset + io->done,
                            .error = io->error,
                            .zeroing = writeback->zeroing,
                            .unflushed = io->durability == WT_DURABILITY_DEVICE,
                            .failures = io->failures_before,
                            .ended_ns = ended_ns,
                            .launch = {.inode = inode, .gather = true, .objects = writeback}};
    writeback->next = NULL;
    for (unsigned i = 0; i < share_count; i++)
        end_share(&shares[i], &ending);
    end_all(inode, &ending);
}

void wt_writeback_forget(struct wt_inode *inode, uint64_t start, uint64_t end) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    if (WT_MUTANT("lost-bytes-shown"))
        return;
    backing->ops->forget(backing, start, end - start);
    struct wt_range range = wt_range_of(&inode->mapping.geometry, start, end);
    for (; wt_range_enter(&range); wt_range_leave(&range)) {
        struct wt_folio *folio = wt_folio_find(&inode->mapping, range.index);
        if (!folio)
            continue;
        folio->uptodate &= ~(wt_range_blocks(&range) & ~(folio->dirty | folio->writeback | folio->reading));
        wt_folio_put(folio);
    }
}

/* Lays the bytes of the writes that are dirty in the folio over what the device has. */
static void lay_writes_over(struct wt_folio *folio, unsigned block, uint8_t *from_device) {
    unsigned shift = folio->mapping->geometry.block_shift;
    uint32_t start = block << shift, end = start + (1u << shift), length;
    uint64_t base = folio_offset(folio);
    uint8_t *shadow = wt_folio_memory(folio, start, end, &length);
    for (const struct wt_link *link = folio->links; link; link = link->next) {
        if (!(link->dirty >> block & 1))
            continue;
        /* Which bytes of the block are of a round's is not known: the block stays as it was written. */
        bool whole = wt_is_of_round(link->write);
        uint64_t from = !whole && link->write->offset > base + start ? link->write->offset - base : start;
        uint64_t to = !whole && wt_end_of(link->write) < base + end ? wt_end_of(link->write) - base : end;
        memcpy(from_device + (from - start), shadow + (from - start), to - from);
    }
    memcpy(shadow, from_device, (size_t)1 << shift);
}

static void fill_done(struct wt_io *io) {
    struct wt_writeback *read = (struct wt_writeback *)io;
    struct wt_inode *inode = read->inode;
    struct wt_folio *folio = read->shares[0].folio;
    uint64_t bit = read->shares[0].blocks;
    unsigned block = (unsigned)__builtin_ctzll(bit);
    uint64_t done = io->done;
    uint8_t *bounce = read->bounce;
    wt_inode_check_read(inode, io, read->file_size);
    wt_transfer_ended(inode, io, 0);
    struct ending ending = {.error = io->error, .launch = {.inode = inode, .gather = true, .objects = read}};
    read->next = NULL;

    wt_folio_lock(folio);
    uint8_t *memory = bounce ? bounce : wt_folio_detached_memory(folio, block);
    if (ending.error) { /* the bytes below those of the writes cannot be read: the writes fail as well */
        fail_dirty(folio, bit, ending.error, &ending);
    } else {
        memset(memory + done, 0, ((size_t)1 << inode->mapping.geometry.block_shift) - done);
        lay_writes_over(folio, block, memory);
    }
    free(bounce);
    folio->reading &= ~bit;
    wt_folio_release_detached(folio, bit);
    send_gather(folio, &ending);
    end_all(inode, &ending);
}
