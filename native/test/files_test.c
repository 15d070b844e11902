// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The engine on real files, in every directory of WT_TEST_DIRS and on every backend: what another descriptor sees is
 * what was written, no more and no less. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core.h"
#include "external.h"

enum { BLOCK = 4096, ROOM = 1 << 20 };

static const uint32_t backends[] = {WT_BACKEND_AUTO, WT_BACKEND_IO_URING, WT_BACKEND_THREADS, TEST_BACKEND_EXTERNAL};
static uint8_t bytes[ROOM];

/* ---- one engine on one directory -------------------------------------------------------------------------------- */

struct place {
    wt_engine engine;
    uint32_t backend;
    const char *directory;
    char path[512];
};

static const char *backend_name(uint32_t backend) {
    static const char *const names[] = {"auto", "io_uring", "threads"};
    return backend == TEST_BACKEND_EXTERNAL ? "external" : names[backend];
}

static int open_engine(uint32_t backend, uint64_t cache_bytes, wt_engine *engine) {
    struct wt_engine_options options = {.cache_bytes = cache_bytes, .backend = backend};
    return test_engine_open(&options, engine);
}

static void open_place(struct place *place) {
    CHECK_OK(open_engine(place->backend, 1 << 20, &place->engine));
}

static void each_place(void (*test)(struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t j = 0; j < sizeof backends / sizeof backends[0]; j++) {
            struct place place = {.backend = backends[j], .directory = test_make_directory(test_directory(i))};
            CONTEXT("%s on %s", backend_name(backends[j]), test_directory(i));
            snprintf(place.path, sizeof place.path, "%s/file", place.directory);
            int result = open_engine(place.backend, 1 << 20, &place.engine);
            bool on_ring = place.backend == WT_BACKEND_IO_URING || place.backend == TEST_BACKEND_EXTERNAL;
            if (on_ring && (result == -EPERM || result == -ENOSYS)) {
                printf("   not on io_uring: the kernel refuses it\n");
                continue;
            }
            CHECK_OK(result);
            test(&place);
            CHECK_OK(wt_engine_close(place.engine));
        }
    }
}

static int try_open(const struct place *place, const char *path, uint32_t flags, wt_file *file) {
    return wt_file_open(place->engine, path, flags, 0644, WT_DURABILITY_FILE, file);
}

static wt_file open_at(const struct place *place, const char *path) {
    wt_file file = 0;
    CHECK_OK(try_open(place, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, &file));
    return file;
}

static void reopen_place(struct place *place, wt_file *file) {
    CHECK_OK(wt_engine_close(place->engine));
    open_place(place);
    *file = open_at(place, place->path);
}

static int64_t stat_size(const char *path) {
    struct stat stat_of;
    CHECK_EQ(stat(path, &stat_of), 0);
    return stat_of.st_size;
}

/* The file as an ordinary descriptor reads it. */
static void check_path(const char *path, const struct model *model) {
    uint8_t *found = malloc((size_t)model->size + 1);
    CHECK(found != NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(stat_size(path), model->size);
    size_t at = 0;
    ssize_t n = 0;
    while ((n = pread(fd, found + at, (size_t)model->size + 1 - at, (off_t)at)) > 0) {
        at += (size_t)n;
    }
    CHECK_EQ(n, 0);
    CHECK_EQ(at, model->size);
    CHECK_BYTES(found, model->bytes, (size_t)model->size);
    CHECK_EQ(close(fd), 0);
    free(found);
}

/* ---- what is written is there ------------------------------------------------------------------------------------ */

static void random_operations(struct place *place) {
    struct test_random random = test_random_of(test_seed());
    struct model model = model_new(ROOM);
    wt_file file = open_at(place, place->path);
    test_random_bytes(&random, bytes, sizeof bytes);
    for (unsigned i = 0; i < 150; i++) {
        size_t length = 1 + (size_t)test_random_below(&random, test_random_one_in(&random, 5) ? 100000 : 6000);
        uint64_t offset = test_random_below(&random, model.size + 5000);
        offset = offset + length > ROOM ? ROOM - length : offset;
        uint64_t choice = test_random_below(&random, 20);
        if (choice < 14) {
            CHECK_EQ(write_at(file, offset, bytes + i, length - i % length), length - i % length);
            model_write(&model, offset, bytes + i, length - i % length);
        } else if (choice < 16) {
            CHECK_OK(wt_truncate(file, offset));
            model_truncate(&model, offset);
        } else if (choice < 17) {
            CHECK_OK(wt_allocate(file, offset, length));
            model_truncate(&model, offset + length > model.size ? offset + length : model.size);
        } else if (choice < 18) {
            reopen_place(place, &file);
        } else {
            check_read(file, &model, offset, length);
        }
        CHECK_EQ(wt_size(file), model.size);
        CHECK_EQ(stat_size(place->path), model.size);
        check_path(place->path, &model);
    }
    check_read(file, &model, 0, ROOM);
    model_free(&model);
}

TEST(random_operations_are_what_an_ordinary_descriptor_reads) {
    each_place(random_operations);
}

static void sizes_of_appends(struct place *place) {
    static const size_t steps[] = {1, 100, 128, 511, 512, 513, 4095, 4096, 4097, 20000};
    struct model model = model_new(ROOM);
    wt_file file = open_at(place, place->path);
    for (unsigned i = 0; i < 60; i++) {
        size_t step = steps[i * 7 % (sizeof steps / sizeof steps[0])];
        memset(bytes, (int)i + 1, step);
        CHECK_EQ(write_at(file, model.size, bytes, step), step);
        model_write(&model, model.size, bytes, step);
        CHECK_EQ(stat_size(place->path), model.size);
        if (i % 10 == 9) {
            reopen_place(place, &file);
            CHECK_EQ(wt_size(file), model.size);
        }
    }
    check_path(place->path, &model);
    check_read(file, &model, 0, ROOM);
    model_free(&model);
}

TEST(fault_5_sizes_survive_close_and_reopen_in_every_mix_of_write_paths) {
    each_place(sizes_of_appends);
}

static void sparse_file(struct place *place) {
    wt_file file = open_at(place, place->path);
    uint64_t far = (uint64_t)1 << 32;
    CHECK_EQ(write_at(file, far, "end", 3), 3);
    CHECK_EQ(stat_size(place->path), far + 3);
    check_filled(file, far - 100000, 0, 100000);
    struct stat stat_of;
    CHECK_EQ(stat(place->path, &stat_of), 0);
    CHECK(stat_of.st_blocks < 2048);
    CHECK_OK(wt_truncate(file, far / 2));
    CHECK_EQ(stat_size(place->path), far / 2);
}

TEST(a_far_write_leaves_the_file_sparse) {
    each_place(sparse_file);
}

static void durabilities(struct place *place) {
    wt_file file = open_at(place, place->path);
    for (uint32_t durability = WT_DURABILITY_FILE; durability <= WT_DURABILITY_SYNC; durability++) {
        memset(bytes, (int)durability + 1, 3 * BLOCK);
        CHECK_EQ(write_as(file, durability * 2000, bytes, 3 * BLOCK, durability), 3 * BLOCK);
        CHECK_OK(wt_sync(file));
        check_filled(file, durability * 2000, (int)durability + 1, 3 * BLOCK);
    }
}

TEST(every_durability_is_accepted) {
    each_place(durabilities);
}

/* A file that ends within a block; at once a write of a block of the page that it ends in, and one behind the end. */
static void writes_around_the_end(struct place *place) {
    memset(bytes, 7, sizeof bytes);
    for (unsigned i = 0; i < 40; i++) {
        wt_file file = open_at(place, place->path);
        struct wt_profile profile;
        CHECK_OK(wt_file_profile(file, &profile));
        uint64_t block = profile.block_bytes;
        uint64_t end = 3 * BLOCK - block + 100;
        CHECK_EQ(write_at(file, 0, bytes, end), end);
        struct iovec iov[2] = {{bytes, block}, {bytes, 2000}};
        struct wt_submission submissions[2] = {{.file = file, .iov = &iov[0], .iov_count = 1, .offset = 2 * BLOCK},
                                               {.file = file, .iov = &iov[1], .iov_count = 1, .offset = 100100}};
        CHECK_OK(wt_write_submit_all(submissions, 2));
        for (unsigned j = 0; j < 2; j++) {
            struct wt_event event;
            CHECK_OK(submissions[j].result);
            CHECK_EQ(wt_reap(place->engine, &event, 1, -1), 1);
            CHECK(event.result == (int64_t)block || event.result == 2000);
        }
        CHECK_OK(wt_file_close(file));
        CHECK_EQ(unlink(place->path), 0);
    }
}

TEST(a_write_behind_the_end_does_not_fail_one_beside_the_end) {
    each_place(writes_around_the_end);
}

/* ---- allocate ---------------------------------------------------------------------------------------------------- */

/* False where the file system has no FIEMAP. */
static bool check_extents_written(const char *path, uint64_t offset, uint64_t length) {
    struct {
        struct fiemap map;
        struct fiemap_extent extents[512];
    } request;
    memset(&request, 0, sizeof request);
    request.map.fm_start = offset;
    request.map.fm_length = length;
    request.map.fm_flags = FIEMAP_FLAG_SYNC;
    request.map.fm_extent_count = 512;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    int result = ioctl(fd, FS_IOC_FIEMAP, &request.map);
    CHECK(result == 0 || errno == EOPNOTSUPP || errno == ENOTTY);
    CHECK_EQ(close(fd), 0);
    uint64_t at = offset;
    for (uint32_t i = 0; result == 0 && i < request.map.fm_mapped_extents; i++) {
        const struct fiemap_extent *extent = &request.map.fm_extents[i];
        CHECK_EQ(extent->fe_flags & (FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_DELALLOC), 0);
        CHECK(extent->fe_logical <= at);
        at = extent->fe_logical + extent->fe_length;
    }
    CHECK(result != 0 || at >= offset + length);
    return result == 0;
}

static void allocate_range(struct place *place) {
    struct model model = model_new(ROOM);
    wt_file file = open_at(place, place->path);
    memset(bytes, 7, 10000);
    CHECK_EQ(write_at(file, 50000, bytes, 10000), 10000);
    model_write(&model, 50000, bytes, 10000);
    CHECK_OK(wt_truncate(file, 300000));
    model_truncate(&model, 300000);
    CHECK_OK(wt_allocate(file, 1000, 700000));
    model_truncate(&model, 701000);
    check_path(place->path, &model);
    check_read(file, &model, 0, ROOM);
    if (!check_extents_written(place->path, 0, 701000)) {
        printf("   no FIEMAP on %s: extents not looked at\n", place->directory);
    }
    CHECK_EQ(write_at(file, 600000, bytes, BLOCK), BLOCK);
    model_write(&model, 600000, bytes, BLOCK);
    check_path(place->path, &model);
    model_free(&model);
}

TEST(allocate_leaves_no_hole_and_no_unwritten_extent) {
    each_place(allocate_range);
}

static void count_extents(struct place *place) {
    enum { PART = 256 * 1024 };
    struct wt_extents extents;
    wt_file file = open_at(place, place->path);
    CHECK_EQ(wt_probe_extents(place->directory, &extents), -EISDIR);
    CHECK_OK(wt_probe_extents(place->path, &extents));
    CHECK_EQ(extents.size_bytes + extents.extents, 0);
    fill_at(file, 0, 1, PART);
    int result = wt_probe_extents(place->path, &extents);
    if (result == -EOPNOTSUPP) {
        printf("   no FIEMAP on %s\n", place->directory);
        return;
    }
    CHECK_OK(result);
    CHECK_OK(wt_truncate(file, 3 * PART));
    int fd = open(place->path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(fallocate(fd, 0, PART, PART), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_OK(wt_probe_extents(place->path, &extents));
    CHECK_EQ(extents.size_bytes, 3 * PART);
    CHECK_EQ(extents.written_bytes, PART);
    CHECK_EQ(extents.unwritten_bytes, PART);
    CHECK_EQ(extents.hole_bytes, PART);
    CHECK_EQ(extents.shared_bytes, 0);
    CHECK_OK(wt_allocate(file, 0, 3 * PART));
    CHECK_OK(wt_probe_extents(place->path, &extents));
    CHECK_EQ(extents.written_bytes, 3 * PART);
    CHECK_EQ(extents.unwritten_bytes + extents.hole_bytes, 0);
}

TEST(extents_that_are_written_preallocated_and_missing_are_told_apart) {
    each_place(count_extents);
}

/* ---- many threads ------------------------------------------------------------------------------------------------ */

enum { WRITERS = 6, ROUNDS = 60, SHARED_BLOCKS = 32 };

static void cut_by_another(struct place *place) {
    wt_file file = open_at(place, place->path);
    wt_file other = 0;
    fill_at(file, 0, 1, 100000);
    reopen_place(place, &file);
    check_filled(file, 0, 1, 4096);
    CHECK_EQ(truncate(place->path, 5000), 0);
    CHECK_EQ(read_at(file, 50000, bytes, 100), -ESTALE);
    CHECK_EQ(read_at(file, 0, bytes, 100), -ESTALE);
    CHECK_EQ(write_at(file, 0, bytes, 100), -ESTALE);
    CHECK_EQ(wt_sync(file), -ESTALE);
    CHECK_EQ(try_open(place, place->path, WT_OPEN_READ, &other), -ESTALE);
    CHECK_OK(wt_file_close(file));
    file = open_at(place, place->path);
    CHECK_EQ(wt_size(file), 5000);
    check_filled(file, 0, 1, 5000);
    CHECK_EQ(truncate(place->path, 10), 0);
    CHECK_EQ(try_open(place, place->path, WT_OPEN_READ, &other), -ESTALE);
}

TEST(a_file_that_another_program_cuts_short_is_not_served_from_the_cache) {
    each_place(cut_by_another);
}

static void make_file(const char *path, int value) {
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK_EQ(fputc(value, file), value);
    CHECK_EQ(fclose(file), 0);
}

static void unlinked_and_renamed(struct place *place) {
    char moved[560];
    snprintf(moved, sizeof moved, "%s.moved", place->path);
    wt_file file = open_at(place, place->path);
    fill_at(file, 0, 1, 10000);
    CHECK_EQ(rename(place->path, moved), 0);
    make_file(place->path, 7); /* as with a log that is begun anew: the old one is still there */
    CHECK_OK(wt_sync(file));
    fill_at(file, 5000, 2, 10000);
    CHECK_EQ(stat_size(moved), 15000);
    CHECK_EQ(unlink(moved), 0);
    CHECK_EQ(unlink(place->path), 0);
    CHECK_OK(wt_sync(file));
    fill_at(file, 14999, 3, 10000);
    check_filled(file, 5000, 2, 9999);
    check_filled(file, 14999, 3, 10000);
    CHECK_OK(wt_truncate(file, 5));
    CHECK_EQ(wt_size(file), 5);
}

TEST(a_file_works_on_when_it_is_renamed_and_unlinked) {
    each_place(unlinked_and_renamed);
}

static void rename_open_file(struct place *place) {
    char directory[530];
    char to[560];
    char link_to[560];
    snprintf(directory, sizeof directory, "%s/sub", place->directory);
    snprintf(to, sizeof to, "%s/renamed", directory);
    snprintf(link_to, sizeof link_to, "%s/link", directory);
    CHECK_EQ(mkdir(directory, 0700), 0);
    wt_file file = open_at(place, place->path);
    fill_at(file, 0, 1, 10000);
    CHECK_OK(wt_file_rename(file, place->path, to, 0));
    CHECK_EQ(access(place->path, F_OK), -1);
    fill_at(file, 10000, 2, 100);
    CHECK_EQ(stat_size(to), 10100);
    make_file(place->path, 7);
    CHECK_EQ(wt_file_rename(file, place->path, link_to, 0), -ESTALE); /* that is another file */
    CHECK_EQ(wt_file_rename(file, to, place->path, 0), -EEXIST);
    CHECK_EQ(stat_size(place->path), 1);
    CHECK_EQ(symlink(to, link_to), 0);
    CHECK_EQ(wt_file_rename(file, link_to, "elsewhere", 0), -ESTALE);
    CHECK_EQ(wt_file_rename(file, to, "/no/such/directory", 0), -ENOENT);
    CHECK_EQ(wt_file_rename(file, to, place->path, 2), -EINVAL);
    CHECK_OK(wt_file_rename(file, to, place->path, WT_RENAME_REPLACE));
    CHECK_EQ(stat_size(place->path), 10100);
    CHECK_OK(wt_sync(file));
    check_filled(file, 10000, 2, 100);
}

TEST(an_open_file_is_renamed_and_replaces_another_only_if_it_may) {
    each_place(rename_open_file);
}

static void zero_ranges(struct place *place) {
    enum { SIZE = ROOM };
    const char *path = place->path;
    wt_file file = open_at(place, path);
    struct test_random random = test_random_of(test_seed());
    struct model model = model_new(SIZE);
    memset(bytes, 0x5a, SIZE - 5);
    CHECK_EQ(write_at(file, 0, bytes, SIZE - 5), SIZE - 5);
    model_write(&model, 0, bytes, SIZE - 5);
    for (unsigned i = 0; i < test_scaled(40); i++) {
        uint64_t offset = test_random_below(&random, SIZE);
        uint64_t length = test_random_below(&random, i % 4 == 0 ? SIZE : 20000);
        CONTEXT("%s, step %u: %llu+%llu", path, i, (unsigned long long)offset, (unsigned long long)length);
        CHECK_OK((i % 2 == 0 ? wt_punch_hole : wt_zero)(file, offset, length));
        model_zero(&model, offset, length);
        if (i % 3 == 0) {
            CHECK_EQ(write_at(file, offset / 2, bytes, 5000), 5000);
            model_write(&model, offset / 2, bytes, 5000);
        }
        check_read(file, &model, 0, SIZE);
        check_path(path, &model);
    }
    CHECK_OK(wt_punch_hole(file, 0, INT64_MAX));
    model_zero(&model, 0, SIZE);
    reopen_place(place, &file);
    check_read(file, &model, 0, SIZE);
    check_path(path, &model);
    /* Not by st_blocks: xfs counts there what it has reserved behind the end. */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(lseek(fd, 0, SEEK_DATA), -1);
    CHECK_EQ(errno, ENXIO);
    CHECK_EQ(close(fd), 0);
    model_free(&model);
}

TEST(holes_and_zeroed_ranges_read_as_zeros_and_what_is_punched_is_a_hole) {
    each_place(zero_ranges);
}

struct writer {
    wt_file file;
    unsigned id;
    uint64_t seed;
    uint8_t last[1024];
    pthread_t thread;
};

static void run_writers(wt_file file, struct writer *writers, void *(*function)(void *)) {
    uint64_t seed = test_seed();
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.file = file, .id = i, .seed = seed + i};
        writers[i].thread = test_thread(function, &writers[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        test_join(writers[i].thread);
    }
}

/* Records of 100 bytes; each writer has every sixth. */
static void *write_own_records(void *argument) {
    struct writer *writer = argument;
    struct test_random random = test_random_of(writer->seed);
    uint8_t record[100];
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t which = test_random_below(&random, 1000 / WRITERS) * WRITERS + writer->id;
        writer->last[which]++;
        memset(record, writer->last[which], sizeof record);
        CHECK_EQ(write_at(writer->file, which * sizeof record, record, sizeof record), sizeof record);
        check_filled(writer->file, which * sizeof record, writer->last[which], sizeof record);
    }
    return NULL;
}

static void disjoint_writers(struct place *place) {
    static struct writer writers[WRITERS];
    struct model model = model_new(ROOM);
    wt_file file = open_at(place, place->path);
    run_writers(file, writers, write_own_records);
    for (uint64_t which = 0; which < 1000; which++) {
        uint8_t record[100];
        memset(record, writers[which % WRITERS].last[which], sizeof record);
        if (record[0] != 0) {
            model_write(&model, which * sizeof record, record, sizeof record);
        }
    }
    check_path(place->path, &model);
    check_read(file, &model, 0, ROOM);
    model_free(&model);
}

TEST(writers_of_records_that_share_blocks_lose_nothing) {
    each_place(disjoint_writers);
}

enum { CROWD = 40, CROWD_RECORDS = 30, RECORD = 100 };

struct log {
    wt_file file;
    atomic_uint next;
};

static uint8_t record_byte(unsigned index) {
    return (uint8_t)(1 + index % 251);
}

static void *append_records(void *argument) {
    struct log *log = argument;
    uint8_t record[RECORD];
    for (unsigned i = 0; i < CROWD_RECORDS; i++) {
        unsigned index = atomic_fetch_add(&log->next, 1);
        memset(record, record_byte(index), RECORD);
        CHECK_EQ(write_at(log->file, (uint64_t)index * RECORD, record, RECORD), RECORD);
    }
    return NULL;
}

static void append_by(struct place *place, unsigned threads) {
    struct log log = {.file = open_at(place, place->path)};
    struct model model = model_new(ROOM);
    pthread_t appenders[CROWD];
    CONTEXT("%u appenders, %s on %s", threads, backend_name(place->backend), place->directory);
    CHECK_OK(wt_truncate(log.file, 0));
    for (unsigned i = 0; i < threads; i++) {
        appenders[i] = test_thread(append_records, &log);
    }
    for (unsigned i = 0; i < threads; i++) {
        test_join(appenders[i]);
    }
    for (unsigned index = 0; index < threads * CROWD_RECORDS; index++) {
        memset(bytes, record_byte(index), RECORD);
        model_write(&model, (uint64_t)index * RECORD, bytes, RECORD);
    }
    check_path(place->path, &model);
    check_read(log.file, &model, 0, ROOM);
    model_free(&model);
    CHECK_OK(wt_file_close(log.file));
}

static void append_by_few_and_by_many(struct place *place) {
    append_by(place, 2);
    append_by(place, 7);
    append_by(place, CROWD);
}

TEST(few_and_many_appenders_lose_nothing_and_none_waits_for_ever) {
    each_place(append_by_few_and_by_many);
}

/* Every block is filled with one value; readers and the disk must never see two in one. */
static void *write_shared_blocks(void *argument) {
    struct writer *writer = argument;
    struct test_random random = test_random_of(writer->seed);
    uint8_t *buffer = malloc(SHARED_BLOCKS * BLOCK);
    CHECK(buffer != NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t first = test_random_below(&random, SHARED_BLOCKS);
        uint64_t count = 1 + test_random_below(&random, SHARED_BLOCKS - first);
        size_t length = (size_t)count * BLOCK;
        if (round % 2 == 0) {
            memset(buffer, (int)(writer->id * 40 + round % 40 + 1), length);
            CHECK_EQ(write_at(writer->file, first * BLOCK, buffer, length), length);
        } else {
            CHECK_EQ(read_at(writer->file, first * BLOCK, buffer, length), length);
            for (uint64_t i = 0; i < count; i++) {
                CHECK_EQ(memcmp(buffer + i * BLOCK, buffer + i * BLOCK + 1, BLOCK - 1), 0);
            }
        }
    }
    free(buffer);
    return NULL;
}

static void overlapping_writers(struct place *place) {
    static struct writer writers[WRITERS];
    struct model model = model_new(ROOM);
    wt_file file = open_at(place, place->path);
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(file, &profile));
    if (profile.path == WT_PATH_BUFFERED) {
        printf("   no direct I/O on %s: overlapping writes are the kernel's\n", place->directory);
        model_free(&model);
        return;
    }
    fill_at(file, 0, 255, SHARED_BLOCKS * BLOCK);
    run_writers(file, writers, write_shared_blocks);
    CHECK_EQ(read_at(file, 0, model.bytes, SHARED_BLOCKS * BLOCK), SHARED_BLOCKS * BLOCK);
    model.size = SHARED_BLOCKS * BLOCK;
    for (unsigned i = 0; i < SHARED_BLOCKS; i++) {
        CHECK_EQ(memcmp(model.bytes + i * BLOCK, model.bytes + i * BLOCK + 1, BLOCK - 1), 0);
    }
    check_path(place->path, &model);
    model_free(&model);
}

TEST(overlapping_writers_leave_each_block_wholly_of_one) {
    each_place(overlapping_writers);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void bad_paths(struct place *place) {
    const uint32_t write_flags = WT_OPEN_READ | WT_OPEN_WRITE;
    char path[600];
    wt_file file = 0;
    CHECK_EQ(try_open(place, place->path, WT_OPEN_READ, &file), -ENOENT);
    CHECK_EQ(try_open(place, place->directory, WT_OPEN_READ, &file), -EISDIR);
    CHECK_EQ(try_open(place, place->directory, write_flags, &file), -EISDIR);
    snprintf(path, sizeof path, "%s/missing/file", place->directory);
    CHECK_EQ(try_open(place, path, write_flags | WT_OPEN_CREATE, &file), -ENOENT);
    snprintf(path, sizeof path, "%s/fifo", place->directory);
    CHECK_EQ(mkfifo(path, 0600), 0);
    CHECK_EQ(try_open(place, path, write_flags, &file), -EOPNOTSUPP);
    CHECK_EQ(try_open(place, path, WT_OPEN_READ, &file), -EOPNOTSUPP);
    CHECK_EQ(try_open(place, "/dev/null", write_flags, &file), -EOPNOTSUPP);
    snprintf(path, sizeof path, "%s/link", place->directory);
    CHECK_EQ(symlink("nothing", path), 0);
    CHECK_EQ(try_open(place, path, write_flags, &file), -ENOENT);
    CHECK_EQ(try_open(place, path, write_flags | WT_OPEN_NOFOLLOW, &file), -ELOOP);
    file = open_at(place, place->path);
    CHECK_EQ(try_open(place, place->path, write_flags | WT_OPEN_CREATE_NEW, &file), -EEXIST);
    CHECK_EQ(try_open(place, path, write_flags | WT_OPEN_CREATE_NEW, &file), -EEXIST);
}

TEST(what_is_no_regular_file_is_told) {
    each_place(bad_paths);
}

static void open_twice(struct place *place) {
    wt_file file = open_at(place, place->path);
    wt_file other = 0;
    wt_engine second = 0;
    fill_at(file, 0, 1, 10000);
    CHECK_OK(open_engine(place->backend, 1 << 20, &second));
    struct place in_second = {.engine = second};
    CHECK_EQ(try_open(&in_second, place->path, WT_OPEN_READ | WT_OPEN_WRITE, &other), -EBUSY);
    CHECK_EQ(try_open(&in_second, place->path, WT_OPEN_READ, &other), -EBUSY);
    struct wt_holder holder;
    CHECK_OK(wt_file_holder(place->path, &holder));
    CHECK_EQ(holder.pid, getpid());
    CHECK_EQ(holder.own, 1);
    CHECK(holder.command[0] != '\0');
    CHECK_OK(try_open(place, place->path, WT_OPEN_READ, &other));
    check_filled(other, 0, 1, 10000);
    CHECK_OK(wt_file_close(other));
    CHECK_OK(wt_file_close(file));
    CHECK_OK(try_open(&in_second, place->path, WT_OPEN_READ | WT_OPEN_WRITE, &other));
    check_filled(other, 0, 1, 10000);
    CHECK_OK(wt_engine_close(second));
    CHECK_EQ(wt_file_holder(place->path, &holder), -ESRCH);
    CHECK_EQ(wt_file_holder("/nowhere/at/all", &holder), -ENOENT);
}

TEST(a_file_belongs_to_one_engine) {
    each_place(open_twice);
}

static void many_files(struct place *place) {
    char path[600];
    wt_file files[300];
    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "%s/%u", place->directory, i);
        files[i] = open_at(place, path);
        CHECK_EQ(write_at(files[i], 0, &i, sizeof i), sizeof i);
    }
    for (unsigned i = 0; i < 300; i++) {
        unsigned found = 0;
        CHECK_EQ(read_at(files[i], 0, &found, sizeof found), sizeof found);
        CHECK_EQ(found, i);
    }
}

TEST(many_files_are_open_at_once) {
    each_place(many_files);
}

TEST(a_closed_engine_leaves_no_descriptor_open) {
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        struct place place = {.backend = backends[i], .directory = test_make_directory(test_directory(0))};
        snprintf(place.path, sizeof place.path, "%s/file", place.directory);
        int before = dup(0);
        CHECK_EQ(close(before), 0);
        if (open_engine(place.backend, 1 << 20, &place.engine) != 0) {
            continue;
        }
        fill_at(open_at(&place, place.path), 0, 1, 5000);
        fill_at(open_at(&place, place.path), 0, 1, 5000);
        CHECK_OK(wt_engine_close(place.engine));
        int after = dup(0);
        CHECK_EQ(close(after), 0);
        CHECK_EQ(after, before);
    }
}

/* ---- no room ----------------------------------------------------------------------------------------------------- */

static void fill_directory(struct place *place) {
    static const size_t step = 100000;
    wt_file file = open_at(place, place->path);
    uint64_t acknowledged = 0;
    uint64_t stable = 0;
    int64_t result = 0;
    do {
        memset(bytes, (int)(acknowledged / step % 251 + 1), step);
        struct iovec iov = {bytes, step};
        result = wt_write(file, &iov, 1, acknowledged, WT_DURABILITY_FILE, &stable);
        acknowledged += result > 0 ? (uint64_t)result : 0;
        CHECK(acknowledged < (uint64_t)4 << 30);
    } while (result > 0);
    CHECK_EQ(result, -ENOSPC);
    CHECK(stable < step);
    CHECK(acknowledged > 0);
    CHECK(wt_size(file) >= (int64_t)(acknowledged + stable));
    CHECK_EQ(stat_size(place->path), wt_size(file));
    for (uint64_t at = 0; at < acknowledged; at += step) {
        check_filled(file, at, (int)(at / step % 251 + 1), step);
    }
    CHECK_EQ(wt_allocate(file, acknowledged, (uint64_t)8 << 30), -ENOSPC);
    reopen_place(place, &file);
    for (uint64_t at = 0; at < acknowledged; at += step) {
        check_filled(file, at, (int)(at / step % 251 + 1), step);
    }
    CHECK_OK(wt_truncate(file, 0));
    fill_at(file, 0, 1, 5000);
    CHECK_OK(wt_truncate(file, 0));
}

TEST(a_full_file_system_keeps_what_was_acknowledged) {
    const char *small = getenv("WT_TEST_SMALL_DIR");
    if (small == NULL) {
        SKIP("WT_TEST_SMALL_DIR is not set: a directory on a file system of a few MiB");
    }
    CHECK_EQ(setenv("WT_TEST_DIRS", small, 1), 0);
    each_place(fill_directory);
}

/* SIGXFSZ is the process's own affair: a JVM ignores it, and so must who sets a limit. */
static void past_the_limit(void *argument) {
    struct place *place = argument;
    struct rlimit limit = {98304, 98304};
    uint64_t stable = 0;
    signal(SIGXFSZ, SIG_IGN);
    open_place(place);
    wt_file file = open_at(place, place->path);
    fill_at(file, 0, 1, 90000);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct iovec iov = {bytes, 50000};
    CHECK_EQ(wt_write(file, &iov, 1, 90000, WT_DURABILITY_FILE, &stable), -EFBIG);
    CHECK(stable <= 8304);
    CHECK_EQ(wt_write(file, &iov, 1, 200000, WT_DURABILITY_FILE, &stable), -EFBIG);
    CHECK_EQ(stable, 0);
    CHECK_EQ(wt_size(file), stat_size(place->path));
    CHECK_EQ(wt_truncate(file, 200000), -EFBIG);
    check_filled(file, 0, 1, 90000);
    CHECK_EQ(stat_size(place->path), wt_size(file));
    fill_at(file, 100, 2, 80000);
    CHECK_OK(wt_engine_close(place->engine));
}

static bool io_uring_is_refused(void) {
    wt_engine engine = 0;
    int result = open_engine(WT_BACKEND_IO_URING, 1 << 20, &engine);
    if (result == 0) {
        CHECK_OK(wt_engine_close(engine));
    }
    return result == -EPERM || result == -ENOSYS;
}

static void each_place_in_child(void (*test)(void *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t j = 0; j < sizeof backends / sizeof backends[0]; j++) {
            uint32_t backend = backends[j];
            struct place place = {.backend = backend, .directory = test_make_directory(test_directory(i))};
            snprintf(place.path, sizeof place.path, "%s/file", place.directory);
            CONTEXT("%s on %s", backend_name(backend), test_directory(i));
            CHECK_EQ(chmod(place.directory, 0777), 0);
            bool on_ring = backend == WT_BACKEND_IO_URING || backend == TEST_BACKEND_EXTERNAL;
            if (on_ring && io_uring_is_refused()) {
                printf("   not on io_uring: the kernel refuses it\n");
                continue;
            }
            CHECK_EQ(test_in_child(test, &place), 0);
        }
    }
}

TEST(a_limit_on_file_size_is_efbig) {
    each_place_in_child(past_the_limit);
}

/* The kernel cuts a write at the limit, and then finds the rest misaligned for direct I/O. */
static void past_an_odd_limit(void *argument) {
    struct place *place = argument;
    struct rlimit limit = {100000, 100000};
    signal(SIGXFSZ, SIG_IGN);
    open_place(place);
    wt_file file = open_at(place, place->path);
    fill_at(file, 0, 1, 22 * BLOCK);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ(write_at(file, 22 * BLOCK, bytes, 10 * BLOCK), -EFBIG);
    CHECK_EQ(stat_size(place->path), wt_size(file));
    check_filled(file, 0, 1, 22 * BLOCK);
    CHECK_OK(wt_engine_close(place->engine));
}

TEST(a_limit_on_file_size_that_is_no_multiple_of_the_block_is_efbig) {
    each_place_in_child(past_an_odd_limit);
}

/* ---- what the kernel may refuse ---------------------------------------------------------------------------------- */

struct refusal {
    int error; /* of io_uring_setup; 0: none */
    struct place place;
};

static void refuse_io_uring(int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void with_io_uring_refused(void *argument) {
    struct refusal *refusal = argument;
    refuse_io_uring(refusal->error);
    wt_engine engine = 0;
    CHECK_EQ(open_engine(WT_BACKEND_IO_URING, 1 << 20, &engine), -refusal->error);
    open_place(&refusal->place);
    CHECK_EQ(wt_engine_backend(refusal->place.engine), WT_BACKEND_THREADS);
    wt_file file = open_at(&refusal->place, refusal->place.path);
    fill_at(file, 10, 3, 50000);
    check_filled(file, 10, 3, 50000);
    CHECK_OK(wt_engine_close(refusal->place.engine));
}

TEST(io_uring_refused_falls_back_to_threads_unless_asked_for_by_name) {
    static const int errors[] = {EPERM, ENOSYS};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct refusal refusal = {.error = errors[i]};
        refusal.place.directory = test_make_directory(test_directory(0));
        snprintf(refusal.place.path, sizeof refusal.place.path, "%s/file", refusal.place.directory);
        CHECK_EQ(test_in_child(with_io_uring_refused, &refusal), 0);
    }
}

/* ---- an open that others overtake -------------------------------------------------------------------------------- */

/* A rename that comes between an open's look at the path and its openat(2). */
struct overtaking {
    _Atomic int listener; /* of seccomp(2), -1: there is none yet */
    const char *path;
    const char *from;
    atomic_bool armed;
};

/* The caller is a thread of this process. */
static const char *path_of_open(const struct seccomp_data *call) {
    return (const char *)(uintptr_t)call->args[call->nr == SYS_openat ? 1 : 0];
}

static void *overtake(void *argument) {
    struct overtaking *overtaking = argument;
    while (atomic_load(&overtaking->listener) < 0)
        sched_yield();
    for (;;) {
        struct seccomp_notif call = {0};
        struct seccomp_notif_resp answer = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        if (ioctl(atomic_load(&overtaking->listener), SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
            CHECK(errno == EINTR || errno == ENOENT); /* the thread that called is gone */
            continue;
        }
        const char *opened = path_of_open(&call.data);
        if (atomic_load(&overtaking->armed) && strcmp(opened, overtaking->path) == 0) {
            CHECK_EQ(rename(overtaking->from, overtaking->path), 0);
            atomic_store(&overtaking->armed, false);
        }
        answer.id = call.id;
        CHECK(ioctl(atomic_load(&overtaking->listener), SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 || errno == ENOENT);
    }
    return NULL;
}

/* This thread's openat(2), or the open(2) of musl on x86-64, from now on; -1: this kernel cannot. */
static int listen_to_opens(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_open
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 1, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* The path leads to a file of a 1, and is overtaken by one of a 2; either may be open on the engine. */
static void open_overtaken(struct place *place, struct overtaking *overtaking, bool old_is_open, bool new_is_open,
                           uint32_t flags) {
    wt_file old = 0, new = 0, file = 0, none = 0;
    uint8_t three = 3, found = 0;
    CONTEXT("old %d new %d flags %u", old_is_open, new_is_open, flags);
    make_file(overtaking->path, 1);
    make_file(overtaking->from, 2);
    if (old_is_open)
        old = open_at(place, overtaking->path);
    if (new_is_open)
        new = open_at(place, overtaking->from);
    atomic_store(&overtaking->armed, true);
    CHECK_OK(try_open(place, overtaking->path, flags, &file));
    CHECK(!atomic_load(&overtaking->armed));
    CHECK_EQ(byte_of(file, 0), 2);
    if (flags & WT_OPEN_WRITE) {
        CHECK_EQ(write_at(file, 0, &three, 1), 1);
        int fd = open(overtaking->path, O_RDONLY | O_CLOEXEC);
        CHECK_EQ(read(fd, &found, 1), 1);
        CHECK_EQ(found, 3);
        CHECK_EQ(close(fd), 0);
        if (new_is_open)
            CHECK_EQ(byte_of(new, 0), 3);
    }
    struct place second = {.backend = place->backend};
    open_place(&second);
    CHECK_EQ(try_open(&second, overtaking->path, WT_OPEN_READ | WT_OPEN_WRITE, &none), -EBUSY);
    CHECK_OK(wt_engine_close(second.engine));
    CHECK_OK(wt_file_close(file));
    if (old_is_open)
        CHECK_OK(wt_file_close(old));
    if (new_is_open)
        CHECK_OK(wt_file_close(new));
}

static void fifo_overtakes(struct place *place, struct overtaking *overtaking, uint32_t flags) {
    wt_file file = 0;
    make_file(overtaking->path, 1);
    CHECK_EQ(mkfifo(overtaking->from, 0600), 0);
    atomic_store(&overtaking->armed, true);
    CHECK_EQ(try_open(place, overtaking->path, flags, &file), -EOPNOTSUPP);
    CHECK(!atomic_load(&overtaking->armed));
    CHECK_EQ(unlink(overtaking->path), 0);
}

static void overtaken(void *argument) {
    struct place *place = argument;
    const uint32_t flags[] = {WT_OPEN_READ, WT_OPEN_READ | WT_OPEN_WRITE,
                              WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE};
    char from[560];
    snprintf(from, sizeof from, "%s.new", place->path);
    struct overtaking overtaking = {.listener = -1, .path = place->path, .from = from};
    pthread_t thread;
    open_place(place);
    CHECK_EQ(pthread_create(&thread, NULL, overtake, &overtaking), 0); /* it ends with the process */
    int listener = listen_to_opens();
    if (listener < 0)
        _exit(0); /* not this kernel, or not under this emulator */
    atomic_store(&overtaking.listener, listener);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned open = 0; open < 4; open++)
            open_overtaken(place, &overtaking, open & 1, open & 2, flags[i]);
        fifo_overtakes(place, &overtaking, flags[i]);
    }
    CHECK_OK(wt_engine_close(place->engine));
    _exit(0);
}

TEST(an_open_that_a_rename_overtakes_is_of_what_it_opened) {
    each_place_in_child(overtaken);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void without_locked_memory(void *argument) {
    struct place *place = argument;
    struct rlimit none = {0, 0};
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    CHECK_EQ(setresgid(65534, 65534, 65534), 0);
    CHECK_EQ(setresuid(65534, 65534, 65534), 0);
    int result = open_engine(place->backend, 1 << 20, &place->engine);
    bool loop_refused = place->backend == TEST_BACKEND_EXTERNAL && result == -EPERM;
    if (loop_refused || (place->backend == WT_BACKEND_IO_URING && result == -ENOMEM)) {
        printf("   not on io_uring: this kernel counts the rings themselves as locked memory\n");
        return;
    }
    CHECK_OK(result);
    wt_file file = open_at(place, place->path);
    fill_at(file, 10, 3, 200000);
    check_filled(file, 10, 3, 200000);
    CHECK_OK(wt_engine_close(place->engine));
}

TEST(an_ordinary_user_who_may_lock_no_memory_can_write) {
    if (geteuid() != 0) {
        SKIP("needs root, to become a user without privileges");
    }
    each_place_in_child(without_locked_memory);
}

TEST(engines_open_and_close_many_times) {
    for (unsigned i = 0; i < 60; i++) {
        wt_engine engine = 0;
        int result = open_engine(backends[i % 3], 1 << 20, &engine);
        if (backends[i % 3] == WT_BACKEND_IO_URING && (result == -EPERM || result == -ENOSYS)) {
            continue;
        }
        CHECK_OK(result);
        CHECK(wt_engine_backend(engine) != WT_BACKEND_AUTO);
        CHECK(backends[i % 3] == WT_BACKEND_AUTO || wt_engine_backend(engine) == (int)backends[i % 3]);
        CHECK_OK(wt_engine_close(engine));
    }
}
