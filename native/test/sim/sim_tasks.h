// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Tasks: threads of which only one runs at a time. Which one, is decided by a seed whenever one waits, takes a lock or wakes
 * another, and time is a number that grows as they run: so that callers of the engine interleave in every way, and a seed
 * repeats it exactly. A program links with wt_sim_tasks, which puts this in place of the calls of pthread, semaphores and
 * clock that the core makes; threads that are no tasks get the real ones.
 *
 * If no task can run and none sleeps, the test fails: it hangs, and the message says who waits for what.
 */
#ifndef WT_SIM_TASKS_H
#define WT_SIM_TASKS_H

#include "sim_disk.h"

/* How a disk waits with them. */
extern const struct sim_tasks_ops sim_tasks;

/* Adds a task, before sim_tasks_run. The name must outlive it. */
void sim_tasks_add(const char *name, void (*body)(void *), void *argument);
/* Runs all of them to their ends. */
void sim_tasks_run(uint64_t seed);
/* Lets others run. */
void sim_task_yield(void);

#endif
