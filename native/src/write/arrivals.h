// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Threads that are expected: an I/O, or a group of forces, set them free, and as a rule they come back in a moment. The
 * thread that sends next waits for them for 50 us, and longer while they keep coming: one more I/O costs the device
 * longer.
 */
#ifndef WT_ARRIVALS_H
#define WT_ARRIVALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wt_engine_object;

/* One has come. True: it was the last. Others that come hold the same lock. */
static inline bool wt_arrive(_Atomic uint32_t *expected) {
    uint32_t before = atomic_load_explicit(expected, memory_order_relaxed);
    if (before > 0)
        atomic_store_explicit(expected, before - 1, memory_order_relaxed);
    return before == 1;
}

/* Waits for them, without the lock. *hasty: as many of the next threads do not wait, since the last waited for nobody. */
void wt_await_arrivals(struct wt_engine_object *engine, const _Atomic uint32_t *expected, _Atomic uint32_t *hasty);

#endif
