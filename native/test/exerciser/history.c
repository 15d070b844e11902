// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "history.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { EXPLAINED = 24, COMPARED = 16 };

struct history_entry *history_add(struct history *history, uint64_t operation, const char *name,
                                  enum history_effect effect, uint64_t offset, uint64_t length) {
    uint64_t number = ++history->count;
    struct history_entry *entry = &history->entries[number % HISTORY_ENTRIES];
    *entry = (struct history_entry){
        .number = number, .operation = operation, .name = name, .effect = effect, .offset = offset, .length = length};
    return entry;
}

void history_end(struct history_entry *entry, int64_t result) {
    entry->result = result;
    entry->ended = true;
}

static uint64_t word_of(uint64_t number, uint64_t index) {
    uint64_t mixed = number * 0x9e3779b97f4a7c15u + index * 0xd1342543de82ef95u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    return mixed ^ (mixed >> 31);
}

void history_bytes(uint64_t number, uint64_t offset, void *bytes, size_t length) {
    uint8_t *to = bytes;
    while (length > 0) {
        uint64_t word = word_of(number, offset / sizeof word);
        size_t skip = offset % sizeof word;
        size_t part = sizeof word - skip < length ? sizeof word - skip : length;
        memcpy(to, (const uint8_t *)&word + skip, part);
        to += part;
        offset += part;
        length -= part;
    }
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static void print_entry(const struct history_entry *entry) {
    printf("    %8" PRIu64 "  %-14s", entry->operation, entry->name);
    if (entry->effect == HISTORY_SIZE) {
        printf(" to %" PRIu64 " (0x%" PRIx64 ")", entry->offset, entry->offset);
    } else if (entry->length > 0) {
        printf(" %" PRIu64 "..%" PRIu64 " (0x%" PRIx64 ", %" PRIu64 " bytes)", entry->offset,
               entry->offset + entry->length, entry->offset, entry->length);
    }
    if (entry->effect == HISTORY_BYTES) {
        static const char *const durabilities[] = {"file", "device", "dsync", "sync"};
        printf(" %s, handle %u", durabilities[entry->durability & 3], entry->handle);
    }
    if (entry->ended) {
        printf(" = %" PRId64 "\n", entry->result);
    } else {
        printf(" not ended\n");
    }
}

static uint64_t oldest(const struct history *history) {
    return history->count > HISTORY_ENTRIES ? history->count - HISTORY_ENTRIES + 1 : 1;
}

static const struct history_entry *entry_of(const struct history *history, uint64_t number) {
    return &history->entries[number % HISTORY_ENTRIES];
}

void history_print_last(const struct history *history, unsigned count) {
    uint64_t first = oldest(history);
    if (history->count >= first + count) {
        first = history->count - count + 1;
    }
    printf("  The last operations:\n");
    for (uint64_t number = first; number <= history->count; number++) {
        print_entry(entry_of(history, number));
    }
}

static bool touches(const struct history_entry *entry, uint64_t offset) {
    switch (entry->effect) {
    case HISTORY_OPENED:
        return true;
    case HISTORY_SIZE:
        return entry->offset <= offset;
    case HISTORY_NONE:
    case HISTORY_BYTES:
    case HISTORY_ZEROS:
        break;
    }
    return entry->offset <= offset && offset - entry->offset < entry->length;
}

static void print_origin(const struct history *history, const char *whose, uint64_t offset, const uint8_t *bytes,
                         size_t length) {
    static const uint8_t zeros[COMPARED];
    uint8_t written[COMPARED];
    printf("  The bytes %s:", whose);
    for (size_t i = 0; i < length; i++) {
        printf(" %02x", bytes[i]);
    }
    for (uint64_t number = history->count; number >= oldest(history); number--) {
        const struct history_entry *entry = entry_of(history, number);
        if (entry->effect == HISTORY_BYTES && touches(entry, offset)) {
            uint64_t left = entry->offset + entry->length - offset;
            size_t same = left < length ? (size_t)left : length;
            history_bytes(number, offset, written, same);
            if (memcmp(written, bytes, same) == 0) {
                printf(", those of operation %" PRIu64 "\n", entry->operation);
                return;
            }
        }
    }
    printf(memcmp(zeros, bytes, length) == 0 ? ", zeros\n" : ", of no write that is known\n");
}

void history_explain(const struct history *history, uint64_t offset, const uint8_t *found, const uint8_t *expected,
                     size_t length) {
    length = length < COMPARED ? length : COMPARED;
    print_origin(history, "found", offset, found, length);
    print_origin(history, "expected", offset, expected, length);
    uint64_t numbers[EXPLAINED];
    unsigned count = 0;
    for (uint64_t number = history->count; number >= oldest(history) && count < EXPLAINED; number--) {
        if (touches(entry_of(history, number), offset)) {
            numbers[count++] = number;
        }
    }
    printf("  The last operations that touched the byte at %" PRIu64 ":\n", offset);
    while (count > 0) {
        print_entry(entry_of(history, numbers[--count]));
    }
}
