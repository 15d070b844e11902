/* The clock of waits and of what is measured: it never jumps. */
#ifndef WT_CLOCK_H
#define WT_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t wt_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

#endif
