// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The io interface on the real backends, in each directory of WT_TEST_DIRS: what a wt_io comes back with, what opens and
 * what does not, what a probe says.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"
#include "io/stable.h"
#include "posix/posix.h"
#include "posix/threads.h"
#include "test.h"
#include "uring/uring.h"

#define PAGE 4096u

/* ---- scaffolding ----------------------------------------------------------------------------------------------- */

/* One backend in one directory. */
struct place {
    struct wt_backend *backend;
    const char *directory;
};

typedef int (*opener)(const struct wt_engine_options *options, struct wt_backend **backend);

/* NULL: the kernel refuses io_uring. */
static struct wt_backend *open_backend(opener open, const struct wt_engine_options *options) {
    struct wt_backend *backend = NULL;
    int rc = open(options, &backend);
    if (open == wt_io_uring_open && (rc == -EPERM || rc == -ENOSYS)) {
        printf("   not on io_uring: the kernel refuses it\n");
        return NULL;
    }
    CHECK_OK(rc);
    return backend;
}

/*
 * Runs body with each backend in every directory, and with the kernel's own thread for submission. A small ring, so that
 * its bounds are met.
 */
static void everywhere(void (*body)(const struct place *place)) {
    static const struct {
        opener open;
        uint32_t flags;
        const char *name;
    } ways[] = {{wt_threads_open, 0, "threads"},
                {wt_io_uring_open, 0, "io_uring"},
                {wt_io_uring_open, WT_ENGINE_SQPOLL, "io_uring with SQPOLL"}};
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
            const struct wt_engine_options options = {.ring_entries = 8, .threads = 3, .flags = ways[k].flags};
            struct place place = {.backend = open_backend(ways[k].open, &options)};
            if (place.backend == NULL) {
                continue;
            }
            place.directory = test_make_directory(test_directory(i));
            CONTEXT("%s in %s", ways[k].name, test_directory(i));
            body(&place);
            place.backend->ops->close(place.backend);
        }
    }
}

static const char *path_in(const struct place *place, const char *name) {
    static _Thread_local char paths[4][4096];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    CHECK(snprintf(path, sizeof paths[0], "%s/%s", place->directory, name) < (int)sizeof paths[0]);
    return path;
}

static int try_open(const struct place *place, const char *name, uint32_t flags, struct wt_backing **backing) {
    return place->backend->ops->open(place->backend, path_in(place, name), flags, 0644, backing);
}

static struct wt_backing *open_file(const struct place *place, const char *name, uint32_t flags) {
    struct wt_backing *backing = NULL;
    CHECK_OK(try_open(place, name, flags, &backing));
    return backing;
}

static struct wt_backing *create_file(const struct place *place, const char *name) {
    return open_file(place, name, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE);
}

static void close_file(struct wt_backing *backing) {
    CHECK_OK(backing->ops->close(backing));
}

static void *pages(size_t length) {
    void *memory = aligned_alloc(PAGE, length);
    CHECK(memory != NULL);
    return memory;
}

/* An I/O and the semaphore that its completion posts. */
struct test_io {
    struct wt_io io;
    sem_t *done;
};

static void post_done(struct wt_io *io) {
    sem_t *done = ((struct test_io *)io)->done;
    CHECK(sem_post(done) == 0);
}

static void set_io(struct test_io *test, enum wt_io_op op, struct wt_backing *backing, void *memory, uint64_t length,
                   uint64_t offset) {
    struct wt_io *io = &test->io;
    wt_io_init(io, op, backing, offset);
    io->durability = WT_DURABILITY_DSYNC;
    io->through_page_cache = length % backing->profile.block_bytes != 0;
    io->length = length;
    io->segment_count = 1;
    io->segments[0] = (struct iovec){memory, length};
    io->complete = post_done;
}

static void wait_for(sem_t *done, unsigned count) {
    while (count > 0) {
        int rc = sem_wait(done);
        CHECK(rc == 0 || errno == EINTR);
        count -= rc == 0 ? 1 : 0;
    }
}

/* Sends one I/O, and waits for it; on this thread, or by the backend. */
static void carry_out(const struct place *place, struct test_io *test, bool submit) {
    sem_t done;
    if (!submit) {
        test->io.backing->ops->run(&test->io);
        return;
    }
    CHECK(sem_init(&done, 0, 0) == 0);
    test->done = &done;
    place->backend->ops->submit(place->backend, &test->io);
    wait_for(&done, 1);
    CHECK(sem_destroy(&done) == 0);
}

static void write_all(struct wt_backing *backing, void *memory, uint64_t length, uint64_t offset) {
    struct test_io test;
    set_io(&test, WT_IO_WRITE, backing, memory, length, offset);
    backing->ops->run(&test.io);
    CHECK_EQ(test.io.error, 0);
    CHECK_EQ(test.io.done, length);
}

/* A file of count pages, of which each begins with its own number. */
static struct wt_backing *create_numbered(const struct place *place, const char *name, uint64_t count) {
    struct wt_backing *backing = create_file(place, name);
    uint64_t *memory = pages(count * PAGE);
    for (uint64_t i = 0; i < count * PAGE / sizeof *memory; i++) {
        memory[i] = i * sizeof *memory / PAGE;
    }
    write_all(backing, memory, count * PAGE, 0);
    free(memory);
    return backing;
}

/* ---- transfers ------------------------------------------------------------------------------------------------- */

static void write_then_read(const struct place *place, struct wt_backing *backing, bool submit) {
    const size_t length = 64 * PAGE;
    unsigned char *written = pages(length);
    unsigned char *read = pages(length);
    struct test_random random = test_random_of(test_seed());
    struct test_io test;
    test_random_bytes(&random, written, length);
    set_io(&test, WT_IO_WRITE, backing, written, length, PAGE);
    test.io.segment_count = 64;
    for (unsigned i = 0; i < 64; i++) {
        test.io.segments[i] = (struct iovec){written + i * PAGE, PAGE};
    }
    carry_out(place, &test, submit);
    CHECK_EQ(test.io.error, 0);
    CHECK_EQ(test.io.done, length);
    set_io(&test, WT_IO_READ, backing, read, length, PAGE);
    carry_out(place, &test, submit);
    CHECK_EQ(test.io.error, 0);
    CHECK_EQ(test.io.done, length);
    CHECK_BYTES(read, written, length);
    free(written);
    free(read);
}

static void check_read_back(const struct place *place) {
    struct wt_backing *backing = create_file(place, "file");
    write_then_read(place, backing, false);
    write_then_read(place, backing, true);
    close_file(backing);
}

TEST(what_is_written_is_read_back) {
    everywhere(check_read_back);
}

static void check_short_reads(const struct place *place) {
    static const struct {
        uint64_t offset;
        uint64_t length;
        uint64_t done;
    } cases[] = {{0, 2 * PAGE, 5000}, {0, 16 * PAGE, 5000}, {PAGE, PAGE, 904}, {2 * PAGE, PAGE, 0}, {0, PAGE, PAGE}};
    struct wt_backing *backing = create_file(place, "file");
    char *memory = pages(16 * PAGE);
    struct test_io test;
    memset(memory, 'x', 5000);
    write_all(backing, memory, PAGE, 0);
    write_all(backing, memory, 904, PAGE);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        size_t c = i / 2;
        set_io(&test, WT_IO_READ, backing, memory, cases[c].length, cases[c].offset);
        carry_out(place, &test, i % 2 != 0);
        CHECK_EQ(test.io.error, 0);
        CHECK_EQ(test.io.done, cases[c].done);
    }
    free(memory);
    close_file(backing);
}

TEST(a_read_that_meets_the_end_of_the_file_is_short_and_no_error) {
    everywhere(check_short_reads);
}

static void check_exact_size(const struct place *place) {
    struct wt_backing *backing = create_file(place, "file");
    char *memory = pages(PAGE);
    struct test_io test;
    uint64_t size = 0;
    memset(memory, 'x', PAGE);
    for (int submit = 0; submit < 2; submit++) {
        set_io(&test, WT_IO_WRITE, backing, memory, 100u + (unsigned)submit, PAGE);
        carry_out(place, &test, submit != 0);
        CHECK_EQ(test.io.error, 0);
        CHECK_OK(backing->ops->size(backing, &size));
        CHECK_EQ(size, PAGE + 100u + (unsigned)submit);
    }
    free(memory);
    close_file(backing);
}

TEST(a_write_of_part_of_a_block_leaves_the_exact_size) {
    everywhere(check_exact_size);
}

static void check_list(const struct place *place) {
    enum { PAGES = 64, COUNT = 10000 };
    struct wt_backing *backing = create_numbered(place, "file", PAGES);
    struct test_io *tests = calloc(COUNT, sizeof *tests);
    uint64_t *memory = pages((size_t)COUNT * PAGE);
    sem_t done;
    CHECK(tests != NULL && sem_init(&done, 0, 0) == 0);
    for (unsigned i = 0; i < COUNT; i++) {
        set_io(&tests[i], WT_IO_READ, backing, (char *)memory + (size_t)i * PAGE, PAGE, (uint64_t)(i % PAGES) * PAGE);
        tests[i].done = &done;
        tests[i].io.next = i + 1 < COUNT ? &tests[i + 1].io : NULL;
    }
    place->backend->ops->submit(place->backend, &tests[0].io);
    wait_for(&done, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(tests[i].io.error, 0);
        CHECK_EQ(tests[i].io.done, PAGE);
        CHECK_EQ(memory[i * (PAGE / sizeof *memory)], i % PAGES);
    }
    CHECK(sem_destroy(&done) == 0);
    free(memory);
    free(tests);
    close_file(backing);
}

TEST(far_more_ios_than_the_ring_has_entries_all_complete) {
    everywhere(check_list);
}

/* ---- flushes ---------------------------------------------------------------------------------------------------- */

/*
 * Sends a read of one file if asked to, and then so many writes, to the other or to both in turns, in one list. Takes the
 * completions of all, with so much time for each, and returns the flushes that were shared.
 */
static uint64_t flushes_of(const struct place *place, struct wt_backing *files[2], bool read, unsigned writes,
                           bool both, int64_t timeout_ns) {
    enum { MOST = 17 };
    const struct wt_backend_ops *ops = place->backend->ops;
    struct test_io tests[MOST];
    unsigned count = read + writes;
    char *memory = pages((size_t)count * PAGE);
    uint64_t before = atomic_load(&place->backend->shared_flushes);
    sem_t done;
    CHECK(count <= MOST && sem_init(&done, 0, 0) == 0);
    memset(memory, 'w', (size_t)count * PAGE);
    for (unsigned i = 0; i < count; i++) {
        set_io(&tests[i], i < read ? WT_IO_READ : WT_IO_WRITE, files[i < read || (both && i % 2)],
               memory + (size_t)i * PAGE, PAGE, (uint64_t)i * PAGE);
        tests[i].done = &done;
        tests[i].io.next = i + 1 < count ? &tests[i + 1].io : NULL;
    }
    if (ops->reap != NULL) { /* from now on it is this thread that takes completions */
        ops->wake(place->backend);
        CHECK(ops->reap(place->backend, timeout_ns) >= 0);
    }
    ops->submit(place->backend, &tests[0].io);
    for (unsigned left = count; left > 0;) {
        if (ops->reap == NULL) {
            wait_for(&done, left);
            left = 0;
        } else if (sem_trywait(&done) == 0) {
            left--;
        } else {
            CHECK(ops->reap(place->backend, timeout_ns) >= 0);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(tests[i].io.error, 0);
        CHECK_EQ(tests[i].io.done, PAGE);
    }
    CHECK(sem_destroy(&done) == 0);
    free(memory);
    return atomic_load(&place->backend->shared_flushes) - before;
}

static void check_flushes(const struct place *place) {
    struct wt_backing *files[2] = {create_numbered(place, "one", 64), create_numbered(place, "other", 64)};
    const struct wt_core_profile *profile = &files[0]->profile;
    bool share = place->backend->ops->kind == WT_BACKEND_IO_URING && profile->path == WT_PATH_DIRECT &&
                 (profile->disk == WT_DISK_WITHOUT_FUA || profile->disk == WT_DISK_UNKNOWN);
    /* Enough time for a flush, and not; never all of it: the reaper may be the one that takes the last completion. */
    const int64_t enough = 200000000, too_little = 50000000;
    for (unsigned writes = 1; writes <= 16; writes++) {
        uint64_t flushes;
        unsigned tries = 0;
        do { /* a thread that does not run for a millisecond loses its place to the reaper: few in a row do */
            flushes = flushes_of(place, files, false, writes, false, enough);
        } while (share && flushes == 0 && ++tries < 20);
        CHECK(share ? flushes >= 1 && flushes <= writes : flushes == 0);
        CHECK_EQ(flushes_of(place, files, true, writes, false, enough) > 0, share && writes >= 4);
        if (writes > 1) {
            CHECK_EQ(flushes_of(place, files, false, writes, true, enough) > 0, share && writes >= 4);
        }
        CHECK_EQ(flushes_of(place, files, false, writes, false, too_little) > 0, share && writes >= 4);
    }
    close_file(files[0]);
    close_file(files[1]);
}

TEST(durable_writes_share_flushes_from_the_first_on_or_beside_others_from_the_fourth) {
    everywhere(check_flushes);
}

enum { BURST = 40, BURSTS = 16 }; /* more I/Os than the ring of one has entries; as many as there are */

/* Sends count pages from one on, the last of them short, in lists of five, and ends the burst. */
static void write_burst(struct wt_burst *burst, const struct place *place, struct wt_backing *backing, char *memory,
                        struct test_io *tests, sem_t *done) {
    for (unsigned i = 0; i < BURST; i++) {
        set_io(&tests[i], WT_IO_WRITE, backing, memory + i * PAGE, i + 1 < BURST ? PAGE : 100,
               (1 + i) * (uint64_t)PAGE);
        tests[i].done = done;
        tests[i].io.next = i % 5 < 4 && i + 1 < BURST ? &tests[i + 1].io : NULL;
    }
    for (unsigned i = 0; i < BURST; i += 5) {
        place->backend->ops->burst_start(burst, &tests[i].io);
    }
    CHECK(sem_trywait(done) < 0); /* the end tells */
    place->backend->ops->burst_end(burst);
    for (unsigned i = 0; i < BURST; i++) {
        CHECK_OK(sem_trywait(done));
    }
    CHECK(sem_trywait(done) < 0);
}

static void check_burst(const struct place *place) {
    const struct wt_backend_ops *ops = place->backend->ops;
    if (ops->burst_begin == NULL) {
        return;
    }
    struct wt_backing *backing = create_numbered(place, "file", 1),
                      *unwritable = open_file(place, "file", WT_OPEN_READ);
    bool direct = backing->profile.path == WT_PATH_DIRECT;
    struct test_io *tests = calloc(BURST, sizeof *tests), read;
    char *memory = pages(BURST * PAGE), *back = pages(BURST * PAGE);
    sem_t done;
    CHECK(tests != NULL && sem_init(&done, 0, 0) == 0);
    memset(memory, 'w', BURST * PAGE);
    uint64_t before = atomic_load(&place->backend->shared_flushes);
    write_burst(ops->burst_begin(place->backend), place, backing, memory, tests, &done);
    for (unsigned i = 0; i < BURST; i++) {
        CHECK_EQ(tests[i].io.error, 0);
        CHECK_EQ(tests[i].io.done, tests[i].io.length);
        CHECK_EQ(wt_stable_owes_flush(&tests[i].io), i + 1 < BURST);
    }
    CHECK_EQ(atomic_load(&place->backend->shared_flushes) - before, 1);
    set_io(&read, WT_IO_READ, backing, back, BURST * PAGE, PAGE);
    carry_out(place, &read, false);
    CHECK_EQ(read.io.done, (BURST - 1) * PAGE + 100);
    CHECK_BYTES(back, memory, (BURST - 1) * PAGE + 100);

    write_burst(ops->burst_begin(place->backend), place, unwritable, memory, tests, &done);
    for (unsigned i = 0; i < BURST; i++) {
        CHECK(tests[i].io.error == -EBADF || (direct && i + 1 == BURST && tests[i].io.error < 0));
        CHECK_EQ(tests[i].io.done, 0);
    }
    CHECK_EQ(atomic_load(&place->backend->shared_flushes) - before, 1);
    CHECK(sem_destroy(&done) == 0);
    free(memory);
    free(back);
    free(tests);
    close_file(unwritable);
    close_file(backing);
}

TEST(the_writes_of_a_burst_are_told_together_when_one_flush_has_made_them_stable) {
    everywhere(check_burst);
}

/* The kernel cuts one write of four short, at the limit on file sizes, and refuses what is behind it. */
static void check_short_burst(const struct place *place) {
    enum { WRITES = 4, LENGTH = 4 * PAGE, LIMIT = 2 * LENGTH + 2 * PAGE };
    const struct wt_backend_ops *ops = place->backend->ops;
    if (ops->burst_begin == NULL) {
        return;
    }
    struct wt_backing *backing = create_numbered(place, "file", 1);
    struct test_io tests[WRITES];
    char *memory = pages(WRITES * LENGTH);
    struct rlimit unlimited, limited;
    sem_t done;
    memset(memory, 'w', WRITES * LENGTH);
    CHECK(sem_init(&done, 0, 0) == 0 && getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
    limited = (struct rlimit){.rlim_cur = LIMIT, .rlim_max = unlimited.rlim_max};
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limited));
    struct wt_burst *burst = ops->burst_begin(place->backend);
    for (unsigned i = 0; i < WRITES; i++) {
        set_io(&tests[i], WT_IO_WRITE, backing, memory + i * LENGTH, LENGTH, i * (uint64_t)LENGTH);
        tests[i].done = &done;
        ops->burst_start(burst, &tests[i].io);
    }
    ops->burst_end(burst);
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &unlimited));
    for (unsigned i = 0; i < WRITES; i++) {
        CHECK_OK(sem_trywait(&done));
        CHECK_EQ(tests[i].io.error, i < 2 ? 0 : -EFBIG);
        CHECK_EQ(tests[i].io.done, i < 2 ? LENGTH : i == 2 ? 2 * PAGE : 0);
    }
    CHECK(sem_destroy(&done) == 0);
    free(memory);
    close_file(backing);
}

TEST(what_the_kernel_did_of_a_write_of_a_burst_is_told_and_the_rest_is_tried) {
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    everywhere(check_short_burst);
}

static void check_bursts(const struct place *place) {
    const struct wt_backend_ops *ops = place->backend->ops;
    struct wt_burst *bursts[BURSTS];
    for (unsigned round = 0; ops->burst_begin != NULL && round < 2; round++) {
        for (unsigned i = 0; i < BURSTS; i++) {
            bursts[i] = ops->burst_begin(place->backend);
            CHECK(bursts[i] != NULL);
        }
        CHECK(ops->burst_begin(place->backend) == NULL);
        for (unsigned i = 0; i < BURSTS; i++) {
            ops->burst_end(bursts[i]);
        }
    }
}

TEST(bursts_are_so_many_at_most_and_their_rings_are_used_again) {
    everywhere(check_bursts);
}

/* ---- many threads ---------------------------------------------------------------------------------------------- */

struct caller {
    const struct place *place;
    struct wt_backing *backing;
    unsigned number;
};

static void *read_in_turns(void *argument) {
    enum { ROUNDS = 200, LIST = 5 };
    const struct caller *caller = argument;
    struct test_io *tests = calloc(LIST, sizeof *tests);
    uint64_t *memory = pages((size_t)LIST * PAGE);
    sem_t done;
    CHECK(tests != NULL && sem_init(&done, 0, 0) == 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < LIST; i++) {
            uint64_t page = (caller->number + round + i) % 64;
            set_io(&tests[i], WT_IO_READ, caller->backing, (char *)memory + (size_t)i * PAGE, PAGE, page * PAGE);
            tests[i].done = &done;
            tests[i].io.next = i + 1 < LIST ? &tests[i + 1].io : NULL;
        }
        caller->place->backend->ops->submit(caller->place->backend, &tests[0].io);
        wait_for(&done, LIST);
        for (unsigned i = 0; i < LIST; i++) {
            CHECK_EQ(tests[i].io.done, PAGE);
            CHECK_EQ(memory[i * (PAGE / sizeof *memory)], (caller->number + round + i) % 64);
        }
    }
    CHECK(sem_destroy(&done) == 0);
    free(memory);
    free(tests);
    return NULL;
}

static void check_callers(const struct place *place) {
    struct wt_backing *backing = create_numbered(place, "file", 64);
    struct caller callers[8];
    pthread_t threads[8];
    for (unsigned i = 0; i < 8; i++) {
        callers[i] = (struct caller){place, backing, i * 7};
        threads[i] = test_thread(read_in_turns, &callers[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        test_join(threads[i]);
    }
    close_file(backing);
}

TEST(many_threads_submit_at_once_and_each_gets_its_own) {
    everywhere(check_callers);
}

struct orphan {
    struct test_io tests[4];
    struct wt_backend *backend;
};

static void *submit_and_end(void *argument) {
    struct orphan *orphan = argument;
    orphan->backend->ops->submit(orphan->backend, &orphan->tests[0].io);
    return NULL;
}

static void check_orphans(const struct place *place) {
    enum { COUNT = 20 };
    struct wt_backing *backing = create_numbered(place, "file", 4 * COUNT);
    struct orphan *orphans = calloc(COUNT, sizeof *orphans);
    char *memory = pages(PAGE);
    sem_t done;
    CHECK(orphans != NULL && sem_init(&done, 0, 0) == 0);
    memset(memory, 'x', PAGE);
    for (unsigned i = 0; i < COUNT; i++) {
        orphans[i].backend = place->backend;
        for (unsigned k = 0; k < 4; k++) {
            struct test_io *test = &orphans[i].tests[k];
            set_io(test, WT_IO_WRITE, backing, memory, k % 2 != 0 ? PAGE : 100, (uint64_t)(i * 4 + k) * PAGE);
            test->done = &done;
            test->io.next = k < 3 ? &orphans[i].tests[k + 1].io : NULL;
        }
        test_join(test_thread(submit_and_end, &orphans[i]));
    }
    wait_for(&done, 4 * COUNT);
    for (unsigned i = 0; i < 4 * COUNT; i++) {
        CHECK_EQ(orphans[i / 4].tests[i % 4].io.error, 0);
        CHECK_EQ(orphans[i / 4].tests[i % 4].io.done, orphans[i / 4].tests[i % 4].io.length);
    }
    CHECK(sem_destroy(&done) == 0);
    free(memory);
    free(orphans);
    close_file(backing);
}

TEST(an_io_outlives_the_thread_that_submitted_it) {
    everywhere(check_orphans);
}

/* An I/O whose completion submits it again, left times. */
struct chained {
    struct test_io test;
    struct wt_backend *backend;
    void *memory;
    unsigned left;
};

static void submit_again(struct wt_io *io) {
    struct chained *chained = (struct chained *)io;
    CHECK_EQ(io->error, 0);
    CHECK_EQ(io->done, PAGE);
    if (chained->left == 0) {
        CHECK(sem_post(chained->test.done) == 0);
        return;
    }
    chained->left--;
    set_io(&chained->test, WT_IO_READ, io->backing, chained->memory, PAGE, (chained->left % 64) * (uint64_t)PAGE);
    io->complete = submit_again;
    chained->backend->ops->submit(chained->backend, io);
}

static void check_chains(const struct place *place) {
    enum { COUNT = 40, LENGTH = 300 };
    struct wt_backing *backing = create_numbered(place, "file", 64);
    struct chained *chains = calloc(COUNT, sizeof *chains);
    sem_t done;
    CHECK(chains != NULL && sem_init(&done, 0, 0) == 0);
    for (unsigned i = 0; i < COUNT; i++) {
        chains[i].backend = place->backend;
        chains[i].memory = pages(PAGE);
        chains[i].left = LENGTH;
        set_io(&chains[i].test, WT_IO_READ, backing, chains[i].memory, PAGE, 0);
        chains[i].test.done = &done;
        chains[i].test.io.complete = submit_again;
        place->backend->ops->submit(place->backend, &chains[i].test.io);
    }
    wait_for(&done, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        free(chains[i].memory);
    }
    CHECK(sem_destroy(&done) == 0);
    free(chains);
    close_file(backing);
}

TEST(a_completion_may_submit_again) {
    everywhere(check_chains);
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

static void check_not_for_writing(const struct place *place) {
    struct test_io *tests = calloc(9, sizeof *tests);
    struct wt_backing *writable = create_numbered(place, "file", 8);
    struct wt_backing *backing = open_file(place, "file", WT_OPEN_READ);
    char *memory = pages(9 * PAGE);
    sem_t done;
    CHECK(tests != NULL && sem_init(&done, 0, 0) == 0);
    set_io(&tests[0], WT_IO_WRITE, backing, memory, PAGE, 0);
    backing->ops->run(&tests[0].io);
    CHECK_EQ(tests[0].io.error, -EBADF);
    CHECK_EQ(tests[0].io.done, 0);
    for (unsigned i = 0; i < 9; i++) {
        enum wt_io_op op = i == 3 ? WT_IO_WRITE : WT_IO_READ;
        set_io(&tests[i], op, backing, memory + i * PAGE, PAGE, i % 8 * (uint64_t)PAGE);
        tests[i].done = &done;
        tests[i].io.next = i < 8 ? &tests[i + 1].io : NULL;
    }
    place->backend->ops->submit(place->backend, &tests[0].io);
    wait_for(&done, 9);
    for (unsigned i = 0; i < 9; i++) {
        CHECK_EQ(tests[i].io.error, i == 3 ? -EBADF : 0);
        CHECK_EQ(tests[i].io.done, i == 3 ? 0 : PAGE);
    }
    CHECK(sem_destroy(&done) == 0);
    free(memory);
    free(tests);
    close_file(backing);
    close_file(writable);
}

TEST(a_write_to_a_file_open_for_reading_fails_alone) {
    everywhere(check_not_for_writing);
}

TEST(options_out_of_range_are_refused) {
    static const uint32_t bad_entries[] = {1, 4, 9, 65536};
    struct wt_backend *backend = NULL;
    struct wt_engine_options options = {.threads = 257};
    CHECK_EQ(wt_threads_open(&options, &backend), -EINVAL);
    for (size_t i = 0; i < sizeof bad_entries / sizeof *bad_entries; i++) {
        options.ring_entries = bad_entries[i];
        CHECK_EQ(wt_io_uring_open(&options, &backend), -EINVAL);
    }
    CHECK(backend == NULL);
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

static void check_kinds(const struct place *place) {
    const uint32_t read_write = WT_OPEN_READ | WT_OPEN_WRITE;
    struct wt_backing *backing = NULL;
    CHECK(mkdir(path_in(place, "directory"), 0755) == 0);
    CHECK(mkfifo(path_in(place, "fifo"), 0644) == 0);
    CHECK(symlink("fifo", path_in(place, "to_fifo")) == 0);
    CHECK_EQ(try_open(place, "directory", WT_OPEN_READ, &backing), -EISDIR);
    CHECK_EQ(try_open(place, "directory", read_write | WT_OPEN_CREATE, &backing), -EISDIR);
    CHECK_EQ(try_open(place, "fifo", WT_OPEN_READ, &backing), -EOPNOTSUPP);
    CHECK_EQ(try_open(place, "fifo", read_write, &backing), -EOPNOTSUPP);
    CHECK_EQ(try_open(place, "to_fifo", read_write | WT_OPEN_CREATE, &backing), -EOPNOTSUPP);
    CHECK_EQ(place->backend->ops->open(place->backend, "/dev/null", read_write, 0, &backing), -EOPNOTSUPP);
    CHECK_EQ(try_open(place, "missing", read_write, &backing), -ENOENT);
    CHECK_EQ(try_open(place, "missing/file", read_write | WT_OPEN_CREATE, &backing), -ENOENT);
    CHECK(backing == NULL);
}

TEST(only_regular_files_open) {
    everywhere(check_kinds);
}

static void check_creation(const struct place *place) {
    const uint32_t read_write = WT_OPEN_READ | WT_OPEN_WRITE;
    struct wt_backing *backing = open_file(place, "new", read_write | WT_OPEN_CREATE_NEW);
    struct wt_backing *second = open_file(place, "new", read_write | WT_OPEN_CREATE);
    struct wt_backing *none = NULL;
    CHECK(backing->writable);
    CHECK_EQ(backing->inode, second->inode);
    CHECK_EQ(backing->device, second->device);
    CHECK_EQ(try_open(place, "new", read_write | WT_OPEN_CREATE | WT_OPEN_CREATE_NEW, &none), -EEXIST);
    close_file(second);
    close_file(backing);

    CHECK(chdir(place->directory) == 0);
    CHECK_OK(place->backend->ops->open(place->backend, "relative", read_write | WT_OPEN_CREATE, 0640, &backing));
    close_file(backing);
    struct stat stat_of;
    CHECK(stat(path_in(place, "relative"), &stat_of) == 0);
    CHECK_EQ(stat_of.st_mode & 0137, 0); /* 0640, less what the umask takes */
    CHECK(chdir("/") == 0);
}

TEST(a_file_is_created_once) {
    everywhere(check_creation);
}

static void check_symbolic_links(const struct place *place) {
    const uint32_t read_write = WT_OPEN_READ | WT_OPEN_WRITE;
    struct wt_backing *backing = NULL;
    struct stat stat_of;
    CHECK(symlink("target", path_in(place, "link")) == 0);
    CHECK(symlink("loop", path_in(place, "loop")) == 0);
    CHECK_EQ(try_open(place, "link", read_write, &backing), -ENOENT);
    CHECK_EQ(try_open(place, "link", read_write | WT_OPEN_CREATE_NEW, &backing), -EEXIST);
    CHECK_EQ(try_open(place, "link", read_write | WT_OPEN_CREATE | WT_OPEN_NOFOLLOW, &backing), -ELOOP);
    CHECK_EQ(try_open(place, "loop", read_write | WT_OPEN_CREATE, &backing), -ELOOP);
    CHECK(lstat(path_in(place, "target"), &stat_of) != 0);
    close_file(create_file(place, "link"));
    CHECK(lstat(path_in(place, "target"), &stat_of) == 0 && S_ISREG(stat_of.st_mode));
    backing = create_file(place, "link");
    CHECK_EQ(backing->inode, stat_of.st_ino);
    close_file(backing);
    CHECK_EQ(try_open(place, "link", read_write | WT_OPEN_NOFOLLOW, &backing), -ELOOP);
}

TEST(a_dangling_link_creates_its_target_as_open_does) {
    everywhere(check_symbolic_links);
}

static void check_locks(const struct place *place) {
    struct wt_backing *a = create_file(place, "file");
    struct wt_backing *b = create_file(place, "file");
    const struct wt_backing_ops *ops = a->ops;
    CHECK_OK(ops->lock(a, true));
    CHECK_OK(ops->lock(a, true));
    CHECK_EQ(ops->lock(b, true), -EBUSY);
    CHECK_EQ(ops->lock(b, false), -EBUSY);
    CHECK_OK(ops->lock(a, false));
    CHECK_OK(ops->lock(b, false));
    CHECK_EQ(ops->lock(b, true), -EBUSY); /* and b still has what it had: */
    CHECK_EQ(ops->lock(a, true), -EBUSY);
    close_file(a);
    CHECK_OK(ops->lock(b, true));
    close_file(b);
}

TEST(a_lock_that_another_holds_is_busy_and_the_one_held_stays) {
    everywhere(check_locks);
}

/* A process that is killed leaves I/O to the kernel, which keeps the lock if it is on the file that the I/O goes by. */
static void check_moved_lock(const struct place *place) {
    struct wt_backing *reader = create_file(place, "file");
    struct wt_backing *writer = create_file(place, "file");
    struct wt_backing *other = create_file(place, "file");
    const struct wt_backing_ops *ops = reader->ops;
    CHECK_OK(ops->lock(reader, false));
    CHECK_OK(ops->lock(other, false));
    CHECK_EQ(ops->take_lock(writer, reader), -EBUSY);
    CHECK_EQ(ops->lock(other, true), -EBUSY); /* reader has its lock again */
    CHECK(!ops->lock_is_orphaned(writer));
    close_file(other);
    CHECK_OK(ops->take_lock(writer, reader));
    close_file(reader);
    other = create_file(place, "file");
    CHECK_EQ(ops->lock(other, false), -EBUSY);
    close_file(writer);
    CHECK_OK(ops->lock(other, false));
    close_file(other);
}

TEST(a_lock_moves_to_the_file_that_writes_go_by) {
    everywhere(check_moved_lock);
}

static void check_without_proc(const struct place *place) {
    struct wt_backing *backing = create_file(place, "file");
    struct wt_backing *renamed = create_file(place, "renamed");
    struct test_io test;
    char byte = 'x';
    set_io(&test, WT_IO_WRITE, backing, &byte, 1, 0);
    backing->ops->run(&test.io);
    CHECK_EQ(test.io.error, 0);
    CHECK(rename(path_in(place, "renamed"), path_in(place, "elsewhere")) == 0);
    CHECK(link(path_in(place, "file"), path_in(place, "renamed")) == 0);
    set_io(&test, WT_IO_WRITE, renamed, &byte, 1, 0);
    renamed->ops->run(&test.io);
    CHECK_EQ(test.io.error, 0);
    struct stat stat_of;
    CHECK(stat(path_in(place, "elsewhere"), &stat_of) == 0 && stat_of.st_size == 1);
    CHECK(stat(path_in(place, "file"), &stat_of) == 0 && stat_of.st_size == 1);
    CHECK_EQ(backing->profile.path, renamed->profile.path);
    close_file(backing);
    close_file(renamed);
}

TEST(without_proc_a_file_is_opened_twice_by_its_path) {
    if (unshare(CLONE_NEWNS) < 0) {
        SKIP("no mount namespace of our own: %s", wt_errno_name(errno));
    }
    CHECK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    if (mount("none", "/proc", "tmpfs", 0, NULL) < 0) {
        SKIP("/proc cannot be covered: %s", wt_errno_name(errno));
    }
    everywhere(check_without_proc);
    CHECK(umount("/proc") == 0); /* leak sanitizers look there at exit */
}

/* ---- size and holes -------------------------------------------------------------------------------------------- */

static void check_truncate(const struct place *place) {
    struct wt_backing *backing = create_numbered(place, "file", 4);
    uint64_t size = 0;
    uint64_t *memory = pages(PAGE);
    struct test_io test;
    CHECK_OK(backing->ops->truncate(backing, 5000, true));
    CHECK_OK(backing->ops->size(backing, &size));
    CHECK_EQ(size, 5000);
    CHECK_OK(backing->ops->truncate(backing, 3 * PAGE, true));
    set_io(&test, WT_IO_READ, backing, memory, PAGE, 2 * PAGE);
    backing->ops->run(&test.io);
    CHECK_EQ(test.io.done, PAGE);
    CHECK_EQ(memory[0], 0);
    CHECK_EQ(backing->ops->truncate(backing, UINT64_MAX, true), -EFBIG);
    CHECK_OK(backing->ops->sync(backing, true));
    CHECK_OK(backing->ops->sync(backing, false));
    backing->ops->forget(backing, 100, 200);
    free(memory);
    close_file(backing);
}

TEST(truncate_cuts_and_a_longer_file_reads_zeros) {
    everywhere(check_truncate);
}

static void check_hole(struct wt_backing *backing, uint64_t from, uint64_t to, uint64_t start, uint64_t end) {
    uint64_t found_start = 1;
    uint64_t found_end = 1;
    CHECK_OK(backing->ops->find_hole(backing, from, to, &found_start, &found_end));
    CHECK_EQ(found_start, start);
    CHECK_EQ(found_end, end);
}

#define UNIT (64u * 1024) /* larger than any block, so that neighbours stay apart */

static void check_holes(const struct place *place) {
    struct wt_backing *backing = create_file(place, "file");
    char *memory = pages(4 * UNIT);
    memset(memory, 0, 4 * UNIT);
    check_hole(backing, 0, 4 * UNIT, 0, 4 * UNIT); /* past the size nothing exists */
    CHECK_OK(backing->ops->truncate(backing, 8 * UNIT, true));
    check_hole(backing, 0, 8 * UNIT, 0, 8 * UNIT);
    write_all(backing, memory, UNIT, 2 * UNIT);
    check_hole(backing, 0, 8 * UNIT, 0, 2 * UNIT);
    check_hole(backing, UNIT, 8 * UNIT, UNIT, 2 * UNIT);
    check_hole(backing, 2 * UNIT, 8 * UNIT, 3 * UNIT, 8 * UNIT);
    check_hole(backing, 2 * UNIT + PAGE, 3 * UNIT, 3 * UNIT, 3 * UNIT); /* none */
    check_hole(backing, 5 * UNIT, 5 * UNIT, 5 * UNIT, 5 * UNIT);
    write_all(backing, memory, UNIT, 4 * UNIT);
    check_hole(backing, 2 * UNIT, 8 * UNIT, 3 * UNIT, 4 * UNIT);
    write_all(backing, memory, UNIT, 3 * UNIT);
    check_hole(backing, 2 * UNIT, 8 * UNIT, 5 * UNIT, 8 * UNIT);
    free(memory);
    close_file(backing);
}

TEST(holes_are_found_between_what_is_written) {
    everywhere(check_holes);
}

static void check_reserved(const struct place *place) {
    struct wt_backing *backing = create_file(place, "file");
    char *memory = pages(4 * UNIT);
    struct test_io test;
    uint64_t size = 0;
    int rc = backing->ops->reserve(backing, 0, 4 * UNIT);
    if (rc == -EOPNOTSUPP) {
        SKIP("no fallocate in %s", place->directory);
    }
    CHECK_OK(rc);
    CHECK_OK(backing->ops->size(backing, &size));
    CHECK_EQ(size, 4 * UNIT);
    check_hole(backing, 0, 4 * UNIT, 0, 4 * UNIT);
    if (backing->profile.path == WT_PATH_DIRECT) {
        /* Clean pages in the kernel's cache do not make the extent a written one. */
        set_io(&test, WT_IO_READ, backing, memory, 1, UNIT);
        backing->ops->run(&test.io);
        CHECK_EQ(test.io.done, 1);
        check_hole(backing, 0, 4 * UNIT, 0, 4 * UNIT);
    }
    memset(memory, 0, 4 * UNIT);
    write_all(backing, memory, 2 * UNIT, UNIT);
    check_hole(backing, 0, 4 * UNIT, 0, UNIT);
    check_hole(backing, UNIT, 4 * UNIT, 3 * UNIT, 4 * UNIT);
    rc = backing->ops->write_zeroes(backing, 3 * UNIT, UNIT);
    CHECK(rc == 0 || rc == -EOPNOTSUPP);
    if (rc < 0) {
        write_all(backing, memory, UNIT, 3 * UNIT);
    }
    check_hole(backing, UNIT, 4 * UNIT, 4 * UNIT, 4 * UNIT);
    free(memory);
    close_file(backing);
}

TEST(a_reserved_extent_is_a_hole_until_zeros_are_written) {
    everywhere(check_reserved);
}

static void check_many_extents(const struct place *place) {
    enum { COUNT = 100 }; /* more than one FIEMAP call brings */
    struct wt_backing *backing = create_file(place, "file");
    char *memory = pages(UNIT);
    memset(memory, 'x', UNIT);
    for (unsigned i = 0; i < COUNT; i++) {
        write_all(backing, memory, UNIT, (uint64_t)i * 2 * UNIT);
    }
    for (unsigned i = 0; i < COUNT - 1; i++) {
        check_hole(backing, (uint64_t)i * 2 * UNIT, (uint64_t)COUNT * 2 * UNIT, (uint64_t)(i * 2 + 1) * UNIT,
                   (uint64_t)(i * 2 + 2) * UNIT);
    }
    for (unsigned i = 0; i < COUNT - 1; i++) {
        write_all(backing, memory, UNIT, (uint64_t)(i * 2 + 1) * UNIT);
    }
    check_hole(backing, 0, (uint64_t)COUNT * 2 * UNIT, (COUNT * 2 - 1) * (uint64_t)UNIT, (uint64_t)COUNT * 2 * UNIT);
    free(memory);
    close_file(backing);
}

TEST(holes_are_found_behind_any_number_of_extents) {
    everywhere(check_many_extents);
}

/* ---- probe ----------------------------------------------------------------------------------------------------- */

static unsigned count_entries(const char *directory) {
    unsigned count = 0;
    DIR *stream = opendir(directory);
    CHECK(stream != NULL);
    while (readdir(stream) != NULL) {
        count++;
    }
    CHECK(closedir(stream) == 0);
    return count;
}

static void check_probe(const struct place *place) {
    struct wt_profile here;
    struct wt_profile there;
    struct wt_profile told;
    unsigned before = count_entries(place->directory);
    CHECK_OK(wt_probe(place->directory, &here));
    CHECK_EQ(count_entries(place->directory), before);
    struct wt_backing *backing = create_numbered(place, "file", 1);
    CHECK_OK(wt_probe(path_in(place, "file"), &there));
    wt_profile_tell(&backing->profile, &told);
    CHECK(memcmp(&there, &told, sizeof there) == 0);
    int nameless = open(place->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (nameless >= 0) {
        CHECK(memcmp(&here, &there, sizeof here) == 0);
        CHECK(close(nameless) == 0);
    } else {
        CHECK_EQ(here.path, WT_PATH_BUFFERED);
        CHECK_EQ(here.fs_magic, there.fs_magic);
        CHECK_EQ(here.fs_block_bytes, there.fs_block_bytes);
    }
    CHECK(here.path == WT_PATH_DIRECT || here.path == WT_PATH_BUFFERED);
    CHECK(here.block_bytes >= 512 && here.block_bytes <= PAGE && (here.block_bytes & (here.block_bytes - 1)) == 0);
    if (here.path == WT_PATH_DIRECT) {
        CHECK_EQ(here.block_bytes % here.fs_block_bytes, 0);
        CHECK(here.dio_offset_alignment == 0 || here.block_bytes % here.dio_offset_alignment == 0);
        CHECK(here.dio_memory_alignment == 0 || here.block_bytes % here.dio_memory_alignment == 0);
    }
    CHECK(here.fs_type[0] != '\0');
    CHECK_EQ(wt_probe(path_in(place, "missing"), &there), -ENOENT);
    CHECK(mkfifo(path_in(place, "fifo"), 0644) == 0);
    CHECK_EQ(wt_probe(path_in(place, "fifo"), &there), -EOPNOTSUPP);
    CHECK_EQ(wt_probe(NULL, &there), -EINVAL);
    close_file(backing);
}

TEST(a_directory_probes_as_the_files_that_it_will_have) {
    everywhere(check_probe);
}

TEST(tmpfs_has_no_direct_io) {
    struct wt_profile profile;
    int rc = wt_probe("/dev/shm", &profile);
    if (rc < 0 || strcmp(profile.fs_type, "tmpfs") != 0) {
        SKIP("/dev/shm is no tmpfs here");
    }
    CHECK_EQ(profile.path, WT_PATH_BUFFERED);
    CHECK_EQ(profile.fua, WT_UNKNOWN);
    CHECK_EQ(profile.device_name[0], '\0');
}

/* ---- small parts ----------------------------------------------------------------------------------------------- */

static void check_type(const char *directory, const char *type) {
    struct wt_profile profile;
    char path[512];
    CHECK(mount("none", directory, type, 0, NULL) == 0);
    snprintf(path, sizeof path, "%s/file", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK_OK(wt_probe(path, &profile));
    CHECK(strcmp(profile.fs_type, type) == 0);
    CHECK(umount(directory) == 0);
}

/* It has the number of the device of the one before. */
TEST(a_file_system_that_takes_the_place_of_another_is_not_taken_for_it) {
    const char *directory = test_make_directory(test_directory(0));
    if (unshare(CLONE_NEWNS) < 0) {
        SKIP("no mount namespace of our own: %s", wt_errno_name(errno));
    }
    CHECK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    for (unsigned i = 0; i < 4; i++) {
        check_type(directory, "tmpfs");
        check_type(directory, "ramfs");
    }
}

TEST(an_advance_moves_over_segments_and_into_them) {
    char memory[300];
    struct wt_io io = {.length = 300, .segment_count = 3};
    for (unsigned i = 0; i < 3; i++) {
        io.segments[i] = (struct iovec){memory + i * 100, 100};
    }
    CHECK(!wt_io_advance(&io, 150));
    CHECK_EQ(wt_io_left_count(&io), 2);
    CHECK_EQ((char *)wt_io_left(&io)->iov_base - memory, 150);
    CHECK_EQ(wt_io_left(&io)->iov_len, 50);
    CHECK(!wt_io_advance(&io, 50));
    CHECK_EQ(wt_io_left_count(&io), 1);
    CHECK_EQ((char *)wt_io_left(&io)->iov_base - memory, 200);
    CHECK(!wt_io_advance(&io, 99));
    CHECK(wt_io_advance(&io, 1));
    CHECK_EQ(io.done, 300);
}

TEST(an_io_that_was_rewound_has_all_its_segments_again) {
    char memory[300];
    const uint64_t steps[] = {1, 98, 1, 150, 25, 25};
    for (unsigned stop = 0; stop <= 6; stop++) {
        struct wt_io io = {.length = 300, .segment_count = 3};
        for (unsigned i = 0; i < 3; i++) {
            io.segments[i] = (struct iovec){memory + i * 100, 100};
        }
        for (unsigned i = 0; i < stop; i++) {
            CHECK_EQ(wt_io_advance(&io, steps[i]), i == 5);
        }
        wt_io_rewind(&io);
        CHECK_EQ(io.done, 0);
        CHECK_EQ(wt_io_left_count(&io), 3);
        for (unsigned i = 0; i < 3; i++) {
            CHECK(io.segments[i].iov_base == memory + i * 100 && io.segments[i].iov_len == 100);
        }
    }
}

/* The same from a thread and from a ring. */
static int flags_of(struct wt_io *io) {
    wt_stable_decide(io, WT_SENDER_THREAD);
    int flags = wt_posix_rwf(io);
    wt_stable_decide(io, WT_SENDER_RING);
    CHECK_EQ(wt_posix_rwf(io), flags);
    return flags;
}

TEST(what_goes_through_the_page_cache_is_at_least_dsync) {
    struct wt_backing direct = {.profile = {.path = WT_PATH_DIRECT}};
    struct wt_backing buffered = {.profile = {.path = WT_PATH_BUFFERED}};
    struct wt_io io = {.op = WT_IO_WRITE, .durability = WT_DURABILITY_DEVICE, .backing = &direct};
    CHECK_EQ(flags_of(&io), 0);
    io.through_page_cache = true;
    CHECK_EQ(flags_of(&io), RWF_DSYNC);
    io.through_page_cache = false;
    io.backing = &buffered;
    CHECK_EQ(flags_of(&io), RWF_DSYNC);
    io.backing = &direct;
    io.durability = WT_DURABILITY_DSYNC;
    CHECK_EQ(flags_of(&io), RWF_DSYNC);
    io.durability = WT_DURABILITY_SYNC;
    CHECK_EQ(flags_of(&io), RWF_SYNC | RWF_DSYNC);
    io.op = WT_IO_READ;
    CHECK_EQ(flags_of(&io), 0);
}

TEST(every_errno_has_its_name) {
    CHECK(strcmp(wt_errno_name(ENOSPC), "ENOSPC") == 0);
    CHECK(wt_errno_name(-1) == NULL && wt_errno_name(0) == NULL && wt_errno_name(4096) == NULL);
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 32)
    for (int i = 1; i < 200; i++) {
        const char *expected = strerrorname_np(i);
        const char *name = wt_errno_name(i);
        CONTEXT("errno %d", i);
        CHECK((name == NULL) == (expected == NULL));
        CHECK(name == NULL || strcmp(name, expected) == 0 || i == EOPNOTSUPP);
    }
#endif
#endif
}

/* Threads of this process whose name begins with wt-; each must have SIGTERM blocked, and SIGSEGV not. */
static unsigned count_backend_threads(void) {
    unsigned count = 0;
    char path[300];
    char line[128];
    struct dirent *entry;
    DIR *stream = opendir("/proc/self/task");
    CHECK(stream != NULL);
    while ((entry = readdir(stream)) != NULL) {
        bool ours = false;
        CHECK(snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name) < (int)sizeof path);
        FILE *status = fopen(path, "r");
        while (status != NULL && fgets(line, sizeof line, status) != NULL) {
            ours = ours || strncmp(line, "Name:\twt-", 9) == 0;
            if (ours && strncmp(line, "SigBlk:", 7) == 0) {
                unsigned long long blocked = strtoull(line + 7, NULL, 16);
                CHECK((blocked >> (SIGTERM - 1) & 1) == 1);
                CHECK((blocked >> (SIGSEGV - 1) & 1) == 0);
            }
        }
        CHECK(status == NULL || fclose(status) == 0);
        count += ours ? 1 : 0;
    }
    CHECK(closedir(stream) == 0);
    return count;
}

static void check_threads(const struct place *place) {
    struct wt_backing *backing = create_numbered(place, "file", 1);
    struct test_io test;
    char *memory = pages(PAGE);
    CHECK_EQ(count_backend_threads(), 0);
    set_io(&test, WT_IO_READ, backing, memory, PAGE, 0);
    carry_out(place, &test, true);
    CHECK_EQ(count_backend_threads(), 1);
    free(memory);
    close_file(backing);
}

TEST(threads_start_with_the_first_submit_and_take_no_signals) {
    everywhere(check_threads);
}

/* ---- the order of the threads backend ---------------------------------------------------------------------------- */

static sem_t may_go_on;
static struct wt_io *ran[4];
static unsigned ran_count;

/* The only thread runs it: the first waits. */
static void note_run(struct wt_io *io) {
    while (ran_count == 0 && sem_wait(&may_go_on) < 0) {
    }
    ran[ran_count++] = io;
}

TEST(threads_take_what_is_of_high_priority_first) {
    const struct wt_engine_options options = {.threads = 1};
    const struct wt_backing_ops ops = {.run = note_run};
    struct wt_backing backing = {.ops = &ops, .profile = {.block_bytes = PAGE}};
    struct wt_backend *backend;
    struct test_io tests[4];
    sem_t done;
    CHECK(sem_init(&done, 0, 0) == 0 && sem_init(&may_go_on, 0, 0) == 0);
    CHECK_OK(wt_threads_open(&options, &backend));
    for (unsigned i = 0; i < 4; i++) {
        set_io(&tests[i], WT_IO_WRITE, &backing, &tests[i], PAGE, 0);
        tests[i].done = &done;
        tests[i].io.high_priority = i >= 2;
        backend->ops->submit(backend, &tests[i].io);
    }
    CHECK(sem_post(&may_go_on) == 0);
    wait_for(&done, 4);
    backend->ops->close(backend);
    /* The thread may have had one of the plain ones before the others came. */
    unsigned urgent = ran[0]->high_priority ? 0 : 1;
    CHECK(ran[urgent] == &tests[2].io && ran[urgent + 1] == &tests[3].io);
    CHECK(sem_destroy(&done) == 0 && sem_destroy(&may_go_on) == 0);
}
