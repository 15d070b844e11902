// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * An event loop for engines whose I/O goes on another's ring: a thread with an io_uring that takes, submits and passes on.
 */
#ifndef WT_TEST_EXTERNAL_H
#define WT_TEST_EXTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "writethrough.h"

/* A backend of the tests beside WT_BACKEND_*. */
#define TEST_BACKEND_EXTERNAL 101u

struct test_loop;

/* wt_engine_open, or if options->backend is TEST_BACKEND_EXTERNAL an engine on a loop of its own, which ends with the engine. */
int test_engine_open(const struct wt_engine_options *options, wt_engine *engine);

/* A loop for an engine of wt_engine_open_external. NULL: the kernel refuses io_uring. */
struct test_loop *test_loop_start(wt_engine engine);
/* Runs a task on the loop's thread, and waits for its end. */
void test_loop_run(struct test_loop *loop, void (*task)(void *argument), void *argument);
/* The same without waiting. */
void test_loop_post(struct test_loop *loop, void (*task)(void *argument), void *argument);
/* What the loop's ring was given so far. */
uint64_t test_loop_transfers(struct test_loop *loop);
/* To be set before I/O: changes what the kernel gets, and what it answered. */
void test_loop_bend(struct test_loop *loop, void (*transfer)(struct wt_transfer *transfer),
                    void (*end)(struct wt_transfer_end *end));
/* On its thread: takes what there is and submits it, but no results. */
void test_loop_take(struct test_loop *loop);
/* Detaches, passes on what is left, and ends; or just ends if the engine is closed. */
void test_loop_stop(struct test_loop *loop);

#endif
