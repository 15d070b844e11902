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

/* Operations that ended, the oldest first. last: only if there is a first. */
struct wt_ended {
    struct wt_operation *first, *last;
};

/* Appends a list of operations. */
static inline void wt_ended_append(struct wt_ended *ended, struct wt_operation *first, struct wt_operation *last) {
    if (ended->first)
        ended->last->next = first;
    else
        ended->first = first;
    ended->last = last;
}

static inline struct wt_operation *wt_ended_take(struct wt_ended *ended) {
    struct wt_operation *operation = ended->first;
    ended->first = operation->next;
    return operation;
}

static inline struct wt_event wt_event_of(const struct wt_operation *operation) {
    return (struct wt_event){.token = operation->token,
                             .result = operation->result,
                             .stable_bytes = operation->stable_bytes,
                             .offset = operation->offset};
}

#endif
