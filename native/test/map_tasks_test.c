// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files that are mapped for writing, by callers that are tasks: each test runs in so many interleavings. See sim_tasks.h. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "core.h"
#include "sim_tasks.h"

enum { BLOCK = 4096 };

/* Sanitizers take their time, and look for what fewer show. RARE: where one in a thousand is the one. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { INTERLEAVINGS = 50, RARE = 300 };
#else
enum { INTERLEAVINGS = 200, RARE = 1500 };
#endif

struct scene {
    struct core core;
    wt_file file;
    unsigned tasks; /* that have not ended */
    int told;       /* how many calls failed as forces do */
    uint64_t seed;
    wt_mapping mapping;
    wt_memory memory;
    void *address;
    int mapped;        /* what wt_memory_map returned */
    uint64_t appended; /* where */
};

/* A file of 16 blocks of ones. */
static void begin_scene(struct scene *scene, uint64_t seed) {
    CONTEXT("interleaving %d", (int)seed);
    *scene = (struct scene){
        .seed = seed,
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

/* third: NULL: there are two. */
static void run(struct scene *scene, uint64_t seed, void (*first)(void *), void (*second)(void *),
                void (*third)(void *)) {
    scene->tasks = third == NULL ? 2 : 3;
    sim_tasks_add("first", first, scene);
    sim_tasks_add("second", second, scene);
    if (third != NULL) {
        sim_tasks_add("third", third, scene);
    }
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
        CHECK_EQ(wt_mapping_begin(scene.file, 0, 0, &mapping), 1);
        CHECK(sim_store(scene.core.sim, "file", 0, bytes, BLOCK));
        CHECK_OK(wt_mapping_end(mapping));
        sim_fail_stores(scene.core.sim, "file", -EIO);
        run(&scene, seed, read_one, force, NULL);
        CHECK_EQ(scene.told, 1);
        (void)wt_force(scene.file); /* may tell it again */
        core_close(&scene.core);
    }
}

/* ---- durable memory ----------------------------------------------------------------------------------------------- */

static void punch(void *argument) {
    struct scene *scene = argument;
    scene->told =
        wt_punch_hole(scene->file, BLOCK + 100, 8 * BLOCK); /* in three steps: parts of blocks, and whole ones */
    end_task(scene);
}

static void map_memory(void *argument) {
    struct scene *scene = argument;
    for (uint64_t i = 0; i < scene->seed % 4; i++) {
        CHECK_EQ(byte_of(scene->file, (12 + i) * BLOCK), 1); /* each takes as long as an I/O */
    }
    scene->mapped = wt_memory_map(scene->file, 0, 16 * BLOCK, WT_MEMORY_COMPARE, &scene->memory, &scene->address);
    end_task(scene);
}

/* Else a hole would be made in parts, and the memory have what was there before. */
TEST(a_hole_and_durable_memory_that_meet_leave_one_of_them_refused_as_a_whole) {
    unsigned refused = 0, mapped = 0;
    for (uint64_t seed = 1; seed <= INTERLEAVINGS; seed++) {
        struct scene scene;
        begin_scene(&scene, seed);
        run(&scene, seed, punch, map_memory, NULL);
        CHECK(scene.told == 0 || scene.told == -EBUSY);
        CHECK(scene.mapped >= 0 || (scene.mapped == -EBUSY && scene.told == 0));
        check_filled(scene.file, 0, 1, BLOCK + 100);
        check_filled(scene.file, BLOCK + 100, scene.told == 0 ? 0 : 1, 8 * BLOCK);
        check_filled(scene.file, 9 * BLOCK + 100, 1, 7 * BLOCK - 100);
        if (scene.mapped >= 0) {
            static uint8_t bytes[16 * BLOCK];
            CHECK_EQ(read_at(scene.file, 0, bytes, sizeof bytes), sizeof bytes);
            CHECK_BYTES(scene.address, bytes, sizeof bytes);
            CHECK_OK(wt_memory_unmap(scene.memory));
        }
        refused += scene.told != 0 || scene.mapped < 0;
        mapped += scene.mapped >= 0;
        core_close(&scene.core);
    }
    CHECK(refused > 0 && mapped > 0);
}

static void read_last(void *argument) {
    struct scene *scene = argument;
    uint8_t byte = 0;
    int64_t n = read_at(scene->file, 15 * BLOCK, &byte, 1); /* the close waits for it */
    CHECK(n == 1 || n == -EBADF);
    end_task(scene);
}

static void close_file(void *argument) {
    struct scene *scene = argument;
    CHECK_OK(wt_file_close(scene->file));
    end_task(scene);
}

static void unmap_memory(void *argument) {
    struct scene *scene = argument;
    CHECK_OK(wt_memory_unmap(scene->memory));
    end_task(scene);
}

TEST(memory_that_is_unmapped_while_its_file_is_closing_owns_nothing_any_more) {
    for (uint64_t seed = 1; seed <= INTERLEAVINGS; seed++) {
        struct scene scene;
        begin_scene(&scene, seed);
        wt_file other = core_file(&scene.core, "file");
        CHECK_OK(wt_memory_map(scene.file, 0, 4 * BLOCK, WT_MEMORY_COMPARE, &scene.memory, &scene.address));
        run(&scene, seed, read_last, close_file, unmap_memory);
        fill_at(other, 0, 2, BLOCK);
        core_close(&scene.core);
    }
}

/* ---- appends -------------------------------------------------------------------------------------------------------- */

static int64_t append(wt_file file, int value, uint64_t *offset) {
    uint8_t bytes[BLOCK];
    memset(bytes, value, sizeof bytes);
    struct iovec iov = {bytes, sizeof bytes};
    return wt_write_with(file, &iov, 1, offset, 0, WT_APPEND, NULL);
}

/*
 * The first is refused, unless the file is mapped already: then it runs again. So the second waits for the size to be restored,
 * which it leaves the gate for.
 */
static void append_twice(void *argument) {
    struct scene *scene = argument;
    uint64_t ignored;
    int64_t first = append(scene->file, 2, &ignored);
    CHECK(first == BLOCK || first == -EIO);
    CHECK_EQ(append(scene->file, 3, &scene->appended), BLOCK);
    CHECK_EQ(scene->appended, 16 * BLOCK + (first < 0 ? 0 : BLOCK));
    end_task(scene);
}

/* So that something is in flight when the append fails. */
static void write_elsewhere(void *argument) {
    struct scene *scene = argument;
    for (int i = 0; i < 6; i++) {
        fill_at(scene->file, 0, 4, BLOCK);
    }
    end_task(scene);
}

static void map_and_store(void *argument) {
    struct scene *scene = argument;
    static const uint8_t bytes[BLOCK] = {5};
    for (uint64_t i = 0; i <= scene->seed % 4; i++) {
        CHECK_EQ(byte_of(scene->file, (2 + i) * BLOCK), 1); /* each takes as long as an I/O */
    }
    CHECK(wt_mapping_begin(scene->file, 0, 0, &scene->mapping) >= 0);
    CHECK(sim_store(scene->core.sim, "file", BLOCK, bytes, BLOCK));
    CHECK_EQ(byte_of(scene->file, BLOCK), 5);
    end_task(scene);
}

/* The simulated disk ends the test if direct I/O goes to a file that is mapped. */
TEST(an_append_that_has_left_the_gate_for_the_size_sees_that_the_file_was_mapped_meanwhile) {
    for (uint64_t seed = 1; seed <= RARE; seed++) {
        struct scene scene;
        begin_scene(&scene, seed);
        sim_fail(
            scene.core.sim,
            &(struct sim_fault){.ops = SIM_WRITE, .offset = 16 * BLOCK, .length = BLOCK, .count = 1, .error = -EIO});
        run(&scene, seed, append_twice, write_elsewhere, map_and_store);
        check_filled(scene.file, scene.appended, 3, BLOCK);
        CHECK_OK(wt_mapping_end(scene.mapping));
        check_filled(scene.file, scene.appended, 3, BLOCK);
        (void)wt_force(scene.file); /* may be told that the file was mapped when the append was refused */
        (void)wt_force(scene.file);
        core_close(&scene.core);
    }
}
