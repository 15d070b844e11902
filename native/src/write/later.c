// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/later.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mutant.h"
#include "base/thread.h"
#include "engine/doors.h"
#include "io/disk.h"
#include "io/lane.h"
#include "write/await.h"
#include "write/gather.h"
#include "write/round.h"
#include "write/writeback.h"

/* ---- send -------------------------------------------------------------------------------------------------------- */

/* Folios that are sent at once. */
#define FOLIOS_AT_ONCE 256u

static int compare_indexes(const void *a, const void *b) {
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static bool is_one_run(uint64_t blocks) {
    return (blocks & (blocks + (blocks & -blocks))) == 0;
}

/*
 * The dirty blocks of a folio that held join the launch. forced: a round that a force waits for. If the blocks are all
 * that is left of the round, and one I/O, that I/O is durable by itself, and the force needs no flush of its own.
 */
static void launch_held(struct wt_launch *launch, struct wt_folio *folio, struct wt_round *forced) {
    uint64_t blocks = wt_gathered_blocks(folio);
    if (forced && wt_gather_is_near(folio, blocks)) /* as the records of writers that wait do */
        return;
    if (forced && !is_one_run(blocks))
        atomic_store(&forced->write.durability, WT_DURABILITY_DEVICE);
    if (blocks)
        (void)wt_launch_blocks(launch, folio, blocks, NULL);
    if (wt_gather_hold(folio)) /* no memory for an I/O: the next one that sends tries again */
        for (struct wt_link *link = folio->links; link; link = link->next)
            if (link->dirty && wt_is_of_round(link->write))
                wt_round_hold(launch->inode, link, 0);
}

static void send(struct wt_inode *inode, struct wt_round *forced) {
    struct wt_launch launch = {.inode = inode};
    uint64_t indexes[FOLIOS_AT_ONCE];
    unsigned count = 0;
    do {
        count = wt_round_take_held(inode, indexes, FOLIOS_AT_ONCE);
        qsort(indexes, count, sizeof *indexes, compare_indexes);
        for (unsigned i = 0; i < count && !WT_MUTANT("held-bytes-forgotten"); i++) {
            struct wt_folio *folio = wt_folio_find(&inode->mapping, indexes[i]);
            if (!folio)
                continue; /* others have sent it, and it is stable and evicted */
            launch_held(&launch, folio, forced);
            wt_folio_put(folio);
        }
    } while (count == FOLIOS_AT_ONCE);
    wt_launch_start(&launch, forced != NULL);
}

void wt_later_send(struct wt_inode *inode) {
    if (inode->rounds.in_held)
        send(inode, NULL);
}

/* A write that finds the gate shut sends what it has copied, and so does the end of an I/O with what has gathered. */
void wt_later_shut(struct wt_inode *inode) {
    wt_inode_begin_shut(inode);
    wt_later_send(inode);
    wt_inode_await_drained(inode);
}

void wt_later_make_room(struct wt_inode *inode) {
    if (atomic_load_explicit(&inode->rounds.bytes, memory_order_relaxed) < wt_rounds_most(inode))
        return;
    wt_later_send(inode);
    wt_rounds_await_room(inode);
}

void wt_later_copied(struct wt_inode *inode) {
    if (atomic_load_explicit(&inode->rounds.held_bytes, memory_order_relaxed) >= WT_HELD_BYTES_MOST)
        send(inode, NULL);
}

/* A file that has been in the engine's list since this tick or before. The caller leaves its gate. NULL: there is none. */
static struct wt_inode *next_held(struct wt_engine_object *engine, uint64_t tick) {
    wt_lock(&engine->held_lock);
    struct wt_inode *inode = engine->first_held;
    while (inode && inode->rounds.since_tick > tick)
        inode = inode->rounds.next_held;
    if (inode)
        wt_inode_begin_more(inode); /* a link that is held keeps the gate */
    wt_unlock(&engine->held_lock);
    return inode;
}

static void send_all(struct wt_engine_object *engine, uint64_t tick) {
    struct wt_inode *inode;
    while ((inode = next_held(engine, tick))) {
        send(inode, NULL);
        wt_inode_end(inode);
    }
}

/* What is held anew meanwhile is of a later tick: so this ends, also if there is no memory for I/O. */
void wt_later_send_all(struct wt_engine_object *engine) {
    wt_lock(&engine->held_lock);
    uint64_t tick = engine->tick++;
    wt_unlock(&engine->held_lock);
    send_all(engine, tick);
}

/* ---- force ------------------------------------------------------------------------------------------------------- */

/* The flush has begun and no other is running. The lock is held, and is let go meanwhile. */
static int run_flush(struct wt_inode *inode, bool data_only) {
    struct wt_rounds *rounds = &inode->rounds;
    struct wt_disk *disk = inode->lane.disk;
    rounds->flushing = true;
    uint64_t start = rounds->unflushed_start, end = rounds->unflushed_end;
    uint64_t of_rounds = wt_disk_take_unsynced(&rounds->unflushed);
    rounds->unflushed_start = UINT64_MAX;
    rounds->unflushed_end = 0;
    wt_round_begin_flush(rounds);
    wt_unlock(&rounds->lock);
    uint64_t unsynced = wt_disk_take_unsynced(&inode->unsynced);
    int rc = wt_lane_sync(&inode->lane, atomic_load(&inode->backing), data_only);
    rc = rc == 0 && wt_disk_flush_failed_since(disk, unsynced) ? -EIO : rc;
    bool lost = rc || wt_disk_flush_failed_since(disk, of_rounds);
    if (lost && start < end)
        wt_round_lose(inode, start, end, rc ? rc : -EIO, NULL);
    wt_lock(&rounds->lock);
    wt_round_end_flush(rounds, !lost);
    rounds->flushing = false;
    atomic_fetch_add(&rounds->failed_flushes, rc != 0);
    rounds->flush_error = rc ? rc : rounds->flush_error;
    wt_wake_all(&rounds->changed);
    return rc;
}

/*
 * What a flush makes stable is noted as such when it begins: a force that finds nothing left to flush waits for the one
 * that is running. The lock is held.
 */
static void await_flush(struct wt_inode *inode) {
    struct wt_rounds *rounds = &inode->rounds;
    while (rounds->flushing && !WT_MUTANT("force-joins-flush-too-late"))
        wt_wait(inode->engine->backend, &rounds->changed, &rounds->lock);
}

/*
 * A flush; with_metadata: in any case, otherwise unless all of the file is stable. A flush that has failed since the call
 * began may have lost bytes that the call covers: had_failed is how many had failed by then.
 */
static int flush(struct wt_inode *inode, bool with_metadata, uint64_t had_failed) {
    struct wt_rounds *rounds = &inode->rounds;
    int rc = 0;
    wt_lock(&rounds->lock);
    await_flush(inode);
    int before = atomic_load(&rounds->failed_flushes) != had_failed ? rounds->flush_error : 0;
    if (with_metadata || (!before && (atomic_load(&inode->unsynced) || atomic_load(&rounds->unflushed))))
        rc = run_flush(inode, !with_metadata);
    wt_unlock(&rounds->lock);
    return before ? before : rc;
}

/* The device has all bytes that were written before, as far as it took them. */
static void settle(struct wt_inode *inode) {
    struct wt_round *round = wt_round_close(inode);
    if (round) {
        /* One reference is the round's own, and one its only link's. */
        if (atomic_load(&round->write.references) <= 2 && !atomic_load(&inode->unsynced))
            atomic_store(&round->write.durability, WT_DURABILITY_DSYNC);
        send(inode, round);
        wt_write_await(&round->write);
        wt_round_free(round);
    }
    wt_rounds_await(inode);
}

int wt_later_settle(struct wt_file_object *file) {
    settle(file->inode);
    return wt_round_error(file->inode, &file->errors_told);
}

static int make_stable(struct wt_file_object *file, bool with_metadata) {
    uint64_t had_failed = atomic_load(&file->inode->rounds.failed_flushes);
    settle(file->inode);
    int rc = WT_MUTANT("force-without-flush") ? 0 : flush(file->inode, with_metadata, had_failed);
    int lost = wt_round_error(file->inode, &file->errors_told);
    return lost ? lost : rc;
}

int wt_later_force(struct wt_file_object *file) {
    return make_stable(file, false);
}

int wt_later_sync(struct wt_file_object *file) {
    return make_stable(file, true);
}

int wt_force(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int rc = wt_may_wait(file->inode->engine->backend);
    if (!rc && atomic_load(&file->inode->lost))
        rc = -ESTALE;
    if (!rc)
        rc = wt_later_force(file);
    wt_file_release(handle);
    return rc;
}

int wt_file_begin_mapping(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int rc = wt_may_wait(file->inode->engine->backend);
    if (!rc) {
        atomic_store(&file->inode->mapped, true);
        rc = wt_later_settle(file);
    }
    wt_file_release(handle);
    return rc;
}

/* ---- the ticker ------------------------------------------------------------------------------------------------ */

/* After so many ticks without anything to do the ticker sleeps until it is woken. */
#define IDLE_TICKS 32u

static void *tick(void *argument) {
    struct wt_engine_object *engine = argument;
    unsigned idle = 0;
    wt_lock(&engine->held_lock);
    while (!engine->ticker_stops) {
        idle = engine->first_held ? 0 : idle + 1;
        if (idle >= IDLE_TICKS) {
            engine->ticker_asleep = true;
            wt_sleep(&engine->ticker_due, &engine->held_lock);
            engine->ticker_asleep = false;
            idle = 0;
            continue;
        }
        (void)wt_sleep_until(&engine->ticker_due, &engine->held_lock, wt_now_ns() + WT_TICK_NS);
        uint64_t tick = ++engine->tick;
        bool any = engine->first_held;
        wt_unlock(&engine->held_lock);
        if (any)
            send_all(engine,
                     tick - 2); /* held for more than one tick, and less than two and the time that sending takes */
        wt_lock(&engine->held_lock);
    }
    wt_unlock(&engine->held_lock);
    return NULL;
}

int wt_ticker_start(struct wt_engine_object *engine) {
    if (atomic_load_explicit(&engine->ticker_started, memory_order_acquire))
        return 0;
    int rc = 0;
    wt_lock(&engine->held_lock);
    if (!atomic_load(&engine->ticker_started)) {
        rc = wt_thread_start(&engine->ticker, "wt-ticker", tick, engine);
        atomic_store_explicit(&engine->ticker_started, rc == 0, memory_order_release);
    }
    wt_unlock(&engine->held_lock);
    return rc;
}

void wt_ticker_stop(struct wt_engine_object *engine) {
    if (!atomic_load(&engine->ticker_started) || engine->no_ticker)
        return;
    wt_lock(&engine->held_lock);
    engine->ticker_stops = true;
    wt_wake_all(&engine->ticker_due);
    wt_unlock(&engine->held_lock);
    wt_join(engine->ticker);
}
