// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A pause in yielding. If other programs keep the processors busy, a thread that yields gets the processor back a
 * slice of the scheduler later, and several threads that yield wait for several slices. After that was seen, threads
 * stop yielding for a while; if it is seen again soon after, for twice as long.
 */
#ifndef WT_BACKOFF_H
#define WT_BACKOFF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The process's own threads have had their turn by then. */
#define WT_YIELDS_LONGEST_NS INT64_C(2000000)

#define WT_BACKOFF_SHORTEST_NS INT64_C(2500000)
#define WT_BACKOFF_LONGEST_NS INT64_C(640000000)

struct wt_backoff {
    _Atomic int64_t until_ns;
    _Atomic int64_t length_ns; /* of the last one */
};

static inline bool wt_backoff_is_on(const struct wt_backoff *backoff, int64_t now_ns) {
    return now_ns < atomic_load_explicit(&backoff->until_ns, memory_order_relaxed);
}

/* Yields began at begin_ns and ended at now_ns: decides whether a pause begins. */
static inline void wt_backoff_after(struct wt_backoff *backoff, int64_t begin_ns, int64_t now_ns) {
    if (now_ns - begin_ns <= WT_YIELDS_LONGEST_NS)
        return;
    int64_t until_ns = atomic_load_explicit(&backoff->until_ns, memory_order_relaxed);
    if (begin_ns < until_ns)
        return; /* another saw it first */
    int64_t length_ns = atomic_load_explicit(&backoff->length_ns, memory_order_relaxed);
    bool soon = begin_ns - until_ns < length_ns + 4 * WT_YIELDS_LONGEST_NS;
    length_ns = soon ? 2 * length_ns : WT_BACKOFF_SHORTEST_NS;
    length_ns = length_ns < WT_BACKOFF_LONGEST_NS ? length_ns : WT_BACKOFF_LONGEST_NS;
    if (atomic_compare_exchange_strong(&backoff->until_ns, &until_ns, now_ns + length_ns))
        atomic_store_explicit(&backoff->length_ns, length_ns, memory_order_relaxed);
}

#endif
