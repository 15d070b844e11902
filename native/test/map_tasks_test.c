// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files that are mapped for writing, by callers that are tasks: each test runs in so many interleavings. See sim_tasks.h. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "core.h"
#include "sim_tasks.h"

enum { BLOCK = 4096, INTERLEAVINGS = 200 };

struct scene {
    struct core core;
    wt_file file;
    unsigned tasks; /* that have not ended */
    int told;       /* how many calls failed as forces do */
};

/* A file of 16 blocks of ones. */
static void begin_scene(struct scene *scene, uint64_t seed) {
    CONTEXT("interleaving %d", (int)seed);
    *scene = (struct scene){
        .core = core_open(&(struct sim_options){.seed = seed, .cursors = true, .tasks = &sim_tasks}, NULL)};
    static uint8_t bytes[16 * BLOCK];
    memset(bytes, 1, sizeof bytes);
    sim_put(scene->core.sim, "file", bytes, sizeof bytes);
    scene->file = core_file(&scene->core, "file");
}

static void serve(void *argument) {
    struct scene *scene = argument;
    sim_serve(scene->core.sim);
}

static void end_task(struct scene *scene) {
    if (--scene->tasks == 0) {
        sim_end_service(scene->core.sim, true);
    }
}

static void run(struct scene *scene, uint64_t seed, void (*first)(void *), void (*second)(void *)) {
    scene->tasks = 2;
    sim_tasks_add("first", first, scene);
    sim_tasks_add("second", second, scene);
    sim_tasks_add("disk", serve, scene);
    sim_tasks_run(seed);
}

/* ---- errors -------------------------------------------------------------------------------------------------------- */

static void read_one(void *argument) {
    struct scene *scene = argument;
    CHECK_EQ(byte_of(scene->file, BLOCK), 1);
    end_task(scene);
}

static void force(void *argument) {
    struct scene *scene = argument;
    int rc = wt_force(scene->file);
    CHECK(rc == 0 || rc == -EIO);
    scene->told += rc != 0;
    end_task(scene);
}

/* The read takes the file back to direct I/O, and so flushes. Each force that begins now has to cover the store. */
TEST(no_force_misses_the_error_of_stores_that_the_end_of_a_mapping_has_flushed) {
    for (uint64_t seed = 1; seed <= INTERLEAVINGS; seed++) {
        struct scene scene;
        wt_mapping mapping;
        static const uint8_t bytes[BLOCK] = {2};
        begin_scene(&scene, seed);
        CHECK_EQ(wt_mapping_begin(scene.file, 0, &mapping), 1);
        CHECK(sim_store(scene.core.sim, "file", 0, bytes, BLOCK));
        CHECK_OK(wt_mapping_end(mapping));
        sim_fail_stores(scene.core.sim, "file", -EIO);
        run(&scene, seed, read_one, force);
        CHECK_EQ(scene.told, 1);
        (void)wt_force(scene.file); /* may tell it again */
        core_close(&scene.core);
    }
}
