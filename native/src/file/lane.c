// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "file/lane.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mutant.h"
#include "engine/objects.h"

static struct wt_lane_object *lane_of(struct wt_plug *plug) {
    return (struct wt_lane_object *)plug; /* its first member */
}

struct wt_lane_object *wt_lane_current(void) {
    struct wt_plug *plug = wt_plug_current();
    return plug && plug->of_lane ? lane_of(plug) : NULL;
}

struct wt_lane_object *wt_lane_current_of(const struct wt_engine_object *engine) {
    struct wt_lane_object *lane = wt_lane_current();
    return lane && lane->engine == engine ? lane : NULL;
}

struct wt_lane_object *wt_lane_of_thread(uint64_t handle) {
    for (struct wt_plug *plug = wt_plug_first(); plug; plug = plug->next)
        if (lane_of(plug)->handle == handle)
            return lane_of(plug);
    return NULL;
}

/* ---- room ------------------------------------------------------------------------------------------------------ */

/* A lane takes and keeps so much at most: a small part of the least limit, and room for 16 pages. */
#define ROOM_BYTES (UINT64_C(64) << 10)
#define ROOM_PART 64u

static bool may_keep_room(const struct wt_pool *pool) {
    return ROOM_BYTES <= pool->in_flight_limit / ROOM_PART;
}

static void give_room(struct wt_lane_object *lane) {
    if (lane->room)
        wt_pool_retire(&lane->engine->cache.pool, lane->room);
    lane->room = 0;
}

bool wt_room_enter(struct wt_engine_object *engine, uint64_t bytes, bool may_wait) {
    struct wt_pool *pool = &engine->cache.pool;
    struct wt_lane_object *lane = wt_lane_current_of(engine);
    if (lane && lane->room < bytes && may_keep_room(pool) && wt_pool_enter(pool, ROOM_BYTES, false))
        lane->room += ROOM_BYTES;
    if (lane && lane->room >= bytes) {
        lane->room -= bytes;
        return true;
    }
    if (wt_pool_enter(pool, bytes, false))
        return true;
    /* what the thread's lanes keep may be what it would wait for */
    for (struct wt_plug *plug = wt_plug_first(); plug; plug = plug->next)
        give_room(lane_of(plug));
    return wt_pool_enter(pool, bytes, may_wait);
}

void wt_room_retire(struct wt_engine_object *engine, uint64_t bytes) {
    struct wt_pool *pool = &engine->cache.pool;
    struct wt_lane_object *lane = wt_lane_current_of(engine);
    if (lane && lane->begun > 0 && lane->room + bytes <= 2 * ROOM_BYTES && may_keep_room(pool) &&
        !atomic_load(&pool->waiters)) {
        lane->room += bytes;
        return;
    }
    wt_pool_retire(pool, bytes);
}

/* ---- operations ------------------------------------------------------------------------------------------------ */

int wt_lane_begin(struct wt_lane_object *lane) {
    if (lane->begun == WT_LANE_OPERATIONS_MOST)
        return -ENOBUFS;
    lane->begun++;
    lane->plug.running++;
    return 0;
}

void wt_lane_give_up(struct wt_lane_object *lane) {
    assert(lane->begun > 0 && lane->plug.running > 0);
    lane->begun--;
    lane->plug.running--;
}

/*
 * With nothing of the lane under way its thread need not poll again. So this ends what the ring carries for others; the
 * backend carries what follows.
 */
static void end_others(struct wt_lane_object *lane) {
    struct wt_backend *ring = lane->plug.ring;
    assert(lane->begun == 0 && lane->plug.running == 0);
    give_room(lane);
    struct wt_plug *before = wt_plug_enter(NULL);
    while (wt_plug_send() || (ring && ring->ops->pump(ring))) {
    }
    wt_plug_leave(before);
}

/* ---- ended ----------------------------------------------------------------------------------------------------- */

/* As many as a caller in wt_reap holds back, see hold_back.c. */
#define COLLECTED_MOST 4u

struct wt_plug *wt_lane_enter(struct wt_lane_object *lane) {
    return wt_plug_enter(&lane->plug);
}

void wt_lane_leave(struct wt_lane_object *lane, struct wt_plug *before) {
    if (lane->begun == 0)
        end_others(lane);
    else if (lane->plug.count >= COLLECTED_MOST && lane->plug.ring && lane->plug.ring->takes_time)
        (void)wt_plug_send_one(&lane->plug);
    wt_plug_leave(before);
}

static void append_ended(struct wt_lane_object *lane, struct wt_operation *operation) {
    operation->next = NULL;
    lane->plug.running--;
    wt_ended_append(&lane->ended, operation, operation);
}

static void wake(struct wt_lane_object *lane) {
    if (lane->plug.ring) {
        lane->plug.ring->ops->wake(lane->plug.ring);
        return;
    }
    wt_lock(&lane->lock);
    wt_wake_one(&lane->posted);
    wt_unlock(&lane->lock);
}

static void post_from_outside(struct wt_lane_object *lane, struct wt_operation *operation) {
    atomic_fetch_add(&lane->posters, 1); /* keeps the lane: once posted, the operation does not */
    struct wt_operation *newest = atomic_load(&lane->inbox);
    do {
        operation->next = newest;
    } while (!atomic_compare_exchange_weak(&lane->inbox, &newest, operation));
    /* A lane that is about to sleep looks at the inbox after it has said so: one of the two sees the other. */
    if (atomic_exchange(&lane->asleep, false) && !WT_MUTANT("lane-not-woken"))
        wake(lane);
    atomic_fetch_sub(&lane->posters, 1);
}

void wt_lane_post(struct wt_operation *operation) {
    struct wt_lane_object *lane = operation->lane;
    struct wt_lane_object *current = wt_lane_current();
    if (current && current == lane)
        append_ended(current, operation);
    else
        post_from_outside(lane, operation);
}

static void take_inbox(struct wt_lane_object *lane) {
    if (!atomic_load_explicit(&lane->inbox, memory_order_relaxed))
        return;
    struct wt_operation *operation = atomic_exchange(&lane->inbox, NULL), *oldest = NULL;
    while (operation) {
        struct wt_operation *next = operation->next;
        operation->next = oldest;
        oldest = operation;
        operation = next;
    }
    while (oldest) {
        struct wt_operation *next = oldest->next;
        append_ended(lane, oldest);
        oldest = next;
    }
}

static void free_operation(struct wt_lane_object *lane, struct wt_operation *operation) {
    if (!operation->type->kept) {
        operation->type->free(operation);
        return;
    }
    operation->next = lane->free_writes;
    lane->free_writes = operation;
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

/* While another lane of the thread has operations, the thread looks at that lane's ring this often. */
#define LOOK_AGAIN_NS INT64_C(500000)

/* Takes what has ended on the rings of the thread's other lanes: this lane may wait for that. True: more may end there. */
static bool look_at_other_lanes(const struct wt_lane_object *lane, bool patiently) {
    bool again = false;
    for (struct wt_plug *plug = wt_plug_first(); plug; plug = plug->next) {
        if (plug == &lane->plug || !plug->ring || lane_of(plug)->begun == 0)
            continue;
        struct wt_plug *before = wt_plug_enter(plug);
        (void)plug->ring->ops->reap(plug->ring, patiently ? WT_REAP_PATIENTLY : 0);
        wt_plug_leave(before);
        again = true;
    }
    return again;
}

static void sleep_on_condition(struct wt_lane_object *lane, int64_t until_ns) {
    wt_lock(&lane->lock);
    if (!atomic_load(&lane->asleep)) {
        /* was posted already */
    } else if (until_ns < 0) {
        wt_sleep(&lane->posted, &lane->lock);
    } else {
        (void)wt_sleep_until(&lane->posted, &lane->lock, until_ns);
    }
    wt_unlock(&lane->lock);
}

/* Waits for a completion, or for what another thread posts. */
static void wait_for_end(struct wt_lane_object *lane, int64_t until_ns, bool patiently) {
    struct wt_backend *ring = lane->plug.ring;
    int64_t soon_ns = look_at_other_lanes(lane, patiently) ? wt_now_ns() + LOOK_AGAIN_NS : -1;
    if (soon_ns >= 0 && (until_ns < 0 || soon_ns < until_ns))
        until_ns = soon_ns;
    if (!wt_plug_is_empty())
        return; /* what ended has launched more */
    give_room(lane);
    atomic_store(&lane->asleep, true);
    if (atomic_load(&lane->inbox)) {
        atomic_store(&lane->asleep, false);
        return;
    }
    if (ring) {
        int64_t left_ns = until_ns < 0 ? -1 : until_ns - wt_now_ns();
        if (until_ns < 0 || left_ns > 0)
            (void)ring->ops->reap(ring, left_ns);
    } else if (!wt_before_wait(lane->engine->backend) && !lane->ended.first) {
        sleep_on_condition(lane, until_ns);
    }
    atomic_store(&lane->asleep, false);
}

/* A thread that may wait this long has time for a flush. */
#define PATIENCE_NS INT64_C(100000000)

/* Takes what has ended by now. */
static void look(struct wt_lane_object *lane, bool patiently) {
    struct wt_backend *ring = lane->plug.ring;
    (void)wt_plug_send(); /* of all lanes of the thread: it may be about to wait */
    if (ring)
        (void)ring->ops->reap(ring, patiently ? WT_REAP_PATIENTLY : 0);
    take_inbox(lane);
}

/* Until something has ended, nothing is under way, or the time is over. */
static void await_ended(struct wt_lane_object *lane, int64_t timeout_ns) {
    int64_t until_ns = timeout_ns > 0 ? wt_deadline_ns(timeout_ns) : timeout_ns;
    bool patiently = timeout_ns < 0 || timeout_ns >= PATIENCE_NS;
    look(lane, patiently);
    while (!lane->ended.first && lane->begun > 0 && timeout_ns != 0) {
        wait_for_end(lane, until_ns, patiently);
        look(lane, patiently);
        if (until_ns >= 0 && wt_now_ns() >= until_ns)
            break;
    }
}

int wt_lane_take(struct wt_lane_object *lane, struct wt_event *events, int max, int64_t timeout_ns) {
    int count = 0;
    await_ended(lane, lane->ended.first ? 0 : timeout_ns);
    while (count < max && lane->ended.first) {
        struct wt_operation *operation = wt_ended_take(&lane->ended);
        events[count++] = wt_event_of(operation);
        free_operation(lane, operation);
        lane->begun--;
    }
    return count;
}

/* ---- open and close -------------------------------------------------------------------------------------------- */

int wt_lane_make(struct wt_engine_object *engine, unsigned entries, struct wt_lane_object **made) {
    struct wt_backend *backend = engine->backend;
    struct wt_lane_object *lane = aligned_alloc(_Alignof(struct wt_lane_object), sizeof *lane);
    if (!lane)
        return -ENOMEM;
    *lane = (struct wt_lane_object){.engine = engine, .plug = {.backend = backend}};
    int rc = -wt_mutex_init(&lane->lock, WT_LOCK_LANE);
    if (rc) {
        free(lane);
        return rc;
    }
    wt_condition_init(&lane->posted);
    if (backend->ops->lane_open && backend->ops->lane_open(backend, entries, &lane->plug.ring) == 0)
        lane->plug.ring->ops->arena(lane->plug.ring, engine->cache.pool.arena, engine->cache.pool.arena_bytes);
    wt_plug_open(&lane->plug);
    *made = lane;
    return 0;
}

void wt_lane_drain(struct wt_lane_object *lane) {
    struct wt_event events[16];
    struct wt_plug *before = wt_lane_enter(lane);
    while (lane->begun > 0)
        (void)wt_lane_take(lane, events, sizeof events / sizeof *events, -1);
    wt_lane_leave(lane, before);
    unsigned turns = 0;
    while (atomic_load(&lane->posters) > 0)
        wt_yield_to_holders(&turns);
}

void wt_lane_end(struct wt_lane_object *lane) {
    struct wt_backend *ring = lane->plug.ring;
    assert(lane->begun == 0 && !lane->spares);
    wt_plug_close(&lane->plug);
    if (ring)
        ring->ops->close(ring);
    for (struct wt_operation *operation = lane->free_writes, *next; operation; operation = next) {
        next = operation->next;
        operation->type->free(operation);
    }
    wt_condition_destroy(&lane->posted);
    wt_mutex_destroy(&lane->lock);
    free(lane);
}
