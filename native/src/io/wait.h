// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Waiting. A thread may hold back I/O in its plug. A backend may hold back I/O for a moment. A backend without
 * threads works only when a caller tells it to. So every wait for others goes through this file, and sends all of
 * that first. Nothing else in the core waits; native/test/waits checks that.
 *
 * Locks that are held for a moment, for copies of memory at most, are not in here. Their holders wait for nothing.
 */
#ifndef WT_WAIT_H
#define WT_WAIT_H

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/io.h"
#include "io/plug.h"

/* A thread is about to block, in a backend or in the kernel: it holds back no I/O, and no lock but long ones. */
static inline void wt_assert_may_block(void) {
    assert(wt_plug_is_empty());
    wt_lock_check_wait(NULL);
}

/* ---- for others ---------------------------------------------------------------------------------------------- */

/*
 * What threads wait for. One lock, always the same, is held while the condition changes and while a thread begins to
 * wait.
 */
struct wt_condition {
    pthread_cond_t condition; /* by CLOCK_MONOTONIC */
    uint32_t changes;         /* a waiter sees by this what it missed while it did not hold the lock */
};

void wt_condition_init(struct wt_condition *condition);
void wt_condition_destroy(struct wt_condition *condition);
/* The condition has changed: wakes one of its waiters, or all. The lock is held. */
void wt_wake_one(struct wt_condition *condition);
void wt_wake_all(struct wt_condition *condition);

/*
 * Waits until the condition may have changed. The lock is the only one that this thread holds, and is released
 * meanwhile. The caller looks again at what it waits for. backend: NULL if the caller waits for no I/O.
 */
void wt_wait(struct wt_backend *backend, struct wt_condition *condition, struct wt_mutex *lock);
/*
 * The same for a thread that has nothing to send: a thread of a backend, or one that has called wt_before_wait or
 * wt_before_reap.
 */
void wt_sleep(struct wt_condition *condition, struct wt_mutex *lock);
/* The same, until a time of CLOCK_MONOTONIC. False: that time has come. */
bool wt_sleep_until(struct wt_condition *condition, struct wt_mutex *lock, int64_t until_ns);
/* Waits until the semaphore was posted. No lock is held. */
void wt_wait_post(struct wt_backend *backend, sem_t *semaphore);

/*
 * Called before waiting for others, with no lock held. Sends the I/O that this thread holds back, and lets a backend
 * without threads work. True: something happened, so look again before waiting.
 */
bool wt_before_wait(struct wt_backend *backend);
/* The same before waiting for events, which other threads see to. */
bool wt_before_reap(struct wt_backend *backend);

/*
 * A lock that is held over waits, also over waits for I/O. The I/O that the holder waits for may be in the plug of a
 * thread that wants the lock.
 */
struct wt_long_lock {
    struct wt_mutex mutex;
};

void wt_long_lock_init(struct wt_long_lock *lock, enum wt_lock_rank rank);
void wt_long_lock_destroy(struct wt_long_lock *lock);
/* Takes the lock. The caller holds no lock that the end of an I/O needs. */
void wt_long_lock(struct wt_backend *backend, struct wt_long_lock *lock);
void wt_long_unlock(struct wt_long_lock *lock);

/* ---- for a device -------------------------------------------------------------------------------------------- */

/*
 * The operations of a backing, to call one that blocks until a device is done. First sends the plug: nobody is to
 * wait for I/O in a plug meanwhile. The caller holds no lock that the end of an I/O needs.
 */
static inline const struct wt_backing_ops *wt_blocking(const struct wt_backing *backing) {
    (void)wt_plug_send();
    wt_lock_check_wait(NULL);
    return backing->ops;
}

/* Waits until the descriptor is readable, or for timeout_ns; negative: for ever. False: it is not readable, or a signal came. */
bool wt_wait_readable(int descriptor, int64_t timeout_ns);

/* ---- for threads that run, or for time ------------------------------------------------------------------------- */

/* Sends what this thread holds back, then yields to threads that run, for what they are about to do. */
void wt_yield(struct wt_backend *backend);
/*
 * Yields for locks or descriptors that others hold for a moment; the holders need no I/O. *turns counts up from 0:
 * after many turns the thread sleeps between two, so that a thread of lower priority comes to run.
 */
void wt_yield_to_holders(unsigned *turns);
/* Sleeps for ns. A signal may cut the sleep short. */
void wt_pause(int64_t ns);
void wt_join(pthread_t thread);

#endif
