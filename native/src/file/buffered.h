// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files without direct I/O, or mapped for writing: reads and durable writes go through the kernel's page cache. */
#ifndef WT_BUFFERED_H
#define WT_BUFFERED_H

#include <stdint.h>

#include "cache/cursor.h"
#include "file/inode.h"

/* wt_read and wt_write_with there. The arguments are checked, and the caller is inside the gate. */
int64_t wt_buffered_read(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t offset, uint64_t length);
int64_t wt_buffered_write(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t *offset, uint64_t length,
                          uint32_t durability, uint32_t flags, uint64_t *stable_bytes);

#endif
