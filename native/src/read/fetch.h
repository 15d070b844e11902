// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Fetching: what the cache lacks is read into folios, for a caller who waits, for an event, or for nobody yet. */
#ifndef WT_FETCH_H
#define WT_FETCH_H

#include <stdint.h>

#include "cache/cursor.h"
#include "engine/objects.h"
#include "file/inode.h"

/* What a read with one of these brings in leaves the cache as soon as it was read. */
#define WT_READ_ONCE ((uint32_t)(WT_READ_DONTCACHE | WT_READ_SEQUENTIAL))

/* Whether a read of the range may begin: 0 or -errno. */
int wt_read_check(const struct wt_file_object *file, uint64_t length, uint64_t offset);

/*
 * Reads missing blocks from offset on into folios, up to the first block that is cached, in one I/O of at most length
 * bytes on this thread. cursor, if not NULL, gets their bytes from offset on (no more than length). flags: WT_READ_*. With
 * DONTCACHE or SEQUENTIAL the pages stay marked as read ahead, until wt_mapping_drop_ahead.
 *
 * Returns the count of bytes that the cursor got (or would have got); or -errno. 0: try again, since another thread
 * has read the block or is reading it. The inode is entered. The reservation covers the pages of the range.
 */
int64_t wt_read_missing(struct wt_inode *inode, struct wt_reservation *reservation, uint64_t offset, uint64_t length,
                        struct wt_cursor *cursor, uint32_t flags);

/*
 * Starts to read the missing blocks of start..end into the cache, each run of them as one I/O, as far as that can be done
 * without waiting. Nobody is told how the reads end. *most: no more bytes than these, from which those that are read are
 * taken off. background: the reads are of the background class, in pieces of its size, as far as the class has room now.
 *
 * Returns end, or where there was no more room: what is before that is cached, or somebody reads it.
 */
uint64_t wt_fetch_ahead(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t *most, bool background);

#endif
