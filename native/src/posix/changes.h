// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Which pages of memory a program has changed, as the kernel knows it: userfaultfd(2) in the mode WP_ASYNC protects pages,
 * and lets a store through after it has noted it; PAGEMAP_SCAN tells the noted pages and protects them again in one step.
 * Linux 6.7 and later. An ordinary user may do that (UFFD_USER_MODE_ONLY), unless a filter of system calls refuses it.
 */
#ifndef WT_CHANGES_H
#define WT_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this kernel watches memory for this process. */
bool wt_changes_are_known(void);

/*
 * Watches private anonymous memory, whole pages, from now on. No page of it has changed. 0, or -errno: it is not watched. Huge
 * pages would make one of many: the caller has ruled them out.
 */
int wt_changes_begin(void *memory, size_t bytes);
/* The memory is unmapped, or about to be. */
void wt_changes_end(void);

/*
 * Tells found of the pages that were stored to since the last call, as runs in ascending order. A store that comes after a page was looked at
 * is found by the next call. An error: some pages may be told by no call.
 */
int wt_changes_take(void *memory, size_t bytes, void (*found)(void *context, size_t start, size_t end), void *context);

/* This process was just forked: it has none of its parent's memory. */
void wt_changes_forked(void);

#endif
