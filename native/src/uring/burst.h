// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A burst: the parts of one large write. The writing thread starts each part as soon as the part is copied, and ends
 * all parts together. So the device writes one part while the next is copied. The parts are submitted as plain writes
 * on a private ring that the writing thread borrows, and one flush follows for all of them. No thread is woken but
 * the one that waits for them.
 *
 * wt_stable_in_parts (stable.h) says which writes leave as a burst.
 */
#ifndef WT_IO_BURST_H
#define WT_IO_BURST_H

#include "base/lock.h"
#include "io/io.h"
#include "io/list.h"

/*
 * Flushes for those I/Os that owe a flush, and completes all. The I/Os are of one file, and are transferred or
 * failed.
 */
void wt_burst_finish(struct wt_backend *backend, struct wt_io_list *transferred);

/* The private rings of an engine. */
struct wt_bursts {
    struct wt_backend *backend;
    struct wt_mutex lock;
    struct wt_burst *idle;
    unsigned count; /* of all rings */
    bool refused;   /* the kernel takes no requests any more, so there are no more bursts */
};

/* 0 or -errno. */
int wt_bursts_open(struct wt_bursts *bursts, struct wt_backend *backend);
/* Closes all rings. No thread uses one any more. */
void wt_bursts_close(struct wt_bursts *bursts);

/* burst_begin, burst_start and burst_end of io.h, for a backend that has rings. */
struct wt_burst *wt_burst_begin(struct wt_bursts *bursts);
void wt_burst_start(struct wt_burst *burst, struct wt_io *list);
void wt_burst_end(struct wt_burst *burst);

#endif
