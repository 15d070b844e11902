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
    assert(visible_size <= end_in_flight && size <= end_in_flight);
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

void wt_ends_show(struct wt_ends *ends, uint64_t end) {
    raise_to(&ends->visible_size, end);
}

void wt_ends_hide(struct wt_ends *ends) {
    if (load(&ends->visible_size) > load(&ends->size))
        atomic_store_explicit(&ends->visible_size, load(&ends->size), memory_order_release);
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

/* ---- which way a transfer goes ----------------------------------------------------------------------------------- */

static uint64_t page_of(uint64_t offset) {
    return offset >> WT_PAGE_SHIFT;
}

static bool is_within_block(const struct wt_geometry *geometry, uint64_t offset) {
    return offset & ((UINT64_C(1) << geometry->block_shift) - 1);
}

/* Whether a page of the range is the tail page of a file that ends at file_end. */
static bool meets_tail_page(const struct wt_geometry *geometry, uint64_t start, uint64_t end, uint64_t file_end) {
    return is_within_block(geometry, file_end) && page_of(start) <= page_of(file_end) &&
           page_of(file_end) <= page_of(end - 1);
}

/* Whether the range ends in the tail page, and not behind the file. */
static bool ends_beside(const struct wt_geometry *geometry, uint64_t end, uint64_t file_end) {
    return end <= file_end && meets_tail_page(geometry, end - 1, end, file_end) &&
           !WT_MUTANT("beside-the-end-is-direct");
}

static bool changes_end(const struct wt_geometry *geometry, uint64_t start, uint64_t end, uint64_t file_end) {
    return (start < file_end && file_end < end) || meets_tail_page(geometry, start, end, file_end);
}

static struct wt_file_route route_of_write(const struct wt_geometry *geometry, uint64_t start, uint64_t end,
                                           struct wt_disk_ends ends) {
    bool partial = is_within_block(geometry, end);
    if (geometry->page_block_shift == 0)
        return (struct wt_file_route){.cached_from = partial ? start : end};
    if (!partial && !ends_beside(geometry, end, ends.now) && !ends_beside(geometry, end, ends.soon))
        return (struct wt_file_route){.cached_from = end};
    uint64_t page = page_of(end - 1) << WT_PAGE_SHIFT;
    return (struct wt_file_route){
        .cached_from = start > page ? start : page, .fence_start = page, .fence_end = page + WT_PAGE_BYTES};
}

static uint64_t whole_pages_until(uint64_t start, uint64_t end, uint64_t file_end) {
    uint64_t whole = page_of(file_end) << WT_PAGE_SHIFT;
    uint64_t from = whole < end ? whole : end;
    return from > start ? from : start;
}

struct wt_file_route wt_ends_route(enum wt_transfer_kind kind, const struct wt_geometry *geometry, bool direct,
                                   uint64_t start, uint64_t end, struct wt_disk_ends ends) {
    assert(start < end && (!direct || !is_within_block(geometry, start)));
    bool cached = is_within_block(geometry, end);
    if (!direct)
        return (struct wt_file_route){.cached_from = start};
    switch (kind) {
    case WT_TRANSFER_WRITE:
        return route_of_write(geometry, start, end, ends);
    case WT_TRANSFER_READ_BELOW:
        return (struct wt_file_route){.cached_from = whole_pages_until(start, end, ends.now)};
    case WT_TRANSFER_ATOMIC:
        cached = changes_end(geometry, start, end, ends.now) || changes_end(geometry, start, end, ends.soon);
        break;
    case WT_TRANSFER_ZEROS:
        cached = cached || (geometry->page_block_shift != 0 && (meets_tail_page(geometry, start, end, ends.now) ||
                                                                meets_tail_page(geometry, start, end, ends.soon)));
        break;
    case WT_TRANSFER_ALONE:
        break;
    }
    return (struct wt_file_route){.cached_from = cached ? start : end};
}

struct wt_file_route wt_ends_route_kept(const struct wt_geometry *geometry, uint64_t start, uint64_t end) {
    struct wt_file_route route = {.cached_from = start};
    if (geometry->page_block_shift != 0) {
        route.fence_start = page_of(start) << WT_PAGE_SHIFT;
        route.fence_end = (page_of(end - 1) + 1) << WT_PAGE_SHIFT;
    }
    return route;
}
