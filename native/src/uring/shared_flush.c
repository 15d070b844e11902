// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "uring/shared_flush.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mutant.h"
#include "base/retry.h"
#include "io/stable.h"
#include "posix/posix.h"
#include "uring/ring.h"

/* ---- which flush a file has ------------------------------------------------------------------------------------ */

static bool is_idle(const struct wt_own_flush *own) {
    return atomic_load_explicit(&own->flush.in_flight, memory_order_relaxed) == 0 && !own->flush.under_way;
}

/* The flush of a file, or one that no file has; moved to the front. NULL: neither. */
static struct wt_own_flush *find_own(struct wt_shared_flush *shared, const struct wt_backing *backing) {
    struct wt_own_flush **idle = NULL, **at = &shared->own;
    while (*at != NULL && ((*at)->backing != backing || is_idle(*at))) {
        idle = is_idle(*at) ? at : idle;
        at = &(*at)->next;
    }
    at = *at == NULL && idle != NULL ? idle : at;
    struct wt_own_flush *found = *at;
    if (found != NULL) {
        *at = found->next;
        found->next = shared->own;
        shared->own = found;
    }
    return found;
}

static bool have_own(struct wt_shared_flush *shared, struct wt_backing *backing) {
    struct wt_own_flush *own = find_own(shared, backing);
    if (own == NULL) {
        own = calloc(1, sizeof *own);
        if (own == NULL) {
            return false;
        }
        own->next = shared->own;
        shared->own = own;
    }
    if (is_idle(own)) { /* another file may have had the address of this one */
        own->backing = backing;
        own->flush.descriptor = wt_posix_flush(backing)->descriptor;
    }
    return true;
}

void wt_shared_flush_close(struct wt_shared_flush *shared) {
    struct wt_own_flush *own;
    while ((own = shared->own) != NULL) {
        shared->own = own->next;
        free(own);
    }
}

/* A durable write of the file is in flight. */
static struct wt_flush *flush_of(struct wt_shared_flush *shared, struct wt_backing *backing) {
    if (!shared->has_own) {
        return wt_posix_flush(backing);
    }
    struct wt_own_flush *own = find_own(shared, backing);
    assert(own != NULL && own->backing == backing);
    return &own->flush;
}

/* ---- what is in flight --------------------------------------------------------------------------------------- */

/* Of the ring of one thread nobody else changes the counts. */
static void change_count(const struct wt_shared_flush *shared, atomic_uint *of, unsigned change) {
    if (shared->has_own) {
        atomic_store_explicit(of, atomic_load_explicit(of, memory_order_relaxed) + change, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(of, change, memory_order_relaxed);
    }
}

static void count(struct wt_shared_flush *shared, const struct wt_io *io, struct wt_flush *flush, unsigned change) {
    if (flush != NULL) {
        change_count(shared, &shared->durable_writes, change);
        change_count(shared, &flush->in_flight, change);
    }
    if (!wt_stable_may_share(io)) {
        change_count(shared, &shared->bystanders, change);
    }
}

bool wt_shared_flush_begin(struct wt_shared_flush *shared, const struct wt_io *io) {
    bool asked = wt_stable_is_asked(io);
    if (asked && shared->has_own && !have_own(shared, io->backing)) {
        return false;
    }
    count(shared, io, !asked ? NULL : shared->has_own ? &shared->own->flush : wt_posix_flush(io->backing), 1);
    return true;
}

void wt_shared_flush_leave(struct wt_shared_flush *shared, const struct wt_io *io) {
    count(shared, io, wt_stable_is_asked(io) ? flush_of(shared, io->backing) : NULL, UINT_MAX);
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
    unsigned in_flight = atomic_load_explicit(&shared->durable_writes, memory_order_relaxed);
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        bool may_flush = wt_stable_is_asked(io) && may_flush_itself(shared, flush_of(shared, io->backing));
        wt_stable_decide_on_ring(io, in_flight, may_flush);
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
        struct wt_flush *flush = flush_of(shared, io->backing);
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
