// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Rounds: writes that return when their bytes are in the cache, and become stable by a force.
 *
 * A round is all such writes (WT_LATER) of a file between two forces. In the folios a round stands as one write does:
 * with one link for each folio that has bytes of the round, however many calls brought them. So to write to a block
 * again costs a copy and nothing else.
 *
 *            wt_round_enter                          wt_round_close                      all its I/O has ended
 *   (none) ------------------> open: takes writes ------------------> closed: a force waits --------------------> (none)
 *
 * Dirty blocks of a round are in one of two states:
 *
 *   gathered     an I/O is on the blocks. Its end sends them; or holds them, if all dirty blocks are of open rounds
 *                and no thread waits
 *   held         nobody is about to send them. Their link is in the list of the inode's rounds, and the inode is in the
 *                engine's list. Whoever takes the list sends them: a force, a thread that waits for them or for room, or
 *                the ticker: when the file holds enough, or less than a millisecond after they were written
 *
 * A round's link keeps the inode's gate: truncation waits for it, as for I/O in flight.
 *
 * Bytes of a round that an I/O or a flush could not make stable are lost. The ranges are remembered until somebody
 * writes them again.
 */
#ifndef WT_ROUND_H
#define WT_ROUND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "file/inode.h"
#include "write/context.h"

struct wt_round {
    /* The links lead to it. The open round holds a reference, and so do each call that copies and each link. */
    struct wt_write write;
    struct wt_round *next; /* the next younger one of the inode */
    uint64_t number;       /* of the inode's: younger ones have higher numbers */
    atomic_bool closed;    /* changes under the rounds' lock */
};

/* The open round, which is made if there is none, for a call that copies. NULL: no memory. The caller is inside the gate. */
struct wt_round *wt_round_enter(struct wt_inode *inode);
/*
 * Whether the round was closed since the call entered it, for a call that has copied: then it sends what it left held. The
 * force took the list of what is held after it had closed the round, so a call whose bytes it missed sees that.
 */
static inline bool wt_round_was_closed(const struct wt_round *round) {
    return atomic_load_explicit(&round->closed, memory_order_acquire);
}
/* Drops the reference of wt_round_enter. */
void wt_round_leave(struct wt_round *round);

/* The link of the round in a locked folio. NULL: it has none. */
struct wt_link *wt_round_link(const struct wt_round *round, const struct wt_folio *folio);
/* The folio, which is locked, gets a link of the round. NULL: no memory. */
struct wt_link *wt_round_add_link(struct wt_round *round, struct wt_folio *folio);
/* Nobody is about to send the dirty blocks of the link, whose folio is locked. bytes: of those that just became dirty. */
void wt_round_hold(struct wt_inode *inode, struct wt_link *link, uint64_t bytes);
/*
 * An I/O on the folio, which is locked, has ended, and no writer waits for what has gathered behind it: if that is of
 * open rounds alone, and no thread waits for the blocks, the file or memory, it is held, and true returned.
 */
bool wt_round_hold_gathered(struct wt_folio *folio);
/* Whether a thread waits for what the file holds, to have the file for itself or for memory: then nothing stays held. */
static inline bool wt_round_is_waited_for(const struct wt_inode *inode) {
    return wt_inode_is_shut(inode) || atomic_load(&inode->mapping.cache->pool.waiters) > 0;
}
/* The link's folio, which is locked, has it no more. */
void wt_round_unlink(struct wt_inode *inode, struct wt_link *link);
/* The device has these bytes of a round, by an I/O that is not durable. failures: of the disk's flushes when it started. */
void wt_round_note_unflushed(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t failures);
/* Takes folios off the list of those that hold: their indexes. Returns how many, at most max. */
unsigned wt_round_take_held(struct wt_inode *inode, uint64_t *indexes, unsigned max);

/* A writer waits while the rounds of its file have more bytes than this: so a force has no more than these to wait for. */
#define WT_ROUNDS_BYTES_MOST (UINT64_C(8) << 20)
static inline uint64_t wt_rounds_most(const struct wt_inode *inode) {
    uint64_t half = inode->mapping.cache->pool.in_flight_limit / 2;
    return half < WT_ROUNDS_BYTES_MOST ? half : WT_ROUNDS_BYTES_MOST;
}
/* Blocks of so many bytes became dirty for the link's round. Its folio is locked. */
static inline void wt_round_count(struct wt_inode *inode, struct wt_link *link, uint64_t bytes) {
    link->bytes += bytes;
    atomic_fetch_add_explicit(&inode->rounds.bytes, bytes, memory_order_relaxed);
}
/* The I/O of so many has ended. */
void wt_round_uncount(struct wt_link *link, uint64_t bytes);
/* Waits until a writer may add bytes. The caller has sent what is held. */
void wt_rounds_await_room(struct wt_inode *inode);

/* Closes the open round. NULL: there is none, or nothing was written in it. The caller waits for it, and frees it. */
struct wt_round *wt_round_close(struct wt_inode *inode);
/* All I/O of a closed round has ended: takes it from the inode, and frees it. */
void wt_round_free(struct wt_round *round);
/* Waits until every round that was closed by now has ended. */
void wt_rounds_await(struct wt_inode *inode);

/*
 * These bytes of a round are lost: start >= end: none is known to be. newer: NULL, or a round that is about to write them
 * again with its own.
 */
void wt_round_lose(struct wt_inode *inode, uint64_t start, uint64_t end, int error, const struct wt_write *newer);
/* All bytes of rounds that no flush has covered may be lost. */
void wt_round_lose_unflushed(struct wt_inode *inode, int error);
/*
 * The bytes are stable again, or gone: they are not lost any more. Their folio is locked, or the gate is shut: newer bytes
 * may be lost a moment later.
 */
void wt_round_find(struct wt_inode *inode, uint64_t start, uint64_t end);
/* The same for bytes that the device has: a flush that begins from now on makes them stable. */
void wt_round_find_by_flush(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t failures);
/* A flush of the file. The rounds' lock is held. */
void wt_round_begin_flush(struct wt_rounds *rounds);
void wt_round_end_flush(struct wt_rounds *rounds, bool stable);
/* The file was cut: the bytes behind the size are gone, durably or with the next flush. The gate is shut. */
void wt_round_cut(struct wt_inode *inode, uint64_t size, bool durable);
/* The round has written the bytes again: they are not lost any more when it has ended, unless it has lost them itself. */
void wt_round_rewrite(struct wt_round *round, uint64_t start, uint64_t end);
/*
 * The same for a hole, which has a number like a round. The parts of it are made with the gate shut, and are stable
 * later.
 */
uint64_t wt_round_begin_hole(struct wt_inode *inode);
void wt_round_make_hole(struct wt_inode *inode, uint64_t number, uint64_t start, uint64_t end);
void wt_round_end_hole(struct wt_inode *inode, uint64_t number, bool stable);
/* What a force by a handle tells: 0, or the error with which bytes were lost. *told: what the handle was told so far. */
int wt_round_error(struct wt_inode *inode, _Atomic uint64_t *told);

#endif
