/*
 * Atomic writes: torn by nothing, neither a power cut nor an error. The kernel does as one what it is handed with RWF_ATOMIC
 * as one piece of memory. So such a write is one I/O that carries nothing else: it waits until no other is on its blocks.
 * What is written to them after that waits in the shadow for its end, as behind any I/O.
 */
#ifndef WT_ATOMIC_H
#define WT_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/cursor.h"
#include "write/writeback.h"

/*
 * Whether a write may be atomic: 0; -EOPNOTSUPP: none to this file; -EINVAL: not of this length, or not there; -EMSGSIZE: the
 * file would take it, but not this engine at once. Of an append before it has its place: with offset 0.
 */
int wt_atomic_check(const struct wt_inode *inode, uint64_t offset, uint64_t length);

/*
 * Copies in the whole of a write that was checked, and starts its I/O, on this thread if may_run. 0 or -errno, and then
 * nothing was changed. -EAGAIN: it would wait and may not. -EINVAL: the file ends in the middle of the write. -EIO: so
 * it does on disk, by another write that has failed since this one began.
 */
int wt_atomic_write(struct wt_write *write, struct wt_cursor *cursor, bool may_run, bool may_wait);

#endif
