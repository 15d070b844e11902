// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The queue of an engine's asynchronous operations that ended. The queue is a list of the operations themselves, so it
 * cannot overflow, and posting cannot fail.
 */
#ifndef WT_OPERATION_H
#define WT_OPERATION_H

#include <stddef.h>
#include <stdint.h>

#include "engine/call.h"

struct wt_engine_object;
struct wt_inode;
struct wt_lane_object;

/*
 * Posts the events of operations of one inode. Then lets go of the file of each, and leaves the inode's gate for
 * each.
 */
void wt_operations_end(struct wt_inode *inode, struct wt_operation *list);

/*
 * Around the start of an operation that may end without an event. Returns whether it did: on this thread, in between, and
 * without an error. Then the file is still open, the gate entered, and the memory of the operation the caller's.
 */
void wt_operation_starts(struct wt_operation *operation);
bool wt_operation_ended_at_once(void);

/*
 * Counts the memory of an operation until its event is taken or the operation is given up; of an operation of a lane (NULL:
 * of none) the operation. -ENOBUFS: too much is counted, since nobody takes events.
 */
int wt_operation_begin(struct wt_engine_object *engine, struct wt_lane_object *lane, size_t bytes);
void wt_operation_give_up(struct wt_engine_object *engine, struct wt_lane_object *lane, size_t bytes);
/* No further event will be posted. wt_reap gives the events that are left, then -ESHUTDOWN. */
void wt_operations_shut_down(struct wt_engine_object *engine);
/* Frees events that nobody took, and memory that is kept for use again. */
void wt_operations_free(struct wt_engine_object *engine);
/* wt_reap */
int wt_operations_reap(struct wt_engine_object *engine, struct wt_event *events, int max, int64_t timeout_ns);

#endif
