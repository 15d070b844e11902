// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Units of a file that say which write they are of, and an oracle of which one a reader may find. */
#ifndef WT_RECORD_H
#define WT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills a unit of at least 32 bytes: where it is, who wrote it and the how manieth write of the writer it is, a checksum,
 * and bytes that follow from these. */
void record_make(uint8_t *unit, size_t length, uint64_t position, unsigned writer, uint64_t sequence);
uint64_t record_sequence(const uint8_t *unit);

/*
 * Any thread. A write tells the oracle when it begins and when its bytes are to be seen by all. A unit may be of one
 * write if that had begun when the read ended, and no other write of the unit began after that one's end and ended before
 * the read began.
 */
struct record_oracle;

struct record_oracle *record_oracle_new(uint64_t units, size_t unit_bytes);
void record_oracle_free(struct record_oracle *oracle);

/* Returns what record_oracle_end takes. */
uint64_t record_oracle_begin(struct record_oracle *oracle, uint64_t first, uint64_t count, unsigned writer,
                             uint64_t sequence);
void record_oracle_end(struct record_oracle *oracle, uint64_t first, uint64_t count, uint64_t began);

/* A time for record_oracle_judge. */
uint64_t record_oracle_now(struct record_oracle *oracle);
/*
 * Fails the test if the unit may not have been found by a read that began and ended then. False: it is not known, since
 * too many writes came between, or the unit is torn and a torn one may be found while it is written.
 */
bool record_oracle_judge(struct record_oracle *oracle, uint64_t position, const uint8_t *unit, uint64_t began,
                         uint64_t ended, bool may_be_torn);

#endif
