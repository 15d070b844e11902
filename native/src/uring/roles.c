// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "uring/roles.h"

#include <assert.h>

#include "base/clock.h"

/* After this long without a caller in uring_reap, with I/O in flight, the reaper reaps again. */
#define ABSENCE_NS 1000000L

void wt_roles_open(struct wt_roles *roles) {
    wt_condition_init(&roles->reaper_called);
    wt_condition_init(&roles->role_freed);
    wt_condition_init(&roles->caller_called);
}

void wt_roles_close(struct wt_roles *roles) {
    wt_condition_destroy(&roles->reaper_called);
    wt_condition_destroy(&roles->role_freed);
    wt_condition_destroy(&roles->caller_called);
}

void wt_roles_call_all(struct wt_roles *roles) {
    wt_wake_one(&roles->reaper_called);
    wt_wake_all(&roles->role_freed);
    wt_roles_get_up(roles);
}

void wt_roles_call_reaper(struct wt_roles *roles) {
    wt_wake_one(&roles->reaper_called);
}

/* ---- the reaper ---------------------------------------------------------------------------------------------- */

void wt_roles_sleep(struct wt_roles *roles, struct wt_mutex *lock) {
    wt_sleep(&roles->reaper_called, lock);
}

bool wt_roles_reaper_watches(const struct wt_roles *roles) {
    bool given_up = roles->role != WT_ROLE_FREE || roles->callers_waiting > 0;
    return given_up || (roles->callers_reap && !roles->closing);
}

bool wt_roles_watch(struct wt_roles *roles, struct wt_mutex *lock, uint64_t *turns) {
    *turns = roles->caller_turns;
    if (!roles->watching) {
        wt_roles_sleep(roles, lock);
        return false;
    }
    int64_t until_ns = wt_deadline_ns(ABSENCE_NS);
    while (!roles->closing && wt_sleep_until(&roles->reaper_called, lock, until_ns)) {
    }
    return true;
}

void wt_roles_watched(struct wt_roles *roles, uint64_t turns, bool has_work) {
    /* With none there and I/O in flight nobody else would ask the reaper to look again. */
    roles->watching = roles->role == WT_ROLE_FREE && has_work;
    if (roles->watching && roles->caller_turns == turns) {
        roles->watching = false;
        roles->callers_reap = false;
    }
}

void wt_roles_take_as_reaper(struct wt_roles *roles) {
    assert(roles->role != WT_ROLE_CALLER);
    roles->role = WT_ROLE_REAPER;
}

void wt_roles_leave_as_reaper(struct wt_roles *roles) {
    roles->role = WT_ROLE_FREE;
    wt_wake_all(&roles->role_freed);
}

/* ---- callers ------------------------------------------------------------------------------------------------- */

void wt_roles_ask(struct wt_roles *roles) {
    roles->callers_waiting++;
}

void wt_roles_stop_asking(struct wt_roles *roles) {
    roles->callers_waiting--;
}

void wt_roles_wait_for_reaper(struct wt_roles *roles, struct wt_mutex *lock) {
    assert(roles->callers_waiting > 0);
    wt_sleep(&roles->role_freed, lock);
}

bool wt_roles_begin(struct wt_roles *roles) {
    assert(roles->role != WT_ROLE_REAPER);
    roles->callers_reap = true;
    if (roles->role != WT_ROLE_FREE) {
        return false;
    }
    roles->caller_turns++;
    return true;
}

void wt_roles_take_as_caller(struct wt_roles *roles) {
    assert(roles->role == WT_ROLE_FREE);
    roles->role = WT_ROLE_CALLER;
}

void wt_roles_leave_as_caller(struct wt_roles *roles) {
    assert(roles->role == WT_ROLE_CALLER);
    roles->role = WT_ROLE_FREE;
}

void wt_roles_rest(struct wt_roles *roles, struct wt_mutex *lock, int64_t until_ns) {
    assert(roles->role == WT_ROLE_CALLER);
    roles->role = WT_ROLE_RESTING;
    roles->called = false;
    while (roles->role != WT_ROLE_RESTING || !roles->called) {
        if (until_ns < 0 || roles->called) {
            wt_sleep(&roles->caller_called, lock);
        } else if (!wt_sleep_until(&roles->caller_called, lock, until_ns)) {
            roles->called = true; /* a submitter that has the role wakes it */
        }
    }
    roles->role = WT_ROLE_CALLER;
}

bool wt_roles_caller_rests(const struct wt_roles *roles) {
    return roles->role == WT_ROLE_RESTING || roles->role == WT_ROLE_SUBMITTER;
}

void wt_roles_get_up(struct wt_roles *roles) {
    if (wt_roles_caller_rests(roles) && !roles->called) {
        roles->called = true;
        wt_wake_one(&roles->caller_called);
    }
}

bool wt_roles_take_as_submitter(struct wt_roles *roles) {
    if (roles->role != WT_ROLE_RESTING) {
        return false;
    }
    roles->role = WT_ROLE_SUBMITTER;
    return true;
}

void wt_roles_leave_as_submitter(struct wt_roles *roles) {
    assert(roles->role == WT_ROLE_SUBMITTER);
    roles->role = WT_ROLE_RESTING;
    if (roles->called) { /* it may have looked in vain meanwhile */
        wt_wake_one(&roles->caller_called);
    }
}

bool wt_roles_caller_is_away(const struct wt_roles *roles) {
    return roles->callers_reap && roles->role == WT_ROLE_FREE;
}

void wt_roles_ensure_watched(struct wt_roles *roles) {
    if (wt_roles_caller_is_away(roles) && !roles->watching) {
        roles->watching = true;
        wt_roles_call_reaper(roles);
    }
}
