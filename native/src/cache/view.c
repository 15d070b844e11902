// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "cache/view.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/line.h"
#include "base/lock.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/* More inodes than that are elsewhere, and nobody looks at them. A sanitizer watches over those that malloc has. */
#ifdef __SANITIZE_ADDRESS__
static const size_t places = 0;
#else
static const size_t places = 65535; /* 16 bits, and one number that is none */
#endif

struct wt_inode_place {
    struct wt_inode_place *next;
};

void *wt_map_zeroed(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Begins at a huge page, so that a cached read costs few misses of the TLB. */
static void *map_arena(size_t bytes) {
    uint8_t *memory = wt_map_zeroed(bytes + HUGE_PAGE_BYTES);
    if (!memory)
        return NULL;
    size_t before = (HUGE_PAGE_BYTES - (uintptr_t)memory % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
    uint8_t *arena = memory + before;
    if (before)
        munmap(memory, before);
    munmap(arena + bytes, HUGE_PAGE_BYTES - before);
    /* Advice alone: without it everything works, a little slower. */
    (void)madvise(arena, bytes, MADV_HUGEPAGE);
    (void)madvise(arena, bytes, MADV_DONTFORK);
    return arena;
}

static void unmap(struct wt_view *view) {
    for (unsigned i = 0; i < WT_VIEW_PARTS; i++)
        if (view->parts[i].start)
            munmap(view->parts[i].start, view->parts[i].bytes);
    wt_mutex_destroy(&view->inode_lock);
    free(view);
}

/* Whole stripes, a power of two of them; or less than one. */
static uint32_t slot_count(uint32_t page_count) {
    uint32_t most = page_count / 8 / WT_VIEW_SLOT_PAGES, slots = WT_VIEW_STRIPE_SLOTS;
    if (most < slots)
        return most;
    while (2 * slots <= most && slots < WT_VIEW_HIT_STRIPES * WT_VIEW_STRIPE_SLOTS)
        slots *= 2;
    return slots;
}

int wt_view_open(struct wt_view **opened, const struct wt_view_sizes *sizes) {
    struct wt_view *view = calloc(1, sizeof *view);
    if (!view)
        return -ENOMEM;
    const size_t bytes[WT_VIEW_PARTS] = {
        [WT_VIEW_ARENA] = sizes->arena_bytes,
        [WT_VIEW_FOLIOS] = sizes->folio_count * sizes->folio_bytes,
        [WT_VIEW_BUCKETS] = sizes->bucket_count * sizeof(uint32_t),
        [WT_VIEW_INODES] = places * sizes->inode_bytes,
        [WT_VIEW_FACES] = sizes->folio_count * (4 * sizeof(uint64_t) + sizeof(uint32_t)),
        [WT_VIEW_HITS] = (size_t)WT_VIEW_HIT_STRIPES * WT_VIEW_HIT_BYTES,
        [WT_VIEW_PINS] = sizes->page_count * sizeof(uint32_t),
        [WT_VIEW_SLOTS] = slot_count(sizes->page_count) * sizeof(uint32_t),
    };
    view->inode_bytes = sizes->inode_bytes;
    atomic_init(&view->users, 1);
    wt_mutex_init(&view->inode_lock, WT_LOCK_VIEW);
    for (unsigned i = 0; i < WT_VIEW_PARTS; i++) {
        if (bytes[i] == 0)
            continue;
        view->parts[i].start = i == WT_VIEW_ARENA ? map_arena(bytes[i]) : wt_map_zeroed(bytes[i]);
        view->parts[i].bytes = bytes[i];
        if (!view->parts[i].start) {
            unmap(view);
            return -ENOMEM;
        }
    }
    (void)madvise(view->parts[WT_VIEW_FOLIOS].start, bytes[WT_VIEW_FOLIOS], MADV_HUGEPAGE);
    (void)madvise(view->parts[WT_VIEW_FACES].start, bytes[WT_VIEW_FACES], MADV_HUGEPAGE);
    *opened = view;
    return 0;
}

struct wt_faces wt_view_faces(const struct wt_view *view, uint32_t folio_count) {
    uint64_t *start = view->parts[WT_VIEW_FACES].start;
    return (struct wt_faces){
        .version = (_Atomic uint64_t *)start,
        .key = (_Atomic uint64_t *)(start + folio_count),
        .readable = (_Atomic uint64_t *)(start + 2 * (size_t)folio_count),
        .pinnable = (_Atomic uint64_t *)(start + 3 * (size_t)folio_count),
        .base = (_Atomic uint32_t *)(start + 4 * (size_t)folio_count),
    };
}

/*
 * A reader that is still reading finds zeros, and may still count itself. It only reads the arena, which therefore
 * takes no part any more in the memory that the kernel has promised.
 */
static void discard(struct wt_view *view) {
    for (unsigned i = 0; i < WT_VIEW_PARTS; i++)
        if (view->parts[i].start)
            (void)madvise(view->parts[i].start, view->parts[i].bytes, MADV_DONTNEED);
    (void)mmap(view->parts[WT_VIEW_ARENA].start, view->parts[WT_VIEW_ARENA].bytes, PROT_READ,
               MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void wt_view_close(struct wt_view *view) {
    if (atomic_load(&view->users) > 1)
        discard(view);
    wt_view_release(view);
}

void wt_view_use(struct wt_view *view) {
    atomic_fetch_add(&view->users, 1);
}

void wt_view_release(struct wt_view *view) {
    if (atomic_fetch_sub(&view->users, 1) == 1)
        unmap(view);
}

/* ---- inodes -------------------------------------------------------------------------------------------------- */

void *wt_view_take_inode(struct wt_view *view) {
    void *inode = NULL;
    wt_lock(&view->inode_lock);
    if (view->free_inode) {
        inode = view->free_inode;
        view->free_inode = view->free_inode->next;
    } else if (view->fresh_inode < places) {
        inode = (char *)view->parts[WT_VIEW_INODES].start + view->fresh_inode++ * view->inode_bytes;
    }
    wt_unlock(&view->inode_lock);
    return inode ? inode : wt_line_alloc(view->inode_bytes);
}

void wt_view_give_inode(struct wt_view *view, void *inode) {
    if (wt_view_place(view, inode) == WT_NONE) {
        wt_line_free(inode);
        return;
    }
    struct wt_inode_place *place = inode;
    wt_lock(&view->inode_lock);
    place->next = view->free_inode;
    view->free_inode = place;
    wt_unlock(&view->inode_lock);
}

uint32_t wt_view_place(const struct wt_view *view, const void *inode) {
    uintptr_t offset = (uintptr_t)inode - (uintptr_t)view->parts[WT_VIEW_INODES].start;
    return offset < view->parts[WT_VIEW_INODES].bytes ? (uint32_t)(offset / view->inode_bytes) : WT_NONE;
}

uint64_t wt_view_key(uint32_t place, uint64_t index) {
    return place == WT_NONE ? WT_FACE_NONE : (uint64_t)place << WT_FACE_INDEX_BITS | index;
}

/* ---- what readers count -------------------------------------------------------------------------------------- */

uint64_t wt_view_hits(const struct wt_view *view) {
    const char *hits = view->parts[WT_VIEW_HITS].start;
    uint64_t sum = 0;
    for (unsigned i = 0; i < WT_VIEW_HIT_STRIPES; i++)
        sum += atomic_load_explicit((const _Atomic uint64_t *)(hits + (size_t)i * WT_VIEW_HIT_BYTES),
                                    memory_order_relaxed);
    return sum;
}

uint64_t wt_view_pinned_pages(const struct wt_view *view) {
    const _Atomic uint32_t *slots = view->parts[WT_VIEW_SLOTS].start;
    uint64_t sum = 0;
    for (size_t i = 0; i < view->parts[WT_VIEW_SLOTS].bytes / sizeof *slots; i++)
        sum += atomic_load_explicit(&slots[i], memory_order_relaxed);
    return sum;
}
