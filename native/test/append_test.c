// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Appends: places without gap or overlap, acknowledged in their order, and a file that never shows more than that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, FOLIO = 64 * BLOCK, ROOM = 4 << 20 };

static uint8_t bytes[ROOM];

static int64_t append_as(wt_file file, const void *from, size_t length, uint64_t *offset, uint64_t *stable_bytes) {
    struct iovec iov = {(void *)(uintptr_t)from, length};
    return wt_write_with(file, &iov, 1, offset, WT_DURABILITY_FILE, WT_APPEND, stable_bytes);
}

/* Appends length bytes of one value and returns where. */
static uint64_t append(wt_file file, int value, size_t length) {
    uint64_t offset = UINT64_MAX;
    uint64_t stable_bytes = 0;
    uint8_t *from = malloc(length);
    CHECK(from != NULL);
    memset(from, value, length);
    CHECK_EQ(append_as(file, from, length, &offset, &stable_bytes), length);
    CHECK_EQ(stable_bytes, length);
    free(from);
    return offset;
}

static int submit_with(wt_file file, int value, size_t length, uint32_t flags, uint64_t token) {
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    return wt_write_submit(file, &iov, 1, 0, WT_DURABILITY_FILE, flags, token);
}

static void submit(wt_file file, int value, size_t length, uint64_t token) {
    CHECK_OK(submit_with(file, value, length, WT_APPEND, token));
}

static struct wt_event reap(const struct core *core) {
    struct wt_event event;
    CHECK_EQ(wt_reap(core->engine, &event, 1, INT64_C(20000000000)), 1);
    return event;
}

static bool no_event(const struct core *core) {
    struct wt_event event;
    return wt_reap(core->engine, &event, 1, 0) == 0;
}

TEST(appends_follow_one_another_and_return_where_they_went) {
    static const size_t lengths[] = {1, 100, 4096, 5000, 128, 300000, 7, 512};
    static const uint32_t blocks[] = {512, 4096};
    for (unsigned buffered = 0; buffered < 2; buffered++) {
        for (size_t b = 0; b < 2; b++) {
            struct core core =
                core_open(&(struct sim_options){.block_bytes = blocks[b], .buffered = buffered != 0}, NULL);
            wt_file file = core_file(&core, "file");
            struct model model = model_new(ROOM);
            for (unsigned i = 0; i < 8; i++) {
                CONTEXT("block %u, append %u", blocks[b], i);
                CHECK_EQ(append(file, (int)i + 1, lengths[i]), model.size);
                memset(bytes, (int)i + 1, lengths[i]);
                model_write(&model, model.size, bytes, lengths[i]);
                check_file(&core, file, "file", &model);
                CHECK_EQ(sim_largest_size(core.sim, "file"), model.size);
            }
            core_reopen(&core);
            file = core_file(&core, "file");
            CHECK_EQ(append(file, 9, 10), model.size);
            model_free(&model);
            core_close(&core);
        }
    }
}

TEST(an_append_goes_behind_truncations_writes_and_allocations) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 100, 1, 100);
    CHECK_EQ(append(file, 2, 50), 200);
    CHECK_OK(wt_truncate(file, 120));
    CHECK_EQ(append(file, 3, 50), 120);
    CHECK_OK(wt_truncate(file, 3 * BLOCK));
    CHECK_EQ(append(file, 4, 1), 3 * BLOCK);
    CHECK_OK(wt_allocate(file, 0, 10 * BLOCK));
    CHECK_EQ(append(file, 5, 1), 10 * BLOCK);
    check_filled(file, 170, 0, 3 * BLOCK - 170);
    core_close(&core);
}

TEST(an_append_of_nothing_tells_where_the_file_ends) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 77);
    uint64_t offset = 0;
    CHECK_EQ(append_as(file, bytes, 0, &offset, NULL), 0);
    CHECK_EQ(offset, 77);
    CHECK_OK(submit_with(file, 0, 0, WT_APPEND, 5));
    CHECK_EQ(reap(&core).token, 5);
    CHECK_EQ(append(file, 1, 1), 77);
    core_close(&core);
}

TEST(bad_flags_and_an_end_past_the_largest_offset_are_refused) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct iovec iov = {bytes, 10};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_NOWAIT, NULL), -EINVAL);
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, 1u << 30, NULL), -EINVAL);
    CHECK_EQ(wt_write_with(file, &iov, 1, NULL, 0, 0, NULL), -EINVAL);
    CHECK_OK(wt_truncate(file, INT64_MAX - 5));
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_APPEND, NULL), -EFBIG);
    CHECK_EQ(wt_size(file), INT64_MAX - 5);
    core_close(&core);
}

/* ---- order ---- */

static struct core core_threaded(void) {
    return core_open(&(struct sim_options){.threaded = true}, NULL);
}

TEST(an_append_is_acknowledged_when_those_before_it_are_and_not_seen_before) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    CHECK_EQ(append(file, 1, FOLIO), 0);
    sim_hold(core.sim);
    submit(file, 2, FOLIO, 2);
    submit(file, 3, FOLIO, 3);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    sim_release_at(core.sim, "file", 2 * FOLIO);
    let_others_run();
    CHECK(no_event(&core));
    CHECK_EQ(sim_size(core.sim, "file"), 3 * FOLIO);
    CHECK_EQ(wt_size(file), FOLIO);
    CHECK_EQ(read_at(file, FOLIO, bytes, 10), 0);
    sim_release_at(core.sim, "file", FOLIO);
    for (uint64_t i = 2; i <= 3; i++) {
        struct wt_event event = reap(&core);
        CHECK_EQ(event.result, FOLIO);
        CHECK_EQ(event.offset, (event.token - 1) * FOLIO);
        CHECK_EQ(event.stable_bytes, FOLIO);
    }
    CHECK_EQ(wt_size(file), 3 * FOLIO);
    sim_release_all(core.sim);
    core_close(&core);
}

TEST(an_append_goes_behind_a_write_in_flight) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    sim_hold(core.sim);
    struct iovec iov = {bytes, 1000};
    CHECK_OK(wt_write_submit(file, &iov, 1, 500, WT_DURABILITY_FILE, 0, 1));
    submit(file, 2, FOLIO, 2);
    sim_release_all(core.sim);
    struct wt_event a = reap(&core), b = reap(&core);
    CHECK_EQ(a.token == 2 ? a.offset : b.offset, 1500);
    CHECK_EQ(a.token == 1 ? a.offset : b.offset, 500);
    CHECK_EQ(wt_size(file), 1500 + FOLIO);
    core_close(&core);
}

TEST(an_append_waits_for_no_plain_write_before_it_and_stays_if_that_fails) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    CHECK_EQ(append(file, 1, BLOCK), 0);
    sim_fail(core.sim,
             &(struct sim_fault){.ops = SIM_WRITE, .offset = BLOCK, .length = FOLIO, .count = 1, .error = -EIO});
    sim_hold(core.sim);
    struct iovec iov = {bytes, FOLIO};
    CHECK_OK(wt_write_submit(file, &iov, 1, BLOCK, WT_DURABILITY_FILE, 0, 1));
    submit(file, 2, BLOCK, 2);
    sim_release_at(core.sim, "file", BLOCK + FOLIO);
    struct wt_event event = reap(&core);
    CHECK_EQ(event.token, 2);
    CHECK_EQ(event.offset, BLOCK + FOLIO);
    CHECK_EQ(wt_size(file), 2 * BLOCK + FOLIO);
    sim_release_all(core.sim);
    CHECK_EQ(reap(&core).result, -EIO);
    sim_heal(core.sim);
    check_filled(file, BLOCK, 0, FOLIO);
    check_filled(file, BLOCK + FOLIO, 2, BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(an_append_goes_to_the_end_after_a_write_past_it_failed) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 100);
    struct iovec iov = {bytes, 1000};
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -ENOSPC, .grows = true});
    CHECK_EQ(wt_write(file, &iov, 1, 10 * BLOCK, WT_DURABILITY_FILE, NULL), -ENOSPC);
    CHECK_EQ(append(file, 2, 10), 100);
    CHECK_OK(wt_truncate(file, 10 * BLOCK + 5));
    core_reopen(&core);
    file = core_file(&core, "file");
    CHECK_EQ(wt_write_submit(file, &iov, 1, 10 * BLOCK + 2, WT_DURABILITY_FILE, WT_NOWAIT, 1), -EAGAIN);
    CHECK_EQ(append(file, 3, 10), 10 * BLOCK + 5);
    core_close(&core);
}

TEST(an_append_goes_to_the_end_after_a_write_past_it_was_refused_while_others_are_in_flight) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct iovec iov = {bytes, BLOCK};
    fill_at(file, 0, 1, 10 * BLOCK + 5);
    core_reopen(&core);
    file = core_file(&core, "file");
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, WT_DURABILITY_FILE, 0, 1));
    CHECK_EQ(wt_write_submit(file, &iov, 1, 10 * BLOCK + 2, WT_DURABILITY_FILE, WT_NOWAIT, 2), -EAGAIN);
    CHECK_EQ(append(file, 3, 10), 10 * BLOCK + 5);
    CHECK_EQ(reap(&core).token, 1);
    core_close(&core);
}

TEST(an_append_that_fails_takes_those_behind_it_along_and_the_next_goes_to_the_old_end) {
    for (unsigned order = 0; order < 2; order++) {
        struct core core = core_threaded();
        wt_file file = core_file(&core, "file");
        CHECK_EQ(append(file, 1, FOLIO + 100), 0);
        CHECK_OK(wt_truncate(file, FOLIO));
        sim_hold(core.sim);
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .offset = FOLIO, .length = FOLIO, .error = -EIO});
        submit(file, 2, FOLIO, 2);
        submit(file, 3, FOLIO, 3);
        submit(file, 4, FOLIO, 4);
        CHECK_EQ(sim_wait_in_flight(core.sim, 3), 3);
        sim_release_at(core.sim, "file", order == 0 ? FOLIO : 2 * FOLIO);
        sim_release_all(core.sim);
        for (uint64_t i = 2; i <= 4; i++) {
            struct wt_event event = reap(&core);
            CHECK_EQ(event.result, -EIO);
            CHECK_EQ(event.stable_bytes, 0);
        }
        sim_heal(core.sim);
        CHECK_EQ(wt_size(file), FOLIO);
        CHECK_EQ(append(file, 5, 10), FOLIO);
        CHECK_EQ(sim_size(core.sim, "file"), FOLIO + 10);
        fill_at(file, 5 * FOLIO, 6, 1);
        check_filled(file, 0, 1, FOLIO);
        check_filled(file, FOLIO, 5, 10);
        check_filled(file, FOLIO + 10, 0, 4 * FOLIO - 10);
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

TEST(a_part_of_a_failed_append_that_is_stable_stays) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    append(file, 1, BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -ENOSPC, .transfer = 2 * BLOCK});
    memset(bytes, 2, 8 * BLOCK);
    uint64_t offset = 0;
    uint64_t stable_bytes = 0;
    CHECK_EQ(append_as(file, bytes, 8 * BLOCK, &offset, &stable_bytes), -ENOSPC);
    sim_heal(core.sim);
    CHECK_EQ(offset, BLOCK);
    CHECK_EQ(stable_bytes, 2 * BLOCK);
    CHECK_EQ(wt_size(file), 3 * BLOCK);
    CHECK_EQ(append(file, 3, 5), 3 * BLOCK);
    check_filled(file, BLOCK, 2, 2 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_size_that_cannot_be_restored_is_the_error_of_the_next_append_until_it_can) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    append(file, 1, 10);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO, .grows = true});
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SIZE, .error = -ENOMEM});
    uint64_t offset = 0;
    CHECK_EQ(append_as(file, bytes, 100, &offset, NULL), -EIO);
    CHECK_EQ(append_as(file, bytes, 100, &offset, NULL), -ENOMEM);
    CHECK_EQ(wt_truncate(file, 1000), -ENOMEM);
    CHECK_EQ(submit_with(file, 1, 10, WT_APPEND | WT_NOWAIT, 1), -EAGAIN);
    CHECK_EQ(wt_size(file), 10);
    sim_heal(core.sim);
    CHECK_EQ(append(file, 2, 100), 10);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(an_append_that_may_not_wait_gives_its_place_back) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 100);
    core_reopen(&core);
    file = core_file(&core, "file");
    CHECK_EQ(submit_with(file, 2, 50, WT_APPEND | WT_NOWAIT, 1), -EAGAIN); /* the last block is not cached */
    CHECK_EQ(wt_size(file), 100);
    CHECK_EQ(append(file, 3, 50), 100);
    CHECK_OK(submit_with(file, 4, 50, WT_APPEND | WT_NOWAIT, 2));
    CHECK_EQ(submit_with(file, 5, 50, WT_APPEND | WT_NOWAIT, 3), 0);
    CHECK_EQ(reap(&core).offset, 150);
    CHECK_EQ(reap(&core).offset, 200);
    CHECK_EQ(wt_size(file), 250);
    core_close(&core);
}

TEST(appends_behind_one_in_flight_leave_as_one_io) {
    enum { APPENDERS = 8 };
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    uint64_t before = core_stats(&core).device_writes;
    for (unsigned i = 0; i < APPENDERS; i++) {
        submit(file, (int)i + 1, 100, i);
    }
    for (unsigned i = 0; i < APPENDERS; i++) {
        CHECK_EQ(reap(&core).result, 100);
    }
    CHECK_EQ(core_stats(&core).device_writes - before, 2);
    CHECK_EQ(core_stats(&core).gathered_writes, APPENDERS - 1);
    for (unsigned i = 0; i < APPENDERS; i++) {
        check_filled(file, i * 100, (int)i + 1, 100);
    }
    core_close(&core);
}

/* ---- many at once ---- */

enum { WORKERS = 8, EACH = 150, RECORD_MAX = 5000 };

struct worker {
    wt_file file;
    unsigned id;
    uint64_t seed;
    uint64_t offsets[EACH];
    size_t lengths[EACH];
    uint8_t *shadow; /* the file as the appenders say that it is */
    uint64_t size_seen;
    pthread_t thread;
};

static void *append_records(void *argument) {
    struct worker *worker = argument;
    struct test_random random = test_random_of(worker->seed);
    uint8_t *record = malloc(RECORD_MAX);
    CHECK(record != NULL);
    for (unsigned i = 0; i < EACH; i++) {
        size_t length = test_random_one_in(&random, 20) ? test_random_between(&random, 1, RECORD_MAX)
                                                        : test_random_between(&random, 1, 200);
        memset(record, (int)(worker->id * 16 + i % 16 + 1), length);
        uint64_t stable_bytes = 0;
        CHECK_EQ(append_as(worker->file, record, length, &worker->offsets[i], &stable_bytes), length);
        worker->lengths[i] = length;
        CHECK(i == 0 || worker->offsets[i] >= worker->offsets[i - 1] + worker->lengths[i - 1]);
        CHECK((uint64_t)wt_size(worker->file) >= worker->offsets[i] + length);
        uint8_t last = 0;
        CHECK_EQ(read_at(worker->file, worker->offsets[i] + length - 1, &last, 1), 1);
        CHECK_EQ(last, record[0]);
    }
    free(record);
    return NULL;
}

static void append_concurrently(const struct sim_options *options, uint64_t seed) {
    struct core core = core_open(options, NULL);
    wt_file file = core_file(&core, "file");
    static struct worker workers[WORKERS];
    uint64_t total = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.file = file, .id = i, .seed = seed * WORKERS + i};
        workers[i].thread = test_thread(append_records, &workers[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        test_join(workers[i].thread);
    }
    struct model model = model_new(ROOM);
    uint64_t covered = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        for (unsigned r = 0; r < EACH; r++) {
            memset(bytes, (int)(i * 16 + r % 16 + 1), workers[i].lengths[r]);
            for (size_t at = 0; at < workers[i].lengths[r]; at++) {
                CHECK_EQ(model.bytes[workers[i].offsets[r] + at], 0);
            }
            model_write(&model, workers[i].offsets[r], bytes, workers[i].lengths[r]);
            total += workers[i].lengths[r];
        }
    }
    covered = model.size;
    CHECK_EQ(covered, total);
    check_file(&core, file, "file", &model);
    CHECK_EQ(sim_largest_size(core.sim, "file"), total);
    model_free(&model);
    core_close(&core);
}

TEST(many_appenders_get_places_without_gap_or_overlap) {
    uint64_t seed = test_seed();
    for (uint64_t i = 0; i < 4; i++) {
        CONTEXT("seed %llu", (unsigned long long)(seed + i));
        append_concurrently(&(struct sim_options){.seed = seed + i,
                                                  .block_bytes = i % 2 == 0 ? 512 : 4096,
                                                  .threaded = true,
                                                  .shuffle = true,
                                                  .buffered = i == 3},
                            seed + i);
    }
}

/* ---- power and faults ---- */

enum { APPENDS = 12 };

/* Asynchronous appends on a pumped disk, completions in seeded order, cut or failing at one event. */
static bool play(const struct sim_options *options, uint64_t event, bool fault, enum sim_cut kind, uint64_t seed) {
    static const size_t sizes[] = {100, 3 * BLOCK, 200, FOLIO, 60, BLOCK, 5000, 128};
    struct core core = core_open(options, NULL);
    struct test_random random = test_random_of(seed);
    wt_file file = core_file(&core, "file");
    uint64_t acknowledged = 0;
    if (fault) {
        sim_fail(core.sim,
                 &(struct sim_fault){
                     .ops = SIM_READ | SIM_WRITE, .skip = event - 1, .count = 1, .error = -EIO, .grows = true});
    } else {
        sim_power_cut_at(core.sim, event, kind, seed);
    }
    for (unsigned i = 0; i < APPENDS; i++) {
        size_t length = sizes[test_random_below(&random, 8)];
        int rc = submit_with(file, (int)i + 1, length, WT_APPEND, i);
        CHECK(rc == 0 || sim_is_cut(core.sim) || fault);
        for (uint64_t n = test_random_below(&random, 3); n > 0; n--) {
            (void)sim_pump_one(core.sim);
        }
        struct wt_event ended;
        while (wt_reap(core.engine, &ended, 1, 0) == 1) {
            if (ended.result >= 0) {
                CHECK_EQ(ended.offset, acknowledged);
                acknowledged += (uint64_t)ended.result;
            } else {
                acknowledged += ended.offset == acknowledged ? ended.stable_bytes : 0;
            }
            if (!sim_is_cut(core.sim)) {
                CHECK((uint64_t)wt_size(file) >= acknowledged);
            }
        }
    }
    bool hit = fault ? sim_failures(core.sim) > 0 : sim_is_cut(core.sim);
    uint8_t *after = malloc(ROOM);
    CHECK(after != NULL);
    sim_pause_faults(core.sim, true);
    while (sim_pump_one(core.sim)) {
    }
    if (!fault) {
        core_restart(&core);
        file = core_file(&core, "file");
    } else {
        uint64_t end = (uint64_t)wt_size(file);
        uint64_t offset = 0;
        CHECK_EQ(append_as(file, bytes, 1, &offset, NULL), 1);
        CHECK_EQ(offset, end);
        check_cache_is_disk(&core, file, "file");
    }
    int64_t size = wt_size(file);
    CHECK(size >= (int64_t)acknowledged);
    CHECK_EQ(read_at(file, 0, after, ROOM), size);
    for (uint64_t at = 0; at < acknowledged; at++) {
        CHECK(after[at] != 0); /* no gap before what was acknowledged */
    }
    free(after);
    core_close(&core);
    return hit;
}

TEST(no_power_cut_leaves_a_gap_before_an_acknowledged_append) {
    static const uint32_t blocks[] = {512, 4096};
    uint64_t seed = test_seed();
    for (uint64_t i = 0; i < 40; i++) {
        bool hit = true;
        for (uint64_t event = 1; hit; event += test_step()) {
            CONTEXT("seed %llu, cut at event %llu", (unsigned long long)(seed + i), (unsigned long long)event);
            hit = play(&(struct sim_options){.seed = seed + i, .block_bytes = blocks[i % 2]}, event, false,
                       (enum sim_cut)(i % 3), seed + i);
        }
    }
}

TEST(no_failed_io_leaves_a_gap_before_an_acknowledged_append) {
    static const uint32_t blocks[] = {512, 4096};
    uint64_t seed = test_seed();
    for (uint64_t i = 0; i < 60; i++) {
        bool hit = true;
        for (uint64_t event = 1; hit; event += test_step()) {
            CONTEXT("seed %llu, I/O %llu fails", (unsigned long long)(seed + i), (unsigned long long)event);
            hit = play(&(struct sim_options){.seed = seed + i, .block_bytes = blocks[i % 2]}, event, true, 0, seed + i);
        }
    }
}
