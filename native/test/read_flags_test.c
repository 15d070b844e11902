// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The flags of reads: what they leave in the cache, what they read ahead, and when they wait. */
#include <errno.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, SIZE = 4 << 20 };

static uint8_t bytes[SIZE];
static uint8_t found[SIZE];

/* A disk with a file of `size` bytes, and a cold cache. */
static wt_file cold_file(struct core *core, const struct sim_options *sim, uint64_t cache_bytes, size_t size) {
    return core_cold_file(core, sim, cache_bytes, bytes, size);
}

static int64_t read_as(wt_file file, uint64_t offset, size_t length, uint32_t flags) {
    struct iovec iov = {found, length};
    return wt_read_with(file, &iov, 1, offset, flags);
}

static void read_and_check(wt_file file, uint64_t offset, size_t length, uint32_t flags) {
    CHECK_EQ(read_as(file, offset, length, flags), length);
    CHECK_BYTES(found, bytes + offset, length);
}

TEST(what_a_read_brings_in_leaves_with_it_and_what_was_cached_stays) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0, SIZE);
    read_and_check(file, 10 * BLOCK, BLOCK, 0);
    read_and_check(file, 8 * BLOCK + 5, 4 * BLOCK, WT_READ_DONTCACHE);
    CHECK_EQ(core_stats(&core).cached_bytes, BLOCK);
    sim_clear_log(core.sim);
    read_and_check(file, 10 * BLOCK, BLOCK, WT_READ_DONTCACHE);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    CHECK_EQ(core_stats(&core).cached_bytes, BLOCK);
    read_and_check(file, 8 * BLOCK, BLOCK, 0);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    core_close(&core);
}

TEST(what_was_prefetched_leaves_with_the_first_read_that_says_so) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0, SIZE);
    CHECK_OK(wt_prefetch(file, 0, 8 * BLOCK));
    core_pump_all(&core);
    read_and_check(file, 6 * BLOCK, BLOCK, 0); /* from now on it is as any other */
    sim_clear_log(core.sim);
    read_and_check(file, 0, 8 * BLOCK, WT_READ_DONTCACHE);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    CHECK_EQ(core_stats(&core).cached_bytes, BLOCK);
    core_close(&core);
}

TEST(bytes_that_are_being_written_stay_under_a_read_that_leaves_nothing) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0, SIZE);
    CHECK_OK(wt_prefetch(file, 0, 4 * BLOCK));
    core_pump_all(&core);
    struct iovec iov = {bytes + 100, 50};
    CHECK_OK(wt_write_submit(file, &iov, 1, BLOCK, WT_DURABILITY_DSYNC, 0, 1));
    memcpy(bytes + BLOCK, bytes + 100, 50);
    read_and_check(file, 0, 4 * BLOCK, WT_READ_DONTCACHE);
    core_pump_all(&core);
    read_and_check(file, 0, 4 * BLOCK, 0);
    core_close(&core);
}

TEST(a_scan_is_read_ahead_from_its_first_read_on_and_leaves_nothing_behind) {
    static const size_t lengths[] = {700, BLOCK, 5000, 64 << 10, 1 << 20};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (uint32_t block = 512; block <= BLOCK; block *= 8) {
            CONTEXT("reads of %zu bytes, blocks of %u", lengths[i], block);
            struct core core;
            wt_file file = cold_file(&core, &(struct sim_options){.block_bytes = block}, 16 << 20, SIZE - 1000);
            read_and_check(file, 0, lengths[i], WT_READ_SEQUENTIAL);
            CHECK(sim_record(core.sim, SIM_READ, 0).submitted);
            CHECK(sim_bytes(core.sim, SIM_READ) >= lengths[i] + (128 << 10) - BLOCK);
            for (uint64_t at = lengths[i]; at < SIZE - 1000; at += lengths[i]) {
                size_t left = SIZE - 1000 - (size_t)at;
                read_and_check(file, at, lengths[i] < left ? lengths[i] : left, WT_READ_SEQUENTIAL);
                CHECK(core_stats(&core).cached_bytes <= (5 << 20));
            }
            core_pump_all(&core);
            CHECK_EQ(core_stats(&core).cached_bytes, 0);
            CHECK(sim_bytes(core.sim, SIM_READ) <= SIZE);
            core_close(&core);
        }
    }
}

TEST(a_read_that_may_not_wait_takes_what_is_cached_and_reads_nothing) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0, 6 * BLOCK + 100);
    CHECK_EQ(read_as(file, 0, 10, WT_READ_NOWAIT), -EAGAIN);
    read_and_check(file, BLOCK, 2 * BLOCK, 0);
    read_and_check(file, 5 * BLOCK, BLOCK + 100, 0);
    sim_clear_log(core.sim);
    CHECK_EQ(read_as(file, BLOCK + 10, 5 * BLOCK, WT_READ_NOWAIT), 2 * BLOCK - 10);
    CHECK_BYTES(found, bytes + BLOCK + 10, 2 * BLOCK - 10);
    CHECK_EQ(read_as(file, 3 * BLOCK, BLOCK, WT_READ_NOWAIT), -EAGAIN);
    CHECK_EQ(read_as(file, 5 * BLOCK, 4 * BLOCK, WT_READ_NOWAIT), BLOCK + 100);
    CHECK_EQ(read_as(file, 7 * BLOCK, BLOCK, WT_READ_NOWAIT), 0);
    CHECK_EQ(read_as(file, 3 * BLOCK, 0, WT_READ_NOWAIT), 0);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    CHECK_OK(wt_prefetch(file, 3 * BLOCK, BLOCK)); /* on its way is not there */
    CHECK_EQ(read_as(file, 3 * BLOCK, BLOCK, WT_READ_NOWAIT), -EAGAIN);
    CHECK_EQ(sim_in_flight(core.sim), 1);
    core_close(&core);
}

TEST(the_io_of_an_urgent_read_has_high_priority) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0, SIZE);
    read_and_check(file, 0, BLOCK, WT_READ_HIGH_PRIORITY);
    read_and_check(file, 9 * BLOCK, BLOCK, 0);
    CHECK(sim_record(core.sim, SIM_READ, 0).high_priority);
    CHECK(!sim_record(core.sim, SIM_READ, 1).high_priority);
    core_close(&core);
}

TEST(a_read_with_a_flag_that_is_not_known_is_refused) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0, SIZE);
    CHECK_EQ(read_as(file, 0, BLOCK, 16), -EINVAL);
    CHECK_EQ(read_as(file, 0, BLOCK, UINT32_C(1) << 31), -EINVAL);
    CHECK_EQ(read_as(file + 1000, 0, BLOCK, WT_READ_NOWAIT), -EBADF);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    core_close(&core);
}

/* ---- among others ---- */

static void *read_in_all_ways(void *argument) {
    struct test_random random = test_random_of(3);
    wt_file file = *(wt_file *)argument;
    uint8_t into[20000];
    for (unsigned i = 0; i < 1500; i++) {
        size_t length = 1 + (size_t)test_random_below(&random, sizeof into);
        struct iovec iov = {into, length};
        uint64_t at = test_random_below(&random, SIZE - length);
        uint32_t flags = (uint32_t)test_random_below(&random, 16);
        int64_t read = wt_read_with(file, &iov, 1, at, flags);
        CHECK(read == (int64_t)length || (flags & WT_READ_NOWAIT && (read > 0 || read == -EAGAIN)));
        for (int64_t j = 0; j < read; j++) {
            CHECK_EQ(into[j] & 0x80, bytes[at + (uint64_t)j] & 0x80);
        }
    }
    return NULL;
}

TEST(reads_in_all_ways_among_writes_see_what_they_must) {
    struct core core;
    wt_file file = cold_file(&core, &(struct sim_options){.seed = test_seed(), .threaded = true, .shuffle = true},
                             512 << 10, SIZE);
    pthread_t readers[2];
    for (unsigned i = 0; i < 2; i++) {
        readers[i] = test_thread(read_in_all_ways, &file);
    }
    struct test_random random = test_random_of(test_seed());
    static uint8_t changed[30000];
    for (unsigned i = 0; i < 700; i++) { /* the highest bit of each byte stays */
        size_t length = 1 + (size_t)test_random_below(&random, sizeof changed);
        uint64_t at = test_random_below(&random, SIZE - length);
        for (size_t j = 0; j < length; j++) {
            changed[j] = (bytes[at + j] & 0x80) | (uint8_t)(i & 0x7f);
        }
        CHECK_EQ(write_at(file, at, changed, length), length);
        CHECK_EQ(read_at(file, at, found, length), length);
        CHECK_BYTES(found, changed, length);
    }
    for (unsigned i = 0; i < 2; i++) {
        test_join(readers[i]);
    }
    core_close(&core);
}
