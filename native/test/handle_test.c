// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Handles and arguments: what is wrong is an error and changes nothing. */
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/engine.h"
#include "core.h"
#include "engine/objects.h"

enum { BLOCK = 4096 };

static uint8_t bytes[2 * BLOCK];

static void check_bad_file(wt_file file) {
    struct iovec iov = {bytes, 10};
    struct wt_profile profile;
    uint64_t stable = 0;
    CHECK_EQ(wt_write(file, &iov, 1, 0, 0, &stable), -EBADF);
    CHECK_EQ(wt_read(file, &iov, 1, 0), -EBADF);
    CHECK_EQ(wt_size(file), -EBADF);
    CHECK_EQ(wt_truncate(file, 0), -EBADF);
    CHECK_EQ(wt_allocate(file, 0, 10), -EBADF);
    CHECK_EQ(wt_sync(file), -EBADF);
    CHECK_EQ(wt_file_profile(file, &profile), -EBADF);
    CHECK_EQ(wt_file_descriptor(file), -EBADF);
    CHECK_EQ(wt_file_close(file), -EBADF);
}

static void check_bad_engine(wt_engine engine) {
    struct wt_engine_stats stats;
    wt_file file = 0;
    CHECK_EQ(wt_file_open(engine, "file", WT_OPEN_READ, 0, 0, &file), -EBADF);
    CHECK_EQ(wt_engine_stats(engine, &stats), -EBADF);
    CHECK_EQ(wt_engine_backend(engine), -EBADF);
    CHECK_EQ(wt_engine_close(engine), -EBADF);
}

TEST(a_closed_or_invented_file_handle_is_ebadf) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    wt_file other = core_file(&core, "other");
    CHECK_OK(wt_file_close(file));
    check_bad_file(file);
    check_bad_file(0);
    check_bad_file(UINT64_MAX);
    check_bad_file(core.engine);
    check_bad_file((wt_file)(uintptr_t)&core);
    struct test_random random = test_random_of(test_seed());
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t garbage = test_random_next(&random) >> test_random_below(&random, 64);
        if (garbage != other) {
            check_bad_file(garbage);
        }
        check_bad_file(other ^ (1ull << i % 64));
    }
    wt_file again = core_file(&core, "file");
    CHECK(again != file);
    check_bad_file(file);
    fill_at(again, 0, 1, 10);
    fill_at(other, 0, 1, 10);
    core_close(&core);
}

TEST(a_closed_or_invented_engine_handle_is_ebadf) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    check_bad_engine(0);
    check_bad_engine(UINT64_MAX);
    check_bad_engine(core.engine + 1);
    check_bad_engine(core.engine ^ (1ull << 40));
    check_bad_engine(file);
    CHECK_OK(wt_engine_close(core.engine));
    check_bad_engine(core.engine);
    check_bad_file(file);
    sim_free(core.sim);
}

TEST(a_handle_value_is_not_used_again_soon) {
    struct core core = core_open(NULL, NULL);
    wt_file first = core_file(&core, "file");
    CHECK_OK(wt_file_close(first));
    for (unsigned i = 0; i < 5000; i++) {
        wt_file file = core_file(&core, "file");
        CHECK(file != first);
        CHECK_OK(wt_file_close(file));
    }
    core_close(&core);
}

TEST(engine_close_closes_every_file) {
    struct core core = core_open(NULL, NULL);
    wt_file files[50];
    for (unsigned i = 0; i < 50; i++) {
        files[i] = core_file(&core, i % 2 == 0 ? "even" : "odd");
        fill_at(files[i], i * 100, (int)i + 1, 5000);
    }
    CHECK_OK(wt_engine_close(core.engine));
    for (unsigned i = 0; i < 50; i++) {
        check_bad_file(files[i]);
    }
    sim_free(core.sim);
}

TEST(a_handle_does_only_what_it_was_opened_for) {
    struct core core = core_open(NULL, NULL);
    sim_put(core.sim, "file", bytes, 100);
    wt_file reader = 0;
    wt_file writer = 0;
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &reader));
    CHECK_EQ(write_at(reader, 0, "x", 1), -EBADF);
    CHECK_EQ(wt_truncate(reader, 0), -EBADF);
    CHECK_EQ(wt_allocate(reader, 0, 1000), -EBADF);
    CHECK_EQ(byte_of(reader, 0), 0);
    CHECK_OK(wt_file_close(reader));
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_WRITE, 0, 0, &writer));
    CHECK_EQ(read_at(writer, 0, bytes, 1), -EBADF);
    CHECK_EQ(write_at(writer, 50, "x", 1), 1);
    CHECK_EQ(wt_size(writer), 100);
    core_close(&core);
}

TEST(bad_arguments_of_write_and_read_are_told_and_change_nothing) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 100);
    struct iovec iov[2] = {{bytes, 10}, {bytes, 10}};
    struct iovec huge[2] = {{bytes, SIZE_MAX / 2}, {bytes, SIZE_MAX / 2 + 2}};
    struct iovec null = {NULL, 10};
    uint64_t stable = 0;
    sim_clear_log(core.sim);
    CHECK_EQ(wt_write(file, iov, -1, 0, 0, &stable), -EINVAL);
    CHECK_EQ(wt_write(file, NULL, 2, 0, 0, &stable), -EINVAL);
    CHECK_EQ(wt_write(file, iov, 2, 0, 4, &stable), -EINVAL);
    CHECK_EQ(wt_write(file, iov, 2, (uint64_t)INT64_MAX + 1, 0, &stable), -EINVAL);
    CHECK_EQ(wt_write(file, iov, 2, UINT64_MAX, 0, &stable), -EINVAL);
    CHECK_EQ(wt_write(file, huge, 2, 0, 0, &stable), -EINVAL);
    CHECK_EQ(wt_write(file, &null, 1, 0, 0, &stable), -EINVAL);
    int64_t past_end = wt_write(file, iov, 2, INT64_MAX - 5, 0, &stable);
    CHECK(past_end == -EFBIG || past_end == -EINVAL);
    CHECK_EQ(wt_read(file, iov, -1, 0), -EINVAL);
    CHECK_EQ(wt_read(file, NULL, 1, 0), -EINVAL);
    CHECK_EQ(wt_read(file, huge, 2, 0), -EINVAL);
    CHECK_EQ(wt_read(file, iov, 2, (uint64_t)INT64_MAX + 1), -EINVAL);
    CHECK_EQ(wt_read(file, &null, 1, 0), -EINVAL);
    CHECK_EQ(wt_read(file, iov, 2, INT64_MAX - 5), 0);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    CHECK_EQ(wt_size(file), 100);
    check_filled(file, 0, 1, 100);
    core_close(&core);
}

TEST(bad_arguments_of_truncate_and_allocate_are_told_and_change_nothing) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 100);
    sim_clear_log(core.sim);
    int past_end = wt_truncate(file, (uint64_t)INT64_MAX + 1);
    CHECK(past_end == -EINVAL || past_end == -EFBIG);
    past_end = wt_truncate(file, UINT64_MAX);
    CHECK(past_end == -EINVAL || past_end == -EFBIG);
    past_end = wt_allocate(file, INT64_MAX, 10);
    CHECK(past_end == -EINVAL || past_end == -EFBIG);
    past_end = wt_allocate(file, 10, UINT64_MAX - 5);
    CHECK(past_end == -EINVAL || past_end == -EFBIG);
    past_end = wt_allocate(file, UINT64_MAX, 1);
    CHECK(past_end == -EINVAL || past_end == -EFBIG);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    CHECK_EQ(wt_size(file), 100);
    core_close(&core);
}

TEST(bad_arguments_of_open_are_told) {
    struct core core = core_open(NULL, NULL);
    wt_file file = 0;
    CHECK_EQ(wt_file_open(core.engine, NULL, WT_OPEN_READ, 0, 0, &file), -EINVAL);
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, NULL), -EINVAL);
    CHECK_EQ(wt_file_open(core.engine, "file", 0, 0, 0, &file), -EINVAL);
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_CREATE, 0, 0, &file), -EINVAL);
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ | 1u << 20, 0, 0, &file), -EINVAL);
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_TRUNCATE, 0, 0, &file), -EINVAL);
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 4, &file), -EINVAL);
    CHECK_EQ(sim_size(core.sim, "file"), -ENOENT);
    CHECK_EQ(wt_engine_stats(core.engine, NULL), -EINVAL);
    file = core_file(&core, "file");
    CHECK_EQ(wt_file_profile(file, NULL), -EINVAL);
    core_close(&core);
}

static void check_engine_options(int expected, struct wt_engine_options options) {
    wt_engine engine = 0;
    struct sim *sim = sim_new(&(struct sim_options){0});
    int result = wt_engine_open_on(&options, sim_attach(sim), &engine);
    CHECK_EQ(result, expected);
    if (result == 0) {
        CHECK_OK(wt_engine_close(engine));
    }
    sim_free(sim);
}

TEST(engine_options_out_of_range_are_einval) {
    check_engine_options(0, (struct wt_engine_options){0});
    check_engine_options(0, (struct wt_engine_options){.cache_bytes = 128 << 10});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = (128 << 10) - 1});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1});
    check_engine_options(0, (struct wt_engine_options){.cache_bytes = 1 << 20, .in_flight_bytes = 64 << 10});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1 << 20, .in_flight_bytes = 65535});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1 << 20, .ring_entries = 7});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1 << 20, .ring_entries = 100});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1 << 20, .ring_entries = 65536});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1 << 20, .backend = WT_BACKEND_KERNEL + 1});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1 << 20, .threads = 257});
    check_engine_options(-EINVAL, (struct wt_engine_options){.cache_bytes = 1 << 20, .flags = 1u << 31});
    const uint32_t threads = WT_BACKEND_THREADS;
    check_engine_options(-EINVAL, (struct wt_engine_options){.backend = threads, .flags = WT_ENGINE_SQPOLL});
    check_engine_options(-EINVAL, (struct wt_engine_options){.backend = threads, .flags = WT_ENGINE_IOPOLL});
}

TEST(an_odd_cache_size_is_rounded_and_works) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = (128 << 10) + 4097});
    uint64_t limit = core_stats(&core).cache_bytes;
    CHECK(limit >= 128 << 10 && limit <= (128 << 10) + 8192);
    wt_file file = core_file(&core, "file");
    for (uint64_t i = 0; i < 100; i++) {
        fill_at(file, i * 3000, (int)i + 1, 3000);
    }
    for (uint64_t i = 0; i < 100; i++) {
        check_filled(file, i * 3000, (int)i + 1, 3000);
        CHECK(core_stats(&core).cached_bytes <= limit);
    }
    core_close(&core);
}

TEST(a_second_engine_finds_the_file_busy) {
    struct core core = core_open(NULL, NULL);
    wt_engine second = 0;
    wt_file file = core_file(&core, "file");
    wt_file other = 0;
    CHECK_OK(wt_engine_open_on(&core.options, sim_attach(core.sim), &second));
    CHECK_EQ(wt_file_open(second, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &other), -EBUSY);
    CHECK_EQ(wt_file_open(second, "file", WT_OPEN_READ, 0, 0, &other), -EBUSY);
    CHECK_OK(wt_file_close(file));
    CHECK_OK(wt_file_open(second, "file", WT_OPEN_READ, 0, 0, &other));
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &file));
    wt_file writer = 0;
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &writer), -EBUSY);
    CHECK_OK(wt_file_close(other));
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &writer));
    fill_at(writer, 0, 1, 100);
    check_filled(file, 0, 1, 100);
    CHECK_OK(wt_engine_close(second));
    core_close(&core);
}

TEST(stats_count_what_was_done) {
    struct core core = core_open(NULL, NULL);
    sim_put(core.sim, "file", bytes, 2 * BLOCK);
    wt_file file = core_file(&core, "file");
    check_filled(file, 0, 0, BLOCK);
    check_filled(file, 0, 0, BLOCK);
    fill_at(file, 0, 1, 2 * BLOCK);
    struct wt_engine_stats stats = core_stats(&core);
    CHECK_EQ(stats.read_hits, 1);
    CHECK_EQ(stats.read_misses, 1);
    CHECK_EQ(stats.writes, 1);
    CHECK_EQ(stats.write_errors, 0);
    CHECK_EQ(stats.device_reads, 1);
    CHECK_EQ(stats.device_read_bytes, BLOCK);
    CHECK_EQ(stats.device_writes, 1);
    CHECK_EQ(stats.device_written_bytes, 2 * BLOCK);
    CHECK_EQ(stats.gathers, 0);
    CHECK_EQ(stats.open_files, 1);
    CHECK_EQ(stats.open_inodes, 1);
    CHECK(stats.cached_bytes >= 2 * BLOCK);
    core_close(&core);
}

TEST(a_profile_says_what_the_disk_promised) {
    struct core core = core_open(&(struct sim_options){.block_bytes = 1024}, NULL);
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(core_file(&core, "file"), &profile));
    CHECK_EQ(profile.path, WT_PATH_DIRECT);
    CHECK_EQ(profile.block_bytes, 1024);
    CHECK_EQ(profile.fua, WT_YES);
    CHECK_EQ(strcmp(profile.fs_type, "simulated"), 0);
    core_close(&core);
}

TEST(errno_values_have_names) {
    CHECK_EQ(strcmp(wt_errno_name(ENOSPC), "ENOSPC"), 0);
    CHECK_EQ(strcmp(wt_errno_name(EIO), "EIO"), 0);
    CHECK(wt_errno_name(-1) == NULL);
    CHECK(wt_errno_name(100000) == NULL);
    CHECK_EQ(wt_abi_version(), WT_ABI_VERSION);
}

/* ---- what hangs ------------------------------------------------------------------------------------------------- */

/* The simulated disk, but for the file "slow", where one call waits until it is let go, and for the end of the backend. */
static struct {
    const struct wt_backend_ops *backend;
    struct wt_backend_ops bent_backend;
    const struct wt_backing_ops *backing;
    struct wt_backing_ops bent_backing;
    sem_t reached, go;
    int result; /* of the call, if it is not 0 */
    atomic_bool ended;
} slow;

static int wait_for_go(void) {
    CHECK_EQ(sem_post(&slow.reached), 0);
    CHECK_EQ(sem_wait(&slow.go), 0);
    return slow.result;
}

static int slow_lock(struct wt_backing *backing, bool exclusive) {
    int rc = wait_for_go();
    return rc ? rc : slow.backing->lock(backing, exclusive);
}

static int slow_size(struct wt_backing *backing, uint64_t *size) {
    int rc = wait_for_go();
    return rc ? rc : slow.backing->size(backing, size);
}

static int slow_take_lock(struct wt_backing *backing, struct wt_backing *from) {
    int rc = wait_for_go();
    return rc ? rc : slow.backing->take_lock(backing, from);
}

static int open_bent(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                     struct wt_backing **backing) {
    int rc = slow.backend->open(backend, path, flags, mode, backing);
    if (rc == 0 && strcmp(path, "slow") == 0)
        (*backing)->ops = &slow.bent_backing;
    return rc;
}

static void close_bent(struct wt_backend *backend) {
    (void)wait_for_go();
    slow.backend->close(backend);
    atomic_store(&slow.ended, true);
}

static wt_engine open_bent_engine(struct sim *sim) {
    wt_engine engine = 0;
    struct wt_backing *backing = NULL;
    struct wt_backend *backend = sim_attach(sim);
    slow.backend = backend->ops;
    slow.bent_backend = *backend->ops;
    slow.bent_backend.open = open_bent;
    CHECK_OK(backend->ops->open(backend, "slow", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, &backing));
    slow.backing = backing->ops;
    slow.bent_backing = *backing->ops;
    CHECK_OK(backing->ops->close(backing));
    backend->ops = &slow.bent_backend;
    slow.result = 0;
    atomic_store(&slow.ended, false);
    CHECK_EQ(sem_init(&slow.reached, 0, 0), 0);
    CHECK_EQ(sem_init(&slow.go, 0, 0), 0);
    CHECK_OK(wt_engine_open_on(NULL, backend, &engine));
    return engine;
}

struct opener {
    wt_engine engine;
    wt_file file;
    int result;
};

static void *open_slow(void *argument) {
    struct opener *opener = argument;
    opener->result = wt_file_open(opener->engine, "slow", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &opener->file);
    return NULL;
}

/* Opens and closes another file while the kernel has not answered. It would wait for ever if it had to. */
static void use_another_file(wt_engine engine) {
    wt_file other = 0;
    alarm(60);
    CHECK_OK(wt_file_open(engine, "other", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, &other));
    fill_at(other, 0, 1, 5000);
    CHECK_OK(wt_file_close(other));
    alarm(0);
}

TEST(other_files_are_opened_and_closed_while_the_kernel_does_not_answer_of_one) {
    for (unsigned i = 0; i < 4; i++) {
        struct sim *sim = sim_new(&(struct sim_options){0});
        struct opener opener = {.engine = open_bent_engine(sim)};
        CONTEXT("case %u", i);
        if (i % 2 == 0)
            slow.bent_backing.lock = slow_lock;
        else
            slow.bent_backing.size = slow_size;
        slow.result = i < 2 ? 0 : -EBUSY;
        pthread_t thread = test_thread(open_slow, &opener);
        CHECK_EQ(sem_wait(&slow.reached), 0);
        use_another_file(opener.engine);
        CHECK_EQ(sem_post(&slow.go), 0);
        test_join(thread);
        CHECK_EQ(opener.result, slow.result);
        slow.bent_backing = *slow.backing;
        CHECK_OK(wt_file_open(opener.engine, "slow", WT_OPEN_READ, 0, 0, &opener.file));
        CHECK_OK(wt_engine_close(opener.engine));
        sim_free(sim);
    }
}

TEST(a_reader_is_closed_while_the_kernel_does_not_answer_a_writer_of_its_file) {
    for (unsigned i = 0; i < 2; i++) {
        struct sim *sim = sim_new(&(struct sim_options){0});
        struct opener opener = {.engine = open_bent_engine(sim)};
        struct wt_engine_stats stats;
        wt_file reader = 0;
        CONTEXT("case %u", i);
        slow.bent_backing.take_lock = slow_take_lock;
        slow.result = i == 0 ? 0 : -EBUSY;
        CHECK_OK(wt_file_open(opener.engine, "slow", WT_OPEN_READ, 0, 0, &reader));
        pthread_t thread = test_thread(open_slow, &opener);
        CHECK_EQ(sem_wait(&slow.reached), 0);
        use_another_file(opener.engine);
        CHECK_OK(wt_file_close(reader));
        CHECK_EQ(sem_post(&slow.go), 0);
        test_join(thread);
        CHECK_EQ(opener.result, slow.result);
        CHECK_OK(wt_engine_stats(opener.engine, &stats));
        CHECK_EQ(stats.open_inodes, i == 0 ? 1 : 0);
        if (i == 0)
            fill_at(opener.file, 0, 1, 5000);
        slow.bent_backing = *slow.backing;
        CHECK_OK(wt_file_open(opener.engine, "slow", WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &opener.file));
        fill_at(opener.file, 0, 1, 5000);
        CHECK_OK(wt_engine_close(opener.engine));
        sim_free(sim);
    }
}

struct closer {
    wt_engine engine;
    int result;
    bool ended; /* as it was when the call returned */
};

static void *close_engine(void *argument) {
    struct closer *closer = argument;
    closer->result = wt_engine_close(closer->engine);
    closer->ended = atomic_load(&slow.ended);
    return NULL;
}

TEST(of_two_threads_that_close_an_engine_both_return_when_it_is_closed) {
    struct sim *sim = sim_new(&(struct sim_options){0});
    struct closer first = {.engine = open_bent_engine(sim)}, second = {.engine = first.engine};
    slow.bent_backend.close = close_bent;
    pthread_t first_thread = test_thread(close_engine, &first);
    CHECK_EQ(sem_wait(&slow.reached), 0);
    pthread_t second_thread = test_thread(close_engine, &second);
    let_others_run();
    CHECK_EQ(sem_post(&slow.go), 0);
    test_join(first_thread);
    test_join(second_thread);
    CHECK_OK(first.result);
    CHECK(first.ended);
    CHECK_EQ(second.result, -EBADF);
    CHECK(second.ended);
    CHECK_EQ(wt_engine_close(first.engine), -EBADF);
    sim_free(sim);
}
