// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Lanes: the functions of writethrough.h, and what happens to the lanes of a thread that ends. */
#include "api/lanes.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/lock.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "file/lane.h"
#include "io/plug.h"
#include "write/writeback.h"

#define ENTRIES_DEFAULT 128u
#define ENTRIES_MOST 4096u

/* No handle of an engine or a file has this bit, and no handle is used twice. */
#define HANDLE_BIT (UINT64_C(1) << 61)
static _Atomic uint64_t last_number;

/*
 * A thread that ends closes its lanes: nobody else could take what their rings have in flight. The value of the key only
 * says that there may be some.
 */
static pthread_key_t of_ending_thread;
static int key_error = ENOSYS;

/* Lanes keep objects for I/O, which others are not to lack. With the file_lock held. */
static void change_count(struct wt_engine_object *engine, uint32_t change) {
    engine->lane_count += change;
    atomic_store_explicit(&engine->writeback_limit, WT_WRITEBACK_LIMIT + engine->lane_count * WT_LANE_SPARES,
                          memory_order_relaxed);
}

static void uncount_lane(struct wt_engine_object *engine) {
    wt_lock(&engine->file_lock);
    change_count(engine, UINT32_MAX);
    wt_unlock(&engine->file_lock);
}

static void close_lane(struct wt_lane_object *lane) {
    struct wt_engine_object *engine = lane->engine;
    wt_lane_drain(lane);
    wt_writeback_give_spares(lane);
    wt_lane_end(lane);
    uncount_lane(engine);
}

static void close_all(void *ignored) {
    (void)ignored;
    struct wt_plug *first;
    while ((first = wt_plug_first()))
        close_lane((struct wt_lane_object *)first); /* its first member */
}

__attribute__((constructor)) static void make_key(void) {
    key_error = pthread_key_create(&of_ending_thread, close_all);
}

__attribute__((destructor)) static void delete_key(void) {
    if (!key_error)
        (void)pthread_key_delete(of_ending_thread); /* or a thread that ends later would call what is gone */
}

/* ---- open and close -------------------------------------------------------------------------------------------- */

/* Counts a lane, which keeps the engine open. */
static int count_lane(struct wt_engine_object *engine) {
    wt_lock(&engine->file_lock);
    int rc = engine->closing || engine->takes_no_lane ? -EBADF : engine->backend->ops->may_wait ? -EOPNOTSUPP : 0;
    change_count(engine, !rc);
    wt_unlock(&engine->file_lock);
    return rc;
}

int wt_lanes_refuse(struct wt_engine_object *engine) {
    wt_lock(&engine->file_lock);
    int rc = engine->lane_count ? -EBUSY : 0;
    engine->takes_no_lane = engine->takes_no_lane || !rc;
    wt_unlock(&engine->file_lock);
    return rc;
}

static int open_lane(struct wt_engine_object *engine, uint32_t entries, wt_lane *handle) {
    int rc = -pthread_setspecific(of_ending_thread, &last_number);
    rc = rc ? rc : count_lane(engine);
    if (rc)
        return rc;
    struct wt_lane_object *lane;
    rc = wt_lane_make(engine, entries, &lane);
    if (rc) {
        uncount_lane(engine);
        return rc;
    }
    *handle = lane->handle = HANDLE_BIT | (atomic_fetch_add(&last_number, 1) + 1);
    return 0;
}

int wt_lane_open(wt_engine handle, uint32_t entries, wt_lane *lane) {
    entries = entries ? entries : ENTRIES_DEFAULT;
    if (!lane || entries < 8 || entries > ENTRIES_MOST || (entries & (entries - 1)) != 0)
        return -EINVAL;
    if (key_error)
        return -key_error;
    struct wt_engine_object *engine = wt_engine_acquire(handle);
    if (!engine)
        return -EBADF;
    int rc = open_lane(engine, entries, lane);
    wt_engine_release(handle);
    return rc;
}

/* Why a handle is that of no lane of this thread: closed lanes and those of other threads are told apart by nobody. */
static int no_lane(wt_lane handle) {
    bool was_given = handle & HANDLE_BIT && (handle & ~HANDLE_BIT) - 1 < atomic_load(&last_number);
    return was_given ? -EPERM : -EBADF;
}

int wt_lane_close(wt_lane handle) {
    struct wt_lane_object *lane = wt_lane_of_thread(handle);
    if (!lane)
        return no_lane(handle);
    close_lane(lane);
    return 0;
}

/* ---- operations ------------------------------------------------------------------------------------------------ */

int wt_lane_write(wt_lane handle, wt_file file, const struct iovec *iov, int iov_count, uint64_t offset,
                  uint32_t durability, uint32_t flags, uint64_t token) {
    struct wt_lane_object *lane = wt_lane_of_thread(handle);
    if (!lane)
        return no_lane(handle);
    struct wt_plug *before = wt_lane_enter(lane);
    int rc = wt_write_submit(file, iov, iov_count, offset, durability, flags, token);
    wt_lane_leave(lane, before);
    return rc;
}

int wt_lane_fetch(wt_lane handle, wt_file file, uint64_t offset, uint64_t length, uint32_t flags, uint64_t token) {
    struct wt_lane_object *lane = wt_lane_of_thread(handle);
    if (!lane)
        return no_lane(handle);
    struct wt_plug *before = wt_lane_enter(lane);
    int rc = wt_fetch_submit(file, offset, length, flags, token);
    wt_lane_leave(lane, before);
    return rc;
}

int wt_lane_send(wt_lane handle) {
    struct wt_lane_object *lane = wt_lane_of_thread(handle);
    if (!lane)
        return no_lane(handle);
    struct wt_plug *before = wt_lane_enter(lane);
    (void)wt_plug_send_one(&lane->plug);
    wt_lane_leave(lane, before);
    return 0;
}

int wt_lane_poll(wt_lane handle, struct wt_event *events, int max, int64_t timeout_ns) {
    if (max <= 0 || !events)
        return -EINVAL;
    struct wt_lane_object *lane = wt_lane_of_thread(handle);
    if (!lane)
        return no_lane(handle);
    struct wt_plug *before = wt_lane_enter(lane);
    int count = wt_lane_take(lane, events, max, timeout_ns);
    wt_lane_leave(lane, before);
    return count;
}
