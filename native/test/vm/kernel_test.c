// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The backend WT_BACKEND_KERNEL on a kernel that writes through, in the machine: guest/through prepares it, and says in
 * WT_THROUGH_DIR where xfs is and in WT_REFUSED_DIR where ext4 is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "core.h"
#include "exercise.h"
#include "wire.h"

enum { BLOCK = 4096, OPERATIONS = 100 };

/* ---- the place --------------------------------------------------------------------------------------------------- */

static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        SKIP("%s is not set: only for the machine, see guest/through", name);
    }
    return value;
}

static wt_engine open_engine(uint32_t backend) {
    wt_engine engine = 0;
    CHECK_OK(wt_engine_open(&(struct wt_engine_options){.backend = backend}, &engine));
    return engine;
}

static int try_open(wt_engine engine, const char *path, wt_file *file) {
    return wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, WT_DURABILITY_DSYNC, file);
}

static const char *path_in(const char *directory, const char *name) {
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* ---- the proof --------------------------------------------------------------------------------------------------- */

TEST(a_file_system_whose_pages_this_kernel_does_not_write_through_is_refused) {
    const char *path = path_in(setting("WT_REFUSED_DIR"), "refused");
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    wt_file file;
    CHECK_EQ(try_open(engine, path, &file), -EOPNOTSUPP);
    CHECK_EQ(access(path, F_OK), -1);
    CHECK_EQ(try_open(engine, "/dev/shm/refused", &file), -EOPNOTSUPP);
    CHECK_OK(wt_engine_close(engine));
}

/* ---- on the wire ------------------------------------------------------------------------------------------------- */

struct written {
    size_t length;
    uint32_t durability;
    bool grows;
    unsigned writes, fua, flushes; /* of one write */
};

/* Now and then a commit of the journal comes between, or two are one. */
static void check_about(unsigned count, unsigned each) {
    const unsigned slack = OPERATIONS / 10;
    CHECK(count + slack >= OPERATIONS * each && count <= OPERATIONS * each + slack);
}

static void count_commands(const struct written *written, const char *directory) {
    static uint8_t bytes[128 << 10];
    const char *path = path_in(directory, "wire");
    struct wire wire = wire_open(directory);
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    wt_file file;
    CHECK_OK(try_open(engine, path, &file));
    if (!written->grows) {
        fill_at(file, 0, 'a', written->length * OPERATIONS);
    }
    memset(bytes, 'b', sizeof bytes);
    wire_start(&wire);
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        CHECK_EQ(write_as(file, i * written->length, bytes, written->length, written->durability), written->length);
    }
    struct wire_commands commands = wire_stop(&wire);
    CONTEXT("%zu bytes, durability %u, grows %d: %u writes, %u FUA, %u flushes, %u unflushed", written->length,
            written->durability, written->grows, commands.writes, commands.fua, commands.flushes, commands.unflushed);
    check_about(commands.writes, written->writes);
    check_about(commands.fua, written->fua);
    check_about(commands.flushes, written->flushes);
    CHECK(written->durability == WT_DURABILITY_DEVICE || commands.unflushed == 0);
    CHECK_OK(wt_engine_close(engine));
    test_check_file(path, 0, 'b', written->length * OPERATIONS);
    CHECK_EQ(unlink(path), 0);
    wire_close(&wire);
}

TEST(a_durable_write_is_stable_on_the_wire_when_it_returns) {
    static const struct written table[] = {
        {BLOCK, WT_DURABILITY_DSYNC, false, 1, 1, 0},
        {BLOCK, WT_DURABILITY_DEVICE, false, 1, 0, 0},
        {BLOCK, WT_DURABILITY_DSYNC, true, 2, 1, 1},
        {BLOCK, WT_DURABILITY_SYNC, false, 2, 1, 1}, /* the times are in the journal */
    };
    const char *directory = setting("WT_THROUGH_DIR");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        count_commands(&table[i], directory);
    }
}

/* ---- the faults -------------------------------------------------------------------------------------------------- */

/* A plain append inside an allocated block, then a write with the flag into that block: without the sync the size was lost. */
TEST(fault_5_a_size_that_a_plain_write_left_is_there_after_a_mount) {
    const char *directory = setting("WT_THROUGH_DIR"), *remount = setting("WT_REMOUNT");
    char path[600];
    snprintf(path, sizeof path, "%s", path_in(directory, "size"));
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct stat stat_of;
    CHECK(fd >= 0);
    CHECK_EQ(pwrite(fd, "first", 5, 0), 5);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(pwrite(fd, "second", 6, 1000), 6);
    CHECK_EQ(close(fd), 0);
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    wt_file file;
    CHECK_OK(try_open(engine, path, &file));
    fill_at(file, 100, 't', 50);
    CHECK_OK(wt_sync(file));
    CHECK_OK(wt_engine_close(engine));
    CHECK_EQ(system(remount), 0);
    CHECK_EQ(stat(path, &stat_of), 0);
    CHECK_EQ(stat_of.st_size, 1006);
    test_check_file(path, 100, 't', 50);
}

TEST(random_operations_match_an_array_on_a_kernel_that_writes_through) {
    const char *directory = setting("WT_THROUGH_DIR");
    for (uint64_t seed = 1; seed <= 4; seed++) {
        CONTEXT("seed %d", (int)seed);
        exercise(&(struct exercise_options){.seed = seed,
                                            .operations = 300,
                                            .backend = WT_BACKEND_KERNEL,
                                            .directory = test_make_directory(directory)});
    }
}

/* ---- the curve --------------------------------------------------------------------------------------------------- */

#define CURVE_BYTES (4 << 20)
#define CURVE_ROUND_NS (INT64_C(300) * 1000 * 1000)
#define CURVE_ROUNDS 5

struct writer {
    wt_file file;
    uint64_t seed;
    uint64_t writes;
};

static atomic_bool curve_over;

static void *write_at_random(void *argument) {
    struct writer *writer = argument;
    struct test_random random = test_random_of(writer->seed);
    static _Thread_local uint8_t bytes[BLOCK];
    while (!atomic_load(&curve_over)) {
        CHECK_EQ(write_at(writer->file, test_random_below(&random, CURVE_BYTES / BLOCK) * BLOCK, bytes, BLOCK), BLOCK);
        writer->writes++;
    }
    return NULL;
}

/* Durable writes of 4 KiB a second by so many threads. */
static double measure(uint32_t backend, unsigned threads, bool one_file, const char *directory) {
    enum { THREADS_MOST = 8 };
    struct writer writers[THREADS_MOST] = {0};
    pthread_t ids[THREADS_MOST];
    wt_engine engine = open_engine(backend);
    for (unsigned i = 0; i < threads; i++) {
        char name[32];
        snprintf(name, sizeof name, "curve-%u", i);
        writers[i] = (struct writer){.seed = i + 1, .file = writers[0].file};
        if (i == 0 || !one_file) {
            CHECK_OK(try_open(engine, path_in(directory, name), &writers[i].file));
            CHECK_OK(wt_allocate(writers[i].file, 0, CURVE_BYTES));
        }
    }
    int64_t begin_ns = wt_now_ns();
    atomic_store(&curve_over, false);
    for (unsigned i = 0; i < threads; i++) {
        ids[i] = test_thread(write_at_random, &writers[i]);
    }
    struct timespec pause = {.tv_nsec = CURVE_ROUND_NS};
    (void)nanosleep(&pause, NULL);
    atomic_store(&curve_over, true);
    uint64_t writes = 0;
    for (unsigned i = 0; i < threads; i++) {
        test_join(ids[i]);
        writes += writers[i].writes;
    }
    int64_t took_ns = wt_now_ns() - begin_ns;
    CHECK_OK(wt_engine_close(engine));
    return (double)writes * 1e9 / (double)took_ns;
}

enum { COLUMNS = 4 };

static int compare(const void *a, const void *b) {
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* The medians of rounds in which the columns take turns. */
static void measure_row(unsigned threads, const char *directory, double medians[COLUMNS]) {
    double rounds[COLUMNS][CURVE_ROUNDS];
    for (int round = 0; round < CURVE_ROUNDS; round++) {
        for (int column = 0; column < COLUMNS; column++) {
            uint32_t backend = column < 2 ? WT_BACKEND_KERNEL : WT_BACKEND_AUTO;
            rounds[column][round] = measure(backend, threads, column % 2 != 0, directory);
        }
    }
    for (int column = 0; column < COLUMNS; column++) {
        qsort(rounds[column], CURVE_ROUNDS, sizeof rounds[column][0], compare);
        medians[column] = rounds[column][CURVE_ROUNDS / 2];
    }
}

/* Prints the table, and appends it to the file WT_COMMANDS. Where the disk takes time, ours does more on one file. */
TEST(writers_of_one_file_are_not_held_up_as_by_the_kernel) {
    const char *directory = setting("WT_SLOW_DIR"), *path = getenv("WT_COMMANDS");
    FILE *out = path != NULL ? fopen(path, "a") : NULL;
    char table[2000];
    int at =
        snprintf(table, sizeof table,
                 "\n| threads | the kernel's own, own files | the kernel's own, one file | **writethrough**, own files "
                 "| **writethrough**, one file |\n|---|---|---|---|---|\n");
    double medians[COLUMNS];
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        measure_row(threads, directory, medians);
        at += snprintf(table + at, sizeof table - (size_t)at, "| %u | %.0f | %.0f | %.0f | %.0f |\n", threads,
                       medians[0], medians[1], medians[2], medians[3]);
    }
    fputs(table, stdout);
    if (out != NULL) {
        fputs(table, out);
        CHECK_EQ(fclose(out), 0);
    }
    CHECK(medians[3] >= 1.5 * medians[1]); /* by 8 threads, of which the kernel lets one write at a time */
}
