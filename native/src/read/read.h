// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Reads: cached bytes are copied, and what is missing is fetched first. */
#ifndef WT_READ_H
#define WT_READ_H

#include "cache/cursor.h"
#include "engine/objects.h"

/* wt_read_with and wt_read_cached over a cursor; length is what the cursor holds in all. Arguments are checked as there. */
int64_t wt_read_cursor(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t offset, uint32_t flags);
int64_t wt_read_cached_cursor(wt_file file, struct wt_cursor *cursor, uint64_t length, uint64_t offset);

/* The same of a file that the caller has acquired, whatever has become of its handle. */
int64_t wt_read_acquired(struct wt_file_object *file, struct wt_cursor *cursor, uint64_t length, uint64_t offset,
                         uint32_t flags);

/*
 * One step of a read past cached bytes. Returns how many were read; *end falls to the size. cursor: NULL: the bytes come into the
 * cache alone, and 0 of a file that a program has mapped a moment ago.
 */
int64_t wt_read_step(struct wt_file_object *file, uint64_t at, uint64_t *end, struct wt_cursor *cursor, uint32_t flags);

#endif
