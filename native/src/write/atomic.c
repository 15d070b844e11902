// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/atomic.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "cache/range.h"
#include "file/lane.h"
#include "write/gather.h"
#include "write/later.h"

/* This many folios at most: a writeback has room for more. */
#define FOLIOS 32u

/* What one folio gets of the write: bytes a..b of the folio. */
struct share {
    uint64_t index; /* of the folio */
    struct wt_folio *folio;
    struct wt_link *link;
    uint32_t a, b;
    uint64_t blocks;
};

struct atomic {
    struct wt_write *write;
    struct wt_cursor *cursor;
    struct wt_reservation reservation;
    struct wt_launch launch;
    uint8_t *bounce; /* the bytes in one piece; NULL: the folio's memory is one, and they are not copied yet */
    bool awaited;    /* the folios know that this write waits */
    unsigned share_count;
    struct share shares[FOLIOS];
};

int wt_atomic_check(const struct wt_inode *inode, uint64_t offset, uint64_t length) {
    const struct wt_core_profile *profile = &atomic_load(&inode->backing)->profile;
    if (profile->atomic_write_max_bytes == 0)
        return -EOPNOTSUPP;
    if ((length & (length - 1)) || (offset & (length - 1)) || length < profile->atomic_write_min_bytes ||
        length > profile->atomic_write_max_bytes)
        return -EINVAL;
    uint64_t folios = length >> inode->mapping.geometry.folio_shift;
    return folios > FOLIOS || length > inode->engine->chunk_bytes ? -EMSGSIZE : 0;
}

static bool is_direct(const struct wt_write *write, struct wt_disk_ends ends) {
    const struct wt_geometry *geometry = &write->inode->mapping.geometry;
    uint64_t end = wt_end_of(write);
    return wt_ends_route(WT_TRANSFER_ATOMIC, geometry, true, write->offset, end, ends).cached_from == end;
}

/*
 * -EINVAL: the file ends, or is about to end, where the write cannot be direct (wt_ends_route). -EIO: a write that
 * failed has left such an end on disk. The folios are locked.
 */
static int check_end(const struct wt_write *write) {
    struct wt_inode *inode = write->inode;
    uint64_t reserve_end = atomic_load(&inode->ends.reserve_end);
    uint64_t size = wt_inode_size(inode), ahead_end = atomic_load(&inode->ends.ahead_end);
    size = size > ahead_end ? size : ahead_end;
    if (!is_direct(write, (struct wt_disk_ends){.now = size, .soon = reserve_end > size ? reserve_end : 0}))
        return -EINVAL;
    uint64_t on_disk = wt_inode_end_on_disk(inode);
    return on_disk > size && !is_direct(write, (struct wt_disk_ends){.now = on_disk}) ? -EIO : 0;
}

/* ---- what can be had without a folio ----------------------------------------------------------------------------- */

static int make_bounce(struct atomic *atomic) {
    uint64_t length = atomic->write->length;
    uint64_t bytes = (length + WT_PAGE_BYTES - 1) & ~(uint64_t)(WT_PAGE_BYTES - 1);
    atomic->bounce = aligned_alloc(WT_PAGE_BYTES, bytes);
    if (!atomic->bounce)
        return -ENOMEM;
    atomic->cursor->copy_in(atomic->cursor, atomic->bounce, length);
    return 0;
}

static int take_links(struct atomic *atomic) {
    for (unsigned i = 0; i < atomic->share_count; i++) {
        struct wt_link *link = wt_link_take(atomic->write);
        if (!link)
            return -ENOMEM;
        *link = (struct wt_link){.write = atomic->write};
        atomic->shares[i].link = link;
    }
    return 0;
}

static int take_object(struct atomic *atomic, bool may_wait) {
    struct wt_engine_object *engine = atomic->write->inode->engine;
    while (!(atomic->launch.objects = wt_writeback_take(engine, true))) {
        int rc = may_wait ? wt_writeback_wait(engine) : -EAGAIN;
        if (rc)
            return rc;
    }
    atomic->launch.objects->next = NULL;
    return 0;
}

static void divide(struct atomic *atomic) {
    const struct wt_write *write = atomic->write;
    struct wt_range range = wt_range_of(&write->inode->mapping.geometry, write->offset, wt_end_of(write));
    for (; wt_range_enter(&range); wt_range_leave(&range)) {
        struct share *share = &atomic->shares[atomic->share_count++];
        share->index = range.index;
        share->a = range.from;
        share->b = range.to;
        share->blocks = wt_range_blocks(&range);
    }
}

static int prepare(struct atomic *atomic, bool may_wait) {
    uint32_t pages = (uint32_t)((atomic->write->length + WT_PAGE_BYTES - 1) >> WT_PAGE_SHIFT);
    if (!wt_pool_reserve(&atomic->reservation, pages, may_wait))
        return -EAGAIN;
    divide(atomic);
    int rc = take_object(atomic, may_wait);
    if (!rc)
        rc = take_links(atomic);
    if (!rc && atomic->share_count > 1)
        rc = make_bounce(atomic);
    return rc;
}

static void give_back(struct atomic *atomic) {
    struct wt_engine_object *engine = atomic->write->inode->engine;
    if (atomic->launch.objects)
        wt_writeback_give(engine, atomic->launch.objects);
    for (unsigned i = 0; i < atomic->share_count; i++)
        if (atomic->shares[i].link)
            wt_link_give(atomic->shares[i].link);
    free(atomic->bounce);
    wt_room_retire(engine, atomic->write->length);
}

/* ---- the folios, idle and locked --------------------------------------------------------------------------------- */

static void lock_folios(struct atomic *atomic) {
    struct wt_mapping *mapping = &atomic->write->inode->mapping;
    for (unsigned i = 0; i < atomic->share_count; i++)
        atomic->shares[i].folio = wt_folio_get(mapping, atomic->shares[i].index);
}

static void unlock_folios(struct atomic *atomic, const struct wt_folio *but) {
    for (unsigned i = 0; i < atomic->share_count; i++)
        if (atomic->shares[i].folio != but)
            wt_folio_put(atomic->shares[i].folio);
}

/* Whether other writes wait that have let atomic writes go first. */
static bool has_to_let_others(const struct atomic *atomic) {
    bool others = false;
    for (unsigned i = 0; i < atomic->share_count; i++)
        others = others || atomic->shares[i].folio->behind > 0 || atomic->shares[i].folio->others_turn;
    return others && !WT_MUTANT("atomic-always-first");
}

/*
 * Keeps other writes from the blocks until this write has had them, however many there are. Not those that already
 * wait for earlier atomic writes. The folios are locked.
 */
static void begin_awaiting(struct atomic *atomic) {
    if (atomic->awaited || has_to_let_others(atomic))
        return;
    for (unsigned i = 0; i < atomic->share_count; i++) {
        atomic->shares[i].folio->awaiting++;
        atomic->shares[i].folio->awaited |= atomic->shares[i].blocks;
    }
    atomic->awaited = true;
}

static void end_awaiting(struct atomic *atomic) {
    for (unsigned i = 0; i < atomic->share_count && atomic->awaited; i++)
        wt_folio_end_awaiting(atomic->shares[i].folio);
    atomic->awaited = false;
}

/*
 * A folio where the write has to wait: for I/O, or for the atomic writes and allocations that have waited longer. Those
 * would wait for ever where a later atomic write is always the first to find the blocks idle.
 */
static struct wt_folio *find_busy(const struct atomic *atomic) {
    for (unsigned i = 0; i < atomic->share_count; i++) {
        struct wt_folio *folio = atomic->shares[i].folio;
        uint64_t busy = folio->writeback | folio->dirty | folio->reading;
        if (!atomic->awaited && !WT_MUTANT("atomic-overtakes"))
            busy |= folio->awaited;
        busy |= wt_folio_stuck(folio);
        if (busy & atomic->shares[i].blocks)
            return folio;
    }
    return NULL;
}

static bool is_one_run(struct wt_folio *folio, unsigned first, unsigned last) {
    for (unsigned page = first; page <= last; page++)
        if (wt_folio_frame(folio, page) == WT_NONE || wt_folio_is_pinned(folio, page) ||
            wt_folio_frame(folio, page) != wt_folio_frame(folio, first) + (page - first))
            return false;
    return true;
}

/*
 * Gives a write within one folio memory in one piece, in place of what the write overwrites. False: the pool has no
 * such run.
 */
static bool make_one_run(struct atomic *atomic) {
    struct wt_folio *folio = atomic->shares[0].folio;
    unsigned first = atomic->shares[0].a >> WT_PAGE_SHIFT, last = (atomic->shares[0].b - 1) >> WT_PAGE_SHIFT;
    if (first == last || is_one_run(folio, first, last))
        return true;
    unsigned order = (unsigned)__builtin_ctz(last - first + 1); /* of the length of the write, a power of two */
    uint32_t frame = wt_pool_take(&atomic->reservation, folio, first, order);
    if (frame == WT_NONE)
        return false;
    wt_folio_drop(folio, first, last);
    for (unsigned page = first; page <= last; page++)
        wt_folio_set_frame(folio, page, frame + (page - first));
    folio->pages += last - first + 1;
    return true;
}

/* Locks the folios when no other I/O is on the blocks. After an error they are not locked. */
static int lock_idle(struct atomic *atomic, bool may_wait) {
    bool sent = false;
    for (;;) {
        lock_folios(atomic);
        struct wt_folio *busy = WT_MUTANT("atomic-does-not-wait") ? NULL : find_busy(atomic);
        int rc = busy ? 0 : check_end(atomic->write);
        if (!busy && !rc && (atomic->bounce || make_one_run(atomic)))
            return 0;
        if (busy && !may_wait)
            rc = -EAGAIN;
        else if (busy)
            begin_awaiting(atomic);
        else if (!rc)
            rc = make_bounce(atomic);
        if (rc)
            end_awaiting(atomic);
        bool is_held = busy && !sent && wt_gather_is_held(busy);
        unlock_folios(atomic, rc || is_held ? NULL : busy);
        if (is_held) /* with -EAGAIN too: the next try may find the blocks idle */
            wt_later_send(atomic->write->inode);
        sent |= is_held;
        if (rc)
            return rc;
        if (busy && !is_held) {
            wt_folio_wait(busy);
            wt_folio_put(busy);
        }
    }
}

/* ---- the write --------------------------------------------------------------------------------------------------- */

static void fill(struct atomic *atomic, struct share *share, const uint8_t *bytes) {
    struct wt_folio *folio = share->folio;
    unsigned first = share->a >> WT_PAGE_SHIFT, last = (share->b - 1) >> WT_PAGE_SHIFT;
    if (!WT_MUTANT("pinned-bytes-overwritten-at-once"))
        wt_folio_renew(folio, &atomic->reservation, first, last);
    wt_folio_fill(folio, &atomic->reservation, first, last);
    folio->used |= wt_bits(first, last);
    for (uint32_t at = share->a, length; at < share->b; at += length) {
        uint8_t *memory = wt_folio_memory(folio, at, share->b, &length);
        if (bytes)
            memcpy(memory, bytes + (at - share->a), length);
        else
            atomic->cursor->copy_in(atomic->cursor, memory, length);
    }
    folio->uptodate |= share->blocks;
}

/* Puts a share under writeback of the write's I/O. */
static void carry(struct wt_writeback *writeback, struct share *share) {
    struct wt_folio *folio = share->folio;
    struct wt_link *link = share->link;
    link->writeback = share->blocks;
    link->bytes = share->b - share->a;
    link->start =
        (atomic_load_explicit(&folio->index, memory_order_relaxed) << folio->mapping->geometry.folio_shift) + share->a;
    link->end = link->start + link->bytes;
    wt_link_add(folio, link);
    folio->writeback |= share->blocks;
    writeback->shares[writeback->share_count++] = (struct wt_share){.folio = folio, .blocks = share->blocks};
}

static void start(struct atomic *atomic) {
    struct wt_write *write = atomic->write;
    struct wt_writeback *writeback = wt_launch_next(&atomic->launch, write->offset);
    const uint8_t *bytes = atomic->bounce;
    assert(writeback); /* its object was taken in advance */
    wt_inode_forget_zeros(write->inode, write->offset, wt_end_of(write));
    for (unsigned i = 0; i < atomic->share_count; i++) {
        struct share *share = &atomic->shares[i];
        fill(atomic, share, bytes);
        carry(writeback, share);
        bytes = bytes ? bytes + (share->b - share->a) : NULL;
    }
    const struct share *first = &atomic->shares[0];
    uint32_t length;
    uint8_t *memory = atomic->bounce ? atomic->bounce : wt_folio_memory(first->folio, first->a, first->b, &length);
    assert(atomic->bounce || length == write->length);
    writeback->bounce = atomic->bounce;
    writeback->io.atomic = !WT_MUTANT("atomic-flag-dropped");
    writeback->io.high_priority = write->flags & WT_HIGH_PRIORITY;
    writeback->io.durability = write->durability;
    wt_io_add(&writeback->io, memory, (size_t)write->length);
}

int wt_atomic_write(struct wt_write *write, struct wt_cursor *cursor, bool may_run, bool may_wait) {
    struct wt_pool *pool = &write->inode->mapping.cache->pool;
    assert(!wt_atomic_check(write->inode, write->offset, write->length));
    if (!wt_room_enter(write->inode->engine, write->length, may_wait))
        return -EAGAIN;
    struct atomic atomic = {
        .write = write, .cursor = cursor, .reservation = {.pool = pool}, .launch = {.inode = write->inode}};
    int rc = prepare(&atomic, may_wait);
    if (!rc)
        rc = lock_idle(&atomic, may_wait);
    if (rc) {
        wt_pool_unreserve(&atomic.reservation);
        give_back(&atomic);
        return rc;
    }
    start(&atomic);
    end_awaiting(&atomic);
    unlock_folios(&atomic, NULL);
    wt_pool_unreserve(&atomic.reservation);
    wt_launch_start(&atomic.launch, may_run);
    return 0;
}
