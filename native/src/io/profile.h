// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What the core knows of the storage under a file. Callers are told it as a struct wt_profile, whose fields have the
 * same names. Only the disk differs: one kind here, fua and volatile_cache there.
 */
#ifndef WT_PROFILE_H
#define WT_PROFILE_H

#include <stdbool.h>

#include "writethrough.h"

/*
 * What a disk needs to make a write stable, and what callers are told:
 *
 *                          fua         volatile_cache
 *  WT_DISK_UNKNOWN         WT_UNKNOWN  WT_UNKNOWN      no block device of its own, or the kernel does not say
 *  WT_DISK_WITHOUT_CACHE   WT_YES      WT_NO           a write is stable when it completes
 *  WT_DISK_WITH_FUA        WT_YES      WT_YES          a write with FUA is stable when it completes
 *  WT_DISK_WITHOUT_FUA     WT_NO       WT_YES          a flush must follow
 */
enum wt_disk_kind {
    WT_DISK_UNKNOWN,
    WT_DISK_WITHOUT_CACHE,
    WT_DISK_WITH_FUA,
    WT_DISK_WITHOUT_FUA,
};

/* Whether a disk may have bytes in a cache that a power cut empties, and that a failed flush loses. */
static inline bool wt_disk_may_have_cache(enum wt_disk_kind kind) {
    return kind != WT_DISK_WITHOUT_CACHE;
}

struct wt_core_profile {
    uint32_t path;
    uint32_t block_bytes;
    uint32_t dio_memory_alignment;
    uint32_t dio_offset_alignment;
    uint32_t logical_block_bytes;
    uint32_t physical_block_bytes;
    uint32_t fs_block_bytes;
    enum wt_disk_kind disk;
    uint32_t atomic_write_min_bytes;
    uint32_t atomic_write_max_bytes;
    uint32_t atomic_write_optimal_bytes;
    uint32_t atomic_write_max_segments;
    uint32_t device_major;
    uint32_t device_minor;
    uint64_t fs_magic;
    char fs_type[sizeof((struct wt_profile *)0)->fs_type];
    char device_name[sizeof((struct wt_profile *)0)->device_name];
};

/* Fills in what callers are told. */
void wt_profile_tell(const struct wt_core_profile *profile, struct wt_profile *told);

#endif
