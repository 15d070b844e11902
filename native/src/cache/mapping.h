/*
 * What is done to all folios of a file, or to those that a range of it meets: a file that is cut, has a hole punched, or closes
 * leaves nothing of that in the cache.
 */
#ifndef WT_MAPPING_H
#define WT_MAPPING_H

#include <stdint.h>

#include "cache/folio.h"

/* Drops the blocks that a range meets. No I/O is on the file. -ENOMEM: nothing was dropped. */
int wt_mapping_cut(struct wt_mapping *mapping, uint64_t start, uint64_t end);
/* Drops the pages that a range meets, as far as no I/O is on them. */
void wt_mapping_drop_idle(struct wt_mapping *mapping, uint64_t start, uint64_t end);
/* Drops all folios. Nothing is in flight and nobody can begin. Needs no memory, so that closing cannot fail. */
void wt_mapping_drop(struct wt_mapping *mapping);

#endif
