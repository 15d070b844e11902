// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Operations on all folios of a file, or on those of a range: a file that is cut, has a hole punched or closes leaves
 * none of these bytes in the cache.
 */
#ifndef WT_MAPPING_H
#define WT_MAPPING_H

#include <stdint.h>

#include "cache/folio.h"

/* Drops the blocks of a range. No I/O is on the file. -ENOMEM: nothing was dropped. */
int wt_mapping_cut(struct wt_mapping *mapping, uint64_t start, uint64_t end);
/* Drops the pages of a range, except those with I/O on them. */
void wt_mapping_drop_idle(struct wt_mapping *mapping, uint64_t start, uint64_t end);
/* The same of those among them that were read ahead and that nobody has read yet, but who drops them. */
void wt_mapping_drop_ahead(struct wt_mapping *mapping, uint64_t start, uint64_t end);
/* Drops all folios. Nothing is in flight, and nothing can begin. Needs no memory, so that closing cannot fail. */
void wt_mapping_drop(struct wt_mapping *mapping);

#endif
