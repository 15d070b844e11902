// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The turns of a file: writes through the kernel's page cache go one at a time.
 *
 * The kernel keeps one error cursor for each open file description (errseq_t of struct file). It tells an error of
 * writeback once to each cursor: to the first call that syncs there. Two page-cache writes in flight by one
 * descriptor would share one error: the first would take it, and the second would be acknowledged although its bytes
 * are nowhere. In turns the call that is told the error is the call that was refused.
 *
 * The direct descriptor has a cursor of its own. The end of a refused write takes the error off that cursor, so that
 * no later call is told it. A direct I/O that was told it earlier has failed for bytes that were not its own. Such an
 * I/O runs once more, in a turn, where nobody else's error can reach it: its second result is its own.
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
#ifndef WT_TURNS_H
#define WT_TURNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/io.h"

struct wt_turns {
    struct wt_backend *backend;
    struct wt_disk *disk;
    struct wt_mutex lock; /* guards the queue; never held over I/O */
    bool taken;
    struct wt_turn *first, *last;
    atomic_bool writing;       /* a write through the page cache is in flight */
    _Atomic uint64_t refusals; /* page-cache writes and flushes that failed; counted before writing is false again */
    _Atomic uint32_t keeping;  /* enum wt_turns_keeping */
    atomic_bool mapped;        /* for writing: an error may be that of bytes which a program has stored there */
    atomic_bool kept;          /* the kernel may keep bytes that no flush has covered */
};

/* Whether the kernel may keep bytes of the file: from one line to the next, and not back. */
enum wt_turns_keeping {
    WT_TURNS_FRESH, /* nobody has written to the file */
    WT_TURNS_KEEPS,
    WT_TURNS_ENDS, /* it keeps no more, and a flush follows */
    WT_TURNS_KEEPS_NOTHING,
};

void wt_turns_open(struct wt_turns *turns, struct wt_backend *backend, struct wt_disk *disk);
void wt_turns_close(struct wt_turns *turns);

/* Waits for the caller's turn. The caller holds no lock that the end of an I/O needs, and leaves soon. */
void wt_turns_enter(struct wt_turns *turns);
void wt_turns_leave(struct wt_turns *turns);

/* Does an I/O on the caller's thread, in a turn if it has to; done and error are set. */
void wt_turns_run(struct wt_turns *turns, struct wt_io *io);
/* The same, by a caller that has the turn. */
void wt_turns_run_inside(struct wt_turns *turns, struct wt_io *io);
/*
 * Does an I/O on the caller's thread and completes it there. If another has the turn, a thread of the backend does
 * the I/O when its turn comes.
 */
void wt_turns_run_to_end(struct wt_turns *turns, struct wt_io *io);
/* Starts I/Os; burst: NULL, or what those that need no turn go with. */
void wt_turns_submit(struct wt_turns *turns, struct wt_io *list, struct wt_burst *burst);

/* Somebody makes later writes: the kernel may keep them, unless the file is past that. True if it may. */
bool wt_turns_keep(struct wt_turns *turns);
/*
 * Somebody is about to make bytes durable without a force. True: the kernel keeps nothing. False: it may, and nothing
 * more from now on. The caller flushes, and then says wt_turns_flushed.
 */
bool wt_turns_keeps_nothing(struct wt_turns *turns);
void wt_turns_flushed(struct wt_turns *turns, struct wt_backing *backing);
/* What is changed is durable at once: the kernel keeps nothing, and no flush is about to end that. */
static inline bool wt_turns_is_durable(const struct wt_turns *turns) {
    return atomic_load_explicit(&turns->keeping, memory_order_acquire) == WT_TURNS_KEEPS_NOTHING;
}
static inline bool wt_turns_may_keep(const struct wt_turns *turns) {
    return atomic_load_explicit(&turns->keeping, memory_order_acquire) == WT_TURNS_KEEPS;
}

/* fsync, or fdatasync if data_only. Its error is about the file, and no write's error. 0 or -errno. */
int wt_turns_sync(struct wt_turns *turns, struct wt_backing *backing, bool data_only);
/* The same, by a caller that has the turn. */
int wt_turns_sync_inside(struct wt_turns *turns, struct wt_backing *backing, bool data_only);

#endif
