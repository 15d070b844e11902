/*
 * What others do to a file that is open here. Nobody is kept out who does not ask for flock(2), and the cache is not told. So
 * it is looked at where that costs nothing that counts: never for a read of cached bytes.
 */
#ifndef WT_CHECK_H
#define WT_CHECK_H

#include "file/inode.h"

/* Looks whether others cut the file short, or took its last name. The caller is inside the gate. 0 or -ESTALE, for good. */
int wt_inode_check(struct wt_inode *inode);
/* The same, unless it was done within the last second. */
int wt_inode_check_sometimes(struct wt_inode *inode);
/*
 * The same of a read that has ended, and size of the file when it began: if it ended before the bytes below that, others have
 * cut the file short and nothing that it brought counts. Its error is then -ESTALE.
 */
void wt_inode_check_read(struct wt_inode *inode, struct wt_io *io, uint64_t size);

#endif
