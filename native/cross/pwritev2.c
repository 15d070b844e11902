// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * preadv2 and pwritev2 for programs that run under qemu-user, which knows neither (7.2): by two system calls that it knows.
 * And statx, of which qemu-user gives a part: it fills the members that it knows, and leaves the mask as the kernel's. To be
 * preloaded. It shows what the library does with its answers, not that a kernel makes bytes durable.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* statx by the library is a call of this one. */
long syscall(long number, ...) {
    va_list list;
    long argument[6];
    va_start(list, number);
    for (int i = 0; i < 6; i++) {
        argument[i] = va_arg(list, long);
    }
    va_end(list);
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = argument[0];
    register long x1 __asm__("x1") = argument[1];
    register long x2 __asm__("x2") = argument[2];
    register long x3 __asm__("x3") = argument[3];
    register long x4 __asm__("x4") = argument[4];
    register long x5 __asm__("x5") = argument[5];
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    if (x0 < 0 && x0 >= -4095) {
        errno = (int)-x0;
        return -1;
    }
    if (number == SYS_statx) {
        ((struct statx *)(uintptr_t)argument[4])->stx_mask &= STATX_BASIC_STATS | STATX_BTIME;
    }
    return x0;
}

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
