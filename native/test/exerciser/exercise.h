// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The exerciser: one thread does random operations on one file through the engine, and checks each against an array of
 * bytes; what other processes would see is looked at past the engine. Everything follows from the seed, but what is in
 * flight at which moment.
 *
 * To add an operation, write a function play_... and give it a row in the table in exercise.c.
 */
#ifndef WT_EXERCISE_H
#define WT_EXERCISE_H

#include <stdint.h>

enum { EXERCISE_SIMULATED = 100 }; /* a backend beside WT_BACKEND_*: the disk of test/sim */

/* Whatever is 0 or NULL is chosen by the seed, unless said otherwise. */
struct exercise_options {
    uint64_t seed;
    uint64_t operations;      /* 0: 10000 */
    uint64_t file_bytes;      /* the file never gets larger */
    uint64_t longest_bytes;   /* of one operation */
    uint64_t cache_bytes;     /* of the engine */
    uint64_t in_flight_bytes; /* of the engine */
    uint32_t backend;         /* WT_BACKEND_* or EXERCISE_SIMULATED */
    uint32_t block_bytes;     /* of the simulated disk */
    const char *weights;      /* "write=5,read=20": of operations by name, those not named have 0 */
    const char *directory;    /* for the file; NULL: the simulated disk needs none, others take /tmp */
};

/* Runs it, and ends the program with a report if anything is not as it should be. */
void exercise(const struct exercise_options *options);

/* The backends that a run may have, by name. The last one has no name. */
extern const struct exercise_backend {
    const char *name;
    uint32_t backend;
} exercise_backends[];

/* Prints the names and weights of the operations. */
void exercise_print_operations(void);

/* For the test that proves that a difference is found: spoils a byte behind the engine's back after so many operations. */
void exercise_spoil_after(uint64_t operations);

#endif
