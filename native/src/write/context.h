// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The context of a write: what is known of it from its first byte copied to its last byte stable, and its links to the folios
 * that have its bytes.
 */
#ifndef WT_CONTEXT_H
#define WT_CONTEXT_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/folio.h"
#include "file/inode.h"
#include "file/operation.h"

struct wt_round;
struct wt_write;

/* The share that a write has in one folio. */
struct wt_link {
    struct wt_write *write;
    struct wt_link *next, *previous;
    uint64_t dirty;      /* blocks with bytes of the write that no I/O carries yet */
    uint64_t writeback;  /* blocks with bytes of the write that an I/O carries */
    uint64_t bytes;      /* counted as in flight; of a round's link: its dirty blocks, and those under writeback */
    uint64_t start, end; /* in the file: the bytes of the write in the folio lie between these */

    /* Fields of a round's link: see round.h. */
    struct wt_folio *folio;
    atomic_bool held; /* in the list of the inode's rounds, under their lock */
    struct wt_link *next_held, *previous_held;
};

/* One caller's write, from its first byte copied to its last byte stable. */
struct wt_write {
    struct wt_operation operation; /* of an asynchronous one */
    bool async;
    bool owns;  /* its bytes are of durable memory, which owns the range */
    bool apart; /* its thread starts others before it waits, so all its I/O is submitted */
    struct wt_inode *inode;
    uint64_t offset, length;
    int64_t begin_ns;
    _Atomic int64_t ended_ns; /* when one of its I/Os ended, the last if there is but one; 0: unknown */
    _Atomic uint32_t durability;
    uint32_t flags;             /* WT_APPEND and so on */
    uint64_t background_bytes;  /* of an asynchronous one, that it has of the background share */
    atomic_uint references;     /* one for its submitter, and one for each link */
    atomic_int error;           /* the first */
    _Atomic uint64_t failed_at; /* bytes from here on are not known to be stable; UINT64_MAX: none failed */
    sem_t wake;        /* posted for each gather to lead, and at the end: after that nobody touches the write */
    atomic_bool waits; /* its thread only waits: it may be handed a gather to lead */
    _Atomic(struct wt_folio *) lead; /* the folio whose gather this writer is to lead */
    struct wt_write *next_done;
    struct wt_write *next_append, *previous_append; /* of the inode; under its order_lock, as is ended */
    bool ended;                                     /* an append that has ended, and waits for those in front of it */
    struct wt_round *round; /* NULL, or what the bytes of this call go with: the call waits for no I/O */
    struct wt_link link;    /* the first link: most writes are in one folio and need no other */
};

/* Where the write ends in the file. */
static inline uint64_t wt_end_of(const struct wt_write *write) {
    return write->offset + write->length;
}

/* Whether it is no caller's write but stands for a round: see round.h. */
static inline bool wt_is_of_round(const struct wt_write *write) {
    return write->flags & WT_LATER;
}

/* The type of the operation of an asynchronous write. */
extern const struct wt_operation_type wt_write_type;

/* An asynchronous write, of a lane or of none (NULL): sets *write. -ENOMEM or -ENOBUFS. */
int wt_write_take(struct wt_engine_object *engine, struct wt_lane_object *lane, struct wt_write **write);
void wt_write_give(struct wt_engine_object *engine, struct wt_lane_object *lane, struct wt_write *write);

/* A link for the write. NULL: no memory. */
struct wt_link *wt_link_take(struct wt_write *write);
/* Its folio has it no more. */
void wt_link_give(struct wt_link *link);
/* The link's folio, which is locked, has bytes of its write: one reference more to the write. */
void wt_link_add(struct wt_folio *folio, struct wt_link *link);

/* Records that bytes of the write from `at` on are not stable. */
void wt_write_fail(struct wt_write *write, int error, uint64_t at);

#endif
