// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Memory of the arena that is about to be used. The kernel clears memory when it is touched for the first time: a huge
 * page in 0.25 ms, and in 5 ms in a virtual machine whose host has to find the memory. So a thread has the kernel do that
 * for the next piece, while writes and reads fill the piece before it. The arena is taken from its start to its end, once.
 *
 *      piece 0         piece 1         piece 2         piece 3
 *  |---------------|---------------|---------------|---------------|
 *  |<------ in use ------>|        |<- populated ->|<- untouched
 *
 * An engine that never leaves its first piece has no such thread. The thread ends with the last piece.
 */
#ifndef WT_POPULATE_H
#define WT_POPULATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/wait.h"

#define WT_POPULATE_PIECE_BYTES ((size_t)2 << 20) /* a huge page */

struct wt_populate {
    uint8_t *arena;
    size_t arena_bytes;
    _Atomic size_t used_bytes; /* so much of the arena is in use, or was */
    _Atomic size_t due_at;     /* the next piece is wanted once used_bytes is so much */
    struct wt_mutex lock;
    struct wt_condition due;
    size_t from, until; /* to be populated */
    bool started, stops;
    pthread_t thread;
};

/* The arena begins at a piece. NULL: nothing is ever populated. */
void wt_populate_open(struct wt_populate *populate, uint8_t *arena, size_t arena_bytes);
/* Waits for the thread. */
void wt_populate_close(struct wt_populate *populate);
/* For wt_populate_if_due. */
void wt_populate_next(struct wt_populate *populate);

/* So much of the arena is about to be used for the first time. One thread at a time calls this. */
static inline void wt_populate_used(struct wt_populate *populate, size_t used_bytes) {
    atomic_store_explicit(&populate->used_bytes, used_bytes, memory_order_relaxed);
}

/* Has the next piece populated if that is due. The caller holds no lock. */
static inline void wt_populate_if_due(struct wt_populate *populate) {
    if (atomic_load_explicit(&populate->used_bytes, memory_order_relaxed) >=
        atomic_load_explicit(&populate->due_at, memory_order_relaxed))
        wt_populate_next(populate);
}

#endif
