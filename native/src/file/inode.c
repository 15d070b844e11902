// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "file/inode.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "cache/mapping.h"
#include "engine/objects.h"
#include "io/disk.h"
#include "io/turns.h"

/* How long an open waits for the I/O of a process that is gone. */
#define ORPHAN_WAIT_NS (INT64_C(2) * 1000000000)
#define ORPHAN_PAUSE_NS INT64_C(1000000)

/* ---- the gate ------------------------------------------------------------------------------------------------ */

#define SHUT (UINT64_C(1) << 63)
#define SIZE_SUSPECT (UINT64_C(1) << 62) /* an I/O failed that may have grown the file on disk beyond size */
#define FAILED_END (UINT64_C(1) << 61)   /* a write failed: end_in_flight may lie where no write ends */
#define SUSPECT (SIZE_SUSPECT | FAILED_END)
#define FLAGS (SHUT | SUSPECT)

bool wt_inode_is_shut(const struct wt_inode *inode) {
    return atomic_load(&inode->gate) & SHUT;
}

/* Waits for a change of the gate; may return without one. */
static void wait_gate(struct wt_inode *inode, struct wt_condition *condition) {
    wt_wait(inode->engine->backend, condition, &inode->lock);
}

static bool enter_gate(struct wt_inode *inode, bool may_wait) {
    uint64_t gate = atomic_load(&inode->gate);
    for (;;) {
        if (!(gate & SHUT)) {
            if (atomic_compare_exchange_weak(&inode->gate, &gate, gate + 1))
                return true;
            continue;
        }
        if (!may_wait)
            return false;
        wt_lock(&inode->lock);
        while (wt_inode_is_shut(inode))
            wait_gate(inode, &inode->opened);
        wt_unlock(&inode->lock);
        gate = atomic_load(&inode->gate);
    }
}

void wt_inode_begin_more(struct wt_inode *inode) {
    uint64_t gate = atomic_fetch_add(&inode->gate, 1);
    assert((gate & ~FLAGS) > 0);
    (void)gate;
}

/*
 * The caller has the turn. An error is noted before the turn ends: a force that flushes next is told nothing by the kernel.
 */
static void note_flush_error(struct wt_inode *inode, int rc, bool told) {
    if (rc && (!told || atomic_load(&inode->mapped)) && !WT_MUTANT("error-of-stores-kept-from-forces"))
        atomic_store(&inode->flush_error, rc);
}

/* stores: what no flush has covered counts as stored through mappings. */
static int flush(struct wt_inode *inode, bool told, bool stores) {
    wt_turns_enter(&inode->turns);
    uint64_t unsynced = stores ? wt_disk_take_unsynced(&inode->unsynced) : 0;
    int rc = wt_turns_sync_inside(&inode->turns, atomic_load(&inode->backing), true);
    rc = rc == 0 && wt_disk_flush_failed_since(inode->turns.disk, unsynced) ? -EIO : rc;
    if (WT_MUTANT("error-of-stores-noted-late")) {
        wt_turns_leave(&inode->turns);
        wt_turns_enter(&inode->turns);
    }
    note_flush_error(inode, rc, told);
    wt_turns_leave(&inode->turns);
    return rc;
}

int wt_inode_flush(struct wt_inode *inode, bool told) {
    return flush(inode, told, false);
}

/* ftruncate(2) and the flush that makes the new size durable. */
static int cut_durably(struct wt_inode *inode, uint64_t size) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    bool in_turn = atomic_load(&inode->mapped); /* else it may be the end of an I/O, which waits for nobody */
    if (in_turn)
        wt_turns_enter(&inode->turns);
    uint64_t on_disk;
    int rc = wt_blocking(backing)->truncate(backing, size, true);
    if (rc && !backing->ops->size(backing, &on_disk) &&
        on_disk == size) { /* ftruncate(2) did its work: the flush failed */
        wt_disk_count_failure(inode->turns.disk);
        note_flush_error(inode, rc, true);
    }
    if (in_turn)
        wt_turns_leave(&inode->turns);
    return rc;
}

int wt_inode_cut(struct wt_inode *inode, uint64_t size) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    atomic_store(&inode->ends.ahead_end, 0);
    atomic_store(&inode->filled_end, 0);
    if (wt_turns_is_durable(&inode->turns))
        return cut_durably(inode, size);
    atomic_store(&inode->turns.kept, true); /* the zeros behind the end, in the last block */
    int rc = wt_blocking(backing)->truncate(backing, size, false);
    atomic_store(&inode->turns.kept, true); /* a flush that began before does not cover it */
    atomic_store(&inode->rounds.flush_due, true);
    return rc;
}

/*
 * A failed write may have grown the file: cuts it to the size that callers know. Nothing is in flight, so the bytes
 * beyond were acknowledged to nobody. If the cut fails, the file keeps zeros or refused bytes at its end, and the
 * next failure, or an explicit truncation, tries again.
 */
static int restore_on_disk(struct wt_inode *inode) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t size = wt_inode_visible_size(inode), on_disk = 0;
    int rc = 0;
    rc = backing->ops->size(backing, &on_disk);
    /*
     * Drops bytes of appends that failed behind another one, and bytes that were read of a refused write that reached
     * the disk anyway.
     */
    if (!rc && (size < wt_inode_size(inode) || on_disk > size))
        rc = wt_mapping_cut(&inode->mapping, size, UINT64_MAX);
    if (!rc && on_disk > size && !WT_MUTANT("size-not-restored"))
        rc = wt_inode_cut(inode, size);
    /* If only the flush failed, the size has changed anyway. */
    if (!rc || (!backing->ops->size(backing, &on_disk) && on_disk <= size))
        atomic_store(&inode->ends.size, size);
    return rc;
}

/* Nothing is in flight, and the gate is shut. */
static void restore_size(struct wt_inode *inode) {
    uint64_t flags = atomic_fetch_and(&inode->gate, ~SUSPECT);
    assert(!inode->first_append);
    wt_ends_hide(&inode->ends);
    inode->restore_error = flags & SIZE_SUSPECT ? restore_on_disk(inode) : 0;
    if (inode->restore_error) {
        atomic_fetch_or(&inode->gate, flags & SUSPECT);
    } else {
        atomic_store(&inode->ends.end_in_flight, wt_inode_size(inode));
        inode->append_error = 0;
    }
}

static void leave_flagged(struct wt_inode *inode) {
    wt_lock(&inode->lock);
    uint64_t alone = atomic_load(&inode->gate);
    if ((alone & SUSPECT) && (alone & ~SUSPECT) == 1 &&
        atomic_compare_exchange_strong(&inode->gate, &alone, alone | SHUT)) { /* keeps others out meanwhile */
        wt_unlock(&inode->lock);
        restore_size(inode);
        wt_lock(&inode->lock);
        atomic_fetch_and(&inode->gate, ~SHUT);
        wt_wake_all(&inode->opened);
    }
    uint64_t gate = atomic_fetch_sub(&inode->gate, 1);
    if ((gate & ~FLAGS) == 1)
        wt_wake_all(&inode->drained);
    wt_unlock(&inode->lock);
}

void wt_inode_end(struct wt_inode *inode) {
    uint64_t gate = atomic_load(&inode->gate);
    while (!(gate & FLAGS))
        if (atomic_compare_exchange_weak(&inode->gate, &gate, gate - 1))
            return;
    leave_flagged(inode);
}

void wt_inode_begin_shut(struct wt_inode *inode) {
    wt_lock(&inode->lock);
    while (wt_inode_is_shut(inode))
        wait_gate(inode, &inode->opened);
    atomic_fetch_or(&inode->gate, SHUT);
    wt_unlock(&inode->lock);
}

void wt_inode_await_drained(struct wt_inode *inode) {
    wt_lock(&inode->lock);
    while (atomic_load(&inode->gate) & ~FLAGS && !WT_MUTANT("truncate-does-not-wait"))
        wait_gate(inode, &inode->drained);
    bool suspect = atomic_load(&inode->gate) & SUSPECT;
    wt_unlock(&inode->lock);
    if (suspect) /* no lock is held: others would wait for the device over it. They wait for the gate */
        restore_size(inode);
    wt_ends_check(&inode->ends, !(atomic_load(&inode->gate) & SUSPECT));
}

void wt_inode_open_gate(struct wt_inode *inode) {
    wt_lock(&inode->lock);
    assert((atomic_load(&inode->gate) & ~SUSPECT) == SHUT);
    atomic_fetch_and(&inode->gate, ~SHUT);
    wt_wake_all(&inode->opened);
    wt_unlock(&inode->lock);
}

/* ---- mapped for writing ------------------------------------------------------------------------------------------ */

/*
 *                wt_mapping_begin: nothing is in flight, no folio is left
 *   direct I/O ------------------------------------------------------------> mapped: all through the kernel's page cache
 *              <------------------------------------------------------------
 *                the next wt_inode_begin after the last mapping has ended
 *
 * Both steps are made with the gate shut.
 */
static void set_mapped(struct wt_inode *inode, bool mapped) {
    atomic_store(&inode->turns.mapped, mapped);
    atomic_store(&inode->mapped, mapped);
    if (mapped && !WT_MUTANT("stores-not-in-account")) /* the disk may have in its cache what is stored from now on */
        wt_disk_note_unsynced(inode->turns.disk, &inode->unsynced);
}

static int use_page_cache(struct wt_backing *backing, bool all) {
    return backing->ops->use_page_cache ? backing->ops->use_page_cache(backing, all) : 0;
}

/* Cuts off what the file had ahead. */
static int end_ahead(struct wt_inode *inode) {
    uint64_t size = wt_inode_size(inode);
    return atomic_load(&inode->ends.ahead_end) > size && !atomic_load(&inode->lost) && !WT_MUTANT("ahead-not-cut")
               ? wt_inode_cut(inode, size)
               : 0;
}

int wt_inode_begin_mapped(struct wt_inode *inode) {
    if (atomic_load(&inode->mapped))
        return 0;
    int rc = WT_MUTANT("mapped-shows-zeros-ahead") ? 0 : end_ahead(inode);
    if (!rc)
        rc = use_page_cache(atomic_load(&inode->backing), true);
    if (rc)
        return rc;
    if (!WT_MUTANT("mapped-keeps-folios"))
        wt_mapping_drop(&inode->mapping);
    if (!WT_MUTANT("zeros-known-of-mapped"))
        wt_inode_forget_zeros(inode, 0, UINT64_MAX);
    set_mapped(inode, wt_mapped_join(&inode->mapped_use, inode->engine, inode->device, inode->number, false));
    return 0;
}

/*
 * The last mapping of the file is gone. What was stored through it goes to the device. If that fails, the next force tells.
 * The caller is not inside the gate.
 */
static void end_mapped(struct wt_inode *inode) {
    wt_inode_begin_shut(inode);
    wt_inode_await_drained(inode);
    if (atomic_load(&inode->mapped) && !wt_mapped_is_still(&inode->mapped_use)) {
        struct wt_backing *backing = atomic_load(&inode->backing);
        if (!WT_MUTANT("stores-not-flushed"))
            (void)flush(inode, false, true);
        if (backing->ops->take_error && !WT_MUTANT("error-of-stores-left-to-writes"))
            (void)backing->ops->take_error(backing, true); /* the next force tells it, and no write */
        backing->ops->forget(backing, 0, wt_inode_size(inode));
        (void)use_page_cache(backing, false); /* what the kernel reads ahead */
        wt_mapped_leave(&inode->mapped_use, true);
        set_mapped(inode, false);
    }
    wt_inode_open_gate(inode);
}

bool wt_inode_begin(struct wt_inode *inode, bool may_wait) {
    if (!enter_gate(inode, may_wait))
        return false;
    if (!atomic_load_explicit(&inode->mapped, memory_order_acquire) || wt_mapped_is_still(&inode->mapped_use) ||
        wt_may_wait(inode->engine->backend) || WT_MUTANT("mapped-for-ever"))
        return true;
    wt_inode_end(inode);
    if (!may_wait)
        return false;
    end_mapped(inode);
    return enter_gate(inode, true);
}

/* ---- known zeros --------------------------------------------------------------------------------------------- */

void wt_inode_add_zeros(struct wt_inode *inode, uint64_t start, uint64_t end) {
    wt_lock(&inode->zeros_lock);
    uint64_t known_end = atomic_load(&inode->zeros_end);
    if (known_end == start && known_end != 0) {
        atomic_store(&inode->zeros_end, end);
    } else if (end - start > known_end - inode->zeros_start || known_end == 0) {
        inode->zeros_start = start;
        atomic_store(&inode->zeros_end, end);
    }
    wt_unlock(&inode->zeros_lock);
}

/*
 * One range is remembered: of what is left the longer side. So a log that is written from its start keeps all that is
 * ahead of it.
 */
void wt_inode_forget_zeros(struct wt_inode *inode, uint64_t start, uint64_t end) {
    if (atomic_load(&inode->zeros_end) <= start)
        return;
    wt_lock(&inode->zeros_lock);
    uint64_t known_end = atomic_load(&inode->zeros_end);
    if (start < known_end && end > inode->zeros_start) {
        uint64_t before = start > inode->zeros_start ? start - inode->zeros_start : 0;
        uint64_t after = end < known_end ? known_end - end : 0;
        if (before > after)
            atomic_store(&inode->zeros_end, start);
        else
            inode->zeros_start = end;
        if (before == 0 && after == 0)
            atomic_store(&inode->zeros_end, 0);
    }
    wt_unlock(&inode->zeros_lock);
}

bool wt_inode_has_zeros(struct wt_inode *inode, uint64_t start, uint64_t end) {
    if (atomic_load(&inode->zeros_end) < end)
        return false;
    wt_lock(&inode->zeros_lock);
    bool known = start >= inode->zeros_start && end <= atomic_load(&inode->zeros_end);
    wt_unlock(&inode->zeros_lock);
    return known;
}

/* ---- size ---------------------------------------------------------------------------------------------------- */

void wt_inode_grow(struct wt_inode *inode, uint64_t end) {
    wt_ends_grow(&inode->ends, end);
    wt_ends_check(&inode->ends, false);
}

void wt_inode_grow_unseen(struct wt_inode *inode, uint64_t end) {
    wt_ends_grow_unseen(&inode->ends, end);
    wt_ends_check(&inode->ends, false);
}

void wt_inode_show(struct wt_inode *inode, uint64_t end) {
    wt_ends_show(&inode->ends, end);
    wt_ends_check(&inode->ends, false);
}

void wt_inode_begin_to(struct wt_inode *inode, uint64_t end) {
    wt_ends_begin_to(&inode->ends, end);
    wt_ends_check(&inode->ends, false);
}

void wt_inode_note_failed_end(struct wt_inode *inode, uint64_t end) {
    if (end > wt_inode_size(inode))
        atomic_fetch_or(&inode->gate, FAILED_END);
}

bool wt_inode_has_failed_end(struct wt_inode *inode) {
    return atomic_load(&inode->gate) & FAILED_END;
}

void wt_inode_suspect_size(struct wt_inode *inode) {
    atomic_fetch_or(&inode->gate, SIZE_SUSPECT);
}

bool wt_inode_size_is_suspect(struct wt_inode *inode) {
    return atomic_load(&inode->gate) & SIZE_SUSPECT;
}

uint64_t wt_inode_end_on_disk(struct wt_inode *inode) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t size = wt_inode_size(inode), on_disk = 0;
    bool known = !wt_inode_size_is_suspect(inode) || backing->ops->check(backing, &on_disk);
    return known || on_disk < size ? size : on_disk;
}

struct wt_disk_ends wt_inode_disk_ends(struct wt_inode *inode) {
    uint64_t reserve_end = atomic_load(&inode->ends.reserve_end); /* the first: it falls when size has risen */
    return (struct wt_disk_ends){.now = wt_inode_end_on_disk(inode), .soon = reserve_end};
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

static struct wt_inode **bucket_of(struct wt_engine_object *engine, uint64_t device, uint64_t number) {
    uint64_t x = (number + device * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);
    return &engine->inodes[(x >> 32) % WT_INODE_BUCKETS];
}

static struct wt_inode *find_inode(struct wt_engine_object *engine, uint64_t device, uint64_t number) {
    struct wt_inode *inode = *bucket_of(engine, device, number);
    while (inode && (inode->device != device || inode->number != number))
        inode = inode->next;
    return inode;
}

/* Under inode_lock: makes the inode of a backing, which nobody else may use before begin_inode. */
static int place_inode(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                       struct wt_inode **made) {
    struct wt_disk *disk = wt_disk_acquire(&backing->profile);
    struct wt_inode *inode = disk ? wt_view_take_inode(engine->cache.view) : NULL;
    if (!inode) {
        if (disk)
            wt_disk_release(disk);
        return -ENOMEM;
    }
    memset(inode, 0, sizeof *inode);
    inode->engine = engine;
    wt_mapping_open(&inode->mapping, &engine->cache, ++engine->last_inode_id, inode, backing->profile.block_bytes);
    inode->device = backing->device;
    inode->number = backing->inode;
    inode->without_direct_io = backing->profile.path == WT_PATH_BUFFERED;
    inode->exclusive = for_writing;
    inode->first_backing = backing;
    inode->opening = true;
    inode->opens = 1;
    atomic_init(&inode->backing, backing);
    wt_turns_open(&inode->turns, engine->backend, disk);
    if (inode->without_direct_io)
        (void)wt_turns_keeps_nothing(&inode->turns); /* its writes are durable one by one */
    wt_disk_file_opened(disk, inode->device, inode->number, &inode->unsynced);
    wt_mutex_init(&inode->lock, WT_LOCK_GATE);
    wt_mutex_init(&inode->zeros_lock, WT_LOCK_ZEROS);
    wt_long_lock_init(&inode->append_lock, WT_LOCK_APPEND);
    wt_long_lock_init(&inode->ahead_lock, WT_LOCK_AHEAD);
    wt_mutex_init(&inode->order_lock, WT_LOCK_ORDER);
    wt_mutex_init(&inode->rounds.lock, WT_LOCK_ROUNDS);
    wt_condition_init(&inode->rounds.changed);
    inode->rounds.last_force = &inode->rounds.first_force;
    atomic_init(&inode->rounds.flush_due, true);
    inode->rounds.unflushed_start = UINT64_MAX;
    wt_condition_init(&inode->opened);
    wt_condition_init(&inode->drained);
    struct wt_inode **bucket = bucket_of(engine, inode->device, inode->number);
    inode->next = *bucket;
    *bucket = inode;
    engine->inode_count++;
    *made = inode;
    return 0;
}

/* Takes it out of the table; whoever waits for that looks again. */
static void free_inode(struct wt_inode *inode) {
    struct wt_engine_object *engine = inode->engine;
    wt_mapped_leave(&inode->mapped_use, false);
    wt_disk_file_closed(inode->turns.disk, inode->device, inode->number,
                        &inode->unsynced); /* before others can open it */
    wt_lock(&engine->inode_lock);
    struct wt_inode **from = bucket_of(engine, inode->device, inode->number);
    while (*from != inode)
        from = &(*from)->next;
    *from = inode->next;
    engine->inode_count--;
    wt_wake_all(&engine->inode_closed);
    wt_unlock(&engine->inode_lock);
    wt_disk_release(inode->turns.disk);
    wt_turns_close(&inode->turns);
    wt_condition_destroy(&inode->opened);
    wt_condition_destroy(&inode->drained);
    wt_mapping_close(&inode->mapping);
    wt_mutex_destroy(&inode->zeros_lock);
    wt_long_lock_destroy(&inode->append_lock);
    wt_long_lock_destroy(&inode->ahead_lock);
    wt_mutex_destroy(&inode->order_lock);
    assert(!inode->rounds.first && !inode->rounds.first_held && !inode->rounds.in_held);
    wt_mutex_destroy(&inode->rounds.lock);
    wt_condition_destroy(&inode->rounds.changed);
    wt_mutex_destroy(&inode->lock);
    wt_view_give_inode(engine->cache.view, inode);
}

/* The first open. */
static int begin_inode(struct wt_inode *inode, struct wt_backing *backing, bool for_writing) {
    uint64_t size;
    int rc = backing->ops->lock(backing, for_writing);
    if (!rc)
        rc = backing->ops->size(backing, &size);
    if (!rc && !WT_MUTANT("reopened-file-not-mapped") &&
        wt_mapped_join(&inode->mapped_use, inode->engine, inode->device, inode->number, size == 0)) {
        set_mapped(inode, true); /* by a handle that is closed. With the lock, nobody else begins a mapping */
        (void)wt_turns_keeps_nothing(&inode->turns);
        rc = use_page_cache(backing, true);
    }
    if (rc)
        return rc;
    wt_ends_set(&inode->ends, size);
    atomic_store(&inode->rounds.unforced, size == 0);
    return 0;
}

/* A further open. The first for writing brings the descriptor that I/O goes by from now on. */
static int join_inode(struct wt_inode *inode, struct wt_backing *backing, bool for_writing, struct wt_backing **spare) {
    uint64_t size;
    int rc = backing->presumed ? backing->ops->size(backing, &size) : 0;
    if (rc)
        return rc;
    if (!for_writing || inode->exclusive) {
        *spare = backing;
        return 0;
    }
    rc = backing->ops->take_lock(backing, inode->first_backing);
    if (rc) {
        if (rc == -ENOLCK)
            atomic_store(&inode->lost, true);
        return rc;
    }
    inode->exclusive = true;
    atomic_store(&inode->backing, backing);
    return 0;
}

static int end_inode(struct wt_inode *inode, bool abandoned);

/* An open that failed leaves the inode: true if it was the last, and has to end it. */
static bool leave_inode(struct wt_inode *inode) {
    bool last = --inode->opens == 0;
    inode->closing = last;
    return last;
}

/*
 * The kernel is asked without inode_lock: where a file system hangs, only its own files cannot be opened. The inode
 * is kept for this caller meanwhile.
 */
static int find_or_make_presumed(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                                 struct wt_inode **found, struct wt_backing **spare, bool *again) {
    int rc = 0;
    wt_lock(&engine->inode_lock);
    while ((*found = find_inode(engine, backing->device, backing->inode)) && ((*found)->closing || (*found)->opening))
        wt_wait(engine->backend, &engine->inode_closed, &engine->inode_lock);
    struct wt_inode *inode = *found;
    *again = inode;
    if (inode) {
        inode->opening = true;
        inode->opens++;
    } else {
        rc = place_inode(engine, backing, for_writing, &inode);
    }
    wt_unlock(&engine->inode_lock);
    if (rc)
        return rc;
    rc = *again ? join_inode(inode, backing, for_writing, spare) : begin_inode(inode, backing, for_writing);
    wt_lock(&engine->inode_lock);
    inode->opening = false;
    bool last = rc && leave_inode(inode);
    wt_wake_all(&engine->inode_closed);
    wt_unlock(&engine->inode_lock);
    if (last && *again)
        (void)end_inode(inode, false); /* its other handles were closed meanwhile */
    else if (last)
        free_inode(inode);
    *found = inode;
    return rc;
}

int64_t wt_inode_written_size(struct wt_engine_object *engine, uint64_t device, uint64_t number) {
    int64_t size = -ENOENT;
    wt_lock(&engine->inode_lock);
    struct wt_inode *inode = find_inode(engine, device, number);
    if (inode && (inode->opening || inode->closing))
        size = -EAGAIN; /* an open may be about to set what follows */
    else if (inode && inode->exclusive)
        size = (int64_t)wt_inode_visible_size(inode);
    wt_unlock(&engine->inode_lock);
    return size;
}

/* On an error the backing is still the caller's. */
static int find_or_make(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                        struct wt_inode **inode, struct wt_backing **spare, bool *again) {
    int rc = find_or_make_presumed(engine, backing, for_writing, inode, spare, again);
    if (rc && backing->presumed) { /* others may have put another file there in the moment before it was opened */
        rc = backing->ops->identify(backing);
        rc = rc ? rc : find_or_make_presumed(engine, backing, for_writing, inode, spare, again);
    }
    return rc;
}

/*
 * Another has the file locked: true if that may pass, after a pause. *since_ns: when this was first asked, 0 before
 * that.
 */
static bool await_orphan(const struct wt_backing *backing, int64_t *since_ns) {
    int64_t now_ns = wt_now_ns();
    *since_ns = *since_ns ? *since_ns : now_ns;
    if (!backing->ops->lock_is_orphaned || now_ns - *since_ns > ORPHAN_WAIT_NS ||
        !backing->ops->lock_is_orphaned(backing))
        return false;
    wt_pause(ORPHAN_PAUSE_NS);
    return true;
}

int wt_inode_open(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                  struct wt_inode **inode, struct wt_backing **spare, bool *again) {
    *again = false;
    int64_t since_ns = 0;
    int rc;
    *spare = NULL;
    do
        rc = find_or_make(engine, backing, for_writing, inode, spare, again);
    while (rc == -EBUSY && await_orphan(backing, &since_ns));
    if (rc) {
        wt_backing_let_go(backing);
        return rc == -ENOLCK ? -EBUSY : rc;
    }
    return 0;
}

static int close_backing(struct wt_backing *backing, bool abandoned) {
    if (!abandoned)
        return backing->ops->close(backing);
    wt_backing_let_go(backing);
    return 0;
}

/* The last open has ended. */
static int end_inode(struct wt_inode *inode, bool abandoned) {
    wt_inode_begin_shut(inode); /* nothing is held: the close has settled */
    wt_inode_await_drained(inode);
    wt_mapping_drop(&inode->mapping);
    int rc = end_ahead(inode);
    struct wt_backing *backing = atomic_load(&inode->backing);
    int close_rc = close_backing(backing, abandoned);
    rc = rc ? rc : close_rc;
    if (backing != inode->first_backing) {
        int first_rc = close_backing(inode->first_backing, abandoned);
        rc = rc ? rc : first_rc;
    }
    free_inode(inode);
    return rc;
}

static int close_inode(struct wt_inode *inode, bool abandoned) {
    struct wt_engine_object *engine = inode->engine;
    wt_lock(&engine->inode_lock);
    bool last = leave_inode(inode);
    wt_unlock(&engine->inode_lock);
    return last ? end_inode(inode, abandoned) : 0;
}

int wt_inode_close(struct wt_inode *inode) {
    return close_inode(inode, false);
}

void wt_inode_abandon(struct wt_inode *inode) {
    (void)close_inode(inode, true);
}
