// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { KEPT = 64 };

struct header {
    uint64_t position;
    uint64_t writer;
    uint64_t sequence;
    uint64_t checksum;
};

struct span {
    uint64_t writer, sequence;
    uint64_t began, ended; /* ended: UINT64_MAX while it is written */
};

struct unit {
    pthread_mutex_t lock;
    uint64_t count;
    struct span spans[KEPT]; /* a ring */
};

struct record_oracle {
    size_t unit_bytes;
    uint64_t unit_count;
    _Atomic uint64_t clock;
    struct unit *units;
};

/* ---- a unit ------------------------------------------------------------------------------------------------------ */

static uint64_t checksum_of(const struct header *header) {
    struct test_random random = test_random_of(header->position);
    random.state ^= test_random_next(&random) + header->writer;
    random.state ^= test_random_next(&random) + header->sequence;
    return test_random_next(&random);
}

void record_make(uint8_t *unit, size_t length, uint64_t position, unsigned writer, uint64_t sequence) {
    struct header header = {.position = position, .writer = writer, .sequence = sequence};
    CHECK(length >= sizeof header);
    header.checksum = checksum_of(&header);
    struct test_random random = test_random_of(header.checksum);
    memcpy(unit, &header, sizeof header);
    test_random_bytes(&random, unit + sizeof header, length - sizeof header);
}

static struct header header_of(const uint8_t *unit) {
    struct header header;
    memcpy(&header, unit, sizeof header);
    return header;
}

uint64_t record_sequence(const uint8_t *unit) {
    return header_of(unit).sequence;
}

/* ---- the oracle -------------------------------------------------------------------------------------------------- */

struct record_oracle *record_oracle_new(uint64_t units, size_t unit_bytes) {
    struct record_oracle *oracle = calloc(1, sizeof *oracle);
    CHECK(oracle != NULL);
    oracle->unit_bytes = unit_bytes;
    oracle->unit_count = units;
    oracle->units = calloc((size_t)units, sizeof *oracle->units);
    CHECK(oracle->units != NULL);
    for (uint64_t i = 0; i < units; i++) {
        pthread_mutex_init(&oracle->units[i].lock, NULL);
    }
    return oracle;
}

void record_oracle_free(struct record_oracle *oracle) {
    for (uint64_t i = 0; i < oracle->unit_count; i++) {
        pthread_mutex_destroy(&oracle->units[i].lock);
    }
    free(oracle->units);
    free(oracle);
}

uint64_t record_oracle_now(struct record_oracle *oracle) {
    return atomic_fetch_add(&oracle->clock, 1) + 1;
}

uint64_t record_oracle_begin(struct record_oracle *oracle, uint64_t first, uint64_t count, unsigned writer,
                             uint64_t sequence) {
    uint64_t began = record_oracle_now(oracle);
    for (uint64_t i = first; i < first + count; i++) {
        struct unit *unit = &oracle->units[i];
        pthread_mutex_lock(&unit->lock);
        unit->spans[unit->count++ % KEPT] =
            (struct span){.writer = writer, .sequence = sequence, .began = began, .ended = UINT64_MAX};
        pthread_mutex_unlock(&unit->lock);
    }
    return began;
}

void record_oracle_end(struct record_oracle *oracle, uint64_t first, uint64_t count, uint64_t began) {
    uint64_t ended = record_oracle_now(oracle);
    for (uint64_t i = first; i < first + count; i++) {
        struct unit *unit = &oracle->units[i];
        pthread_mutex_lock(&unit->lock);
        for (unsigned j = 0; j < KEPT; j++) {
            if (unit->spans[j].began == began) {
                unit->spans[j].ended = ended;
            }
        }
        pthread_mutex_unlock(&unit->lock);
    }
}

static unsigned kept(const struct unit *unit) {
    return unit->count < KEPT ? (unsigned)unit->count : KEPT;
}

static const struct span *find(const struct unit *unit, const struct header *header) {
    for (unsigned i = 0; i < kept(unit); i++) {
        if (unit->spans[i].writer == header->writer && unit->spans[i].sequence == header->sequence) {
            return &unit->spans[i];
        }
    }
    return NULL;
}

/* Whether a write was under way at any time of the read. */
static bool is_met(const struct unit *unit, uint64_t began, uint64_t ended) {
    bool met = unit->count > KEPT && unit->spans[unit->count % KEPT].began > began; /* the oldest known */
    for (unsigned i = 0; i < kept(unit); i++) {
        met = met || (unit->spans[i].began < ended && unit->spans[i].ended > began);
    }
    return met;
}

/* The unit's lock is held. */
static bool judge(const struct unit *unit, const struct header *header, uint64_t began, uint64_t ended) {
    const struct span *found = find(unit, header);
    if (found == NULL) {
        /* It was one of the oldest, now forgotten: then so many came since that the oldest known is younger than the
         * read, or this one had been superseded. */
        CHECK(unit->count > KEPT && unit->spans[unit->count % KEPT].began > began);
        return false;
    }
    CHECK(found->began < ended);
    for (unsigned i = 0; i < kept(unit); i++) {
        const struct span *other = &unit->spans[i];
        if (other->began > found->ended && other->ended < began) {
            test_fail(__FILE__, __LINE__,
                      "unit %llu is of write %llu of writer %llu, after which write %llu of writer %llu ended",
                      (unsigned long long)header->position, (unsigned long long)header->sequence,
                      (unsigned long long)header->writer, (unsigned long long)other->sequence,
                      (unsigned long long)other->writer);
        }
    }
    return true;
}

bool record_oracle_judge(struct record_oracle *oracle, uint64_t position, const uint8_t *bytes, uint64_t began,
                         uint64_t ended, bool may_be_torn) {
    struct unit *unit = &oracle->units[position];
    struct header header = header_of(bytes);
    uint8_t expected[4096];
    CHECK(oracle->unit_bytes <= sizeof expected);
    record_make(expected, oracle->unit_bytes, position, (unsigned)header.writer, header.sequence);
    bool whole = memcmp(expected, bytes, oracle->unit_bytes) == 0;
    pthread_mutex_lock(&unit->lock);
    bool judged = whole && judge(unit, &header, began, ended);
    if (!whole && !(may_be_torn && is_met(unit, began, ended))) {
        CHECK_BYTES(bytes, expected, oracle->unit_bytes);
    }
    pthread_mutex_unlock(&unit->lock);
    return judged;
}
