// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "uring/hold_back.h"

#include "base/clock.h"

/* For this long after a caller left with completions. */
#define HOLD_NS 100000L
/* At most this many are held back: the device is to begin with them. */
#define HOLD_MOST 4u

void wt_hold_back_begin(struct wt_hold_back *hold_back) {
    hold_back->until_ns = wt_deadline_ns(HOLD_NS);
    hold_back->caller = pthread_self();
}

bool wt_hold_back_is_own(const struct wt_hold_back *hold_back) {
    return hold_back->until_ns != 0 && pthread_equal(hold_back->caller, pthread_self());
}

void wt_hold_back_stop(struct wt_hold_back *hold_back) {
    hold_back->until_ns = 0;
}

bool wt_hold_back_may(const struct wt_hold_back *hold_back, unsigned count) {
    return hold_back->held_back_count + count < HOLD_MOST && hold_back->until_ns != 0 &&
           wt_now_ns() < hold_back->until_ns;
}

void wt_hold_back_add(struct wt_hold_back *hold_back, unsigned count) {
    hold_back->held_back_count += count;
    atomic_store_explicit(&hold_back->holding_back, true, memory_order_relaxed);
}

void wt_hold_back_end(struct wt_hold_back *hold_back) {
    hold_back->held_back_count = 0;
    atomic_store_explicit(&hold_back->holding_back, false, memory_order_relaxed);
}

bool wt_hold_back_any(const struct wt_hold_back *hold_back) {
    return atomic_load_explicit(&hold_back->holding_back, memory_order_relaxed);
}
