// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Growth ahead: appends that are plain overwrites, a size that tells nothing of it, and what a crash leaves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, GROWTH = 16 * BLOCK, ROOM = 1 << 20 };

static uint8_t bytes[ROOM];

static wt_file file_ahead(const struct core *core) {
    wt_file file = core_file(core, "file");
    CHECK_OK(wt_file_grow_ahead(file, GROWTH));
    return file;
}

static uint64_t append(wt_file file, struct model *model, struct test_random *random, size_t length) {
    test_random_bytes(random, bytes, length);
    struct iovec iov = {bytes, length};
    uint64_t offset = UINT64_MAX;
    int64_t result = wt_write_with(file, &iov, 1, &offset, WT_DURABILITY_DSYNC, WT_APPEND, NULL);
    if (result >= 0) {
        CHECK_EQ(result, length);
        CHECK_EQ(offset, model->size);
        model_write(model, offset, bytes, length);
    }
    return offset;
}

TEST(appends_are_direct_overwrites_between_growths_and_closing_cuts_to_the_size) {
    static const uint32_t blocks[] = {512, 4096};
    for (unsigned b = 0; b < 2; b++) {
        struct core core = core_open(&(struct sim_options){.block_bytes = blocks[b]}, NULL);
        struct test_random random = test_random_of(1);
        struct model model = model_new(ROOM);
        wt_file file = file_ahead(&core);
        append(file, &model, &random, 100);
        uint64_t on_disk = (uint64_t)sim_size(core.sim, "file");
        CHECK(on_disk >= GROWTH);
        sim_clear_log(core.sim);
        for (unsigned i = 0; i < 300; i++) {
            CONTEXT("block %u, append %u", blocks[b], i);
            append(file, &model, &random, 100);
            CHECK_EQ(wt_size(file), model.size);
            check_read(file, &model, 0, (size_t)model.size + 10);
        }
        CHECK_EQ(sim_count(core.sim, SIM_WRITE), 300);
        for (size_t i = 0; i < 300; i++) {
            CHECK(!sim_record(core.sim, SIM_WRITE, i).through_page_cache);
        }
        CHECK_EQ(sim_count(core.sim, ~(unsigned)(SIM_WRITE | SIM_READ)), 0);
        CHECK_EQ(sim_size(core.sim, "file"), on_disk);
        for (unsigned i = 0; i < 40; i++) {
            append(file, &model, &random, 5000);
        }
        CHECK(sim_count(core.sim, SIM_RESERVE) < 10);
        core_reopen(&core);
        check_file(&core, core_file(&core, "file"), "file", &model);
        model_free(&model);
        core_close(&core);
    }
}

TEST(a_chunk_of_less_than_a_page_is_one) {
    static const uint64_t chunks[] = {1, 100, BLOCK - 1, BLOCK, BLOCK + 1};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct core core = core_open(NULL, NULL);
        struct test_random random = test_random_of(1);
        struct model model = model_new(ROOM);
        wt_file file = core_file(&core, "file");
        CONTEXT("a chunk of %llu", (unsigned long long)chunks[i]);
        CHECK_OK(wt_file_grow_ahead(file, chunks[i]));
        for (unsigned j = 0; j < 200; j++) {
            append(file, &model, &random, 100);
            uint64_t on_disk = (uint64_t)sim_size(core.sim, "file");
            CHECK_EQ(on_disk % BLOCK, 0);
            CHECK(on_disk >= model.size && on_disk <= model.size + 3 * BLOCK);
        }
        for (size_t j = 0; j < sim_count(core.sim, SIM_RESERVE); j++) {
            CHECK(sim_record(core.sim, SIM_RESERVE, j).length > 0);
        }
        for (size_t j = 0; j < sim_count(core.sim, SIM_WRITE); j++) {
            CHECK(!sim_record(core.sim, SIM_WRITE, j).through_page_cache);
        }
        core_reopen(&core);
        check_file(&core, core_file(&core, "file"), "file", &model);
        model_free(&model);
        core_close(&core);
    }
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_file_grow_ahead(file, INT64_MAX)); /* more than a file can have: it does without */
    fill_at(file, 0, 1, 100);
    CHECK_EQ(sim_size(core.sim, "file"), 100);
    core_close(&core);
}

TEST(every_other_operation_knows_only_the_size) {
    static const uint32_t blocks[] = {512, 4096};
    for (uint64_t seed = test_seed(); seed < test_seed() + 20; seed++) {
        struct core core = core_open(&(struct sim_options){.block_bytes = blocks[seed % 2], .seed = seed},
                                     &(struct wt_engine_options){.cache_bytes = 256 << 10});
        struct test_random random = test_random_of(seed);
        struct model model = model_new(ROOM);
        wt_file file = file_ahead(&core);
        for (unsigned step = 0; step < 300; step++) {
            CONTEXT("seed %llu, step %u", (unsigned long long)seed, step);
            uint64_t offset = test_random_below(&random, model.size + 3000);
            uint64_t length = 1 + test_random_below(&random, 6000);
            offset = offset + length > ROOM - 10000 ? 0 : offset;
            switch (test_random_below(&random, 8)) {
            case 0:
                CHECK_OK(wt_truncate(file, offset));
                model_truncate(&model, offset);
                break;
            case 1:
                CHECK_OK(wt_allocate(file, offset, length));
                model_truncate(&model, offset + length > model.size ? offset + length : model.size);
                break;
            case 2:
                CHECK_OK(wt_punch_hole(file, offset, length));
                model_zero(&model, offset, length);
                break;
            case 3:
                CHECK_OK(wt_sync(file));
                break;
            case 4:
            case 5:
                append(file, &model, &random, (size_t)(model.size > ROOM - 10000 ? 1 : length));
                break;
            case 6:
                if (step % 5 == 0) {
                    core_reopen(&core);
                    check_file(&core, core_file(&core, "file"), "file", &model);
                    file = file_ahead(&core);
                }
                break;
            default:
                test_random_bytes(&random, bytes, (size_t)length);
                CHECK_EQ(write_at(file, offset, bytes, (size_t)length), length);
                model_write(&model, offset, bytes, (size_t)length);
            }
            CHECK_EQ(wt_size(file), model.size);
            check_read(file, &model, 0, (size_t)model.size + 100);
        }
        core_reopen(&core);
        check_file(&core, core_file(&core, "file"), "file", &model);
        model_free(&model);
        core_close(&core);
    }
}

TEST(a_file_that_was_truncated_grows_ahead_anew) {
    struct core core = core_open(NULL, NULL);
    wt_file file = file_ahead(&core);
    fill_at(file, 0, 1, 10);
    CHECK_OK(wt_truncate(file, 5));
    CHECK_EQ(sim_size(core.sim, "file"), 5);
    fill_at(file, 5, 1, 10);
    CHECK(sim_size(core.sim, "file") >= GROWTH);
    core_close(&core);
}

TEST(an_append_that_may_not_wait_leaves_growing_to_others) {
    struct core core = core_open(NULL, NULL);
    wt_file file = file_ahead(&core);
    struct iovec iov = {bytes, 100};
    struct wt_event event;
    CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, WT_APPEND | WT_NOWAIT, 1), -EAGAIN);
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, WT_APPEND, 2));
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, WT_APPEND | WT_NOWAIT, 3));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(wt_reap(core.engine, &event, 1, INT64_C(20000000000)), 1);
        CHECK_EQ(event.offset, (event.token - 2) * 100);
    }
    CHECK_EQ(wt_size(file), 200);
    core_close(&core);
}

TEST(a_write_far_out_leaves_the_gap_a_hole) {
    struct core core = core_open(NULL, NULL);
    wt_file file = file_ahead(&core);
    fill_at(file, 0, 1, 10);
    fill_at(file, 100 * BLOCK, 2, 10);
    CHECK_EQ(sim_state_at(core.sim, "file", 50 * BLOCK), SIM_HOLE);
    CHECK_EQ(sim_state_at(core.sim, "file", 110 * BLOCK), SIM_WRITTEN);
    CHECK_EQ(wt_size(file), 100 * BLOCK + 10);
    check_filled(file, 10, 0, 100 * BLOCK - 10);
    core_close(&core);
}

TEST(writes_in_sequence_into_holes_are_direct_overwrites_between_fillings) {
    static const uint32_t blocks[] = {512, 4096};
    for (unsigned b = 0; b < 2; b++) {
        struct core core = core_open(&(struct sim_options){.block_bytes = blocks[b]}, NULL);
        struct test_random random = test_random_of(1);
        struct model model = model_new(ROOM);
        wt_file file = core_file(&core, "file");
        CHECK_OK(wt_truncate(file, 100 * BLOCK + 1));
        model_truncate(&model, 100 * BLOCK + 1);
        test_random_bytes(&random, bytes, 40);
        CHECK_EQ(write_at(file, 10 * BLOCK + 7, bytes, 40), 40); /* which no filling may touch */
        model_write(&model, 10 * BLOCK + 7, bytes, 40);
        CHECK_OK(wt_file_grow_ahead(file, GROWTH));
        sim_clear_log(core.sim);
        unsigned into_holes = 0;
        for (uint64_t at = 0; at + 100 < 30 * BLOCK; at += 100) {
            CONTEXT("block %u, at %llu", blocks[b], (unsigned long long)at);
            into_holes += sim_state_at(core.sim, "file", at + 99) != SIM_WRITTEN;
            test_random_bytes(&random, bytes, 100);
            CHECK_EQ(write_at(file, at, bytes, 100), 100);
            model_write(&model, at, bytes, 100);
        }
        CHECK(into_holes <= 2);
        CHECK_EQ(sim_count(core.sim, SIM_RESERVE), 2);
        CHECK_EQ(sim_state_at(core.sim, "file", 31 * BLOCK), SIM_WRITTEN);
        CHECK_EQ(sim_state_at(core.sim, "file", 60 * BLOCK), SIM_HOLE);
        CHECK_EQ(sim_size(core.sim, "file"), 100 * BLOCK + 1);
        core_reopen(&core);
        check_file(&core, core_file(&core, "file"), "file", &model);
        model_free(&model);
        core_close(&core);
    }
}

TEST(writes_here_and_there_into_holes_fill_none) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, 100 * BLOCK));
    CHECK_OK(wt_file_grow_ahead(file, GROWTH));
    for (unsigned i = 0; i < 40; i++) {
        fill_at(file, (uint64_t)(90 - 2 * i) * BLOCK, 1, BLOCK);
    }
    CHECK_EQ(sim_count(core.sim, SIM_RESERVE), 0);
    CHECK_EQ(sim_state_at(core.sim, "file", 89 * BLOCK), SIM_HOLE);
    CHECK_EQ(sim_size(core.sim, "file"), 100 * BLOCK);
    core_close(&core);
}

/* Found by the simulator: a growth that ended in the page where it began was one of nothing, which the kernel refuses. */
TEST(a_growth_of_less_than_a_page_is_one_of_a_page) {
    struct core core = core_open(&(struct sim_options){.block_bytes = 1024, .no_reserve = true}, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_file_grow_ahead(file, 100));
    fill_at(file, 0, 1, 10);
    CHECK_EQ(sim_size(core.sim, "file"), BLOCK);
    fill_at(file, 5 * BLOCK + 10, 2, 1500);
    CHECK_EQ(sim_size(core.sim, "file"), 6 * BLOCK);
    CHECK_EQ(wt_size(file), 5 * BLOCK + 1510);
    core_close(&core);
}

TEST(a_disk_too_full_to_grow_ahead_still_takes_writes) {
    struct core core = core_open(&(struct sim_options){.capacity_bytes = 8 * BLOCK}, NULL);
    wt_file file = file_ahead(&core);
    fill_at(file, 0, 1, 5 * BLOCK);
    CHECK_EQ(wt_size(file), 5 * BLOCK);
    CHECK_EQ(sim_size(core.sim, "file"), 5 * BLOCK);
    fill_at(file, 5 * BLOCK, 1, BLOCK + 5);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_failed_write_ahead_leaves_nothing_behind_the_end) {
    struct core core = core_open(NULL, NULL);
    struct test_random random = test_random_of(1);
    struct model model = model_new(ROOM);
    wt_file file = file_ahead(&core);
    append(file, &model, &random, 5000);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO, .scribble = true});
    append(file, &model, &random, 3 * BLOCK);
    sim_heal(core.sim);
    CHECK_EQ(wt_size(file), 5000);
    CHECK_OK(wt_truncate(file, 10 * BLOCK));
    model_truncate(&model, 10 * BLOCK);
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

/* Runs appends with the power cut at one event; false if they ended before. */
static bool cut_at(const struct sim_options *options, uint64_t event, enum sim_cut kind, uint64_t seed) {
    struct core core = core_open(options, NULL);
    struct test_random random = test_random_of(5);
    struct model model = model_new(ROOM);
    wt_file file = file_ahead(&core);
    uint64_t tried = 0;
    sim_power_cut_at(core.sim, event, kind, seed);
    for (unsigned i = 0; i < 25 && !sim_is_cut(core.sim); i++) {
        size_t length = 1 + (size_t)test_random_below(&random, 9000);
        tried = model.size + length;
        append(file, &model, &random, length);
    }
    bool cut = sim_is_cut(core.sim);
    if (!cut) {
        sim_power_cut(core.sim, kind, seed);
    }
    core_restart(&core);
    file = core_file(&core, "file");
    uint64_t size = (uint64_t)wt_size(file);
    CHECK(size >= model.size);
    CHECK_EQ(read_at(file, 0, bytes, ROOM), size);
    CHECK_BYTES(bytes, model.bytes, (size_t)model.size);
    for (uint64_t at = tried > model.size ? tried : model.size; at < size; at++) {
        CHECK_EQ(bytes[at], 0);
    }
    model_free(&model);
    core_close(&core);
    return cut;
}

TEST(a_power_cut_leaves_what_was_acknowledged_and_zeros_behind_it) {
    static const uint32_t blocks[] = {512, 4096};
    uint64_t seed = test_seed();
    for (unsigned b = 0; b < 2; b++) {
        bool cut = true;
        for (uint64_t event = 1; cut; event += test_step()) {
            CONTEXT("block %u, cut at event %llu", blocks[b], (unsigned long long)event);
            const struct sim_options options = {.block_bytes = blocks[b]};
            cut_at(&options, event, SIM_LOSE_ALL, seed);
            cut_at(&options, event, SIM_KEEP_ALL, seed);
            cut = cut_at(&options, event, SIM_RANDOM, seed + event);
        }
    }
}
