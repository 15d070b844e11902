// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "uring/burst.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "io/stable.h"
#include "io/wait.h"
#include "posix/descriptor.h"
#include "posix/posix.h"
#include "uring/ring.h"

/* Enough for a contiguous write. A write that other writers' blocks break up may need more, and then goes in rounds. */
#define RING_ENTRIES 32u
/* At most this many threads have a burst at once; others write without. */
#define RINGS_MAX 16u

struct wt_burst {
    struct io_uring ring;
    struct wt_bursts *bursts;
    struct wt_burst *next;
    unsigned in_flight;
    bool refused;                  /* by the kernel, for good: what it has not taken is for this thread to do */
    struct wt_io_list transferred; /* or failed */
    struct wt_io_list cached; /* through the page cache, by this thread: a worker of the kernel would do it no sooner */
    struct wt_io_list later;  /* for which the ring had no place */
    struct wt_io_list unsent; /* of which something is left for this thread to do */
};

/* ---- the end --------------------------------------------------------------------------------------------------- */

void wt_burst_finish(struct wt_backend *backend, struct wt_io_list *transferred) {
    struct wt_backing *owing = NULL;
    for (struct wt_io *io = transferred->first; io != NULL; io = io->next) {
        assert(io->backing == transferred->first->backing);
        bool some = WT_MUTANT("burst-short-not-flushed") ? io->done == io->length : io->done > 0;
        owing = wt_stable_owes_flush(io) && some ? io->backing : owing;
    }
    int rc = owing != NULL && !WT_MUTANT("burst-not-flushed") ? owing->ops->sync(owing, true) : 0;
    if (owing != NULL && wt_disk_may_have_cache(owing->profile.disk)) {
        atomic_fetch_add_explicit(&backend->shared_flushes, 1, memory_order_relaxed);
    }
    struct wt_io *io;
    while ((io = wt_io_list_pop(transferred)) != NULL) {
        if (rc < 0 && wt_stable_owes_flush(io)) {
            io->error = rc;
            io->done = 0;
            io->flush_failed = true;
        }
        io->complete(io);
    }
}

/* ---- on a ring ------------------------------------------------------------------------------------------------- */

static void take(struct wt_burst *burst, const struct io_uring_cqe *cqe) {
    struct wt_io *io = (struct wt_io *)(uintptr_t)cqe->user_data;
    bool again = cqe->res == -EAGAIN || wt_ring_dropped(cqe->res);
    bool over = !again && wt_posix_apply_result(io, cqe->res);
    wt_io_list_push(over ? &burst->transferred : &burst->unsent, io);
}

/* Waits until all that the ring has are transferred. */
static void take_all(struct wt_burst *burst) {
    wt_assert_may_block();
    unsigned pauses = 0;
    while (burst->in_flight > 0) {
        struct io_uring_cqe *cqe;
        unsigned head;
        unsigned taken = 0;
        if (burst->refused) {
            wt_ring_pause(); /* the kernel ends what it has all the same */
        } else {
            int rc = io_uring_wait_cqe_nr(&burst->ring, &cqe, burst->in_flight);
            burst->refused = rc < 0 && !wt_ring_ask_again(rc, &pauses);
        }
        io_uring_for_each_cqe(&burst->ring, head, cqe) {
            take(burst, cqe);
            taken++;
        }
        io_uring_cq_advance(&burst->ring, taken);
        burst->in_flight -= taken;
    }
}

/* Gives the kernel what is prepared. What it refuses is left to this thread. */
static void enter(struct wt_burst *burst) {
    uint64_t data;
    burst->refused = wt_ring_enter(&burst->ring) < 0;
    while (burst->refused && wt_ring_take_back(&burst->ring, &data)) {
        burst->in_flight--;
        wt_io_list_push(&burst->unsent, (struct wt_io *)(uintptr_t)data);
    }
}

/* Sends as many as the ring has places for. */
static void send_some(struct wt_burst *burst) {
    int64_t now_ns = wt_now_ns();
    struct wt_io *io;
    if (burst->refused) {
        (void)wt_io_list_append(&burst->unsent, burst->later.first);
        burst->later.first = NULL;
        return;
    }
    while (burst->in_flight < RING_ENTRIES && (io = wt_io_list_pop(&burst->later)) != NULL) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&burst->ring);
        assert(sqe != NULL);
        io->started_ns = io->started_ns != 0 ? io->started_ns : now_ns;
        io_uring_prep_writev(sqe, wt_posix_descriptor(io), wt_io_left(io), wt_io_left_count(io), io->offset);
        sqe->rw_flags = wt_posix_rwf(io);
        io_uring_sqe_set_data(sqe, io);
        burst->in_flight++;
    }
    enter(burst);
}

void wt_burst_start(struct wt_burst *burst, struct wt_io *list) {
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        assert(io->op == WT_IO_WRITE && !io->atomic && !io->high_priority);
        wt_posix_begin(io);
        wt_stable_decide(io, io->through_page_cache ? WT_SENDER_THREAD : WT_SENDER_BURST);
        wt_io_list_push(io->through_page_cache ? &burst->cached : &burst->later, io);
    }
    send_some(burst);
}

static void run_here(struct wt_burst *burst, struct wt_io_list *list) {
    struct wt_io *io;
    while ((io = wt_io_list_pop(list)) != NULL) {
        wt_posix_run_left(io);
        wt_io_list_push(&burst->transferred, io);
    }
}

void wt_burst_end(struct wt_burst *burst) {
    struct wt_bursts *bursts = burst->bursts;
    run_here(burst, &burst->cached);
    while (burst->in_flight > 0) {
        take_all(burst);
        send_some(burst);
    }
    run_here(burst, &burst->unsent);
    struct wt_io_list transferred = burst->transferred;
    burst->transferred.first = NULL;
    wt_lock(&bursts->lock);
    bursts->refused = bursts->refused || burst->refused;
    burst->next = bursts->idle;
    bursts->idle = burst;
    wt_unlock(&bursts->lock);
    wt_burst_finish(bursts->backend, &transferred);
}

/* ---- rings ----------------------------------------------------------------------------------------------------- */

int wt_bursts_open(struct wt_bursts *bursts, struct wt_backend *backend) {
    bursts->backend = backend;
    return -wt_mutex_init(&bursts->lock, WT_LOCK_BURSTS);
}

void wt_bursts_close(struct wt_bursts *bursts) {
    struct wt_burst *burst;
    while ((burst = bursts->idle) != NULL) {
        assert(burst->in_flight == 0 && burst->later.first == NULL && burst->transferred.first == NULL);
        assert(burst->cached.first == NULL && burst->unsent.first == NULL);
        bursts->idle = burst->next;
        bursts->count--;
        wt_ring_exit(&burst->ring);
        free(burst);
    }
    assert(bursts->count == 0);
    wt_mutex_destroy(&bursts->lock);
}

static struct wt_burst *new_burst(struct wt_bursts *bursts) {
    struct wt_burst *burst = calloc(1, sizeof *burst);
    if (burst == NULL) {
        return NULL;
    }
    /* One thread at a time waits for it, and is not to be interrupted before (Linux 5.19). */
    int rc = io_uring_queue_init(RING_ENTRIES, &burst->ring, IORING_SETUP_COOP_TASKRUN);
    if (rc == -EINVAL) {
        rc = io_uring_queue_init(RING_ENTRIES, &burst->ring, 0);
    }
    rc = wt_ring_above_standard(rc, &burst->ring);
    if (rc < 0) {
        free(burst);
        return NULL;
    }
    burst->bursts = bursts;
    return burst;
}

struct wt_burst *wt_burst_begin(struct wt_bursts *bursts) {
    wt_lock(&bursts->lock);
    struct wt_burst *burst = bursts->refused ? NULL : bursts->idle;
    if (burst != NULL) {
        bursts->idle = burst->next;
    }
    bool may_make = burst == NULL && !bursts->refused && bursts->count < RINGS_MAX;
    bursts->count += may_make;
    wt_unlock(&bursts->lock);
    if (!may_make) {
        return burst;
    }
    burst = new_burst(bursts);
    if (burst == NULL) { /* without memory, or descriptors; it is tried again */
        wt_lock(&bursts->lock);
        bursts->count--;
        wt_unlock(&bursts->lock);
    }
    return burst;
}
