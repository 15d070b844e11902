// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Who reaps a ring. One thread at a time does: the backend's own reaper, or a caller in uring_reap, which then need
 * not be woken by another thread.
 *
 *              reaper: take                         caller: begin, take
 *   REAPER <----------------------- FREE ---------------------------------> CALLER
 *          ------------------------>    <---------------------------------
 *              reaper: leave                          caller: leave             ^    |
 *                                                               caller: got up  |    |  caller: rest
 *                                                                               |    v
 *                                       SUBMITTER <------------------------- RESTING
 *                                                 -------------------------->
 *                                                   submitter: take, leave
 *
 * A caller in uring_reap rests, outside of the kernel, if nothing is in flight and the last requests had completed when the
 * kernel returned from them. Whoever submits then takes what completed by that, and no thread is woken: neither by the
 * kernel nor by this process. If something did not complete at once, the caller has to get up, and waits in the kernel.
 *
 * While callers reap, the reaper sleeps. It looks after a while whether they still do (watch, watched): a caller that
 * is busy elsewhere must not keep others from their completions. A caller that comes while the reaper has the role
 * asks for it (ask), wakes the reaper, and waits until the reaper gives the role up. The reaper of a refused ring
 * takes the role for good.
 *
 * The lock of the ring is held in all functions. Functions that wait let go of it meanwhile. No function submits.
 */
#ifndef WT_ROLES_H
#define WT_ROLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/wait.h"

enum wt_role { WT_ROLE_FREE, WT_ROLE_REAPER, WT_ROLE_CALLER, WT_ROLE_RESTING, WT_ROLE_SUBMITTER };

struct wt_roles {
    enum wt_role role; /* of the thread that reaps */
    /* callers that wait for the reaper to give up the role: the reaper does not take it again before them */
    unsigned callers_waiting;
    bool callers_reap; /* as a rule */
    bool watching;     /* the reaper looks whether they still reap */
    bool closing;      /* the reaper is to end */
    bool woken;        /* a caller in uring_reap, or the next one, is to return */
    bool called;       /* the caller that rests is to get up, once no submitter has the role */
    uint64_t caller_turns;
    struct wt_condition reaper_called;
    struct wt_condition role_freed;    /* by the reaper */
    struct wt_condition caller_called; /* that rests */
};

void wt_roles_open(struct wt_roles *roles);
void wt_roles_close(struct wt_roles *roles);

/* The ring was refused, or something else changed that both sides wait for: wakes the reaper and waiting callers. */
void wt_roles_call_all(struct wt_roles *roles);
/* There is something for the reaper to do. */
void wt_roles_call_reaper(struct wt_roles *roles);

/* ---- the reaper ---------------------------------------------------------------------------------------------- */

/* Sleeps until it is called. */
void wt_roles_sleep(struct wt_roles *roles, struct wt_mutex *lock);
/* Whether the reaper is to watch: callers reap, or wait to. */
bool wt_roles_reaper_watches(const struct wt_roles *roles);
/*
 * Sleeps until it is asked to watch, and returns false; or watches for a while, and returns true. *turns: what
 * caller_turns was before.
 */
bool wt_roles_watch(struct wt_roles *roles, struct wt_mutex *lock, uint64_t *turns);
/* After it watched: if no caller came meanwhile and there is work, the callers are gone until they come again. */
void wt_roles_watched(struct wt_roles *roles, uint64_t turns, bool has_work);
void wt_roles_take_as_reaper(struct wt_roles *roles);
void wt_roles_leave_as_reaper(struct wt_roles *roles);

/* ---- callers ------------------------------------------------------------------------------------------------- */

/* The caller wants the role from the reaper, or no longer. */
void wt_roles_ask(struct wt_roles *roles);
void wt_roles_stop_asking(struct wt_roles *roles);
/* Waits until the reaper may have given up the role. The caller has asked. */
void wt_roles_wait_for_reaper(struct wt_roles *roles, struct wt_mutex *lock);
/* A caller comes to reap. False: another caller reaps, or rests. */
bool wt_roles_begin(struct wt_roles *roles);
void wt_roles_take_as_caller(struct wt_roles *roles);
void wt_roles_leave_as_caller(struct wt_roles *roles);
/* The caller has the role, and rests until there is something to do, or up to a time (-1: for ever). */
void wt_roles_rest(struct wt_roles *roles, struct wt_mutex *lock, int64_t until_ns);
bool wt_roles_caller_rests(const struct wt_roles *roles);
/* There is something to do for a caller that rests, if one does. */
void wt_roles_get_up(struct wt_roles *roles);
/* A submitter takes completions for a caller that rests. False: none does. */
bool wt_roles_take_as_submitter(struct wt_roles *roles);
void wt_roles_leave_as_submitter(struct wt_roles *roles);
/* Whether callers reap as a rule, and none is there just now. */
bool wt_roles_caller_is_away(const struct wt_roles *roles);
/* There is work: if a caller is to see to it and none is there, the reaper is to watch. */
void wt_roles_ensure_watched(struct wt_roles *roles);

#endif
