// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What changes a file's size and extents: truncate, allocate, and sync. */
#ifndef WT_SIZE_H
#define WT_SIZE_H

#include "file/inode.h"

/*
 * Makes zeros of all holes in a range, durably; the file may become longer on disk. *size (may be NULL): how long it is
 * durably; what others' writes that are not durable add afterwards is not in it. Inside the gate, and with ahead_lock. The
 * caller makes the new end known and sets reserve_end to 0. told: the error is told to a caller (wt_inode_flush).
 */
int wt_inode_reserve(struct wt_inode *inode, uint64_t offset, uint64_t end, uint64_t *size, bool told);

/* Sets the size, durably. at_force: with the next force, if nothing but forces makes bytes of the file durable (turns.h). */
int wt_inode_truncate(struct wt_inode *inode, uint64_t size, bool at_force);

/*
 * Waits until the size is restored, and with it the places of appends. Leaves the gate and comes back. 0, or why the
 * size could not be restored: the next call tries again.
 */
int wt_inode_restore_size(struct wt_inode *inode);
/*
 * Sets the size on disk and here. The gate is shut, and nothing is in flight. After an error the file has the size that the
 * kernel tells. If only the flush failed, that is the new size. Neither size is then known to be durable.
 */
int wt_inode_change_size(struct wt_inode *inode, uint64_t size);

#endif
