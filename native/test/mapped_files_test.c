// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files that are mapped for writing, on real file systems and on every backend: see map_test.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core.h"

enum { BLOCK = 4096, SIZE = 256 * BLOCK };

static const uint32_t backends[] = {WT_BACKEND_IO_URING, WT_BACKEND_THREADS};

struct place {
    wt_engine engine;
    wt_file file;
    struct wt_profile profile;
    char path[512];
};

static void open_place(struct place *place, uint32_t flags) {
    CHECK_OK(wt_file_open(place->engine, place->path, flags, 0644, 0, &place->file));
}

static void each_place(void (*test)(struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t j = 0; j < sizeof backends / sizeof backends[0]; j++) {
            struct place place;
            struct wt_engine_options options = {.backend = backends[j], .cache_bytes = 32 << 20};
            CONTEXT("backend %u on %s", backends[j], test_directory(i));
            snprintf(place.path, sizeof place.path, "%s/file", test_make_directory(test_directory(i)));
            int rc = wt_engine_open(&options, &place.engine);
            if (backends[j] == WT_BACKEND_IO_URING && (rc == -EPERM || rc == -ENOSYS)) {
                printf("   not on io_uring: the kernel refuses it\n");
                continue;
            }
            CHECK_OK(rc);
            open_place(&place, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE);
            CHECK_OK(wt_file_profile(place.file, &place.profile));
            test(&place);
            CHECK_OK(wt_engine_close(place.engine));
        }
    }
}

static uint8_t *map(wt_file file, size_t length, wt_mapping *mapping) {
    CHECK_EQ(wt_mapping_begin(file, 0, length, mapping), 1);
    uint8_t *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, wt_file_descriptor(file), 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static void unmap(uint8_t *memory, size_t length, wt_mapping mapping) {
    CHECK(munmap(memory, length) == 0);
    CHECK_OK(wt_mapping_end(mapping));
}

static void check_memory(const uint8_t *memory, int value, size_t length) {
    for (size_t i = 0; i < length; i++) {
        CHECK_EQ(memory[i], value);
    }
}

/* ---- one thread -------------------------------------------------------------------------------------------------- */

static void see_each_other(struct place *place) {
    wt_mapping mapping;
    fill_at(place->file, 0, 1, SIZE / 2);
    uint8_t *memory = map(place->file, SIZE, &mapping);
    CHECK_EQ(wt_size(place->file), SIZE);
    check_memory(memory, 1, SIZE / 2);
    check_memory(memory + SIZE / 2, 0, SIZE / 2);
    for (int i = 2; i < 50; i++) {
        size_t at = (size_t)i * 37 * 997 % (SIZE - 3 * BLOCK);
        memset(memory + at, i, 2 * BLOCK);
        check_filled(place->file, at, i, 2 * BLOCK);
        fill_at(place->file, at + 100, i + 100, BLOCK);
        check_memory(memory + at, i, 100);
        check_memory(memory + at + 100, i + 100, BLOCK);
        check_memory(memory + at + 100 + BLOCK, i, BLOCK - 100);
    }
    memset(memory, 7, SIZE);
    CHECK(msync(memory, SIZE, MS_SYNC) == 0);
    CHECK_OK(wt_punch_hole(place->file, 100, 5 * BLOCK));
    check_memory(memory, 7, 100);
    check_memory(memory + 100, 0, 5 * BLOCK);
    check_memory(memory + 100 + 5 * BLOCK, 7, BLOCK);
    unmap(memory, SIZE, mapping);
    check_filled(place->file, 0, 7, 100);
    check_filled(place->file, 100, 0, 5 * BLOCK);
    check_filled(place->file, 100 + 5 * BLOCK, 7, SIZE - 100 - 5 * BLOCK);
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(place->file, &profile));
    CHECK_EQ(profile.path, place->profile.path);
}

TEST(what_is_stored_is_read_and_what_is_written_is_in_the_memory) {
    each_place(see_each_other);
}

static void go_on_after_close(struct place *place) {
    wt_mapping mapping;
    uint8_t *memory = map(place->file, SIZE, &mapping);
    memset(memory, 1, SIZE);
    CHECK_OK(wt_file_close(place->file));
    memset(memory, 2, SIZE);
    open_place(place, WT_OPEN_READ);
    check_filled(place->file, 0, 2, SIZE);
    memset(memory, 3, BLOCK);
    check_filled(place->file, 0, 3, BLOCK);
    CHECK_OK(wt_file_close(place->file));
    open_place(place, WT_OPEN_READ | WT_OPEN_WRITE);
    memset(memory, 4, BLOCK);
    check_filled(place->file, 0, 4, BLOCK);
    fill_at(place->file, BLOCK, 5, BLOCK);
    check_memory(memory + BLOCK, 5, BLOCK);
    unmap(memory, SIZE, mapping);
    check_filled(place->file, 0, 4, BLOCK);
    check_filled(place->file, BLOCK, 5, BLOCK);
    check_filled(place->file, 2 * BLOCK, 2, SIZE - 2 * BLOCK);
}

TEST(a_mapping_outlives_the_handle_and_every_later_one_sees_it) {
    each_place(go_on_after_close);
}

static void map_ahead(struct place *place) {
    CHECK_OK(wt_file_grow_ahead(place->file, 64 * BLOCK));
    fill_at(place->file, 0, 1, 1000);
    wt_mapping mapping;
    uint8_t *memory = map(place->file, 1000, &mapping);
    CHECK_EQ(lseek(wt_file_descriptor(place->file), 0, SEEK_END), 1000);
    memory[999] = 9;
    CHECK_EQ(byte_of(place->file, 999), 9);
    CHECK_OK(wt_allocate(place->file, 0, SIZE));
    CHECK_EQ(memory[999], 9);
    unmap(memory, 1000, mapping);
    check_filled(place->file, 1000, 0, SIZE - 1000);
    CHECK_EQ(byte_of(place->file, 999), 9);
}

TEST(a_file_that_grew_ahead_is_mapped_as_long_as_it_is) {
    each_place(map_ahead);
}

/* ---- several threads ---------------------------------------------------------------------------------------------- */

enum { THREADS = 2, ROUNDS = 40 };

struct user {
    wt_file file;
    uint64_t offset;
    atomic_bool *stop;
};

static void *write_and_read(void *argument) {
    struct user *user = argument;
    for (int i = 1; !atomic_load(user->stop); i = i % 250 + 1) {
        fill_at(user->file, user->offset, i, BLOCK + 500);
        check_filled(user->file, user->offset, i, BLOCK + 500);
    }
    return NULL;
}

/* Half of the stores are to the page that another thread's write ends in. */
static void come_and_go(struct place *place) {
    atomic_bool stop = false;
    struct user users[THREADS];
    pthread_t threads[THREADS];
    fill_at(place->file, 0, 1, SIZE);
    for (unsigned i = 0; i < THREADS; i++) {
        users[i] = (struct user){place->file, (8 + 4 * i) * BLOCK, &stop};
        threads[i] = test_thread(write_and_read, &users[i]);
    }
    for (int i = 1; i <= ROUNDS; i++) {
        wt_mapping mapping;
        size_t at = i % 2 ? 0 : 9 * BLOCK + 600;
        uint8_t *memory = map(place->file, SIZE, &mapping);
        memset(memory + at, i, 1000);
        check_filled(place->file, at, i, 1000);
        memset(memory + at + 1000, i, 1000);
        unmap(memory, SIZE, mapping);
        check_filled(place->file, at, i, 2000);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        test_join(threads[i]);
    }
}

TEST(a_file_is_mapped_and_back_among_the_writes_of_others) {
    each_place(come_and_go);
}

/* Zeros that an allocation wrote would come over what is stored meanwhile. */
static void *allocate_again_and_again(void *argument) {
    struct user *user = argument;
    while (!atomic_load(user->stop)) {
        CHECK_OK(wt_allocate(user->file, 0, SIZE));
    }
    return NULL;
}

static void store_while_space_is_reserved(struct place *place) {
    atomic_bool stop = false;
    struct user user = {place->file, 0, &stop};
    wt_mapping mapping;
    uint8_t *memory = map(place->file, SIZE, &mapping);
    pthread_t thread = test_thread(allocate_again_and_again, &user);
    for (size_t at = 0; at < SIZE; at += 64) {
        memory[at] = 1;
    }
    atomic_store(&stop, true);
    test_join(thread);
    for (size_t at = 0; at < SIZE; at += 64) {
        CHECK_EQ(memory[at], 1);
    }
    unmap(memory, SIZE, mapping);
    for (size_t at = 0; at < SIZE; at += BLOCK) {
        CHECK_EQ(byte_of(place->file, at), 1);
    }
}

TEST(no_allocation_comes_over_what_is_stored) {
    each_place(store_while_space_is_reserved);
}
