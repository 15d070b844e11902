// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Punched holes and zeroed ranges: what reads as zeros, what keeps its bytes, and when. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, ROOM = 3 << 20 };

static uint8_t bytes[ROOM];

typedef int (*deallocate_fn)(wt_file file, uint64_t offset, uint64_t length);
static const deallocate_fn kinds[] = {wt_punch_hole, wt_zero};

/* Bytes none of which is zero, made once. */
TEST_UNWATCHED static const uint8_t *filling(void) {
    static uint8_t filling[ROOM];
    if (filling[0] == 0) {
        struct test_random random = test_random_of(3);
        test_random_bytes(&random, filling, ROOM);
        for (size_t i = 0; i < ROOM; i++) {
            filling[i] |= 1;
        }
    }
    return filling;
}

static struct model fill(wt_file file, uint64_t size) {
    struct model model = model_new(ROOM);
    CHECK_EQ(write_at(file, 0, filling(), (size_t)size), size);
    model_write(&model, 0, filling(), (size_t)size);
    return model;
}

static void zero_ranges_on(const struct sim_options *options) {
    static const uint64_t edges[] = {0,     1,      511,    512,    4000,   4096,   4097,   8192,   10000,
                                     40960, 262143, 262144, 300000, 400000, 400001, 600000, 1 << 30};
    enum { EDGES = sizeof edges / sizeof edges[0] };
    const uint64_t sizes[] = {400000, 2 * BLOCK};
    for (unsigned kind = 0; kind < 2; kind++) {
        for (unsigned s = 0; s < 2; s++) {
            struct core core = core_open(options, NULL);
            wt_file file = core_file(&core, "file");
            for (unsigned from = 0; from < EDGES; from++) {
                for (unsigned to = from; to < EDGES; to += (unsigned)test_step()) {
                    uint64_t offset = edges[from];
                    uint64_t length = edges[to] - offset;
                    CONTEXT("kind %u, block %u, size %llu: %llu+%llu", kind, options->block_bytes,
                            (unsigned long long)sizes[s], (unsigned long long)offset, (unsigned long long)length);
                    struct model model = fill(file, sizes[s]);
                    CHECK_OK(kinds[kind](file, offset, length));
                    model_zero(&model, offset, length);
                    check_file(&core, file, "file", &model);
                    CHECK_EQ(sim_largest_size(core.sim, "file"), sizes[s]);
                    model_free(&model);
                }
            }
            core_close(&core);
        }
    }
}

TEST(a_range_reads_as_zeros_durably_and_its_neighbours_keep_their_bytes) {
    zero_ranges_on(&(struct sim_options){.block_bytes = 4096});
    zero_ranges_on(&(struct sim_options){.block_bytes = 512});
    zero_ranges_on(&(struct sim_options){.block_bytes = 1024, .logical_block_bytes = 512});
}

TEST(a_range_reads_as_zeros_where_there_are_no_holes_to_punch) {
    zero_ranges_on(&(struct sim_options){.block_bytes = 4096, .no_deallocate = true});
    zero_ranges_on(&(struct sim_options){.block_bytes = 512, .no_deallocate = true});
}

TEST(a_range_reads_as_zeros_without_direct_io) {
    zero_ranges_on(&(struct sim_options){.block_bytes = 4096, .buffered = true});
    zero_ranges_on(&(struct sim_options){.block_bytes = 4096, .buffered = true, .no_deallocate = true});
}

TEST(whole_blocks_become_holes_or_keep_their_space) {
    for (unsigned kind = 0; kind < 2; kind++) {
        struct core core = core_open(NULL, NULL);
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 10 * BLOCK + 7);
        CHECK_OK(kinds[kind](file, 2 * BLOCK - 1, 3 * BLOCK));
        CHECK_OK(kinds[kind](file, 9 * BLOCK, 5 * BLOCK));
        enum sim_state expected = kind == 0 ? SIM_HOLE : SIM_UNWRITTEN;
        for (unsigned block = 0; block < 11; block++) {
            CONTEXT("kind %u, block %u", kind, block);
            bool whole = block == 2 || block == 3 || block >= 9;
            CHECK_EQ(sim_state_at(core.sim, "file", block * BLOCK), whole ? expected : SIM_WRITTEN);
        }
        core_close(&core);
    }
}

TEST(a_hole_stays_a_hole_when_a_part_of_it_is_punched) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, 10 * BLOCK));
    CHECK_OK(wt_punch_hole(file, 100, BLOCK));
    CHECK_OK(wt_zero(file, 5 * BLOCK + 1, 1));
    CHECK_EQ(sim_state_at(core.sim, "file", 0), SIM_HOLE);
    CHECK_EQ(sim_state_at(core.sim, "file", 5 * BLOCK), SIM_HOLE);
    core_close(&core);
}

TEST(a_large_hole_is_one_operation_on_the_disk) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    CHECK_OK(wt_truncate(file, UINT64_C(1) << 25));
    sim_clear_log(core.sim);
    CHECK_OK(wt_punch_hole(file, 0, INT64_MAX));
    CHECK_EQ(sim_count(core.sim, SIM_DEALLOCATE), 1);
    CHECK_EQ(sim_count(core.sim, SIM_READ | SIM_WRITE), 0);
    CHECK_EQ(byte_of(file, 0), 0);
    CHECK_EQ(wt_size(file), INT64_C(1) << 25);
    core_close(&core);
}

TEST(bad_arguments_are_refused) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    wt_file reader = 0;
    fill_at(file, 0, 1, 100);
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &reader));
    for (unsigned kind = 0; kind < 2; kind++) {
        CHECK_EQ(kinds[kind](file, UINT64_MAX, 1), -EINVAL);
        CHECK_EQ(kinds[kind](file, 0, UINT64_MAX), -EINVAL);
        CHECK_EQ(kinds[kind](reader, 0, 1), -EBADF);
        CHECK_EQ(kinds[kind](file + 1000, 0, 1), -EBADF);
        CHECK_OK(kinds[kind](file, 100, INT64_MAX));
        CHECK_OK(kinds[kind](file, 50, 0));
    }
    check_filled(file, 0, 1, 100);
    core_close(&core);
}

/* ---- others at the same time ---- */

struct puncher {
    wt_file file;
    deallocate_fn deallocate;
    atomic_bool done;
    pthread_t thread;
};

static void *punch(void *argument) {
    struct puncher *puncher = argument;
    CHECK_OK(puncher->deallocate(puncher->file, 0, 10 * BLOCK));
    atomic_store(&puncher->done, true);
    return NULL;
}

TEST(invariant_7_a_range_waits_for_the_io_in_flight_and_nothing_comes_back) {
    for (unsigned kind = 0; kind < 2; kind++) {
        struct core core = core_open(&(struct sim_options){.threaded = true}, NULL);
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 20 * BLOCK);
        sim_hold(core.sim);
        memset(bytes, 2, 4 * BLOCK);
        struct iovec iov = {bytes, 4 * BLOCK};
        CHECK_OK(wt_write_submit(file, &iov, 1, BLOCK, WT_DURABILITY_FILE, 0, 1));
        CHECK_OK(wt_write_submit(file, &iov, 1, 2 * BLOCK, WT_DURABILITY_FILE, 0, 2)); /* waits for the first */
        struct puncher puncher = {.file = file, .deallocate = kinds[kind]};
        puncher.thread = test_thread(punch, &puncher);
        let_others_run();
        CHECK(!atomic_load(&puncher.done));
        check_filled(file, 12 * BLOCK, 1, BLOCK); /* what is cached is read meanwhile */
        sim_release_all(core.sim);
        test_join(puncher.thread);
        check_filled(file, 0, 0, 10 * BLOCK);
        check_filled(file, 10 * BLOCK, 1, 10 * BLOCK);
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

/* ---- failures ---- */

TEST(every_step_may_fail_and_the_neighbours_keep_their_bytes) {
    for (unsigned variant = 0; variant < 4; variant++) {
        bool failed = true;
        for (uint64_t step = 0; failed; step++) {
            struct core core = core_open(&(struct sim_options){.no_deallocate = variant >= 2}, NULL);
            wt_file file = core_file(&core, "file");
            struct model model = fill(file, 40 * BLOCK + 7);
            CONTEXT("variant %u, failing step %llu", variant, (unsigned long long)step);
            sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ | SIM_WRITE | SIM_DEALLOCATE | SIM_SYNC,
                                                   .skip = step,
                                                   .count = 1,
                                                   .error = -EIO});
            int result = kinds[variant % 2](file, BLOCK + 100, 30 * BLOCK);
            failed = sim_failures(core.sim) > 0;
            CHECK_EQ(result, failed ? -EIO : 0);
            sim_heal(core.sim);
            check_cache_is_disk(&core, file, "file");
            uint8_t *found = malloc(ROOM);
            CHECK(found != NULL);
            CHECK_EQ(read_at(file, 0, found, ROOM), 40 * BLOCK + 7);
            CHECK_BYTES(found, model.bytes, BLOCK + 100);
            CHECK_BYTES(found + 31 * BLOCK + 100, model.bytes + 31 * BLOCK + 100, 9 * BLOCK - 93);
            for (uint64_t at = BLOCK + 100; at < 31 * BLOCK + 100; at++) {
                CHECK(found[at] == 0 || found[at] == model.bytes[at]);
            }
            free(found);
            CHECK_OK(kinds[variant % 2](file, BLOCK + 100, 30 * BLOCK));
            model_zero(&model, BLOCK + 100, 30 * BLOCK);
            check_file(&core, file, "file", &model);
            model_free(&model);
            core_close(&core);
        }
    }
}
