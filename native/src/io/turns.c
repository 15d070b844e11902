// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/turns.h"

#include <errno.h>
#include <semaphore.h>
#include <stddef.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "io/disk.h"
#include "io/plug.h"
#include "io/stable.h"
#include "io/wait.h"

void wt_turns_open(struct wt_turns *turns, struct wt_backend *backend, struct wt_disk *disk) {
    *turns = (struct wt_turns){.backend = backend, .disk = disk};
    /* A thread that may not wait could not end the keeping. */
    atomic_init(&turns->keeping, backend->ops->may_wait ? WT_TURNS_KEEPS_NOTHING : WT_TURNS_FRESH);
    wt_mutex_init(&turns->lock, WT_LOCK_TURNS);
}

void wt_turns_close(struct wt_turns *turns) {
    wt_mutex_destroy(&turns->lock);
}

/* ---- turns --------------------------------------------------------------------------------------------------- */

/* True: the turn is the caller's now. False: turn->begin is called when it is. */
static bool take_turn(struct wt_turns *turns, struct wt_turn *turn, bool first) {
    wt_lock(&turns->lock);
    bool free = !turns->taken;
    turns->taken = true;
    if (!free) {
        turn->next = first ? turns->first : NULL;
        if (!turns->first)
            turns->first = turns->last = turn;
        else if (first)
            turns->first = turn;
        else
            turns->last = turns->last->next = turn;
    }
    wt_unlock(&turns->lock);
    return free;
}

void wt_turns_leave(struct wt_turns *turns) {
    wt_lock(&turns->lock);
    struct wt_turn *next = turns->first;
    if (next)
        turns->first = next->next;
    turns->taken = next;
    wt_unlock(&turns->lock);
    if (next)
        next->begin(next);
}

struct waiting_thread {
    struct wt_turn turn; /* first */
    sem_t come;
};

static void wake_thread(struct wt_turn *turn) {
    sem_post(&((struct waiting_thread *)turn)->come);
}

void wt_turns_enter(struct wt_turns *turns) {
    struct waiting_thread thread = {.turn.begin = wake_thread};
    sem_init(&thread.come, 0, 0);
    if (!take_turn(turns, &thread.turn, false))
        wt_wait_post(turns->backend, &thread.come);
    sem_destroy(&thread.come);
}

/* ---- one I/O ------------------------------------------------------------------------------------------------- */

static bool needs_turn(const struct wt_io *io) {
    return io->op == WT_IO_WRITE && io->through_page_cache && !WT_MUTANT("page-cache-writes-share-a-cursor");
}

/* An I/O is about to start for the first time. */
static void note(struct wt_turns *turns, struct wt_io *io) {
    io->turns = turns;
    io->first_segment = 0;
    io->skipped = 0;
    io->runs_again = 0;
    io->met_kept = false;
    io->flush_failed = false;
    io->refusals_before = atomic_load_explicit(&turns->refusals, memory_order_acquire);
    io->failures_before = wt_disk_failures(turns->disk);
}

/* The kernel gets an I/O that has the turn. */
static void begin_inside(struct wt_turns *turns, struct wt_io *io) {
    if (!needs_turn(io))
        return;
    atomic_store(&turns->writing, true);
    io->kept = wt_turns_may_keep(turns) && io->durability == WT_DURABILITY_DEVICE && io->length <= WT_KEPT_BYTES_MOST;
    if (!io->kept)
        return;
    io->refusals_before = atomic_load(&turns->refusals); /* one from now on may have lost the bytes */
    atomic_store(&turns->kept, true);
}

/* An I/O that has the turn has ended. */
static void end_inside(struct wt_turns *turns, const struct wt_io *io) {
    if (!needs_turn(io))
        return;
    if (io->error) {
        atomic_fetch_add(&turns->refusals, 1);
        bool others = atomic_load(&turns->kept) ||
                      atomic_load(&turns->mapped); /* the next flush, or msync(2), is to be told of them */
        if (io->backing->ops->take_error && !others && !WT_MUTANT("error-told-again"))
            (void)io->backing->ops->take_error(io->backing, false); /* it is told to this write */
    }
    atomic_store(&turns->writing, false);
}

/*
 * Whether the error of a direct I/O may be that of a page-cache write, which the direct descriptor was told as well; or that of
 * a page-cache write be the error of what was stored through a mapping.
 */
static bool may_be_anothers(struct wt_turns *turns, struct wt_io *io) {
    if (!io->error || needs_turn(io))
        return io->error && atomic_load(&turns->mapped) && !WT_MUTANT("error-of-stores-told-to-write");
    bool kept = atomic_load(&turns->kept);
    io->met_kept |= kept;
    if (kept && io->op == WT_IO_WRITE)
        atomic_fetch_add(&turns->refusals, 1); /* a flush may be told no more what the kernel has lost */
    return kept || atomic_load(&turns->writing) || atomic_load(&turns->refusals) != io->refusals_before;
}

/*
 * Whether a flush of the disk failed while the disk had the bytes in its cache: it may have lost them, and the flush
 * that followed found nothing to do.
 */
static bool may_be_lost(struct wt_turns *turns, const struct wt_io *io) {
    return !io->error && wt_stable_is_asked(io) && wt_disk_failures(turns->disk) != io->failures_before &&
           !WT_MUTANT("lost-flush-untold");
}

/*
 * An I/O runs again this often at most. In its turn nobody else's error reaches it, but other files' flushes may fail
 * each time.
 */
#define RUNS_AGAIN_MOST 8u

/* An I/O ended. True: its result may not be about its own bytes, and it needs a turn to find out. */
static bool is_doubtful(struct wt_turns *turns, struct wt_io *io) {
    bool lost = may_be_lost(turns, io);
    if (io->error && io->flush_failed)
        wt_disk_count_failure(turns->disk);
    if (lost && io->runs_again == RUNS_AGAIN_MOST) {
        io->error = -EIO;
        io->done = 0;
    }
    bool others = io->runs_again < RUNS_AGAIN_MOST && may_be_anothers(turns, io);
    return (lost && !io->error) ||
           (others && (io->runs_again == 0 || io->met_kept)); /* more of them may fail on the way */
}

/*
 * Such an I/O has its turn. False: the page-cache write that was in flight was not refused, so the error is this
 * I/O's own. True: the I/O runs again. Its bytes are still in memory, and to write them twice harms nothing.
 */
static bool runs_again(struct wt_turns *turns, struct wt_io *io) {
    if (io->error && !io->met_kept && atomic_load(&turns->refusals) == io->refusals_before)
        return false;
    wt_io_rewind(io);
    io->runs_again++;
    io->flush_failed = false;
    io->stable_by = WT_STABLE_BY_NOTHING; /* until it is sent again. The flush that it shared is over */
    io->failures_before = wt_disk_failures(turns->disk);
    return true;
}

/* ---- on the caller's thread ---------------------------------------------------------------------------------- */

static void run_inside(struct wt_turns *turns, struct wt_io *io) {
    do {
        begin_inside(turns, io);
        wt_blocking(io->backing)->run(io);
        end_inside(turns, io);
    } while (is_doubtful(turns, io) && runs_again(turns, io));
}

void wt_turns_run_inside(struct wt_turns *turns, struct wt_io *io) {
    note(turns, io);
    run_inside(turns, io);
}

void wt_turns_run(struct wt_turns *turns, struct wt_io *io) {
    bool direct = !needs_turn(io);
    note(turns, io);
    if (direct) {
        wt_blocking(io->backing)->run(io);
        if (!is_doubtful(turns, io))
            return;
    }
    wt_turns_enter(turns);
    if (!direct || runs_again(turns, io))
        run_inside(turns, io);
    wt_turns_leave(turns);
}

/* ---- by the backend ------------------------------------------------------------------------------------------ */

static struct wt_io *io_of(struct wt_turn *turn) {
    return (struct wt_io *)((char *)turn - offsetof(struct wt_io, turn));
}

/* The next turn begins before the I/O is completed: then the file may be gone. */
static void end_turn(struct wt_io *io) {
    io->complete = io->then;
    wt_turns_leave(io->turns);
    io->complete(io);
}

static void inside_done(struct wt_io *io);

/* Past the plug: others wait for this turn to end. */
static void submit_inside(struct wt_io *io) {
    struct wt_backend *backend = io->turns->backend;
    begin_inside(io->turns, io);
    io->complete = inside_done;
    io->next = NULL;
    backend->ops->submit(backend, io);
}

static void inside_done(struct wt_io *io) {
    struct wt_turns *turns = io->turns;
    end_inside(turns, io);
    if (is_doubtful(turns, io) && runs_again(turns, io))
        submit_inside(io);
    else
        end_turn(io);
}

static void begin_turn(struct wt_turn *turn) {
    submit_inside(io_of(turn));
}

static void begin_turn_again(struct wt_turn *turn) {
    struct wt_io *io = io_of(turn);
    if (runs_again(io->turns, io))
        submit_inside(io);
    else
        end_turn(io);
}

/* Has the backend do a noted I/O when its turn comes. */
static void submit_in_turn(struct wt_io *io, void (*begin)(struct wt_turn *)) {
    io->turn.begin = begin;
    if (take_turn(io->turns, &io->turn, io->high_priority))
        begin(&io->turn);
}

static void direct_done(struct wt_io *io) {
    if (is_doubtful(io->turns, io)) {
        submit_in_turn(io, begin_turn_again);
        return;
    }
    io->complete = io->then;
    io->complete(io);
}

void wt_turns_submit(struct wt_turns *turns, struct wt_io *list, struct wt_burst *burst) {
    struct wt_backend *backend = turns->backend;
    struct wt_io *direct = NULL, **tail = &direct;
    for (struct wt_io *io = list, *next; io; io = next) {
        next = io->next;
        io->then = io->complete;
        note(turns, io);
        if (needs_turn(io)) {
            submit_in_turn(io, begin_turn);
            continue;
        }
        io->complete = direct_done;
        io->next = NULL;
        *tail = io;
        tail = &io->next;
    }
    if (direct && burst)
        backend->ops->burst_start(burst, direct);
    else if (direct)
        wt_plug_submit(backend, direct);
}

void wt_turns_run_to_end(struct wt_turns *turns, struct wt_io *io) {
    if (!needs_turn(io)) {
        wt_turns_run(turns, io);
        io->complete(io);
        return;
    }
    io->then = io->complete;
    note(turns, io);
    io->turn.begin = begin_turn;
    if (!take_turn(turns, &io->turn, io->high_priority))
        return;
    run_inside(turns, io);
    wt_turns_leave(turns);
    io->complete(io);
}

/* ---- flushes ------------------------------------------------------------------------------------------------- */

int wt_turns_sync_inside(struct wt_turns *turns, struct wt_backing *backing, bool data_only) {
    int rc = wt_blocking(backing)->sync(backing, data_only);
    if (rc) {
        atomic_fetch_add(&turns->refusals, 1);
        wt_disk_count_failure(turns->disk); /* in the turn: the next flush of the file finds nothing to do */
    }
    atomic_store(&turns->kept, false); /* in a turn: nothing has come to it meanwhile */
    return rc;
}

int wt_turns_sync(struct wt_turns *turns, struct wt_backing *backing, bool data_only) {
    wt_turns_enter(turns);
    int rc = wt_turns_sync_inside(turns, backing, data_only);
    wt_turns_leave(turns);
    return rc;
}

/* ---- what the kernel may keep --------------------------------------------------------------------------------- */

bool wt_turns_keep(struct wt_turns *turns) {
    uint32_t fresh = WT_TURNS_FRESH;
    if (atomic_load_explicit(&turns->keeping, memory_order_acquire) == fresh)
        (void)atomic_compare_exchange_strong(&turns->keeping, &fresh, WT_TURNS_KEEPS);
    return wt_turns_may_keep(turns);
}

bool wt_turns_keeps_nothing(struct wt_turns *turns) {
    uint32_t keeping = atomic_load_explicit(&turns->keeping, memory_order_acquire);
    if (keeping == WT_TURNS_KEEPS_NOTHING)
        return true;
    keeping = WT_TURNS_FRESH;
    if (atomic_compare_exchange_strong(&turns->keeping, &keeping, WT_TURNS_KEEPS_NOTHING))
        return true;
    keeping = WT_TURNS_KEEPS;
    (void)atomic_compare_exchange_strong(&turns->keeping, &keeping, WT_TURNS_ENDS);
    return false;
}

void wt_turns_flushed(struct wt_turns *turns, struct wt_backing *backing) {
    wt_turns_enter(turns);
    if (atomic_load(&turns->keeping) == WT_TURNS_ENDS) {
        if (backing->ops->take_error && !WT_MUTANT("kept-error-told-again"))
            (void)backing->ops->take_error(backing,
                                           true); /* of what the flush, or forces before it, told by the direct one */
        atomic_store(&turns->keeping, WT_TURNS_KEEPS_NOTHING);
    }
    wt_turns_leave(turns);
}
