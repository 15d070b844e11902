// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The shared library as it is shipped: what it exports does what it says, on real files. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* ---- copies of the library in one process, as class loaders load them ---- */

#ifdef __GLIBC__
struct copy {
    void *handle;
    wt_engine engine;
    int (*file_open)(wt_engine, const char *, uint32_t, uint32_t, uint32_t, wt_file *);
    int (*file_close)(wt_file);
    int (*engine_close)(wt_engine);
    int (*mapping_begin)(wt_file, uint64_t, uint64_t, wt_mapping *);
    int (*mapping_end)(wt_mapping);
    int (*descriptor)(wt_file);
    int64_t (*read)(wt_file, const struct iovec *, int, uint64_t);
    int64_t (*write)(wt_file, const struct iovec *, int, uint64_t, uint32_t, uint64_t *);
};

static void *function_of(const struct copy *copy, const char *name) {
    void *function = dlsym(copy->handle, name);
    CHECK(function != NULL);
    return function;
}

static void copy_file(const char *from, const char *to) {
    static uint8_t piece[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    CHECK(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, piece, sizeof piece)) > 0;)
        CHECK(write(out, piece, (size_t)n) == n);
    close(in);
    close(out);
}

static struct copy load_copy(const char *directory, int number) {
    Dl_info info;
    char path[512];
    struct copy copy;
    CHECK(dladdr((void *)(uintptr_t)wt_abi_version, &info) != 0);
    snprintf(path, sizeof path, "%s/copy%d.so", directory, number);
    copy_file(info.dli_fname, path);
    copy.handle =
        dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND); /* past the library that this program is linked with */
    if (copy.handle == NULL)
        test_fail(__FILE__, __LINE__, "%s", dlerror());
    *(void **)&copy.file_open = function_of(&copy, "wt_file_open");
    *(void **)&copy.file_close = function_of(&copy, "wt_file_close");
    *(void **)&copy.engine_close = function_of(&copy, "wt_engine_close");
    *(void **)&copy.mapping_begin = function_of(&copy, "wt_mapping_begin");
    *(void **)&copy.mapping_end = function_of(&copy, "wt_mapping_end");
    *(void **)&copy.descriptor = function_of(&copy, "wt_file_descriptor");
    *(void **)&copy.read = function_of(&copy, "wt_read");
    *(void **)&copy.write = function_of(&copy, "wt_write");
    int (*open_engine)(const struct wt_engine_options *, wt_engine *);
    *(void **)&open_engine = function_of(&copy, "wt_engine_open");
    CHECK_OK(open_engine(NULL, &copy.engine));
    return copy;
}

static int byte_by(const struct copy *copy, wt_file file, uint64_t offset) {
    uint8_t byte = 0;
    CHECK_EQ(copy->read(file, &(struct iovec){&byte, 1}, 1, offset), 1);
    return byte;
}

/* The first has mapped the file and closed it. The second opens it: both see what the other does. */
static void map_by_one_and_use_by_another(struct place *place) {
    const char *directory = test_make_directory("/var/tmp");
    struct copy first = load_copy(directory, 1), second = load_copy(directory, 2);
    CHECK(first.read != second.read);
    CHECK_OK(wt_file_close(place->file));
    wt_file file;
    wt_mapping mapping;
    CHECK_OK(first.file_open(first.engine, place->path, WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &file));
    CHECK_EQ(first.mapping_begin(file, 0, ROOM, &mapping), 1);
    uint8_t *memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, first.descriptor(file), 0);
    CHECK(memory != MAP_FAILED);
    CHECK_OK(first.file_close(file));
    CHECK_OK(second.file_open(second.engine, place->path, WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &file));
    for (int i = 1; i < 50; i++) {
        memory[BLOCK] = (uint8_t)i;
        CHECK_EQ(byte_by(&second, file, BLOCK), i);
        memory[2 * BLOCK + 1] = (uint8_t)i;
        CHECK_EQ(second.write(file, &(struct iovec){memory + BLOCK, 1}, 1, 2 * BLOCK, 0, NULL), 1);
        CHECK_EQ(memory[2 * BLOCK], i);
        CHECK_EQ(byte_by(&second, file, 2 * BLOCK + 1), i);
    }
    CHECK_EQ(munmap(memory, ROOM), 0);
    CHECK_OK(first.mapping_end(mapping));
    CHECK_EQ(byte_by(&second, file, BLOCK), 49);
    CHECK_OK(second.file_close(file));
    CHECK_OK(first.engine_close(first.engine));
    CHECK_OK(second.engine_close(second.engine));
}

#endif

TEST(copies_of_the_library_know_what_another_has_mapped) {
#ifdef __GLIBC__
    each_directory(map_by_one_and_use_by_another);
#else
    SKIP("the loader of musl does not share a symbol between copies");
#endif
}
