/*
 * An asynchronous operation, and the queue of those that ended: a list of the operations themselves, so that it can't
 * overflow and posting cannot fail.
 */
#ifndef WT_OPERATION_H
#define WT_OPERATION_H

#include <stdint.h>

#include "writethrough.h"

struct wt_engine_object;
struct wt_inode;
struct wt_write;

enum wt_operation_kind { WT_OPERATION_WRITE, WT_OPERATION_FETCH };

struct wt_operation {
    struct wt_operation *next;
    uint64_t token;
    int64_t result;
    uint64_t stable_bytes;
    uint64_t offset;
    wt_file handle; /* held open until the operation ends */
    enum wt_operation_kind kind;
};

/* Posts the events of operations of one inode, then lets go of their files and leaves the inode's gate, for each. */
void wt_operations_end(struct wt_inode *inode, struct wt_operation *list);

/* Memory for an asynchronous write, kept for use again. NULL: none. */
/*
 * Counts the memory of an operation, until its event is taken or it is given up: -ENOBUFS where that is too much, since nobody takes
 * events.
 */
int wt_operation_begin(struct wt_engine_object *engine, size_t bytes);
void wt_operation_give_up(struct wt_engine_object *engine, size_t bytes);
extern const size_t wt_fetch_bytes;
/* Sets *write; -ENOMEM or -ENOBUFS. */
int wt_write_take(struct wt_engine_object *engine, struct wt_write **write);
void wt_write_give(struct wt_engine_object *engine, struct wt_write *write);

/* read.c */
void wt_fetch_free(struct wt_operation *operation);

/* No further event will be posted: who reaps gets what is left, then -ESHUTDOWN. */
void wt_operations_shut_down(struct wt_engine_object *engine);
/* Frees events that nobody reaped, and memory that is kept. */
void wt_operations_free(struct wt_engine_object *engine);
/* wt_reap */
int wt_operations_reap(struct wt_engine_object *engine, struct wt_event *events, int max, int64_t timeout_ns);

#endif
