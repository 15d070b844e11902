// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Durable writes of a file that share flushes: those for which stable.h answers WT_STABLE_BY_SHARED_FLUSH.
 *
 * On a disk with a volatile cache and no FUA, a write with RWF_DSYNC is a write and a flush. For an asynchronous
 * write a worker thread of the kernel waits for that flush. It costs less to send such writes as plain writes, and
 * then one fdatasync for all that completed before it began. While that flush is in flight other writes complete:
 * they get the next flush.
 *
 * The thread that reaps completions issues the flush itself, if every I/O in flight is a flush-sharing write to one
 * file. Otherwise a worker of the kernel does.
 */
#ifndef WT_FLUSH_H
#define WT_FLUSH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mutant.h"
#include "io/list.h"

/* The flushes of an open file, on the rings of the backend or on the ring of one thread. Who has them guards them. */
struct wt_flush {
    int descriptor;            /* of the file */
    struct wt_io_list written; /* plain writes that completed and wait for the next flush */
    struct wt_io_list covered; /* plain writes that the flush in flight covers */
    uint32_t retries;          /* how often the flush in flight was sent again */
    bool under_way;            /* a flush is in flight, or about to begin: from wt_flush_add to wt_flush_end */
    struct wt_flush *next;     /* the backend's own */
    atomic_uint in_flight;     /* durable writes of the file, sent and not completed */
};

/* A plain write has been transferred. True: no flush is in flight, and the caller has to issue one. */
static inline bool wt_flush_add(struct wt_flush *flush, struct wt_io *io) {
    wt_io_list_push(&flush->written, io);
    bool start = !flush->under_way;
    flush->under_way = true;
    return start;
}

/* A flush begins now. It covers all writes that were added until now. */
static inline void wt_flush_begin(struct wt_flush *flush) {
    (void)wt_io_list_append(&flush->covered, flush->written.first);
    flush->written.first = NULL;
}

/*
 * The flush has ended. Returns its writes, which are stable or failed, as a chain. *again: other writes were
 * transferred meanwhile, and the caller has to issue a flush for them. If not *again, the file may be gone as soon as
 * the last write of the chain is completed.
 */
static inline struct wt_io *wt_flush_end(struct wt_flush *flush, int error, bool *again) {
    if (WT_MUTANT("flush-covers-too-much")) {
        wt_flush_begin(flush);
    }
    struct wt_io *ended = flush->covered.first;
    flush->covered.first = NULL;
    flush->under_way = *again = flush->written.first != NULL;
    for (struct wt_io *io = ended; error && io != NULL; io = io->next) {
        io->error = error;
        io->done = 0;
        io->flush_failed = true;
        if (WT_MUTANT("flush-error-to-first")) {
            break;
        }
    }
    return ended;
}

#endif
