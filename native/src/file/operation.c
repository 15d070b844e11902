// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "file/operation.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "file/inode.h"
#include "file/lane.h"

#define BATCH 64

struct reaped {
    struct wt_engine_object *engine;
    struct wt_ended ended;
};

/* This thread is in the backend's reap: it brings what it posts when it comes back. */
static _Thread_local struct reaped *reaping;

/* Whether a thread in the backend's reap has to be woken; the caller then does. With the lock held. */
static bool must_wake(struct wt_engine_object *engine) {
    if (!engine->in_backend || engine->backend_woken)
        return false;
    engine->backend_woken = true;
    return true;
}

static void post(struct wt_engine_object *engine, struct wt_operation *first, struct wt_operation *last) {
    if (reaping && reaping->engine == engine) {
        wt_ended_append(&reaping->ended, first, last);
        return;
    }
    wt_lock(&engine->event_lock);
    wt_ended_append(&engine->events, first, last);
    bool wake = must_wake(engine);
    if (engine->event_waiters) /* who is in the backend may be flushing */
        wt_wake_one(&engine->event_posted);
    wt_unlock(&engine->event_lock);
    if (wake)
        engine->backend->ops->wake(engine->backend);
}

/* Posts those of lanes. Returns the others. */
static struct wt_operation *end_of_lanes(struct wt_inode *inode, struct wt_operation *list) {
    struct wt_operation *others = NULL, **tail = &others;
    for (struct wt_operation *next; list; list = next) {
        next = list->next;
        if (!list->lane) {
            *tail = list;
            tail = &list->next;
            continue;
        }
        wt_file handle = list->handle;
        wt_lane_post(list);
        wt_inode_end(inode);
        wt_file_release(handle);
    }
    *tail = NULL;
    return others;
}

/* What this thread starts, and could be told the end of at once; its address stands for the thread. */
static _Thread_local struct {
    struct wt_operation *operation;
    bool ended;
} starting;

void wt_operation_starts(struct wt_operation *operation) {
    operation->starter = &starting;
    starting.operation = operation;
    starting.ended = false;
}

bool wt_operation_ended_at_once(void) {
    starting.operation = NULL;
    return starting.ended;
}

/*
 * False: it has an event, as any other. An operation that ended on another thread is perhaps another thread's again by
 * now: so the address alone tells nothing.
 */
static bool ends_at_once(const struct wt_operation *operation) {
    if (operation != starting.operation || operation->starter != &starting || operation->result < 0)
        return false;
    starting.ended = true;
    return true;
}

void wt_operations_end(struct wt_inode *inode, struct wt_operation *list) {
    if (!list->next && ends_at_once(list))
        return;
    list = end_of_lanes(inode, list);
    while (list) {
        /* Once posted an operation may be gone. Its file must stay open until then, so that the engine does. */
        wt_file handles[BATCH];
        int count = 0;
        struct wt_operation *first = list, *last = NULL;
        for (; list && count < BATCH; list = list->next) {
            handles[count++] = list->handle;
            last = list;
        }
        last->next = NULL;
        post(inode->engine, first, last);
        for (int i = 0; i < count; i++) {
            wt_inode_end(inode);
            wt_file_release(handles[i]);
        }
    }
}

int wt_operation_begin(struct wt_engine_object *engine, struct wt_lane_object *lane, size_t bytes) {
    if (lane)
        return wt_lane_begin(lane);
    uint64_t before = atomic_fetch_add_explicit(&engine->operation_bytes, bytes, memory_order_relaxed);
    if (before + bytes <= engine->operation_bytes_most)
        return 0;
    wt_operation_give_up(engine, NULL, bytes);
    return -ENOBUFS;
}

void wt_operation_give_up(struct wt_engine_object *engine, struct wt_lane_object *lane, size_t bytes) {
    if (lane)
        wt_lane_give_up(lane);
    else
        atomic_fetch_sub_explicit(&engine->operation_bytes, bytes, memory_order_relaxed);
}

/* Waits where the backend's completions come in, and takes them. False: that is not possible now. */
static bool wait_in_backend(struct wt_engine_object *engine, int64_t timeout_ns) {
    struct wt_backend *backend = engine->backend;
    if (!backend->ops->reap || engine->in_backend)
        return false;
    engine->in_backend = true;
    wt_unlock(&engine->event_lock);
    struct reaped reaped = {.engine = engine};
    reaping = &reaped;
    wt_assert_may_block();
    int rc = backend->ops->reap(backend, timeout_ns);
    reaping = NULL;
    wt_lock(&engine->event_lock);
    if (reaped.ended.first)
        wt_ended_append(&engine->events, reaped.ended.first, reaped.ended.last);
    engine->in_backend = engine->backend_woken = false;
    return rc >= 0;
}

static void wait_on_condition(struct wt_engine_object *engine, int64_t until_ns) {
    engine->event_waiters++;
    if (until_ns < 0)
        wt_sleep(&engine->event_posted, &engine->event_lock);
    else
        (void)wt_sleep_until(&engine->event_posted, &engine->event_lock, until_ns);
    engine->event_waiters--;
}

/* Waits for an event, with the lock held. */
static void wait_for_event(struct wt_engine_object *engine, int64_t timeout_ns) {
    int64_t until_ns = timeout_ns < 0 ? -1 : wt_deadline_ns(timeout_ns);
    int64_t left_ns = timeout_ns;
    while (!engine->events.first && !engine->shut_down && left_ns != 0) {
        wt_unlock(&engine->event_lock);
        bool again = wt_before_reap(engine->backend);
        wt_lock(&engine->event_lock);
        if (again || engine->events.first || engine->shut_down)
            continue;
        if (!wait_in_backend(engine, left_ns) && !engine->events.first && !engine->shut_down)
            wait_on_condition(engine, until_ns);
        if (until_ns >= 0) {
            left_ns = until_ns - wt_now_ns();
            left_ns = left_ns > 0 ? left_ns : 0;
        }
    }
}

static void free_list(struct wt_operation *list) {
    while (list) {
        struct wt_operation *next = list->next;
        list->type->free(list);
        list = next;
    }
}

int wt_operations_reap(struct wt_engine_object *engine, struct wt_event *events, int max, int64_t timeout_ns) {
    struct wt_operation *done = NULL;
    size_t bytes = 0;
    int count = 0;
    wt_lock(&engine->event_lock);
    if (!engine->events.first)
        wait_for_event(engine, timeout_ns);
    while (engine->events.first && count < max) {
        struct wt_operation *operation = wt_ended_take(&engine->events);
        events[count++] = wt_event_of(operation);
        struct wt_operation **to = operation->type->kept ? &engine->free_writes : &done;
        bytes += operation->type->bytes;
        operation->next = *to;
        *to = operation;
    }
    if (engine->event_waiters &&
        !WT_MUTANT("second-reaper-not-woken")) /* for what is left, or to wait in the backend in place of this thread */
        wt_wake_one(&engine->event_posted);
    if (engine->shut_down && (count == 0 || WT_MUTANT("shutdown-before-events")))
        count = -ESHUTDOWN;
    wt_unlock(&engine->event_lock);
    if (bytes > 0)
        wt_operation_give_up(engine, NULL, bytes);
    free_list(done);
    return count;
}

void wt_operations_shut_down(struct wt_engine_object *engine) {
    wt_lock(&engine->event_lock);
    engine->shut_down = true;
    bool wake = must_wake(engine);
    wt_wake_all(&engine->event_posted);
    wt_unlock(&engine->event_lock);
    if (wake)
        engine->backend->ops->wake(engine->backend);
}

void wt_operations_free(struct wt_engine_object *engine) {
    free_list(engine->events.first);
    free_list(engine->free_writes);
}
