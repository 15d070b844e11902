// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Runs programs of callers on the simulated disk, and cuts the power at every event of each run: see sim_program.h for the
 * programs, sim_tasks.h for the callers, sim_journal.h for the cuts, and sim_ledger.h for what may be found.
 */
#ifndef WT_SIM_RUN_H
#define WT_SIM_RUN_H

#include "sim_program.h"

struct sim_tally {
    uint64_t programs, operations, events; /* of the disk; at each the power was cut */
    uint64_t cuts;     /* that leave a disk of their own: where nothing is in doubt there is but one */
    uint64_t wholes;   /* atomic writes that were acknowledged */
    uint64_t reopened; /* disks that an engine was opened on again */
    uint64_t hash;     /* of all that happened on the disk */
};

/* How often the power is cut at an event by chance, besides losing all that may be lost and keeping all of it. */
enum { SIM_CHANCES = 6 };

/* Runs one program and checks it; what is wrong ends the test. */
void sim_run_program(const struct sim_program *program, struct sim_tally *tally);

/* The same on one processor: on it a schedule is the same everywhere. */
void sim_run_alone(const struct sim_program *program, struct sim_tally *tally);

/*
 * Runs programs of the theme with the seeds from first on until there were so many cuts, or for so long (0: not counted). One
 * that fails is made short, and its failure printed with the command that repeats it: then it ends the test.
 */
void sim_run_many(enum sim_theme theme, uint64_t first, uint64_t cuts, uint64_t seconds, struct sim_tally *tally);

/* Makes a program that fails shorter, as far as it still fails, and prints what is left and how it fails. */
void sim_shrink(const struct sim_program *program);

#endif
