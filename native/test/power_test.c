// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Power cuts: what was acknowledged is there, what was not touched is as it was, and no size is wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, ROOM = 256 << 10 };

static uint8_t bytes[ROOM];

enum what { WRITE, DEVICE_WRITE, TRUNCATE, ALLOCATE, PUNCH, ZERO, SYNC };

struct step {
    enum what what;
    uint64_t offset;
    uint64_t length;
};

static const struct step log_program[] = {
    {ALLOCATE, 0, 8 * BLOCK}, {WRITE, 0, 128},    {WRITE, 128, 128},    {WRITE, 256, 4000},
    {WRITE, 4256, 128},       {WRITE, 4384, 100}, {WRITE, 30000, 5000}, {WRITE, 34999, 3},
};

static const struct step page_program[] = {
    {WRITE, 0, 10 * BLOCK},       {WRITE, 2 * BLOCK, BLOCK},      {WRITE, 3 * BLOCK + 100, 50},
    {TRUNCATE, 5 * BLOCK + 7, 0}, {WRITE, 5 * BLOCK, 2 * BLOCK},  {WRITE, 4 * BLOCK - 1, 2},
    {TRUNCATE, 20 * BLOCK, 0},    {WRITE, 15 * BLOCK + 5, BLOCK}, {WRITE, 20 * BLOCK, 1},
    {WRITE, 20 * BLOCK + 1, 1},
};

static const struct step device_program[] = {
    {WRITE, 0, 4 * BLOCK},
    {DEVICE_WRITE, BLOCK, 2 * BLOCK},
    {DEVICE_WRITE, 4 * BLOCK, BLOCK},
    {SYNC, 0, 0},
    {DEVICE_WRITE, 2 * BLOCK, 100},
    {WRITE, 3 * BLOCK, 100},
    {SYNC, 0, 0},
    {WRITE, 100, 100},
};

static const struct step hole_program[] = {
    {WRITE, 0, 12 * BLOCK + 100},      {PUNCH, BLOCK + 10, 4 * BLOCK},
    {WRITE, 2 * BLOCK, 100},           {ZERO, 6 * BLOCK - 600, BLOCK + 1000},
    {DEVICE_WRITE, 10 * BLOCK, BLOCK}, {PUNCH, 9 * BLOCK + 512, 100},
    {WRITE, 7 * BLOCK, 2 * BLOCK},     {ZERO, 11 * BLOCK, 3 * BLOCK},
    {WRITE, 12 * BLOCK + 100, 50},     {PUNCH, 0, 20 * BLOCK},
};

/* What may be found: the bytes acknowledged, and the same after everything not acknowledged. */
struct expected {
    struct model sure;
    struct model possible;
    bool maybe[ROOM / 512]; /* by 512 bytes: may be of either */
};

static void maybe_range(struct expected *expected, uint64_t offset, uint64_t length) {
    for (uint64_t unit = offset / 512; unit * 512 < offset + length; unit++) {
        expected->maybe[unit] = true;
    }
}

/* What the step adds to what is possible. */
static void begin_step(struct expected *expected, const struct step *step, const uint8_t *from) {
    switch (step->what) {
    case WRITE:
    case DEVICE_WRITE:
        maybe_range(expected, step->offset, step->length);
        model_write(&expected->possible, step->offset, from, (size_t)step->length);
        break;
    case TRUNCATE:
        maybe_range(expected, step->offset, ROOM - step->offset);
        model_truncate(&expected->possible, step->offset);
        break;
    case ALLOCATE:
        if (step->offset + step->length > expected->possible.size) {
            model_truncate(&expected->possible, step->offset + step->length);
        }
        break;
    case PUNCH:
    case ZERO:
        maybe_range(expected, step->offset, step->length);
        model_zero(&expected->possible, step->offset, step->length);
        break;
    case SYNC:
        break;
    }
}

/* The step was acknowledged. */
static void end_step(struct expected *expected, const struct step *step) {
    bool only_its_own = false;
    for (size_t i = 0; i < ROOM / 512; i++) {
        only_its_own = only_its_own ||
                       (expected->maybe[i] && (i * 512 + 511 < step->offset || i * 512 >= step->offset + step->length));
    }
    if (step->what == DEVICE_WRITE) {
        return;
    }
    if (step->what == WRITE && only_its_own) {
        /* Others are pending on the device: this write's own bytes are sure. */
        model_write(&expected->sure, step->offset, expected->possible.bytes + step->offset, (size_t)step->length);
        return;
    }
    model_copy(&expected->sure, &expected->possible);
    memset(expected->maybe, 0, sizeof expected->maybe);
}

static int64_t do_step(wt_file file, const struct step *step, const uint8_t *from) {
    switch (step->what) {
    case WRITE:
        return write_as(file, step->offset, from, (size_t)step->length, WT_DURABILITY_DSYNC);
    case DEVICE_WRITE:
        return write_as(file, step->offset, from, (size_t)step->length, WT_DURABILITY_DEVICE);
    case TRUNCATE:
        return wt_truncate(file, step->offset);
    case ALLOCATE:
        return wt_allocate(file, step->offset, step->length);
    case PUNCH:
        return wt_punch_hole(file, step->offset, step->length);
    case ZERO:
        return wt_zero(file, step->offset, step->length);
    case SYNC:
        return wt_sync(file);
    }
    return -EINVAL;
}

static void check_survivor(const struct core *core, const struct expected *expected) {
    wt_file file = core_file(core, "file");
    uint64_t size = (uint64_t)wt_size(file);
    uint64_t low = expected->sure.size < expected->possible.size ? expected->sure.size : expected->possible.size;
    uint64_t high = expected->sure.size > expected->possible.size ? expected->sure.size : expected->possible.size;
    CHECK(size >= low && size <= high);
    uint8_t *found = calloc(1, ROOM);
    CHECK(found != NULL);
    CHECK_EQ(read_at(file, 0, found, ROOM), size);
    for (uint64_t at = 0; at < size; at++) {
        bool is_sure = found[at] == expected->sure.bytes[at];
        bool is_possible = expected->maybe[at / 512] && found[at] == expected->possible.bytes[at];
        if (!is_sure && !is_possible) {
            test_fail(__FILE__, __LINE__, "byte %llu of %llu is 0x%02x, not 0x%02x%s", (unsigned long long)at,
                      (unsigned long long)size, found[at], expected->sure.bytes[at],
                      expected->maybe[at / 512] ? ", nor what was being written" : ", which was acknowledged");
        }
    }
    free(found);
    check_cache_is_disk(core, file, "file");
    fill_at(file, size, 1, 100);
    CHECK_EQ(sim_stable_size(core->sim, "file"), size + 100);
}

/* Runs the program with the power cut at one event; false if the program ended before. */
static bool cut_at(const struct sim_options *options, const struct step *program, size_t steps, uint64_t event,
                   enum sim_cut kind, uint64_t seed) {
    struct core core = core_open(options, NULL);
    struct expected expected = {.sure = model_new(ROOM), .possible = model_new(ROOM)};
    wt_file file = core_file(&core, "file");
    CONTEXT("block %u, logical %u, cut at event %llu, kind %d, seed %llu", options->block_bytes,
            options->logical_block_bytes, (unsigned long long)event, kind, (unsigned long long)seed);
    sim_power_cut_at(core.sim, event, kind, seed);
    for (size_t i = 0; i < steps && !sim_is_cut(core.sim); i++) {
        const uint8_t *from = bytes + i * 977;
        begin_step(&expected, &program[i], from);
        int64_t result = do_step(file, &program[i], from);
        if (result >= 0) {
            end_step(&expected, &program[i]);
        } else {
            CHECK(sim_is_cut(core.sim));
        }
    }
    bool cut = sim_is_cut(core.sim);
    if (!cut) {
        sim_power_cut(core.sim, kind, seed);
    }
    core_restart(&core);
    check_survivor(&core, &expected);
    model_free(&expected.sure);
    model_free(&expected.possible);
    core_close(&core);
    return cut;
}

static void cut_everywhere(const struct sim_options *options, const struct step *program, size_t steps) {
    struct test_random random = test_random_of(1);
    uint64_t seed = test_seed();
    test_random_bytes(&random, bytes, sizeof bytes);
    bool cut = true;
    for (uint64_t event = 1; cut; event += test_step()) {
        cut_at(options, program, steps, event, SIM_LOSE_ALL, 0);
        cut_at(options, program, steps, event, SIM_KEEP_ALL, 0);
        for (uint64_t i = 0; i < test_scaled(8); i++) {
            cut = cut_at(options, program, steps, event, SIM_RANDOM, seed + i);
        }
    }
}

static void cut_everywhere_on_each(const struct step *program, size_t steps) {
    cut_everywhere(&(struct sim_options){.block_bytes = 4096}, program, steps);
    cut_everywhere(&(struct sim_options){.block_bytes = 4096, .logical_block_bytes = 512}, program, steps);
    cut_everywhere(&(struct sim_options){.block_bytes = 512}, program, steps);
    cut_everywhere(&(struct sim_options){.block_bytes = 4096, .write_zeroes = true}, program, steps);
    cut_everywhere(&(struct sim_options){.block_bytes = 4096, .no_reserve = true}, program, steps);
}

TEST(invariant_1_no_power_cut_loses_what_was_acknowledged_of_a_log) {
    cut_everywhere_on_each(log_program, sizeof log_program / sizeof log_program[0]);
}

TEST(invariant_1_no_power_cut_loses_what_was_acknowledged_of_pages) {
    cut_everywhere_on_each(page_program, sizeof page_program / sizeof page_program[0]);
}

TEST(invariant_1_a_sync_makes_device_writes_survive) {
    cut_everywhere_on_each(device_program, sizeof device_program / sizeof device_program[0]);
}

TEST(invariant_1_holes_and_zeros_survive_every_power_cut_and_their_neighbours_too) {
    cut_everywhere_on_each(hole_program, sizeof hole_program / sizeof hole_program[0]);
    cut_everywhere(&(struct sim_options){.no_deallocate = true}, hole_program,
                   sizeof hole_program / sizeof hole_program[0]);
}

TEST(invariant_5_untouched_neighbours_survive_errors_and_power_cuts) {
    static const uint64_t offsets[] = {0, 1, 100, 511, 512, 4000, 4095, 4096, 8190, 12287, 19990};
    struct test_random random = test_random_of(2);
    test_random_bytes(&random, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        for (uint64_t length = 1; length < 9000; length = length * 5 + 1) {
            for (uint64_t event = 1; event < 12; event += test_step()) {
                struct core core = core_open(&(struct sim_options){.logical_block_bytes = 512}, NULL);
                uint8_t after[30000];
                sim_put(core.sim, "file", bytes, 20000);
                wt_file file = core_file(&core, "file");
                CONTEXT("write %llu at %llu, event %llu", (unsigned long long)length, (unsigned long long)offsets[i],
                        (unsigned long long)event);
                if (event % 2 == 0) {
                    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ | SIM_WRITE,
                                                           .skip = event / 2 - 1,
                                                           .count = 1,
                                                           .error = -EIO,
                                                           .scribble = true});
                } else {
                    sim_power_cut_at(core.sim, event / 2 + 1, SIM_RANDOM, event * length);
                }
                write_at(file, offsets[i], bytes + 25000, (size_t)length);
                if (sim_is_cut(core.sim)) {
                    core_restart(&core);
                    file = core_file(&core, "file");
                }
                sim_heal(core.sim);
                int64_t size = wt_size(file);
                CHECK(size >= 20000);
                CHECK_EQ(read_at(file, 0, after, sizeof after), size);
                CHECK_BYTES(after, bytes, (size_t)offsets[i]);
                uint64_t end = offsets[i] + length;
                if (end < 20000) {
                    CHECK_EQ(size, 20000);
                    CHECK_BYTES(after + end, bytes + end, (size_t)(20000 - end));
                }
                core_close(&core);
            }
        }
    }
}

/* ---- several callers ---- */

enum { RECORD = 100, RECORDS = 160, WORKERS = 4 };

struct worker {
    wt_file file;
    unsigned id;
    uint64_t seed;
    uint8_t acknowledged[RECORDS];
    uint8_t tried[RECORDS];
    pthread_t thread;
};

/* Until the power goes. */
static void *write_records(void *argument) {
    struct worker *worker = argument;
    struct test_random random = test_random_of(worker->seed);
    uint8_t record[RECORD];
    for (;;) {
        uint64_t which = test_random_below(&random, RECORDS / WORKERS) * WORKERS + worker->id;
        worker->tried[which] = (uint8_t)(worker->acknowledged[which] + 1);
        memset(record, worker->tried[which], RECORD);
        if (write_at(worker->file, which * RECORD, record, RECORD) != RECORD) {
            return NULL;
        }
        worker->acknowledged[which] = worker->tried[which];
    }
}

static void check_record(wt_file file, const struct worker *worker, uint64_t which) {
    uint8_t record[RECORD] = {0};
    CHECK(read_at(file, which * RECORD, record, RECORD) >= 0);
    for (unsigned i = 0; i < RECORD; i++) {
        if (record[i] != worker->acknowledged[which] && record[i] != worker->tried[which]) {
            test_fail(__FILE__, __LINE__, "record %llu, byte %u is %u; acknowledged was %u, tried %u",
                      (unsigned long long)which, i, record[i], worker->acknowledged[which], worker->tried[which]);
        }
    }
}

static void cut_under_workers(const struct sim_options *options, bool preallocated, uint64_t seed) {
    struct core core = core_open(options, NULL);
    struct test_random random = test_random_of(seed);
    static struct worker workers[WORKERS];
    wt_file file = core_file(&core, "file");
    if (preallocated) {
        CHECK_OK(wt_allocate(file, 0, RECORD * RECORDS));
    }
    sim_power_cut_at(core.sim, test_random_between(&random, 1, 200), SIM_RANDOM, seed);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.file = file, .id = i, .seed = seed * WORKERS + i};
        workers[i].thread = test_thread(write_records, &workers[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        test_join(workers[i].thread);
    }
    core_restart(&core);
    file = core_file(&core, "file");
    CHECK(!preallocated || wt_size(file) == RECORD * RECORDS);
    for (uint64_t which = 0; which < RECORDS; which++) {
        check_record(file, &workers[which % WORKERS], which);
    }
    core_close(&core);
}

TEST(invariant_1_a_power_cut_under_many_writers_keeps_every_acknowledged_record) {
    uint64_t seed = test_seed();
    for (uint64_t i = 0; i < 300; i++) {
        struct sim_options options = {.seed = seed + i,
                                      .block_bytes = i % 3 == 0 ? 512 : 4096,
                                      .logical_block_bytes = 512,
                                      .threaded = true,
                                      .shuffle = true};
        CONTEXT("seed %llu", (unsigned long long)(seed + i));
        cut_under_workers(&options, i % 2 == 0, seed + i);
    }
}
