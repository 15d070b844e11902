// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Handles: numbers that stand for objects across the ABI. The slot of a handle counts the calls inside, so that
 * closing can wait for them. The slot also has a generation, so that an old handle never finds a new object.
 */
#ifndef WT_HANDLE_H
#define WT_HANDLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/wait.h"

#define WT_HANDLE_CHUNK 1024u
#define WT_HANDLE_CHUNKS 1024u

/*
 * One cache line. The slot knows what a call is about to touch besides the object. So the cache lines of all of it
 * are fetched at once, and not one after the other as each leads to the next. With many open files no line is in the
 * processor's caches.
 */
struct wt_handle_slot {
    _Alignas(64) _Atomic uint64_t word; /* tag and generation << 32 | closed << 31 | calls inside */
    void *object;
    _Atomic(const void *) near; /* two cache lines that go with the object */
    _Atomic(void *) recent;     /* what the last call found there: three cache lines */
    uint32_t next_free;
};

struct wt_handle_table {
    struct wt_mutex lock;
    struct wt_condition left; /* the last call has left a closed handle */
    _Atomic(struct wt_handle_slot *) chunks[WT_HANDLE_CHUNKS];
    uint64_t tag;              /* the two highest bits of its handles, so that handles of another table are refused */
    uint64_t first_generation; /* of new slots, shifted as in word: a child of fork(2) has its own */
    uint32_t slot_count;
    uint32_t first_free; /* index + 1, 0: none */
};

#define WT_HANDLE_TABLE(kind)                                                                                          \
    { .lock = WT_MUTEX_INITIALIZER(WT_LOCK_HANDLES), .tag = (uint64_t)(kind) << 62 }

/*
 * A new handle for the object, never 0. 0: there is no memory, or there are too many handles. near: see the slot; may
 * be NULL.
 */
uint64_t wt_handle_open(struct wt_handle_table *table, void *object, const void *near);
/* The object, which stays open until wt_handle_release. NULL: there is no such handle. */
void *wt_handle_acquire(struct wt_handle_table *table, uint64_t handle);
void wt_handle_release(struct wt_handle_table *table, uint64_t handle);
/* What was last noted with the handle; NULL: nothing yet. Called between acquire and release. */
void *wt_handle_recent(struct wt_handle_table *table, uint64_t handle);
void wt_handle_note(struct wt_handle_table *table, uint64_t handle, void *recent);
/*
 * Closes the handle, waits for the calls inside, and returns the object. NULL: there is no such handle any more.
 * backend_of tells the backend whose I/O these calls may wait for; may be NULL.
 */
void *wt_handle_close(struct wt_handle_table *table, uint64_t handle, struct wt_backend *(*backend_of)(void *object));
/*
 * This process was just forked: the parent's handles are no handles here, and no new handle will have the number of
 * one.
 */
void wt_handle_forked(struct wt_handle_table *table);

#endif
