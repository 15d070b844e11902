// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Flushes that writes share, on the rings of one backend (posix/flush.h: those of one file). An asynchronous write
 * goes as a plain write where that pays. Once it completed, a flush of its file is due.
 *
 *   begin, decide    writes are sent: each with RWF_DSYNC of its own, or owing a flush
 *   add              plain writes completed: flushes of their files are due
 *   take             flushes that are due go to the kernel, or to a thread that runs them
 *   take_own         ... or to the caller that reaps, if the one flush is all that the caller could wait for
 *   end              a flush ended: its writes are stable or failed, and more may be due
 *
 * The counts and `patient` are those of the main ring, for both rings; `begin`, `decide` and `leave` take no lock. Nothing is
 * due on a polled ring. In all other functions the lock of the ring is held. No function submits.
 *
 * The ring of one thread has flushes of its own, and not those of the open files: other rings have these. It has as many
 * as it ever has files in flight.
 */
#ifndef WT_SHARED_FLUSH_H
#define WT_SHARED_FLUSH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "io/io.h"
#include "io/list.h"
#include "posix/flush.h"

/* A flush of a ring of one thread. It belongs to the file as long as I/O of the file is in flight. */
struct wt_own_flush {
    struct wt_flush flush; /* first */
    const struct wt_backing *backing;
    struct wt_own_flush *next;
};

struct wt_shared_flush {
    bool has_own;
    struct wt_own_flush *own;   /* the one that was used last is the first */
    atomic_uint durable_writes; /* sent, and not completed */
    atomic_uint bystanders;     /* the same, of I/Os that share no flushes */
    atomic_bool patient;        /* a caller reaps, and has time for a flush in between */
    struct wt_flush *due;
};

void wt_shared_flush_close(struct wt_shared_flush *shared);
/* Counts an I/O that is sent. False: there is no memory for a flush; only on the ring of one thread. */
bool wt_shared_flush_begin(struct wt_shared_flush *shared, const struct wt_io *io);
/* The I/O is completed. */
void wt_shared_flush_leave(struct wt_shared_flush *shared, const struct wt_io *io);
/* All of the list are counted: decides which writes share flushes (io/stable.h). */
void wt_shared_flush_decide(struct wt_shared_flush *shared, struct wt_io *list);
/* The thread that reaps has time for a flush in between, or has not. */
void wt_shared_flush_set_patient(struct wt_shared_flush *shared, bool patient);

/* Sees to a flush of what was written. */
void wt_shared_flush_add(struct wt_shared_flush *shared, struct wt_io_list *written);
/* A flush that the kernel did not take is due again. */
void wt_shared_flush_push(struct wt_shared_flush *shared, struct wt_flush *flush);
/* Takes up to limit flushes, which begin now. Adds their number to *count. */
struct wt_flush *wt_shared_flush_take(struct wt_shared_flush *shared, unsigned limit, unsigned *count);
/* The flush that is due, if the caller that reaps is to run it. awaited: the caller has to return. */
struct wt_flush *wt_shared_flush_take_own(struct wt_shared_flush *shared, bool awaited);
/*
 * The end of a flush, with 0 or -errno. Its writes come to the list flushed, or the flush is due again. False: only
 * that.
 */
bool wt_shared_flush_end(struct wt_shared_flush *shared, struct wt_flush *flush, int result,
                         struct wt_io_list *flushed);

#endif
