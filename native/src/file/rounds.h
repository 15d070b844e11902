// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The later writes of a file: what write/round.c and write/later.c keep in its inode. */
#ifndef WT_ROUNDS_H
#define WT_ROUNDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/disk.h"
#include "io/wait.h"

struct wt_force;
struct wt_inode;
struct wt_link;
struct wt_round;

/* Ranges that are lost are told apart up to this many; further ones join the nearest. */
#define WT_LOST_RANGES 32u

struct wt_rounds {
    struct wt_mutex lock;          /* guards what follows; taken after a folio's, and before the engine's held_lock */
    struct wt_round *open;         /* takes writes; NULL: none does */
    struct wt_round *first, *last; /* all that have not ended, the oldest first */
    uint64_t next_number;
    struct wt_condition changed; /* a round has ended, or there is room */

    struct wt_link *first_held;  /* links of folios with dirty blocks that nobody is about to send */
    _Atomic uint64_t held_bytes; /* of the blocks that became dirty since the list was taken the last time */
    struct wt_inode *next_held, *previous_held; /* of the engine, under its held_lock */
    atomic_bool in_held;                        /* changes under held_lock */
    int64_t held_since_ns;                      /* also under held_lock */
    uint64_t held_number;                       /* files that came into the list later have higher ones */

    _Atomic uint64_t bytes;        /* of rounds, that are held or in flight */
    _Atomic uint32_t room_waiters; /* threads that wait for fewer */

    /* Forces come in groups, one after the other: see later.h. */
    bool group_is_led;                          /* by a thread that runs a group, or is about to */
    struct wt_force *first_force, **last_force; /* calls that wait to be of the next group */
    _Atomic uint32_t expected_forces;           /* that the last group set free, and that have not come again */
    _Atomic uint32_t hasty_leaders;             /* this many leaders will wait for no others */

    /*
     * The next force flushes in any case: no flush has succeeded since the file was opened, so an earlier process, or the
     * file's making, may have left something unflushed; or the last flush has failed.
     */
    atomic_bool flush_due;
    atomic_bool unforced; /* the file was empty when it was opened, and no force has flushed it since */
    bool flushing;
    uint64_t failed_flushes;
    int flush_error; /* of the last of them */
    /* Bytes of rounds that only the device has lie between these; and how many flushes had failed when they were sent. */
    uint64_t unflushed_start, unflushed_end;
    wt_unsynced unflushed;

    _Atomic uint64_t errors; /* how often bytes of rounds were lost: each handle is told once */
    int error;               /* of the last of them */
    _Atomic uint32_t lost_count;
    struct {
        uint64_t start, end;
        uint64_t rewriter;  /* who has replaced them, and has not ended: see round.c */
    } lost[WT_LOST_RANGES]; /* bytes of rounds that are not on the device, and that nobody has written again */
};

#endif
