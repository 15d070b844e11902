// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "base/lock.h"

#ifndef NDEBUG

#include <stdio.h>
#include <stdlib.h>

/* A write that may not wait locks all its folios at once: 4 MiB in blocks of 512 bytes are 129 folios at most. */
#define HELD_MOST 160u
/* Ranks up to this one are long. */
#define LONG_MOST WT_LOCK_AHEAD

#define NAME(name) #name,
static const char *const names[] = {WT_LOCK_RANKS(NAME, NAME)};
#undef NAME

/* The mutexes that this thread holds, in the order in which it took them. */
static _Thread_local struct {
    const struct wt_mutex *mutex;
    struct wt_lock_place place;
} held[HELD_MOST];
static _Thread_local unsigned held_count;

static _Noreturn void fail(const char *what, const struct wt_mutex *mutex, const struct wt_mutex *other) {
    (void)fprintf(stderr, "lock order: %s%s%s%s\n", what, mutex ? names[mutex->rank] : "",
                  other ? " while this thread holds " : "", other ? names[other->rank] : "");
    abort();
}

/* The place of the mutex in `held`, or held_count. */
static unsigned find(const struct wt_mutex *mutex) {
    unsigned at = held_count;
    while (at > 0 && held[at - 1].mutex != mutex) {
        at--;
    }
    return at > 0 ? at - 1 : held_count;
}

/* Whether a mutex may be waited for by a thread that holds the one at `at`. */
static bool may_follow(unsigned at, const struct wt_mutex *mutex, struct wt_lock_place place) {
    if (held[at].mutex->rank != mutex->rank) {
        return held[at].mutex->rank < mutex->rank;
    }
    return held[at].mutex != mutex && place.set != NULL && held[at].place.set == place.set &&
           held[at].place.number < place.number;
}

void wt_lock_check(const struct wt_mutex *mutex, struct wt_lock_place place) {
    for (unsigned i = 0; i < held_count; i++) {
        if (!may_follow(i, mutex, place)) {
            fail("takes ", mutex, held[i].mutex);
        }
    }
}

void wt_lock_taken(const struct wt_mutex *mutex, struct wt_lock_place place) {
    if (held_count == HELD_MOST) {
        fail("too many are held for ", mutex, NULL);
    }
    held[held_count].mutex = mutex;
    held[held_count].place = place;
    held_count++;
}

void wt_lock_left(const struct wt_mutex *mutex) {
    unsigned at = find(mutex);
    if (at == held_count) {
        fail("lets go of what it does not hold: ", mutex, NULL);
    }
    held_count--;
    for (; at < held_count; at++) {
        held[at] = held[at + 1];
    }
}

void wt_lock_check_wait(const struct wt_mutex *mutex) {
    if (mutex != NULL && find(mutex) == held_count) {
        fail("waits without ", mutex, NULL);
    }
    for (unsigned i = 0; i < held_count; i++) {
        if (held[i].mutex != mutex && held[i].mutex->rank > LONG_MOST) {
            fail("waits", NULL, held[i].mutex);
        }
    }
}

struct wt_lock_place wt_lock_place(const struct wt_mutex *mutex) {
    unsigned at = find(mutex);
    return at < held_count ? held[at].place : (struct wt_lock_place){NULL, 0};
}

#endif
