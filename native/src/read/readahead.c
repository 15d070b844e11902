// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "read/readahead.h"

#include "base/mutant.h"
#include "file/inode.h"
#include "read/fetch.h"

/*
 * Read-ahead takes what is to be had without waiting: memory that is free or clean, and an open gate. It holds no lock of the cache, and
 * its I/O ends without needing anything. So nobody waits for it but those who want its bytes.
 */

#define FIRST_WINDOW_BYTES (UINT64_C(128) << 10)
#define LARGEST_WINDOW_BYTES (UINT64_C(2) << 20)

/* Half of what a write takes at once, which is an eighth of the cache. 0: the cache is too small to read ahead. */
static uint64_t largest_window(const struct wt_file_object *file) {
    uint64_t half = file->inode->engine->chunk_bytes / 2;
    half = half < LARGEST_WINDOW_BYTES ? half : LARGEST_WINDOW_BYTES;
    if (file->background) {
        uint64_t piece = wt_background_piece(&file->inode->engine->background);
        half = half < piece ? half : piece;
    }
    return half < FIRST_WINDOW_BYTES ? 0 : half;
}

static void stop(struct wt_read_ahead *ahead) {
    ahead->window = 0;
    atomic_store_explicit(&ahead->trigger, UINT64_MAX, memory_order_relaxed);
}

/* Starts to read a window that begins at from. */
static void send_window(struct wt_file_object *file, uint64_t from) {
    struct wt_read_ahead *ahead = &file->ahead;
    uint64_t size = wt_inode_visible_size(file->inode), largest = largest_window(file);
    uint64_t window = ahead->window && !WT_MUTANT("window-stays-small") ? 2 * ahead->window : FIRST_WINDOW_BYTES;
    window = window < largest ? window : largest;
    uint64_t end = size > from && size - from > window ? from + window : size;
    if (window == 0 || from >= end) {
        stop(ahead);
        return;
    }
    ahead->window = window;
    ahead->end = wt_fetch_ahead(file->inode, from, end, &(uint64_t){UINT64_MAX}, file->background);
    atomic_store_explicit(&ahead->trigger, from, memory_order_relaxed);
}

/* A read that ends at end continues the stream: starts the next window if the read has come to the last one. */
static void go_on(struct wt_file_object *file, uint64_t end) {
    struct wt_read_ahead *ahead = &file->ahead;
    if (ahead->window == 0)
        send_window(file, end);
    else if (end > atomic_load(&ahead->trigger))
        send_window(file, ahead->end > end ? ahead->end : end);
}

void wt_read_ahead_hit(struct wt_file_object *file, uint64_t offset, uint64_t end) {
    struct wt_read_ahead *ahead = &file->ahead;
    if (end <= atomic_load_explicit(&ahead->trigger, memory_order_relaxed))
        return;
    if (atomic_flag_test_and_set(&ahead->busy))
        return;
    if (offset > ahead->end)
        stop(ahead);
    else if (ahead->window > 0)
        go_on(file, end);
    atomic_flag_clear(&ahead->busy);
}

void wt_read_ahead_miss(struct wt_file_object *file, uint64_t offset, uint64_t end, bool sequential) {
    struct wt_read_ahead *ahead = &file->ahead;
    if (atomic_flag_test_and_set(&ahead->busy))
        return;
    bool follows = offset == ahead->next || (ahead->window > 0 && offset >= ahead->next && offset <= ahead->end);
    if (!follows && !WT_MUTANT("read-ahead-goes-on"))
        stop(ahead);
    if (follows || (sequential && !WT_MUTANT("sequential-not-ahead")))
        go_on(file, end);
    ahead->next = end;
    atomic_flag_clear(&ahead->busy);
}
