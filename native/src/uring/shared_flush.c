// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "uring/shared_flush.h"

#include <errno.h>
#include <stddef.h>

#include "base/mutant.h"
#include "base/retry.h"
#include "io/stable.h"
#include "posix/posix.h"
#include "uring/ring.h"

/* ---- what is in flight --------------------------------------------------------------------------------------- */

void wt_shared_flush_count(struct wt_shared_flush *shared, const struct wt_io *io, unsigned change) {
    if (wt_stable_is_asked(io)) {
        atomic_fetch_add_explicit(&shared->durable_writes, change, memory_order_relaxed);
        atomic_fetch_add_explicit(&wt_posix_flush(io->backing)->in_flight, change, memory_order_relaxed);
    }
    if (!wt_stable_may_share(io)) {
        atomic_fetch_add_explicit(&shared->bystanders, change, memory_order_relaxed);
    }
}

/*
 * Whether a caller that reaps may flush the file itself. That saves a worker of the kernel, and the caller is not
 * woken by each write that completes meanwhile. But while the caller is inside fdatasync nobody reaps. So I/O that
 * needs no flush would be delayed, and other files' writes, whose flushes the kernel sends to the disk as one when
 * they come together. The counts may have changed already.
 */
static bool may_flush_itself(struct wt_shared_flush *shared, const struct wt_flush *flush) {
    return atomic_load_explicit(&shared->patient, memory_order_relaxed) &&
           atomic_load_explicit(&shared->bystanders, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&shared->durable_writes, memory_order_relaxed) ==
               atomic_load_explicit(&flush->in_flight, memory_order_relaxed);
}

void wt_shared_flush_decide(struct wt_shared_flush *shared, struct wt_io *list) {
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_shared_flush_count(shared, io, 1);
    }
    unsigned in_flight = atomic_load_explicit(&shared->durable_writes, memory_order_relaxed);
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_stable_decide_on_ring(io, in_flight, may_flush_itself(shared, wt_posix_flush(io->backing)));
    }
}

void wt_shared_flush_set_patient(struct wt_shared_flush *shared, bool patient) {
    atomic_store_explicit(&shared->patient, patient, memory_order_relaxed);
}

/* ---- what is due --------------------------------------------------------------------------------------------- */

void wt_shared_flush_push(struct wt_shared_flush *shared, struct wt_flush *flush) {
    flush->next = shared->due;
    shared->due = flush;
}

void wt_shared_flush_add(struct wt_shared_flush *shared, struct wt_io_list *written) {
    struct wt_io *io;
    while ((io = wt_io_list_pop(written)) != NULL) {
        struct wt_flush *flush = wt_posix_flush(io->backing);
        if (wt_flush_add(flush, io)) {
            wt_shared_flush_push(shared, flush);
        }
    }
}

struct wt_flush *wt_shared_flush_take(struct wt_shared_flush *shared, unsigned limit, unsigned *count) {
    struct wt_flush *chain = shared->due;
    struct wt_flush **link = &chain;
    for (; *link != NULL && limit > 0; limit--) {
        wt_flush_begin(*link);
        link = &(*link)->next;
        ++*count;
    }
    shared->due = *link;
    *link = NULL;
    return chain;
}

struct wt_flush *wt_shared_flush_take_own(struct wt_shared_flush *shared, bool awaited) {
    struct wt_flush *flush = shared->due;
    if (flush == NULL || flush->next != NULL || awaited || !may_flush_itself(shared, flush)) {
        return NULL;
    }
    shared->due = NULL;
    wt_flush_begin(flush);
    return flush;
}

bool wt_shared_flush_end(struct wt_shared_flush *shared, struct wt_flush *flush, int result,
                         struct wt_io_list *flushed) {
    bool again = (wt_ring_dropped(result) || result == -EINTR || result == -EAGAIN) && wt_may_retry(&flush->retries);
    bool ended = !again;
    if (ended) {
        flush->retries = 0;
        (void)wt_io_list_append(flushed, wt_flush_end(flush, WT_MUTANT("ring-flush-ignored") ? 0 : result, &again));
    }
    if (again) {
        wt_shared_flush_push(shared, flush);
    }
    return ended;
}
