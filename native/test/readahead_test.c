// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Read-ahead: what is read before it is asked for, when it stops, and that nobody waits for it in vain. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, SIZE = 12 << 20, STEP = 64 << 10 };

static uint8_t bytes[SIZE];
static uint8_t found[SIZE];

/* A disk with a file of SIZE bytes, and a cold cache. */
static wt_file cold_file(struct core *core, const struct sim_options *sim, uint64_t cache_bytes) {
    return core_cold_file(core, sim, cache_bytes, bytes, SIZE);
}

static void read_and_check(wt_file file, uint64_t offset, size_t length) {
    CHECK_EQ(read_at(file, offset, found, length), length);
    CHECK_BYTES(found, bytes + offset, length);
}

TEST(sequential_reads_are_read_ahead_in_windows_that_double_and_nothing_is_read_twice) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 64 << 20);
    for (uint64_t at = 0; at < SIZE; at += STEP) {
        read_and_check(file, at, STEP);
    }
    uint64_t largest = 0;
    for (size_t i = 0; i < sim_count(core.sim, SIM_READ); i++) {
        struct sim_record record = sim_record(core.sim, SIM_READ, i);
        CHECK(record.length <= largest * 2 || record.length <= 128 << 10);
        CHECK(record.length <= 2 << 20);
        largest = record.length > largest ? record.length : largest;
    }
    CHECK_EQ(largest, 2 << 20);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), SIZE);
    CHECK(sim_count(core.sim, SIM_READ) < 20);
    core_close(&core);
}

TEST(a_window_is_under_way_while_the_one_before_it_is_read) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 64 << 20);
    for (uint64_t at = 0; at < 4 << 20; at += STEP) {
        read_and_check(file, at, STEP);
    }
    uint64_t asked_end = 0;
    for (size_t i = 0; i < sim_count(core.sim, SIM_READ); i++) {
        struct sim_record record = sim_record(core.sim, SIM_READ, i);
        asked_end = record.offset + record.length > asked_end ? record.offset + record.length : asked_end;
    }
    CHECK(asked_end >= 6 << 20);
    while (sim_pump_one(core.sim)) {
    }
    sim_clear_log(core.sim);
    read_and_check(file, 4 << 20, STEP);
    CHECK(sim_count(core.sim, SIM_READ) == 0 || sim_record(core.sim, SIM_READ, 0).offset >= 6 << 20);
    core_close(&core);
}

TEST(what_was_read_ahead_is_not_evicted_before_it_is_read) {
    static const size_t lengths[] = {512, BLOCK, 3 * BLOCK, STEP};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        CONTEXT("reads of %zu bytes", lengths[i]);
        struct core core;
        wt_file file = cold_file(&core, NULL, 2 << 20);
        for (uint64_t at = 0; at + lengths[i] <= SIZE; at += lengths[i]) {
            read_and_check(file, at, lengths[i]);
        }
        CHECK_EQ(sim_bytes(core.sim, SIM_READ), SIZE);
        core_close(&core);
    }
}

TEST(random_reads_are_not_read_ahead) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 64 << 20);
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t at = i * 37 % 101 * 25 * BLOCK;
        read_and_check(file, at, BLOCK);
    }
    CHECK_EQ(sim_count(core.sim, SIM_READ), 100);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 100 * BLOCK);
    core_close(&core);
}

TEST(read_ahead_stops_when_reads_go_elsewhere_and_begins_small_again) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 64 << 20);
    for (uint64_t at = 0; at < 2 << 20; at += STEP) {
        read_and_check(file, at, STEP);
    }
    while (sim_pump_one(core.sim)) {
    }
    sim_clear_log(core.sim);
    read_and_check(file, 8 << 20, BLOCK);
    read_and_check(file, 11 << 20, BLOCK);
    read_and_check(file, 10 << 20, BLOCK);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 3 * BLOCK);
    read_and_check(file, (10 << 20) + BLOCK, BLOCK);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 4 * BLOCK + (128 << 10));
    core_close(&core);
}

TEST(random_hits_after_sequential_reads_send_for_nothing) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 64 << 20);
    read_and_check(file, 10 << 20, BLOCK);
    read_and_check(file, 0, STEP);
    read_and_check(file, STEP, STEP);
    while (sim_pump_one(core.sim)) {
    }
    sim_clear_log(core.sim);
    read_and_check(file, 10 << 20, BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    core_close(&core);
}

TEST(sequential_reads_work_with_every_size_of_cache) {
    for (uint64_t cache = 128 << 10; cache <= 8 << 20; cache *= 2) {
        struct core core;
        CONTEXT("cache of %llu", (unsigned long long)cache);
        wt_file file = cold_file(&core, &(struct sim_options){.block_bytes = cache % 3 == 0 ? 512 : 4096}, cache);
        for (uint64_t at = 0; at + 5000 <= SIZE; at += 5000) {
            read_and_check(file, at, 5000);
        }
        CHECK(core_stats(&core).cached_bytes <= cache);
        core_close(&core);
    }
}

TEST(a_read_ahead_that_fails_is_told_only_to_who_wants_its_bytes) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 64 << 20);
    sim_fail(core.sim,
             &(struct sim_fault){.ops = SIM_READ, .offset = 3 * STEP, .length = BLOCK, .count = 2, .error = -EIO});
    read_and_check(file, 0, STEP);
    read_and_check(file, STEP, STEP); /* sends for the failing block */
    while (sim_pump_one(core.sim)) {
    }
    CHECK_EQ(sim_failures(core.sim), 1);
    read_and_check(file, 2 * STEP, STEP);
    CHECK_EQ(read_at(file, 3 * STEP, found, STEP), -EIO);
    read_and_check(file, 3 * STEP, STEP);
    core_close(&core);
}

/* ---- others at the same time ---- */

struct reader {
    wt_file file;
    uint64_t seed;
    pthread_t thread;
};

static void *read_through(void *argument) {
    struct reader *reader = argument;
    struct test_random random = test_random_of(reader->seed);
    uint8_t *into = malloc(STEP);
    CHECK(into != NULL);
    uint64_t at = 0;
    for (unsigned i = 0; i < 600; i++) {
        size_t length = 1 + (size_t)test_random_below(&random, STEP);
        at = test_random_one_in(&random, 40) ? test_random_below(&random, SIZE - STEP) : at;
        at = at + length > SIZE ? 0 : at;
        CHECK_EQ(read_at(reader->file, at, into, length), length);
        CHECK_BYTES(into, bytes + at, length);
        at += length;
    }
    free(into);
    return NULL;
}

static void *rewrite(void *argument) {
    struct reader *writer = argument;
    struct test_random random = test_random_of(writer->seed);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t at = test_random_below(&random, SIZE - 20000);
        size_t length = 1 + (size_t)test_random_below(&random, 20000);
        CHECK_EQ(write_at(writer->file, at, bytes + at, length), length); /* the same bytes */
        if (i % 20 == 0) {
            CHECK_OK(wt_truncate(writer->file, SIZE));
        }
    }
    return NULL;
}

TEST(readers_that_share_a_handle_and_writers_see_what_they_must) {
    for (uint64_t cache = 1 << 20; cache <= 4 << 20; cache *= 4) {
        struct core core;
        struct reader all[4];
        wt_file file = cold_file(
            &core, &(struct sim_options){.seed = test_seed() + cache, .threaded = true, .shuffle = true}, cache);
        for (unsigned i = 0; i < 4; i++) {
            all[i] = (struct reader){.file = file, .seed = i};
            all[i].thread = test_thread(i == 3 ? rewrite : read_through, &all[i]);
        }
        for (unsigned i = 0; i < 4; i++) {
            test_join(all[i].thread);
        }
        core_close(&core);
    }
}
