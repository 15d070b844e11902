// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/later.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mutant.h"
#include "base/thread.h"
#include "engine/doors.h"
#include "io/disk.h"
#include "io/turns.h"
#include "write/arrivals.h"
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
 * of the round that no I/O has had, and one I/O, that I/O is durable by itself, and the force needs no flush of its own.
 * False: there is no memory for an I/O, and the blocks are held as before.
 */
static bool launch_held(struct wt_launch *launch, struct wt_folio *folio, struct wt_round *forced) {
    uint64_t blocks = wt_gathered_blocks(folio);
    if (forced && wt_gather_is_near(folio, blocks)) /* as the records of writers that wait do */
        return true;
    const struct wt_link *link = forced ? wt_round_link(forced, folio) : NULL;
    if (forced && (!is_one_run(blocks) || (link && link->writeback)))
        atomic_store(&forced->write.durability, WT_DURABILITY_DEVICE);
    if (blocks)
        (void)wt_launch_blocks(launch, folio, blocks, NULL);
    if (!wt_gather_hold(folio))
        return true;
    for (struct wt_link *held = folio->links; held; held = held->next) /* the next one that sends tries again */
        if (held->dirty && wt_is_of_round(held->write))
            wt_round_hold(launch->inode, held, 0);
    return false;
}

/* Little is held, and its I/Os need not be sent before a flush: the kernel is left to keep what grows the file. */
static bool leaves_growth(const struct wt_inode *inode, const struct wt_round *forced) {
    bool waits =
        forced && atomic_load(&forced->write.durability) != WT_DURABILITY_DEVICE; /* for one I/O, and no flush */
    return wt_turns_may_keep(&inode->turns) && !waits &&
           atomic_load_explicit(&inode->rounds.held_bytes, memory_order_relaxed) <= WT_KEPT_BYTES_MOST;
}

static void send(struct wt_inode *inode, struct wt_round *forced) {
    struct wt_launch launch = {.inode = inode, .leaves_growth = leaves_growth(inode, forced)};
    uint64_t indexes[FOLIOS_AT_ONCE];
    unsigned count = 0;
    bool sent = true;
    do {
        count = wt_round_take_held(inode, indexes, FOLIOS_AT_ONCE);
        qsort(indexes, count, sizeof *indexes, compare_indexes);
        for (unsigned i = 0; i < count && !WT_MUTANT("held-bytes-forgotten"); i++) {
            struct wt_folio *folio = wt_folio_find(&inode->mapping, indexes[i]);
            if (!folio)
                continue; /* others have sent it, and it is stable and evicted */
            sent &= launch_held(&launch, folio, forced);
            wt_folio_put(folio);
        }
    } while (sent && count == FOLIOS_AT_ONCE);
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

void wt_later_wait_idle(struct wt_folio *folio, uint64_t blocks) {
    if (!(folio->dirty & blocks) || !wt_gather_is_held(folio)) {
        wt_folio_wait_idle(folio, blocks);
        return;
    }
    struct wt_inode *inode = wt_inode_of(folio);
    folio->awaiting++; /* keeps the folio, and new bytes from the blocks */
    folio->awaited |= blocks;
    wt_folio_put(folio);
    wt_later_send(inode);
    wt_folio_lock(folio);
    wt_folio_wait_idle(folio, blocks);
    wt_folio_end_awaiting(folio);
}

void wt_later_make_room(struct wt_inode *inode) {
    if (atomic_load_explicit(&inode->rounds.bytes, memory_order_relaxed) < wt_rounds_most(inode))
        return;
    wt_later_send(inode);
    wt_rounds_await_room(inode);
}

static bool holds_enough(const struct wt_inode *inode) {
    return atomic_load_explicit(&inode->rounds.held_bytes, memory_order_relaxed) >= WT_HELD_BYTES_MOST;
}

void wt_later_copied(struct wt_inode *inode) {
    struct wt_engine_object *engine = inode->engine;
    if (!holds_enough(inode))
        return;
    if (engine->no_ticker) {
        send(inode, NULL);
    } else if (!atomic_exchange(&engine->ticker_asked, true)) {
        wt_lock(&engine->held_lock);
        wt_wake_one(&engine->ticker_due);
        wt_unlock(&engine->held_lock);
    }
}

/* The held_lock is held, and is let go meanwhile. */
static void send_listed(struct wt_engine_object *engine, struct wt_inode *inode) {
    wt_inode_begin_more(inode); /* a link that is held keeps the gate */
    wt_unlock(&engine->held_lock);
    send(inode, NULL);
    wt_inode_end(inode);
    wt_lock(&engine->held_lock);
}

/* What is held anew meanwhile stands behind it in the list: so this ends, also if there is no memory for I/O. */
void wt_later_send_all(struct wt_engine_object *engine) {
    wt_lock(&engine->held_lock);
    uint64_t until = engine->next_held_number;
    while (engine->first_held && engine->first_held->rounds.held_number < until)
        send_listed(engine, engine->first_held);
    wt_unlock(&engine->held_lock);
}

/* ---- force ------------------------------------------------------------------------------------------------------- */

static void run_flush(struct wt_inode *inode, bool data_only) {
    struct wt_rounds *rounds = &inode->rounds;
    struct wt_disk *disk = inode->turns.disk;
    wt_lock(&rounds->lock);
    rounds->flushing = true;
    bool kept = atomic_load(&inode->turns.kept);
    uint64_t start = rounds->unflushed_start, end = rounds->unflushed_end;
    uint64_t of_rounds = wt_disk_take_unsynced(&rounds->unflushed);
    rounds->unflushed_start = UINT64_MAX;
    rounds->unflushed_end = 0;
    wt_round_begin_flush(rounds);
    wt_unlock(&rounds->lock);
    uint64_t failures = wt_disk_failures(disk), unsynced = wt_disk_take_unsynced(&inode->unsynced);
    if (atomic_load(&inode->mapped)) /* what is stored from now on may miss this flush, and be lost by it if it fails */
        wt_disk_note_unsynced_since(&inode->unsynced, failures);
    atomic_store(&rounds->flush_due, false);
    int rc = wt_turns_sync(&inode->turns, atomic_load(&inode->backing), data_only);
    rc = rc == 0 && wt_disk_flush_failed_since(disk, unsynced) ? -EIO : rc;
    if (rc)
        atomic_store(&rounds->flush_due, true);
    bool lost = rc || wt_disk_flush_failed_since(disk, of_rounds);
    if (lost && start < end) {
        wt_round_lose(inode, start, end, rc ? rc : -EIO, NULL);
        if (kept)
            wt_writeback_forget(inode, start, end);
    }
    if (!lost)
        atomic_store(&rounds->unforced, false);
    wt_lock(&rounds->lock);
    wt_round_end_flush(rounds, !lost);
    rounds->flushing = false;
    rounds->failed_flushes += rc != 0;
    rounds->flush_error = rc ? rc : rounds->flush_error;
    wt_unlock(&rounds->lock);
}

/* Whether a force has nothing to flush, once the device has all bytes. */
static bool is_flushed(struct wt_inode *inode) {
    struct wt_rounds *rounds = &inode->rounds;
    if (atomic_load(&inode->mapped)) /* there may be stores */
        return WT_MUTANT("force-without-stores");
    bool due = atomic_load(&rounds->flush_due) && !WT_MUTANT("due-flush-forgotten");
    return !atomic_load(&inode->unsynced) && !atomic_load(&rounds->unflushed) && !due;
}

/* The device has all bytes that were written before, as far as it took them. stable: a single I/O is to be durable. */
static void settle(struct wt_inode *inode, bool stable) {
    struct wt_round *round = wt_round_close(inode);
    if (round) {
        /* One reference is the round's own, and one its only link's. */
        if (stable && atomic_load(&round->write.references) <= 2 && is_flushed(inode))
            atomic_store(&round->write.durability, WT_DURABILITY_DSYNC);
        send(inode, round);
        wt_write_await(&round->write);
        wt_round_free(round);
    }
    wt_rounds_await(inode);
}

void wt_later_await(struct wt_inode *inode) {
    (void)wt_plug_send(); /* the caller may be about to submit more */
    settle(inode, false);
}

int wt_later_settle(struct wt_file_object *file) {
    wt_later_await(file->inode);
    return wt_round_error(file->inode, &file->errors_told);
}

/* 0, or the error with which bytes of later writes, or of stores through a mapping, were lost. */
static int lost_error(struct wt_file_object *file) {
    int rc = wt_round_error(file->inode, &file->errors_told);
    return rc ? rc : atomic_exchange(&file->inode->flush_error, 0);
}

int wt_later_close(struct wt_file_object *file) {
    wt_later_await(file->inode);
    return lost_error(file);
}

/* A call that waits for a group of forces. */
struct wt_force {
    struct wt_force *next;
    bool with_metadata;  /* flush in any case */
    bool leads;          /* set before the post: the call is to lead the next group */
    uint64_t had_failed; /* flushes when the call began */
    int rc;
    sem_t posted;
};

/* The forces that wait, the oldest first. The lock is held. */
static struct wt_force *take_forces(struct wt_rounds *rounds) {
    struct wt_force *forces = rounds->first_force;
    rounds->first_force = NULL;
    rounds->last_force = &rounds->first_force;
    return forces;
}

/*
 * What a flush that failed means for a call. A flush that has failed since the call began was of the call's group or of
 * the group before, and may have lost bytes which the call covers. The lock is held.
 */
static int result_of(const struct wt_rounds *rounds, const struct wt_force *force) {
    return rounds->failed_flushes != force->had_failed ? rounds->flush_error : 0;
}

/* Does what all forces of the group ask for. Those that come from now on are of the next group. */
static void run_group(struct wt_inode *inode, bool with_metadata) {
    settle(inode, true);
    if ((with_metadata || !is_flushed(inode)) && !WT_MUTANT("force-without-flush"))
        run_flush(inode, !with_metadata);
}

/* The call leads: its group is that call and those that wait. */
static void lead_group(struct wt_inode *inode, struct wt_force *leader) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_await_arrivals(inode->engine, &rounds->expected_forces, &rounds->hasty_leaders);
    wt_lock(&rounds->lock);
    struct wt_force *members = take_forces(rounds);
    wt_unlock(&rounds->lock);
    bool with_metadata = leader->with_metadata;
    for (const struct wt_force *member = members; member; member = member->next)
        with_metadata |= member->with_metadata;
    run_group(inode, with_metadata);
    wt_lock(&rounds->lock);
    if (!members && WT_MUTANT("force-joins-group-too-late"))
        members = take_forces(rounds);
    leader->rc = result_of(rounds, leader);
    uint32_t size = 1;
    for (struct wt_force *member = members; member; member = member->next, size++)
        member->rc = result_of(rounds, member);
    atomic_store_explicit(&rounds->expected_forces, size, memory_order_relaxed);
    struct wt_force *next = rounds->first_force;
    if (next) {
        next->leads = true;
        rounds->first_force = next->next;
        if (!next->next)
            rounds->last_force = &rounds->first_force;
    }
    rounds->group_is_led = next;
    wt_unlock(&rounds->lock);
    for (struct wt_force *member = members, *after; member; member = after) {
        after = member->next; /* once posted, the call may have returned */
        sem_post(&member->posted);
    }
    if (next)
        sem_post(&next->posted);
}

/* The result is that of flushes alone. */
static int make_stable(struct wt_inode *inode, bool with_metadata) {
    struct wt_rounds *rounds = &inode->rounds;
    struct wt_force force = {.with_metadata = with_metadata};
    sem_init(&force.posted, 0, 0);
    wt_lock(&rounds->lock);
    force.had_failed = rounds->failed_flushes;
    (void)wt_arrive(&rounds->expected_forces);
    force.leads = !rounds->group_is_led;
    bool waits = !force.leads;
    if (waits) {
        *rounds->last_force = &force;
        rounds->last_force = &force.next;
    }
    rounds->group_is_led = true;
    wt_unlock(&rounds->lock);
    if (waits)
        wt_await_post(inode->engine, &force.posted);
    if (force.leads)
        lead_group(inode, &force);
    sem_destroy(&force.posted);
    return force.rc;
}

static int force(struct wt_file_object *file, bool with_metadata) {
    int rc = make_stable(file->inode, with_metadata);
    int lost = lost_error(file);
    return lost ? lost : rc;
}

int wt_later_force(struct wt_file_object *file) {
    return force(file, false);
}

int wt_later_sync(struct wt_file_object *file) {
    return force(file, true);
}

int wt_later_keep_nothing(struct wt_inode *inode, bool may_wait) {
    if (wt_turns_keeps_nothing(&inode->turns))
        return 0;
    if (!may_wait)
        return -EAGAIN;
    (void)wt_plug_send(); /* the rounds may be waiting for blocks of that I/O */
    if (!WT_MUTANT("kept-bytes-beside-durable-ones"))
        (void)make_stable(inode, false); /* what it loses is told to forces */
    wt_turns_flushed(&inode->turns, atomic_load(&inode->backing));
    return 0;
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
        atomic_store(&file->inode->shown, true);
        rc = wt_later_settle(file);
    }
    wt_file_release(handle);
    return rc;
}

/* ---- the ticker ------------------------------------------------------------------------------------------------ */

/* After so many times without anything to do the ticker sleeps until it is woken. */
#define IDLE_TIMES 32u

/* A file whose bytes have been held for long enough, or that holds enough of them. The held_lock is held. NULL: none. */
static struct wt_inode *find_due(const struct wt_engine_object *engine, int64_t now_ns) {
    struct wt_inode *inode = engine->first_held; /* has been there longest */
    if (inode && inode->rounds.held_since_ns + WT_HELD_NS <= now_ns)
        return inode;
    while (inode && !holds_enough(inode))
        inode = inode->rounds.next_held;
    return inode;
}

/* Sleeps until there may be something to do. The held_lock is held, and is let go meanwhile. */
static void await_due(struct wt_engine_object *engine, int64_t now_ns, unsigned *idle) {
    const struct wt_inode *first = engine->first_held;
    *idle = first ? 0 : *idle + 1;
    if (*idle < IDLE_TIMES) { /* what is held from now on is not due before that */
        (void)wt_sleep_until(&engine->ticker_due, &engine->held_lock,
                             (first ? first->rounds.held_since_ns : now_ns) + WT_HELD_NS);
    } else {
        *idle = 0;
        engine->ticker_asleep = true;
        wt_sleep(&engine->ticker_due, &engine->held_lock);
        engine->ticker_asleep = false;
    }
}

static void *tick(void *argument) {
    struct wt_engine_object *engine = argument;
    unsigned idle = 0;
    wt_lock(&engine->held_lock);
    while (!engine->ticker_stops) {
        atomic_store(&engine->ticker_asked, false);
        int64_t now_ns = wt_now_ns();
        struct wt_inode *due = find_due(engine, now_ns);
        if (due)
            send_listed(engine, due);
        else
            await_due(engine, now_ns, &idle);
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
