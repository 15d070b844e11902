// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/round.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mutant.h"
#include "engine/objects.h"
#include "io/disk.h"
#include "write/gather.h"

/*
 * Who has replaced lost bytes: nobody; 1 and a number: a round or a hole that has not ended; or one whose bytes the
 * device has, and a flush is to make stable.
 */
#define NOBODY 0
#define BY_NEXT_FLUSH UINT64_MAX
#define BY_THIS_FLUSH (UINT64_MAX - 1)
/* The bytes are not lost any more. */
#define FOUND (UINT64_MAX - 2)

static void pass_on(struct wt_rounds *rounds, uint64_t from, uint64_t to);

/* The write is a round's: see wt_is_of_round. */
static const struct wt_round *round_of(const struct wt_write *write) {
    return (const struct wt_round *)write; /* its first member */
}

/* ---- open and closed rounds ---------------------------------------------------------------------------------- */

static struct wt_round *make_round(struct wt_inode *inode) {
    struct wt_round *round = malloc(sizeof *round);
    if (!round)
        return NULL;
    *round = (struct wt_round){
        .write = {.inode = inode, .durability = WT_DURABILITY_DEVICE, .flags = WT_LATER, .failed_at = UINT64_MAX}};
    round->write.link.write = &round->write; /* it is never used: calls of several threads take links */
    atomic_store(&round->write.references, 1);
    sem_init(&round->write.wake, 0, 0);
    return round;
}

struct wt_round *wt_round_enter(struct wt_inode *inode) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    struct wt_round *round = rounds->open;
    if (!round && (round = make_round(inode))) {
        round->number = rounds->next_number++;
        rounds->open = round;
        if (rounds->last)
            rounds->last->next = round;
        else
            rounds->first = round;
        rounds->last = round;
    }
    if (round)
        atomic_fetch_add(&round->write.references, 1);
    wt_unlock(&rounds->lock);
    return round;
}

void wt_round_leave(struct wt_round *round) {
    if (atomic_fetch_sub(&round->write.references, 1) == 1)
        sem_post(&round->write.wake);
}

struct wt_round *wt_round_close(struct wt_inode *inode) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    struct wt_round *round = rounds->open;
    rounds->open = NULL;
    if (round)
        round->closed = true;
    wt_unlock(&rounds->lock);
    return round;
}

void wt_round_free(struct wt_round *round) {
    struct wt_rounds *rounds = &round->write.inode->rounds;
    wt_lock(&rounds->lock);
    struct wt_round **at = &rounds->first, *before = NULL;
    while (*at != round) {
        before = *at;
        at = &before->next;
    }
    *at = round->next;
    if (rounds->last == round)
        rounds->last = before;
    /* What it has lost itself was noted anew. Other forces must not take what only the device has for stable. */
    uint64_t flush = atomic_load(&rounds->unflushed) ? BY_NEXT_FLUSH : rounds->flushing ? BY_THIS_FLUSH : FOUND;
    pass_on(rounds, round->number + 1, flush);
    wt_wake_all(&rounds->changed);
    wt_unlock(&rounds->lock);
    sem_destroy(&round->write.wake);
    free(round);
}

void wt_rounds_await(struct wt_inode *inode) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    uint64_t until = rounds->open ? rounds->open->number : rounds->next_number;
    while (rounds->first && rounds->first->number < until && !WT_MUTANT("force-forgets-older-round"))
        wt_wait(inode->engine->backend, &rounds->changed, &rounds->lock);
    wt_unlock(&rounds->lock);
}

/* ---- links ----------------------------------------------------------------------------------------------------- */

struct wt_link *wt_round_link(const struct wt_round *round, const struct wt_folio *folio) {
    struct wt_link *link = folio->links;
    while (link && link->write != &round->write)
        link = link->next;
    return link;
}

struct wt_link *wt_round_add_link(struct wt_round *round, struct wt_folio *folio) {
    struct wt_link *link = wt_link_take(&round->write);
    if (!link)
        return NULL;
    *link = (struct wt_link){.write = &round->write, .folio = folio, .start = UINT64_MAX};
    wt_link_add(folio, link);
    wt_inode_begin_more(round->write.inode);
    return link;
}

/* The engine's list, the last one at its end. The lock of the rounds is held. */
static void list_inode(struct wt_inode *inode) {
    struct wt_engine_object *engine = inode->engine;
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&engine->held_lock);
    if (!rounds->in_held) {
        rounds->in_held = true;
        rounds->held_since_ns = wt_now_ns();
        rounds->held_number = engine->next_held_number++;
        rounds->next_held = NULL;
        rounds->previous_held = engine->last_held;
        *(engine->last_held ? &engine->last_held->rounds.next_held : &engine->first_held) = inode;
        engine->last_held = inode;
        if (engine->ticker_asleep)
            wt_wake_one(&engine->ticker_due);
    }
    wt_unlock(&engine->held_lock);
}

static void unlist_inode(struct wt_inode *inode) {
    struct wt_engine_object *engine = inode->engine;
    wt_lock(&engine->held_lock);
    if (inode->rounds.in_held) {
        struct wt_inode *next = inode->rounds.next_held, *previous = inode->rounds.previous_held;
        inode->rounds.in_held = false;
        *(previous ? &previous->rounds.next_held : &engine->first_held) = next;
        *(next ? &next->rounds.previous_held : &engine->last_held) = previous;
    }
    wt_unlock(&engine->held_lock);
}

void wt_round_hold(struct wt_inode *inode, struct wt_link *link, uint64_t bytes) {
    struct wt_rounds *rounds = &inode->rounds;
    atomic_fetch_add_explicit(&rounds->held_bytes, bytes, memory_order_relaxed);
    if (link->held) /* it changes under the folio's lock too, unless the list is being taken: then it is sent at once */
        return;
    wt_lock(&rounds->lock);
    link->held = true;
    link->previous_held = NULL;
    link->next_held = rounds->first_held;
    if (link->next_held)
        link->next_held->previous_held = link;
    rounds->first_held = link;
    if (!link->next_held)
        list_inode(inode);
    wt_unlock(&rounds->lock);
}

/* Whether the dirty blocks of the folio are of open rounds alone. */
static bool is_of_open_rounds(const struct wt_folio *folio) {
    for (const struct wt_link *link = folio->links; link; link = link->next)
        if (link->dirty && !(wt_is_of_round(link->write) && !atomic_load(&round_of(link->write)->closed)))
            return false;
    return true;
}

/* Whether a thread waits for the folio's blocks, for fewer bytes of the file, for the file, or for memory. */
static bool is_waited_for(const struct wt_folio *folio) {
    const struct wt_inode *inode = wt_inode_of(folio);
    return folio->awaiting > 0 || atomic_load(&inode->rounds.room_waiters) > 0 || wt_round_is_waited_for(inode);
}

bool wt_round_hold_gathered(struct wt_folio *folio) {
    if (!is_of_open_rounds(folio))
        return false;
    for (struct wt_link *link = folio->links; link; link = link->next)
        if (link->dirty)
            wt_round_hold(wt_inode_of(folio), link, 0);
    (void)wt_gather_hold(folio);
    /* Else a force has closed a round, or a thread waits, and may have taken the list before. */
    return is_of_open_rounds(folio) && !is_waited_for(folio);
}

/* The lock is held. */
static void take_off_list(struct wt_inode *inode, struct wt_link *link) {
    struct wt_rounds *rounds = &inode->rounds;
    link->held = false;
    if (link->previous_held)
        link->previous_held->next_held = link->next_held;
    else
        rounds->first_held = link->next_held;
    if (link->next_held)
        link->next_held->previous_held = link->previous_held;
    if (!rounds->first_held)
        unlist_inode(inode);
}

void wt_round_unlink(struct wt_inode *inode, struct wt_link *link) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    if (link->held)
        take_off_list(inode, link);
    wt_unlock(&rounds->lock);
}

void wt_round_uncount(struct wt_link *link, uint64_t bytes) {
    struct wt_inode *inode = link->write->inode;
    struct wt_rounds *rounds = &inode->rounds;
    assert(bytes <= link->bytes);
    link->bytes -= bytes;
    wt_lock(&rounds->lock);
    uint64_t left = atomic_fetch_sub(&rounds->bytes, bytes) - bytes;
    if (rounds->room_waiters && left <= wt_rounds_most(inode) / 4 * 3)
        wt_wake_all(&rounds->changed);
    wt_unlock(&rounds->lock);
}

void wt_round_note_unflushed(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t failures) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    rounds->unflushed_start = start < rounds->unflushed_start ? start : rounds->unflushed_start;
    rounds->unflushed_end = end > rounds->unflushed_end ? end : rounds->unflushed_end;
    wt_disk_note_unsynced_since(&rounds->unflushed, failures);
    wt_unlock(&rounds->lock);
}

unsigned wt_round_take_held(struct wt_inode *inode, uint64_t *indexes, unsigned max) {
    struct wt_rounds *rounds = &inode->rounds;
    unsigned count = 0;
    wt_lock(&rounds->lock);
    for (; rounds->first_held && count < max; count++) {
        struct wt_link *link = rounds->first_held;
        indexes[count] = atomic_load_explicit(&link->folio->index, memory_order_relaxed);
        take_off_list(inode, link);
    }
    if (!rounds->first_held)
        atomic_store_explicit(&rounds->held_bytes, 0, memory_order_relaxed);
    wt_unlock(&rounds->lock);
    return count;
}

void wt_rounds_await_room(struct wt_inode *inode) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    rounds->room_waiters++;
    while (atomic_load(&rounds->bytes) >= wt_rounds_most(inode))
        wt_wait(inode->engine->backend, &rounds->changed, &rounds->lock);
    rounds->room_waiters--;
    wt_unlock(&rounds->lock);
}

/* ---- bytes that are lost ---------------------------------------------------------------------------------------- */

/* How many bytes a range would grow by to take another one in as well. */
static uint64_t growth(uint64_t start, uint64_t end, uint64_t other_start, uint64_t other_end) {
    uint64_t both_start = start < other_start ? start : other_start, both_end = end > other_end ? end : other_end;
    return (both_end - both_start) - (end - start);
}

/* The lock is held. */
static void add_lost(struct wt_rounds *rounds, uint64_t start, uint64_t end, uint64_t rewriter) {
    uint32_t count = atomic_load(&rounds->lost_count), nearest = 0;
    if (count < WT_LOST_RANGES) {
        rounds->lost[count].start = start;
        rounds->lost[count].end = end;
        rounds->lost[count].rewriter = rewriter;
        atomic_store(&rounds->lost_count, count + 1);
        return;
    }
    for (uint32_t i = 1; i < count; i++)
        if (growth(rounds->lost[i].start, rounds->lost[i].end, start, end) <
            growth(rounds->lost[nearest].start, rounds->lost[nearest].end, start, end))
            nearest = i;
    rounds->lost[nearest].start = start < rounds->lost[nearest].start ? start : rounds->lost[nearest].start;
    rounds->lost[nearest].end = end > rounds->lost[nearest].end ? end : rounds->lost[nearest].end;
    rounds->lost[nearest].rewriter = NOBODY;
}

/* The lock is held. */
static void remove_lost(struct wt_rounds *rounds, uint32_t index) {
    uint32_t last = atomic_load(&rounds->lost_count) - 1;
    rounds->lost[index] = rounds->lost[last];
    atomic_store(&rounds->lost_count, last);
}

void wt_round_lose(struct wt_inode *inode, uint64_t start, uint64_t end, int error, const struct wt_write *newer) {
    struct wt_rounds *rounds = &inode->rounds;
    if (WT_MUTANT("force-loses-error"))
        return;
    wt_lock(&rounds->lock);
    rounds->error = error;
    atomic_fetch_add(&rounds->errors, 1);
    if (start < end)
        add_lost(rounds, start, end, newer ? round_of(newer)->number + 1 : NOBODY);
    wt_unlock(&rounds->lock);
}

void wt_round_lose_unflushed(struct wt_inode *inode, int error) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    uint64_t start = rounds->unflushed_start, end = rounds->unflushed_end;
    wt_unlock(&rounds->lock);
    if (start < end)
        wt_round_lose(inode, start, end, error, NULL);
}

/* The range is found, or on its way if there is a rewriter. */
static void find(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t rewriter) {
    struct wt_rounds *rounds = &inode->rounds;
    if (atomic_load_explicit(&rounds->lost_count, memory_order_relaxed) == 0)
        return;
    wt_lock(&rounds->lock);
    uint32_t count = atomic_load(&rounds->lost_count);
    for (uint32_t i = count; i-- > 0;) { /* what is added on the way is not looked at again */
        uint64_t lost_start = rounds->lost[i].start, lost_end = rounds->lost[i].end, by = rounds->lost[i].rewriter;
        if (start >= lost_end || end <= lost_start)
            continue;
        remove_lost(rounds, i);
        if (lost_start < start)
            add_lost(rounds, lost_start, start, by);
        if (end < lost_end)
            add_lost(rounds, end, lost_end, by);
        if (rewriter != NOBODY)
            add_lost(rounds, start > lost_start ? start : lost_start, end < lost_end ? end : lost_end, rewriter);
    }
    wt_unlock(&rounds->lock);
}

void wt_round_find(struct wt_inode *inode, uint64_t start, uint64_t end) {
    find(inode, start, end, NOBODY);
}

void wt_round_find_by_flush(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t failures) {
    if (atomic_load_explicit(&inode->rounds.lost_count, memory_order_relaxed) == 0)
        return;
    find(inode, start, end, BY_NEXT_FLUSH);
    wt_disk_note_unsynced_since(&inode->rounds.unflushed,
                                failures); /* one that has begun may not have seen the bytes */
}

void wt_round_cut(struct wt_inode *inode, uint64_t size, bool durable) {
    struct wt_rounds *rounds = &inode->rounds;
    if (durable || WT_MUTANT("cut-finds-at-once"))
        wt_round_find(inode, size, UINT64_MAX);
    else
        wt_round_find_by_flush(inode, size, UINT64_MAX, wt_disk_failures(inode->turns.disk));
    wt_lock(&rounds->lock);
    if (rounds->unflushed_end > size)
        rounds->unflushed_end = size;
    wt_unlock(&rounds->lock);
}

void wt_round_rewrite(struct wt_round *round, uint64_t start, uint64_t end) {
    find(round->write.inode, start, end, round->number + 1);
}

uint64_t wt_round_begin_hole(struct wt_inode *inode) {
    struct wt_rounds *rounds = &inode->rounds;
    wt_lock(&rounds->lock);
    uint64_t number = rounds->next_number++;
    wt_unlock(&rounds->lock);
    return number;
}

void wt_round_make_hole(struct wt_inode *inode, uint64_t number, uint64_t start, uint64_t end) {
    find(inode, start, end, number + 1);
}

void wt_round_end_hole(struct wt_inode *inode, uint64_t number, bool stable) {
    wt_lock(&inode->rounds.lock);
    pass_on(&inode->rounds, number + 1, stable ? FOUND : NOBODY);
    wt_unlock(&inode->rounds.lock);
}

void wt_round_begin_flush(struct wt_rounds *rounds) {
    pass_on(rounds, BY_NEXT_FLUSH, BY_THIS_FLUSH);
}

void wt_round_end_flush(struct wt_rounds *rounds, bool stable) {
    pass_on(rounds, BY_THIS_FLUSH, stable ? FOUND : NOBODY);
}

/* The lock is held. */
static void pass_on(struct wt_rounds *rounds, uint64_t from, uint64_t to) {
    for (uint32_t i = atomic_load(&rounds->lost_count); i-- > 0;) {
        if (rounds->lost[i].rewriter != from)
            continue;
        rounds->lost[i].rewriter = to;
        if (to == FOUND)
            remove_lost(rounds, i);
    }
}

int wt_round_error(struct wt_inode *inode, _Atomic uint64_t *told) {
    struct wt_rounds *rounds = &inode->rounds;
    uint64_t errors = atomic_load(&rounds->errors);
    if (errors == 0) /* as ever */
        return 0;
    wt_lock(&rounds->lock);
    errors = atomic_load(&rounds->errors);
    bool news = atomic_exchange(told, errors) != errors;
    if (WT_MUTANT("error-told-to-one-handle"))
        atomic_store(&rounds->errors, 0);
    int error = news || atomic_load(&rounds->lost_count) > 0 ? rounds->error : 0;
    wt_unlock(&rounds->lock);
    return error;
}
