// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "cache/pins.h"

#include <assert.h>

#include "base/mutant.h"

bool wt_pins_enter(struct wt_pool *pool, struct wt_pins *pins, uint32_t pages) {
    uint32_t limit = WT_MUTANT("pins-unbounded") ? UINT32_MAX : pool->pin_limit;
    uint32_t before = atomic_load_explicit(&pool->pinned_count, memory_order_relaxed);
    pins->run_count = 0;
    do {
        if (pages > limit || before > limit - pages)
            return false;
    } while (!atomic_compare_exchange_weak(&pool->pinned_count, &before, before + pages));
    pins->pages = pages;
    return true;
}

static void add_run(struct wt_pins *pins, uint8_t *memory, uint32_t length) {
    struct iovec *last = pins->run_count ? &pins->runs[pins->run_count - 1] : NULL;
    if (last && (uint8_t *)last->iov_base + last->iov_len == memory) {
        last->iov_len += length;
        return;
    }
    assert(pins->run_count < WT_PIN_RUNS);
    pins->runs[pins->run_count++] = (struct iovec){memory, length};
}

enum wt_pin_result wt_folio_pin(struct wt_folio *folio, struct wt_pins *pins, uint32_t *from, uint32_t to) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    struct wt_pool *pool = wt_folio_pool(folio);
    unsigned first = *from >> geometry->block_shift, last = (to - 1) >> geometry->block_shift;
    uint64_t blocks = wt_bits(first, last);
    uint64_t missing = blocks & (~folio->uptodate | folio->reading);
    if (missing) {
        uint32_t start = (uint32_t)__builtin_ctzll(missing) << geometry->block_shift;
        *from = start > *from ? start : *from;
        return WT_PIN_MISSING;
    }
    if (wt_folio_moving(folio) & blocks && !WT_MUTANT("pinned-bytes-repaired"))
        return WT_PIN_MOVING;
    unsigned first_page = *from >> WT_PAGE_SHIFT, last_page = (to - 1) >> WT_PAGE_SHIFT;
    wt_folio_touch(folio, wt_bits(first_page, last_page));
    for (unsigned page = first_page; page <= last_page; page++)
        wt_pool_pin(pool, wt_folio_frame(folio, page));
    for (uint32_t length; *from < to; *from += length) {
        uint8_t *memory = wt_folio_memory(folio, *from, to, &length);
        add_run(pins, memory, length);
    }
    return WT_PIN_DONE;
}

/* The pages that a run touches. */
static uint32_t pages_of(const struct iovec *run) {
    uintptr_t start = (uintptr_t)run->iov_base, last = start + run->iov_len - 1;
    return (uint32_t)((last >> WT_PAGE_SHIFT) - (start >> WT_PAGE_SHIFT) + 1);
}

void wt_pins_settle(struct wt_pool *pool, struct wt_pins *pins) {
    uint32_t pages = 0;
    for (uint32_t i = 0; i < pins->run_count; i++)
        pages += pages_of(&pins->runs[i]);
    if (pages != pins->pages)
        atomic_fetch_sub(&pool->pinned_count, pins->pages - pages);
}

void wt_pins_leave(struct wt_pool *pool, const struct iovec *runs, uint32_t run_count) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < run_count; i++) {
        uint32_t first = (uint32_t)(((uint8_t *)runs[i].iov_base - pool->arena) >> WT_PAGE_SHIFT);
        uint32_t pages = pages_of(&runs[i]);
        for (uint32_t page = 0; page < pages; page++)
            wt_pool_unpin(pool, first + page);
        left += pages;
    }
    if (!WT_MUTANT("pins-counted-for-ever"))
        atomic_fetch_sub(&pool->pinned_count, left);
    wt_pool_kick(pool);
}
