// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mutant.h"
#include "cache/range.h"
#include "engine/doors.h"
#include "file/buffered.h"
#include "file/check.h"
#include "file/lane.h"
#include "file/owners.h"
#include "io/plug.h"
#include "io/stable.h"
#include "io/turns.h"
#include "read/fetch.h"
#include "read/read.h"
#include "write/ahead.h"
#include "write/append.h"
#include "write/atomic.h"
#include "write/await.h"
#include "write/gather.h"
#include "write/later.h"
#include "write/round.h"
#include "write/size.h"
#include "write/write.h"
#include "write/writeback.h"

/* The part of a write that goes to folios in one step: at most chunk_bytes of the engine. */
struct chunk {
    struct wt_write *write;
    struct wt_cursor *cursor;
    struct wt_reservation reservation;
    struct wt_launch launch;
    uint64_t offset, end;
    uint64_t part_begin; /* of a burst: the bytes before it are in flight */
    bool may_wait;
    struct wt_link *links; /* taken in advance */
    bool need_objects;     /* copying stopped, since there was no object for another I/O */
    bool no_memory;        /* copying stopped, since there is no memory for a link */
    uint64_t dirtied;      /* bytes of the blocks that became dirty for a round: those that were dirty are counted */
    bool may_fill;         /* missing blocks may be written in part: they are read while the write is in flight */
};

static uint64_t block_mask(const struct wt_inode *inode) {
    return (UINT64_C(1) << inode->mapping.geometry.block_shift) - 1;
}

/* ---- begin: a block that is only partly overwritten is there first ---------------------------------------------- */

/* Whether a block that is not cached is zero on disk. Its folio is locked. */
static bool is_zero(struct wt_inode *inode, uint64_t start, uint64_t end) {
    return start >= wt_inode_end_on_disk(inode) || wt_inode_has_zeros(inode, start, end) ||
           WT_MUTANT("neighbour-zeroed");
}

/* How much of start..end may be read below the bytes of a write in flight: up to here. */
static uint64_t reads_below_until(struct wt_inode *inode, uint64_t start, uint64_t end) {
    struct wt_disk_ends ends = {.now = wt_inode_size(inode)};
    return wt_ends_route(WT_TRANSFER_READ_BELOW, &inode->mapping.geometry, true, start, end, ends).cached_from;
}

/* Blocks that are read at once where a file is written from front to back in parts of blocks, as a log is. */
#define READ_AHEAD_BLOCKS 16

/*
 * How far to read for a block that is only partly overwritten. Only that block; or a few more, if the block before it
 * is cached, as far as there is memory for them without waiting.
 */
static uint64_t read_end(struct chunk *chunk, bool sequential, uint64_t start, uint64_t end) {
    struct wt_inode *inode = chunk->write->inode;
    uint64_t folio_end = ((start >> inode->mapping.geometry.folio_shift) + 1) << inode->mapping.geometry.folio_shift;
    uint64_t ahead = start + ((uint64_t)READ_AHEAD_BLOCKS << inode->mapping.geometry.block_shift);
    uint64_t size = (wt_inode_size(inode) + block_mask(inode)) & ~block_mask(inode);
    ahead = ahead < folio_end ? ahead : folio_end;
    ahead = ahead < size ? ahead : size;
    bool record = chunk->end - chunk->offset <= block_mask(inode);
    bool roomy = inode->engine->chunk_bytes >= UINT64_C(2) * (READ_AHEAD_BLOCKS << WT_PAGE_SHIFT);
    if (!sequential || !record || !roomy || ahead <= end)
        return end;
    uint32_t pages = (uint32_t)((ahead - end) >> WT_PAGE_SHIFT) + 1;
    if (chunk->write->async)
        return ahead;
    return wt_pool_reserve(&chunk->reservation, pages, false) ? ahead : end;
}

/*
 * Blocks that an I/O fills with the bytes below those of writes, and that may take bytes of more writes meanwhile:
 * those that have a page for themselves. Not bytes of a round: a round does not know which bytes of a block are its own,
 * and those are what goes on top.
 */
static uint64_t joinable(const struct chunk *chunk, const struct wt_folio *folio) {
    bool joins = folio->mapping->geometry.page_block_shift == 0 && !chunk->write->round;
    return joins ? folio->reading & folio->dirty : 0;
}

/* Whether I/O is on the block, or on its page, so that a write has to wait. */
static bool is_in_the_way(const struct chunk *chunk, const struct wt_folio *folio, unsigned block, bool partial) {
    unsigned page = wt_page_of(&folio->mapping->geometry, block);
    uint64_t in_page = wt_page_blocks(&folio->mapping->geometry, page, page), bit = UINT64_C(1) << block;
    if (folio->awaited & bit)
        return true;
    if (partial && (joinable(chunk, folio) & bit))
        return false;
    return (folio->reading & in_page) || (partial && (folio->writeback & ~folio->uptodate & bit));
}

/* Waits until something about the folio changes. */
static void wait_for_block(struct wt_folio *folio, unsigned block) {
    uint32_t behind = folio->awaited >> block & 1;
    folio->behind += behind;
    wt_folio_wait(folio);
    folio->behind -= behind;
}

enum { TRY_AGAIN = 1 };

/*
 * Prepares the block at `at` for the chunk: nobody is reading the block or its page. If the chunk covers only part of
 * the block, the block is also uptodate, or an asynchronous write may fill it.
 *
 * Holds nothing on return, so the block may have changed again: then copying stops there. Uses at most one reserved
 * page. TRY_AGAIN: the page that was read was evicted again; reserve anew and retry.
 */
static int begin_block(struct chunk *chunk, uint64_t at) {
    struct wt_inode *inode = chunk->write->inode;
    const struct wt_geometry *geometry = &inode->mapping.geometry;
    uint64_t start = at & ~block_mask(inode), end = start + block_mask(inode) + 1;
    uint64_t index = at >> geometry->folio_shift;
    unsigned block = (unsigned)(start >> geometry->block_shift) % WT_FOLIO_BLOCKS;
    unsigned page = wt_page_of(geometry, block);
    bool partial = chunk->offset > start || chunk->end < end;
    bool filled = false;
    for (;;) {
        struct wt_folio *folio = wt_folio_get(&inode->mapping, index);
        while (chunk->may_wait && is_in_the_way(chunk, folio, block, partial))
            wait_for_block(folio, block);
        bool taken = (folio->reading | folio->awaited | wt_folio_stuck(folio)) >> block & 1;
        bool joins = partial && (joinable(chunk, folio) & ~folio->awaited) >> block & 1;
        bool ready = joins || ((!partial || (folio->uptodate >> block & 1)) && !taken);
        if (!ready && !filled && is_zero(inode, start, end) && !taken) {
            uint32_t in_folio = block << geometry->block_shift, length;
            wt_folio_renew(folio, &chunk->reservation, page, page);
            wt_folio_fill(folio, &chunk->reservation, page, page);
            uint8_t *memory = wt_folio_memory(folio, in_folio, in_folio + (uint32_t)(end - start), &length);
            memset(memory, 0, length);
            folio->uptodate |= UINT64_C(1) << block;
            ready = true;
        }
        bool sequential = block > 0 && (folio->uptodate >> (block - 1) & 1);
        wt_folio_put(folio);
        if (ready)
            return 0;
        if (!chunk->may_wait)
            return -EAGAIN;
        if (filled) /* Other threads have gone through the whole cache since the read ended: they have made progress. */
            return TRY_AGAIN;
        uint64_t to = read_end(chunk, sequential, start, end);
        if (chunk->write->async && reads_below_until(inode, start, end) == end) {
            chunk->may_fill = true;
            if (to > end)
                (void)wt_fetch_ahead(inode, end, to, &(uint64_t){UINT64_MAX}, false);
            return 0;
        }
        int64_t n = wt_read_missing(inode, &chunk->reservation, start, to - start, NULL, 0);
        if (n < 0)
            return (int)n;
        filled = n > 0;
    }
}

static int begin_edges(struct chunk *chunk) {
    struct wt_inode *inode = chunk->write->inode;
    uint64_t size = wt_inode_size(inode);
    int rc = 0;
    /* The last block of the file, overwritten from its start to the end of the file or beyond, needs no read. */
    bool last_to_end = chunk->end >= size && chunk->offset <= (chunk->end & ~block_mask(inode));
    if (chunk->offset & block_mask(inode))
        rc = begin_block(chunk, chunk->offset);
    if (!rc && (chunk->end & block_mask(inode)) && !last_to_end)
        rc = begin_block(chunk, chunk->end);
    return rc;
}

/* ---- copy: the bytes go into the folio, or its shadow ------------------------------------------------------------ */

/* What one folio gets of a chunk: bytes a..b, blocks first..last. */
struct span {
    uint32_t a, b;
    unsigned first, last;
    uint64_t blocks;
    uint64_t fill;  /* those of blocks that are written in part, and whose other bytes are to be read */
    bool zero_rest; /* the file has no bytes, or zeros, behind b in the last block */
};

static uint64_t folio_base(const struct wt_folio *folio) {
    return atomic_load_explicit(&folio->index, memory_order_relaxed) << folio->mapping->geometry.folio_shift;
}

static struct span span_of(const struct wt_geometry *geometry, uint32_t a, uint32_t b) {
    unsigned first = a >> geometry->block_shift, last = (b - 1) >> geometry->block_shift;
    return (struct span){.a = a, .b = b, .first = first, .last = last, .blocks = wt_bits(first, last)};
}

/* The blocks that I/O reads from the memory that the folio has now. */
static uint64_t stable_blocks(const struct wt_folio *folio) {
    return folio->writeback & ~folio->dirty;
}

static bool needs_shadow(struct wt_folio *folio, uint64_t blocks, unsigned page) {
    uint64_t in_page = wt_page_blocks(&folio->mapping->geometry, page, page);
    if (wt_folio_is_pinned(folio, page) && !WT_MUTANT("pinned-bytes-written"))
        return true;
    return wt_folio_frame(folio, page) != WT_NONE && (stable_blocks(folio) & blocks & in_page) != 0 &&
           !WT_MUTANT("memory-under-io-changed");
}

/* Missing blocks that an asynchronous write may fill: they are read when bytes are in them already. */
static uint64_t fillable(const struct wt_folio *folio) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    uint64_t base = folio_base(folio), folio_bytes = UINT64_C(1) << geometry->folio_shift;
    uint64_t bytes = reads_below_until(wt_inode_of(folio), base, base + folio_bytes) - base;
    uint64_t blocks = bytes ? wt_bits(0, (unsigned)((bytes - 1) >> geometry->block_shift)) : 0;
    return blocks & ~(folio->uptodate | folio->reading | folio->writeback);
}

/*
 * Blocks of the span that cannot be written now: they have to be read first, are being read, or an atomic write has
 * its turn.
 */
static uint64_t find_obstacles(const struct chunk *chunk, struct wt_folio *folio, struct span *span) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    uint32_t mask = (1u << geometry->block_shift) - 1;
    uint64_t partial =
        ((span->a & mask) ? UINT64_C(1) << span->first : 0) | ((span->b & mask) ? UINT64_C(1) << span->last : 0);
    uint64_t obstacles = span->blocks & ((folio->reading & ~(joinable(chunk, folio) & partial)) | folio->awaited);
    if (span->a & mask)
        obstacles |= UINT64_C(1) << span->first & ~folio->uptodate;
    if ((span->b & mask) && !(folio->uptodate >> span->last & 1)) {
        struct wt_inode *inode = wt_inode_of(folio);
        uint32_t last_start = span->last << geometry->block_shift;
        uint64_t start = folio_base(folio) + last_start;
        bool rest_is_zero = folio_base(folio) + span->b >= wt_inode_size(inode) ||
                            (wt_inode_has_zeros(inode, start, start + mask + 1) && !WT_MUTANT("zeros-begin-a-step"));
        if (span->a <= last_start && rest_is_zero)
            span->zero_rest = true;
        else
            obstacles |= UINT64_C(1) << span->last;
    }
    if (chunk->may_fill)
        span->fill = obstacles & fillable(folio);
    obstacles &= ~span->fill;
    for (unsigned page = span->a >> WT_PAGE_SHIFT; page <= (span->b - 1) >> WT_PAGE_SHIFT; page++) {
        uint64_t in_page = wt_page_blocks(geometry, page, page);
        if ((folio->reading & in_page) && needs_shadow(folio, span->blocks, page))
            obstacles |= span->blocks & in_page;
    }
    return obstacles;
}

/* Whether the reservation has the pages that the span needs. Adds pages that are to be had without waiting. */
static bool reserve_memory(struct chunk *chunk, struct wt_folio *folio, const struct span *span) {
    uint32_t need = (uint32_t)__builtin_popcountll(span->fill);
    for (unsigned page = span->a >> WT_PAGE_SHIFT; page <= (span->b - 1) >> WT_PAGE_SHIFT; page++)
        need += wt_folio_frame(folio, page) == WT_NONE || needs_shadow(folio, span->blocks, page);
    return need <= chunk->reservation.pages ||
           wt_pool_reserve(&chunk->reservation, need - chunk->reservation.pages, false);
}

/* Gives each page memory that may be written: new memory, or a shadow of the memory that I/O reads now or a pin shows. */
static void make_writable(struct chunk *chunk, struct wt_folio *folio, const struct span *span) {
    unsigned first_page = span->a >> WT_PAGE_SHIFT, last_page = (span->b - 1) >> WT_PAGE_SHIFT;
    for (unsigned page = first_page; page <= last_page; page++) {
        if (wt_folio_frame(folio, page) == WT_NONE)
            continue;
        folio->used |= UINT64_C(1) << page;
        if (needs_shadow(folio, span->blocks, page)) {
            bool covered = span->a <= page << WT_PAGE_SHIFT && span->b >= (page + 1) << WT_PAGE_SHIFT;
            wt_folio_shadow(folio, &chunk->reservation, page, !covered);
        }
    }
    wt_folio_fill(folio, &chunk->reservation, first_page, last_page);
}

static void copy_span(struct chunk *chunk, struct wt_folio *folio, const struct span *span) {
    for (uint32_t at = span->a, length; at < span->b; at += length) {
        uint8_t *memory = wt_folio_memory(folio, at, span->b, &length);
        chunk->cursor->copy_in(chunk->cursor, memory, length);
    }
    if (span->zero_rest && !WT_MUTANT("rest-of-block-not-zeroed")) {
        uint32_t end = (span->last + 1) << folio->mapping->geometry.block_shift, length;
        uint8_t *memory = wt_folio_memory(folio, span->b, end, &length);
        memset(memory, 0, length);
    }
    folio->uptodate |= span->blocks;
}

static bool is_record(const struct wt_folio *folio, const struct span *span) {
    return span->b - span->a < 1u << folio->mapping->geometry.block_shift;
}

/* Which blocks of the span leave with the gather, and not at once. */
static uint64_t joining_blocks(const struct chunk *chunk, const struct wt_folio *folio, const struct span *span) {
    return wt_gather_joining(folio, span->blocks, is_record(folio, span), chunk->write->flags & WT_HIGH_PRIORITY);
}

/* Takes the objects for this many I/Os. */
static bool take_objects(struct chunk *chunk, unsigned need) {
    unsigned have = 0;
    for (struct wt_writeback *w = chunk->launch.objects; w; w = w->next)
        have++;
    for (; have < need; have++) {
        struct wt_writeback *writeback = wt_writeback_take(chunk->write->inode->engine, true);
        if (!writeback) {
            chunk->need_objects = true;
            return false;
        }
        writeback->next = chunk->launch.objects;
        chunk->launch.objects = writeback;
    }
    return true;
}

static struct wt_link *take_link(struct chunk *chunk) {
    struct wt_link *link = chunk->links;
    if (link)
        chunk->links = link->next;
    else
        link = wt_link_take(chunk->write);
    chunk->no_memory = !link;
    return link;
}

/* Takes as many in advance. */
static bool take_links(struct chunk *chunk, unsigned count) {
    struct wt_link *links = NULL, *link;
    while (count-- > 0 && (link = take_link(chunk))) {
        *link = (struct wt_link){.write = chunk->write, .next = links};
        links = link;
    }
    chunk->links = links;
    return !chunk->no_memory;
}

/*
 * The write has joined the gather. If a leader waits for this write last, the write sends the gather: its thread runs
 * the I/O, if it has nothing else to do.
 */
static void join_gather(struct chunk *chunk, struct wt_folio *folio) {
    if (!wt_gather_arrive(folio))
        return;
    uint64_t blocks = wt_gathered_blocks(folio);
    /*
     * As part of a burst the gather would wait for all of the burst. Objects that were taken in advance are for what
     * is still to be copied.
     */
    bool may_send = !chunk->launch.burst && !chunk->links;
    if (blocks && may_send && take_objects(chunk, wt_launch_need(&folio->mapping->geometry, blocks))) {
        chunk->launch.gather = true;
        (void)wt_launch_blocks(&chunk->launch, folio, blocks, NULL);
    }
}

/* Copies the span into the locked folio. The reservation has the memory. */
static void put_bytes(struct chunk *chunk, struct wt_folio *folio, const struct span *span) {
    struct wt_inode *inode = chunk->write->inode;
    uint64_t start = folio_base(folio) + span->a, end = folio_base(folio) + span->b;
    if (!WT_MUTANT("zeros-not-forgotten"))
        wt_inode_forget_zeros(inode, start, end);
    make_writable(chunk, folio, span);
    copy_span(chunk, folio, span);
    folio->others_turn = folio->others_turn && folio->behind > 0;
}

/* The same for a later write: its I/O is nobody's business yet, unless an I/O on the folio sends it when it ends. */
static bool write_later_span(struct chunk *chunk, struct wt_folio *folio, const struct span *span) {
    struct wt_inode *inode = chunk->write->inode;
    struct wt_round *round = chunk->write->round;
    uint64_t start = folio_base(folio) + span->a, end = folio_base(folio) + span->b;
    struct wt_link *link = wt_round_link(round, folio);
    if (!link)
        link = wt_round_add_link(round, folio);
    chunk->no_memory = !link;
    if (!link)
        return false;
    wt_round_rewrite(round, start, end);
    put_bytes(chunk, folio, span);
    uint64_t fresh = (uint64_t)__builtin_popcountll(span->blocks & ~link->dirty) << inode->mapping.geometry.block_shift;
    chunk->dirtied += fresh;
    wt_round_count(inode, link, fresh);
    link->start = start < link->start ? start : link->start;
    link->end = end > link->end ? end : link->end;
    link->dirty |= span->blocks;
    folio->dirty |= span->blocks;
    /* Blocks that an I/O is on leave when it ends. */
    if (wt_gather_hold(folio) || (span->blocks & ~(folio->writeback | folio->reading)))
        wt_round_hold(inode, link, fresh);
    return true;
}

/*
 * Copies the span into the locked folio and prepares its I/O. Nothing in the span is in the way. False: memory or
 * objects are missing.
 */
static bool write_span(struct chunk *chunk, struct wt_folio *folio, const struct span *span) {
    struct wt_write *write = chunk->write;
    if (!reserve_memory(chunk, folio, span))
        return false;
    if (write->round)
        return write_later_span(chunk, folio, span);
    bool high_priority = write->flags & WT_HIGH_PRIORITY;
    uint64_t joining = joining_blocks(chunk, folio, span);
    bool is_whole = is_record(folio, span) && span->b - span->a == write->length;
    bool leads = joining == 0 && is_whole && wt_gather_may_lead(folio, write);
    uint64_t leaving = leads ? 0 : span->blocks & ~(joining | span->fill | folio->reading);
    unsigned fills = (unsigned)__builtin_popcountll(span->fill);
    unsigned objects = leaving || fills ? wt_launch_need(&write->inode->mapping.geometry, leaving) + fills : 0;
    struct wt_link *link = take_objects(chunk, objects) ? take_link(chunk) : NULL;
    if (!link)
        return false;

    put_bytes(chunk, folio, span);
    uint64_t base = folio_base(folio);
    bool takes_along = high_priority || (wt_gather_is_held(folio) && (folio->dirty & span->blocks));
    *link = (struct wt_link){.write = write,
                             .dirty = span->blocks,
                             .bytes = span->b - span->a,
                             .start = base + span->a,
                             .end = base + span->b};
    wt_link_add(folio, link);
    folio->dirty |= span->blocks;
    for (uint64_t fill = span->fill; fill; fill &= fill - 1)
        wt_folio_add_detached(folio, &chunk->reservation, (unsigned)__builtin_ctzll(fill));
    (void)wt_launch_fill(&chunk->launch, folio, span->fill);
    if (WT_MUTANT("size-grown-too-early"))
        wt_inode_grow(write->inode, folio_base(folio) + span->b);
    if (leaving)
        (void)wt_launch_blocks(&chunk->launch, folio, leaving, takes_along ? NULL : link);
    if (leads)
        wt_gather_lead_first(folio, write);
    if (high_priority && (folio->dirty & span->blocks))
        wt_gather_send_now(folio);
    else if (joining || leads)
        join_gather(chunk, folio);
    return true;
}

/*
 * Copies a..b into the locked folio, up to the first block that is in the way. Returns where it stopped: b if nothing
 * was in the way.
 */
static uint32_t write_folio(struct chunk *chunk, struct wt_folio *folio, uint32_t a, uint32_t b) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    struct span span = span_of(geometry, a, b);
    uint64_t obstacles = find_obstacles(chunk, folio, &span);
    if (obstacles) {
        unsigned stop = (unsigned)__builtin_ctzll(obstacles);
        if (stop <= span.first || !chunk->may_wait)
            return a;
        uint64_t fill = span.fill;
        span = span_of(geometry, a, stop << geometry->block_shift);
        span.fill = fill & span.blocks;
    }
    return write_span(chunk, folio, &span) ? span.b : a;
}

/* In a burst: the copied bytes leave now, if they are enough for a part and the bytes to come are too. */
static void start_part(struct chunk *chunk, uint64_t at) {
    uint64_t part = chunk->write->inode->engine->part_bytes;
    if (!chunk->launch.burst || at - chunk->part_begin < part || chunk->end - at < part / 2)
        return;
    wt_launch_start(&chunk->launch, false);
    chunk->part_begin = at;
}

/*
 * Copies folio after folio in ascending order. The next folio is locked before the last one is unlocked: so
 * overlapping writes are applied in one order everywhere. Returns where it stopped.
 */
static uint64_t write_folios(struct chunk *chunk) {
    struct wt_mapping *mapping = &chunk->write->inode->mapping;
    struct wt_range range = wt_range_of(&mapping->geometry, chunk->offset, chunk->end);
    (void)wt_range_enter(&range); /* a chunk has a byte at least */
    struct wt_folio *folio = wt_folio_get(mapping, range.index);
    while (wt_range_advance(&range, write_folio(chunk, folio, range.from, range.to)) && wt_range_enter(&range)) {
        struct wt_folio *next = wt_folio_get(mapping, range.index);
        wt_folio_put(folio);
        start_part(chunk, range.at);
        folio = next;
    }
    wt_folio_put(folio);
    return range.at;
}

/* One of 64 blocks of 512 bytes is the smallest, and a chunk begins and ends within one. */
#define CHUNK_FOLIOS_MOST (WT_LARGEST_CHUNK_BYTES / (WT_FOLIO_BLOCKS * UINT64_C(512)) + 1)

/* How many objects the share of a locked folio takes. */
static unsigned objects_for(const struct chunk *chunk, const struct wt_folio *folio, const struct span *span) {
    uint64_t leaving = span->blocks & ~(joining_blocks(chunk, folio, span) | folio->reading);
    return wt_launch_need(&folio->mapping->geometry, leaving);
}

/*
 * The same for a write over several folios that may not wait: all of it is written, or nothing. Once some bytes were
 * copied, the others would have to wait for what is in their way. So all folios are locked, and their objects are
 * taken, before the first byte is copied. The chunk has the pages for all of them.
 */
static uint64_t write_at_once(struct chunk *chunk) {
    struct wt_mapping *mapping = &chunk->write->inode->mapping;
    unsigned count = 0, objects = 0;
    struct wt_folio *folios[CHUNK_FOLIOS_MOST];
    struct span spans[CHUNK_FOLIOS_MOST];
    struct wt_range range = wt_range_of(&mapping->geometry, chunk->offset, chunk->end);
    bool ready = true;
    for (; ready && wt_range_enter(&range); wt_range_leave(&range), count++) {
        struct wt_folio *folio = folios[count] = wt_folio_get(mapping, range.index);
        spans[count] = span_of(&mapping->geometry, range.from, range.to);
        ready = !find_obstacles(chunk, folio, &spans[count]);
        objects += objects_for(chunk, folio, &spans[count]);
    }
    ready = ready && take_objects(chunk, objects) && take_links(chunk, count);
    for (unsigned i = 0; i < count && ready; i++) {
        bool written = write_span(chunk, folios[i], &spans[i]);
        assert(written);
        (void)written;
    }
    for (unsigned i = 0; i < count; i++)
        wt_folio_put(folios[i]);
    return ready ? chunk->end : chunk->offset;
}

static void give_back(struct chunk *chunk) {
    while (chunk->launch.objects) {
        struct wt_writeback *object = chunk->launch.objects;
        chunk->launch.objects = object->next;
        wt_writeback_give(chunk->write->inode->engine, object);
    }
    while (chunk->links) {
        struct wt_link *link = chunk->links;
        chunk->links = link->next;
        wt_link_give(link);
    }
}

/* Two more pages than the range has: a page that was read for this write may need a shadow before it is written. */
static uint32_t pages_for(const struct chunk *chunk) {
    return (uint32_t)(((chunk->end - 1) >> WT_PAGE_SHIFT) - (chunk->offset >> WT_PAGE_SHIFT) + 3);
}

/*
 * Copies the chunk in, up to the first block that is in the way.
 *
 * A chunk within one folio is tried first without preparation. A chunk over several folios, and one that met an
 * obstacle, first gets all that it can need. Its folios are locked hand over hand, and a stop in the middle would let
 * another write in between.
 *
 * Returns where it stopped. *rc is an error or 0.
 */
static uint64_t copy_chunk(struct chunk *chunk, int *rc) {
    struct wt_inode *inode = chunk->write->inode;
    unsigned shift = inode->mapping.geometry.folio_shift;
    uint64_t at = chunk->offset;
    bool one_folio = at >> shift == (chunk->end - 1) >> shift;
    if (one_folio)
        at = write_folios(chunk);
    if (at > chunk->offset)
        return at;
    chunk->need_objects = chunk->no_memory = false;
    wt_pool_unreserve(&chunk->reservation);
    if (!wt_pool_reserve(&chunk->reservation, pages_for(chunk), chunk->may_wait))
        *rc = -EAGAIN;
    if (!*rc)
        *rc = begin_edges(chunk);
    if (!*rc)
        at = one_folio || chunk->may_wait ? write_folios(chunk) : write_at_once(chunk);
    if (!*rc && at == chunk->offset && chunk->no_memory)
        *rc = -ENOMEM;
    if (!*rc && at == chunk->offset && !chunk->need_objects) {
        *rc = begin_block(chunk, chunk->offset);
        if (!*rc && !chunk->may_wait)
            *rc = -EAGAIN; /* in the way is another's I/O on the block's page */
    }
    return at;
}

/* Whether start_part will cut the chunk into parts. */
static bool has_parts(const struct chunk *chunk) {
    const struct wt_inode *inode = chunk->write->inode;
    uint64_t part = inode->engine->part_bytes, folio = UINT64_C(1) << inode->mapping.geometry.folio_shift;
    uint64_t cut = (chunk->offset + part + folio - 1) & ~(folio - 1);
    return chunk->end - chunk->offset >= 2 * part && cut + part / 2 <= chunk->end;
}

/*
 * Begins a burst for a write that is long enough to leave in parts, if stable.h says that it is to.
 *
 * Not for an asynchronous write, or one of several: a thread waits for a burst. Not where the file grows: workers of the kernel do I/O
 * that changes metadata, one after the other. Not for a step that others follow: they would wait for its flush.
 */
static struct wt_burst *begin_burst(const struct chunk *chunk) {
    const struct wt_write *write = chunk->write;
    struct wt_inode *inode = write->inode;
    struct wt_backend *backend = inode->engine->backend;
    if (!has_parts(chunk) || write->round) /* most writes end here */
        return NULL;
    bool last = chunk->end == write->offset + write->length;
    bool grows = chunk->end > wt_inode_size(inode) && chunk->end > atomic_load(&inode->ends.ahead_end);
    if (write->async || write->apart || !last || grows || !backend->ops->burst_begin)
        return NULL;
    const struct wt_core_profile *profile = &atomic_load(&inode->backing)->profile;
    bool in_parts = wt_stable_in_parts(profile, write->durability, write->flags & WT_HIGH_PRIORITY);
    return in_parts ? backend->ops->burst_begin(backend) : NULL;
}

/*
 * How far one step of a write from offset on goes. *room: what it counts as in flight. For a later write these are whole
 * blocks: small ones would else keep far more memory and I/Os than they count.
 */
static uint64_t step_end(const struct wt_write *write, uint64_t offset, uint64_t *room) {
    uint64_t most = write->inode->engine->chunk_bytes, mask = block_mask(write->inode), end = wt_end_of(write);
    uint64_t start = write->round ? offset & ~mask : offset;
    if (end - start > most)
        end = (start + most) & ~mask;
    *room = (write->round ? (end + mask) & ~mask : end) - start;
    return end;
}

/*
 * One step of a write: takes as many bytes from offset on as a chunk has, or fewer if something is in the way. The
 * I/O of the bytes that were copied has started on return. Returns the count of bytes taken, 0 if another try is
 * needed, or -errno.
 */
static int64_t write_step(struct wt_write *write, struct wt_cursor *cursor, uint64_t offset, bool may_run,
                          bool may_wait) {
    struct wt_inode *inode = write->inode;
    struct wt_pool *pool = &inode->mapping.cache->pool;
    uint64_t room, end = step_end(write, offset, &room);
    if (write->round)
        wt_later_make_room(inode);
    if (write->round && wt_writeback_is_short(inode->engine)) {
        int short_rc = wt_writeback_wait(inode->engine);
        if (short_rc)
            return short_rc;
    }
    if (!wt_room_enter(inode->engine, room, may_wait))
        return -EAGAIN;
    struct chunk chunk = {.write = write,
                          .cursor = cursor,
                          .offset = offset,
                          .end = end,
                          .part_begin = offset,
                          .may_wait = may_wait,
                          .reservation = {.pool = pool},
                          .launch = {.inode = inode}};
    struct wt_burst *burst = chunk.launch.burst = begin_burst(&chunk);
    int rc = 0;
    uint64_t at = copy_chunk(&chunk, &rc);
    wt_pool_unreserve(&chunk.reservation);
    uint64_t taken = write->round ? chunk.dirtied : at - offset;
    if (taken < room)
        wt_room_retire(inode->engine, room - taken);
    give_back(&chunk);
    bool ends_write = at == wt_end_of(write);
    wt_launch_start(&chunk.launch, may_run && ends_write);
    if (burst) {
        (void)wt_plug_send(); /* of the thread's lanes */
        inode->engine->backend->ops->burst_end(burst);
    }
    if (chunk.need_objects && at == offset && rc >= 0)
        rc = may_wait ? wt_writeback_wait(inode->engine) : -EAGAIN;
    return rc < 0 ? rc : (int64_t)(at - offset);
}

/* ---- which flags a write may have -------------------------------------------------------------------------------- */

/* The ways of a write. */
enum way {
    CALLED = 1,    /* wt_write_with */
    SUBMITTED = 2, /* wt_write_submit */
    LATER = 4,     /* wt_write_with and WT_LATER */
    BUFFERED = 8,  /* wt_buffered_write (buffered.c), for a file without direct I/O or mapped for writing */
};

/*
 * X(flag, the ways that know the flag): each flag has one line. A write by CALLED, SUBMITTED or LATER with a flag that its
 * way does not know is -EINVAL. BUFFERED leaves out the flags that it does not know.
 */
#define WRITE_FLAGS(X)                                                                                                 \
    X(WT_NOWAIT, SUBMITTED)                                                                                            \
    X(WT_APPEND, CALLED | SUBMITTED | LATER | BUFFERED)                                                                \
    X(WT_DONTCACHE, CALLED | SUBMITTED)                                                                                \
    X(WT_ATOMIC, CALLED | SUBMITTED) /* on a file without direct I/O: refused */                                       \
    X(WT_HIGH_PRIORITY, CALLED | SUBMITTED | BUFFERED)                                                                 \
    X(WT_LATER, LATER)

#define ADD_IF_KNOWN(flag, ways) flags |= way & (ways) ? (uint32_t)(flag) : 0;
static inline uint32_t flags_of(enum way way) {
    uint32_t flags = 0;
    WRITE_FLAGS(ADD_IF_KNOWN)
    return flags;
}

/* ---- the whole write ----------------------------------------------------------------------------------------- */

static void init_write(struct wt_write *write, struct wt_inode *inode, uint64_t offset, uint64_t length,
                       uint32_t durability, uint32_t flags, bool async) {
    *write = (struct wt_write){
        .inode = inode, .offset = offset, .length = length, .durability = durability, .flags = flags, .async = async};
    write->begin_ns = wt_now_ns();
    atomic_init(&write->references, 1);
    atomic_init(&write->failed_at, UINT64_MAX);
}

static int64_t start_step(struct wt_write *write, struct wt_cursor *cursor, uint64_t at, bool may_wait) {
    if (write->flags & WT_ATOMIC) {
        int rc = wt_atomic_write(write, cursor, !write->async, may_wait);
        return rc ? rc : (int64_t)write->length;
    }
    int64_t n = write_step(write, cursor, at, !write->async && !write->apart, may_wait);
    /* a write that must not wait begins as a whole or not at all */
    assert(may_wait || n < 0 || (uint64_t)n == write->length);
    return n;
}

/*
 * Copies all bytes in and starts their I/O, step by step. Returns the count of bytes whose I/O has started: fewer
 * than all after an error, which the write then carries.
 */
static uint64_t start_write(struct wt_write *write, struct wt_cursor *cursor, bool may_wait) {
    uint64_t at = write->offset, end = write->offset + write->length;
    if (at < end) { /* a write of no bytes moves no end */
        wt_inode_begin_to(write->inode, end);
        if (!wt_ahead(write->inode, at, end, may_wait))
            wt_write_fail(write, -EAGAIN, at);
    }
    /*
     * Each turn takes bytes, or has waited for what was in its way: memory, an object, others' I/O on the block. If
     * something is in the way of the next turn, another write has made progress meanwhile.
     */
    while (at < end && !atomic_load(&write->error)) {
        int64_t n = start_step(write, cursor, at, may_wait);
        if (n < 0)
            wt_write_fail(write, (int)n, at);
        else
            at += (uint64_t)n;
    }
    return at - write->offset;
}

/* An append waits this often until the size is restored. Each time other writes must have failed anew. */
#define RESTORE_ATTEMPTS 100

/* An atomic write is near an end of the file that is about to move: later writes have grown the file in the cache only. */
static bool is_before_later_end(const struct wt_write *write) {
    uint64_t size = wt_inode_size(write->inode);
    return write->flags & WT_ATOMIC && wt_inode_visible_size(write->inode) > size &&
           (write->flags & WT_APPEND || wt_end_of(write) > (size & ~(uint64_t)(WT_PAGE_BYTES - 1)));
}

/* No error: the write has to go through the kernel's page cache. */
#define BUFFERED_INSTEAD 1

/*
 * Prepares a write for the end of the file; an append gets its place. The caller is inside the gate, which is left for a
 * moment where the size has to be restored: a program may map the file then.
 */
static int begin_at_end(struct wt_write *write) {
    struct wt_inode *inode = write->inode;
    if (is_before_later_end(write))
        wt_later_await(inode);
    if (write->flags & WT_ATOMIC && wt_inode_size_is_suspect(inode))
        (void)wt_inode_restore_size(inode); /* where it fails, check_end of atomic.c sees what is left */
    if (wt_inode_is_buffered(inode))
        return BUFFERED_INSTEAD;
    if (!(write->flags & WT_APPEND))
        return 0;
    for (int attempt = 0; attempt < RESTORE_ATTEMPTS; attempt++) {
        wt_long_lock(inode->engine->backend, &inode->append_lock);
        int rc = wt_append_begin(write);
        wt_long_unlock(&inode->append_lock);
        if (rc != -EAGAIN)
            return rc;
        rc = wt_inode_restore_size(inode);
        if (rc)
            return rc;
        if (wt_inode_is_buffered(inode) && !WT_MUTANT("mapped-meanwhile-unseen"))
            return BUFFERED_INSTEAD;
    }
    return -EIO;
}

/*
 * Whether durable memory owns a part of what the write would change. An append goes behind the end of the file: it is refused
 * while memory reaches beyond that. The caller is inside the gate.
 */
static int check_owners(const struct wt_write *write) {
    struct wt_inode *inode = write->inode;
    if (!atomic_load(&inode->owners) || write->owns || write->length == 0)
        return 0;
    bool append = write->flags & WT_APPEND;
    uint64_t offset = append ? wt_inode_size(inode) : write->offset;
    return wt_is_owned(inode, offset, append ? UINT64_MAX : wt_end_of(write)) ? -EBUSY : 0;
}

/* Prepares a write for direct I/O, or BUFFERED_INSTEAD. The caller is inside the gate. */
static int begin_direct(struct wt_write *write) {
    int owned = check_owners(write);
    if (owned)
        return owned;
    if (wt_inode_is_buffered(write->inode))
        return BUFFERED_INSTEAD;
    int rc = wt_inode_check_sometimes(write->inode, write->begin_ns);
    return rc ? rc : begin_at_end(write);
}

/*
 * A write has ended that is a later one and was sent at once. Of its bytes each force is to tell, as of those of a round, if
 * a flush loses them. failures: of the disk's flushes when the write began. The caller is inside the gate.
 */
static void note_later(struct wt_inode *inode, uint64_t offset, uint64_t length, uint32_t durability, uint32_t flags,
                       uint64_t failures) {
    if (flags & WT_LATER && durability == WT_DURABILITY_DEVICE && !WT_MUTANT("later-write-sent-at-once-not-noted"))
        wt_round_note_unflushed(inode, offset, offset + length, failures);
}

/* Through the kernel's page cache. The caller is inside the gate. */
static int64_t write_buffered(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t *offset, uint64_t length,
                              uint32_t durability, uint32_t flags, uint64_t *stable_bytes) {
    if (flags & WT_ATOMIC)
        return -EOPNOTSUPP;
    uint64_t failures = wt_disk_failures(inode->turns.disk);
    int64_t result =
        wt_buffered_write(inode, cursor, offset, length, durability, flags & flags_of(BUFFERED), stable_bytes);
    if (result > 0 && durability == WT_DURABILITY_DEVICE)
        wt_round_find_by_flush(inode, *offset, *offset + length, failures);
    else if (result > 0)
        wt_round_find(inode, *offset, *offset + length);
    if (result > 0)
        note_later(inode, *offset, length, durability, flags, failures);
    return result;
}

static int64_t write_file(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t *offset, uint64_t length,
                          uint32_t durability, uint32_t flags, uint64_t *stable_bytes) {
    struct wt_write write;
    uint64_t failures = wt_disk_failures(inode->turns.disk);
    init_write(&write, inode, *offset, length, durability, flags & ~(uint32_t)WT_LATER, false);
    (void)wt_inode_begin(inode, true);
    int rc = begin_direct(&write);
    if (rc == BUFFERED_INSTEAD) {
        int64_t result = write_buffered(inode, cursor, offset, length, durability, flags, stable_bytes);
        wt_inode_end(inode);
        return result;
    }
    if (rc) {
        wt_inode_end(inode);
        return rc;
    }
    sem_init(&write.wake, 0, 0);
    (void)start_write(&write, cursor, true);
    bool ended = wt_write_has_ended(&write);
    if (!ended)
        wt_write_await(&write);
    if (!atomic_load(&write.error))
        note_later(inode, write.offset, length, durability, flags, failures);
    wt_inode_end(inode);
    sem_destroy(&write.wake);
    int64_t ended_ns = ended ? atomic_load_explicit(&write.ended_ns, memory_order_relaxed) : 0;
    wt_write_end(&write, ended_ns ? ended_ns : wt_now_ns());
    *stable_bytes = write.operation.stable_bytes;
    *offset = write.offset;
    return write.operation.result;
}

/* Starts one of the writes of durable memory. False: it is over, as *rc says. The caller is inside the gate. */
static bool start_owned(struct wt_write *write, const struct iovec *bytes, int *rc) {
    struct wt_cursor cursor;
    wt_cursor_of_shared(&cursor, bytes);
    *rc = begin_direct(write);
    if (!*rc) {
        sem_init(&write->wake, 0, 0);
        (void)start_write(write, &cursor, true);
        return true;
    }
    if (*rc == BUFFERED_INSTEAD) {
        uint64_t stable_bytes;
        int64_t n =
            write_buffered(write->inode, &cursor, &write->offset, write->length, write->durability, 0, &stable_bytes);
        *rc = n < 0 ? (int)n : 0;
    }
    return false;
}

static int end_owned(struct wt_write *write) {
    if (!wt_write_has_ended(write))
        wt_write_await(write);
    sem_destroy(&write->wake);
    wt_write_end(write, wt_now_ns());
    return atomic_load(&write->error);
}

int wt_write_owned(struct wt_inode *inode, const struct iovec *bytes, const uint64_t *offsets, int count,
                   uint32_t durability) {
    struct wt_write writes[WT_OWNED_WRITES];
    bool started[WT_OWNED_WRITES];
    struct wt_plug plug;
    int first_error = 0;
    (void)wt_later_keep_nothing(inode, true);
    (void)wt_inode_begin(inode, true); /* once for all: the gate may be about to shut */
    wt_plug_begin(&plug);
    for (int i = 0; i < count; i++) {
        int rc;
        init_write(&writes[i], inode, offsets[i], bytes[i].iov_len, durability, 0, false);
        writes[i].owns = true;
        writes[i].apart = count > 1;
        started[i] = start_owned(&writes[i], &bytes[i], &rc);
        if (!started[i] && rc)
            first_error = first_error ? first_error : rc;
    }
    wt_plug_end(&plug);
    for (int i = 0; i < count; i++) {
        int rc = started[i] ? end_owned(&writes[i]) : 0;
        first_error = first_error ? first_error : rc;
    }
    wt_inode_end(inode);
    return first_error;
}

/* A write that returns when its bytes are in the cache. */
static int64_t write_later(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t *offset, uint64_t length,
                           uint32_t flags, uint64_t *stable_bytes) {
    struct wt_write write;
    int rc = wt_ticker_start(inode->engine);
    if (rc)
        return rc;
    (void)wt_turns_keep(&inode->turns);
    init_write(&write, inode, *offset, length, WT_DURABILITY_DEVICE, flags, false);
    (void)wt_inode_begin(inode, true);
    rc = begin_direct(&write);
    if (rc == BUFFERED_INSTEAD) { /* a program has mapped the file a moment ago */
        int64_t result = write_buffered(inode, cursor, offset, length, WT_DURABILITY_DEVICE, flags, stable_bytes);
        wt_inode_end(inode);
        return result;
    }
    if (rc) {
        wt_inode_end(inode);
        return rc;
    }
    write.flags = 0; /* an append that has its place is a plain write there: nobody waits for it */
    struct wt_round *round = write.round = wt_round_enter(inode);
    if (round) {
        uint64_t copied = start_write(&write, cursor, true);
        if (copied > 0)
            wt_inode_show(inode, write.offset + copied);
        /* A force, a truncation, or a thread that needs memory waits for these bytes. */
        if (wt_round_was_closed(round) || wt_round_is_waited_for(inode))
            wt_later_send(inode);
        wt_round_leave(round);
    } else {
        wt_write_fail(&write, -ENOMEM, write.offset); /* nobody fills the place of an append */
    }
    wt_later_copied(inode);
    wt_inode_end(inode);
    rc = atomic_load(&write.error);
    *offset = write.offset;
    wt_write_end(&write, wt_now_ns());
    return rc ? rc : (int64_t)length;
}

/* What is the same for all pieces of a write that its caller waits for. */
struct call {
    struct wt_inode *inode;
    struct wt_cursor *cursor;
    uint32_t durability, flags;
    bool later;
};

static int64_t write_called(const struct call *call, uint64_t *offset, uint64_t length, uint64_t *stable_bytes) {
    return call->later
               ? write_later(call->inode, call->cursor, offset, length, call->flags, stable_bytes)
               : write_file(call->inode, call->cursor, offset, length, call->durability, call->flags, stable_bytes);
}

/*
 * The same by the background class, piece after piece. No piece ends within a block, but the last: so none has to read what the one
 * before has written.
 */
static int64_t write_background(const struct call *call, uint64_t *offset, uint64_t length, uint64_t *stable_bytes) {
    struct wt_background *background = &call->inode->engine->background;
    bool whole = call->flags & (WT_APPEND | WT_ATOMIC);
    uint64_t most = whole ? length : wt_background_piece(background), done = 0;
    *stable_bytes = 0;
    while (done < length) {
        uint64_t at = *offset + done, left = length - done, stable = 0;
        uint64_t piece = left <= most ? left : ((at + most) & ~block_mask(call->inode)) - at;
        (void)wt_background_enter(background, piece, true);
        int64_t result = write_called(call, &at, piece, &stable);
        wt_background_leave(background, piece);
        *stable_bytes = done + stable;
        if (whole)
            *offset = at;
        if (result < 0)
            return result;
        done += piece;
    }
    return (int64_t)length;
}

static int check_write(const struct wt_file_object *file, uint64_t length, uint64_t offset, uint32_t durability,
                       uint32_t flags) {
    if (!file->writable)
        return -EBADF;
    if (durability > WT_DURABILITY_SYNC || offset > INT64_MAX || length > INT64_MAX)
        return -EINVAL;
    if (offset + length > INT64_MAX)
        return -EFBIG;
    return flags & WT_ATOMIC && length > 0 ? wt_atomic_check(file->inode, offset, length) : 0;
}

int64_t wt_write_cursor_with(wt_file handle, struct wt_cursor *cursor, uint64_t length, uint64_t *offset,
                             uint32_t durability, uint32_t flags, uint64_t *stable_bytes) {
    uint64_t ignored;
    stable_bytes = stable_bytes ? stable_bytes : &ignored;
    *stable_bytes = 0;
    if (flags & ~flags_of(flags & WT_LATER ? LATER : CALLED))
        return -EINVAL;
    if (flags & WT_APPEND)
        *offset = 0;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    if (!(flags & WT_APPEND))
        wt_folio_prefetch(&file->inode->mapping, *offset, length);
    int64_t result = check_write(file, length, *offset, durability, flags);
    if (!result && length > 0)
        result = wt_may_wait(file->inode->engine->backend);
    durability = durability ? durability : file->durability;
    bool later = flags & WT_LATER && !file->inode->without_direct_io;
    if (later && (atomic_load(&file->inode->shown) || atomic_load(&file->inode->mapped))) {
        durability = WT_DURABILITY_DEVICE;
        later = false;
    }
    if (!result && length > 0 && !later)
        result = wt_later_keep_nothing(file->inode, true);
    struct call call = {
        .inode = file->inode, .cursor = cursor, .durability = durability, .flags = flags, .later = later};
    if (!result && length > 0 && file->background)
        result = write_background(&call, offset, length, stable_bytes);
    else if (!result && length > 0)
        result = write_called(&call, offset, length, stable_bytes);
    else if (!result && (flags & WT_APPEND))
        *offset = wt_inode_visible_size(file->inode);
    wt_file_release(handle);
    return result;
}

int64_t wt_write_cursor(wt_file handle, struct wt_cursor *cursor, uint64_t length, uint64_t offset, uint32_t durability,
                        uint64_t *stable_bytes) {
    return wt_write_cursor_with(handle, cursor, length, &offset, durability, 0, stable_bytes);
}

int64_t wt_write(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t durability,
                 uint64_t *stable_bytes) {
    uint64_t length = 0;
    if (stable_bytes)
        *stable_bytes = 0;
    int rc = wt_iovec_length(iov, iov_count, &length);
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_write_cursor(file, &cursor, length, offset, durability, stable_bytes);
}

int64_t wt_write_with(wt_file file, const struct iovec *iov, int iov_count, uint64_t *offset, uint32_t durability,
                      uint32_t flags, uint64_t *stable_bytes) {
    uint64_t length = 0;
    if (stable_bytes)
        *stable_bytes = 0;
    int rc = offset ? wt_iovec_length(iov, iov_count, &length) : -EINVAL;
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_write_cursor_with(file, &cursor, length, offset, durability, flags, stable_bytes);
}

/* ---- asynchronous -------------------------------------------------------------------------------------------- */

/* Through the page cache only the kernel is to be waited for: the write is done when it is submitted. */
static void submit_buffered(struct wt_write *write, struct wt_cursor *cursor) {
    write->operation.result = write_buffered(write->inode, cursor, &write->offset, write->length, write->durability,
                                             write->flags, &write->operation.stable_bytes);
    write->operation.offset = write->offset;
    wt_background_leave(&write->inode->engine->background, write->background_bytes);
    wt_operations_end(write->inode, &write->operation);
}

/*
 * Starts an append that must not wait. The append gets its place and takes its bytes under one lock. If it cannot
 * start, the place can be given back, because no append has a place behind it yet.
 */
static int start_append_now(struct wt_write *write, struct wt_cursor *cursor) {
    struct wt_inode *inode = write->inode;
    wt_long_lock(inode->engine->backend, &inode->append_lock);
    int rc = wt_append_begin(write);
    if (!rc && start_write(write, cursor, false) == 0) {
        rc = atomic_load(&write->error);
        if (rc)
            wt_append_cancel(write);
    }
    wt_long_unlock(&inode->append_lock);
    return rc;
}

/* Takes the bytes and starts their I/O. An error, or BUFFERED_INSTEAD: nothing was started and no event is owed. */
static int start(struct wt_write *write, struct wt_cursor *cursor, bool may_wait) {
    int owned = check_owners(write);
    if (owned)
        return owned;
    if (wt_inode_is_buffered(write->inode) && write->length > 0)
        return BUFFERED_INSTEAD;
    bool append = write->flags & WT_APPEND;
    int rc = wt_inode_check_sometimes(write->inode, write->begin_ns);
    if (rc)
        return rc;
    if (append && !may_wait)
        return start_append_now(write, cursor);
    if (write->length > 0)
        rc = may_wait ? begin_at_end(write) : is_before_later_end(write) ? -EAGAIN : 0;
    if (!rc && start_write(write, cursor, may_wait) == 0 && !append)
        rc = atomic_load(&write->error);
    return rc;
}

static int submit(struct wt_write *write, struct wt_cursor *cursor, bool may_wait) {
    struct wt_inode *inode = write->inode;
    if (!wt_inode_begin(inode, may_wait))
        return -EAGAIN;
    int error = start(write, cursor, may_wait);
    if (error == BUFFERED_INSTEAD) {
        int refused = write->flags & WT_ATOMIC ? -EOPNOTSUPP : 0;
        if (!refused && wt_may_wait(inode->engine->backend))
            refused = -EAGAIN; /* the write would be done on this thread */
        if (refused) {
            wt_inode_end(inode);
            return refused;
        }
        submit_buffered(write, cursor);
        return 0;
    }
    if (error) {
        wt_inode_end(inode);
    } else if (atomic_fetch_sub(&write->references, 1) == 1) {
        write->next_done = NULL;
        wt_writes_end(inode, write);
    }
    return error;
}

int wt_write_submit_cursor(wt_file handle, struct wt_cursor *cursor, uint64_t length, uint64_t offset,
                           uint32_t durability, uint32_t flags, uint64_t token) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int loop_error = wt_may_wait(file->inode->engine->backend);
    bool may_wait = !(flags & WT_NOWAIT) && !loop_error;
    bool may_end = flags & WT_MAY_END && !(flags & WT_APPEND) && !wt_inode_is_buffered(file->inode);
    flags &= ~WT_MAY_END;
    if (flags & WT_APPEND)
        offset = 0;
    if (length == 0)
        flags &= ~(uint32_t)WT_APPEND; /* it needs no place */
    int rc = flags & ~flags_of(SUBMITTED) ? -EINVAL : check_write(file, length, offset, durability, flags);
    if (!rc && !may_wait && length > file->inode->engine->chunk_bytes)
        rc = -EMSGSIZE;
    if (!(flags & WT_APPEND))
        wt_folio_prefetch(&file->inode->mapping, offset, length);
    struct wt_lane_object *lane = wt_lane_current();
    struct wt_write *write = NULL;
    if (!rc && lane && lane->engine != file->inode->engine)
        rc = -EXDEV;
    struct wt_background *background = &file->inode->engine->background;
    uint64_t background_bytes = !rc && file->background ? length : 0;
    if (background_bytes > 0 && !wt_background_enter(background, background_bytes, may_wait)) {
        background_bytes = 0;
        rc = -EAGAIN;
    }
    if (!rc)
        rc = wt_later_keep_nothing(file->inode, may_wait);
    if (!rc)
        rc = wt_write_take(file->inode->engine, lane, &write);
    if (!rc) {
        init_write(write, file->inode, offset, length, durability ? durability : file->durability, flags, true);
        write->operation =
            (struct wt_operation){.token = token, .handle = handle, .type = &wt_write_type, .lane = lane};
        write->background_bytes = background_bytes;
        if (may_end)
            wt_operation_starts(&write->operation);
        rc = submit(write, cursor, may_wait);
        if (may_end && wt_operation_ended_at_once()) {
            wt_inode_end(file->inode);
            wt_write_give(file->inode->engine, lane, write);
            wt_file_release(handle);
            return 1;
        }
    }
    if (rc) {
        wt_background_undo(background, background_bytes, 0);
        if (write)
            wt_write_give(file->inode->engine, lane, write);
        wt_file_release(handle);
    }
    bool refused = !may_wait && !(flags & WT_NOWAIT) && (rc == -EAGAIN || rc == -EMSGSIZE);
    return refused ? -EDEADLK : rc;
}

int wt_write_submit(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t durability,
                    uint32_t flags, uint64_t token) {
    uint64_t length = 0;
    int rc = flags & WT_MAY_END ? -EINVAL : wt_iovec_length(iov, iov_count, &length);
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_write_submit_cursor(file, &cursor, length, offset, durability, flags, token);
}

int wt_write_submit_all(struct wt_submission *submissions, int count) {
    if (count < 0 || (count > 0 && !submissions))
        return -EINVAL;
    struct wt_plug plug;
    wt_plug_begin(&plug);
    for (int i = 0; i < count; i++) {
        struct wt_submission *one = &submissions[i];
        one->result =
            wt_write_submit(one->file, one->iov, one->iov_count, one->offset, one->durability, one->flags, one->token);
    }
    wt_plug_end(&plug);
    return 0;
}
