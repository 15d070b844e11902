/*
 * The pool: one arena of folio memory, cut into runs of 1, 2, 4 ... 64 pages (a buddy allocator), and the order in which
 * cached runs are taken back (SIEVE).
 *
 * Lock order: a folio's lock, then the pool's. Eviction goes the other way and therefore only tries a folio's lock.
 */
#ifndef WT_POOL_H
#define WT_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/view.h"
#include "io/wait.h"

#define WT_PAGE_SHIFT 12
#define WT_PAGE_BYTES 4096u
#define WT_MAX_ORDER 6 /* 64 pages: a whole folio of 4 KiB blocks in one run */

struct wt_backend;
struct wt_folio;

/* How a run is in use. Only its first page's descriptor counts. */
enum wt_frame_state {
    WT_FRAME_INSIDE = 0, /* no first page of a run */
    WT_FRAME_FREE,
    WT_FRAME_CACHED, /* memory of a folio; in the eviction queue */
    WT_FRAME_HELD,   /* out of the queue: an I/O still reads it, or it is a bounce buffer */
};

struct wt_frame {
    struct wt_folio *folio; /* of a cached run */
    uint32_t next, prev;    /* free list of its order, eviction queue, or a folio's list of held pages */
    uint8_t page;           /* the first page's place in the folio */
    uint8_t order;
    uint8_t state;
    uint8_t busy; /* of a held page: blocks of it that I/O still reads, from the page's first */
};

/* What became of a run that the pool wants back. */
enum wt_evict {
    WT_EVICT_YES,    /* its folio has it no more */
    WT_EVICT_USED,   /* it was used since the hand passed */
    WT_EVICT_IO,     /* I/O is on it */
    WT_EVICT_LOCKED, /* its folio is locked just now */
};

/* Takes the run of 2^order pages at page away from a folio, if that can be done at once. Called with the pool's lock held. */
typedef enum wt_evict (*wt_evict_function)(struct wt_folio *folio, unsigned page, unsigned order);

struct wt_pool {
    struct wt_backend *backend;
    wt_evict_function try_evict;
    pthread_mutex_t lock;
    struct wt_condition room; /* something became free, or may be evicted now */
    _Atomic uint32_t waiters;
    uint8_t *arena;
    size_t arena_bytes;
    struct wt_frame *frames;
    uint32_t frame_count;
    uint32_t free_count;     /* pages */
    uint32_t reserved_count; /* of them promised: reserved_count <= free_count */
    uint32_t free_run[WT_MAX_ORDER + 1];
    uint32_t newest, oldest, hand; /* SIEVE */
    uint64_t evictions;
    uint64_t in_flight_limit;
    _Atomic uint64_t in_flight_bytes;
};

/* What one caller may take: pages that are sure to be there, so that no folio is locked while waiting for memory. */
struct wt_reservation {
    struct wt_pool *pool;
    uint32_t pages;
};

/* The arena is the caller's, and has a page for each frame. */
int wt_pool_open(struct wt_pool *pool, struct wt_backend *backend, uint32_t frame_count, uint8_t *arena,
                 uint64_t in_flight_limit, wt_evict_function try_evict);
void wt_pool_close(struct wt_pool *pool);

/*
 * Counts bytes as in flight. Waits until there is room for them; the caller holds no lock and no unsubmitted I/O. False: it
 * would have to wait and may not.
 */
bool wt_pool_enter(struct wt_pool *pool, uint64_t bytes, bool may_wait);
/*
 * Adds pages to a reservation, evicting what is clean. Waits like wt_pool_enter; where it may not, a folio may be locked.
 * The reservation has at most a quarter of the pool in the end.
 */
bool wt_pool_reserve(struct wt_reservation *reservation, uint32_t pages, bool may_wait);
/* Gives back what was reserved and not taken. */
void wt_pool_unreserve(struct wt_reservation *reservation);
/* Bytes that are no longer in flight. */
void wt_pool_retire(struct wt_pool *pool, uint64_t bytes);
/* Folio state changed so that memory may be evicted now: wakes who waits for it. */
void wt_pool_kick(struct wt_pool *pool);

/* Takes a run of 2^order reserved pages for a folio and puts it into the eviction queue. WT_NONE: no run of that order
 * is free; a single page always is. The folio is locked. */
uint32_t wt_pool_take(struct wt_reservation *reservation, struct wt_folio *folio, unsigned page, unsigned order);
/* The same without a folio: a bounce buffer. */
uint32_t wt_pool_hold(struct wt_reservation *reservation, unsigned order);
/* A page of a cached run leaves its folio while I/O still reads it. The rest of the run is cached on as single pages. */
void wt_pool_detach(struct wt_pool *pool, uint32_t frame);
/* A page of a cached run leaves its folio and is free. */
void wt_pool_drop(struct wt_pool *pool, uint32_t frame);
/* Frees a detached page or a bounce buffer. */
void wt_pool_free_held(struct wt_pool *pool, uint32_t frame);

static inline uint8_t *wt_pool_memory(const struct wt_pool *pool, uint32_t frame) {
    return pool->arena + ((size_t)frame << WT_PAGE_SHIFT);
}

#endif
