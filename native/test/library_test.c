// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The shared library as it is shipped: what it exports does what it says, on real files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"
#include "writethrough.h"

enum { BLOCK = 4096, ROOM = 64 * BLOCK };

static uint8_t bytes[ROOM], seen[ROOM];

struct place {
    wt_engine engine;
    wt_file file;
    char path[512];
};

static void open_place(struct place *place, const char *directory) {
    struct test_random random = test_random_of(1);
    test_random_bytes(&random, bytes, sizeof bytes);
    snprintf(place->path, sizeof place->path, "%s/file", test_make_directory(directory));
    CHECK_EQ(wt_abi_version(), WT_ABI_VERSION);
    CHECK_OK(wt_engine_open(NULL, &place->engine));
    CHECK_OK(
        wt_file_open(place->engine, place->path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, &place->file));
}

static void write_range(struct place *place, uint64_t offset, size_t length) {
    struct iovec iov = {.iov_base = bytes + offset, .iov_len = length};
    CHECK_EQ(wt_write(place->file, &iov, 1, offset, WT_DURABILITY_DSYNC, NULL), length);
}

/* By another descriptor: past the library. */
static void check_on_disk(const struct place *place, size_t size) {
    int fd = open(place->path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, seen, sizeof seen, 0), size);
    CHECK_BYTES(seen, bytes, size);
    close(fd);
}

static void check_read(struct place *place, size_t size) {
    struct iovec iov = {.iov_base = seen, .iov_len = sizeof seen};
    memset(seen, 0, sizeof seen);
    CHECK_EQ(wt_read(place->file, &iov, 1, 0), size);
    CHECK_BYTES(seen, bytes, size);
}

static void each_directory(void (*test)(struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        struct place place;
        CONTEXT("%s", test_directory(i));
        open_place(&place, test_directory(i));
        test(&place);
        CHECK_OK(wt_engine_close(place.engine));
    }
}

static void write_and_read(struct place *place) {
    write_range(place, 0, 3 * BLOCK + 100);
    write_range(place, BLOCK + 7, 50);
    write_range(place, 3 * BLOCK + 100, 10 * BLOCK);
    check_on_disk(place, 13 * BLOCK + 100);
    check_read(place, 13 * BLOCK + 100);
    CHECK_OK(wt_truncate(place->file, 100));
    check_on_disk(place, 100);
    CHECK_OK(wt_allocate(place->file, 0, 100));
    CHECK_EQ(wt_size(place->file), 100);
    CHECK_OK(wt_sync(place->file));
}

TEST(what_was_written_is_on_disk_and_is_read_back) {
    each_directory(write_and_read);
}

static void append_in_flight(struct place *place) {
    enum { RECORDS = 200, RECORD = 100 };
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct iovec iov = {.iov_base = bytes + i * RECORD, .iov_len = RECORD};
        CHECK_OK(wt_write_submit(place->file, &iov, 1, 0, WT_DURABILITY_DSYNC, WT_APPEND, i));
    }
    for (int left = RECORDS; left > 0;) {
        struct wt_event events[64];
        int count = wt_reap(place->engine, events, 64, -1);
        CHECK(count > 0);
        for (int i = 0; i < count; i++) {
            CHECK_EQ(events[i].result, RECORD);
            CHECK_EQ(events[i].offset, events[i].token * RECORD);
        }
        left -= count;
    }
    check_on_disk(place, RECORDS * RECORD);
    struct wt_engine_stats stats;
    CHECK_OK(wt_engine_stats(place->engine, &stats));
    CHECK_EQ(stats.writes, RECORDS);
    CHECK_EQ(stats.in_flight_ios, 0);
}

TEST(appends_in_flight_end_up_one_behind_the_other) {
    each_directory(append_in_flight);
}

static void *write_part(void *argument) {
    struct place *place = argument;
    static _Atomic uint32_t next;
    uint64_t part = next++ % 8;
    for (uint64_t i = 0; i < 8; i++)
        write_range(place, (part * 8 + i) * BLOCK, BLOCK);
    return NULL;
}

static void write_from_threads(struct place *place) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, write_part, place), 0);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    check_on_disk(place, ROOM);
    check_read(place, ROOM);
}

TEST(threads_write_their_parts) {
    each_directory(write_from_threads);
}

static void open_what_is_not_there(struct place *place) {
    wt_file other;
    CHECK_EQ(wt_file_open(place->engine, "/no/such/file", WT_OPEN_READ, 0, 0, &other), -ENOENT);
    CHECK_EQ(wt_file_open(place->engine, "/", WT_OPEN_READ, 0, 0, &other), -EISDIR);
    CHECK_EQ(strcmp(wt_errno_name(ENOENT), "ENOENT"), 0);
    struct wt_profile profile;
    CHECK_OK(wt_probe(place->path, &profile));
    CHECK(profile.block_bytes >= 512);
}

TEST(errors_have_their_names) {
    each_directory(open_what_is_not_there);
}

/* Memory of this process that is in use, in KiB; 0: an emulator stands between this process and the kernel. */
static uint64_t resident_kib(void) {
    char line[512];
    unsigned long kib;
    uint64_t sum = 0;
    bool emulated = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        sum += sscanf(line, "Rss: %lu kB", &kib) == 1 ? kib : 0;
        emulated = emulated || strstr(line, "/qemu-") != NULL;
    }
    fclose(maps);
    return emulated ? 0 : sum;
}

TEST(an_engine_takes_no_memory_before_it_is_used) {
    const struct wt_engine_options options = {.cache_bytes = UINT64_C(16) << 30, .backend = WT_BACKEND_THREADS};
    wt_engine first, engine;
    CHECK_OK(wt_engine_open(NULL, &first)); /* what only the first one takes */
    uint64_t before = resident_kib();
    CHECK_OK(wt_engine_open(&options, &engine));
    uint64_t after = resident_kib();
    if (before != 0)
        CHECK(after < before + (4 << 10));
    CHECK_OK(wt_engine_close(engine));
    CHECK_OK(wt_engine_close(first));
    if (before == 0)
        SKIP("the emulator does not tell how much memory is in use");
}
