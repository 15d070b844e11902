// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "cache/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "io/io.h"

/* ---- free runs ----------------------------------------------------------------------------------------------- */

static void free_run_push(struct wt_pool *pool, uint32_t frame, unsigned order) {
    struct wt_frame *f = &pool->frames[frame];
    f->state = WT_FRAME_FREE;
    f->order = (uint8_t)order;
    f->folio = NULL;
    f->prev = WT_NONE;
    f->next = pool->free_run[order];
    if (f->next != WT_NONE)
        pool->frames[f->next].prev = frame;
    pool->free_run[order] = frame;
}

static void free_run_remove(struct wt_pool *pool, uint32_t frame) {
    struct wt_frame *f = &pool->frames[frame];
    assert(f->state == WT_FRAME_FREE);
    if (f->prev != WT_NONE)
        pool->frames[f->prev].next = f->next;
    else
        pool->free_run[f->order] = f->next;
    if (f->next != WT_NONE)
        pool->frames[f->next].prev = f->prev;
    f->state = WT_FRAME_INSIDE;
}

/* Puts a run back, merged with its buddy as often as that is free too. */
static void run_free(struct wt_pool *pool, uint32_t frame, unsigned order) {
    pool->free_count += 1u << order;
    pool->frames[frame].state = WT_FRAME_INSIDE;
    while (order < WT_MAX_ORDER) {
        uint32_t buddy = frame ^ (1u << order);
        if (buddy + (1u << order) > pool->frame_count)
            break;
        if (pool->frames[buddy].state != WT_FRAME_FREE || pool->frames[buddy].order != order)
            break;
        free_run_remove(pool, buddy);
        frame &= ~(1u << order);
        order++;
    }
    free_run_push(pool, frame, order);
}

/* Frees the frames that come next, of those that nobody has used: as many as the largest run has, or what is left. */
static void free_fresh(struct wt_pool *pool) {
    uint32_t left = pool->frame_count - pool->fresh_frame;
    uint32_t end = pool->fresh_frame + (left < 1u << WT_MAX_ORDER ? left : 1u << WT_MAX_ORDER);
    pool->free_count -= end - pool->fresh_frame; /* counted as free from the start */
    while (pool->fresh_frame < end) {
        unsigned order = WT_MAX_ORDER;
        while (pool->fresh_frame + (1u << order) > end)
            order--;
        run_free(pool, pool->fresh_frame, order);
        pool->fresh_frame += 1u << order;
    }
    wt_populate_used(&pool->populate, (size_t)end << WT_PAGE_SHIFT);
}

/* The same for a run that has left its folio. A page that is pinned stays as it is, and its last pin frees it. */
static void run_leave(struct wt_pool *pool, uint32_t frame, unsigned order) {
    uint32_t count = order == 0 && !WT_MUTANT("pinned-page-freed") ? atomic_load(&pool->pins[frame]) : 0;
    while (count && !atomic_compare_exchange_weak(&pool->pins[frame], &count, count | WT_FRAME_LEFT))
        ;
    if (!count) { /* none, or the last has gone meanwhile */
        run_free(pool, frame, order);
        return;
    }
    pool->frames[frame].state = WT_FRAME_PINNED;
    pool->left_count++;
}

/* The least order from this one on that has a free run; more than WT_MAX_ORDER: none has. */
static unsigned order_to_take(const struct wt_pool *pool, unsigned order) {
    while (order <= WT_MAX_ORDER && pool->free_run[order] == WT_NONE)
        order++;
    return order;
}

static uint32_t run_take(struct wt_pool *pool, unsigned order) {
    unsigned from = order_to_take(pool, order);
    if (from > WT_MAX_ORDER && pool->fresh_frame < pool->frame_count) {
        free_fresh(pool);
        from = order_to_take(pool, order);
    }
    if (from > WT_MAX_ORDER)
        return WT_NONE;
    uint32_t frame = pool->free_run[from];
    free_run_remove(pool, frame);
    while (from > order) {
        from--;
        free_run_push(pool, frame + (1u << from), from);
    }
    pool->free_count -= 1u << order;
    pool->frames[frame].order = (uint8_t)order;
    return frame;
}

/* ---- the eviction queue (SIEVE) ------------------------------------------------------------------------------ */

static void queue_insert(struct wt_pool *pool, uint32_t frame) {
    struct wt_frame *f = &pool->frames[frame];
    f->state = WT_FRAME_CACHED;
    f->next = WT_NONE;
    f->prev = pool->newest;
    if (pool->newest != WT_NONE)
        pool->frames[pool->newest].next = frame;
    else
        pool->oldest = frame;
    pool->newest = frame;
}

static void queue_remove(struct wt_pool *pool, uint32_t frame) {
    struct wt_frame *f = &pool->frames[frame];
    if (pool->hand == frame)
        pool->hand = f->next;
    if (f->prev != WT_NONE)
        pool->frames[f->prev].next = f->next;
    else
        pool->oldest = f->next;
    if (f->next != WT_NONE)
        pool->frames[f->next].prev = f->prev;
    else
        pool->newest = f->prev;
    f->state = WT_FRAME_INSIDE;
}

/* A cached run becomes single pages. */
static void run_split(struct wt_pool *pool, uint32_t first) {
    struct wt_frame *head = &pool->frames[first];
    uint32_t pages = 1u << head->order;
    head->order = 0;
    for (uint32_t i = 1; i < pages; i++) {
        pool->frames[first + i].folio = head->folio;
        pool->frames[first + i].page = (uint8_t)(head->page + i);
        pool->frames[first + i].order = 0;
        queue_insert(pool, first + i);
    }
}

enum eviction { EVICTED, EVICT_AGAIN, EVICT_NOTHING };

/*
 * Evicts one run. The hand goes from the oldest run to newer ones. It passes, once, each run that was used since it
 * came by, and stops at the first run that no I/O holds. EVICT_AGAIN: some folio was locked just now. EVICT_NOTHING:
 * I/O holds all runs.
 */
static enum eviction evict_one(struct wt_pool *pool) {
    bool contended = false;
    uint32_t steps = 2 * pool->frame_count + 1;
    while (steps-- > 0 && pool->oldest != WT_NONE) {
        if (pool->hand == WT_NONE)
            pool->hand = pool->oldest;
        uint32_t frame = pool->hand;
        struct wt_frame *f = &pool->frames[frame];
        pool->hand = f->next;
        switch (pool->try_evict(f->folio, f->page, f->order)) {
        case WT_EVICT_YES:
            queue_remove(pool, frame);
            run_free(pool, frame, f->order);
            pool->evictions++;
            return EVICTED;
        case WT_EVICT_LOCKED:
            contended = true;
            break;
        case WT_EVICT_PINNED: /* the other pages of the run are not held back by it */
            if (f->order > 0 && !WT_MUTANT("pinned-run-kept-whole"))
                run_split(pool, frame);
            break;
        case WT_EVICT_USED:
        case WT_EVICT_IO:
            break;
        }
    }
    return contended ? EVICT_AGAIN : EVICT_NOTHING;
}

/* ---- reservation --------------------------------------------------------------------------------------------- */

static bool try_enter(struct wt_pool *pool, uint64_t bytes) {
    uint64_t in_flight = atomic_load(&pool->in_flight_bytes);
    do {
        if (in_flight != 0 && in_flight + bytes > pool->in_flight_limit)
            return false;
    } while (!atomic_compare_exchange_weak(&pool->in_flight_bytes, &in_flight, in_flight + bytes));
    return true;
}

/* With the lock held. EVICT_AGAIN: a folio was locked just now; EVICT_NOTHING: only the end of some I/O makes room. */
static enum eviction try_reserve(struct wt_pool *pool, uint32_t pages) {
    while (pool->free_count - pool->reserved_count < pages) {
        enum eviction result = evict_one(pool);
        if (result != EVICTED)
            return result;
    }
    pool->reserved_count += pages;
    return EVICTED;
}

/*
 * Sends the bytes of later writes that are held: they take memory, and count as in flight. The lock is held, and is let
 * go meanwhile.
 */
static void send_held(struct wt_pool *pool) {
    wt_unlock(&pool->lock);
    if (pool->send_held)
        pool->send_held(pool->engine);
    wt_lock(&pool->lock);
}

bool wt_pool_enter(struct wt_pool *pool, uint64_t bytes, bool may_wait) {
    if (try_enter(pool, bytes))
        return true;
    if (!may_wait)
        return false;
    bool sent = false;
    wt_lock(&pool->lock);
    /* counted before looking: a thread that makes room afterwards sees the count, and so does one that holds bytes */
    atomic_fetch_add(&pool->waiters, 1);
    while (!try_enter(pool, bytes)) {
        if (sent)
            wt_wait(pool->backend, &pool->room, &pool->lock);
        else
            send_held(pool);
        sent = true;
    }
    atomic_fetch_sub(&pool->waiters, 1);
    wt_unlock(&pool->lock);
    return true;
}

bool wt_pool_reserve(struct wt_reservation *reservation, uint32_t pages, bool may_wait) {
    struct wt_pool *pool = reservation->pool;
    assert(reservation->pages + pages <= pool->frame_count / 4);
    unsigned turns = 0;
    bool sent = false;
    wt_lock(&pool->lock);
    atomic_fetch_add(&pool->waiters, 1);
    enum eviction result;
    while ((result = try_reserve(pool, pages)) != EVICTED && may_wait) {
        if (result == EVICT_AGAIN) {
            wt_unlock(&pool->lock);
            (void)wt_before_wait(pool->backend);
            wt_yield_to_holders(&turns);
            wt_lock(&pool->lock);
        } else if (!sent) {
            send_held(pool);
            sent = true;
        } else {
            wt_wait(pool->backend, &pool->room, &pool->lock);
        }
    }
    atomic_fetch_sub(&pool->waiters, 1);
    wt_unlock(&pool->lock);
    if (result == EVICTED)
        reservation->pages += pages;
    return result == EVICTED;
}

/* With the lock held. */
static void wake(struct wt_pool *pool) {
    if (atomic_load(&pool->waiters))
        wt_wake_all(&pool->room);
}

void wt_pool_unreserve(struct wt_reservation *reservation) {
    struct wt_pool *pool = reservation->pool;
    wt_populate_if_due(&pool->populate);
    if (reservation->pages == 0)
        return;
    wt_lock(&pool->lock);
    pool->reserved_count -= reservation->pages;
    wake(pool);
    wt_unlock(&pool->lock);
    reservation->pages = 0;
}

void wt_pool_retire(struct wt_pool *pool, uint64_t bytes) {
    uint64_t in_flight = atomic_fetch_sub(&pool->in_flight_bytes, bytes);
    assert(in_flight >= bytes);
    (void)in_flight;
    wt_pool_kick(pool);
}

void wt_pool_kick(struct wt_pool *pool) {
    if (!atomic_load(&pool->waiters))
        return;
    wt_lock(&pool->lock);
    wake(pool);
    wt_unlock(&pool->lock);
}

/* ---- taking and giving back ---------------------------------------------------------------------------------- */

static uint32_t take_reserved(struct wt_reservation *reservation, unsigned order) {
    if (reservation->pages < 1u << order)
        return WT_NONE;
    uint32_t frame = run_take(reservation->pool, order);
    assert(frame != WT_NONE || order > 0);
    if (frame != WT_NONE) {
        reservation->pages -= 1u << order;
        reservation->pool->reserved_count -= 1u << order;
    }
    return frame;
}

uint32_t wt_pool_take(struct wt_reservation *reservation, struct wt_folio *folio, unsigned page, unsigned order) {
    struct wt_pool *pool = reservation->pool;
    wt_lock(&pool->lock);
    uint32_t frame = take_reserved(reservation, order);
    if (frame != WT_NONE) {
        pool->frames[frame].folio = folio;
        pool->frames[frame].page = (uint8_t)page;
        queue_insert(pool, frame);
    }
    wt_unlock(&pool->lock);
    return frame;
}

uint32_t wt_pool_take_detached(struct wt_reservation *reservation, unsigned order) {
    struct wt_pool *pool = reservation->pool;
    wt_lock(&pool->lock);
    uint32_t frame = take_reserved(reservation, order);
    if (frame != WT_NONE)
        pool->frames[frame].state = WT_FRAME_DETACHED;
    wt_unlock(&pool->lock);
    return frame;
}

/* The first page of the cached run that this page is in: runs lie at multiples of their size. */
static uint32_t run_of(const struct wt_pool *pool, uint32_t frame) {
    unsigned order = 0;
    uint32_t first = frame;
    while (pool->frames[first].state != WT_FRAME_CACHED) {
        assert(order < WT_MAX_ORDER && pool->frames[first].state == WT_FRAME_INSIDE);
        order++;
        first = frame & ~((1u << order) - 1);
    }
    assert(frame < first + (1u << pool->frames[first].order));
    return first;
}

void wt_pool_detach(struct wt_pool *pool, uint32_t frame) {
    wt_lock(&pool->lock);
    run_split(pool, run_of(pool, frame));
    queue_remove(pool, frame);
    pool->frames[frame].state = WT_FRAME_DETACHED;
    wt_unlock(&pool->lock);
}

void wt_pool_drop(struct wt_pool *pool, uint32_t frame) {
    wt_lock(&pool->lock);
    run_split(pool, run_of(pool, frame));
    queue_remove(pool, frame);
    run_leave(pool, frame, 0);
    wake(pool);
    wt_unlock(&pool->lock);
}

void wt_pool_free_detached(struct wt_pool *pool, uint32_t frame) {
    wt_lock(&pool->lock);
    assert(pool->frames[frame].state == WT_FRAME_DETACHED);
    run_leave(pool, frame, pool->frames[frame].order);
    wake(pool);
    wt_unlock(&pool->lock);
}

void wt_pool_unpin(struct wt_pool *pool, uint32_t frame) {
    uint32_t before = atomic_fetch_sub(&pool->pins[frame], 1);
    assert((before & ~WT_FRAME_LEFT) > 0);
    if (before == (WT_FRAME_LEFT | 1) && !WT_MUTANT("page-of-last-pin-kept"))
        wt_pool_free_left(pool, frame);
}

/* Two may come for one page, if a reader counted itself and took that back between them. Or the page is in use again. */
void wt_pool_free_left(struct wt_pool *pool, uint32_t frame) {
    wt_lock(&pool->lock);
    uint32_t left = WT_FRAME_LEFT;
    if (atomic_compare_exchange_strong(&pool->pins[frame], &left, 0) || WT_MUTANT("left-page-freed-twice")) {
        assert(pool->frames[frame].state == WT_FRAME_PINNED || WT_MUTANT("left-page-freed-twice"));
        pool->left_count--;
        run_free(pool, frame, 0);
        wake(pool);
    }
    wt_unlock(&pool->lock);
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

int wt_pool_open(struct wt_pool *pool, struct wt_backend *backend, uint32_t frame_count, const struct wt_view *view,
                 uint64_t in_flight_limit, wt_evict_function try_evict) {
    *pool = (struct wt_pool){
        .newest = WT_NONE, .oldest = WT_NONE, .hand = WT_NONE, .backend = backend, .try_evict = try_evict};
    pool->frame_count = frame_count;
    pool->in_flight_limit = in_flight_limit;
    pool->pin_limit = frame_count / 4;
    pool->arena = view->parts[WT_VIEW_ARENA].start;
    pool->pins = view->parts[WT_VIEW_PINS].start;
    pool->arena_bytes = (size_t)frame_count << WT_PAGE_SHIFT;
    pool->frames = wt_map_zeroed(frame_count * sizeof(struct wt_frame));
    if (!pool->frames)
        return -ENOMEM;
    wt_mutex_init(&pool->lock, WT_LOCK_POOL);
    wt_condition_init(&pool->room);
    for (unsigned order = 0; order <= WT_MAX_ORDER; order++)
        pool->free_run[order] = WT_NONE;
    pool->free_count = frame_count;
    wt_populate_open(&pool->populate, backend->ops->kind == 0 ? NULL : pool->arena, pool->arena_bytes);
    if (backend->ops->arena)
        backend->ops->arena(backend, pool->arena, pool->arena_bytes);
    return 0;
}

void wt_pool_close(struct wt_pool *pool) {
    /* Pins that are still out end with the engine. */
    assert(pool->free_count + pool->left_count == pool->frame_count && pool->reserved_count == 0 &&
           pool->in_flight_bytes == 0);
    wt_populate_close(&pool->populate);
    munmap(pool->frames, (size_t)pool->frame_count * sizeof(struct wt_frame));
    wt_condition_destroy(&pool->room);
    wt_mutex_destroy(&pool->lock);
}
