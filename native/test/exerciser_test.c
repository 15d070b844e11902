// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Short runs of the exerciser, in every directory of WT_TEST_DIRS. */
#include "exercise.h"
#include "external.h"
#include "test.h"
#include "writethrough.h"

static bool has_io_uring(void) {
    wt_engine engine = 0;
    struct wt_engine_options options = {.backend = WT_BACKEND_IO_URING, .cache_bytes = 1 << 20};
    bool has = wt_engine_open(&options, &engine) == 0;
    return has && wt_engine_close(engine) == 0;
}

/* Each run has a seed of its own, and with it sizes, limits and a mix of operations. */
static void exercise_directories(uint32_t backend, uint64_t seeds, uint64_t operations) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        const char *directory = test_make_directory(test_directory(i));
        uint64_t first = test_seed() + i * seeds;
        for (uint64_t seed = first; seed < first + seeds; seed++) {
            exercise(&(struct exercise_options){
                .seed = seed, .operations = test_scaled(operations), .backend = backend, .directory = directory});
        }
    }
}

TEST(random_operations_match_an_array_on_io_uring) {
    if (!has_io_uring()) {
        SKIP("the kernel refuses io_uring");
    }
    exercise_directories(WT_BACKEND_IO_URING, 8, 500);
}

TEST(random_operations_match_an_array_on_the_ring_of_a_loop) {
    if (!has_io_uring()) {
        SKIP("the kernel refuses io_uring");
    }
    exercise_directories(TEST_BACKEND_EXTERNAL, 8, 500);
}

TEST(random_operations_match_an_array_on_threads) {
    exercise_directories(WT_BACKEND_THREADS, 8, 500);
}

static void exercise_spoiled(void *directory) {
    exercise_spoil_after(100);
    exercise(&(struct exercise_options){.seed = 1,
                                        .operations = 100,
                                        .backend = WT_BACKEND_THREADS,
                                        .directory = directory,
                                        .weights = "write=1,read=1,submit=1"});
}

TEST(a_byte_that_changes_behind_the_engine_is_found) {
    const char *directory = test_make_directory(test_directory(0));
    CHECK_EQ(test_in_child_quietly(exercise_spoiled, (void *)(uintptr_t)directory), 1);
}
