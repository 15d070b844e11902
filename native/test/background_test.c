// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The background class: its limit, by the clock of the simulator, its share, and that it holds up nobody else. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core.h"
#include "sim_tasks.h"

enum { BLOCK = 4096, PIECE = 128 << 10, SIZE = 4 << 20 };

static uint8_t bytes[SIZE];
static uint8_t found[SIZE];

static struct core core_with_file(const struct sim_options *sim, uint64_t cache_bytes) {
    struct core core;
    CHECK_OK(wt_file_close(core_cold_file(&core, sim, cache_bytes, bytes, SIZE)));
    return core;
}

static wt_file background_file(const struct core *core) {
    wt_file file = 0;
    CHECK_OK(wt_file_open(core->engine, "file", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_BACKGROUND, 0,
                          WT_DURABILITY_DSYNC, &file));
    sim_clear_log(core->sim);
    return file;
}

/* ---- the limit ---- */

struct scene {
    struct core core;
    wt_file foreground, background;
    unsigned tasks; /* that have not ended */
    int64_t took_ns[2];
};

static void serve(void *argument) {
    struct scene *scene = argument;
    sim_serve(scene->core.sim);
}

static void end_task(struct scene *scene) {
    if (--scene->tasks == 0) {
        sim_end_service(scene->core.sim, true);
    }
}

static void begin_scene(struct scene *scene) {
    *scene = (struct scene){.core = core_with_file(&(struct sim_options){.tasks = &sim_tasks}, 0)};
    scene->foreground = core_file(&scene->core, "file");
    scene->background = background_file(&scene->core);
}

static void run(struct scene *scene, void (*first)(void *), void (*second)(void *)) {
    scene->tasks = second == NULL ? 1 : 2;
    sim_tasks_add("first", first, scene);
    if (second != NULL) {
        sim_tasks_add("second", second, scene);
    }
    sim_tasks_add("disk", serve, scene);
    sim_tasks_run(1);
}

static void write_much_in_background(void *argument) {
    struct scene *scene = argument;
    int64_t begin_ns = wt_now_ns();
    CHECK_EQ(write_at(scene->background, 0, bytes, 20 * PIECE), 20 * PIECE);
    CHECK_EQ(read_at(scene->background, 21 * PIECE, found, 10 * PIECE), 10 * PIECE);
    CHECK_BYTES(found, bytes + 21 * PIECE, 10 * PIECE);
    scene->took_ns[0] = wt_now_ns() - begin_ns;
    end_task(scene);
}

static void write_some_in_foreground(void *argument) {
    struct scene *scene = argument;
    int64_t begin_ns = wt_now_ns();
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(write_at(scene->foreground, SIZE - BLOCK, bytes + SIZE - BLOCK, BLOCK), BLOCK);
    }
    scene->took_ns[1] = wt_now_ns() - begin_ns;
    end_task(scene);
}

TEST(the_background_does_no_more_bytes_a_second_than_it_may_and_the_foreground_does_not_notice) {
    struct scene scene;
    begin_scene(&scene);
    CHECK_OK(wt_engine_set_background(scene.core.engine, 10 * PIECE, 0, 0));
    run(&scene, write_much_in_background, write_some_in_foreground);
    CHECK(scene.took_ns[0] >= 2890 * INT64_C(1000000)); /* 30 pieces at 10 a second, but for the first */
    CHECK(scene.took_ns[0] < 3500 * INT64_C(1000000));
    CHECK(scene.took_ns[1] < 1000 * INT64_C(1000000));
    core_close(&scene.core);
}

static void read_pages_in_background(void *argument) {
    struct scene *scene = argument;
    int64_t begin_ns = wt_now_ns();
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(read_at(scene->background, (uint64_t)(i * 7 % 20) * 9 * BLOCK, found, BLOCK), BLOCK);
    }
    scene->took_ns[0] = wt_now_ns() - begin_ns;
    begin_ns = wt_now_ns();
    for (unsigned i = 0; i < 20; i++) { /* cached */
        CHECK_EQ(read_at(scene->background, (uint64_t)i * 9 * BLOCK, found, BLOCK), BLOCK);
    }
    scene->took_ns[1] = wt_now_ns() - begin_ns;
    end_task(scene);
}

TEST(the_background_begins_no_more_operations_a_second_than_it_may_and_cached_reads_do_not_count) {
    struct scene scene;
    begin_scene(&scene);
    CHECK_OK(wt_engine_set_background(scene.core.engine, 0, 10, 0));
    run(&scene, read_pages_in_background, NULL);
    CHECK(scene.took_ns[0] >= 1890 * INT64_C(1000000));
    CHECK(scene.took_ns[0] < 2300 * INT64_C(1000000));
    CHECK(scene.took_ns[1] < 100 * INT64_C(1000000));
    core_close(&scene.core);
}

static void read_pieces_in_background(void *argument) {
    struct scene *scene = argument;
    for (unsigned i = 0; i < 10; i++) { /* the second half of each piece is cached */
        CHECK_EQ(read_at(scene->foreground, i * PIECE + PIECE / 2, found, PIECE / 2), PIECE / 2);
    }
    int64_t begin_ns = wt_now_ns();
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(read_at(scene->background, i * PIECE, found, PIECE), PIECE);
        CHECK_BYTES(found, bytes + i * PIECE, PIECE);
    }
    scene->took_ns[0] = wt_now_ns() - begin_ns;
    end_task(scene);
}

TEST(of_a_background_read_only_what_is_not_cached_counts) {
    struct scene scene;
    begin_scene(&scene);
    CHECK_OK(wt_engine_set_background(scene.core.engine, 10 * PIECE, 0, 0));
    run(&scene, read_pieces_in_background, NULL);
    CHECK(scene.took_ns[0] >= 400 * INT64_C(1000000));
    CHECK(scene.took_ns[0] < 600 * INT64_C(1000000));
    core_close(&scene.core);
}

static void lift_the_limit(void *argument) {
    struct scene *scene = argument;
    sim_tasks.sleep_until(sim_tasks.now_ns() + 500 * UINT64_C(1000000));
    CHECK_OK(wt_engine_set_background(scene->core.engine, 0, 0, 0));
    end_task(scene);
}

TEST(a_limit_that_is_lifted_lets_those_go_that_wait) {
    struct scene scene;
    begin_scene(&scene);
    CHECK_OK(wt_engine_set_background(scene.core.engine, 1, 0, 0));
    run(&scene, write_much_in_background, lift_the_limit);
    CHECK(scene.took_ns[0] >= 400 * INT64_C(1000000));
    CHECK(scene.took_ns[0] < 1000 * INT64_C(1000000));
    core_close(&scene.core);
}

/* ---- the share ---- */

TEST(a_long_background_read_and_write_go_in_pieces_and_a_foreground_one_does_not) {
    struct core core = core_with_file(NULL, 64 << 20);
    wt_file file = background_file(&core);
    CHECK_EQ(read_at(file, 100, found, 1 << 20), 1 << 20);
    CHECK_BYTES(found, bytes + 100, 1 << 20);
    for (size_t i = 0; i < sim_count(core.sim, SIM_READ); i++) {
        CHECK(sim_record(core.sim, SIM_READ, i).length <= PIECE + BLOCK);
    }
    memset(bytes + (2 << 20) + 100, 7, 1 << 20);
    CHECK_EQ(write_at(file, (2 << 20) + 100, bytes + (2 << 20) + 100, 1 << 20), 1 << 20);
    CHECK(sim_count(core.sim, SIM_WRITE) >= 8);
    for (size_t i = 0; i < sim_count(core.sim, SIM_WRITE); i++) {
        CHECK(sim_record(core.sim, SIM_WRITE, i).length <= PIECE + BLOCK);
    }
    sim_clear_log(core.sim);
    wt_file foreground = core_file(&core, "file");
    sim_clear_log(core.sim);
    CHECK_EQ(write_at(foreground, 0, bytes, 1 << 20), 1 << 20);
    CHECK(sim_record(core.sim, SIM_WRITE, 0).length > PIECE);
    CHECK_EQ(read_at(foreground, 0, found, SIZE), SIZE);
    CHECK_BYTES(found, bytes, SIZE);
    core_close(&core);
}

TEST(the_bytes_of_a_background_write_that_are_stable_are_counted_over_its_pieces) {
    struct core core = core_with_file(NULL, 0);
    wt_file file = background_file(&core);
    sim_fail(core.sim,
             &(struct sim_fault){.ops = SIM_WRITE, .offset = 3 * PIECE, .length = 1, .count = 1, .error = -EIO});
    struct iovec iov = {bytes, 5 * PIECE};
    uint64_t stable = 0;
    CHECK_EQ(wt_write(file, &iov, 1, 0, WT_DURABILITY_DSYNC, &stable), -EIO);
    CHECK_EQ(stable, 3 * PIECE);
    CHECK_EQ(wt_write(file, &iov, 1, 0, WT_DURABILITY_DSYNC, &stable), 5 * PIECE);
    CHECK_EQ(stable, 5 * PIECE);
    uint64_t at = 1;
    CHECK_EQ(wt_write_with(file, &iov, 1, &at, WT_DURABILITY_DSYNC, WT_APPEND, &stable), 5 * PIECE);
    CHECK_EQ(at, SIZE);
    CHECK_EQ(wt_write_with(file, &iov, 1, &at, 0, WT_LATER, &stable), 5 * PIECE);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

TEST(no_more_than_the_share_is_in_flight_and_what_may_not_wait_is_refused) {
    struct core core = core_with_file(NULL, 0);
    wt_file file = background_file(&core);
    CHECK_OK(wt_engine_set_background(core.engine, 0, 0, 64 << 10));
    struct iovec iov = {bytes, 32 << 10};
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, WT_NOWAIT, 1));
    CHECK_OK(wt_write_submit(file, &iov, 1, 1 << 20, 0, WT_NOWAIT, 2));
    CHECK_EQ(wt_write_submit(file, &iov, 1, 2 << 20, 0, WT_NOWAIT, 3), -EAGAIN);
    CHECK_EQ(wt_fetch_submit(file, 3 << 20, BLOCK, WT_NOWAIT, 4), -EAGAIN);
    CHECK_OK(wt_prefetch(file, 3 << 20, BLOCK)); /* nothing */
    CHECK_EQ(sim_in_flight(core.sim), 2);
    CHECK(sim_pump_one(core.sim));
    CHECK_EQ(wt_fetch_submit(file, 3 << 20, PIECE, WT_NOWAIT, 4), -EAGAIN);
    CHECK_OK(wt_fetch_submit(file, 3 << 20, 8 * BLOCK, WT_NOWAIT, 4));
    CHECK_EQ(sim_in_flight(core.sim), 2);
    while (sim_pump_one(core.sim)) {
    }
    CHECK_OK(wt_fetch_submit(file, 2 << 20, PIECE, WT_NOWAIT, 5)); /* a piece of it */
    CHECK_EQ(sim_record(core.sim, SIM_READ, 1).length, 64 << 10);
    while (sim_pump_one(core.sim)) {
    }
    struct iovec large = {bytes, 512 << 10}; /* alone */
    CHECK_OK(wt_write_submit(file, &large, 1, 0, 0, WT_NOWAIT, 6));
    CHECK_EQ(wt_write_submit(file, &iov, 1, 2 << 20, 0, WT_NOWAIT, 7), -EAGAIN);
    CHECK_OK(wt_write_submit(file, &iov, 1, 2 << 20, 0, 0, 8)); /* waits */
    core_close(&core);
}

TEST(what_the_background_prefetches_and_reads_ahead_is_within_its_share) {
    struct core core = core_with_file(NULL, 64 << 20);
    wt_file file = background_file(&core);
    CHECK_OK(wt_prefetch(file, 0, SIZE));
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 256 << 10);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 2);
    CHECK_EQ(read_at(file, 0, found, SIZE), SIZE); /* waits for them */
    CHECK_BYTES(found, bytes, SIZE);
    for (size_t i = 0; i < sim_count(core.sim, SIM_READ); i++) {
        CHECK(sim_record(core.sim, SIM_READ, i).length <= PIECE + BLOCK);
    }
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), SIZE);
    core_close(&core);
}

TEST(a_share_that_is_too_small_is_refused) {
    struct core core = core_with_file(NULL, 0);
    CHECK_EQ(wt_engine_set_background(core.engine, 0, 0, 100), -EINVAL);
    CHECK_OK(wt_engine_set_background(core.engine, UINT64_MAX, UINT64_MAX, UINT64_MAX));
    CHECK_EQ(wt_engine_set_background(core.engine + 1, 0, 0, 0), -EBADF);
    wt_file file = background_file(&core);
    fill_at(file, 0, 1, 10 * BLOCK);
    check_filled(file, 0, 1, 10 * BLOCK);
    core_close(&core);
}

/* ---- closing ---- */

static void *write_for_ever(void *argument) {
    wt_file file = *(wt_file *)argument;
    CHECK_EQ(write_at(file, 0, bytes, SIZE), SIZE);
    return NULL;
}

TEST(nobody_waits_for_a_limit_while_the_engine_is_being_closed) {
    struct core core = core_with_file(&(struct sim_options){.threaded = true}, 0);
    wt_file file = background_file(&core);
    CHECK_OK(wt_engine_set_background(core.engine, 1, 0, 0));
    pthread_t writing = test_thread(write_for_ever, &file);
    while (sim_count(core.sim, SIM_WRITE) == 0) {
        let_others_run();
    }
    let_others_run();
    core_close(&core);
    test_join(writing);
}
