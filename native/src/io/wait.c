// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/wait.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "base/clock.h"
#include "base/lock.h"
#include "io/plug.h"

/*
 * The event loop may have come by when there was nothing to take, and have left for good. What a thread waits for may
 * since be on the list from which only the loop takes. So a thread looks again after this long.
 */
#define LOOP_PATIENCE_NS INT64_C(1000000)

/* Others have had their turn by then, if the scheduler gives them one. */
#define YIELDS_MOST 64u
#define HOLDERS_PAUSE_NS INT64_C(100000)

/* ---- for others ---------------------------------------------------------------------------------------------- */

bool wt_before_reap(struct wt_backend *backend) {
    bool sent = wt_plug_send();
    if (backend->ops->release)
        backend->ops->release(backend);
    return sent || (backend->ops->pump && backend->ops->pump(backend)) || wt_plug_work() || !wt_plug_is_empty();
}

bool wt_before_wait(struct wt_backend *backend) {
    if (!backend)
        return wt_plug_send();
    bool again = wt_before_reap(backend);
    if (backend->ops->unblock)
        backend->ops->unblock(backend);
    return again || !wt_plug_is_empty();
}

void wt_condition_init(struct wt_condition *condition) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&condition->condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
    condition->changes = 0;
}

void wt_condition_destroy(struct wt_condition *condition) {
    pthread_cond_destroy(&condition->condition);
}

void wt_wake_one(struct wt_condition *condition) {
    condition->changes++;
    pthread_cond_signal(&condition->condition);
}

void wt_wake_all(struct wt_condition *condition) {
    condition->changes++;
    pthread_cond_broadcast(&condition->condition);
}

/* The condition variable lets go of the lock meanwhile, and takes it again with no other lock held. */
static void assert_may_sleep(const struct wt_mutex *lock) {
    assert(wt_plug_is_empty());
    wt_lock_check_wait(lock);
}

void wt_wait(struct wt_backend *backend, struct wt_condition *condition, struct wt_mutex *lock) {
    uint32_t changes = condition->changes;
    struct wt_lock_place place = wt_lock_place(lock);
    wt_unlock(lock);
    bool again = wt_before_wait(backend);
    wt_lock_in_order(lock, place.set, place.number);
    if (again || condition->changes != changes)
        return;
    if (backend && backend->ops->unblock)
        (void)wt_sleep_until(condition, lock, wt_now_ns() + LOOP_PATIENCE_NS);
    else
        wt_sleep(condition, lock);
}

void wt_sleep(struct wt_condition *condition, struct wt_mutex *lock) {
    assert_may_sleep(lock);
    pthread_cond_wait(&condition->condition, &lock->mutex);
}

bool wt_sleep_until(struct wt_condition *condition, struct wt_mutex *lock, int64_t until_ns) {
    const struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    assert_may_sleep(lock);
    return pthread_cond_timedwait(&condition->condition, &lock->mutex, &until) == 0;
}

/* The same by the clock of the day, which is the only one that a semaphore has before glibc 2.30. */
static bool is_posted_soon(sem_t *semaphore) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOP_PATIENCE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return sem_timedwait(semaphore, &until) == 0;
}

void wt_wait_post(struct wt_backend *backend, sem_t *semaphore) {
    bool posted = false;
    while (!posted) {
        if (wt_before_wait(backend)) {
            posted = sem_trywait(semaphore) == 0;
            continue;
        }
        wt_assert_may_block();
        posted =
            backend->ops->unblock ? is_posted_soon(semaphore) : sem_wait(semaphore) == 0; /* else EINTR: a signal */
    }
}

void wt_long_lock_init(struct wt_long_lock *lock, enum wt_lock_rank rank) {
    (void)wt_mutex_init(&lock->mutex, rank);
}

void wt_long_lock_destroy(struct wt_long_lock *lock) {
    wt_mutex_destroy(&lock->mutex);
}

void wt_long_lock(struct wt_backend *backend, struct wt_long_lock *lock) {
    wt_lock_check(&lock->mutex, (struct wt_lock_place){NULL, 0});
    wt_lock_check_wait(NULL);
    if (wt_trylock(&lock->mutex))
        return;
    while (wt_before_wait(backend)) {
    }
    wt_assert_may_block();
    wt_lock(&lock->mutex);
}

void wt_long_unlock(struct wt_long_lock *lock) {
    wt_unlock(&lock->mutex);
}

/* ---- for a device -------------------------------------------------------------------------------------------- */

bool wt_wait_readable(int descriptor, int64_t timeout_ns) {
    int64_t ms = timeout_ns < 0 ? -1 : timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
    struct pollfd ready = {.fd = descriptor, .events = POLLIN};
    wt_assert_may_block();
    return poll(&ready, 1, ms > INT_MAX ? INT_MAX : (int)ms) > 0;
}

/* ---- for threads that run, or for time ------------------------------------------------------------------------- */

void wt_yield(struct wt_backend *backend) {
    while (!wt_plug_is_empty() && wt_before_wait(backend)) {
    }
    wt_assert_may_block();
    sched_yield();
}

void wt_yield_to_holders(unsigned *turns) {
    const struct timespec pause = {.tv_nsec = HOLDERS_PAUSE_NS};
    sched_yield();
    if (++*turns > YIELDS_MOST)
        (void)nanosleep(&pause, NULL);
}

void wt_pause(int64_t ns) {
    const struct timespec pause = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    wt_assert_may_block();
    (void)nanosleep(&pause, NULL);
}

void wt_join(pthread_t thread) {
    wt_assert_may_block();
    (void)pthread_join(thread, NULL); /* cannot fail: each is ours and joined once */
}
