// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "cache/mapping.h"

#include <errno.h>
#include <stdlib.h>

#include "base/lock.h"
#include "cache/range.h"

/* Drops the blocks that start..end meets, and the pages that lie within; both count in the folio. */
static void cut_folio(struct wt_folio *folio, uint64_t start, uint64_t end) {
    const struct wt_geometry *geometry = &folio->mapping->geometry;
    folio->uptodate &=
        ~wt_bits((unsigned)(start >> geometry->block_shift), (unsigned)((end - 1) >> geometry->block_shift));
    uint64_t first = (start + WT_PAGE_BYTES - 1) >> WT_PAGE_SHIFT, stop = end >> WT_PAGE_SHIFT;
    if (first < stop)
        wt_folio_drop(folio, (unsigned)first, (unsigned)stop - 1);
}

int wt_mapping_cut(struct wt_mapping *mapping, uint64_t start, uint64_t end) {
    if (start >= end)
        return 0;
    unsigned shift = mapping->geometry.folio_shift;
    uint64_t first = start >> shift, last = (end - 1) >> shift;
    struct wt_folio *folios = mapping->cache->folios;
    /* While the gate is shut folios are evicted but none is made: a list of them stays good enough. */
    wt_lock(&mapping->list_lock);
    uint64_t *index = malloc((mapping->count + 1) * sizeof *index);
    uint32_t count = 0;
    for (uint32_t id = mapping->first; index && id != WT_NONE; id = folios[id].list_next) {
        uint64_t at = atomic_load_explicit(&folios[id].index, memory_order_relaxed);
        if (at >= first && at <= last)
            index[count++] = at;
    }
    wt_unlock(&mapping->list_lock);
    if (!index)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct wt_folio *folio = wt_folio_find(mapping, index[i]);
        if (!folio)
            continue;
        uint64_t base = index[i] << shift, bytes = UINT64_C(1) << shift;
        cut_folio(folio, index[i] == first ? start - base : 0, index[i] == last ? end - base : bytes);
        wt_folio_put(folio);
    }
    free(index);
    return 0;
}

/* These pages of a locked folio, as far as they are idle and not pinned. */
static void drop_idle(struct wt_folio *folio, uint64_t pages) {
    uint64_t busy = folio->writeback | folio->dirty | folio->reading;
    for (; pages; pages &= pages - 1) {
        unsigned page = (unsigned)__builtin_ctzll(pages);
        if (!(busy & wt_page_blocks(&folio->mapping->geometry, page, page)) && !wt_folio_is_pinned(folio, page))
            wt_folio_drop(folio, page, page);
    }
}

static void drop_range(struct wt_mapping *mapping, uint64_t start, uint64_t end, bool ahead_only) {
    struct wt_range range = wt_range_of(&mapping->geometry, start, end);
    for (; wt_range_enter(&range); wt_range_leave(&range)) {
        struct wt_folio *folio = wt_folio_find(mapping, range.index);
        if (!folio)
            continue;
        uint64_t pages = wt_bits(range.from >> WT_PAGE_SHIFT, (range.to - 1) >> WT_PAGE_SHIFT);
        if (ahead_only) {
            pages &= folio->ahead;
            folio->ahead &= ~pages;
        }
        drop_idle(folio, pages);
        wt_folio_put(folio);
    }
}

void wt_mapping_drop_idle(struct wt_mapping *mapping, uint64_t start, uint64_t end) {
    drop_range(mapping, start, end, false);
}

void wt_mapping_drop_ahead(struct wt_mapping *mapping, uint64_t start, uint64_t end) {
    drop_range(mapping, start, end, true);
}

void wt_mapping_drop(struct wt_mapping *mapping) {
    for (;;) {
        wt_lock(&mapping->list_lock);
        uint32_t id = mapping->first;
        uint64_t index = 0;
        if (id != WT_NONE)
            index = atomic_load_explicit(&mapping->cache->folios[id].index, memory_order_relaxed);
        wt_unlock(&mapping->list_lock);
        if (id == WT_NONE)
            return;
        struct wt_folio *folio = wt_folio_find(mapping, index);
        if (!folio)
            continue; /* evicted meanwhile */
        wt_folio_drop(folio, 0, mapping->geometry.page_count - 1u);
        wt_folio_put(folio);
    }
}
