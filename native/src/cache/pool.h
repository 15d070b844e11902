// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The pool: one arena of folio memory, cut into runs of 1, 2, 4 ... 64 pages (a buddy allocator), and the order in
 * which cached runs are evicted (SIEVE).
 *
 * Lock order: a folio's lock, then the pool's lock. Eviction goes the other way, and therefore only tries the folio's
 * lock.
 */
#ifndef WT_POOL_H
#define WT_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "cache/populate.h"
#include "cache/view.h"
#include "io/wait.h"

#define WT_PAGE_SHIFT 12
#define WT_PAGE_BYTES 4096u
#define WT_MAX_ORDER 6 /* 64 pages: a whole folio of 4 KiB blocks in one run */

struct wt_backend;
struct wt_engine_object;
struct wt_folio;

/* How a run is in use. Only the descriptor of the run's first page counts. */
enum wt_frame_state {
    WT_FRAME_INSIDE = 0, /* no first page of a run */
    WT_FRAME_FREE,
    WT_FRAME_CACHED,   /* memory of a folio; in the eviction queue */
    WT_FRAME_DETACHED, /* out of the queue: an I/O still reads it, or the run is a bounce buffer */
    WT_FRAME_PINNED,   /* a page that nobody has any more but its pins: the last of them frees it */
};

struct wt_frame {
    struct wt_folio *folio; /* of a cached run */
    uint32_t next, prev;    /* free list of its order, eviction queue, or a folio's list of detached pages */
    uint8_t page;           /* the first page's place in the folio */
    uint8_t order;
    uint8_t state;
    uint8_t busy; /* of a detached page: its blocks that I/O still reads, from the page's first */
};

#define WT_FRAME_LEFT (UINT32_C(1) << 31)

/* What became of a run that the pool wants back. */
enum wt_evict {
    WT_EVICT_YES,    /* its folio has it no more */
    WT_EVICT_USED,   /* it was used since the hand passed */
    WT_EVICT_IO,     /* I/O is on it */
    WT_EVICT_LOCKED, /* its folio is locked just now */
    WT_EVICT_PINNED, /* one of its pages is pinned */
};

/* Takes the run of 2^order pages at page away from a folio, if that can be done at once. The pool's lock is held. */
typedef enum wt_evict (*wt_evict_function)(struct wt_folio *folio, unsigned page, unsigned order);

struct wt_pool {
    struct wt_backend *backend;
    wt_evict_function try_evict;
    void (*send_held)(struct wt_engine_object *engine); /* before a wait for memory; NULL: nothing is ever held */
    struct wt_engine_object *engine;
    struct wt_mutex lock;
    struct wt_condition room; /* something is free now, or may be evicted now */
    _Atomic uint32_t waiters;
    uint8_t *arena;
    size_t arena_bytes;
    struct wt_frame *frames;
    /*
     * Of each page: how many pins it has. WT_FRAME_LEFT: it has left its folio, and whoever takes the last pin off frees
     * it. Readers of the view count too, without a lock (pins.h): at any time, and for a moment also on a page that is
     * free or another folio's.
     */
    _Atomic uint32_t *pins;
    uint32_t frame_count;
    uint32_t free_count;     /* pages */
    uint32_t reserved_count; /* reserved of those: reserved_count <= free_count */
    uint32_t free_run[WT_MAX_ORDER + 1];
    uint32_t
        fresh_frame; /* the first that was never used: from there on nothing is in a list, and no memory is touched */
    struct wt_populate populate;   /* the memory behind that frame */
    uint32_t newest, oldest, hand; /* SIEVE */
    uint64_t evictions;
    uint64_t in_flight_limit;
    _Atomic uint64_t in_flight_bytes;
    uint32_t pin_limit; /* pages that may be pinned: a quarter of all, so that eviction always finds others */
    _Atomic uint32_t pinned_count; /* each page once for each of its pins */
    uint32_t left_count;           /* pages in WT_FRAME_PINNED */
};

/*
 * The pages that one caller may take. They are sure to be free, so that no caller waits for memory with a folio
 * locked.
 */
struct wt_reservation {
    struct wt_pool *pool;
    uint32_t pages;
};

/* The view is the caller's: its arena begins at a huge page, and has one page for each frame. */
int wt_pool_open(struct wt_pool *pool, struct wt_backend *backend, uint32_t frame_count, const struct wt_view *view,
                 uint64_t in_flight_limit, wt_evict_function try_evict);
void wt_pool_close(struct wt_pool *pool);

/*
 * Counts bytes as in flight. Waits until there is room for them; the caller holds no lock and no I/O that is not
 * submitted. False: the caller would have to wait and may not.
 */
bool wt_pool_enter(struct wt_pool *pool, uint64_t bytes, bool may_wait);
/*
 * Adds pages to a reservation, and evicts clean runs for them. Waits as wt_pool_enter does; a caller that may not
 * wait may hold a folio's lock. In the end the reservation has at most a quarter of the pool.
 */
bool wt_pool_reserve(struct wt_reservation *reservation, uint32_t pages, bool may_wait);
/* Gives back the pages that were reserved and not taken. The caller holds no lock. */
void wt_pool_unreserve(struct wt_reservation *reservation);
/* Bytes that are no longer in flight. */
void wt_pool_retire(struct wt_pool *pool, uint64_t bytes);
/* The state of a folio changed so that memory may be evicted now: wakes threads that wait for memory. */
void wt_pool_kick(struct wt_pool *pool);

/*
 * Takes a run of 2^order reserved pages for a folio, and puts the run into the eviction queue. WT_NONE: no run of
 * that order is free; a single page always is. The folio is locked.
 */
uint32_t wt_pool_take(struct wt_reservation *reservation, struct wt_folio *folio, unsigned page, unsigned order);
/* The same without a folio, for a bounce buffer. */
uint32_t wt_pool_take_detached(struct wt_reservation *reservation, unsigned order);
/*
 * A page of a cached run leaves its folio while I/O still reads it. The other pages of the run stay cached, as single
 * pages.
 */
void wt_pool_detach(struct wt_pool *pool, uint32_t frame);
/* A page of a cached run leaves its folio and is free. */
void wt_pool_drop(struct wt_pool *pool, uint32_t frame);
/* Frees a detached page or a bounce buffer. */
void wt_pool_free_detached(struct wt_pool *pool, uint32_t frame);

/* The page has a pin more. Its folio is locked. */
static inline void wt_pool_pin(struct wt_pool *pool, uint32_t frame) {
    atomic_fetch_add(&pool->pins[frame], 1);
}
/* The page has a pin less. */
void wt_pool_unpin(struct wt_pool *pool, uint32_t frame);
/* The count of the page has become exactly WT_FRAME_LEFT: frees it, if that is so still and nobody else did. */
void wt_pool_free_left(struct wt_pool *pool, uint32_t frame);

/*
 * Whether a pin shows a page of a locked folio that is changing. False: all that was read by pins was read before, and no
 * pin comes until the folio is unlocked. A count that a reader is about to take back makes it true too, at any time.
 */
static inline bool wt_pool_is_pinned(const struct wt_pool *pool, uint32_t frame) {
    return atomic_load(&pool->pins[frame]) != 0;
}

static inline uint8_t *wt_pool_memory(const struct wt_pool *pool, uint32_t frame) {
    return pool->arena + ((size_t)frame << WT_PAGE_SHIFT);
}

#endif
