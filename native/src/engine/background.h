// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The background class of an engine: what handles with WT_OPEN_BACKGROUND do. It has a limit (bytes and operations a second) and a
 * share (bytes in flight), so that the I/O of a compaction leaves the device to others.
 *
 * All waiting is at the entrance of an operation, or of a piece of one, before the thread takes a lock, room, memory or the gate of a
 * file: so nobody waits for a thread that waits here. What ends needs nothing of the class but its lock. A thread may leave the
 * share by an I/O that another thread's lane carries: the wait takes completions of the waiting thread's lanes, as every wait does.
 *
 * The limit is one moment, ready_ns: the device has then had the time for all that has begun. What begins moves the moment on by
 * its own time. An operation begins when the moment has come, however large it is, so that one that is larger than a
 * second's bytes begins too.
 */
#ifndef WT_BACKGROUND_H
#define WT_BACKGROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/wait.h"

/* What a background operation sends at a time, unless the share is smaller. */
#define WT_BACKGROUND_PIECE_BYTES (UINT64_C(128) << 10)
#define WT_BACKGROUND_SHARE_BYTES (UINT64_C(256) << 10)

struct wt_background {
    struct wt_backend *backend;
    struct wt_mutex lock; /* guards all that follows */
    struct wt_condition room;
    uint64_t bytes_per_second, operations_per_second; /* 0: no limit */
    uint64_t share_bytes;
    uint64_t in_flight_bytes;
    int64_t ready_ns;
    bool closing; /* nobody waits any more */
};

void wt_background_open(struct wt_background *background, struct wt_backend *backend);
void wt_background_close(struct wt_background *background);
/* From now on nobody waits: the engine is being closed. */
void wt_background_end_waits(struct wt_background *background);
void wt_background_set(struct wt_background *background, uint64_t bytes_per_second, uint64_t operations_per_second,
                       uint64_t share_bytes);

/* How long a piece of an operation is at most: no more than the share, and whole pages. */
uint64_t wt_background_piece(struct wt_background *background);

/*
 * An operation, or a piece, of so many bytes begins. Waits for the limit and for the share; the caller holds no lock, and no I/O that
 * is not submitted. False: the caller would have to wait and may not. One that is larger than the share begins alone.
 */
bool wt_background_enter(struct wt_background *background, uint64_t bytes, bool may_wait);
/* So many bytes of it have ended. */
void wt_background_leave(struct wt_background *background, uint64_t bytes);
/* Of the bytes that entered only `used` need I/O, and are in flight still. The others count for nothing; used 0: all of it. */
void wt_background_undo(struct wt_background *background, uint64_t bytes, uint64_t used);

#endif
