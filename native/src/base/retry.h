/*
 * What is tried again. A signal that cuts a call short, or a kernel that drops a request, says nothing about the call itself:
 * once more is right, and for ever is a thread that never comes back. So the error is told after so many times.
 */
#ifndef WT_RETRY_H
#define WT_RETRY_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#define WT_RETRIES_MOST 1000u

/* *retries counts from 0. */
static inline bool wt_may_retry(uint32_t *retries) {
    return ++*retries <= WT_RETRIES_MOST;
}

/* Whether a call that failed, as errno says, was cut short by a signal and is to be made again. */
static inline bool wt_interrupted(uint32_t *retries) {
    return errno == EINTR && wt_may_retry(retries);
}

#endif
