/*
 * Waiting. A thread may hold back I/O in its plug, a backend may hold some back for a moment, and a backend without threads works
 * only if it is told to: so whatever waits for others goes through here, and sends all that first. Nothing else in the core waits;
 * native/test/waits looks for that.
 *
 * Who waits for what is not in here: a lock that is held for a moment, for copies of memory at most. Its holder waits for nothing.
 */
#ifndef WT_WAIT_H
#define WT_WAIT_H

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/io.h"
#include "io/plug.h"

/* Where a thread is about to block, in a backend or in the kernel: it holds no I/O back. */
static inline void wt_assert_may_block(void) {
    assert(wt_plug_is_empty());
}

/* ---- for others ---------------------------------------------------------------------------------------------- */

/* What threads wait for. It changes, and is waited for, with one lock held that is the same for all. */
struct wt_condition {
    pthread_cond_t condition; /* by CLOCK_MONOTONIC */
    uint32_t changes;         /* so that a waiter sees what it missed while it had let go of the lock */
};

void wt_condition_init(struct wt_condition *condition);
void wt_condition_destroy(struct wt_condition *condition);
/* It has changed: wakes one of its waiters, or all. With the lock held. */
void wt_wake_one(struct wt_condition *condition);
void wt_wake_all(struct wt_condition *condition);

/*
 * Waits until the condition may have changed. The lock, the only one that this thread holds, is let go of meanwhile; the caller
 * looks again at what it waits for. NULL for the backend: no I/O of one is waited for.
 */
void wt_wait(struct wt_backend *backend, struct wt_condition *condition, pthread_mutex_t *lock);
/* The same for a thread that sends nothing: a backend's own, or one that has called wt_before_wait or wt_before_reap. */
void wt_sleep(struct wt_condition *condition, pthread_mutex_t *lock);
/* Until a time of CLOCK_MONOTONIC. False: it has come. */
bool wt_sleep_until(struct wt_condition *condition, pthread_mutex_t *lock, int64_t until_ns);
/* Waits until the semaphore was posted. No lock is held. */
void wt_wait_post(struct wt_backend *backend, sem_t *semaphore);

/*
 * Before waiting for others, with no lock held: sends what this thread holds back, and lets a backend without threads work.
 * True: something happened, look again before waiting.
 */
bool wt_before_wait(struct wt_backend *backend);
/* The same before waiting for events, which others take care of. */
bool wt_before_reap(struct wt_backend *backend);

/* A lock that is held over waits, for I/O too. The I/O that its holder waits for may be in the plug of a thread that wants it. */
struct wt_long_lock {
    pthread_mutex_t mutex;
};

void wt_long_lock_init(struct wt_long_lock *lock);
void wt_long_lock_destroy(struct wt_long_lock *lock);
/* No lock is held that the end of an I/O needs. */
void wt_long_lock(struct wt_backend *backend, struct wt_long_lock *lock);
void wt_long_unlock(struct wt_long_lock *lock);

/* ---- for a device -------------------------------------------------------------------------------------------- */

/*
 * A backing's operations, for those of them that block until a device is done: nobody is to wait for I/O that waits in a plug
 * meanwhile. No lock is held that the end of an I/O needs.
 */
static inline const struct wt_backing_ops *wt_blocking(const struct wt_backing *backing) {
    (void)wt_plug_send();
    return backing->ops;
}

/* ---- for threads that run, or for time ------------------------------------------------------------------------- */

/* For what a thread that runs is about to do. */
void wt_yield(void);
/*
 * For locks that others hold for a moment, or descriptors: what they do needs no I/O. *turns counts up from 0: after many the
 * thread sleeps between two, so that one of a lower priority comes to run.
 */
void wt_yield_to_holders(unsigned *turns);
/* A signal may cut it short. */
void wt_pause(int64_t ns);
void wt_join(pthread_t thread);

#endif
