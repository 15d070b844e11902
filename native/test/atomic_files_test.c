// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Atomic writes to real files, in every directory of WT_TEST_DIRS and on every backend: xfs has them from Linux 6.16 on
 * whatever the device is, other file systems where the device has. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core.h"

enum { ROOM = 8 << 20 };

static const uint32_t backends[] = {WT_BACKEND_IO_URING, WT_BACKEND_THREADS};

static uint8_t bytes[ROOM];

struct place {
    wt_engine engine;
    wt_file file;
    struct wt_profile profile;
    struct model model;
    char path[512];
};

static void each_place(bool with_atomic_writes, void (*test)(struct place *)) {
    unsigned count = 0;
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t j = 0; j < sizeof backends / sizeof backends[0]; j++) {
            struct place place = {.model = model_new(ROOM)};
            struct wt_engine_options options = {.backend = backends[j], .cache_bytes = 32 << 20};
            CONTEXT("backend %u on %s", backends[j], test_directory(i));
            snprintf(place.path, sizeof place.path, "%s/file", test_make_directory(test_directory(i)));
            int rc = wt_engine_open(&options, &place.engine);
            if (backends[j] == WT_BACKEND_IO_URING && (rc == -EPERM || rc == -ENOSYS)) {
                printf("   not on io_uring: the kernel refuses it\n");
                continue;
            }
            CHECK_OK(rc);
            CHECK_OK(wt_file_open(place.engine, place.path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0,
                                  &place.file));
            CHECK_OK(wt_file_profile(place.file, &place.profile));
            if ((place.profile.atomic_write_max_bytes != 0) == with_atomic_writes) {
                test(&place);
                count++;
            }
            CHECK_OK(wt_engine_close(place.engine));
            model_free(&place.model);
        }
    }
    if (count == 0) {
        SKIP("files here have %s atomic writes", with_atomic_writes ? "no" : "only");
    }
}

/* The file as an ordinary descriptor reads it. */
static void check_path(const struct place *place) {
    uint8_t *found = malloc((size_t)place->model.size + 1);
    int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    CHECK(found != NULL && fd >= 0 && fstat(fd, &stat) == 0);
    CHECK_EQ(stat.st_size, place->model.size);
    CHECK_EQ(pread(fd, found, (size_t)place->model.size, 0), place->model.size);
    CHECK_BYTES(found, place->model.bytes, (size_t)place->model.size);
    CHECK(close(fd) == 0);
    free(found);
}

/* ---- where there are none ------------------------------------------------------------------------------------------ */

static void write_in_vain(struct place *place) {
    struct iovec iov = {bytes, 4096};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(place->file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), -EOPNOTSUPP);
    CHECK_EQ(wt_write_with(place->file, &iov, 1, &offset, 0, WT_ATOMIC | WT_APPEND, NULL), -EOPNOTSUPP);
    CHECK_EQ(wt_write_submit(place->file, &iov, 1, 0, 0, WT_ATOMIC, 1), -EOPNOTSUPP);
    CHECK_EQ(wt_size(place->file), 0);
    check_path(place);
}

TEST(a_file_without_atomic_writes_refuses_one_and_stays_as_it_is) {
    each_place(false, write_in_vain);
}

/* ---- where there are ------------------------------------------------------------------------------------------------ */

/* What the kernel says of the very file. */
static void check_limits(struct place *place) {
    uint32_t stat[64] = {0};
    struct wt_profile by_path;
    CHECK_EQ(syscall(SYS_statx, AT_FDCWD, place->path, 0, 0x10000, stat), 0);
    uint32_t min = stat[0xa8 / 4], max = stat[0xac / 4], segments = stat[0xb0 / 4], optimal = stat[0xb8 / 4];
    CHECK_EQ(place->profile.atomic_write_min_bytes,
             min > place->profile.block_bytes ? min : place->profile.block_bytes);
    CHECK_EQ(place->profile.atomic_write_max_bytes, max);
    CHECK_EQ(place->profile.atomic_write_max_segments, segments);
    CHECK_EQ(place->profile.atomic_write_optimal_bytes, optimal != 0 ? optimal : max);
    CHECK_OK(wt_probe(place->path, &by_path));
    CHECK_EQ(by_path.atomic_write_min_bytes, place->profile.atomic_write_min_bytes);
    CHECK_EQ(by_path.atomic_write_max_bytes, max);
}

TEST(the_limits_of_atomic_writes_are_those_of_the_file) {
    each_place(true, check_limits);
}

static void await_event(struct place *place, int64_t result) {
    struct wt_event event;
    CHECK_EQ(wt_reap(place->engine, &event, 1, -1), 1);
    CHECK_EQ(event.result, result);
}

/* In pieces of the caller's memory; synchronous or not. */
static void write_whole(struct place *place, struct test_random *random, uint64_t offset, size_t length) {
    const uint8_t *from = bytes + test_random_below(random, ROOM - length);
    uint32_t flags = WT_ATOMIC | (offset == place->model.size && test_random_one_in(random, 2) ? WT_APPEND : 0);
    uint32_t durability = (uint32_t)test_random_between(random, WT_DURABILITY_DEVICE, WT_DURABILITY_SYNC);
    size_t first = (size_t)test_random_below(random, length);
    struct iovec iov[2] = {{(void *)(uintptr_t)from, first}, {(void *)(uintptr_t)(from + first), length - first}};
    uint64_t at = offset;
    if (test_random_one_in(random, 2)) {
        CHECK_EQ(wt_write_with(place->file, iov, 2, &at, durability, flags, NULL), length);
        CHECK_EQ(at, offset);
    } else {
        CHECK_OK(wt_write_submit(place->file, iov, 2, offset, durability, flags, 1));
        await_event(place, (int64_t)length);
    }
    model_write(&place->model, offset, from, length);
}

static void write_at_random(struct place *place) {
    struct test_random random = test_random_of(test_seed());
    test_random_bytes(&random, bytes, sizeof bytes);
    for (unsigned i = 0; i < 150; i++) {
        uint64_t range = place->profile.atomic_write_max_bytes / place->profile.atomic_write_min_bytes;
        size_t length = (size_t)place->profile.atomic_write_min_bytes
                        << test_random_below(&random, (uint64_t)__builtin_ctzll(range) + 1);
        uint64_t offset = test_random_below(&random, ROOM / length) * length;
        bool within = offset < place->model.size && place->model.size < offset + length;
        if (test_random_one_in(&random, 4)) { /* of parts of blocks, beside them */
            size_t part = 1 + (size_t)test_random_below(&random, 20000);
            uint64_t to = place->model.size > part ? test_random_below(&random, place->model.size - part) : 0;
            CHECK_EQ(write_at(place->file, to, bytes + i, part), part);
            model_write(&place->model, to, bytes + i, part);
        } else if (place->model.size % 4096 != 0 && (within || offset / 4096 == place->model.size / 4096)) {
            struct iovec iov = {bytes, length};
            CHECK_EQ(wt_write_with(place->file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), -EINVAL);
            CHECK_OK(wt_truncate(place->file, (place->model.size + 4095) / 4096 * 4096));
            model_truncate(&place->model, (place->model.size + 4095) / 4096 * 4096);
        } else if (within) {
            offset = place->model.size / length * length;
        } else {
            write_whole(place, &random, offset, length);
        }
        check_read(place->file, &place->model, offset, length);
        if (i % 10 == 9) {
            check_path(place);
        }
    }
    check_path(place);
}

TEST(atomic_writes_of_every_length_and_kind_are_what_another_descriptor_reads) {
    each_place(true, write_at_random);
}

static uint64_t place_on_device(const char *path) {
    struct {
        struct fiemap map;
        struct fiemap_extent extent;
    } query = {.map = {.fm_length = 1, .fm_extent_count = 1, .fm_flags = FIEMAP_FLAG_SYNC}};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(ioctl(fd, FS_IOC_FIEMAP, &query.map), 0);
    CHECK_EQ(query.map.fm_mapped_extents, 1);
    CHECK(close(fd) == 0);
    return query.extent.fe_physical;
}

/* Where the device has no atomic writes xfs writes elsewhere and switches extents: so it can be seen what the kernel was
 * told. */
static void move_extents(struct place *place) {
    size_t length = 2 * place->profile.atomic_write_min_bytes;
    struct iovec iov = {bytes, length};
    uint64_t offset = 0;
    if (strcmp(place->profile.fs_type, "xfs") != 0 ||
        place->profile.atomic_write_optimal_bytes != place->profile.atomic_write_max_bytes) {
        printf("   not by xfs itself here\n");
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        memset(bytes, (int)i + 1, length);
        CHECK_EQ(wt_write_with(place->file, &iov, 1, &offset, 0, 0, NULL), length);
        uint64_t before = place_on_device(place->path);
        CHECK_EQ(wt_write_with(place->file, &iov, 1, &offset, 0, 0, NULL), length);
        CHECK_EQ(place_on_device(place->path), before);
        if (i % 2 == 0) {
            CHECK_EQ(wt_write_with(place->file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), length);
        } else {
            CHECK_OK(wt_write_submit(place->file, &iov, 1, 0, 0, WT_ATOMIC, 1));
            await_event(place, (int64_t)length);
        }
        CHECK(place_on_device(place->path) != before);
        check_filled(place->file, 0, (int)i + 1, length);
    }
}

TEST(the_kernel_is_told_that_a_write_is_atomic) {
    each_place(true, move_extents);
}

/* ---- several at once ------------------------------------------------------------------------------------------------ */

enum { PAGE = 16 << 10, PAGES = 32, WRITERS = 4, ROUNDS = 100 };

struct writer {
    struct place *place;
    uint64_t seed;
    pthread_t thread;
};

static void *write_pages(void *argument) {
    struct writer *writer = argument;
    struct test_random random = test_random_of(writer->seed);
    uint8_t *page = malloc(PAGE);
    CHECK(page != NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t offset = test_random_below(&random, PAGES) * PAGE;
        memset(page, (int)test_random_between(&random, 1, 255), PAGE);
        struct iovec iov = {page, PAGE};
        CHECK_EQ(wt_write_with(writer->place->file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), PAGE);
    }
    free(page);
    return NULL;
}

static void write_pages_at_once(struct place *place) {
    struct writer writers[WRITERS];
    uint8_t *found = malloc((size_t)PAGES * PAGE);
    fill_at(place->file, 0, 1, (size_t)PAGES * PAGE);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.place = place, .seed = i};
        writers[i].thread = test_thread(write_pages, &writers[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        test_join(writers[i].thread);
    }
    int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    CHECK(found != NULL && fd >= 0);
    CHECK_EQ(pread(fd, found, (size_t)PAGES * PAGE, 0), PAGES * PAGE);
    for (unsigned page = 0; page < PAGES; page++) {
        CHECK(memcmp(found + page * PAGE, found + page * PAGE + 1, PAGE - 1) == 0);
        check_filled(place->file, (uint64_t)page * PAGE, found[page * PAGE], PAGE);
    }
    CHECK(close(fd) == 0);
    free(found);
}

TEST(pages_written_by_several_threads_are_each_wholly_of_one) {
    each_place(true, write_pages_at_once);
}
