// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A folio: an aligned run of 64 blocks of a file, the state of each block in one bit of a word, and the memory of its
 * pages. Memory comes in runs of one to 64 pages, so that a large write has few segments. Each page can be replaced,
 * so that a write may go on while I/O reads the old copy.
 *
 * The folio's lock guards all of it. The lock is held for copies of memory, never over I/O. Several locks of one file
 * are taken in ascending order. Folios are found without a lock: their descriptors are never unmapped, and a thread
 * that has locked a folio looks again whether it still is the folio it wants.
 *
 * Per block, in any combination that is not excluded here:
 *   uptodate   memory holds the file's bytes
 *   writeback  an I/O carries the block, or excludes others from it: the memory that the I/O reads is never modified
 *   dirty      holds bytes that no I/O carries yet. Some block of the folio is under writeback, whose end sends these
 *              bytes, or a writer was told to send them: the gather. Or a later write left them, and they are held
 *   reading    an I/O fills the block: nobody else touches it
 * dirty and writeback at once: the I/O reads a detached page, and the folio has a newer copy (the shadow).
 *
 * dirty and reading at once, and uptodate: the folio has the bytes of writes, and the I/O fills a detached page with
 * the bytes that go below. More writes of parts of the block may come.
 */
#ifndef WT_FOLIO_H
#define WT_FOLIO_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "cache/pool.h"
#include "cache/view.h"
#include "io/wait.h"

#define WT_FOLIO_BLOCKS 64u
#define WT_FOLIO_PAGES 64u

struct wt_cache;
struct wt_mapping;
struct wt_link;

/*
 * Who sends the dirty blocks of a folio, and for whom that waits. write/gather.h has the states, and gather.c makes all
 * changes of them.
 */
struct wt_gather {
    bool has_leader;           /* a writer was told to send the dirty blocks, and has not yet */
    bool is_held;              /* later writes are among the dirty blocks, and nobody is about to send them */
    bool has_high_priority;    /* a write of high priority is among the dirty blocks: the leader waits for nobody */
    _Atomic uint32_t expected; /* writers that the I/O before has set free, and that are not back yet */
};

struct wt_folio {
    /* A look-up touches one cache line, a copy the next one, and one line of frame. */
    _Alignas(64) struct wt_mutex lock;
    _Atomic uint64_t inode_id; /* 0: the descriptor is free */
    _Atomic uint64_t index;    /* its place in the file, in folios */
    _Atomic uint32_t chain;    /* wt_link_of the next in the hash chain */
    uint32_t pages;            /* of frame[] in use */

    uint64_t uptodate, reading, writeback, dirty;
    _Atomic uint32_t comers; /* threads that are about to lock it as the folio that they looked up */
    uint64_t used;           /* per page: read or written since the eviction hand passed */
    uint64_t ahead;          /* per page: read ahead and not read yet, and the hand has not passed since */
    struct wt_mapping *mapping;
    bool changing; /* its face says that the folio changes */
    bool moved;    /* some frame changed, and the face does not tell that yet */

    struct wt_link *links; /* writes with blocks here that are dirty or under writeback */
    uint32_t waiters;      /* threads in settled */
    uint32_t detached;     /* the first of its detached pages; WT_NONE: none */

    uint64_t looked, pinned; /* per page: wt_folio_is_pinned was asked since the folio is locked, and the answer */
    uint64_t awaited;        /* blocks that atomic writes and allocations wait to have alone */
    uint32_t awaiting;       /* such writes and allocations */
    uint32_t behind;         /* threads that let these go first */
    bool others_turn; /* those behind have their turn: until one of them wrote, no other atomic write goes first */
    struct wt_gather gather;

    _Atomic uint32_t
        /* the memory of each page; WT_NONE: none. Atomic: a prefetch reads it unlocked */
        frame[WT_FOLIO_PAGES];
    struct wt_condition settled;       /* reading or writeback of some block ended */
    uint32_t list_next, list_previous; /* all folios of the mapping; under its list_lock. next: the free list too */
};

/* How a file is divided: 64 blocks a folio, 1 to 8 blocks a page. */
struct wt_geometry {
    uint8_t block_shift;
    uint8_t folio_shift;      /* block_shift + 6 */
    uint8_t page_block_shift; /* blocks per page, as a shift */
    uint8_t page_count;       /* pages per folio */
};

/* What the cache knows of a file: what its folios are found by, and the list of them. */
struct wt_mapping {
    struct wt_cache *cache;
    uint64_t id; /* never used twice in an engine, never 0 */
    struct wt_geometry geometry;
    uint32_t place;            /* of the file in the view, WT_NONE: elsewhere */
    struct wt_mutex list_lock; /* guards the list */
    uint32_t first, count;
};

/* All folios of an engine. */
struct wt_cache {
    struct wt_pool pool;
    struct wt_view *view; /* the memory of the cache */
    struct wt_faces faces;
    struct wt_folio *folios;
    uint32_t folio_count;
    _Atomic uint32_t *buckets; /* wt_link_of the first of each chain */
    uint32_t bucket_mask;
    struct wt_mutex stripes[64]; /* guard the chains of the buckets: bucket number modulo 64 */
    struct wt_mutex free_lock;
    uint32_t free_folio;  /* list of used descriptors */
    uint32_t fresh_folio; /* the first descriptor never used */
};

/* A folio's number as chains have it, and back: zeroed memory, which nobody has touched, is an empty chain. */
static inline uint32_t wt_link_of(uint32_t id) {
    return ~id;
}

/* inode_bytes: what the view gives each file, see wt_view_take_inode. */
int wt_cache_open(struct wt_cache *cache, struct wt_backend *backend, uint64_t cache_bytes, uint64_t in_flight_limit,
                  size_t inode_bytes);
void wt_cache_close(struct wt_cache *cache);

/* The file of an id whose memory in the view is `object`. */
void wt_mapping_open(struct wt_mapping *mapping, struct wt_cache *cache, uint64_t id, const void *object,
                     uint32_t block_bytes);
/* It has no folios any more. */
void wt_mapping_close(struct wt_mapping *mapping);

/*
 * The bucket of an inode's first folio. Each further folio's bucket is the next one, and after the last bucket comes
 * the first.
 */
uint32_t wt_folio_first_bucket(uint64_t inode_id);
/* Locks a folio that the caller knows to be in use. */
void wt_folio_lock(struct wt_folio *folio);
/*
 * Has the processor fetch the first page of a range that is about to be written, if it is cached: while the write begins its
 * lines arrive.
 */
void wt_folio_prefetch(struct wt_mapping *mapping, uint64_t offset, uint64_t length);
/* The folio, locked. NULL: the cache has no such folio. */
struct wt_folio *wt_folio_find(struct wt_mapping *mapping, uint64_t index);
/*
 * The same for a copy that begins at an offset in the folio: the first byte is prefetched while the folio is locked.
 * Faster if the folio is the guess: any descriptor of the cache, or NULL. The caller changes the folio by
 * wt_folio_touch alone.
 */
struct wt_folio *wt_folio_find_to_copy(struct wt_mapping *mapping, uint64_t index, struct wt_folio *guess,
                                       uint32_t offset);
/* The same. The folio is made if it is missing. */
struct wt_folio *wt_folio_get(struct wt_mapping *mapping, uint64_t index);
/* These pages have been read. */
void wt_folio_touch(struct wt_folio *folio, uint64_t pages);
/* Unlocks the folio, and frees it if it is empty. */
void wt_folio_put(struct wt_folio *folio);

/* Waits until a block under reading or writeback may have changed. The folio is unlocked meanwhile. */
void wt_folio_wait(struct wt_folio *folio);
/*
 * Waits until no I/O is on the blocks, nor about to be. Later writes let the caller go first, or it might wait for
 * ever.
 */
void wt_folio_wait_idle(struct wt_folio *folio, uint64_t blocks);
/* An atomic write or allocation that awaited blocks has them now, or gives up. */
void wt_folio_end_awaiting(struct wt_folio *folio);
/* The state that others wait for has changed: wakes them. */
void wt_folio_wake(struct wt_folio *folio);

/*
 * Gives memory to those of the pages first..last that have none, in runs as large as fit. The reservation covers
 * them.
 */
void wt_folio_fill(struct wt_folio *folio, struct wt_reservation *reservation, unsigned first, unsigned last);
/*
 * Replaces a page's memory by new memory, since I/O reads the old or a pin shows it: the shadow. copy: with the old
 * bytes. No block of the page is under reading.
 */
void wt_folio_shadow(struct wt_folio *folio, struct wt_reservation *reservation, unsigned page, bool copy);
/*
 * The blocks of pages that a pin shows while a read fills other blocks of them: such a page gets no new memory until that
 * read ends.
 */
uint64_t wt_folio_stuck(struct wt_folio *folio);
/*
 * Blocks whose bytes may still change where they are: if the I/O fails whose bytes lie below newer ones here, the device's
 * take their place.
 */
static inline uint64_t wt_folio_moving(const struct wt_folio *folio) {
    return folio->dirty & folio->writeback;
}
/* Gives those of the pages first..last that pins show new memory with the old bytes. None of their blocks is stuck. */
void wt_folio_renew(struct wt_folio *folio, struct wt_reservation *reservation, unsigned first, unsigned last);
/* A page of the reservation becomes detached memory, for I/O on a block that has none. */
void wt_folio_add_detached(struct wt_folio *folio, struct wt_reservation *reservation, unsigned block);
/* I/O no longer reads these blocks: frees the detached pages that no I/O reads any more. */
void wt_folio_release_detached(struct wt_folio *folio, uint64_t blocks);
/* The memory with which the I/O on this block was started, if that memory was detached since; else NULL. */
uint8_t *wt_folio_detached_memory(struct wt_folio *folio, unsigned block);
/* Drops the pages first..last. No I/O is on them. */
void wt_folio_drop(struct wt_folio *folio, unsigned first, unsigned last);

/* ---- geometry ------------------------------------------------------------------------------------------------ */

struct wt_geometry wt_geometry_of(uint32_t block_bytes);

/* The bits first..last. */
static inline uint64_t wt_bits(unsigned first, unsigned last) {
    return (~UINT64_C(0) >> (63 - (last - first))) << first;
}

static inline unsigned wt_page_of(const struct wt_geometry *geometry, unsigned block) {
    return block >> geometry->page_block_shift;
}

/* The blocks of the pages first..last. */
static inline uint64_t wt_page_blocks(const struct wt_geometry *geometry, unsigned first, unsigned last) {
    return wt_bits(first << geometry->page_block_shift, ((last + 1) << geometry->page_block_shift) - 1);
}

static inline struct wt_pool *wt_folio_pool(const struct wt_folio *folio) {
    return &folio->mapping->cache->pool;
}

static inline uint32_t wt_folio_frame(const struct wt_folio *folio, unsigned page) {
    return atomic_load_explicit(&folio->frame[page], memory_order_relaxed);
}

static inline void wt_folio_set_frame(struct wt_folio *folio, unsigned page, uint32_t frame) {
    folio->moved = true;
    folio->looked |= UINT64_C(1) << page; /* no pin can show the memory before the folio is unlocked */
    folio->pinned &= ~(UINT64_C(1) << page);
    atomic_store_explicit(&folio->frame[page], frame, memory_order_relaxed);
}

/*
 * Whether the bytes of a page may not change, because a pin shows them. The answer stays the same until the folio is
 * unlocked or the page has other memory: memory that was reserved for it is enough.
 */
static inline bool wt_folio_is_pinned(struct wt_folio *folio, unsigned page) {
    uint64_t bit = UINT64_C(1) << page;
    assert(folio->changing);
    if (!(folio->looked & bit) || WT_MUTANT("page-looked-at-again")) {
        uint32_t frame = wt_folio_frame(folio, page);
        bool pinned = frame != WT_NONE && wt_pool_is_pinned(wt_folio_pool(folio), frame);
        folio->looked |= bit;
        folio->pinned = pinned ? folio->pinned | bit : folio->pinned & ~bit;
    }
    return folio->pinned & bit;
}

/* Whether a pin shows this memory, which is detached from the folio. Once false, this stays false. */
static inline bool wt_folio_shows(const struct wt_folio *folio, const uint8_t *memory) {
    const struct wt_pool *pool = wt_folio_pool(folio);
    return wt_pool_is_pinned(pool, (uint32_t)((memory - pool->arena) >> WT_PAGE_SHIFT));
}

/* A byte of the folio that has memory. *length: how many bytes follow it in one piece, up to end (exclusive). */
uint8_t *wt_folio_memory(const struct wt_folio *folio, uint32_t offset, uint32_t end, uint32_t *length);

#endif
