// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "cache/populate.h"

#include <sys/mman.h>

#include "base/thread.h"

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

/* At a time: with pages of 4 KiB nobody who maps memory in this process waits longer than 0.2 ms. */
#define STEP_BYTES ((size_t)256 << 10)

void wt_populate_open(struct wt_populate *populate, uint8_t *arena, size_t arena_bytes) {
    *populate = (struct wt_populate){.arena = arena, .arena_bytes = arena_bytes};
    atomic_init(&populate->due_at, arena ? WT_POPULATE_PIECE_BYTES + 1 : SIZE_MAX);
    wt_mutex_init(&populate->lock, WT_LOCK_POPULATE);
    wt_condition_init(&populate->due);
}

void wt_populate_close(struct wt_populate *populate) {
    wt_lock(&populate->lock);
    populate->stops = true;
    wt_wake_all(&populate->due);
    wt_unlock(&populate->lock);
    if (populate->started)
        wt_join(populate->thread);
    wt_condition_destroy(&populate->due);
    wt_mutex_destroy(&populate->lock);
}

/* The thread ends where the kernel cannot, or has no memory: then whoever touches the memory first waits for it. */
static void *populate_pieces(void *argument) {
    struct wt_populate *populate = argument;
    bool works = true;
    wt_lock(&populate->lock);
    while (works && !populate->stops && populate->from < populate->arena_bytes) {
        size_t left = populate->until - populate->from;
        if (left == 0) {
            wt_sleep(&populate->due, &populate->lock);
            continue;
        }
        uint8_t *at = populate->arena + populate->from;
        size_t step = left < STEP_BYTES ? left : STEP_BYTES;
        populate->from += step;
        wt_unlock(&populate->lock);
        works = madvise(at, step, MADV_POPULATE_WRITE) == 0;
        wt_lock(&populate->lock);
    }
    wt_unlock(&populate->lock);
    return NULL;
}

void wt_populate_next(struct wt_populate *populate) {
    wt_lock(&populate->lock);
    size_t used = atomic_load(&populate->used_bytes);
    size_t from = (used + WT_POPULATE_PIECE_BYTES - 1) / WT_POPULATE_PIECE_BYTES * WT_POPULATE_PIECE_BYTES;
    size_t until = from + WT_POPULATE_PIECE_BYTES;
    if (used >= atomic_load(&populate->due_at) && from < populate->arena_bytes) {
        populate->from = from; /* what is left of an earlier piece is in use by now */
        populate->until = until < populate->arena_bytes ? until : populate->arena_bytes;
        if (!populate->started)
            populate->started = wt_thread_start(&populate->thread, "wt-populate", populate_pieces, populate) == 0;
        else
            wt_wake_one(&populate->due);
    }
    /* After a thread that could not be started nobody tries again. */
    atomic_store(&populate->due_at, populate->started ? from + 1 : SIZE_MAX);
    wt_unlock(&populate->lock);
}
