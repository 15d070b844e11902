// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * preadv2 and pwritev2 for programs that run under qemu-user, which knows neither (7.2): by two system calls that it knows.
 * To be preloaded. It shows what the library does with its answers, not that a kernel makes bytes durable.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    if (flags != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return preadv(fd, iov, count, offset);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    if (flags & ~(RWF_DSYNC | RWF_SYNC)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    ssize_t written = pwritev(fd, iov, count, offset);
    int rc = written < 0 || flags == 0 ? 0 : flags & RWF_SYNC ? fsync(fd) : fdatasync(fd);
    return rc < 0 ? -1 : written;
}
