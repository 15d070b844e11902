// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/stable.h"

#include <limits.h>
#include <linux/magic.h>

#include "base/mutant.h"

/* From so many durable writes in flight on, a ring's writes share flushes. With fewer, RWF_DSYNC was faster. */
#define SHARED_FROM 4u

/*
 * Whether a long write gains by leaving in parts. The disk must be known: a file that is on no block device of its own
 * (btrfs, overlayfs, a network) has its parts done by workers of the kernel, one after the other. With FUA each part
 * would be a commit of the journal where blocks are new, and one flush for all would flush what others wrote as well.
 */
static bool gains_in_parts(const struct wt_stable_case *asked) {
    return asked->route == WT_ROUTE_DIRECT &&
           (asked->disk == WT_DISK_WITHOUT_FUA || asked->disk == WT_DISK_WITHOUT_CACHE);
}

static bool is_in_parts(const struct wt_stable_case *asked) {
    bool part = asked->sender == WT_SENDER_BURST || (asked->sender == WT_SENDER_LONG && gains_in_parts(asked));
    bool whole = asked->durability == WT_DURABILITY_SYNC || asked->high_priority;
    return part && (!whole || WT_MUTANT("sync-in-parts"));
}

static bool shares_flush(const struct wt_stable_case *asked) {
    bool has_others = asked->in_flight >= SHARED_FROM || asked->reaper_may_flush;
    return asked->sender == WT_SENDER_RING && has_others && asked->durability == WT_DURABILITY_DSYNC &&
           !asked->high_priority && asked->route == WT_ROUTE_DIRECT &&
           (asked->disk == WT_DISK_WITHOUT_FUA || asked->disk == WT_DISK_UNKNOWN);
}

enum wt_stable_by wt_stable_by(const struct wt_stable_case *asked) {
    bool device = asked->durability == WT_DURABILITY_DEVICE;
    bool direct =
        asked->route == WT_ROUTE_DIRECT || asked->route == WT_ROUTE_WRITTEN_THROUGH || WT_MUTANT("pages-kept");
    if (device && asked->route == WT_ROUTE_PAGE_CACHE_KEPT)
        return WT_STABLE_BY_KEPT_PAGES;
    if (device && asked->route == WT_ROUTE_PAGE_CACHE_PLACED && asked->sender == WT_SENDER_THREAD)
        return WT_STABLE_BY_SENT_PAGES;
    if (device && direct)
        return is_in_parts(asked) ? WT_STABLE_BY_NOTHING_IN_PARTS : WT_STABLE_BY_NOTHING;
    if (!device && is_in_parts(asked))
        return WT_STABLE_BY_BURST_FLUSH;
    if (shares_flush(asked))
        return WT_STABLE_BY_SHARED_FLUSH;
    if (asked->disk == WT_DISK_WITHOUT_CACHE)
        return WT_STABLE_BY_COMPLETION;
    return direct && asked->disk == WT_DISK_WITH_FUA ? WT_STABLE_BY_FUA : WT_STABLE_BY_OWN_FLUSH;
}

static enum wt_route route_of(const struct wt_core_profile *profile, bool through_page_cache, bool kept) {
    if (kept)
        return WT_ROUTE_PAGE_CACHE_KEPT;
    if (profile->path != WT_PATH_DIRECT)
        return WT_ROUTE_PAGE_CACHE;
    if (!through_page_cache)
        return WT_ROUTE_DIRECT;
    bool placed = profile->fs_magic == EXT4_SUPER_MAGIC || profile->fs_magic == XFS_SUPER_MAGIC;
    return placed ? WT_ROUTE_PAGE_CACHE_PLACED : WT_ROUTE_PAGE_CACHE;
}

static struct wt_stable_case case_of(const struct wt_io *io, enum wt_sender sender) {
    const struct wt_core_profile *profile = &io->backing->profile;
    return (struct wt_stable_case){.durability = io->durability,
                                   .disk = profile->disk,
                                   .route = io->backing->writes_through
                                                ? WT_ROUTE_WRITTEN_THROUGH
                                                : route_of(profile, io->through_page_cache, io->kept),
                                   .sender = sender,
                                   .high_priority = io->high_priority};
}

void wt_stable_decide(struct wt_io *io, enum wt_sender sender) {
    struct wt_stable_case asked = case_of(io, sender);
    io->stable_by = io->op == WT_IO_WRITE ? wt_stable_by(&asked) : WT_STABLE_BY_NOTHING;
}

void wt_stable_decide_on_ring(struct wt_io *io, unsigned in_flight, bool reaper_may_flush) {
    struct wt_stable_case asked = case_of(io, WT_SENDER_RING);
    asked.in_flight = in_flight;
    asked.reaper_may_flush = reaper_may_flush;
    io->stable_by = io->op == WT_IO_WRITE ? wt_stable_by(&asked) : WT_STABLE_BY_NOTHING;
}

bool wt_stable_may_share(const struct wt_io *io) {
    struct wt_stable_case asked = case_of(io, WT_SENDER_RING);
    asked.in_flight = UINT_MAX;
    return io->op == WT_IO_WRITE && wt_stable_by(&asked) == WT_STABLE_BY_SHARED_FLUSH;
}

bool wt_stable_in_parts(const struct wt_core_profile *profile, uint32_t durability, bool high_priority) {
    struct wt_stable_case asked = {.durability = durability,
                                   .disk = profile->disk,
                                   .route = route_of(profile, false, false),
                                   .sender = WT_SENDER_LONG,
                                   .high_priority = high_priority};
    enum wt_stable_by by = wt_stable_by(&asked);
    return by == WT_STABLE_BY_NOTHING_IN_PARTS || by == WT_STABLE_BY_BURST_FLUSH;
}
