// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * stat, fstat and fstatat are functions of libc.so.6 from glibc 2.33 on alone. These are libwritethrough.so's own, so that
 * it runs on older ones too: on its two architectures the kernel's structure is that of the C library.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "look whether struct stat is the kernel's here"
#endif

int fstatat(int directory, const char *restrict path, struct stat *restrict stat, int flags) {
    return (int)syscall(SYS_newfstatat, directory, path, stat, flags);
}

int stat(const char *restrict path, struct stat *restrict stat) {
    return fstatat(AT_FDCWD, path, stat, 0);
}

int fstat(int fd, struct stat *stat) {
    return (int)syscall(SYS_fstat, fd, stat);
}
