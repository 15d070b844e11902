// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "cache/folio.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "io/io.h"

/* Descriptors beyond one for each page: for folios that a caller has looked up and not given memory yet. */
#define SPARE_FOLIOS 16384u

struct wt_geometry wt_geometry_of(uint32_t block_bytes) {
    uint8_t shift = (uint8_t)__builtin_ctz(block_bytes);
    return (struct wt_geometry){
        .block_shift = shift,
        .folio_shift = (uint8_t)(shift + 6),
        .page_block_shift = (uint8_t)(WT_PAGE_SHIFT - shift),
        .page_count = (uint8_t)(WT_FOLIO_BLOCKS >> (WT_PAGE_SHIFT - shift)),
    };
}

static uint32_t id_of(const struct wt_cache *cache, const struct wt_folio *folio) {
    return (uint32_t)(folio - cache->folios);
}

/* ---- its face ------------------------------------------------------------------------------------------------ */

/*
 * Fields that may change once the folio is locked. The version is odd before anybody looks at a count of pins, in the one
 * order of all such operations: a reader that counted itself too late for that look sees another version. ThreadSanitizer
 * knows no fences, and in its builds nobody reads without the lock or a pin.
 */
static void begin_changes(struct wt_cache *cache, struct wt_folio *folio) {
    _Atomic uint64_t *version = &cache->faces.version[id_of(cache, folio)];
    uint64_t before = atomic_load_explicit(version, memory_order_relaxed);
    assert(before % 2 == 0 && !folio->changing);
    folio->changing = true;
    folio->looked = folio->pinned = 0;
    if (WT_MUTANT("version-kept"))
        return;
    atomic_exchange(version, before + 1);
#ifndef __SANITIZE_THREAD__
    atomic_thread_fence(memory_order_release);
#endif
}

static void end_changes(struct wt_cache *cache, struct wt_folio *folio) {
    _Atomic uint64_t *version = &cache->faces.version[id_of(cache, folio)];
    uint64_t before = atomic_load_explicit(version, memory_order_relaxed);
    folio->changing = false;
    atomic_store_explicit(version, before + before % 2, memory_order_release);
}

/* The frame of page 0, from which all others follow in order; WT_FACE_SCATTERED: they do not. */
static uint32_t base_of(const struct wt_folio *folio) {
    uint32_t base = WT_FACE_SCATTERED, left = folio->pages;
    for (uint32_t page = 0; left > 0; page++) {
        uint32_t frame = wt_folio_frame(folio, page);
        if (frame == WT_NONE)
            continue;
        if (base != WT_FACE_SCATTERED && base != frame - page)
            return WT_FACE_SCATTERED;
        base = frame - page;
        left--;
    }
    return base;
}

/* The blocks of a set of pages. */
static uint64_t blocks_of_pages(const struct wt_geometry *geometry, uint64_t pages) {
    if (geometry->page_block_shift == 0)
        return pages;
    uint64_t blocks = 0;
    for (; pages; pages &= pages - 1) {
        unsigned page = (unsigned)__builtin_ctzll(pages);
        blocks |= wt_page_blocks(geometry, page, page);
    }
    return blocks;
}

/* A page that is read for the first time, or for the first time since the hand passed, is for wt_folio_touch to see. */
static uint64_t readable(const struct wt_folio *folio) {
    uint64_t pages = folio->used & ~folio->ahead;
    return folio->uptodate & ~folio->reading & blocks_of_pages(&folio->mapping->geometry, pages);
}

static void show(struct wt_cache *cache, struct wt_folio *folio) {
    struct wt_faces *faces = &cache->faces;
    uint32_t id = id_of(cache, folio);
    uint64_t blocks = readable(folio), moving = WT_MUTANT("moving-bytes-pinnable") ? 0 : wt_folio_moving(folio);
    atomic_store_explicit(&faces->key[id], wt_view_key(folio->mapping->place, folio->index), memory_order_relaxed);
    atomic_store_explicit(&faces->readable[id], blocks, memory_order_relaxed);
    atomic_store_explicit(&faces->pinnable[id], blocks & ~moving, memory_order_relaxed);
    if (folio->moved) {
        atomic_store_explicit(&faces->base[id], base_of(folio), memory_order_relaxed);
        folio->moved = false;
    }
}

static void hide(struct wt_cache *cache, struct wt_folio *folio) {
    atomic_store_explicit(&cache->faces.key[id_of(cache, folio)], WT_FACE_NONE, memory_order_relaxed);
}

/* ---- the list of a file's folios ----------------------------------------------------------------------------- */

static void add_to_list(struct wt_mapping *mapping, uint32_t folio) {
    struct wt_folio *folios = mapping->cache->folios;
    wt_lock(&mapping->list_lock);
    folios[folio].list_previous = WT_NONE;
    folios[folio].list_next = mapping->first;
    if (mapping->first != WT_NONE)
        folios[mapping->first].list_previous = folio;
    mapping->first = folio;
    mapping->count++;
    wt_unlock(&mapping->list_lock);
}

static void remove_from_list(struct wt_mapping *mapping, uint32_t folio) {
    struct wt_folio *folios = mapping->cache->folios;
    wt_lock(&mapping->list_lock);
    uint32_t next = folios[folio].list_next, previous = folios[folio].list_previous;
    if (previous != WT_NONE)
        folios[previous].list_next = next;
    else
        mapping->first = next;
    if (next != WT_NONE)
        folios[next].list_previous = previous;
    mapping->count--;
    wt_unlock(&mapping->list_lock);
}

void wt_mapping_open(struct wt_mapping *mapping, struct wt_cache *cache, uint64_t id, const void *object,
                     uint32_t block_bytes) {
    mapping->cache = cache;
    mapping->id = id;
    mapping->geometry = wt_geometry_of(block_bytes);
    mapping->place = wt_view_place(cache->view, object);
    mapping->first = WT_NONE;
    mapping->count = 0;
    wt_mutex_init(&mapping->list_lock, WT_LOCK_MAPPING);
}

void wt_mapping_close(struct wt_mapping *mapping) {
    assert(mapping->count == 0);
    wt_mutex_destroy(&mapping->list_lock);
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

/*
 * Neighbours in a file are neighbours in the table, so however a file is read, few cache lines of the table are used.
 */
static uint32_t bucket_of(const struct wt_cache *cache, uint64_t inode_id, uint64_t index) {
    return (wt_folio_first_bucket(inode_id) + (uint32_t)index) & cache->bucket_mask;
}

uint32_t wt_folio_first_bucket(uint64_t inode_id) {
    return (uint32_t)(inode_id * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static bool is_folio(struct wt_folio *folio, uint64_t inode_id, uint64_t index) {
    return atomic_load_explicit(&folio->inode_id, memory_order_acquire) == inode_id &&
           atomic_load_explicit(&folio->index, memory_order_relaxed) == index;
}

/*
 * Walks a chain without a lock. A descriptor may be freed and used again meanwhile. That leads the walk astray, at
 * worst past the folio that is wanted: NULL means "look again under the stripe's lock".
 */
static struct wt_folio *walk(struct wt_cache *cache, uint32_t bucket, uint64_t inode_id, uint64_t index) {
    uint32_t id = wt_link_of(atomic_load_explicit(&cache->buckets[bucket], memory_order_acquire));
    for (uint32_t steps = 0; id != WT_NONE && steps <= cache->folio_count; steps++) {
        struct wt_folio *folio = &cache->folios[id];
        if (is_folio(folio, inode_id, index))
            return folio;
        id = wt_link_of(atomic_load_explicit(&folio->chain, memory_order_acquire));
    }
    return NULL;
}

/*
 * A thread may hold one folio and wait for the lock of the next. If the next one is freed meanwhile, and its
 * descriptor becomes a folio before both, the thread that makes this folio locks it and then waits for the first
 * thread: both wait for ever. So a descriptor that threads come for stays on the list. A thread counts itself, and
 * then looks whose the descriptor is (is_coming). Here the descriptor was nobody's before the count is read. So one
 * of the two sees the other.
 */
static uint32_t take_descriptor(struct wt_cache *cache) {
    wt_lock(&cache->free_lock);
    uint32_t *from = &cache->free_folio;
    while (*from != WT_NONE && atomic_load(&cache->folios[*from].comers) && !WT_MUTANT("awaited-descriptor-taken"))
        from = &cache->folios[*from].list_next;
    uint32_t id = *from;
    if (id != WT_NONE) {
        *from = cache->folios[id].list_next;
    } else if (cache->fresh_folio < cache->folio_count) {
        id = cache->fresh_folio++;
        wt_mutex_init(&cache->folios[id].lock, WT_LOCK_FOLIO);
        wt_condition_init(&cache->folios[id].settled);
    }
    wt_unlock(&cache->free_lock);
    return id;
}

static void give_descriptor(struct wt_cache *cache, uint32_t id) {
    wt_lock(&cache->free_lock);
    cache->folios[id].list_next = cache->free_folio;
    cache->free_folio = id;
    wt_unlock(&cache->free_lock);
}

static void make_folio(struct wt_mapping *mapping, uint32_t bucket, uint64_t index, uint32_t id) {
    struct wt_cache *cache = mapping->cache;
    struct wt_folio *folio = &cache->folios[id];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the folios are there as long as the cache. */
    folio->waiters = folio->pages = folio->awaiting = folio->behind = 0;
    folio->others_turn = false;
    folio->gather = (struct wt_gather){0};
    folio->uptodate = folio->writeback = folio->dirty = folio->reading = 0;
    folio->used = folio->ahead = folio->awaited = 0;
    folio->detached = WT_NONE;
    folio->links = NULL;
    folio->mapping = mapping;
    for (unsigned page = 0; page < WT_FOLIO_PAGES; page++)
        wt_folio_set_frame(folio, page, WT_NONE);
    atomic_store_explicit(&folio->index, index, memory_order_relaxed);
    atomic_store_explicit(&folio->inode_id, mapping->id, memory_order_release);
    uint32_t head = atomic_load_explicit(&cache->buckets[bucket], memory_order_relaxed);
    atomic_store_explicit(&folio->chain, head, memory_order_release);
    add_to_list(mapping, id);
    atomic_store_explicit(&cache->buckets[bucket], wt_link_of(id), memory_order_release);
}

static void free_folio(struct wt_folio *folio) {
    struct wt_mapping *mapping = folio->mapping;
    struct wt_cache *cache = mapping->cache;
    uint32_t id = id_of(cache, folio);
    uint32_t bucket = bucket_of(cache, folio->inode_id, folio->index);
    struct wt_mutex *stripe = &cache->stripes[bucket % 64];

    wt_lock(stripe);
    _Atomic uint32_t *from = &cache->buckets[bucket];
    while (atomic_load_explicit(from, memory_order_relaxed) != wt_link_of(id))
        from = &cache->folios[wt_link_of(atomic_load_explicit(from, memory_order_relaxed))].chain;
    atomic_store_explicit(from, atomic_load_explicit(&folio->chain, memory_order_relaxed), memory_order_release);
    atomic_store(&folio->inode_id, 0);
    remove_from_list(mapping, id);
    wt_unlock(stripe);

    give_descriptor(cache, id);
}

/* Counts this thread among those that come to lock the folio. False: it is another one by now. */
static bool is_coming(struct wt_folio *folio, uint64_t inode_id, uint64_t index) {
    atomic_fetch_add(&folio->comers, 1);
    if (atomic_load(&folio->inode_id) == inode_id && is_folio(folio, inode_id, index))
        return true;
    atomic_fetch_sub(&folio->comers, 1);
    return false;
}

struct wt_folio *wt_folio_find(struct wt_mapping *mapping, uint64_t index) {
    struct wt_cache *cache = mapping->cache;
    uint32_t bucket = bucket_of(cache, mapping->id, index);
    for (;;) {
        struct wt_folio *folio = walk(cache, bucket, mapping->id, index);
        if (!folio) {
            wt_lock(&cache->stripes[bucket % 64]);
            folio = walk(cache, bucket, mapping->id, index);
            wt_unlock(&cache->stripes[bucket % 64]);
            if (!folio)
                return NULL;
        }
        if (!is_coming(folio, mapping->id, index))
            continue;
        wt_lock_in_order(&folio->lock, mapping, index);
        atomic_fetch_sub_explicit(&folio->comers, 1, memory_order_release);
        if (is_folio(folio, mapping->id, index)) {
            begin_changes(cache, folio);
            return folio;
        }
        wt_unlock(&folio->lock);
    }
}

void wt_folio_lock(struct wt_folio *folio) {
    wt_lock_in_order(&folio->lock, folio->mapping, folio->index);
    begin_changes(folio->mapping->cache, folio);
}

/*
 * Prefetches the first byte to copy. Without the lock nothing is sure, but any frame is one of the arena, so at worst
 * the prefetch is wasted. One line is enough: when the lines that follow are read in sequence, the processor
 * prefetches them by itself.
 */
static void prefetch(struct wt_mapping *mapping, struct wt_folio *folio, uint32_t offset) {
    uint32_t frame = wt_folio_frame(folio, offset >> WT_PAGE_SHIFT);
    __builtin_prefetch(&folio->uptodate);
    if (frame != WT_NONE)
        __builtin_prefetch(wt_pool_memory(&mapping->cache->pool, frame) + (offset & (WT_PAGE_BYTES - 1)));
}

struct wt_folio *wt_folio_find_to_copy(struct wt_mapping *mapping, uint64_t index, struct wt_folio *guess,
                                       uint32_t offset) {
    struct wt_cache *cache = mapping->cache;
    bool guessed = guess && is_folio(guess, mapping->id, index);
    struct wt_folio *folio = guessed ? guess : walk(cache, bucket_of(cache, mapping->id, index), mapping->id, index);
    if (folio) {
        prefetch(mapping, folio, offset);
        wt_lock_in_order(&folio->lock, mapping, index);
        if (is_folio(folio, mapping->id, index))
            return folio;
        wt_unlock(&folio->lock);
    }
    return wt_folio_find(mapping, index);
}

struct wt_folio *wt_folio_get(struct wt_mapping *mapping, uint64_t index) {
    struct wt_cache *cache = mapping->cache;
    uint32_t bucket = bucket_of(cache, mapping->id, index);
    unsigned turns = 0;
    for (;;) {
        struct wt_folio *folio = wt_folio_find(mapping, index);
        if (folio)
            return folio;
        uint32_t id = take_descriptor(cache);
        if (id == WT_NONE) {
            /*
             * SPARE_FOLIOS descriptors are left without memory: for threads that look a folio up, or wait for I/O on
             * one. No I/O needs a descriptor to end.
             */
            wt_yield_to_holders(&turns);
            continue;
        }
        wt_lock(&cache->stripes[bucket % 64]);
        bool missing = !walk(cache, bucket, mapping->id, index);
        if (missing)
            make_folio(mapping, bucket, index, id);
        wt_unlock(&cache->stripes[bucket % 64]);
        if (!missing)
            give_descriptor(cache, id);
    }
}

/* Without the lock nothing is sure: see prefetch. */
void wt_folio_prefetch(struct wt_mapping *mapping, uint64_t offset, uint64_t length) {
    struct wt_cache *cache = mapping->cache;
    uint64_t index = offset >> mapping->geometry.folio_shift;
    const struct wt_folio *folio = walk(cache, bucket_of(cache, mapping->id, index), mapping->id, index);
    if (!folio)
        return;
    __builtin_prefetch(&folio->uptodate, 1);
    __builtin_prefetch(&folio->awaited, 1);
    uint32_t in_folio = (uint32_t)(offset & ((UINT64_C(1) << mapping->geometry.folio_shift) - 1));
    uint32_t frame = wt_folio_frame(folio, in_folio >> WT_PAGE_SHIFT), start = in_folio & (WT_PAGE_BYTES - 1);
    if (frame == WT_NONE)
        return;
    uint64_t end = start + length < WT_PAGE_BYTES ? start + length : WT_PAGE_BYTES;
    const uint8_t *memory = wt_pool_memory(&cache->pool, frame);
    for (uint64_t at = start & ~(uint64_t)63; at < end; at += 64)
        __builtin_prefetch(memory + at, 1);
}

static bool is_empty(const struct wt_folio *folio) {
    return folio->pages == 0 && !folio->links && folio->waiters + folio->awaiting == 0 && !folio->gather.has_leader &&
           folio->detached == WT_NONE && (folio->writeback | folio->reading) == 0;
}

void wt_folio_touch(struct wt_folio *folio, uint64_t pages) {
    struct wt_cache *cache = folio->mapping->cache;
    /* the read for which it was read ahead is not a second use */
    uint64_t ahead = folio->ahead & pages, use = pages & ~ahead;
    if (!ahead && !(use & ~folio->used))
        return;
    if (!folio->changing)
        begin_changes(cache, folio);
    folio->used |= use;
    folio->ahead &= ~ahead;
}

void wt_folio_put(struct wt_folio *folio) {
    struct wt_cache *cache = folio->mapping->cache;
    assert((folio->dirty & ~folio->uptodate) == 0);
    assert((folio->reading & (folio->uptodate & ~folio->dirty)) == 0);
    assert(folio->dirty == 0 || folio->gather.has_leader || folio->gather.is_held ||
           (folio->writeback | folio->reading) != 0);
    assert(!folio->gather.has_high_priority || (folio->dirty != 0 && folio->gather.expected == 0));
    bool empty = is_empty(folio);
    /* A new folio has not published its face yet: another thread may lock it before its creator does. */
    assert(empty || folio->changing ||
           (!folio->moved && cache->faces.readable[id_of(cache, folio)] == readable(folio)));
    if (empty && !folio->changing)
        begin_changes(cache, folio);
    if (empty) {
        hide(cache, folio);
        free_folio(folio);
        end_changes(cache, folio);
    } else if (folio->changing) {
        show(cache, folio);
        end_changes(cache, folio);
    }
    wt_unlock(&folio->lock);
}

void wt_folio_wait(struct wt_folio *folio) {
    struct wt_cache *cache = folio->mapping->cache;
    folio->waiters++;
    show(cache, folio);
    end_changes(cache, folio);
    wt_wait(cache->pool.backend, &folio->settled, &folio->lock);
    begin_changes(cache, folio);
    folio->waiters--;
}

void wt_folio_wait_idle(struct wt_folio *folio, uint64_t blocks) {
    if (!((folio->writeback | folio->dirty | folio->reading) & blocks))
        return;
    folio->awaiting++;
    folio->awaited |= blocks;
    while ((folio->writeback | folio->dirty | folio->reading) & blocks)
        wt_folio_wait(folio);
    wt_folio_end_awaiting(folio);
}

void wt_folio_end_awaiting(struct wt_folio *folio) {
    if (--folio->awaiting == 0) {
        folio->awaited = 0;
        folio->others_turn = folio->behind > 0;
    }
    wt_folio_wake(folio);
}

void wt_folio_wake(struct wt_folio *folio) {
    if (folio->waiters)
        wt_wake_all(&folio->settled);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

uint8_t *wt_folio_memory(const struct wt_folio *folio, uint32_t offset, uint32_t end, uint32_t *length) {
    unsigned page = offset >> WT_PAGE_SHIFT;
    uint32_t frame = wt_folio_frame(folio, page);
    assert(frame != WT_NONE && offset < end);
    uint32_t stop = (page + 1) << WT_PAGE_SHIFT;
    for (uint32_t next = frame + 1; stop < end && wt_folio_frame(folio, stop >> WT_PAGE_SHIFT) == next; next++)
        stop += WT_PAGE_BYTES;
    *length = (stop < end ? stop : end) - offset;
    return wt_pool_memory(wt_folio_pool(folio), frame) + (offset & (WT_PAGE_BYTES - 1));
}

/* The largest order of a run that starts at page, ends by last, and meets no page that has memory. */
static unsigned order_at(const struct wt_folio *folio, unsigned page, unsigned last) {
    unsigned order = 0;
    while (order < WT_MAX_ORDER && page % (2u << order) == 0 && page + (2u << order) - 1 <= last) {
        for (unsigned p = page + (1u << order); p < page + (2u << order); p++)
            if (wt_folio_frame(folio, p) != WT_NONE)
                return order;
        order++;
    }
    return order;
}

void wt_folio_fill(struct wt_folio *folio, struct wt_reservation *reservation, unsigned first, unsigned last) {
    for (unsigned page = first; page <= last;) {
        if (wt_folio_frame(folio, page) != WT_NONE) {
            page++;
            continue;
        }
        unsigned order = order_at(folio, page, last);
        uint32_t frame = wt_pool_take(reservation, folio, page, order);
        while (frame == WT_NONE) {
            assert(order > 0);
            frame = wt_pool_take(reservation, folio, page, --order);
        }
        for (unsigned i = 0; i < 1u << order; i++)
            wt_folio_set_frame(folio, page + i, frame + i);
        folio->pages += 1u << order;
        page += 1u << order;
    }
}

/* Those of the pages that pins show. */
static uint64_t pinned_of(struct wt_folio *folio, uint64_t pages) {
    uint64_t pinned = 0;
    for (; pages; pages &= pages - 1) {
        unsigned page = (unsigned)__builtin_ctzll(pages);
        pinned |= (uint64_t)wt_folio_is_pinned(folio, page) << page;
    }
    return pinned;
}

void wt_folio_shadow(struct wt_folio *folio, struct wt_reservation *reservation, unsigned page, bool copy) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    struct wt_pool *pool = wt_folio_pool(folio);
    uint64_t blocks = wt_page_blocks(geometry, page, page);
    assert((folio->reading & blocks) == 0 && ((folio->writeback & blocks) != 0 || wt_folio_is_pinned(folio, page)));

    uint64_t busy = (folio->writeback & blocks) >> (page << geometry->page_block_shift);
    for (uint32_t detached = folio->detached; detached != WT_NONE; detached = pool->frames[detached].next)
        if (pool->frames[detached].page == page)
            busy &= ~(uint64_t)pool->frames[detached].busy;

    uint32_t old = wt_folio_frame(folio, page);
    uint32_t new = wt_pool_take(reservation, folio, page, 0);
    assert(new != WT_NONE);
    if (copy && !WT_MUTANT("shadow-lost"))
        memcpy(wt_pool_memory(pool, new), wt_pool_memory(pool, old), WT_PAGE_BYTES);
    wt_folio_set_frame(folio, page, new);
    if (!busy) { /* all I/O on the page reads older copies; a pin may have this one */
        wt_pool_drop(pool, old);
        return;
    }
    wt_pool_detach(pool, old);
    pool->frames[old].page = (uint8_t)page;
    pool->frames[old].busy = (uint8_t)busy;
    pool->frames[old].next = folio->detached;
    folio->detached = old;
}

uint64_t wt_folio_stuck(struct wt_folio *folio) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    uint64_t stuck = 0;
    if (geometry->page_block_shift == 0 || WT_MUTANT("stuck-page-renewed"))
        return 0; /* a page of one block has no other that is filled */
    for (uint64_t left = folio->reading, blocks; left; left &= ~blocks) {
        unsigned page = wt_page_of(geometry, (unsigned)__builtin_ctzll(left));
        blocks = wt_page_blocks(geometry, page, page);
        stuck |= wt_folio_is_pinned(folio, page) ? blocks : 0;
    }
    return stuck;
}

void wt_folio_renew(struct wt_folio *folio, struct wt_reservation *reservation, unsigned first, unsigned last) {
    for (uint64_t pages = pinned_of(folio, wt_bits(first, last)); pages; pages &= pages - 1)
        wt_folio_shadow(folio, reservation, (unsigned)__builtin_ctzll(pages), true);
}

void wt_folio_add_detached(struct wt_folio *folio, struct wt_reservation *reservation, unsigned block) {
    struct wt_pool *pool = wt_folio_pool(folio);
    unsigned shift = folio->mapping->geometry.page_block_shift;
    assert(!wt_folio_detached_memory(folio, block));
    uint32_t detached = wt_pool_take_detached(reservation, 0);
    assert(detached != WT_NONE);
    pool->frames[detached].page = (uint8_t)(block >> shift);
    pool->frames[detached].busy = (uint8_t)(1u << (block & ((1u << shift) - 1)));
    pool->frames[detached].next = folio->detached;
    folio->detached = detached;
}

void wt_folio_release_detached(struct wt_folio *folio, uint64_t blocks) {
    struct wt_pool *pool = wt_folio_pool(folio);
    unsigned shift = folio->mapping->geometry.page_block_shift;
    uint32_t *from = &folio->detached;
    while (*from != WT_NONE) {
        uint32_t detached = *from;
        struct wt_frame *frame = &pool->frames[detached];
        frame->busy = (uint8_t)(frame->busy & ~(blocks >> (frame->page << shift)));
        if (frame->busy) {
            from = &frame->next;
        } else {
            *from = frame->next;
            wt_pool_free_detached(pool, detached);
        }
    }
}

uint8_t *wt_folio_detached_memory(struct wt_folio *folio, unsigned block) {
    struct wt_pool *pool = wt_folio_pool(folio);
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    unsigned page = wt_page_of(geometry, block);
    unsigned in_page = block - (page << geometry->page_block_shift);
    for (uint32_t detached = folio->detached; detached != WT_NONE; detached = pool->frames[detached].next)
        if (pool->frames[detached].page == page && pool->frames[detached].busy >> in_page & 1)
            return wt_pool_memory(pool, detached) + (in_page << geometry->block_shift);
    return NULL;
}

void wt_folio_drop(struct wt_folio *folio, unsigned first, unsigned last) {
    assert(((folio->writeback | folio->dirty | folio->reading) &
            wt_page_blocks(&folio->mapping->geometry, first, last)) == 0);
    folio->uptodate &= ~wt_page_blocks(&folio->mapping->geometry, first, last);
    for (unsigned page = first; page <= last; page++) {
        if (wt_folio_frame(folio, page) == WT_NONE)
            continue;
        wt_pool_drop(wt_folio_pool(folio), wt_folio_frame(folio, page));
        wt_folio_set_frame(folio, page, WT_NONE);
        folio->pages--;
    }
}

/* The pool's try_evict. */
static enum wt_evict try_evict(struct wt_folio *folio, unsigned page, unsigned order) {
    if (!wt_trylock(&folio->lock))
        return WT_EVICT_LOCKED;
    begin_changes(folio->mapping->cache, folio);
    unsigned last = page + (1u << order) - 1;
    uint64_t blocks = wt_page_blocks(&folio->mapping->geometry, page, last);
    enum wt_evict result = WT_EVICT_YES;
    if ((folio->writeback | folio->dirty | folio->reading) & blocks && !WT_MUTANT("evicted-under-writeback")) {
        result = WT_EVICT_IO;
    } else if ((folio->used | folio->ahead) & wt_bits(page, last)) {
        folio->used &= ~wt_bits(page, last);
        folio->ahead &= ~wt_bits(page, last);
        result = WT_EVICT_USED;
    } else if (pinned_of(folio, wt_bits(page, last)) && !WT_MUTANT("pinned-page-evicted")) {
        result = WT_EVICT_PINNED;
    } else {
        folio->uptodate &= ~blocks;
        for (unsigned p = page; p <= last; p++)
            wt_folio_set_frame(folio, p, WT_NONE);
        folio->pages -= 1u << order;
    }
    wt_folio_put(folio);
    return result;
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

int wt_cache_open(struct wt_cache *cache, struct wt_backend *backend, uint64_t cache_bytes, uint64_t in_flight_limit,
                  size_t inode_bytes) {
    uint64_t frames = cache_bytes >> WT_PAGE_SHIFT;
    if (frames >= WT_NONE - SPARE_FOLIOS)
        return -EINVAL;
    uint32_t buckets = 1024;
    while (buckets < frames && buckets < 1u << 30)
        buckets *= 2;
    cache->bucket_mask = buckets - 1;
    cache->folio_count = (uint32_t)frames + SPARE_FOLIOS;
    cache->free_folio = WT_NONE;
    cache->fresh_folio = 0;
    const struct wt_view_sizes sizes = {.arena_bytes = (size_t)frames << WT_PAGE_SHIFT,
                                        .page_count = (uint32_t)frames,
                                        .folio_count = cache->folio_count,
                                        .folio_bytes = sizeof(struct wt_folio),
                                        .bucket_count = buckets,
                                        .inode_bytes = inode_bytes};
    int rc = wt_view_open(&cache->view, &sizes);
    if (rc)
        return rc;
    cache->folios = cache->view->parts[WT_VIEW_FOLIOS].start;
    cache->buckets = cache->view->parts[WT_VIEW_BUCKETS].start;
    cache->faces = wt_view_faces(cache->view, cache->folio_count);
    rc = wt_pool_open(&cache->pool, backend, (uint32_t)frames, cache->view, in_flight_limit, try_evict);
    if (rc) {
        wt_view_close(cache->view);
        return rc;
    }
    for (unsigned i = 0; i < 64; i++)
        wt_mutex_init(&cache->stripes[i], WT_LOCK_STRIPE);
    wt_mutex_init(&cache->free_lock, WT_LOCK_FREE_FOLIOS);
    return 0;
}

void wt_cache_close(struct wt_cache *cache) {
    for (uint32_t id = 0; id < cache->fresh_folio; id++) {
        assert(cache->folios[id].inode_id == 0);
        wt_condition_destroy(&cache->folios[id].settled);
        wt_mutex_destroy(&cache->folios[id].lock);
    }
    for (unsigned i = 0; i < 64; i++)
        wt_mutex_destroy(&cache->stripes[i]);
    wt_mutex_destroy(&cache->free_lock);
    wt_pool_close(&cache->pool);
    wt_view_close(cache->view);
}
