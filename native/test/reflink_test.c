// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files that share extents with others (reflinks), in each directory of WT_TEST_DIRS: a write to one is a write to no
 * other, and what it leaves is never the old bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core.h"

enum { ROOM = 1 << 20, SPARE = 5000, BLOCK = 4096 };

struct place {
    wt_engine engine;
    char original[600];
    char clone[600];
};

static wt_file open_at(const struct place *place, const char *path) {
    wt_file file = 0;
    CHECK_OK(wt_file_open(place->engine, path, WT_OPEN_READ | WT_OPEN_WRITE, 0, WT_DURABILITY_FILE, &file));
    return file;
}

/* The file as the device has it. */
static void check_disk(const char *path, const struct model *model) {
    uint8_t *found = malloc(ROOM + SPARE);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(found != NULL && fd >= 0);
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    CHECK_EQ(pread(fd, found, ROOM + SPARE, 0), model->size);
    CHECK_BYTES(found, model->bytes, (size_t)model->size);
    CHECK(close(fd) == 0);
    free(found);
}

static void make_file(const char *path, const struct model *model) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, model->bytes, (size_t)model->size), model->size);
    CHECK(fsync(fd) == 0);
    CHECK(close(fd) == 0);
}

/* False where the file system cannot share extents. */
static bool make_clone(const struct place *place) {
    int from = open(place->original, O_RDONLY | O_CLOEXEC);
    int to = open(place->clone, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(from >= 0 && to >= 0);
    bool cloned = ioctl(to, FICLONE, from) == 0;
    CHECK(cloned || errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL);
    CHECK(fsync(to) == 0 && close(to) == 0 && close(from) == 0);
    return cloned;
}

/* An original of random bytes, its model, and a clone. */
static void each_place(uint32_t backend, void (*test)(struct place *, struct test_random *, struct model *)) {
    unsigned places = 0;
    for (size_t i = 0; i < test_directory_count(); i++) {
        struct place place = {0};
        struct test_random random = test_random_of(test_seed());
        struct model model = model_new(ROOM + SPARE);
        const char *directory = test_make_directory(test_directory(i));
        CONTEXT("in %s", test_directory(i));
        snprintf(place.original, sizeof place.original, "%s/original", directory);
        snprintf(place.clone, sizeof place.clone, "%s/clone", directory);
        model.size = ROOM;
        test_random_bytes(&random, model.bytes, ROOM);
        make_file(place.original, &model);
        if (make_clone(&place)) {
            const struct wt_engine_options options = {.cache_bytes = 1 << 20, .backend = backend};
            CHECK_OK(wt_engine_open(&options, &place.engine));
            test(&place, &random, &model);
            CHECK_OK(wt_engine_close(place.engine));
            places++;
        }
        model_free(&model);
    }
    if (places == 0) {
        SKIP("no file system here shares extents");
    }
}

static void write_some(wt_file file, struct test_random *random, struct model *model, unsigned count) {
    uint8_t bytes[3 * BLOCK];
    for (unsigned i = 0; i < count; i++) {
        size_t length = test_random_one_in(random, 2) ? BLOCK : (size_t)test_random_between(random, 1, sizeof bytes);
        uint64_t offset = test_random_below(random, model->room - length);
        offset = length == BLOCK ? offset / BLOCK * BLOCK : offset;
        test_random_bytes(random, bytes, length);
        CHECK_EQ(write_at(file, offset, bytes, length), length);
        model_write(model, offset, bytes, length);
        check_read(file, model, offset > BLOCK ? offset - BLOCK : 0, length + 2 * BLOCK);
    }
}

static void write_clone(struct place *place, struct test_random *random, struct model *original) {
    struct model clone = model_new(ROOM + SPARE);
    model_copy(&clone, original);
    struct wt_extents extents;
    wt_file file = open_at(place, place->clone);
    CHECK_OK(wt_probe_extents(place->clone, &extents));
    CHECK_EQ(extents.shared_bytes, ROOM);
    write_some(file, random, &clone, 60);
    CHECK_OK(wt_probe_extents(place->clone, &extents));
    CHECK(extents.shared_bytes < ROOM);
    check_disk(place->clone, &clone);
    check_disk(place->original, original);
    CHECK_OK(wt_file_close(file));
    model_free(&clone);
}

TEST(a_write_to_a_shared_extent_is_there_and_leaves_the_other_file_alone) {
    each_place(WT_BACKEND_AUTO, write_clone);
    each_place(WT_BACKEND_THREADS, write_clone);
}

static void write_both(struct place *place, struct test_random *random, struct model *original) {
    struct model clone = model_new(ROOM + SPARE);
    model_copy(&clone, original);
    wt_file files[2] = {open_at(place, place->original), open_at(place, place->clone)};
    check_read(files[0], original, 0, ROOM);
    check_read(files[1], &clone, 0, ROOM);
    for (unsigned i = 0; i < 10; i++) {
        write_some(files[0], random, original, 3);
        write_some(files[1], random, &clone, 3);
    }
    check_read(files[0], original, 0, ROOM + SPARE);
    check_read(files[1], &clone, 0, ROOM + SPARE);
    check_disk(place->original, original);
    check_disk(place->clone, &clone);
    model_free(&clone);
}

TEST(two_files_that_share_extents_are_written_in_turns) {
    each_place(WT_BACKEND_AUTO, write_both);
}

/* The clone is made while the engine has the original open: what the engine wrote is in the clone, and nothing later. */
static void clone_while_open(struct place *place, struct test_random *random, struct model *original) {
    struct model clone = model_new(ROOM + SPARE);
    wt_file file = open_at(place, place->original);
    write_some(file, random, original, 10);
    CHECK(make_clone(place));
    model_copy(&clone, original);
    write_some(file, random, original, 20);
    check_disk(place->original, original);
    check_disk(place->clone, &clone);
    model_free(&clone);
}

TEST(a_clone_of_an_open_file_has_what_was_written_before_it) {
    each_place(WT_BACKEND_AUTO, clone_while_open);
}

static void allocate_shared(struct place *place, struct test_random *random, struct model *original) {
    struct model clone = model_new(ROOM + SPARE);
    model_copy(&clone, original);
    wt_file file = open_at(place, place->clone);
    CHECK_OK(wt_allocate(file, 0, ROOM + SPARE));
    model_truncate(&clone, ROOM + SPARE);
    check_disk(place->clone, &clone);
    write_some(file, random, &clone, 10);
    check_disk(place->clone, &clone);
    check_disk(place->original, original);
    model_free(&clone);
}

TEST(allocate_keeps_the_bytes_of_shared_extents) {
    each_place(WT_BACKEND_AUTO, allocate_shared);
}
