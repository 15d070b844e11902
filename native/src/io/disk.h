/*
 * A disk, as far as its flushes go. A flush that fails loses what the disk's volatile cache held, of every file there; the
 * kernel tells that to the call that asked for the flush alone. So the disk counts its failed flushes, and each file with
 * writes that no flush has covered yet (WT_DURABILITY_DEVICE) looks at the count when it is synced.
 */
#ifndef WT_DISK_H
#define WT_DISK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "writethrough.h"

struct wt_disk;

/* The disk of a file with this profile, shared by all engines of the process. NULL: no memory. */
struct wt_disk *wt_disk_acquire(const struct wt_profile *profile);
void wt_disk_release(struct wt_disk *disk);

/* A flush failed, or may have. */
void wt_disk_count_failure(struct wt_disk *disk);
/* How many that were; always 0 of a disk without a volatile cache. */
uint64_t wt_disk_failures(struct wt_disk *disk);

/* A file's writes that no flush has covered: 0 if there are none, else a count of failures and one. */
typedef _Atomic uint64_t wt_unsynced;

/* Writes that the disk may keep in its cache follow. */
void wt_disk_note_unsynced(struct wt_disk *disk, wt_unsynced *unsynced);
/* Such a write has ended, before anybody is told. failures: when it started. A sync that began meanwhile does not cover it. */
void wt_disk_note_unsynced_since(wt_unsynced *unsynced, uint64_t failures);
/* All writes noted until now are to be covered by a flush that begins after this. Returns what wt_disk_lost asks for. */
uint64_t wt_disk_take_unsynced(wt_unsynced *unsynced);
/* Whether a flush has failed since such a write. */
bool wt_disk_lost(struct wt_disk *disk, uint64_t taken);

/* This process was forked just now: none of the disks is in use. */
void wt_disk_forked(void);

#endif
