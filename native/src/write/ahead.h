// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Growth ahead: the file on disk is longer than what was written to it, by zeros that exist on the device. A write
 * into these zeros changes no metadata, and its last block is a whole one. Writes in sequence into holes of the file
 * find zeros too.
 */
#ifndef WT_AHEAD_H
#define WT_AHEAD_H

#include "file/inode.h"

/*
 * A write of start..end begins. If the file grows ahead and is not long enough, this call makes it longer, and if the
 * write follows another into a hole, this call fills the hole. The caller is inside the gate. False: there is such work to
 * do, and the caller may not wait.
 */
bool wt_ahead(struct wt_inode *inode, uint64_t start, uint64_t end, bool may_wait);

#endif
