/*
 * Read-ahead: when misses follow one another, what comes next is read before it is asked for, in windows that double. A read
 * that enters the last window sends for the one behind it, so that one is always under way. A miss elsewhere ends it.
 */
#ifndef WT_READAHEAD_H
#define WT_READAHEAD_H

#include "engine/engine.h"

/* A read of offset..end found all it wanted in the cache, or is about to read what was not there. */
void wt_read_ahead_hit(struct wt_file_object *file, uint64_t offset, uint64_t end);
void wt_read_ahead_miss(struct wt_file_object *file, uint64_t offset, uint64_t end);

#endif
