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
}

void wt_roles_close(struct wt_roles *roles) {
    wt_condition_destroy(&roles->reaper_called);
    wt_condition_destroy(&roles->role_freed);
}

void wt_roles_call_all(struct wt_roles *roles) {
    wt_wake_one(&roles->reaper_called);
    wt_wake_all(&roles->role_freed);
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
    if (roles->role == WT_ROLE_CALLER) {
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

bool wt_roles_caller_is_away(const struct wt_roles *roles) {
    return roles->callers_reap && roles->role == WT_ROLE_FREE;
}

void wt_roles_ensure_watched(struct wt_roles *roles) {
    if (wt_roles_caller_is_away(roles) && !roles->watching) {
        roles->watching = true;
        wt_roles_call_reaper(roles);
    }
}
