// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What is tried again. A signal that cuts a call short, or a kernel that drops a request, says nothing about the call
 * itself, so the call is made again. To try for ever would be a thread that never comes back: after this many times
 * the error is told.
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

/* Whether a failed call was cut short by a signal, by errno, and is to be made again. */
static inline bool wt_interrupted(uint32_t *retries) {
    return errno == EINTR && wt_may_retry(retries);
}

#endif
