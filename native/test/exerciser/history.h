// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What was done to the file, kept for the report of a failure. The bytes of each write follow from its number, so that
 * bytes which are found can be told by the write they come from. */
#ifndef WT_HISTORY_H
#define WT_HISTORY_H

#include <stddef.h>
#include <stdint.h>

enum history_effect {
    HISTORY_NONE,   /* looked only */
    HISTORY_BYTES,  /* wrote bytes to the range */
    HISTORY_ZEROS,  /* zeros in the range, or those of it that did not exist */
    HISTORY_SIZE,   /* set the size to offset: all behind is gone */
    HISTORY_OPENED, /* opened or closed something: concerns every byte */
};

struct history_entry {
    uint64_t number; /* from 1 */
    uint64_t operation;
    const char *name;
    enum history_effect effect;
    uint64_t offset;
    uint64_t length;
    uint32_t durability;
    unsigned handle;
    int64_t result;
    int ended;
};

enum { HISTORY_ENTRIES = 1 << 16 };

struct history {
    uint64_t count;
    struct history_entry entries[HISTORY_ENTRIES]; /* a ring */
};

/* The entry is good until HISTORY_ENTRIES more were added. */
struct history_entry *history_add(struct history *history, uint64_t operation, const char *name,
                                  enum history_effect effect, uint64_t offset, uint64_t length);
void history_end(struct history_entry *entry, int64_t result);

/* The bytes of the write with this number at this place of the file. */
void history_bytes(uint64_t number, uint64_t offset, void *bytes, size_t length);

void history_print_last(const struct history *history, unsigned count);
/* The last operations that touched the byte at offset, and what wrote the bytes found there. */
void history_explain(const struct history *history, uint64_t offset, const uint8_t *found, const uint8_t *expected,
                     size_t length);

#endif
