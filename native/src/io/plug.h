// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A plug holds back I/O that a thread submits, so that several operations go to the backend in one call. Whatever
 * makes the thread wait (wait.h) sends the plug first: nobody waits for I/O that was not submitted.
 *
 * A lane has a plug that stays (file/lane.h). What the lane's thread submits inside a call of the lane goes into that plug,
 * and from there on the lane's own ring, which no other thread serves. So before the thread waits for anything, it takes
 * completions of that ring until none is in flight: see wt_plug_work.
 */
#ifndef WT_PLUG_H
#define WT_PLUG_H

#include "io/io.h"

struct wt_plug {
    struct wt_backend *backend; /* whose I/O is held back */
    struct wt_backend *ring;    /* of a lane: what carries the I/O in place of the backend. Else NULL */
    struct wt_io *list, **tail;
    unsigned count; /* I/Os in the list */
    bool of_lane;
    uint32_t running; /* of a lane: operations that have not ended. While there is none, the backend carries the I/O */
    struct wt_plug *next; /* of a lane: the thread's other lanes */
};

/*
 * From wt_plug_begin to wt_plug_end the submissions of this thread are held back. The plug is on the stack of the
 * caller.
 */
void wt_plug_begin(struct wt_plug *plug);
void wt_plug_end(struct wt_plug *plug);

/* Submits the list, or holds it back in the thread's plug. */
void wt_plug_submit(struct wt_backend *backend, struct wt_io *list);

/*
 * Sends the I/O that this thread holds back. The caller holds no lock that the end of an I/O needs. True: there was
 * some.
 */
bool wt_plug_send(void);
bool wt_plug_is_empty(void);

/* ---- of lanes -------------------------------------------------------------------------------------------------- */

/* The plug is this thread's, from wt_plug_open to wt_plug_close. backend and ring are set. */
void wt_plug_open(struct wt_plug *plug);
void wt_plug_close(struct wt_plug *plug);
/* The lanes of this thread. */
struct wt_plug *wt_plug_first(void);
/* A child of fork(2) has none. */
void wt_plugs_forked(void);
/* From wt_plug_enter to wt_plug_leave submissions of this thread go into this plug. Returns what leave is told. */
struct wt_plug *wt_plug_enter(struct wt_plug *plug);
void wt_plug_leave(struct wt_plug *before);
/* The plug that this thread is in. NULL: none. */
struct wt_plug *wt_plug_current(void);
/* Sends what this plug holds back. True: there was something. */
bool wt_plug_send_one(struct wt_plug *plug);
/*
 * Completes I/O of the rings of this thread's lanes, and waits for that if none has ended yet. The caller holds no lock.
 * False: none is in flight.
 */
bool wt_plug_work(void);

#endif
