/*
 * A burst: the parts of one large write, each of which a thread starts as soon as it has copied it, and all of which it ends
 * together. So the device has the first part while the next is copied. They go on a ring of their own, as plain writes, and one
 * flush follows for all: no thread has to be woken but the one that waits for them.
 *
 * That takes a disk on which a flush costs no more than FUA: one without FUA, where each RWF_DSYNC is a flush too, or
 * without a volatile cache, where a flush is nothing.
 */
#ifndef WT_IO_BURST_H
#define WT_IO_BURST_H

#include <pthread.h>

#include "io/io.h"
#include "io/list.h"

/*
 * It has to be known: what is not on a block device of its own (btrfs, overlayfs, a network) has the parts done by workers of the
 * kernel, one after the other.
 */
static inline bool wt_burst_suits(const struct wt_profile *profile) {
    return profile->path == WT_PATH_DIRECT && (profile->fua == WT_NO || profile->volatile_cache == WT_NO);
}

/* Whether an I/O of a burst is sent without RWF_DSYNC, for the flush at the end to make it stable. */
static inline bool wt_burst_flushes(const struct wt_io *io) {
    return io->durability == WT_DURABILITY_DSYNC && !io->through_page_cache;
}

/* Flushes what owes it, of I/Os of one file that are transferred or failed, and completes all. */
void wt_burst_finish(struct wt_backend *backend, struct wt_io_list *transferred);

/* The rings that no thread uses now. */
struct wt_bursts {
    struct wt_backend *backend;
    pthread_mutex_t lock;
    struct wt_burst *idle;
    unsigned count; /* of all rings */
    bool refused;   /* the kernel takes no requests any more: there are no more bursts */
};

/* 0 or -errno. */
int wt_bursts_open(struct wt_bursts *bursts, struct wt_backend *backend);
/* No thread uses one any more. */
void wt_bursts_close(struct wt_bursts *bursts);

/* The burst_begin and so on of io.h, of a backend that has rings. */
struct wt_burst *wt_burst_begin(struct wt_bursts *bursts);
void wt_burst_start(struct wt_burst *burst, struct wt_io *list);
void wt_burst_end(struct wt_burst *burst);

#endif
