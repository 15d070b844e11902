// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Writes: the verbs of one, from its first byte copied to its end, synchronous or not. */
#ifndef WT_WRITE_H
#define WT_WRITE_H

#include "cache/cursor.h"

/* wt_write and so on over a cursor; length is what the cursor holds in all. Arguments are checked as there. */
int64_t wt_write_cursor(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t offset, uint32_t durability,
                        uint64_t *stable_bytes);
int64_t wt_write_cursor_with(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t *offset,
                             uint32_t durability, uint32_t flags, uint64_t *stable_bytes);
int wt_write_submit_cursor(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t offset,
                           uint32_t durability, uint32_t flags, uint64_t token);

#endif
