// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* A queue of wt_io, linked by their next. The owner of the queue guards it. */
#ifndef WT_IO_LIST_H
#define WT_IO_LIST_H

#include <stddef.h>

#include "io/io.h"

struct wt_io_list {
    struct wt_io *first;
    struct wt_io *last; /* meaningless while first is NULL */
};

/* Appends a chain that ends with a NULL next; a NULL chain is empty. Returns the count of I/Os in the chain. */
static inline unsigned wt_io_list_append(struct wt_io_list *list, struct wt_io *chain) {
    unsigned count = 0;
    if (chain == NULL) {
        return 0;
    }
    if (list->first == NULL) {
        list->first = chain;
    } else {
        list->last->next = chain;
    }
    for (; chain != NULL; chain = chain->next) {
        list->last = chain;
        count++;
    }
    return count;
}

static inline void wt_io_list_push(struct wt_io_list *list, struct wt_io *io) {
    io->next = NULL;
    (void)wt_io_list_append(list, io);
}

/* The oldest, or NULL. */
static inline struct wt_io *wt_io_list_pop(struct wt_io_list *list) {
    struct wt_io *io = list->first;
    if (io != NULL) {
        list->first = io->next;
        io->next = NULL;
    }
    return io;
}

#endif
