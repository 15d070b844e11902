// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* How a file lies on its device, by FIEMAP. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/descriptor.h"
#include "writethrough.h"

/* Extents that one call brings, on the stack. */
#define EXTENTS_AT_ONCE 64u

struct request {
    struct fiemap map;
    struct fiemap_extent extents[EXTENTS_AT_ONCE];
};

/* Counts what the extent has from `from` on: it may have changed since the call before.
 * What is allocated late (DELALLOC) has no place yet: a durable write there has to find one. */
static void count_extent(struct wt_extents *extents, const struct fiemap_extent *extent, uint64_t from) {
    uint64_t start = extent->fe_logical > from ? extent->fe_logical : from;
    uint64_t end = extent->fe_logical + extent->fe_length;
    end = end < extents->size_bytes ? end : extents->size_bytes;
    if (start >= end) {
        return; /* preallocated behind the end of the file */
    }
    uint64_t length = end - start;
    extents->extents++;
    if ((extent->fe_flags & FIEMAP_EXTENT_DELALLOC) != 0) {
        return;
    }
    if ((extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0) {
        extents->unwritten_bytes += length;
        return;
    }
    extents->written_bytes += length;
    if ((extent->fe_flags & FIEMAP_EXTENT_SHARED) != 0) {
        extents->shared_bytes += length;
    }
}

/* Counts the extents from *at on that one call brings; sets *at to the end of them. 1: these were the last. */
static int count_some(int fd, struct wt_extents *extents, uint64_t *at) {
    struct request request;
    memset(&request, 0, sizeof request);
    request.map.fm_start = *at;
    request.map.fm_length = extents->size_bytes - *at;
    request.map.fm_flags = FIEMAP_FLAG_SYNC; /* btrfs shows a write that has just ended only after it */
    request.map.fm_extent_count = EXTENTS_AT_ONCE;
    if (ioctl(fd, FS_IOC_FIEMAP, &request.map) < 0) {
        return errno == ENOTTY || errno == EINVAL || errno == ENOSYS ? -EOPNOTSUPP : -errno;
    }
    uint64_t begin = *at;
    bool last = false;
    for (uint32_t i = 0; i < request.map.fm_mapped_extents; i++) {
        const struct fiemap_extent *extent = &request.extents[i];
        uint64_t end = extent->fe_logical + extent->fe_length;
        count_extent(extents, extent, *at);
        *at = end > *at ? end : *at;
        last = last || (extent->fe_flags & FIEMAP_EXTENT_LAST) != 0;
    }
    return last || *at == begin || *at >= extents->size_bytes ? 1 : 0;
}

static int count_all(int fd, struct wt_extents *extents) {
    struct stat stat;
    uint64_t at = 0;
    if (fstat(fd, &stat) < 0) {
        return -errno;
    }
    if (!S_ISREG(stat.st_mode)) {
        return S_ISDIR(stat.st_mode) ? -EISDIR : -EOPNOTSUPP;
    }
    extents->size_bytes = (uint64_t)stat.st_size;
    int rc = extents->size_bytes == 0 ? 1 : 0;
    while (rc == 0) {
        rc = count_some(fd, extents, &at);
    }
    if (rc < 0) {
        return rc;
    }
    extents->hole_bytes = extents->size_bytes - extents->written_bytes - extents->unwritten_bytes;
    return 0;
}

int wt_probe_extents(const char *path, struct wt_extents *extents) {
    if (path == NULL || extents == NULL) {
        return -EINVAL;
    }
    memset(extents, 0, sizeof *extents);
    struct stat stat_of;
    if (stat(path, &stat_of) < 0) {
        return -errno;
    }
    int fd =
        wt_descriptor_open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, stat_of.st_dev, stat_of.st_ino);
    if (fd < 0) {
        return fd;
    }
    int rc = count_all(fd, extents);
    wt_descriptor_let_go(fd);
    return rc;
}
