// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Prefetching: which I/O it makes, when it makes none, and that it waits for nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/engine.h"
#include "core.h"

enum { BLOCK = 4096, BLOCKS = 1024, SIZE = BLOCKS * BLOCK };

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

static void check_io(const struct core *core, size_t index, uint64_t first_block, uint64_t blocks) {
    struct sim_record record = sim_record(core->sim, SIM_READ, index);
    CHECK_EQ(record.offset, first_block * BLOCK);
    CHECK_EQ(record.length, blocks * BLOCK);
    CHECK(record.submitted);
}

TEST(what_was_prefetched_is_read_without_io) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0);
    CHECK_OK(wt_prefetch(file, 3 * BLOCK + 100, 10 * BLOCK));
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    check_io(&core, 0, 3, 11);
    CHECK_EQ(sim_in_flight(core.sim), 1);
    core_pump_all(&core);
    read_and_check(file, 3 * BLOCK, 11 * BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    CHECK_EQ(core_stats(&core).read_misses, 0);
    core_close(&core);
}

TEST(a_read_of_what_is_on_its_way_waits_for_it_and_reads_nothing_twice) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0);
    CHECK_OK(wt_prefetch(file, 0, 100 * BLOCK));
    CHECK_OK(wt_prefetch(file, 10 * BLOCK, 20 * BLOCK));
    CHECK_OK(wt_prefetch(file, 90 * BLOCK, 20 * BLOCK));
    read_and_check(file, 0, 110 * BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 2);
    check_io(&core, 1, 100, 10);
    core_close(&core);
}

TEST(only_what_is_missing_is_prefetched) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0);
    read_and_check(file, 70 * BLOCK, BLOCK);
    read_and_check(file, 4 * BLOCK, 2 * BLOCK);
    sim_clear_log(core.sim);
    CHECK_OK(wt_prefetch(file, 0, 100 * BLOCK));
    CHECK_EQ(sim_count(core.sim, SIM_READ), 3);
    check_io(&core, 0, 0, 4);
    check_io(&core, 1, 6, 64);
    check_io(&core, 2, 71, 29);
    core_pump_all(&core);
    sim_clear_log(core.sim);
    CHECK_OK(wt_prefetch(file, 0, 100 * BLOCK));
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    read_and_check(file, 0, 100 * BLOCK);
    core_close(&core);
}

TEST(prefetching_ends_at_the_end_of_the_file) {
    struct core core = core_open(NULL, NULL);
    sim_put(core.sim, "file", bytes, 5 * BLOCK + 100);
    wt_file file = core_file(&core, "file");
    sim_clear_log(core.sim);
    CHECK_OK(wt_prefetch(file, 2 * BLOCK, INT64_MAX));
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    check_io(&core, 0, 2, 4);
    CHECK_OK(wt_prefetch(file, 6 * BLOCK, BLOCK));
    CHECK_OK(wt_prefetch(file, INT64_MAX, 1));
    CHECK_OK(wt_prefetch(file, 0, 0));
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    const struct wt_prefetch_range ranges[] = {{.offset = 5 * BLOCK, .length = SIZE}, {.offset = 0, .length = BLOCK}};
    CHECK_OK(wt_prefetch_ranges(file, ranges, 2));
    CHECK_EQ(sim_count(core.sim, SIM_READ), 2);
    check_io(&core, 1, 0, 1);
    core_pump_all(&core);
    read_and_check(file, 2 * BLOCK, 3 * BLOCK + 100);
    core_close(&core);
}

/* ---- ranges ---- */

static struct wt_backend_ops counting_ops;
static void (*submit_uncounted)(struct wt_backend *backend, struct wt_io *list);
static unsigned submissions;

static void submit_counted(struct wt_backend *backend, struct wt_io *list) {
    submissions++;
    submit_uncounted(backend, list);
}

TEST(ranges_leave_in_one_submission_and_neighbours_in_one_io) {
    struct core core = {.sim = sim_new(&(struct sim_options){0})};
    struct wt_backend *backend = sim_attach(core.sim);
    counting_ops = *backend->ops;
    submit_uncounted = counting_ops.submit;
    counting_ops.submit = submit_counted;
    backend->ops = &counting_ops;
    CHECK_OK(wt_engine_open_on(NULL, backend, &core.engine));
    struct test_random random = test_random_of(1);
    test_random_bytes(&random, bytes, SIZE);
    sim_put(core.sim, "file", bytes, SIZE);
    wt_file file = core_file(&core, "file");
    sim_clear_log(core.sim);
    submissions = 0;
    const struct wt_prefetch_range ranges[] = {
        {.offset = 10 * BLOCK, .length = 2 * BLOCK},
        {.offset = 12 * BLOCK, .length = 100},
        {.offset = 12 * BLOCK + 200, .length = BLOCK - 200},
        {.offset = 13 * BLOCK + 9, .length = BLOCK - 9},
        {.offset = 50 * BLOCK + 1, .length = 1},
        {.offset = 30 * BLOCK, .length = BLOCK},
        {.offset = 30 * BLOCK, .length = 3 * BLOCK},
        {.offset = 31 * BLOCK, .length = BLOCK},
    };
    CHECK_OK(wt_prefetch_ranges(file, ranges, sizeof ranges / sizeof *ranges));
    CHECK_EQ(submissions, 1);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 3);
    check_io(&core, 0, 10, 4);
    check_io(&core, 1, 50, 1);
    check_io(&core, 2, 30, 3);
    core_pump_all(&core);
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        read_and_check(file, ranges[i].offset, (size_t)ranges[i].length);
    }
    CHECK_EQ(sim_count(core.sim, SIM_READ), 3);
    core_close(&core);
}

/* ---- bounds ---- */

TEST(a_call_reads_at_most_a_quarter_of_the_cache_and_all_have_no_more_in_flight) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 1 << 20);
    CHECK_OK(wt_prefetch(file, 0, SIZE));
    uint64_t in_flight = sim_bytes(core.sim, SIM_READ);
    CHECK(in_flight > 0 && in_flight <= 256 << 10);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_OK(wt_prefetch(file, (900 + i) * BLOCK, BLOCK));
    }
    CHECK(sim_bytes(core.sim, SIM_READ) <= 256 << 10);
    core_pump_all(&core);
    sim_clear_log(core.sim);
    CHECK_OK(wt_prefetch(file, 512 * BLOCK, 20 * BLOCK));
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 20 * BLOCK);
    core_close(&core);
}

TEST(prefetching_waits_for_no_memory) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 128 << 10);
    struct iovec iov = {bytes, 4 * BLOCK};
    unsigned begun = 0;
    while (wt_write_submit(file, &iov, 1, begun * 4 * BLOCK, WT_DURABILITY_DEVICE, WT_NOWAIT, begun) == 0) {
        begun++;
    }
    CHECK(begun > 0);
    size_t in_flight = sim_in_flight(core.sim);
    sim_clear_log(core.sim);
    CHECK_OK(wt_prefetch(file, 512 * BLOCK, 8 * BLOCK));
    CHECK_EQ(sim_in_flight(core.sim), in_flight);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    core_pump_all(&core);
    CHECK_OK(wt_prefetch(file, 512 * BLOCK, 8 * BLOCK));
    CHECK_EQ(sim_count(core.sim, SIM_READ), 2); /* of half as much each, as the cache is small */
    core_close(&core);
}

static void *truncate_thread(void *argument) {
    CHECK_OK(wt_truncate(*(wt_file *)argument, SIZE / 2));
    return NULL;
}

TEST(prefetching_waits_for_no_truncation_which_waits_for_it) {
    struct core core;
    wt_file file = cold_file(&core, &(struct sim_options){.threaded = true}, 0);
    sim_hold(core.sim);
    CHECK_OK(wt_prefetch(file, SIZE / 2 - BLOCK, 2 * BLOCK));
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    pthread_t truncating = test_thread(truncate_thread, &file);
    let_others_run();
    CHECK_EQ(sim_count(core.sim, SIM_TRUNCATE), 0);
    CHECK_OK(wt_prefetch(file, 0, BLOCK));
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    sim_release_all(core.sim);
    test_join(truncating);
    CHECK_EQ(read_at(file, SIZE / 2 - BLOCK, found, 2 * BLOCK), BLOCK);
    CHECK_BYTES(found, bytes + SIZE / 2 - BLOCK, BLOCK);
    core_close(&core);
}

TEST(a_file_may_be_closed_while_bytes_are_on_their_way) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0);
    CHECK_OK(wt_prefetch(file, 0, 16 * BLOCK));
    CHECK_EQ(sim_in_flight(core.sim), 1);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(sim_in_flight(core.sim), 0);
    CHECK_EQ(wt_prefetch(file, 0, BLOCK), -EBADF);
    core_close(&core);
}

TEST(a_prefetch_that_fails_is_told_to_nobody) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .offset = BLOCK, .length = 1, .count = 2, .error = -EIO});
    CHECK_OK(wt_prefetch(file, 0, 4 * BLOCK));
    core_pump_all(&core);
    CHECK_EQ(sim_failures(core.sim), 1);
    CHECK_EQ(read_at(file, 0, found, 4 * BLOCK), -EIO);
    read_and_check(file, 0, 4 * BLOCK);
    core_close(&core);
}

TEST(nothing_is_prefetched_where_the_kernel_has_the_cache) {
    struct core core;
    wt_file file = cold_file(&core, &(struct sim_options){.buffered = true}, 0);
    CHECK_OK(wt_prefetch(file, 0, SIZE));
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    core_close(&core);
}

TEST(bad_arguments_of_a_prefetch_are_told_and_read_nothing) {
    struct core core;
    wt_file file = cold_file(&core, NULL, 0);
    wt_file unreadable = 0;
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_WRITE, 0, WT_DURABILITY_DSYNC, &unreadable));
    sim_clear_log(core.sim);
    const struct wt_prefetch_range ranges[] = {{0, BLOCK}, {(uint64_t)INT64_MAX + 1, 1}};
    CHECK_EQ(wt_prefetch_ranges(file, ranges, 2), -EINVAL);
    CHECK_EQ(wt_prefetch_ranges(file, ranges, -1), -EINVAL);
    CHECK_EQ(wt_prefetch_ranges(file, NULL, 1), -EINVAL);
    CHECK_EQ(wt_prefetch(file, 0, UINT64_MAX), -EINVAL);
    CHECK_EQ(wt_prefetch(unreadable, 0, BLOCK), -EBADF);
    CHECK_EQ(wt_prefetch(file + 1000, 0, BLOCK), -EBADF);
    CHECK_OK(wt_prefetch_ranges(file, NULL, 0));
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    core_close(&core);
}

/* ---- among others ---- */

static void *prefetch_at_random(void *argument) {
    struct test_random random = test_random_of(2);
    wt_file file = *(wt_file *)argument;
    for (unsigned i = 0; i < 2000; i++) {
        struct wt_prefetch_range ranges[4];
        for (unsigned j = 0; j < 4; j++) {
            ranges[j] = (struct wt_prefetch_range){test_random_below(&random, SIZE), test_random_below(&random, 90000)};
        }
        CHECK_OK(wt_prefetch_ranges(file, ranges, 4));
    }
    return NULL;
}

TEST(prefetching_among_reads_writes_and_truncations_changes_no_byte) {
    struct core core;
    wt_file file =
        cold_file(&core, &(struct sim_options){.seed = test_seed(), .threaded = true, .shuffle = true}, 512 << 10);
    pthread_t prefetching = test_thread(prefetch_at_random, &file);
    struct test_random random = test_random_of(test_seed());
    for (unsigned i = 0; i < 1500; i++) {
        size_t length = 1 + (size_t)test_random_below(&random, 30000);
        uint64_t at = test_random_below(&random, SIZE - length);
        read_and_check(file, at, length);
        test_random_bytes(&random, bytes + at, length);
        CHECK_EQ(write_at(file, at, bytes + at, length), length);
        if (i % 50 == 0) {
            CHECK_OK(wt_truncate(file, SIZE - 20000));
            memset(bytes + SIZE - 20000, 0, 20000);
            CHECK_OK(wt_truncate(file, SIZE));
        }
    }
    test_join(prefetching);
    read_and_check(file, 0, SIZE);
    core_close(&core);
}
