// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* How a thread waits for the I/O of its write. Meanwhile it leads gathers that the write is part of. */
#ifndef WT_AWAIT_H
#define WT_AWAIT_H

#include "write/context.h"

/*
 * Drops the submitter's reference, and waits until all I/O of the write has ended. The write's semaphore is posted for
 * each gather that the thread is to lead, and at the end.
 */
void wt_write_await(struct wt_write *write);

#endif
