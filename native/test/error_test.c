// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* A device that says no: the caller is told, the cache forgets what was refused, and nothing hangs afterwards. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, ROOM = 1 << 20 };

static uint8_t bytes[1 << 20];

struct step {
    uint64_t offset;
    size_t length;
    uint64_t truncate_to; /* if length is 0 */
};

/* Overwrites, partial blocks, growth by direct and by buffered tails, gaps, a cut and a write larger than a folio. */
static const struct step program[] = {
    {0, 40000, 0},      {100, 50, 0},      {8192, 4096, 0},   {40000, 100, 0},     {40100, 5000, 0},
    {4000, 9000, 0},    {60000, 10000, 0}, {0, 0, 30000},     {29990, 20, 0},      {30100, 1, 0},
    {12288, 200000, 0}, {212287, 2, 0},    {0, 1, 0},         {0, 0, 100000},      {100000, 4096, 0},
    {98304, 8192, 0},   {500000, 3, 0},    {499712, 4096, 0}, {262144, 262144, 0}, {5, 300000, 0},
};

static void take_from_disk(const struct core *core, struct model *model) {
    memset(model->bytes, 0, ROOM);
    model->size = (uint64_t)sim_size(core->sim, "file");
    CHECK(model->size <= ROOM);
    sim_peek(core->sim, "file", 0, model->bytes, (size_t)model->size);
}

/* The disk after a failed write: outside of it nothing changed, inside each byte is old or new, and what was said to be
 * stable is. */
static void check_failed_write(const struct core *core, struct model *model, const struct step *step,
                               const uint8_t *from, uint64_t stable) {
    struct model before = model_new(ROOM);
    struct model after = model_new(ROOM);
    uint8_t *now = malloc(step->length);
    CHECK(now != NULL);
    model_copy(&before, model);
    model_copy(&after, model);
    model_write(&after, step->offset, from, step->length);
    take_from_disk(core, model);
    CHECK(model->size >= before.size && model->size <= after.size);
    CHECK_BYTES(model->bytes, before.bytes, (size_t)step->offset);
    size_t end = (size_t)step->offset + step->length;
    CHECK_BYTES(model->bytes + end, before.bytes + end, ROOM - end);
    for (size_t i = (size_t)step->offset; i < end; i++) {
        CHECK(model->bytes[i] == before.bytes[i] || (model->bytes[i] == after.bytes[i] && i < model->size));
    }
    CHECK(stable < step->length);
    sim_peek_stable(core->sim, "file", step->offset, now, step->length);
    CHECK_BYTES(now, from, (size_t)stable);
    free(now);
    model_free(&before);
    model_free(&after);
}

static void do_step(const struct core *core, wt_file file, struct model *model, const struct step *step, int error) {
    uint64_t failures = sim_failures(core->sim);
    if (step->length == 0) {
        int result = wt_truncate(file, step->truncate_to);
        CHECK_EQ(result, sim_failures(core->sim) > failures ? error : 0);
        if (result == 0) {
            model_truncate(model, step->truncate_to);
        }
        return;
    }
    const uint8_t *from = bytes + step->offset % 1000 + (size_t)(step - program) * 100;
    struct iovec iov = {(void *)(uintptr_t)from, step->length};
    uint64_t stable = UINT64_MAX;
    int64_t result = wt_write(file, &iov, 1, step->offset, WT_DURABILITY_FILE, &stable);
    if (sim_failures(core->sim) > failures) {
        CHECK_EQ(result, error);
        check_failed_write(core, model, step, from, stable);
    } else {
        CHECK_EQ(result, step->length);
        model_write(model, step->offset, from, step->length);
    }
}

/* Runs the program with its k-th I/O failing, for every k. */
static void fail_each(const struct sim_options *options, struct sim_fault fault) {
    bool failed = true;
    fault.count = 1;
    for (fault.skip = 0; failed; fault.skip += test_step()) {
        struct core core = core_open(options, NULL);
        wt_file file = core_file(&core, "file");
        struct model model = model_new(ROOM);
        sim_fail(core.sim, &fault);
        for (size_t i = 0; i < sizeof program / sizeof program[0]; i++) {
            CONTEXT("block %u, fails %s after %llu%s%s, failing %llu, step %zu", options->block_bytes,
                    fault.ops == SIM_WRITE ? "writes" : "others", (unsigned long long)fault.transfer,
                    fault.scribble ? ", scribbles" : "", fault.grows ? ", grows" : "", (unsigned long long)fault.skip,
                    i);
            do_step(&core, file, &model, &program[i], fault.error);
            CHECK_EQ(wt_size(file), model.size);
            check_cache_is_disk(&core, file, "file");
        }
        failed = sim_failures(core.sim) > 0;
        sim_pause_faults(core.sim, true);
        CHECK_OK(wt_sync(file)); /* what a failed write left on the device is there, but need not be stable */
        check_file(&core, file, "file", &model);
        CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
        CHECK(core_stats(&core).write_errors <= 1);
        sim_heal(core.sim);
        sim_pause_faults(core.sim, false);
        core_reopen(&core);
        check_file(&core, core_file(&core, "file"), "file", &model);
        model_free(&model);
        core_close(&core);
    }
}

static void make_bytes(void) {
    struct test_random random = test_random_of(3);
    test_random_bytes(&random, bytes, sizeof bytes);
}

TEST(fault_4_a_failed_write_leaves_nothing_of_itself_in_the_cache) {
    static const struct sim_fault faults[] = {
        {.ops = SIM_WRITE, .error = -EIO},
        {.ops = SIM_WRITE, .error = -ENOSPC, .transfer = 4096},
        {.ops = SIM_WRITE, .error = -ENOSPC, .transfer = 20000},
        {.ops = SIM_WRITE, .error = -EIO, .scribble = true},
    };
    make_bytes();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        fail_each(&(struct sim_options){.block_bytes = 4096}, faults[i]);
        fail_each(&(struct sim_options){.block_bytes = 512}, faults[i]);
    }
}

TEST(fault_4_a_failed_write_leaves_nothing_of_itself_without_direct_io) {
    static const struct sim_fault faults[] = {
        {.ops = SIM_WRITE, .error = -EIO},
        {.ops = SIM_WRITE, .error = -ENOSPC, .transfer = 4096},
        {.ops = SIM_WRITE, .error = -EIO, .scribble = true},
        {.ops = SIM_WRITE, .error = -EIO, .grows = true},
    };
    make_bytes();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        fail_each(&(struct sim_options){.buffered = true}, faults[i]);
    }
}

TEST(a_failed_write_far_behind_the_end_leaves_the_size) {
    for (unsigned buffered = 0; buffered < 2; buffered++) {
        struct core core = core_open(&(struct sim_options){.buffered = buffered != 0}, NULL);
        wt_file file = core_file(&core, "file");
        CONTEXT("%s", buffered ? "buffered" : "direct");
        fill_at(file, 0, 1, 100);
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .error = -EFBIG});
        CHECK_EQ(write_at(file, 200000, bytes, 5000), -EFBIG);
        CHECK_EQ(wt_size(file), 100);
        check_cache_is_disk(&core, file, "file");
        sim_heal(core.sim);
        core_close(&core);
    }
}

TEST(a_failed_read_of_a_neighbour_fails_the_write_and_nothing_else) {
    make_bytes();
    fail_each(&(struct sim_options){.block_bytes = 4096}, (struct sim_fault){.ops = SIM_READ, .error = -EIO});
    fail_each(&(struct sim_options){.block_bytes = 512}, (struct sim_fault){.ops = SIM_READ, .error = -EIO});
}

TEST(a_failed_truncate_is_told_and_nothing_else_fails) {
    make_bytes();
    fail_each(&(struct sim_options){.block_bytes = 4096}, (struct sim_fault){.ops = SIM_TRUNCATE, .error = -EIO});
}

TEST(a_write_that_failed_after_the_kernel_grew_the_file_leaves_one_size) {
    make_bytes();
    for (uint32_t block = 512; block <= 4096; block *= 8) {
        for (uint64_t skip = 0; skip < 4; skip++) {
            struct core core = core_open(&(struct sim_options){.block_bytes = block}, NULL);
            wt_file file = core_file(&core, "file");
            CONTEXT("block %u, skip %llu", block, (unsigned long long)skip);
            fill_at(file, 0, 1, 5000);
            sim_fail(core.sim,
                     &(struct sim_fault){.ops = SIM_WRITE, .skip = skip, .count = 1, .error = -EIO, .grows = true});
            for (unsigned i = 0; i < 4; i++) {
                int64_t size = wt_size(file);
                uint64_t failures = sim_failures(core.sim);
                int64_t result = write_at(file, (uint64_t)size, bytes, 1000);
                CHECK_EQ(result, sim_failures(core.sim) > failures ? -EIO : 1000);
                CHECK(result == 1000 ? wt_size(file) == size + 1000 : wt_size(file) >= size);
                CHECK_EQ(sim_size(core.sim, "file"), wt_size(file));
                check_cache_is_disk(&core, file, "file");
            }
            core_close(&core);
        }
    }
}

TEST(stable_bytes_of_a_short_write_are_exact) {
    make_bytes();
    for (uint64_t blocks = 0; blocks < 10; blocks++) {
        struct core core = core_open(NULL, NULL);
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 10 * BLOCK);
        for (uint64_t head = 0; head < 3000; head += 999) {
            sim_fail(core.sim,
                     &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -ENOSPC, .transfer = blocks * BLOCK});
            uint64_t stable = 0;
            struct iovec iov = {bytes, 10 * BLOCK - head};
            CHECK_EQ(wt_write(file, &iov, 1, head, WT_DURABILITY_FILE, &stable), -ENOSPC);
            CHECK_EQ(stable, blocks * BLOCK > head ? blocks * BLOCK - head : 0);
            CHECK_EQ(core_stats(&core).write_errors, head / 999 + 1);
            sim_heal(core.sim);
            check_cache_is_disk(&core, file, "file");
        }
        core_close(&core);
    }
}

TEST(a_full_disk_keeps_what_was_acknowledged) {
    for (uint64_t capacity = 0; capacity < 40; capacity += 7) {
        struct core core = core_open(&(struct sim_options){.capacity_bytes = (capacity + 1) * BLOCK}, NULL);
        wt_file file = core_file(&core, "file");
        uint64_t acknowledged = 0;
        int64_t result = 0;
        do {
            memset(bytes, (int)(acknowledged / 3000 + 1), 3000);
            result = write_at(file, acknowledged, bytes, 3000);
            acknowledged += result > 0 ? (uint64_t)result : 0;
            check_cache_is_disk(&core, file, "file");
        } while (result > 0);
        CHECK_EQ(result, -ENOSPC);
        for (uint64_t at = 0; at < acknowledged; at += 3000) {
            check_filled(file, at, (int)(at / 3000 + 1), 3000);
        }
        if (acknowledged > 0) {
            fill_at(file, 0, 99, 3000);
        }
        sim_set_capacity(core.sim, 0);
        fill_at(file, acknowledged, 77, 3000);
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

TEST(a_failed_sync_is_told) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_EQ(write_as(file, 0, bytes, BLOCK, WT_DURABILITY_DEVICE), BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    CHECK_EQ(wt_sync(file), -EIO);
    CHECK_OK(wt_sync(file));
    core_close(&core);
}

/* The kernel's version left folios marked under writeback for ever when one of several I/Os failed. */
/* Another file's flush lost what the device had. */
TEST(a_sync_tells_what_a_flush_lost_of_a_device_write_without_direct_io) {
    struct core core = core_open(&(struct sim_options){.buffered = true, .no_fua = true}, NULL);
    wt_file file = core_file(&core, "file"), other = core_file(&core, "other");
    CHECK_EQ(write_as(file, 0, bytes, 100, WT_DURABILITY_DEVICE), 100);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_FLUSH, .count = 1, .error = -EIO});
    CHECK_EQ(wt_sync(other), -EIO);
    CHECK_EQ(wt_sync(file), -EIO);
    CHECK_EQ(write_as(file, 0, bytes, 100, WT_DURABILITY_DEVICE), 100);
    CHECK_OK(wt_sync(file));
    core_close(&core);
}

TEST(fault_7_an_error_leaves_no_writeback_behind) {
    make_bytes();
    for (uint64_t skip = 0; skip < 6; skip++) {
        struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 128 << 10});
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 400000);
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .skip = skip, .error = -EIO});
        CHECK_EQ(write_at(file, 777, bytes, 390000), -EIO);
        CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
        sim_heal(core.sim);
        CHECK_OK(wt_sync(file));
        check_cache_is_disk(&core, file, "file");
        CHECK_EQ(write_at(file, 777, bytes, 390000), 390000);
        CHECK_OK(wt_truncate(file, 5));
        CHECK_OK(wt_file_close(file));
        core_close(&core);
    }
}

TEST(open_failures_are_told_and_leave_nothing_open) {
    struct core core = core_open(NULL, NULL);
    wt_file file = 0;
    CHECK_EQ(wt_file_open(core.engine, "missing", WT_OPEN_READ, 0, 0, &file), -ENOENT);
    sim_put(core.sim, "file", bytes, 100);
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_WRITE | WT_OPEN_CREATE_NEW, 0600, 0, &file), -EEXIST);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SIZE | SIM_OPEN | SIM_TRUNCATE, .error = -EIO});
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &file), -EIO);
    sim_heal(core.sim);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SIZE, .error = -EIO});
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &file), -EIO);
    sim_heal(core.sim);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_TRUNCATE, .error = -EIO});
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_TRUNCATE, 0, 0, &file), -EIO);
    sim_heal(core.sim);
    CHECK_EQ(core_stats(&core).open_files, 0);
    CHECK_EQ(core_stats(&core).open_inodes, 0);
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &file));
    CHECK_EQ(wt_size(file), 100);
    core_close(&core);
}

TEST(a_failed_close_is_told_and_closes_all_the_same) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_CLOSE, .error = -EIO});
    CHECK_EQ(wt_file_close(file), -EIO);
    CHECK_EQ(wt_file_close(file), -EBADF);
    CHECK_EQ(core_stats(&core).open_files, 0);
    core_file(&core, "file");
    CHECK_EQ(wt_engine_close(core.engine), -EIO);
    CHECK_EQ(wt_engine_close(core.engine), -EBADF);
    sim_free(core.sim);
}

/*
 * The file is longer on disk than anybody was told, and cannot be cut yet: a write through the page cache behind that end has
 * the kernel zero the rest of the last block there, as behind any other.
 */
TEST(the_page_where_a_failed_write_left_the_end_is_written_through_the_page_cache) {
    enum { FAILED = 12288, LATER = 24576 };
    static const uint8_t bytes[8192] = {1};
    struct core core = core_open(&(struct sim_options){.block_bytes = 512, .threaded = true}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 8192);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    const struct sim_fault fault = {
        .ops = SIM_WRITE, .offset = FAILED, .length = 1, .count = 1, .error = -EIO, .grows = true};
    sim_fail(core.sim, &fault);
    const struct {
        uint64_t offset;
        size_t length;
    } writes[] = {{0, 512}, {FAILED, 700}, {FAILED, 512}, {LATER, 100}};
    for (unsigned i = 0; i < 4; i++) {
        struct iovec iov = {(void *)(uintptr_t)bytes, writes[i].length};
        CHECK_OK(wt_write_submit(file, &iov, 1, writes[i].offset, 0, 0, i));
        if (i == 1) {
            sim_release_at(core.sim, "file", FAILED);
            CHECK_EQ(sim_size(core.sim, "file"), FAILED + 700);
            struct wt_event event;
            CHECK_EQ(wt_reap(core.engine, &event, 1, -1), 1);
            CHECK_EQ(event.result, -EIO);
        }
    }
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 3); /* the last goes through the page cache too, and waits for its turn */
    CHECK(sim_record(core.sim, SIM_WRITE, 2).through_page_cache);
    sim_release_all(core.sim);
    for (unsigned left = 3; left > 0; left--) {
        struct wt_event event;
        CHECK_EQ(wt_reap(core.engine, &event, 1, -1), 1);
        CHECK_EQ(event.result, writes[event.token].length);
    }
    CHECK_EQ(wt_size(file), LATER + 100);
    sim_heal(core.sim);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}
