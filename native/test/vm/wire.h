// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What reaches a block device: the commands that its driver is handed, counted by the kernel's tracepoint
 * block_rq_issue. */
#ifndef WT_TEST_WIRE_H
#define WT_TEST_WIRE_H

#include <stdint.h>

struct wire_commands {
    unsigned writes;
    unsigned fua;    /* of the writes */
    unsigned atomic; /* of the writes */
    unsigned flushes;
    unsigned unflushed; /* writes without FUA after the last flush */
    uint64_t written_bytes;
};

/* The disk under a directory, and what is watched there. */
struct wire {
    char disk[64]; /* its name in /sys/block */
    unsigned major, minor;
    int root; /* file descriptor of the directory */
};

/* Finds the disk under the directory. Skips the test where there is none, or no tracefs to write to. */
struct wire wire_open(const char *directory);
void wire_close(struct wire *wire);

/* What the kernel takes the disk for; independent of the library's probe. */
int wire_has_cache(const struct wire *wire);
int wire_has_fua(const struct wire *wire);
/* The most that the disk writes as a whole; 0: nothing is known. */
uint64_t wire_atomic_bytes(const struct wire *wire);

/* Makes all that is dirty in the file system stable, so that nothing of it comes later, and begins to count. */
void wire_start(const struct wire *wire);
struct wire_commands wire_stop(const struct wire *wire);

#endif
