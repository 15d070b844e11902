// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* How a thread waits for I/O, of its write as a rule. Meanwhile it leads gathers that the write is part of. */
#ifndef WT_AWAIT_H
#define WT_AWAIT_H

#include <semaphore.h>

#include "write/context.h"

/* Waits until another thread, which waits for I/O, has posted the semaphore. No lock is held. */
void wt_await_post(struct wt_engine_object *engine, sem_t *semaphore);

/*
 * Drops the submitter's reference, and waits until all I/O of the write has ended. The write's semaphore is posted for
 * each gather that the thread is to lead, and at the end.
 */
void wt_write_await(struct wt_write *write);

#endif
