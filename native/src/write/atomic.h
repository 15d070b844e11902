// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Atomic writes: nothing tears them, neither a power cut nor an error. The kernel does a write with RWF_ATOMIC as
 * one, if it is handed over as one piece of memory. So an atomic write is one I/O that carries nothing else: it waits
 * until no other I/O is on its blocks. Later writes to these blocks wait in the shadow until it ends, as behind any
 * I/O.
 */
#ifndef WT_ATOMIC_H
#define WT_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/cursor.h"
#include "write/writeback.h"

/*
 * Whether a write may be atomic. 0: yes. -EOPNOTSUPP: this file has no atomic writes. -EINVAL: not with this length,
 * or not at this offset. -EMSGSIZE: the file would take it, but this engine not at once. For an append, before it has
 * its place: with offset 0.
 */
int wt_atomic_check(const struct wt_inode *inode, uint64_t offset, uint64_t length);

/*
 * Copies in a whole write that was checked, and starts its I/O, on this thread if may_run. 0; or -errno, and then
 * nothing was changed. -EAGAIN: the write would have to wait and may not. -EINVAL: the file ends in the middle of the
 * write. -EIO: the file on disk does, by another write that has failed since this one began.
 */
int wt_atomic_write(struct wt_write *write, struct wt_cursor *cursor, bool may_run, bool may_wait);

#endif
