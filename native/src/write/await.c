// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/await.h"

#include "base/clock.h"
#include "engine/objects.h"
#include "write/gather.h"
#include "write/writeback.h"

/*
 * A crowd is many more waiting threads than processors. There it costs less to let other threads run a few times than
 * to sleep and be woken, which is a system call each and often an interrupt of another processor. The I/O that all
 * wait for ends meanwhile.
 */
#define CROWD_YIELDS 16

/* Yields, and tells whether the semaphore was posted. */
static bool yield_to_crowd(struct wt_engine_object *engine, sem_t *semaphore) {
    int64_t begin_ns = wt_now_ns();
    if (wt_backoff_is_on(&engine->crowd_backoff, begin_ns))
        return false;
    bool posted = false;
    for (int i = 0; i < CROWD_YIELDS && !posted; i++) {
        wt_yield(engine->backend);
        posted = sem_trywait(semaphore) == 0;
    }
    wt_backoff_after(&engine->crowd_backoff, begin_ns, wt_now_ns());
    return posted;
}

void wt_await_post(struct wt_engine_object *engine, sem_t *semaphore) {
    bool crowd = atomic_fetch_add_explicit(&engine->waiting_writers, 1, memory_order_relaxed) >= engine->crowd;
    bool posted = sem_trywait(semaphore) == 0 || (crowd && yield_to_crowd(engine, semaphore));
    if (!posted)
        wt_wait_post(engine->backend, semaphore);
    atomic_fetch_sub_explicit(&engine->waiting_writers, 1, memory_order_relaxed);
}

void wt_write_await(struct wt_write *write) {
    wt_gather_begin_waiting(write);
    /* The last reference: nothing was started, or all of it has ended. Nobody will post any more. */
    bool ended = atomic_fetch_sub(&write->references, 1) == 1;
    if (ended && write->flags) { /* there is more to do, which posts when it is done */
        write->next_done = NULL;
        wt_writes_end(write->inode, write);
        ended = false;
    }
    struct wt_folio *lead;
    do {
        if (!ended)
            wt_await_post(write->inode->engine, &write->wake);
        lead = wt_gather_take_lead(write);
        if (lead)
            wt_launch_gather(lead);
        /* another thread sent the gather, and all has ended, before the thread that handed it over has posted */
        if (lead && ended)
            wt_await_post(write->inode->engine, &write->wake);
    } while (lead);
}
