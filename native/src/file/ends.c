// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "file/ends.h"

#include <errno.h>

#include "base/mutant.h"

static uint64_t load(const _Atomic uint64_t *end) {
    return atomic_load_explicit(end, memory_order_acquire);
}

static void raise_to(_Atomic uint64_t *value, uint64_t end) {
    uint64_t old = load(value);
    while (end > old && !atomic_compare_exchange_weak(value, &old, end))
        ;
}

void wt_ends_check(const struct wt_ends *ends, bool idle) {
#ifndef NDEBUG
    uint64_t visible_size = load(&ends->visible_size), size = load(&ends->size);
    uint64_t end_in_flight = load(&ends->end_in_flight);
    assert(visible_size <= size);
    assert(size <= end_in_flight);
    assert(!idle || (visible_size == size && size == end_in_flight));
#else
    (void)ends, (void)idle;
#endif
}

void wt_ends_set(struct wt_ends *ends, uint64_t size) {
    atomic_store_explicit(&ends->size, size, memory_order_release);
    atomic_store_explicit(&ends->visible_size, size, memory_order_release);
    atomic_store_explicit(&ends->end_in_flight, size, memory_order_release);
}

void wt_ends_grow_unseen(struct wt_ends *ends, uint64_t end) {
    raise_to(&ends->end_in_flight, end); /* an allocation has not begun as a write does */
    raise_to(&ends->size, end);
}

void wt_ends_grow(struct wt_ends *ends, uint64_t end) {
    wt_ends_grow_unseen(ends, end);
    raise_to(&ends->visible_size, end);
}

void wt_ends_begin_to(struct wt_ends *ends, uint64_t end) {
    raise_to(&ends->end_in_flight, end);
}

int wt_ends_take_place(struct wt_ends *ends, uint64_t length, bool atomic, uint64_t *start) {
    uint64_t end = atomic_load(&ends->end_in_flight);
    do {
        *start = end;
        if (length > INT64_MAX - *start)
            return -EFBIG;
        if (atomic && (*start & (length - 1)))
            return -EINVAL;
    } while (!atomic_compare_exchange_weak(&ends->end_in_flight, &end,
                                           WT_MUTANT("append-place-twice") ? *start : *start + length));
    return 0;
}
