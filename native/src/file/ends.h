// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Where a file ends, and how a transfer near that end goes: by direct I/O, or through the kernel's page cache.
 *
 * A file has several ends at once, from the front to the back:
 *
 *     visible_size  <=  size  <=  end_in_flight    without a later write past `size` that is not stable yet
 *     size  <  visible_size   <=  end_in_flight    with one
 *                       size  <=  the end on disk
 *                  ahead_end  <=  the end on disk
 *
 *   end            what it is                              raised by                        set back by
 *   -------------  --------------------------------------  -------------------------------  ------------------------
 *   visible_size   the size that callers see: `size`       wt_ends_grow: a plain write,     truncation
 *                  without the appends that wait for       the first append in flight, an   after a later write has
 *                  appends in front of them, and with      allocation; wt_ends_show: a      failed: wt_ends_hide
 *                  later writes that are not stable        later write
 *   size           the end of the stable bytes             the same, and                    truncation, and the
 *                                                          wt_ends_grow_unseen: an append   restoring of the size
 *   end_in_flight  no write or append in flight ends       wt_ends_begin_to, and the place  the same
 *                  behind it                               of an append
 *   ahead_end      growth ahead: the file on disk is at    write/ahead                      each cut of the file: 0
 *                  least this long, by zeros behind
 *                  `size`. 0: no growth
 *   reserve_end    an allocation makes the file this long  write/size, before the file      write/size and
 *                  now, and nobody may rely on that yet.   grows                            write/ahead, at the end
 *                  0: no allocation. It is not ordered
 *                  against the other ends
 *   end on disk    `size`, or more after a failed write    nobody: wt_inode_disk_ends asks  the restoring of the size
 *                  whose size is not restored yet          the kernel after a failure
 *
 * With nothing in flight, and no failure that is not made good, the first three are equal. All but reserve_end are set
 * back only with the gate shut and nothing in flight. So a thread inside the gate may compare ends, if it loads the
 * lower one first: each of them only rises meanwhile. reserve_end falls after `size` or ahead_end has risen: so
 * reserve_end is loaded before these.
 */
#ifndef WT_ENDS_H
#define WT_ENDS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/folio.h"

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
/* Callers see the file this long, although its end is not stable: by a later write. */
void wt_ends_show(struct wt_ends *ends, uint64_t end);
/* Nothing is in flight: what callers see and is not stable never will be. */
void wt_ends_hide(struct wt_ends *ends);
/* A write that ends at end begins. */
void wt_ends_begin_to(struct wt_ends *ends, uint64_t end);
/*
 * An append of length begins behind all that is in flight, at *start. -EFBIG: there is no such end. -EINVAL: an atomic
 * append, and its place is not a multiple of its length.
 */
int wt_ends_take_place(struct wt_ends *ends, uint64_t length, bool atomic, uint64_t *start);

/* ---- which way a transfer goes ----------------------------------------------------------------------------------- */

/*
 * The tail page is the page that the file ends in, if it ends within a block. The tail block goes through the kernel's
 * page cache, which can write a part of a block. So the page is in that cache:
 *
 *   - Direct I/O on a page drops it from the kernel's cache. If the page is dirty at that moment, the kernel reports
 *     the collision as an error.
 *   - When a page-cache write begins behind the end of the file, the kernel first zeroes the rest of the last block.
 *     That makes the page dirty, and the kernel does not wait for direct I/O that is in flight on other blocks of the
 *     page.
 */
enum wt_transfer_kind {
    /* A run of dirty blocks, up to where their bytes end. Other I/O may be on the same pages. */
    WT_TRANSFER_WRITE,
    /* An atomic write, which is direct or refused. */
    WT_TRANSFER_ATOMIC,
    /*
     * A read of blocks that a write in flight has bytes in. If a part of that write begins behind the end of the file,
     * the part goes through the page cache, and then the kernel has the tail page before the block is written.
     */
    WT_TRANSFER_READ_BELOW,
    /* Zeros of an allocation, which holds all pages of the range. */
    WT_TRANSFER_ZEROS,
    /* A write with the gate shut. */
    WT_TRANSFER_ALONE,
};

/*
 * Where the file ends on disk, and where it may end before the transfer has ended: 0 if there is no such end. If the
 * file ends at a block's end, no page is a tail page.
 */
struct wt_disk_ends {
    uint64_t now, soon;
};

/*
 * start..cached_from goes by direct I/O, and cached_from..end through the page cache. With a fence the latter is an I/O
 * by itself. Without one, an I/O that it belongs to goes through the page cache as a whole.
 */
struct wt_file_route {
    uint64_t cached_from;
    /*
     * No other I/O may be on this range meanwhile, which is whole pages. Empty: nothing has to be kept off, or the
     * caller has the range for itself.
     */
    uint64_t fence_start, fence_end;
};

/*
 * The route of the transfer start..end, which is not empty. direct: the file has direct I/O; then start is a
 * multiple of the block.
 *
 *   kind        through the page cache                                                       fence
 *   ----------  ---------------------------------------------------------------------------  --------------------------
 *   WRITE       one block a page: all, if `end` is within a block                            none
 *               several: what is in the last page, if `end` is within a block, or at or      the last page
 *               before the end of the file in the tail page
 *   ATOMIC      none. The write is refused if the file ends in its middle, or if one of its  none
 *               pages is a tail page: then cached_from is `start`
 *   READ_BELOW  from the first page on that is not whole in the file                         none: such blocks are not
 *                                                                                            read in this way
 *   ZEROS       all, if `end` is within a block, or (several blocks a page) a page of the    none: the allocation holds
 *               range is a tail page                                                         the pages
 *   ALONE       all, if `end` is within a block                                              none: the gate is shut
 *   any         all, without direct I/O                                                      none
 */
struct wt_file_route wt_ends_route(enum wt_transfer_kind kind, const struct wt_geometry *geometry, bool direct,
                                   uint64_t start, uint64_t end, struct wt_disk_ends ends);
/* The route of a write that the kernel may keep in its page cache (turns.h): all through that, fenced as the last page is. */
struct wt_file_route wt_ends_route_kept(const struct wt_geometry *geometry, uint64_t start, uint64_t end);

#endif
