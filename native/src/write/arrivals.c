// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/arrivals.h"

#include "base/clock.h"
#include "engine/objects.h"

#define PATIENCE_NS 50000
#define HASTY_LEADERS 64

void wt_await_arrivals(struct wt_engine_object *engine, const _Atomic uint32_t *expected, _Atomic uint32_t *hasty) {
    uint32_t hasty_now = atomic_load_explicit(hasty, memory_order_relaxed);
    if (hasty_now > 0) {
        atomic_store_explicit(hasty, hasty_now - 1, memory_order_relaxed); /* more or less */
        return;
    }
    uint32_t first = atomic_load_explicit(expected, memory_order_relaxed), before = first, now = first;
    if (first == 0)
        return;
    int64_t begin_ns = wt_now_ns(), now_ns = begin_ns;
    if (wt_backoff_is_on(&engine->lead_backoff, begin_ns))
        return;
    while (now > 0 && (now < before || now_ns < begin_ns + PATIENCE_NS)) {
        before = now;
        wt_yield(engine->backend);
        now = atomic_load_explicit(expected, memory_order_relaxed);
        now_ns = wt_now_ns();
    }
    wt_backoff_after(&engine->lead_backoff, begin_ns, now_ns);
    if (now > 0 && now == first)
        atomic_store_explicit(hasty, HASTY_LEADERS, memory_order_relaxed);
}
