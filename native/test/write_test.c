// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Writes of one thread: what they put where, and what they leave alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096 };

static uint8_t bytes[1 << 20];

static void make_bytes(uint64_t seed) {
    struct test_random random = test_random_of(seed);
    test_random_bytes(&random, bytes, sizeof bytes);
}

TEST(a_write_is_stable_when_it_returns) {
    static const uint32_t durabilities[] = {WT_DURABILITY_FILE, WT_DURABILITY_DSYNC, WT_DURABILITY_SYNC};
    make_bytes(1);
    for (size_t i = 0; i < sizeof durabilities / sizeof durabilities[0]; i++) {
        struct core core = core_open(NULL, NULL);
        wt_file file = core_file(&core, "file");
        struct model model = model_new(sizeof bytes);
        CHECK_EQ(write_as(file, 100, bytes, 20000, durabilities[i]), 20000);
        model_write(&model, 100, bytes, 20000);
        check_file(&core, file, "file", &model);
        model_free(&model);
        core_close(&core);
    }
}

TEST(a_write_asks_for_the_durability_of_the_file_or_its_own) {
    struct core core = core_open(NULL, NULL);
    fill_at(core_file(&core, "file"), 0, 1, 8 * BLOCK);
    for (uint32_t of_file = WT_DURABILITY_FILE; of_file <= WT_DURABILITY_SYNC; of_file++) {
        for (uint32_t of_write = WT_DURABILITY_FILE; of_write <= WT_DURABILITY_SYNC; of_write++) {
            wt_file file = 0;
            CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, of_file, &file));
            sim_clear_log(core.sim);
            CHECK_EQ(write_as(file, BLOCK, bytes, BLOCK, of_write), BLOCK);
            CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
            uint32_t expected = of_write != WT_DURABILITY_FILE  ? of_write
                                : of_file != WT_DURABILITY_FILE ? of_file
                                                                : WT_DURABILITY_DSYNC;
            CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).durability, expected);
            CHECK_OK(wt_file_close(file));
        }
    }
    core_close(&core);
}

TEST(a_device_write_is_stable_after_sync) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct model model = model_new(sizeof bytes);
    make_bytes(2);
    CHECK_EQ(write_as(file, 0, bytes, 8 * BLOCK, WT_DURABILITY_DEVICE), 8 * BLOCK);
    model_write(&model, 0, bytes, 8 * BLOCK);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 0);
    CHECK_OK(wt_sync(file));
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

TEST(a_durable_overwrite_of_whole_blocks_is_one_direct_io_and_no_read) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 64 * BLOCK);
    core_reopen(&core);
    file = core_file(&core, "file");
    for (size_t blocks = 1; blocks <= 32; blocks++) {
        sim_clear_log(core.sim);
        fill_at(file, 5 * BLOCK, 2, blocks * BLOCK);
        CHECK_EQ(sim_count(core.sim, ~0u), 1);
        struct sim_record io = sim_record(core.sim, SIM_WRITE, 0);
        CHECK_EQ(io.offset, 5 * BLOCK);
        CHECK_EQ(io.length, blocks * BLOCK);
        CHECK_EQ(io.durability, WT_DURABILITY_DSYNC);
        CHECK(!io.through_page_cache);
    }
    core_close(&core);
}

TEST(a_partial_block_write_reads_only_that_block) {
    struct core core = core_open(NULL, NULL);
    make_bytes(3);
    sim_put(core.sim, "file", bytes, 64 * BLOCK);
    wt_file file = core_file(&core, "file");
    sim_clear_log(core.sim);
    CHECK_EQ(write_at(file, 7 * BLOCK + 100, "x", 1), 1);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    CHECK_EQ(sim_record(core.sim, SIM_READ, 0).offset, 7 * BLOCK);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    CHECK_EQ(sim_bytes(core.sim, SIM_WRITE), BLOCK);
    sim_clear_log(core.sim);
    CHECK_EQ(write_at(file, 7 * BLOCK + 200, "y", 1), 1);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    struct model model = model_new(64 * BLOCK);
    model_write(&model, 0, bytes, 64 * BLOCK);
    model_write(&model, 7 * BLOCK + 100, "x", 1);
    model_write(&model, 7 * BLOCK + 200, "y", 1);
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

TEST(a_long_unaligned_write_reads_only_its_first_and_last_block) {
    struct core core = core_open(NULL, NULL);
    make_bytes(4);
    sim_put(core.sim, "file", bytes, 64 * BLOCK);
    wt_file file = core_file(&core, "file");
    sim_clear_log(core.sim);
    fill_at(file, 3 * BLOCK + 1, 9, 20 * BLOCK);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 2 * BLOCK);
    for (size_t i = 0; i < sim_count(core.sim, SIM_READ); i++) {
        uint64_t offset = sim_record(core.sim, SIM_READ, i).offset;
        CHECK(offset == 3 * BLOCK || offset == 23 * BLOCK);
    }
    CHECK_EQ(sim_bytes(core.sim, SIM_WRITE), 21 * BLOCK);
    core_close(&core);
}

TEST(a_write_past_the_end_reads_nothing) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 2 * BLOCK);
    sim_clear_log(core.sim);
    fill_at(file, 5 * BLOCK + 7, 2, BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    check_filled(file, 2 * BLOCK, 0, 3 * BLOCK + 7);
    core_close(&core);
}

static void write_everywhere(uint32_t block_bytes, uint64_t offset_step) {
    static const size_t lengths[] = {1, 2, 511, 512, 513, 4095, 4096, 4097, 8192, 12289, 70000};
    struct core core = core_open(&(struct sim_options){.block_bytes = block_bytes}, NULL);
    wt_file file = core_file(&core, "file");
    struct model model = model_new(100000);
    make_bytes(5);
    for (uint64_t offset = 0; offset <= 9000; offset += offset_step) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            const uint8_t *from = bytes + (offset * 31 + i * 7919) % (sizeof bytes - 70000);
            CONTEXT("block %u, write %zu at %llu", block_bytes, lengths[i], (unsigned long long)offset);
            CHECK_EQ(write_at(file, offset, from, lengths[i]), lengths[i]);
            model_write(&model, offset, from, lengths[i]);
            CHECK_EQ(sim_size(core.sim, "file"), model.size);
            uint64_t start = offset < 10 ? 0 : offset - 10;
            check_read(file, &model, start, lengths[i] + 20);
        }
        if (offset % 500 < offset_step) {
            check_file(&core, file, "file", &model);
            CHECK_OK(wt_truncate(file, offset % 5000));
            model_truncate(&model, offset % 5000);
        }
    }
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

TEST(writes_at_every_alignment_match_an_array_with_blocks_of_4096) {
    write_everywhere(4096, 7);
}

TEST(writes_at_every_alignment_match_an_array_with_blocks_of_512) {
    write_everywhere(512, 13);
}

TEST(a_write_gathers_any_pieces_of_memory) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct iovec iov[1000];
    size_t length = 0;
    make_bytes(6);
    for (unsigned i = 0; i < 1000; i++) {
        size_t part = i % 5 == 0 ? 0 : (i * 37) % 300;
        iov[i] = (struct iovec){part == 0 ? NULL : bytes + length, part};
        length += part;
    }
    CHECK_EQ(wt_write(file, iov, 1000, 4000, WT_DURABILITY_FILE, NULL), length);
    struct model model = model_new(sizeof bytes);
    model_write(&model, 4000, bytes, length);
    check_file(&core, file, "file", &model);
    uint8_t *copy = calloc(1, length);
    CHECK(copy != NULL);
    length = 0;
    for (unsigned i = 0; i < 1000; i++) {
        iov[i].iov_base = copy + length;
        length += iov[i].iov_len;
    }
    CHECK_EQ(wt_read(file, iov, 1000, 4000), length);
    CHECK_BYTES(copy, bytes, length);
    free(copy);
    model_free(&model);
    core_close(&core);
}

TEST(the_callers_buffer_is_its_own_again_after_a_write) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct model model = model_new(sizeof bytes);
    make_bytes(7);
    model_write(&model, 0, bytes, 3 * BLOCK + 5);
    CHECK_EQ(write_at(file, 0, bytes, 3 * BLOCK + 5), 3 * BLOCK + 5);
    memset(bytes, 0xff, 3 * BLOCK + 5);
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

TEST(a_write_of_nothing_does_nothing) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    uint64_t stable = 77;
    struct iovec iov = {bytes, 0};
    sim_clear_log(core.sim);
    CHECK_EQ(wt_write(file, &iov, 1, 1 << 20, WT_DURABILITY_FILE, &stable), 0);
    CHECK_EQ(wt_write(file, NULL, 0, 1 << 20, WT_DURABILITY_FILE, &stable), 0);
    CHECK_EQ(wt_read(file, NULL, 0, 0), 0);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    CHECK_EQ(wt_size(file), 0);
    CHECK_EQ(core_stats(&core).writes, 0);
    core_close(&core);
}

TEST(a_write_larger_than_the_cache_goes_through) {
    struct core core =
        core_open(NULL, &(struct wt_engine_options){.cache_bytes = 128 << 10, .in_flight_bytes = 64 << 10});
    wt_file file = core_file(&core, "file");
    struct model model = model_new(sizeof bytes);
    make_bytes(8);
    uint64_t stable = 0;
    struct iovec iov = {bytes, sizeof bytes - 77};
    CHECK_EQ(wt_write(file, &iov, 1, 77, WT_DURABILITY_FILE, &stable), sizeof bytes - 77);
    model_write(&model, 77, bytes, sizeof bytes - 77);
    check_file(&core, file, "file", &model);
    CHECK(core_stats(&core).cached_bytes <= 128 << 10);
    model_free(&model);
    core_close(&core);
}

/* The kernel's version waited for the writeback of an I/O that it had not submitted yet. */
TEST(fault_6_a_large_write_in_pieces_over_multi_page_folios_never_waits_for_itself) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct model model = model_new(sizeof bytes);
    make_bytes(9);
    static struct iovec iov[4096];
    for (unsigned round = 0; round < 8; round++) {
        size_t length = 0;
        for (unsigned i = 0; i < 4096; i++) {
            size_t part = 1 + (i * 31 + round * 17) % 240;
            iov[i] = (struct iovec){bytes + length, part};
            length += part;
        }
        CHECK_EQ(wt_write(file, iov, 1024, round * 1000, WT_DURABILITY_FILE, NULL),
                 (uintptr_t)iov[1024].iov_base - (uintptr_t)bytes);
        model_write(&model, round * 1000, bytes, (uintptr_t)iov[1024].iov_base - (uintptr_t)bytes);
        check_file(&core, file, "file", &model);
    }
    model_free(&model);
    core_close(&core);
}

TEST(a_run_of_blocks_is_one_io_whatever_the_memory_looks_like) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 256 * BLOCK);
    core_reopen(&core);
    file = core_file(&core, "file");
    for (uint64_t block = 0; block < 256; block += 2) {
        CHECK_EQ(byte_of(file, block * BLOCK), 1);
    }
    sim_clear_log(core.sim);
    fill_at(file, 10 * BLOCK, 2, 200 * BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    CHECK_EQ(sim_bytes(core.sim, SIM_WRITE), 200 * BLOCK);
    core_close(&core);
}

TEST(the_bytes_of_two_files_stay_apart) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 128 << 10});
    wt_file one = core_file(&core, "one");
    wt_file two = core_file(&core, "two");
    for (unsigned round = 0; round < 4; round++) {
        for (uint64_t block = 0; block < 40; block++) {
            fill_at(one, block * BLOCK, 1, BLOCK);
            fill_at(two, block * BLOCK, 2, BLOCK);
        }
        check_filled(one, 0, 1, 40 * BLOCK);
        check_filled(two, 0, 2, 40 * BLOCK);
    }
    core_close(&core);
}

TEST(a_file_system_without_direct_io_has_the_same_guarantees) {
    struct core core = core_open(&(struct sim_options){.buffered = true}, NULL);
    wt_file file = core_file(&core, "file");
    struct model model = model_new(sizeof bytes);
    struct test_random random = test_random_of(test_seed());
    make_bytes(10);
    for (unsigned i = 0; i < 300; i++) {
        uint64_t offset = test_random_below(&random, 60000);
        size_t length = 1 + (size_t)test_random_below(&random, 20000);
        CHECK_EQ(write_at(file, offset, bytes + i, length), length);
        model_write(&model, offset, bytes + i, length);
        check_file(&core, file, "file", &model);
        if (test_random_one_in(&random, 10)) {
            uint64_t size = test_random_below(&random, 80000);
            CHECK_OK(wt_truncate(file, size));
            model_truncate(&model, size);
        }
    }
    model_free(&model);
    core_close(&core);
}

TEST(a_file_far_out_is_sparse) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    uint64_t far = (uint64_t)1 << 50;
    fill_at(file, far + 5, 3, 10000);
    CHECK_EQ(wt_size(file), far + 10005);
    check_filled(file, far + 5, 3, 10000);
    check_filled(file, far - 20000, 0, 20005);
    check_filled(file, 0, 0, 10000);
    CHECK_EQ(sim_state_at(core.sim, "file", far / 2), SIM_HOLE);
    core_close(&core);
}

TEST(a_write_past_the_largest_file_says_how_much_is_stable) {
    struct core core = core_open(&(struct sim_options){.file_bytes_max = 64 * BLOCK}, NULL);
    wt_file file = core_file(&core, "file");
    uint64_t stable = 99;
    struct iovec iov = {bytes, 4 * BLOCK};
    CHECK_EQ(wt_write(file, &iov, 1, 62 * BLOCK, WT_DURABILITY_FILE, &stable), -EFBIG);
    CHECK(stable <= 2 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    CHECK_EQ(wt_write(file, &iov, 1, 64 * BLOCK, WT_DURABILITY_FILE, &stable), -EFBIG);
    CHECK_EQ(stable, 0);
    fill_at(file, 60 * BLOCK, 4, 4 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(without_direct_io_a_long_write_is_cut_between_blocks_so_that_none_is_of_two_writes) {
    static const uint8_t bytes[60000] = {1};
    struct core core = core_open(&(struct sim_options){.buffered = true, .block_bytes = 512},
                                 &(struct wt_engine_options){.cache_bytes = 128 << 10});
    wt_file file = core_file(&core, "file");
    sim_clear_log(core.sim);
    CHECK_EQ(write_at(file, 100, bytes, sizeof bytes), sizeof bytes);
    size_t pieces = sim_count(core.sim, SIM_WRITE);
    CHECK(pieces > 1);
    uint64_t end = 100;
    for (size_t i = 0; i < pieces; i++) {
        struct sim_record piece = sim_record(core.sim, SIM_WRITE, i);
        CHECK_EQ(piece.offset, end);
        CHECK(i == 0 || end % 512 == 0);
        end = piece.offset + piece.length;
    }
    CHECK_EQ(end, 100 + sizeof bytes);
    core_close(&core);
}
