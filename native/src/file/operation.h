// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * An asynchronous operation, and the queue of those that ended. The queue is a list of the operations themselves, so
 * it cannot overflow, and posting cannot fail.
 */
#ifndef WT_OPERATION_H
#define WT_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writethrough.h"

struct wt_engine_object;
struct wt_inode;
struct wt_operation;

/* The objects that operations are the beginning of. */
struct wt_operation_type {
    size_t bytes; /* of memory, which counts until the event is taken */
    bool kept;    /* its memory is kept in the engine, for the next write */
    void (*free)(struct wt_operation *);
};

struct wt_operation {
    struct wt_operation *next;
    uint64_t token;
    int64_t result;
    uint64_t stable_bytes;
    uint64_t offset;
    wt_file handle; /* held open until the operation ends */
    const struct wt_operation_type *type;
};

/*
 * Posts the events of operations of one inode. Then lets go of the file of each, and leaves the inode's gate for
 * each.
 */
void wt_operations_end(struct wt_inode *inode, struct wt_operation *list);

/*
 * Counts the memory of an operation until its event is taken or the operation is given up. -ENOBUFS: too much is
 * counted, since nobody takes events.
 */
int wt_operation_begin(struct wt_engine_object *engine, size_t bytes);
void wt_operation_give_up(struct wt_engine_object *engine, size_t bytes);
/* No further event will be posted. wt_reap gives the events that are left, then -ESHUTDOWN. */
void wt_operations_shut_down(struct wt_engine_object *engine);
/* Frees events that nobody took, and memory that is kept for use again. */
void wt_operations_free(struct wt_engine_object *engine);
/* wt_reap */
int wt_operations_reap(struct wt_engine_object *engine, struct wt_event *events, int max, int64_t timeout_ns);

#endif
