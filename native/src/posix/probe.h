// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What a file is, and what its file system and device promise. */
#ifndef WT_PROBE_H
#define WT_PROBE_H

#include <assert.h>
#include <stdint.h>

#include "io/io.h"

/* The kernel's struct statx, as of Linux 6.16. Declared here, since the headers of the build may be years older. */
struct wt_statx {
    uint32_t mask;
    uint32_t block_size;
    uint64_t attributes;
    uint32_t links;
    uint32_t uid;
    uint32_t gid;
    uint16_t mode;
    uint16_t padding;
    uint64_t inode;
    uint64_t size;
    uint64_t blocks;
    uint64_t attributes_mask;
    uint64_t times[8];
    uint32_t special_major;
    uint32_t special_minor;
    uint32_t device_major;
    uint32_t device_minor;
    uint64_t mount;
    uint32_t dio_memory_alignment;
    uint32_t dio_offset_alignment;
    uint64_t subvolume;
    uint32_t atomic_write_min;
    uint32_t atomic_write_max;
    uint32_t atomic_write_segments_max;
    uint32_t dio_read_offset_alignment;
    uint32_t atomic_write_max_optimal;
    uint32_t spare[17];
};
static_assert(sizeof(struct wt_statx) == 256, "the size that the kernel fills");

/*
 * statx(2). With an old kernel, or a seccomp filter that refuses statx, fstatat(2), which tells less. For a
 * descriptor: "" and AT_EMPTY_PATH.
 */
int wt_statx_at(int at, const char *path, int flags, struct wt_statx *stat);
/* A number that no other mount ever has; 0: the kernel tells none. */
uint64_t wt_statx_mount(const struct wt_statx *stat);
/* 0 for a regular file, else the error of opening it as one. */
int wt_check_kind(uint32_t mode);
/*
 * Fills in the profile of a file, from its descriptor and its statx. If the file takes direct I/O, the descriptor has
 * O_DIRECT afterwards, as its only flag; if not, it is unchanged. is_direct: the descriptor has O_DIRECT already.
 * -EOPNOTSUPP: a file of /proc and the like, which has no bytes.
 */
int wt_describe(int fd, const struct wt_statx *stat, bool is_direct, struct wt_core_profile *profile);
/* The same for a file that goes through the page cache although it could take direct I/O. */
void wt_describe_buffered(struct wt_core_profile *profile);
/* This process was just forked. */
void wt_probe_forked(void);

/* Whether the device has queues that are polled, now. */
bool wt_probe_polled(const struct wt_core_profile *profile);

#endif
