// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A disk, as far as its flushes go. A flush that fails loses what the disk's volatile cache held of every file there.
 * The kernel tells that only to the call that asked for the flush. So the disk counts its failed flushes. Each file
 * with writes that no flush has covered yet (WT_DURABILITY_DEVICE) looks at the count when it is synced.
 */
#ifndef WT_DISK_H
#define WT_DISK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/profile.h"

struct wt_disk;

/* The disk of a file with this profile, shared by all engines of the process. NULL: no memory. */
struct wt_disk *wt_disk_acquire(const struct wt_core_profile *profile);
void wt_disk_release(struct wt_disk *disk);

/* A flush failed, or may have. */
void wt_disk_count_failure(struct wt_disk *disk);
/* The count of failed flushes; always 0 for a disk without a volatile cache. */
uint64_t wt_disk_failures(struct wt_disk *disk);

/*
 * The writes of a file that no flush has covered: 0 if there are none, else 1 and the count of failures at that time.
 */
typedef _Atomic uint64_t wt_unsynced;

/* Notes that writes follow which the disk may keep in its cache. */
void wt_disk_note_unsynced(struct wt_disk *disk, wt_unsynced *unsynced);
/*
 * Notes that such a write has ended, before anybody is told. failures: the count when the write started. A sync that
 * began meanwhile does not cover the write.
 */
void wt_disk_note_unsynced_since(wt_unsynced *unsynced, uint64_t failures);
/*
 * The caller is about to flush: that flush covers all writes noted until now. Returns what wt_disk_flush_failed_since
 * asks for.
 */
uint64_t wt_disk_take_unsynced(wt_unsynced *unsynced);
/* Whether a flush has failed since such a write was noted. taken: what wt_disk_take_unsynced returned. */
bool wt_disk_flush_failed_since(struct wt_disk *disk, uint64_t taken);

/*
 * The last user of a file closes the file: its writes that no sync covered are remembered. The next user of the file in this
 * process takes them over. Of more than 1,024 such files of a disk the oldest such write counts for every file opened later.
 */
void wt_disk_file_closed(struct wt_disk *disk, uint64_t device, uint64_t number, wt_unsynced *unsynced);
void wt_disk_file_opened(struct wt_disk *disk, uint64_t device, uint64_t number, wt_unsynced *unsynced);

/* This process was just forked: no disk is in use. */
void wt_disk_forked(void);

#endif
