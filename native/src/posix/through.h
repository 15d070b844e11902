// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A kernel that writes its page cache through: pwritev2(2) with RWF_WRITETHROUGH copies the bytes into the page cache and
 * sends the pages at once. That is a patch set, not yet in Linux, and what follows works around its faults:
 *
 *   the flag's bit has another meaning elsewhere   wt_through_prove: no file is written before the kernel has proved itself
 *   io_uring has EINVAL without IOSQE_ASYNC        only pwritev2(2)
 *   a failed write stays in the cache, as clean    wt_through_drop
 *   a short copy of the caller's bytes hangs       the bytes are copied from memory that is always there: see staging
 *   an error between two bios hangs later          one call is one bio: it lies in one extent, or in one page
 *   a plain write before the flag loses a size     plain pages are synced before the first write, and after each call that
 *                                                  makes some (posix.c): no write meets them
 */
#ifndef WT_THROUGH_H
#define WT_THROUGH_H

#include <stdbool.h>
#include <stdint.h>

#include "io/io.h"

#define WT_RWF_WRITETHROUGH 0x200

/* Before the first of the calls below. -ENOMEM. */
int wt_through_begin(void);
/* This process was just forked. */
void wt_through_forked(void);

/*
 * 0 if the kernel writes through where the file of the descriptor is. -EOPNOTSUPP if not, or if that cannot be known. Else
 * -errno of making a nameless file beside the file, or of writing to that. What is known of a mount is not asked again.
 */
int wt_through_prove(int fd);

/* Writes from what is left of an I/O, as much as one call may take: a count or -errno. flags are RWF_*, with the flag. */
int64_t wt_through_write(int fd, const struct wt_io *io, int flags);

/* Drops a range from the page cache. False: the kernel still has a page of the range. */
bool wt_through_drop(int fd, uint64_t from, uint64_t to);

#endif
