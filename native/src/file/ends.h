// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Where a file ends. A file has several ends at once, from the front to the back:
 *
 *     visible_size  <=  size  <=  end_in_flight
 *                       size  <=  the end on disk
 *                  ahead_end  <=  the end on disk
 *
 *   end            what it is                              raised by                        set back by
 *   -------------  --------------------------------------  -------------------------------  ------------------------
 *   visible_size   the size that callers see: `size`       wt_ends_grow: a plain write,     truncation
 *                  without the appends that wait for       the first append in flight, an
 *                  appends in front of them                allocation
 *   size           the end of the stable bytes             the same, and                    truncation, and the
 *                                                          wt_ends_grow_unseen: an append   restoring of the size
 *   end_in_flight  no write or append in flight ends       wt_ends_begin_to, and the place  the same
 *                  behind it                               of an append
 *   ahead_end      growth ahead: the file on disk is at    write/ahead                      each cut of the file: 0
 *                  least this long, by zeros behind
 *                  `size`. 0: no growth
 *   reserve_end    an allocation makes the file this long  write/size, before the file      write/size and
 *                  now, and nobody may rely on that yet.   grows                            write/ahead, at the end
 *                  0: no allocation; in no order
 *   end on disk    `size`, or more after a failed write    nobody: wt_inode_end_on_disk asks  the restoring of the size
 *                  whose size is not restored yet          the kernel after a failure
 *
 * With nothing in flight, and no failure that is not made good, the first three are equal. All but reserve_end are set
 * back only with the gate shut and nothing in flight. So a thread inside the gate may compare ends, if it loads the
 * lower one first: each of them only rises meanwhile. reserve_end falls after `size` or ahead_end has risen: it is loaded before
 * these.
 */
#ifndef WT_ENDS_H
#define WT_ENDS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* visible_size is the last: a cached read looks at the cache line that begins with it. */
struct wt_ends {
    _Atomic uint64_t ahead_end, reserve_end, end_in_flight, size, visible_size;
};

/*
 * Asserts the order of the ends, in debug builds. The caller is inside the gate, or has shut it. idle: nothing is in
 * flight, and no failure is left.
 */
void wt_ends_check(const struct wt_ends *ends, bool idle);

/* All three are size. The gate is shut, or nobody else has the file yet. */
void wt_ends_set(struct wt_ends *ends, uint64_t size);
/* Bytes up to end are stable. */
void wt_ends_grow(struct wt_ends *ends, uint64_t end);
/* The same for an append, which callers do not see yet. */
void wt_ends_grow_unseen(struct wt_ends *ends, uint64_t end);
/* A write that ends at end begins. */
void wt_ends_begin_to(struct wt_ends *ends, uint64_t end);
/*
 * An append of length begins behind all that is in flight, at *start. -EFBIG: there is no such end. -EINVAL: an atomic
 * append, and its place is not a multiple of its length.
 */
int wt_ends_take_place(struct wt_ends *ends, uint64_t length, bool atomic, uint64_t *start);

#endif
