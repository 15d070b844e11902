// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/profile.h"

#include <string.h>

static const struct {
    uint32_t fua, volatile_cache;
} told_of_disk[] = {
    [WT_DISK_UNKNOWN] = {WT_UNKNOWN, WT_UNKNOWN},
    [WT_DISK_WITHOUT_CACHE] = {WT_YES, WT_NO}, /* one command is enough there, too */
    [WT_DISK_WITH_FUA] = {WT_YES, WT_YES},
    [WT_DISK_WITHOUT_FUA] = {WT_NO, WT_YES},
};

void wt_profile_tell(const struct wt_core_profile *profile, struct wt_profile *told) {
    memset(told, 0, sizeof *told); /* the padding too: its bytes go to Java */
    told->path = profile->path;
    told->block_bytes = profile->block_bytes;
    told->dio_memory_alignment = profile->dio_memory_alignment;
    told->dio_offset_alignment = profile->dio_offset_alignment;
    told->logical_block_bytes = profile->logical_block_bytes;
    told->physical_block_bytes = profile->physical_block_bytes;
    told->fs_block_bytes = profile->fs_block_bytes;
    told->fua = told_of_disk[profile->disk].fua;
    told->volatile_cache = told_of_disk[profile->disk].volatile_cache;
    told->atomic_write_min_bytes = profile->atomic_write_min_bytes;
    told->atomic_write_max_bytes = profile->atomic_write_max_bytes;
    told->atomic_write_optimal_bytes = profile->atomic_write_optimal_bytes;
    told->atomic_write_max_segments = profile->atomic_write_max_segments;
    told->device_major = profile->device_major;
    told->device_minor = profile->device_minor;
    told->fs_magic = profile->fs_magic;
    memcpy(told->fs_type, profile->fs_type, sizeof told->fs_type);
    memcpy(told->device_name, profile->device_name, sizeof told->device_name);
}
