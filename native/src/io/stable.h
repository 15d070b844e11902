// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * How a write becomes stable. wt_stable_by decides that, for each write and nowhere else: a sender asks before it
 * sends, and what it does follows from the answer. This is the whole rule. The first row that fits counts:
 *
 *  asked    sender, and what it has beside the write  route              disk                  WT_STABLE_BY_...
 *  -------  ----------------------------------------  -----------------  --------------------  ----------------
 *  DEVICE   any                                       page cache kept    any                   KEPT_PAGES
 *  DEVICE   a thread                                  page cache placed  any                   SENT_PAGES
 *  DEVICE   a long write                              direct             no FUA, or no cache   NOTHING_IN_PARTS
 *  DEVICE   a burst, of which this is a part          direct             any                   NOTHING_IN_PARTS
 *  DEVICE   any                                       direct             any                   NOTHING
 *  DSYNC    a long write                              direct             no FUA, or no cache   BURST_FLUSH
 *  DSYNC    a burst, of which this is a part          any                any                   BURST_FLUSH
 *  DSYNC    a ring, with 4 durable writes or more     direct             no FUA, or unknown    SHARED_FLUSH
 *  DSYNC    a ring, whose reaper may flush            direct             no FUA, or unknown    SHARED_FLUSH
 *  any      any                                       any                no cache              COMPLETION
 *  any      any                                       direct             FUA                   FUA
 *  any      any                                       any                any                   OWN_FLUSH
 *
 * "Direct" in the rows of DEVICE and of FUA is also what the kernel writes through: there a write has left its page when it
 * completes. Such a write is sent by a thread alone.
 *
 * A write of high priority waits for no batch: the rows of a long write, a burst and a ring do not count for it.
 *
 * FUA is one command, and a flush is one more. So several writes share a flush where that delays none of them. A burst
 * pays where each part would need a flush of its own, and where there is no cache: there the flush costs nothing.
 *
 * A page of the kernel's cache is not on the device until it is written back. So nothing less than DSYNC will do there,
 * even for DEVICE, unless sync_file_range(2) can hand the page over: that takes a file system that writes pages in
 * place, and a thread that may wait. The kernel may keep pages only where nobody but a flush is to make them durable: see
 * turns.h.
 */
#ifndef WT_STABLE_H
#define WT_STABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "io/io.h"

/* How the bytes of a write go to the device. */
enum wt_route {
    WT_ROUTE_DIRECT,
    WT_ROUTE_PAGE_CACHE,
    WT_ROUTE_PAGE_CACHE_PLACED, /* on a file system that writes the pages of a file in place: ext4 and xfs */
    WT_ROUTE_PAGE_CACHE_KEPT,   /* the kernel may keep the pages: wt_io.kept */
    WT_ROUTE_WRITTEN_THROUGH,   /* the kernel writes its pages through: wt_backing.writes_through */
};

/* Who sends a write. */
enum wt_sender {
    WT_SENDER_THREAD, /* a thread, by a system call that returns when the write is over */
    WT_SENDER_RING,   /* a ring, which has other writes too */
    WT_SENDER_LONG,   /* nobody yet: a write that is long enough asks whether to leave in parts, as a burst */
    WT_SENDER_BURST,  /* a burst, of which this is a part */
};

/* All that the answer depends on. */
struct wt_stable_case {
    uint32_t durability; /* WT_DURABILITY_DEVICE, DSYNC or SYNC */
    enum wt_disk_kind disk;
    enum wt_route route;
    enum wt_sender sender;
    bool high_priority;
    bool reaper_may_flush; /* of a ring: the thread that reaps has time to flush, and nothing else waits for it */
    unsigned in_flight;    /* of a ring: durable writes in flight, with this one */
};

enum wt_stable_by wt_stable_by(const struct wt_stable_case *asked);

/* Sets stable_by of an I/O that this sender is about to send. A ring is taken to have no other writes. */
void wt_stable_decide(struct wt_io *io, enum wt_sender sender);

/* The same for a ring that has other writes. */
void wt_stable_decide_on_ring(struct wt_io *io, unsigned in_flight, bool reaper_may_flush);

/* Whether a ring may send this I/O so that it shares a flush with others. */
bool wt_stable_may_share(const struct wt_io *io);

/* Whether a write that is long enough is to leave in parts. */
bool wt_stable_in_parts(const struct wt_core_profile *profile, uint32_t durability, bool high_priority);

/* Whether the I/O is sent as a plain write, and its sender flushes afterwards. */
static inline bool wt_stable_owes_flush(const struct wt_io *io) {
    return io->stable_by == WT_STABLE_BY_SHARED_FLUSH || io->stable_by == WT_STABLE_BY_BURST_FLUSH;
}

/* Whether the caller is told of a write only when it is stable. */
static inline bool wt_stable_is_asked(const struct wt_io *io) {
    return io->op == WT_IO_WRITE && io->durability != WT_DURABILITY_DEVICE;
}

#endif
