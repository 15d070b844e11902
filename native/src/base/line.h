// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Zeroed memory that begins a cache line, for objects that come and go often. The memory is from malloc, because
 * malloc keeps small pieces at hand for each thread. aligned_alloc and, before glibc 2.41, calloc keep none and take
 * a lock.
 */
#ifndef WT_LINE_H
#define WT_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WT_LINE_BYTES 64u

static inline void *wt_line_alloc(size_t size) {
    char *base = malloc(size + WT_LINE_BYTES);
    if (!base)
        return NULL;
    char *line = base + WT_LINE_BYTES - (uintptr_t)base % WT_LINE_BYTES; /* malloc's alignment leaves room before it */
    ((void **)(void *)line)[-1] = base;
    return memset(line, 0, size);
}

static inline void wt_line_free(void *line) {
    if (line)
        free(((void **)line)[-1]);
}

#endif
