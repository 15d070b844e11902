// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A lane: one thread's way into an engine, and back. What the thread submits in a call of the lane is held back in the
 * lane's plug until the lane is polled or told to send, and then goes on the lane's own ring (uring.c). The thread takes the
 * completions itself. So an operation whose blocks no other thread touches meets no lock that another thread takes, and
 * wakes nobody:
 *
 *   wt_lane_write  copies the bytes into folios -> I/O -> plug
 *   wt_lane_poll   plug -> ring -> completions -> the operations that ended (ended) -> events
 *
 * An operation may also end on another thread: its bytes left with a gather of that thread, or it waited for an append in
 * front of it. That thread puts the operation into the inbox, from which only the lane takes, and wakes the lane if it
 * sleeps.
 *
 * Other threads may wait for I/O of the lane. They wait until its thread polls: only that thread may take completions. The
 * thread itself, wherever it waits, first takes them all (io/plug.h). When the thread ends, its lanes are closed.
 *
 * The ring may also carry what others wait for and the lane does not: a gather that formed behind the lane's I/O. So a call
 * of the lane that leaves nothing of the lane under way (begun is 0) first ends what the ring carries. Between calls, a ring
 * has I/O in flight only if the lane has operations whose events it has to take.
 *
 * A backend without rings of its own has no ring for the lane either. Then the backend carries the I/O, and all
 * operations end in the inbox.
 */
#ifndef WT_FILE_LANE_H
#define WT_FILE_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "engine/call.h"
#include "io/plug.h"
#include "io/wait.h"

struct wt_writeback;

struct wt_lane_object {
    struct wt_plug plug; /* first; with the ring */
    struct wt_engine_object *engine;
    uint64_t handle;
    struct wt_ended ended; /* whose events are to be taken */
    struct wt_operation *free_writes;
    struct wt_writeback *spares; /* objects for its next I/Os; counted as in use by the engine */
    uint32_t spare_count;
    uint64_t room;  /* bytes that count as in flight, and are free for its next operations */
    uint32_t begun; /* operations that have begun and whose events nobody took yet */

    /* What other threads change. */
    _Alignas(128) _Atomic(struct wt_operation *) inbox; /* of what ended on other threads, the newest first */
    atomic_uint posters;                                /* threads that are about to leave the lane alone */
    atomic_bool asleep;                                 /* or about to sleep: the first who posts wakes it */
    struct wt_mutex lock;                               /* without a ring it sleeps here */
    struct wt_condition posted;
};

/* The most operations of a lane that have begun and whose events nobody took. */
#define WT_LANE_OPERATIONS_MOST (1u << 20)

#define WT_LANE_SPARES 64u

/* Opens a lane of the calling thread. 0 or -errno. */
int wt_lane_make(struct wt_engine_object *engine, unsigned entries, struct wt_lane_object **lane);
/* Waits until nothing of the lane is under way, and drops its events. By its thread. */
void wt_lane_drain(struct wt_lane_object *lane);
/* Frees it. */
void wt_lane_end(struct wt_lane_object *lane);
/* A lane of the calling thread. NULL: that thread has none of this handle. */
struct wt_lane_object *wt_lane_of_thread(uint64_t handle);
/* The lane that this thread is in a call of. NULL: none. */
struct wt_lane_object *wt_lane_current(void);
/* The same, if the lane is one of this engine. */
struct wt_lane_object *wt_lane_current_of(const struct wt_engine_object *engine);
/*
 * Around a call of the lane; leave is told what enter returned. Leave ends what the ring carries for others, if nothing of the
 * lane is under way. Else leave sends what the lane has collected, once there are a few I/Os and the device takes time: so the
 * device is busy while the thread prepares more.
 */
struct wt_plug *wt_lane_enter(struct wt_lane_object *lane);
void wt_lane_leave(struct wt_lane_object *lane, struct wt_plug *before);

/*
 * wt_pool_enter and wt_pool_retire of the engine's pool. In a call of a lane the lane keeps some room of what it retires: so
 * lanes seldom change the count that all threads share. It keeps none while its thread waits, or has nothing under way.
 */
bool wt_room_enter(struct wt_engine_object *engine, uint64_t bytes, bool may_wait);
void wt_room_retire(struct wt_engine_object *engine, uint64_t bytes);

/* Counts an operation that begins. -ENOBUFS: too many have. */
int wt_lane_begin(struct wt_lane_object *lane);
/* The operation came to nothing. */
void wt_lane_give_up(struct wt_lane_object *lane);
/* An operation of the lane has ended. It may be gone on return. By any thread. */
void wt_lane_post(struct wt_operation *operation);
/* As wt_lane_poll of writethrough.h, inside a call of the lane. */
int wt_lane_take(struct wt_lane_object *lane, struct wt_event *events, int max, int64_t timeout_ns);

#endif
