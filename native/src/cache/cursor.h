// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The caller's memory, walked once from front to back on the thread that called. Native memory is an iovec. The JNI
 * layer brings a copy function of its own for arrays of the Java heap, which have no address.
 */
#ifndef WT_CURSOR_H
#define WT_CURSOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "writethrough.h"

struct wt_cursor {
    /*
     * Copies the next length bytes into folio memory (a write) or out of it (a read), and moves on. A folio is locked
     * meanwhile: the function must not wait for another caller of this library.
     */
    void (*copy_in)(struct wt_cursor *cursor, void *to_folio, size_t length);
    void (*copy_out)(struct wt_cursor *cursor, const void *from_folio, size_t length);
    const struct iovec *iov; /* where the next byte is; only for native memory */
    size_t iov_offset;
};

/* The sum of the lengths. -EINVAL: there can be no such sum, or count is out of range. */
int wt_iovec_length(const struct iovec *iov, int count, uint64_t *length);
void wt_cursor_of_iovec(struct wt_cursor *cursor, const struct iovec *iov);

/* Copies memory that other threads store into meanwhile: each aligned word of 8 bytes is as one of the stores left it. */
void wt_copy_shared(void *to, const void *from, size_t length);
/* The same for a cursor whose bytes are copied into folios. */
void wt_cursor_of_shared(struct wt_cursor *cursor, const struct iovec *iov);

#endif
