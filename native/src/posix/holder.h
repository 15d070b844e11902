// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#ifndef WT_HOLDER_H
#define WT_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * For a file that another has locked: whether no living process that can be seen has it. Then the holder was killed
 * and the kernel is finishing its I/O; or the holder let go meanwhile; or it lives in another container.
 */
bool wt_holder_is_gone(uint64_t device, uint64_t inode);

#endif
