// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Reads: what comes from the cache, what from the disk, and how little of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096 };

static uint8_t bytes[1 << 20];

static struct core core_with_file(struct model *model, uint64_t size) {
    struct core core = core_open(NULL, NULL);
    struct test_random random = test_random_of(1);
    test_random_bytes(&random, bytes, sizeof bytes);
    *model = model_new(sizeof bytes);
    model_write(model, 0, bytes, (size_t)size);
    sim_put(core.sim, "file", bytes, size);
    return core;
}

TEST(a_cached_read_needs_no_io) {
    struct model model;
    struct core core = core_with_file(&model, 64 * BLOCK);
    wt_file file = core_file(&core, "file");
    check_read(file, &model, 0, 64 * BLOCK);
    struct wt_engine_stats before = core_stats(&core);
    sim_clear_log(core.sim);
    check_read(file, &model, 0, 64 * BLOCK);
    check_read(file, &model, 3 * BLOCK + 5, 10 * BLOCK);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    struct wt_engine_stats after = core_stats(&core);
    CHECK_EQ(after.read_hits - before.read_hits, 2);
    CHECK_EQ(after.read_misses, before.read_misses);
    model_free(&model);
    core_close(&core);
}

TEST(written_bytes_are_read_from_the_cache) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 100, 1, 9 * BLOCK);
    sim_clear_log(core.sim);
    check_filled(file, 100, 1, 9 * BLOCK);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    core_close(&core);
}

TEST(a_read_of_missing_blocks_reads_only_those) {
    struct model model;
    struct core core = core_with_file(&model, 128 * BLOCK);
    wt_file file = core_file(&core, "file");
    check_read(file, &model, 10 * BLOCK, 10 * BLOCK);
    check_read(file, &model, 70 * BLOCK, BLOCK);
    sim_clear_log(core.sim);
    check_read(file, &model, 5 * BLOCK, 95 * BLOCK);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), (95 - 11) * BLOCK);
    for (size_t i = 0; i < sim_count(core.sim, SIM_READ); i++) {
        struct sim_record io = sim_record(core.sim, SIM_READ, i);
        CHECK(io.offset + io.length <= 10 * BLOCK || io.offset >= 20 * BLOCK);
        CHECK(io.offset + io.length <= 70 * BLOCK || io.offset >= 71 * BLOCK);
    }
    sim_clear_log(core.sim);
    check_read(file, &model, 5 * BLOCK, 95 * BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    model_free(&model);
    core_close(&core);
}

TEST(a_read_of_a_cold_range_is_few_ios) {
    struct model model;
    struct core core = core_with_file(&model, 256 * BLOCK);
    wt_file file = core_file(&core, "file");
    sim_clear_log(core.sim);
    check_read(file, &model, 0, 256 * BLOCK);
    CHECK(sim_count(core.sim, SIM_READ) <= 4);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 256 * BLOCK);
    model_free(&model);
    core_close(&core);
}

TEST(a_read_stops_at_the_end_of_the_file) {
    static const uint64_t sizes[] = {0, 1, 511, 512, 513, 4095, 4096, 4097, 8191, 100000};
    for (uint32_t block = 512; block <= BLOCK; block *= 8) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct core core = core_open(&(struct sim_options){.block_bytes = block}, NULL);
            struct model model = model_new(sizeof bytes);
            model_write(&model, 0, bytes, (size_t)sizes[i]);
            sim_put(core.sim, "file", bytes, sizes[i]);
            wt_file file = core_file(&core, "file");
            CONTEXT("size %llu, block %u", (unsigned long long)sizes[i], block);
            check_read(file, &model, sizes[i], 10);
            check_read(file, &model, sizes[i] + 10000, 10);
            check_read(file, &model, sizes[i] == 0 ? 0 : sizes[i] - 1, 10);
            check_read(file, &model, 0, (size_t)sizes[i] + 5000);
            check_read(file, &model, sizes[i] / 2, (size_t)sizes[i]);
            model_free(&model);
            core_close(&core);
        }
    }
}

TEST(holes_and_reserved_extents_read_as_zeros) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, 100 * BLOCK));
    fill_at(file, 50 * BLOCK, 1, BLOCK);
    core_reopen(&core);
    file = core_file(&core, "file");
    check_filled(file, 0, 0, 50 * BLOCK);
    check_filled(file, 50 * BLOCK, 1, BLOCK);
    check_filled(file, 51 * BLOCK, 0, 49 * BLOCK);
    core_close(&core);
}

TEST(a_read_only_handle_reads_and_shares_what_another_writes) {
    struct core core = core_open(NULL, NULL);
    wt_file writer = core_file(&core, "file");
    wt_file reader = 0;
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &reader));
    fill_at(writer, 0, 1, 10 * BLOCK);
    sim_clear_log(core.sim);
    check_filled(reader, 0, 1, 10 * BLOCK);
    CHECK_EQ(wt_size(reader), 10 * BLOCK);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    CHECK_EQ(core_stats(&core).open_files, 2);
    CHECK_EQ(core_stats(&core).open_inodes, 1);
    core_close(&core);
}

TEST(a_file_opened_for_reading_first_can_be_written_by_a_second_open) {
    struct core core = core_open(NULL, NULL);
    sim_put(core.sim, "file", bytes, 10 * BLOCK);
    wt_file reader = 0;
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &reader));
    check_filled(reader, 0, 0, BLOCK);
    wt_file writer = core_file(&core, "file");
    fill_at(writer, 100, 5, 3 * BLOCK);
    check_filled(reader, 100, 5, 3 * BLOCK);
    CHECK_OK(wt_file_close(writer));
    check_filled(reader, 100, 5, 3 * BLOCK);
    writer = core_file(&core, "file");
    fill_at(writer, 200, 6, 3 * BLOCK);
    CHECK_OK(wt_file_close(reader));
    check_filled(writer, 200, 6, 3 * BLOCK);
    core_close(&core);
}

TEST(two_opens_share_folios_until_the_last_closes) {
    struct model model;
    struct core core = core_with_file(&model, 20 * BLOCK);
    wt_file one = core_file(&core, "file");
    wt_file two = core_file(&core, "file");
    check_read(one, &model, 0, 20 * BLOCK);
    CHECK_OK(wt_file_close(one));
    sim_clear_log(core.sim);
    check_read(two, &model, 0, 20 * BLOCK);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    CHECK(core_stats(&core).cached_bytes >= 20 * BLOCK);
    CHECK_OK(wt_file_close(two));
    CHECK_EQ(core_stats(&core).cached_bytes, 0);
    CHECK_EQ(core_stats(&core).open_inodes, 0);
    model_free(&model);
    core_close(&core);
}

TEST(a_failed_read_gives_its_error_and_leaves_nothing) {
    struct model model;
    struct core core = core_with_file(&model, 64 * BLOCK);
    wt_file file = core_file(&core, "file");
    for (uint64_t transfer = 0; transfer <= 8 * BLOCK; transfer += 3 * BLOCK) {
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .error = -EIO, .transfer = transfer});
        CHECK_EQ(read_at(file, 10 * BLOCK, bytes, 10 * BLOCK), -EIO);
        CHECK(sim_failures(core.sim) > 0);
        sim_heal(core.sim);
        check_read(file, &model, 0, 64 * BLOCK);
        core_reopen(&core);
        file = core_file(&core, "file");
    }
    model_free(&model);
    core_close(&core);
}

static void fail_midway(bool buffered) {
    struct core core =
        core_open(&(struct sim_options){.buffered = buffered}, &(struct wt_engine_options){.cache_bytes = 128 << 10});
    sim_put(core.sim, "file", bytes, 128 * BLOCK);
    wt_file file = core_file(&core, "file");
    for (uint64_t bad = 0; bad < 128; bad += 21) {
        CONTEXT("%s, bad block %llu", buffered ? "buffered" : "direct", (unsigned long long)bad);
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .offset = bad * BLOCK, .length = 1, .error = -EIO});
        CHECK_EQ(read_at(file, 0, bytes, 128 * BLOCK), -EIO);
        sim_heal(core.sim);
        CHECK_EQ(read_at(file, 0, bytes, 128 * BLOCK), 128 * BLOCK);
    }
    core_close(&core);
}

TEST(a_read_that_fails_midway_gives_its_error_and_not_a_short_count) {
    fail_midway(false);
}

TEST(a_buffered_read_that_fails_midway_gives_its_error_and_not_a_short_count) {
    fail_midway(true);
}

TEST(a_failed_read_of_a_partial_block_write_changes_nothing) {
    struct model model;
    struct core core = core_with_file(&model, 64 * BLOCK);
    wt_file file = core_file(&core, "file");
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .error = -EIO});
    uint64_t stable = 9;
    struct iovec iov = {bytes + 77, 100};
    CHECK_EQ(wt_write(file, &iov, 1, 5 * BLOCK + 9, WT_DURABILITY_FILE, &stable), -EIO);
    CHECK_EQ(stable, 0);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 0);
    sim_heal(core.sim);
    check_file(&core, file, "file", &model);
    CHECK_EQ(write_at(file, 5 * BLOCK + 9, bytes + 77, 100), 100);
    model_write(&model, 5 * BLOCK + 9, bytes + 77, 100);
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}
