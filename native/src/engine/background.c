// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "engine/background.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mutant.h"
#include "cache/pool.h"

#define SECOND_NS UINT64_C(1000000000)

/*
 * A sleep ends some 50 us late. The time that was lost so is given back, up to this much: idle time before that is not, or a burst would
 * follow a pause.
 */
#define CREDIT_NS INT64_C(1000000)

void wt_background_open(struct wt_background *background, struct wt_backend *backend) {
    *background = (struct wt_background){.backend = backend, .share_bytes = WT_BACKGROUND_SHARE_BYTES};
    wt_mutex_init(&background->lock, WT_LOCK_BACKGROUND);
    wt_condition_init(&background->room);
}

void wt_background_close(struct wt_background *background) {
    assert(background->in_flight_bytes == 0);
    wt_condition_destroy(&background->room);
    wt_mutex_destroy(&background->lock);
}

void wt_background_end_waits(struct wt_background *background) {
    wt_lock(&background->lock);
    background->closing = true;
    wt_wake_all(&background->room);
    wt_unlock(&background->lock);
}

void wt_background_set(struct wt_background *background, uint64_t bytes_per_second, uint64_t operations_per_second,
                       uint64_t share_bytes) {
    wt_lock(&background->lock);
    background->bytes_per_second = bytes_per_second;
    background->operations_per_second = operations_per_second;
    background->share_bytes = share_bytes ? share_bytes : WT_BACKGROUND_SHARE_BYTES;
    background->ready_ns = 0;
    wt_wake_all(&background->room);
    wt_unlock(&background->lock);
}

uint64_t wt_background_piece(struct wt_background *background) {
    wt_lock(&background->lock);
    uint64_t piece = background->share_bytes & ~(uint64_t)(WT_PAGE_BYTES - 1);
    wt_unlock(&background->lock);
    return piece < WT_BACKGROUND_PIECE_BYTES ? piece : WT_BACKGROUND_PIECE_BYTES;
}

/* count of so many a second take this long. A day at most: times can be added without a care. */
static int64_t time_of(uint64_t count, uint64_t per_second) {
    const uint64_t most_seconds = 86400;
    if (per_second == 0)
        return 0;
    if (count / per_second >= most_seconds)
        return (int64_t)(most_seconds * SECOND_NS);
    uint64_t seconds = count / per_second, rest = count % per_second;
    double rest_ns = (double)rest / (double)per_second * (double)SECOND_NS;
    return (int64_t)(seconds * SECOND_NS + (uint64_t)rest_ns);
}

static int64_t time_of_operation(const struct wt_background *background, uint64_t bytes) {
    int64_t by_bytes = time_of(bytes, background->bytes_per_second);
    int64_t by_count = time_of(1, background->operations_per_second);
    return by_bytes > by_count ? by_bytes : by_count;
}

static bool has_share(const struct wt_background *background, uint64_t bytes) {
    return background->in_flight_bytes == 0 || background->in_flight_bytes + bytes <= background->share_bytes ||
           WT_MUTANT("share-overdrawn");
}

/* With the lock held. */
static bool try_enter(struct wt_background *background, uint64_t bytes) {
    bool limited = background->bytes_per_second || background->operations_per_second;
    int64_t now_ns = limited ? wt_now_ns() : 0;
    bool ready = !limited || now_ns >= background->ready_ns || WT_MUTANT("background-unlimited");
    if (!background->closing && !(ready && has_share(background, bytes)))
        return false;
    background->in_flight_bytes += bytes;
    if (limited) {
        int64_t from_ns = now_ns - CREDIT_NS;
        from_ns = background->ready_ns > from_ns ? background->ready_ns : from_ns;
        background->ready_ns = from_ns + time_of_operation(background, bytes);
    }
    return true;
}

/* Waits for the share, or until the limit allows more. The lock is held, and let go meanwhile. */
static void wait_once(struct wt_background *background, uint64_t bytes) {
    if (!has_share(background, bytes)) {
        wt_wait(background->backend, &background->room, &background->lock);
        return;
    }
    wt_unlock(&background->lock);
    bool again = wt_before_wait(background->backend);
    wt_lock(&background->lock);
    if (!again && !background->closing && has_share(background, bytes) && wt_now_ns() < background->ready_ns)
        (void)wt_sleep_until(&background->room, &background->lock, background->ready_ns);
}

bool wt_background_enter(struct wt_background *background, uint64_t bytes, bool may_wait) {
    wt_lock(&background->lock);
    bool entered = try_enter(background, bytes);
    while (!entered && may_wait) {
        wait_once(background, bytes);
        entered = try_enter(background, bytes);
    }
    wt_unlock(&background->lock);
    return entered;
}

static void give_back(struct wt_background *background, uint64_t bytes, int64_t time_ns) {
    assert(background->in_flight_bytes >= bytes);
    background->in_flight_bytes -= bytes;
    background->ready_ns -= time_ns;
    wt_wake_all(&background->room);
}

void wt_background_leave(struct wt_background *background, uint64_t bytes) {
    if (bytes == 0)
        return;
    wt_lock(&background->lock);
    give_back(background, bytes, 0);
    wt_unlock(&background->lock);
}

void wt_background_undo(struct wt_background *background, uint64_t bytes, uint64_t used) {
    if (bytes == used)
        return;
    wt_lock(&background->lock);
    int64_t used_ns = used ? time_of_operation(background, used) : 0;
    give_back(background, bytes - used, time_of_operation(background, bytes) - used_ns);
    wt_unlock(&background->lock);
}
