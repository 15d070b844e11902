// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What others do to a file that is open here. flock(2) keeps out only those who ask for it, and nobody tells the
 * cache. So the file is checked where that costs little: never for a read of cached bytes.
 */
#ifndef WT_CHECK_H
#define WT_CHECK_H

#include "file/inode.h"

/*
 * Looks whether another program cut the file short, or took its last name. The caller is inside the gate. 0, or
 * -ESTALE for good.
 */
int wt_inode_check(struct wt_inode *inode);
/* The same, unless this was done within the last second. now_ns: the time; 0: the caller does not know. */
int wt_inode_check_sometimes(struct wt_inode *inode, int64_t now_ns);
/*
 * The same after a read that has ended; size is that of the file when the read began. If the read ended before the
 * bytes below size, another program has cut the file short, and nothing that was read counts: the error of the read
 * is then -ESTALE.
 */
void wt_inode_check_read(struct wt_inode *inode, struct wt_io *io, uint64_t size);

#endif
