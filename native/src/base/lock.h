// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The mutexes of the core. Each has a rank. A thread takes a mutex only if its rank is higher than the ranks of all
 * mutexes that the thread holds: so no threads wait for each other in a circle. WT_LOCK_RANKS lists the ranks in that
 * order; native/DESIGN.md, "Locks", says what each guards. Builds with assertions check the order at each lock. In
 * other builds a wt_mutex is a pthread_mutex_t, and nothing is checked or stored.
 *
 * Two exceptions: mutexes of one rank are taken together by wt_lock_in_order alone; and wt_trylock, which never waits,
 * takes any mutex. Whatever follows is checked against both.
 */
#ifndef WT_LOCK_H
#define WT_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* The ranks from the first mutex that is taken to the last. The long ones are held over waits: wt_long_lock. */
#define WT_LOCK_RANKS(LONG, SHORT)                                                                                     \
    LONG(MEMORY)                                                                                                       \
    LONG(APPEND)                                                                                                       \
    LONG(AHEAD)                                                                                                        \
    SHORT(CLOSING)                                                                                                     \
    SHORT(FILES)                                                                                                       \
    SHORT(INODES)                                                                                                      \
    SHORT(GATE)                                                                                                        \
    SHORT(ORDER)                                                                                                       \
    SHORT(FOLIO)                                                                                                       \
    SHORT(ROUNDS)                                                                                                      \
    SHORT(HELD)                                                                                                        \
    SHORT(POOL)                                                                                                        \
    SHORT(POPULATE)                                                                                                    \
    SHORT(STRIPE)                                                                                                      \
    SHORT(MAPPING)                                                                                                     \
    SHORT(FREE_FOLIOS)                                                                                                 \
    SHORT(ZEROS)                                                                                                       \
    SHORT(VIEW)                                                                                                        \
    SHORT(FREE_OBJECTS)                                                                                                \
    SHORT(BACKGROUND)                                                                                                  \
    SHORT(EVENTS)                                                                                                      \
    SHORT(LANE)                                                                                                        \
    SHORT(TRACE)                                                                                                       \
    SHORT(HANDLES)                                                                                                     \
    SHORT(TURNS)                                                                                                       \
    SHORT(DISKS)                                                                                                       \
    SHORT(MAPPED)                                                                                                      \
    SHORT(OWNERS)                                                                                                      \
    SHORT(EXTERNAL)                                                                                                    \
    SHORT(URING)                                                                                                       \
    SHORT(BURSTS)                                                                                                      \
    SHORT(REGISTRY)                                                                                                    \
    SHORT(THREADS)                                                                                                     \
    SHORT(BACKING)                                                                                                     \
    SHORT(PROBED)                                                                                                      \
    SHORT(CHANGES)                                                                                                     \
    SHORT(STAGING)                                                                                                     \
    SHORT(KEPT)

#define WT_LOCK_RANK(name) WT_LOCK_##name,
enum wt_lock_rank { WT_LOCK_RANKS(WT_LOCK_RANK, WT_LOCK_RANK) WT_LOCK_COUNT };
#undef WT_LOCK_RANK

struct wt_mutex {
    pthread_mutex_t mutex;
#ifndef NDEBUG
    enum wt_lock_rank rank;
#endif
};

#ifndef NDEBUG
#define WT_MUTEX_INITIALIZER(of_rank)                                                                                  \
    { .mutex = PTHREAD_MUTEX_INITIALIZER, .rank = (of_rank) }
#else
#define WT_MUTEX_INITIALIZER(of_rank)                                                                                  \
    { .mutex = PTHREAD_MUTEX_INITIALIZER }
#endif

/* Where a mutex stands among others of its rank. */
struct wt_lock_place {
    const void *set; /* NULL: it is taken alone */
    uint64_t number;
};

#ifndef NDEBUG
/* This thread is about to wait for the mutex. Ends the process if the order forbids that. */
void wt_lock_check(const struct wt_mutex *mutex, struct wt_lock_place place);
/* This thread has it, or has it no longer. */
void wt_lock_taken(const struct wt_mutex *mutex, struct wt_lock_place place);
void wt_lock_left(const struct wt_mutex *mutex);
/* This thread is about to wait for something else. It holds no mutex but long ones, and but this one (NULL: none). */
void wt_lock_check_wait(const struct wt_mutex *mutex);
/* The place in which this thread holds the mutex. */
struct wt_lock_place wt_lock_place(const struct wt_mutex *mutex);
#else
static inline void wt_lock_check(const struct wt_mutex *mutex, struct wt_lock_place place) {
    (void)mutex, (void)place;
}
static inline void wt_lock_taken(const struct wt_mutex *mutex, struct wt_lock_place place) {
    (void)mutex, (void)place;
}
static inline void wt_lock_left(const struct wt_mutex *mutex) {
    (void)mutex;
}
static inline void wt_lock_check_wait(const struct wt_mutex *mutex) {
    (void)mutex;
}
static inline struct wt_lock_place wt_lock_place(const struct wt_mutex *mutex) {
    (void)mutex;
    return (struct wt_lock_place){NULL, 0};
}
#endif

/* 0 or an errno, as pthread_mutex_init. */
static inline int wt_mutex_init(struct wt_mutex *mutex, enum wt_lock_rank rank) {
#ifndef NDEBUG
    mutex->rank = rank;
#else
    (void)rank;
#endif
    return pthread_mutex_init(&mutex->mutex, NULL);
}

static inline void wt_mutex_destroy(struct wt_mutex *mutex) {
    pthread_mutex_destroy(&mutex->mutex);
}

static inline void wt_lock(struct wt_mutex *mutex) {
    wt_lock_check(mutex, (struct wt_lock_place){NULL, 0});
    pthread_mutex_lock(&mutex->mutex);
    wt_lock_taken(mutex, (struct wt_lock_place){NULL, 0});
}

/*
 * Takes a mutex that may be held together with others of its rank. Those belong to one set, and are taken by rising
 * number. Without assertions neither is evaluated.
 */
#ifndef NDEBUG
static inline void wt_lock_in_order(struct wt_mutex *mutex, const void *set, uint64_t number) {
    wt_lock_check(mutex, (struct wt_lock_place){set, number});
    pthread_mutex_lock(&mutex->mutex);
    wt_lock_taken(mutex, (struct wt_lock_place){set, number});
}
#else
#define wt_lock_in_order(mutex, set, number) ((void)sizeof(set), (void)sizeof(number), wt_lock(mutex))
#endif

/* False: another thread has it. */
static inline bool wt_trylock(struct wt_mutex *mutex) {
    bool taken = pthread_mutex_trylock(&mutex->mutex) == 0;
    if (taken) {
        wt_lock_taken(mutex, (struct wt_lock_place){NULL, 0});
    }
    return taken;
}

static inline void wt_unlock(struct wt_mutex *mutex) {
    wt_lock_left(mutex);
    pthread_mutex_unlock(&mutex->mutex);
}

#endif
