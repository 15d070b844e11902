// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The gather of a folio: which write leads it, which writers are expected, who sends it, and how long a leader waits.
 *
 * Blocks that become dirty while an I/O is in flight on their folio leave together when it ends: that is the gather. A
 * synchronous writer that waits for the gather leads it, because its thread has to be woken for the end anyway. The
 * leader puts the I/O together when it runs, with all that has come by then. The other writers are followers: they
 * sleep until the I/O ends. As a rule the writers that the earlier I/O set free come back with their next records in a
 * moment. So these are expected: the leader waits for them for a short time, and the last of them sends the gather.
 *
 * The states of folio->gather, under the folio's lock:
 *
 *                     dirty   leader   who sends the dirty blocks
 *         EMPTY       none    no       -
 *         GATHERING   some    no       the end of an I/O on the folio
 *         LED         any     yes      the leader, or the last writer that it expects
 *         HELD        some    no       whoever takes the list of what rounds hold: see round.h
 *
 *               wt_gather_joining: a write leaves blocks dirty that wait for I/O in flight
 *               +-----------------------------------------------------------------+
 *               |                                                                 v
 *         +-----------+     wt_gather_io_ended, true: no writer waits       +-----------+
 *     --> |   EMPTY   | <-------------------------------------------------- | GATHERING |
 *         +-----------+     for it, the caller sends                        +-----------+
 *           ^       |                                                             |
 *           |       | wt_gather_lead_first: the first            wt_gather_io_ended: a writer
 *           |       | expected writer is back                    that waits is told to lead
 *           |       |                                                             |
 *           |       |                       +-----------+                         |
 *           |       +---------------------> |    LED    | <-----------------------+
 *           |                               +-----------+
 *           |       wt_gather_take:           |   |   ^    wt_gather_arrive: one fewer is expected; true: this was
 *           +---------------------------------+   +---+    the last, the caller sends
 *                   the leader sends                       wt_gather_send_now: nobody is expected any more
 *
 * Not in the picture: wt_gather_hold, by a later write, makes HELD of EMPTY. wt_launch_blocks makes EMPTY or GATHERING of
 * HELD, for whoever sends, and for a write to a block that is held.
 *
 * The sender puts the blocks under writeback, by wt_launch_blocks. Blocks for which there is no memory, or that must
 * stay out of the way of that very I/O, stay dirty: then the gather is GATHERING, not EMPTY. Dirty blocks also leave in
 * two other ways: with a write of high priority to them, and with the gather of the folio before, whose blocks they
 * continue.
 *
 * `expected` is set by wt_gather_io_ended, and falls until the next I/O ends. While the gather is LED, its leader reads
 * the count without the lock. An EMPTY gather with more than one expected writer lets the first of them lead.
 *
 * What always holds when the folio is unlocked (wt_folio_put asserts it in debug builds):
 *   - a dirty block has a leader, or an I/O in flight on its folio, or is held
 *   - has_high_priority: some block is dirty, and nobody is expected
 */
#ifndef WT_GATHER_H
#define WT_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/folio.h"
#include "write/context.h"

/* ---- a write and the gather ---------------------------------------------------------------------------------- */

/*
 * Which of a write's blocks wait for the end of I/O in flight and leave with the gather, instead of leaving at once.
 * Blocks under that I/O must wait. A record, which is less than a block, also waits near that I/O: appenders to a log
 * leave together so, which saves the device a command. A write of high priority waits only where that I/O is on its own
 * blocks. write_span then sends what others wrote to its blocks along.
 */
uint64_t wt_gather_joining(const struct wt_folio *folio, uint64_t blocks, bool is_record, bool high_priority);

/*
 * Whether a write, whose one record lies in the folio as a whole, leads the gather that begins with it: the first of
 * several expected writers is back. As a rule they come together, and the gather takes the records of the others along.
 */
bool wt_gather_may_lead(const struct wt_folio *folio, const struct wt_write *write);
/* That write leads, when its thread has nothing else to do. Its blocks are dirty. */
void wt_gather_lead_first(struct wt_folio *folio, struct wt_write *write);

/*
 * A writer has come: its blocks are dirty. True: it was the last that a leader waited for. Then it sends the gather,
 * because that is sooner.
 */
bool wt_gather_arrive(struct wt_folio *folio);
/* A write of high priority is among the dirty blocks: the leader sends them without waiting for others. */
void wt_gather_send_now(struct wt_folio *folio);

/* ---- the end of an I/O --------------------------------------------------------------------------------------- */

/*
 * Drops the reference of a write's link, whose I/O has ended. Returns how many references are left. *freed: one more,
 * if the writer's thread is free now. Its next write is expected.
 */
unsigned wt_gather_release(struct wt_write *write, uint32_t *freed);

/*
 * An I/O on the folio has ended, and has set this many writers free. True: the caller sends what has gathered.
 * *leader: a writer that was told to lead, and whose semaphore the caller posts when it holds no lock; NULL: none.
 */
bool wt_gather_io_ended(struct wt_folio *folio, uint32_t freed, struct wt_write **leader);

/* The dirty blocks that no I/O is on: those that the gather can take along. */
static inline uint64_t wt_gathered_blocks(const struct wt_folio *folio) {
    return folio->dirty & ~(folio->writeback | folio->reading);
}

/* Whether somebody will send blocks that are dirty now: a leader, or the end of an I/O in flight. */
static inline bool wt_gather_is_sent_later(const struct wt_folio *folio) {
    return folio->gather.has_leader || (folio->writeback | (folio->reading & folio->dirty));
}

/* Whether an I/O is in flight near these blocks: then it is as well to leave with the gather at its end. */
bool wt_gather_is_near(const struct wt_folio *folio, uint64_t blocks);

/* Whether only bytes of later writes are dirty, and nobody is about to send them: a write to their blocks takes them along. */
static inline bool wt_gather_is_held(const struct wt_folio *folio) {
    return folio->dirty && !wt_gather_is_sent_later(folio);
}

/*
 * A later write, or one that has sent what was held, has left blocks dirty. True: nobody is about to send them, so the
 * caller notes that they are held.
 */
static inline bool wt_gather_hold(struct wt_folio *folio) {
    folio->gather.is_held = wt_gather_is_held(folio);
    return folio->gather.is_held;
}

/* Blocks are no longer dirty: they are under writeback, or their writes failed. */
static inline void wt_gather_left(struct wt_folio *folio) {
    folio->gather.is_held = folio->gather.is_held && folio->dirty;
    folio->gather.has_high_priority = folio->gather.has_high_priority && folio->dirty;
}

/* ---- a writer that waits ------------------------------------------------------------------------------------- */

/* From now on the writer's thread only waits: it may be handed a gather to lead. */
static inline void wt_gather_begin_waiting(struct wt_write *write) {
    atomic_store(&write->waits, true);
}

/* The folio whose gather the writer was told to lead, once. NULL: none. */
static inline struct wt_folio *wt_gather_take_lead(struct wt_write *write) {
    return atomic_exchange(&write->lead, NULL);
}

/* ---- the leader ---------------------------------------------------------------------------------------------- */

/*
 * The leader waits for the expected writers for 50 us, and longer while they keep coming: one more I/O costs the device
 * longer. The folio is not locked.
 */
void wt_gather_await_arrivals(struct wt_folio *folio);
/* The leader has locked the folio, and sends what has gathered. */
void wt_gather_take(struct wt_folio *folio);

#endif
