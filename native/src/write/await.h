// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* How a thread waits for I/O, of its write as a rule. Meanwhile it leads gathers that the write is part of. */
#ifndef WT_AWAIT_H
#define WT_AWAIT_H

#include <semaphore.h>

#include "write/context.h"

/* Waits until another thread, which waits for I/O, has posted the semaphore. No lock is held. */
void wt_await_post(struct wt_engine_object *engine, sem_t *semaphore);

/* Whether all I/O of the write has ended, and nothing else is to be done: the submitter need not wait. */
static inline bool wt_write_has_ended(const struct wt_write *write) {
    return atomic_load_explicit(&write->references, memory_order_acquire) == 1 && !write->flags &&
           !atomic_load(&write->lead);
}

/*
 * Drops the submitter's reference, and waits until all I/O of the write has ended. The write's semaphore is posted for
 * each gather that the thread is to lead, and at the end.
 */
void wt_write_await(struct wt_write *write);

#endif
