// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What glibc declares and musl 1.2.3 does not. A build on musl includes this file in front of each source. Later releases of
 * musl declare some of it, in the same words.
 */
#ifndef WT_MUSL_H
#define WT_MUSL_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/uio.h>

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags);
const char *strerrorname_np(int error);

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#endif
