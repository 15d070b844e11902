// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "cache/cursor.h"

#include <errno.h>
#include <string.h>

#include "base/mutant.h"

static uint8_t *next_piece(struct wt_cursor *cursor, size_t want, size_t *length) {
    while (cursor->iov_offset == cursor->iov->iov_len) {
        cursor->iov++;
        cursor->iov_offset = 0;
    }
    size_t left = cursor->iov->iov_len - cursor->iov_offset;
    *length = want < left ? want : left;
    uint8_t *piece = (uint8_t *)cursor->iov->iov_base + cursor->iov_offset;
    cursor->iov_offset += *length;
    return piece;
}

static void copy_in(struct wt_cursor *cursor, void *to_folio, size_t length) {
    uint8_t *to = to_folio;
    while (length > 0) {
        size_t n;
        const uint8_t *from = next_piece(cursor, length, &n);
        memcpy(to, from, n);
        to += n;
        length -= n;
    }
}

void wt_copy_shared(void *to, const void *from, size_t length) {
    uint8_t *at = to;
    const uint8_t *shared = from;
    for (; length > 0 && (uintptr_t)shared % sizeof(uint64_t) != 0; length--)
        *at++ = __atomic_load_n(shared++, __ATOMIC_RELAXED);
    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t)) {
        uint64_t word = __atomic_load_n((const uint64_t *)(const void *)shared, __ATOMIC_RELAXED);
        memcpy(at, &word, sizeof word);
        at += sizeof word;
        shared += sizeof word;
    }
    for (; length > 0; length--)
        *at++ = __atomic_load_n(shared++, __ATOMIC_RELAXED);
}

static void copy_shared_in(struct wt_cursor *cursor, void *to_folio, size_t length) {
    uint8_t *to = to_folio;
    while (length > 0) {
        size_t n;
        const uint8_t *from = next_piece(cursor, length, &n);
        wt_copy_shared(to, from, n);
        to += n;
        length -= n;
    }
}

static void copy_out(struct wt_cursor *cursor, const void *from_folio, size_t length) {
    const uint8_t *from = from_folio;
    while (length > 0) {
        size_t n;
        uint8_t *to = next_piece(cursor, length, &n);
        memcpy(to, from, n);
        from += n;
        length -= n;
    }
}

int wt_iovec_length(const struct iovec *iov, int count, uint64_t *length) {
    *length = 0;
    if (count < 0 || (count > 0 && !iov))
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > (uint64_t)INT64_MAX - *length ||
            (iov[i].iov_len > 0 && !iov[i].iov_base && !WT_MUTANT("null-memory-taken")))
            return -EINVAL;
        *length += iov[i].iov_len;
    }
    return 0;
}

void wt_cursor_of_iovec(struct wt_cursor *cursor, const struct iovec *iov) {
    *cursor = (struct wt_cursor){.copy_in = copy_in, .copy_out = copy_out, .iov = iov};
}

void wt_cursor_of_shared(struct wt_cursor *cursor, const struct iovec *iov) {
    *cursor = (struct wt_cursor){.copy_in = copy_shared_in, .copy_out = copy_out, .iov = iov};
}
