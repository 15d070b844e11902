// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Where the exercised file lies, on a real file system or on the simulated disk: how to open an engine there, and what
 * is seen of the file past the engine. */
#ifndef WT_GROUND_H
#define WT_GROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exercise.h"
#include "sim_disk.h"
#include "writethrough.h"

struct ground {
    struct sim *sim; /* NULL: a real file */
    struct wt_engine_options engine_options;
    char path[512];
    int fd; /* of the real file, for looking; -1: not open */
};

void ground_prepare(struct ground *ground, const struct exercise_options *options, struct sim_options sim);
/* Removes the file. */
void ground_leave(struct ground *ground);

/* The other of the two names that the file has by turns; name has room for a path. */
void ground_next_name(struct ground *ground, char *name);

wt_engine ground_open_engine(struct ground *ground);

/* The simulated disk has no thread of its own that would end the I/O which a close waits for: ends it. */
void ground_let_end(struct ground *ground);

uint64_t ground_size(struct ground *ground);
/* Reads the range, which is inside the file; from the device if afresh, else as the kernel has it. */
void ground_peek(struct ground *ground, uint64_t offset, uint8_t *bytes, size_t length, bool afresh);
/* The same as it is on stable storage, where that can be known; else false. */
bool ground_peek_stable(struct ground *ground, uint64_t offset, uint8_t *bytes, size_t length);
/* Changes one byte without the engine's knowledge. */
void ground_spoil(struct ground *ground, uint64_t offset);

#endif
