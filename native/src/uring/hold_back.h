// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Submissions that are held back. A caller that left with completions will be back in a moment, most likely after
 * more submissions of its own. So for that moment submissions stay on the list, and all of them enter the kernel in
 * one system call.
 *
 *   begin        a caller left with completions: others may be held back for a while
 *   may, add     a submission comes: it is held back, unless there are too many or the while is over
 *   end          all is submitted
 *   stop         a caller left without completions: nothing is held back until the next one
 *
 * I/O that is held back longer than the while leaves with the next submission, before any thread of the engine waits,
 * or at the latest when the reaper sees that the caller stays away.
 *
 * The lock of the ring is held in all functions but `any`. No function submits.
 */
#ifndef WT_HOLD_BACK_H
#define WT_HOLD_BACK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wt_hold_back {
    int64_t until_ns; /* of CLOCK_MONOTONIC; while no caller is there. 0: nothing is held back */
    pthread_t caller; /* who left last */
    unsigned held_back_count;
    atomic_bool holding_back; /* held_back_count is not 0 */
};

void wt_hold_back_begin(struct wt_hold_back *hold_back);
void wt_hold_back_stop(struct wt_hold_back *hold_back);
/* Whether this thread is the caller that left, and handles its completions now, say. */
bool wt_hold_back_is_own(const struct wt_hold_back *hold_back);
/* Whether so many more I/Os may be held back. */
bool wt_hold_back_may(const struct wt_hold_back *hold_back, unsigned count);
void wt_hold_back_add(struct wt_hold_back *hold_back, unsigned count);
/* The caller submits all. */
void wt_hold_back_end(struct wt_hold_back *hold_back);
/* Whether something is held back. */
bool wt_hold_back_any(const struct wt_hold_back *hold_back);

#endif
