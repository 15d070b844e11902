/*
 * Growth ahead: the file on disk is longer than what was written to it, by zeros that exist there. A write into them changes no
 * metadata, and its last block is a whole one.
 */
#ifndef WT_AHEAD_H
#define WT_AHEAD_H

#include "file/inode.h"

/*
 * A write of start..end begins: if the file grows ahead, and is not long enough, it does now. Inside the gate. False: it has to,
 * and the caller may not wait.
 */
bool wt_ahead(struct wt_inode *inode, uint64_t start, uint64_t end, bool may_wait);

#endif
