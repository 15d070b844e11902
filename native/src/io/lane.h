// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The lane of a file: writes through the kernel's page cache go one at a time.
 *
 * The kernel keeps one error cursor for each open file description (errseq_t of struct file). It tells an error of
 * writeback once to each cursor: to the first call that syncs there. Two page-cache writes in flight by one
 * descriptor would share one error: the first would take it, and the second would be acknowledged although its bytes
 * are nowhere. In the lane the call that is told the error is the call that was refused.
 *
 * The direct descriptor has a cursor of its own. The end of a refused write takes the error off that cursor, so that
 * no later call is told it. A direct I/O that was told it earlier has failed for bytes that were not its own. Such an
 * I/O runs once more, in the lane, where nobody else's error can reach it: its second result is its own.
 *
 * A disk whose flush failed may have lost what its cache held of every write there, and the next flush then finds
 * nothing to do. So a durable write that was in flight meanwhile runs once more, too.
 *
 *   page-cache write      waits for its turn -> runs -> refused: count it, take the error off the direct cursor
 *                         -> next turn
 *   direct I/O            runs at once -> failed, and a page-cache write was in flight or was refused meanwhile:
 *                         waits for its turn -> runs again -> next turn
 *   fsync, fdatasync      waits for its turn -> runs -> next turn
 *
 * While nothing but forces makes bytes of the file durable, the kernel may keep a write through the page cache until the
 * next flush. The flush then writes the pages, gives them space and commits the journal, all at once. Nobody is told of
 * such bytes but a flush by the direct descriptor. So this ends for good before the first call that makes its own bytes
 * durable: its descriptor would be told the error of others' bytes.
 */
#ifndef WT_LANE_H
#define WT_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/io.h"

struct wt_lane {
    struct wt_backend *backend;
    struct wt_disk *disk;
    struct wt_mutex lock; /* guards the queue; never held over I/O */
    bool taken;
    struct wt_turn *first, *last;
    atomic_bool writing;       /* a write through the page cache is in flight */
    _Atomic uint64_t refusals; /* page-cache writes and flushes that failed; counted before writing is false again */
    _Atomic uint32_t keeping;  /* enum wt_lane_keeping */
    atomic_bool kept;          /* the kernel may keep bytes that no flush has covered */
};

/* Whether the kernel may keep bytes of the file: from one line to the next, and not back. */
enum wt_lane_keeping {
    WT_LANE_FRESH, /* nobody has written to the file */
    WT_LANE_KEEPS,
    WT_LANE_ENDS, /* it keeps no more, and a flush follows */
    WT_LANE_KEEPS_NOTHING,
};

void wt_lane_open(struct wt_lane *lane, struct wt_backend *backend, struct wt_disk *disk);
void wt_lane_close(struct wt_lane *lane);

/* Waits for the caller's turn. The caller holds no lock that the end of an I/O needs, and leaves soon. */
void wt_lane_enter(struct wt_lane *lane);
void wt_lane_leave(struct wt_lane *lane);

/* Does an I/O on the caller's thread, in the lane if it has to; done and error are set. */
void wt_lane_run(struct wt_lane *lane, struct wt_io *io);
/* The same, by a caller that is in the lane. */
void wt_lane_run_inside(struct wt_lane *lane, struct wt_io *io);
/*
 * Does an I/O on the caller's thread and completes it there. If another has the lane, a thread of the backend does
 * the I/O when its turn comes.
 */
void wt_lane_run_to_end(struct wt_lane *lane, struct wt_io *io);
/* Starts I/Os; burst: NULL, or what those that need no turn go with. */
void wt_lane_submit(struct wt_lane *lane, struct wt_io *list, struct wt_burst *burst);

/* Somebody makes later writes: the kernel may keep them, unless the file is past that. True if it may. */
bool wt_lane_keep(struct wt_lane *lane);
/*
 * Somebody is about to make bytes durable without a force. True: the kernel keeps nothing. False: it may, and nothing
 * more from now on. The caller flushes, and then says wt_lane_flushed.
 */
bool wt_lane_keeps_nothing(struct wt_lane *lane);
void wt_lane_flushed(struct wt_lane *lane, struct wt_backing *backing);
/* What is changed is durable at once: the kernel keeps nothing, and no flush is about to end that. */
static inline bool wt_lane_is_durable(const struct wt_lane *lane) {
    return atomic_load_explicit(&lane->keeping, memory_order_acquire) == WT_LANE_KEEPS_NOTHING;
}
static inline bool wt_lane_may_keep(const struct wt_lane *lane) {
    return atomic_load_explicit(&lane->keeping, memory_order_acquire) == WT_LANE_KEEPS;
}

/* fsync, or fdatasync if data_only. Its error is about the file, and no write's error. 0 or -errno. */
int wt_lane_sync(struct wt_lane *lane, struct wt_backing *backing, bool data_only);

#endif
