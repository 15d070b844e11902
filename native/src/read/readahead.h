// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Read-ahead: when misses follow one another, the bytes that come next are read before they are asked for, in windows
 * that double. A read that enters the last window starts the next one, so that one window is always in flight. A miss
 * elsewhere ends the stream.
 *
 * Read-ahead takes what is to be had without waiting: memory that is free or clean, and an open gate. It holds no
 * lock of the cache, and its I/O ends without needing anything. So only readers that want its bytes wait for it.
 */
#ifndef WT_READAHEAD_H
#define WT_READAHEAD_H

#include "engine/objects.h"

/*
 * A read of offset..end found all it wanted in the cache, or is about to read what was not there. sequential: the caller says that
 * the next read will follow.
 */
void wt_read_ahead_hit(struct wt_file_object *file, uint64_t offset, uint64_t end);
void wt_read_ahead_miss(struct wt_file_object *file, uint64_t offset, uint64_t end, bool sequential);

#endif
