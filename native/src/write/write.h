// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Writes: the verbs of one, from its first byte copied to its end, synchronous or not. */
#ifndef WT_WRITE_H
#define WT_WRITE_H

#include "cache/cursor.h"
#include "file/inode.h"

/* wt_write and so on over a cursor; length is what the cursor holds in all. Arguments are checked as there. */
int64_t wt_write_cursor(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t offset, uint32_t durability,
                        uint64_t *stable_bytes);
int64_t wt_write_cursor_with(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t *offset,
                             uint32_t durability, uint32_t flags, uint64_t *stable_bytes);
/*
 * A flag of wt_write_submit_cursor: a write that ended on this thread, as a whole, may have no event, but 1 is returned.
 * Appends have one, which tells their place; and writes without direct I/O, all of which would end so.
 */
#define WT_MAY_END (UINT32_C(1) << 17)
int wt_write_submit_cursor(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t offset,
                           uint32_t durability, uint32_t flags, uint64_t token);

/* So many writes of durable memory are in flight at once. */
#define WT_OWNED_WRITES 32

/*
 * Writes bytes of durable memory to their places, which the caller owns (file/owners.h): one on this thread, or up to
 * WT_OWNED_WRITES together. 0, or the first error.
 */
int wt_write_owned(struct wt_inode *inode, const struct iovec *bytes, const uint64_t *offsets, int count,
                   uint32_t durability);

#endif
