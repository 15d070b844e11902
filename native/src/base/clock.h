// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The clock of waits and measurements: it never jumps. */
#ifndef WT_CLOCK_H
#define WT_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t wt_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The time timeout_ns from now, or the last moment that can be told, if that is sooner. timeout_ns is not negative. */
static inline int64_t wt_deadline_ns(int64_t timeout_ns) {
    int64_t now_ns = wt_now_ns();
    return timeout_ns < INT64_MAX - now_ns ? now_ns + timeout_ns : INT64_MAX;
}

#endif
