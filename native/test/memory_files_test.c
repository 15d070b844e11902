// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Durable memory on real file systems and on every backend, with threads that store while others force: see memory_test.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core.h"

enum { BLOCK = 4096, PAGES = 256, SIZE = PAGES * BLOCK };

static const uint32_t backends[] = {WT_BACKEND_IO_URING, WT_BACKEND_THREADS};

struct place {
    wt_engine engine;
    wt_file file;
    wt_memory memory;
    uint8_t *bytes;
    uint32_t flags;
    char path[512];
};

static void map(struct place *place, uint64_t length) {
    void *address = NULL;
    CHECK_EQ(wt_memory_map(place->file, 0, length, place->flags, &place->memory, &address),
             place->flags ? 0 : wt_memory_is_watched());
    place->bytes = address;
}

static void run_at(struct place *place, uint32_t backend, void (*test)(struct place *)) {
    struct wt_engine_options options = {.backend = backend, .cache_bytes = 8 << 20};
    int rc = wt_engine_open(&options, &place->engine);
    if (backend == WT_BACKEND_IO_URING && (rc == -EPERM || rc == -ENOSYS)) {
        printf("   not on io_uring: the kernel refuses it\n");
        return;
    }
    CHECK_OK(rc);
    CHECK_OK(
        wt_file_open(place->engine, place->path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0, &place->file));
    test(place);
    CHECK_OK(wt_engine_close(place->engine));
    unlink(place->path);
}

static void each_place(void (*test)(struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        struct place place;
        snprintf(place.path, sizeof place.path, "%s/file", test_make_directory(test_directory(i)));
        for (size_t j = 0; j < 2 * sizeof backends / sizeof backends[0]; j++) {
            place.flags = j % 2 ? WT_MEMORY_COMPARE : 0;
            CONTEXT("backend %u on %s, flags %u", backends[j / 2], test_directory(i), place.flags);
            run_at(&place, backends[j / 2], test);
        }
    }
}

/* ---- one thread -------------------------------------------------------------------------------------------------- */

static void store_and_force(struct place *place) {
    fill_at(place->file, 0, 1, SIZE / 2);
    map(place, SIZE);
    for (int i = 2; i < 30; i++) {
        size_t at = (size_t)i * 37 * 997 % (SIZE - 3 * BLOCK);
        memset(place->bytes + at, i, BLOCK + BLOCK / 2);
        memset(place->bytes + at / 2, i, 10);
        CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
        test_check_file(place->path, at, i, BLOCK + BLOCK / 2);
        test_check_file(place->path, at / 2, i, 10);
    }
    memset(place->bytes, 99, SIZE);
    CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
    test_check_file(place->path, 0, 99, SIZE);
    CHECK_EQ(wt_size(place->file), SIZE);
    CHECK_OK(wt_memory_unmap(place->memory));
}

TEST(what_a_force_acknowledged_is_in_the_file) {
    each_place(store_and_force);
}

/* The kernel's own stores, for a system call, are those of the program. */
static void read_into(struct place *place) {
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    map(place, SIZE);
    CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
    for (int i = 1; i < 4; i++) {
        uint8_t bytes[BLOCK];
        memset(bytes, i, BLOCK);
        CHECK(write(ends[1], bytes, BLOCK) == BLOCK);
        CHECK(read(ends[0], place->bytes + 5 * BLOCK + 100, BLOCK) == BLOCK);
        CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
        test_check_file(place->path, 5 * BLOCK + 100, i, BLOCK);
    }
    close(ends[0]);
    close(ends[1]);
    CHECK_OK(wt_memory_unmap(place->memory));
}

TEST(what_a_system_call_stores_is_found) {
    each_place(read_into);
}

/* ThreadSanitizer leaves a program addresses of 1.5 TiB, and not always 1 TiB of them in one piece. */
#ifdef __SANITIZE_THREAD__
enum { HUGE_BITS = 36 };
#else
enum { HUGE_BITS = 40 };
#endif

static void map_huge(struct place *place) {
    const uint64_t length = UINT64_C(1) << HUGE_BITS;
    if (place->flags || !wt_memory_is_watched())
        return;
    int rc = wt_truncate(place->file, length);
    if (rc == -EFBIG || rc == -EINVAL)
        return;
    CHECK_OK(rc);
    fill_at(place->file, length / 2, 1, BLOCK);
    map(place, length);
    CHECK_EQ(place->bytes[length / 2], 1);
    CHECK_EQ(place->bytes[length / 4], 0);
    place->bytes[0] = place->bytes[length / 4] = place->bytes[length - 1] = 2;
    CHECK_OK(wt_memory_force(place->memory, 0, length));
    test_check_file(place->path, 0, 2, 1);
    test_check_file(place->path, length / 4, 2, 1);
    test_check_file(place->path, length - 1, 2, 1);
    test_check_file(place->path, length / 2, 1, BLOCK);
    struct wt_extents extents;
    rc = wt_probe_extents(place->path, &extents);
    CHECK(rc < 0 || extents.written_bytes <= 64 * BLOCK);
    CHECK_OK(wt_memory_unmap(place->memory));
}

TEST(a_mapping_of_1_TiB_of_holes_costs_what_is_stored) {
    each_place(map_huge);
}

static void touch(void *argument) {
    signal(SIGSEGV, SIG_DFL);
    *(volatile uint8_t *)argument = 1;
}

static void fork_beside(struct place *place) {
    map(place, SIZE);
    place->bytes[0] = 1;
    CHECK_EQ(test_in_child_quietly(touch, place->bytes + BLOCK), -SIGSEGV);
    place->bytes[2 * BLOCK] = 1;
    CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
    test_check_file(place->path, 0, 1, 1);
    test_check_file(place->path, BLOCK, 0, BLOCK);
    test_check_file(place->path, 2 * BLOCK, 1, 1);
    CHECK_OK(wt_memory_unmap(place->memory));
}

static void map_in_child(void *argument) {
    struct place *place = argument;
    CHECK_EQ(wt_memory_force(place->memory, 0, 1), -EBADF);
    CHECK_EQ(wt_memory_unmap(place->memory), -EBADF);
    snprintf(place->path + strlen(place->path), 8, ".child");
    run_at(place, WT_BACKEND_THREADS, store_and_force);
}

static void map_after_fork(struct place *place) {
    map(place, SIZE);
    CHECK_EQ(test_in_child(map_in_child, place), 0);
    place->bytes[0] = 7;
    CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
    test_check_file(place->path, 0, 7, 1);
    CHECK_OK(wt_memory_unmap(place->memory));
}

TEST(a_child_has_no_such_memory_and_the_parent_goes_on) {
    each_place(fork_beside);
}

TEST(a_child_maps_memory_of_its_own) {
    each_place(map_after_fork);
}

/* ---- several threads --------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 50, WORDS = BLOCK / 8 };

struct racer {
    struct place *place;
    unsigned number;
};

static _Atomic uint64_t *word(const struct place *place, size_t page, size_t index) {
    return (_Atomic uint64_t *)(void *)place->bytes + page * WORDS + index;
}

/* A word in each of some pages, which all threads share. */
static size_t page_of(unsigned number, uint64_t round, unsigned i) {
    return (size_t)(round * 7 + i * 13 + number / 2) % PAGES;
}

static void *race(void *argument) {
    const struct racer *racer = argument;
    struct place *place = racer->place;
    for (uint64_t round = 1; round <= test_scaled(ROUNDS); round++) {
        for (unsigned i = 0; i < 5; i++)
            atomic_store(word(place, page_of(racer->number, round, i), racer->number), round);
        CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
        for (unsigned i = 0; i < 5; i++) {
            uint64_t found, at = page_of(racer->number, round, i) * BLOCK + racer->number * sizeof found;
            CHECK_EQ(read_at(place->file, at, &found, sizeof found), sizeof found);
            CHECK_EQ(found, round); /* nobody else stores there */
        }
    }
    return NULL;
}

static void race_all(struct place *place) {
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    CHECK_OK(wt_allocate(place->file, 0, SIZE));
    map(place, SIZE);
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){place, i};
        threads[i] = test_thread(race, &racers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        test_join(threads[i]);
    static uint8_t found[SIZE];
    CHECK_EQ(read_at(place->file, 0, found, SIZE), SIZE);
    CHECK_BYTES(found, place->bytes, SIZE);
    CHECK_OK(wt_memory_unmap(place->memory));
}

TEST(stores_that_race_with_forces_are_never_lost) {
    each_place(race_all);
}

/* A thread stores without a pause while another forces: each force has what was stored when it began. */
static atomic_bool stop;

static void *count_up(void *argument) {
    const struct place *place = argument;
    for (uint64_t i = 1; !atomic_load(&stop); i++)
        for (size_t page = 0; page < 3; page++)
            atomic_store(word(place, page * 40, 0), i);
    return NULL;
}

static void force_beside(struct place *place) {
    map(place, SIZE);
    atomic_store(&stop, false);
    pthread_t thread = test_thread(count_up, place);
    while (atomic_load(word(place, 80, 0)) == 0)
        sched_yield();
    for (int i = 0; i < 60; i++) {
        uint64_t before[3], found;
        for (size_t page = 0; page < 3; page++)
            before[page] = atomic_load(word(place, page * 40, 0));
        CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
        for (size_t page = 0; page < 3; page++) {
            int64_t n = read_at(place->file, page * 40 * BLOCK, &found, sizeof found);
            CHECK(before[page] == 0 || (n == sizeof found && found >= before[page]));
        }
    }
    atomic_store(&stop, true);
    test_join(thread);
    CHECK_OK(wt_memory_force(place->memory, 0, SIZE));
    for (size_t page = 0; page < 3; page++) {
        uint64_t found;
        CHECK_EQ(read_at(place->file, page * 40 * BLOCK, &found, sizeof found), sizeof found);
        CHECK_EQ(found, atomic_load(word(place, page * 40, 0)));
    }
    CHECK_OK(wt_memory_unmap(place->memory));
}

TEST(a_force_has_what_was_stored_before_it_while_a_thread_stores_on) {
    each_place(force_beside);
}

/* Detaching, closing and forcing by several threads end somehow, and none hangs. */
static void *force_on(void *argument) {
    const struct place *place = argument;
    int rc = 0;
    while (!rc) {
        atomic_fetch_add(word(place, 3, 1), 1);
        rc = wt_memory_force(place->memory, 0, SIZE);
    }
    CHECK_EQ(rc, -EBADF);
    return NULL;
}

static void end_under_force(struct place *place) {
    for (int i = 0; i < (int)test_scaled(20); i++) {
        pthread_t threads[2];
        map(place, SIZE);
        for (size_t t = 0; t < 2; t++)
            threads[t] = test_thread(force_on, place);
        usleep((useconds_t)i * 100);
        if (i % 2) {
            CHECK_OK(wt_memory_detach(place->memory));
        } else {
            CHECK_OK(wt_file_close(place->file));
            CHECK_OK(wt_file_open(place->engine, place->path, WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &place->file));
        }
        fill_at(place->file, 0, i, SIZE);
        for (size_t t = 0; t < 2; t++)
            test_join(threads[t]);
        check_filled(place->file, 0, i, SIZE);
        CHECK_OK(wt_memory_unmap(place->memory));
    }
}

TEST(memory_that_is_detached_or_whose_file_is_closed_writes_nothing_more) {
    each_place(end_under_force);
}
