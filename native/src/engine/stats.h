// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What an engine counts and times: each I/O, each write, and some reads. */
#ifndef WT_STATS_H
#define WT_STATS_H

#include <stdint.h>

#include "base/clock.h"
#include "engine/objects.h"

/* Which stripe the calling thread has: of its own below WT_OWN_STRIPES. */
uint32_t wt_stripe_of_thread(void);

void wt_count(struct wt_engine_object *engine, enum wt_counter counter, uint64_t n);

/* Adds a value to a WT_HISTOGRAM_*. */
void wt_stats_add(struct wt_engine_object *engine, uint32_t which, uint64_t value);

/*
 * The time at which a read begins that is to be timed; 0: this read is not timed. To read the clock takes a tenth of
 * a cached read.
 */
int64_t wt_stats_sample_read(void);

/* An I/O is handed over. Its queued_ns says when it was needed first; 0: now. */
void wt_stats_io_start(struct wt_engine_object *engine, struct wt_io *io);
/*
 * The I/O has ended. writes is the count of writes that it carried if it was a gather, else 0. The I/O holds the
 * inode open. Returns the time of the end.
 */
int64_t wt_stats_io_end(struct wt_engine_object *engine, const struct wt_io *io, uint32_t writes);

/* What an engine has counted, all fields; and one of its histograms. */
void wt_stats_fill(struct wt_engine_object *engine, struct wt_engine_stats *stats);
void wt_stats_histogram(struct wt_engine_object *engine, uint32_t which, struct wt_histogram *histogram);

#endif
