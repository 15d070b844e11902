// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* An asynchronous operation, from the call that begins it until its event is taken. */
#ifndef WT_CALL_H
#define WT_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writethrough.h"

struct wt_lane_object;
struct wt_operation;

/* The objects that operations are the beginning of. */
struct wt_operation_type {
    size_t bytes; /* of memory, which counts until the event is taken */
    bool kept;    /* its memory is kept, for the next write of the engine or of the lane */
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
    const void *starter;         /* the thread that could be told the end at once */
    struct wt_lane_object *lane; /* that gets the event. NULL: the engine's queue does */
};

#endif
