// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A range of a file, walked folio after folio in ascending order. What is done in one folio decides how far the walk
 * goes on:
 *
 *   struct wt_range range = wt_range_of(geometry, start, end);
 *   while (wt_range_enter(&range)) {
 *       ... the bytes range.from..range.to of the folio range.index ...
 *       if (!wt_range_advance(&range, stop))      up to here something was done
 *           break;
 *   }
 *
 * Where each folio is done as a whole:
 *
 *   for (struct wt_range range = wt_range_of(geometry, start, end); wt_range_enter(&range); wt_range_leave(&range))
 *
 * Between two folios `at` and `end` may be changed: the bytes between them are those that are left.
 */
#ifndef WT_RANGE_H
#define WT_RANGE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/folio.h"

struct wt_range {
    const struct wt_geometry *geometry;
    uint64_t at, end;  /* in the file: what is left of the range */
    uint64_t index;    /* of the folio that was entered */
    uint32_t from, to; /* in that folio: what is left of the range there */
};

static inline struct wt_range wt_range_of(const struct wt_geometry *geometry, uint64_t start, uint64_t end) {
    return (struct wt_range){.geometry = geometry, .at = start, .end = end};
}

/* How many pages the bytes start..end touch; start is below end. */
static inline uint32_t wt_range_pages(uint64_t start, uint64_t end) {
    return (uint32_t)(((end - 1) >> WT_PAGE_SHIFT) - (start >> WT_PAGE_SHIFT) + 1);
}

/* Goes to the folio that has the first byte that is left. False: nothing is left. */
static inline bool wt_range_enter(struct wt_range *range) {
    if (range->at >= range->end)
        return false;
    uint64_t folio_bytes = UINT64_C(1) << range->geometry->folio_shift, base = range->at & ~(folio_bytes - 1);
    uint64_t to = range->end - base;
    range->index = range->at >> range->geometry->folio_shift;
    range->from = (uint32_t)(range->at - base);
    range->to = (uint32_t)(to < folio_bytes ? to : folio_bytes);
    return true;
}

/* The range is done up to `stop` in the folio. Returns whether that is all that the range has in the folio. */
static inline bool wt_range_advance(struct wt_range *range, uint32_t stop) {
    assert(range->from <= stop && stop <= range->to);
    range->at += stop - range->from;
    return stop == range->to;
}

/* The range is done in the folio. */
static inline void wt_range_leave(struct wt_range *range) {
    (void)wt_range_advance(range, range->to);
}

/* The blocks that the range has in the folio. */
static inline uint64_t wt_range_blocks(const struct wt_range *range) {
    unsigned shift = range->geometry->block_shift;
    return wt_bits(range->from >> shift, (range->to - 1) >> shift);
}

#endif
