// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The one door to the device. Each I/O of a file goes through here: wt_io_init (io.h) makes the I/O, one of the functions below
 * starts it, in a turn if it has to, and counts it, and wt_transfer_ended counts its end. So no I/O is missing in the counters,
 * the histograms, the I/Os in flight or the records of slow ones.
 *
 *   on the caller's thread     wt_transfer_run, wt_transfer_run_inside: the end is counted as well
 *   with a completion          wt_transfer_submit, wt_transfer_run_to_end: io->complete calls wt_transfer_ended first
 */
#ifndef WT_TRANSFER_H
#define WT_TRANSFER_H

#include <stdint.h>

#include "file/inode.h"

/* Adds so many zeros to a write. */
void wt_transfer_add_zeros(struct wt_inode *inode, struct wt_io *io, uint64_t count);

/* Does an I/O on the caller's thread, in a turn if it has to. done and error are set. */
void wt_transfer_run(struct wt_inode *inode, struct wt_io *io);
/* The same, by a caller that has the turn. */
void wt_transfer_run_inside(struct wt_inode *inode, struct wt_io *io);

/* Starts I/Os. burst: NULL, or what those that need no turn go with. */
void wt_transfer_submit(struct wt_inode *inode, struct wt_io *list, struct wt_burst *burst);
/* Does an I/O on the caller's thread and completes it there. If another has the turn, a thread of the backend does the I/O later. */
void wt_transfer_run_to_end(struct wt_inode *inode, struct wt_io *io);

/* A started I/O ended. writes: how many it carried if it was a gather, else 0. The I/O holds the inode open. */
int64_t wt_transfer_ended(struct wt_inode *inode, const struct wt_io *io, uint32_t writes);

#endif
