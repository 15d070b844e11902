// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Functions of glibc that musl 1.2.3 does not have: system calls, and the names of errors for the tests. */
#include "musl.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/errno_names.h"

/* The kernel takes the offset in two halves, and from a kernel of 64 bits the second counts for nothing. */
ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    return syscall(SYS_preadv2, fd, iov, (long)count, offset, offset >> 32, flags);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    return syscall(SYS_pwritev2, fd, iov, (long)count, offset, offset >> 32, flags);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

const char *strerrorname_np(int error) {
    return error < 0 || (size_t)error >= sizeof wt_errno_names / sizeof *wt_errno_names ? NULL : wt_errno_names[error];
}
