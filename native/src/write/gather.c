// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/gather.h"

#include <assert.h>

#include "engine/objects.h"
#include "write/arrivals.h"

static uint32_t expected_by(const struct wt_folio *folio) {
    return atomic_load_explicit(&folio->gather.expected, memory_order_relaxed);
}

static void expect(struct wt_folio *folio, uint32_t writers) {
    atomic_store_explicit(&folio->gather.expected, writers, memory_order_relaxed);
}

/* For assertions: each dirty block of the folio is a write's, and each dirty block of a write is the folio's. */
static inline bool has_a_write_for_each_block(const struct wt_folio *folio) {
    uint64_t dirty = 0;
    for (const struct wt_link *link = folio->links; link; link = link->next)
        dirty |= link->dirty;
    return dirty == folio->dirty;
}

/* ---- a write and the gather ---------------------------------------------------------------------------------- */

/* A record waits for I/O that is at most this many blocks away: appenders to a log arrive out of order. */
#define NEAR_BLOCKS 8

static bool is_near(uint64_t busy, uint64_t blocks) {
    for (unsigned distance = 1; distance <= NEAR_BLOCKS; distance++)
        if (busy & (blocks << distance | blocks >> distance))
            return true;
    return false;
}

bool wt_gather_is_near(const struct wt_folio *folio, uint64_t blocks) {
    return is_near(folio->writeback, blocks);
}

uint64_t wt_gather_joining(const struct wt_folio *folio, uint64_t blocks, bool is_record, bool high_priority) {
    if (high_priority || wt_gather_is_held(folio))
        return blocks & folio->writeback;
    uint64_t busy = folio->writeback | folio->dirty, idle = blocks & ~busy;
    if (is_record && (folio->writeback || folio->gather.has_leader) && is_near(busy, idle))
        return blocks;
    return blocks & busy;
}

bool wt_gather_may_lead(const struct wt_folio *folio, const struct wt_write *write) {
    return !write->async && !(write->flags & WT_HIGH_PRIORITY) && (folio->writeback | folio->dirty) == 0 &&
           !folio->gather.has_leader && expected_by(folio) > 1;
}

void wt_gather_lead_first(struct wt_folio *folio, struct wt_write *write) {
    assert(folio->dirty && !folio->gather.has_leader && !folio->gather.has_high_priority);
    assert(!atomic_load(&write->lead) && !atomic_load(&write->waits));
    folio->gather.has_leader = true;
    atomic_store(&write->lead, folio);
    sem_post(&write->wake);
}

bool wt_gather_arrive(struct wt_folio *folio) {
    return folio->gather.has_leader && wt_arrive(&folio->gather.expected);
}

void wt_gather_send_now(struct wt_folio *folio) {
    assert(folio->dirty);
    folio->gather.has_high_priority = true;
    expect(folio, 0);
}

/* ---- the end of an I/O --------------------------------------------------------------------------------------- */

unsigned wt_gather_release(struct wt_write *write, uint32_t *freed) {
    /* After its last reference but one is dropped, a write may end on its own thread and be gone. */
    bool async = write->async, waits = atomic_load(&write->waits), of_round = wt_is_of_round(write);
    unsigned left = atomic_fetch_sub(&write->references, 1) - 1;
    /* in the second case the writer runs this very I/O */
    *freed += !async && !of_round && (left == 0 || (left == 1 && !waits));
    return left;
}

/* Tells a writer that waits for the dirty blocks to lead. NULL: no writer waits, or each has a gather to lead. */
static struct wt_write *hand_over(struct wt_folio *folio) {
    for (struct wt_link *link = folio->links; link; link = link->next) {
        struct wt_write *write = link->write;
        struct wt_folio *none = NULL;
        if (!link->dirty || !atomic_load(&write->waits) || !atomic_compare_exchange_strong(&write->lead, &none, folio))
            continue;
        folio->gather.has_leader = true;
        return write;
    }
    return NULL;
}

bool wt_gather_io_ended(struct wt_folio *folio, uint32_t freed, struct wt_write **leader) {
    assert(has_a_write_for_each_block(folio));
    *leader = NULL;
    if (folio->gather.has_leader)
        return false;
    expect(folio, folio->gather.has_high_priority ? 0 : freed);
    if (!wt_gathered_blocks(folio))
        return false;
    *leader = hand_over(folio);
    return !*leader;
}

/* ---- the leader ---------------------------------------------------------------------------------------------- */

void wt_gather_await_arrivals(struct wt_folio *folio) {
    struct wt_inode *inode = wt_inode_of(folio);
    wt_await_arrivals(inode->engine, &folio->gather.expected, &inode->hasty_leaders);
}

void wt_gather_take(struct wt_folio *folio) {
    assert(folio->gather.has_leader && has_a_write_for_each_block(folio));
    folio->gather.has_leader = false;
    expect(folio, 0);
}
