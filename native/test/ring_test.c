// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What the io_uring backend has registered with the kernel: what is pinned and held for it, and what happens where the
 * kernel refuses. In each directory of WT_TEST_DIRS. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/io.h"
#include "posix/probe.h"
#include "test.h"
#include "uring/uring.h"

#define PAGE 4096u
#define PIECE ((size_t)2 << 20)

/* ---- scaffolding ----------------------------------------------------------------------------------------------- */

struct place {
    const char *directory;
    struct wt_backend *backend;
    char path[512];
};

static void open_place_with(struct place *place, uint32_t flags) {
    const struct wt_engine_options options = {.ring_entries = 8, .flags = flags};
    int rc = wt_io_uring_open(&options, &place->backend);
    if (rc == -EPERM || rc == -ENOSYS) {
        SKIP("the kernel refuses io_uring: %s", wt_errno_name(-rc));
    }
    CHECK_OK(rc);
}

static void open_place(struct place *place) {
    open_place_with(place, 0);
}

static void close_place(struct place *place) {
    place->backend->ops->close(place->backend);
}

static void each_directory(void (*body)(struct place *place)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        struct place place = {.directory = test_make_directory(test_directory(i))};
        CONTEXT("in %s", test_directory(i));
        CHECK(snprintf(place.path, sizeof place.path, "%s/file", place.directory) < (int)sizeof place.path);
        body(&place);
    }
}

static struct wt_backing *open_file(const struct place *place, const char *path) {
    struct wt_backing *backing = NULL;
    CHECK_OK(
        place->backend->ops->open(place->backend, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, &backing));
    return backing;
}

static void close_file(struct wt_backing *backing) {
    CHECK_OK(backing->ops->close(backing));
}

struct test_io {
    struct wt_io io;
    sem_t done;
};

static void post_done(struct wt_io *io) {
    CHECK(sem_post(&((struct test_io *)io)->done) == 0);
}

/* One I/O of the whole of the segments, through the backend. */
static void transfer(const struct place *place, enum wt_io_op op, struct wt_backing *backing, uint64_t offset,
                     const struct iovec *segments, unsigned count) {
    struct test_io test = {.io = {.op = op,
                                  .durability = WT_DURABILITY_DSYNC,
                                  .backing = backing,
                                  .offset = offset,
                                  .segment_count = count,
                                  .complete = post_done}};
    for (unsigned i = 0; i < count; i++) {
        test.io.segments[i] = segments[i];
        test.io.length += segments[i].iov_len;
    }
    CHECK(sem_init(&test.done, 0, 0) == 0);
    place->backend->ops->submit(place->backend, &test.io);
    while (sem_wait(&test.done) < 0) {
        CHECK_EQ(errno, EINTR);
    }
    CHECK(sem_destroy(&test.done) == 0);
    CHECK_EQ(test.io.error, 0);
    CHECK_EQ(test.io.done, test.io.length);
}

/* Writes length bytes of memory, which begin with mark, and reads them back into it. */
static void write_and_read(const struct place *place, struct wt_backing *backing, void *memory, size_t length,
                           uint64_t mark) {
    struct iovec segment = {memory, length};
    memset(memory, (int)mark, length);
    memcpy(memory, &mark, sizeof mark);
    transfer(place, WT_IO_WRITE, backing, mark * PAGE, &segment, 1);
    uint8_t *written = malloc(length);
    CHECK(written != NULL);
    memcpy(written, memory, length);
    memset(memory, 0, length);
    transfer(place, WT_IO_READ, backing, mark * PAGE, &segment, 1);
    CHECK_BYTES(memory, written, length);
    free(written);
}

/* Memory that begins at a huge page and ends where it says: the kernel counts the whole of a huge page that is pinned. */
static uint8_t *map_arena(size_t bytes) {
    uint8_t *memory = mmap(NULL, bytes + PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    size_t before = (PIECE - (uintptr_t)memory % PIECE) % PIECE;
    CHECK(before == 0 || munmap(memory, before) == 0);
    CHECK_EQ(munmap(memory + before + bytes, PIECE - before), 0);
    return memory + before;
}

/* Bytes that the kernel holds in memory for this process: VmPin of its status. Of who may lock any amount new kernels do not
 * count it, so tests that look at it are ordinary users. */
static uint64_t pinned_bytes(void) {
    char line[128];
    unsigned long long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL && sscanf(line, "VmPin: %llu kB", &kib) != 1) {
    }
    CHECK(fclose(status) == 0);
    return kib * 1024;
}

/* Checks that the kernel holds no bytes any more. A request that has completed may hold its memory for another instant. */
static void check_nothing_is_pinned(void) {
    for (int looks = 0; pinned_bytes() > 0 && looks < 100000; looks++) {
        CHECK(sched_yield() == 0);
    }
    CHECK_EQ(pinned_bytes(), 0);
}

/* Skips where the kernel has no table of buffers that are registered one by one. */
static void need_buffer_table(void) {
    struct io_uring ring;
    int rc = io_uring_queue_init(8, &ring, 0);
    if (rc < 0) {
        SKIP("the kernel refuses io_uring: %s", wt_errno_name(-rc));
    }
    rc = io_uring_register_buffers_sparse(&ring, 1);
    io_uring_queue_exit(&ring);
    if (rc < 0) {
        SKIP("no sparse table of buffers here (Linux 5.19 has it): %s", wt_errno_name(-rc));
    }
}

static void become_user(uid_t user) {
    CHECK_EQ(setresgid(user, user, user), 0);
    CHECK_EQ(setresuid(user, user, user), 0);
}

/* A user of whom no other process can have locked memory: the kernel counts it by user. */
static uid_t new_user(void) {
    return 1000000u + (uid_t)getpid();
}

/* ---- who takes completions ------------------------------------------------------------------------------------- */

/* A thread that takes completions for as long as the test goes. */
struct taker {
    struct wt_backend *backend;
    atomic_bool over;
};

static void *take_completions(void *argument) {
    struct taker *taker = argument;
    while (!atomic_load(&taker->over)) {
        CHECK(taker->backend->ops->reap(taker->backend, -1) >= 0);
    }
    return NULL;
}

struct counted_io {
    struct test_io test;
    pthread_t submitter;
    atomic_uint *at_once; /* counts those that ended on the thread of their submitter */
};

static void count_done(struct wt_io *io) {
    struct counted_io *counted = (struct counted_io *)io;
    if (pthread_equal(pthread_self(), counted->submitter)) {
        atomic_fetch_add(counted->at_once, 1);
    }
    post_done(io);
}

/* Reads what the kernel has in its page cache: the read is over when the kernel returns from the submission. */
static void read_kept_page(struct wt_backend *backend, struct wt_backing *backing, atomic_uint *at_once) {
    char page[PAGE];
    struct counted_io io = {.submitter = pthread_self(), .at_once = at_once};
    io.test.io = (struct wt_io){.op = WT_IO_READ,
                                .through_page_cache = true,
                                .backing = backing,
                                .length = PAGE,
                                .segment_count = 1,
                                .segments = {{page, PAGE}},
                                .complete = count_done};
    CHECK(sem_init(&io.test.done, 0, 0) == 0);
    backend->ops->submit(backend, &io.test.io);
    while (sem_wait(&io.test.done) < 0) {
        CHECK_EQ(errno, EINTR);
    }
    CHECK(sem_destroy(&io.test.done) == 0);
    CHECK_EQ(io.test.io.error, 0);
    CHECK_EQ(page[PAGE - 1], 'k');
}

struct reading {
    struct wt_backend *backend;
    struct wt_backing *backing;
    atomic_uint at_once;
};

static void *read_many_times(void *argument) {
    struct reading *reading = argument;
    for (int i = 0; i < 1000; i++) {
        read_kept_page(reading->backend, reading->backing, &reading->at_once);
    }
    return NULL;
}

/* Threads read while another takes completions. Returns how many reads ended on the thread of their submitter. */
static unsigned read_beside_taker(const struct place *place, int threads) {
    char page[PAGE];
    pthread_t taking, readers[4];
    memset(page, 'k', PAGE);
    int fd = open(place->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, page, PAGE), PAGE);
    CHECK_EQ(close(fd), 0);
    struct taker taker = {.backend = place->backend};
    struct reading reading = {.backend = place->backend, .backing = open_file(place, place->path)};
    CHECK_EQ(pthread_create(&taking, NULL, take_completions, &taker), 0);
    for (int i = 0; i < threads; i++) {
        CHECK_EQ(pthread_create(&readers[i], NULL, read_many_times, &reading), 0);
    }
    for (int i = 0; i < threads; i++) {
        CHECK_EQ(pthread_join(readers[i], NULL), 0);
    }
    atomic_store(&taker.over, true);
    place->backend->ops->wake(place->backend);
    CHECK_EQ(pthread_join(taking, NULL), 0);
    close_file(reading.backing);
    return atomic_load(&reading.at_once);
}

/* Of files that the kernel cannot read without blocking, tmpfs's for instance, a thread of the kernel does each read. */
static bool are_reads_done_at_once(const struct place *place) {
    char page[PAGE];
    struct iovec iov = {page, PAGE};
    int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    ssize_t count = preadv2(fd, &iov, 1, 0, RWF_NOWAIT);
    CHECK(count == PAGE || (count < 0 && (errno == EOPNOTSUPP || errno == EAGAIN)));
    CHECK_EQ(close(fd), 0);
    return count == PAGE;
}

/*
 * One thread reads. More reads than that end on the thread of their submitter: at the best of several times, since a
 * submitter that waits for a processor may find that the taker was there first.
 */
static void check_more_at_once(const struct place *place, unsigned least) {
    unsigned best = 0;
    for (int tries = 0; best <= least && tries < 5; tries++) {
        unsigned at_once = read_beside_taker(place, 1);
        best = at_once > best ? at_once : best;
        if (!are_reads_done_at_once(place)) {
            return;
        }
    }
    CHECK(best > least);
}

static void check_at_once(struct place *place) {
    open_place(place);
    check_more_at_once(place, 500);
    close_place(place);
}

TEST(io_that_is_over_when_it_was_submitted_ends_on_the_thread_of_its_submitter) {
    each_directory(check_at_once);
}

static void check_several(struct place *place) {
    open_place(place);
    (void)read_beside_taker(place, 4);
    close_place(place);
}

TEST(io_of_several_threads_that_is_over_at_once_is_taken_by_one_of_them_or_by_who_waits) {
    each_directory(check_several);
}

static void check_timeout(struct place *place) {
    const int64_t short_ns = 1000000;
    open_place(place);
    check_more_at_once(place, 0); /* from now on who waits for completions rests */
    while (place->backend->ops->reap(place->backend, 0) > 0) {
        /* The taker may have returned by itself: then the wake for it is left. */
    }
    int64_t begin_ns = wt_now_ns();
    CHECK_EQ(place->backend->ops->reap(place->backend, short_ns), 0);
    CHECK(wt_now_ns() - begin_ns >= short_ns);
    CHECK_EQ(place->backend->ops->reap(place->backend, 0), 0);
    close_place(place);
}

TEST(who_rests_in_vain_returns_when_its_time_is_over) {
    each_directory(check_timeout);
}

/* ---- registered memory ----------------------------------------------------------------------------------------- */

static void check_pinned(void *argument) {
    enum { PIECES = 5, LAST = 64 * 1024 }; /* and one that is not whole */
    struct place *place = argument;
    become_user(new_user());
    open_place(place);
    uint8_t *arena = map_arena(PIECES * PIECE + LAST);
    uint8_t *elsewhere = map_arena(PIECE);
    struct wt_backing *backing = open_file(place, place->path);
    place->backend->ops->arena(place->backend, arena, PIECES * PIECE + LAST);
    CHECK_EQ(pinned_bytes(), 0);
    write_and_read(place, backing, elsewhere, PAGE, 1);
    CHECK_EQ(pinned_bytes(), 0);
    write_and_read(place, backing, arena + PIECE + PAGE, 3 * PAGE, 2);
    CHECK_EQ(pinned_bytes(), PIECE);
    write_and_read(place, backing, arena + 2 * PIECE - PAGE, PAGE, 5);
    write_and_read(place, backing, arena + PIECE, PIECE, 6);
    CHECK_EQ(pinned_bytes(), PIECE);
    write_and_read(place, backing, arena + 2 * PIECE - PAGE, 2 * PAGE, 700);
    CHECK_EQ(pinned_bytes(), PIECE);
    write_and_read(place, backing, arena + PIECES * PIECE + LAST - PAGE, PAGE, 702);
    CHECK_EQ(pinned_bytes(), PIECE + LAST);

    struct iovec several[] = {{arena, PAGE}, {arena + 3 * PIECE, PAGE}};
    memset(arena, 'a', PAGE);
    memset(arena + 3 * PIECE, 'b', PAGE);
    transfer(place, WT_IO_WRITE, backing, 0, several, 2);
    CHECK_EQ(pinned_bytes(), PIECE + LAST);
    close_file(backing);
    close_place(place);
    check_nothing_is_pinned();
}

/* Limits what an ordinary user may lock to 8 MiB. */
static void limit_locked_memory(void) {
    const struct rlimit limit = {8 << 20, 8 << 20};
    if (geteuid() != 0) {
        SKIP("needs root, to become a user without privileges");
    }
    if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0) {
        SKIP("a limit of 8 MiB on locked memory cannot be set: %s", wt_errno_name(errno));
    }
}

static void run_check_pinned(struct place *place) {
    CHECK_EQ(chmod(place->directory, 0777), 0);
    CHECK_EQ(test_in_child(check_pinned, place), 0);
}

TEST(memory_is_pinned_when_io_touches_it_and_no_other) {
    need_buffer_table();
    limit_locked_memory();
    each_directory(run_check_pinned);
}

/* Pins memory by a ring of its own. */
static void pin_by_another(struct io_uring *ring, size_t bytes) {
    const struct iovec memory = {map_arena(bytes), bytes};
    CHECK_OK(io_uring_queue_init(8, ring, 0));
    CHECK_OK(io_uring_register_buffers(ring, &memory, 1));
    CHECK_EQ(pinned_bytes(), bytes);
}

/* Of a limit of 8 MiB the first two pieces may be used, unless others of the user have pinned too much. */
static void beyond_the_limit(void *argument) {
    enum { PIECES = 6 };
    static const struct {
        size_t others;
        unsigned pieces;
    } cases[] = {{0, 2}, {PIECE, 2}, {2 * PIECE + PAGE, 1}, {3 * PIECE + PAGE, 0}};
    struct place *place = argument;
    become_user(new_user());
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct io_uring ring;
        if (cases[c].others > 0) {
            pin_by_another(&ring, cases[c].others);
        }
        open_place(place);
        uint8_t *arena = map_arena(PIECES * PIECE);
        struct wt_backing *backing = open_file(place, place->path);
        place->backend->ops->arena(place->backend, arena, PIECES * PIECE);
        for (unsigned i = 0; i < 2 * PIECES; i++) {
            write_and_read(place, backing, arena + i % PIECES * PIECE, 2 * PAGE, 1 + 2 * i);
            CHECK_EQ(pinned_bytes(), cases[c].others + (i + 1 < cases[c].pieces ? i + 1 : cases[c].pieces) * PIECE);
        }
        close_file(backing);
        close_place(place);
        if (cases[c].others > 0) {
            CHECK_OK(io_uring_unregister_buffers(&ring));
            io_uring_queue_exit(&ring);
        }
        check_nothing_is_pinned();
    }
}

static void run_beyond_the_limit(struct place *place) {
    CHECK_EQ(chmod(place->directory, 0777), 0);
    CHECK_EQ(test_in_child(beyond_the_limit, place), 0);
}

TEST(io_goes_on_unregistered_where_a_limit_on_locked_memory_is_met) {
    need_buffer_table();
    limit_locked_memory();
    each_directory(run_beyond_the_limit);
}

/* Fills the cache of an engine and more by asynchronous writes. Returns what is pinned then. */
static uint64_t pinned_by_engine(const char *path, uint64_t cache_bytes) {
    enum { BLOCKS = 4096, IN_FLIGHT = 64 };
    const struct wt_engine_options options = {.cache_bytes = cache_bytes, .backend = WT_BACKEND_IO_URING};
    wt_engine engine = 0;
    wt_file file = 0;
    struct wt_event events[IN_FLIGHT];
    uint64_t block[PAGE / sizeof(uint64_t)];
    CHECK_OK(wt_engine_open(&options, &engine));
    CHECK_OK(wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0, &file));
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(file, &profile));
    for (uint64_t written = 0, ended = 0; ended < BLOCKS;) {
        for (; written < BLOCKS && written - ended < IN_FLIGHT; written++) {
            const struct iovec iov = {block, PAGE};
            for (size_t i = 0; i < PAGE / sizeof *block; i++) {
                block[i] = written;
            }
            CHECK_OK(wt_write_submit(file, &iov, 1, written * 2 * PAGE, WT_DURABILITY_DEVICE, 0, written));
        }
        int count = wt_reap(engine, events, IN_FLIGHT, -1);
        CHECK_OK(count);
        for (int i = 0; i < count; i++) {
            CHECK_EQ(events[i].result, PAGE);
        }
        ended += (uint64_t)count;
    }
    uint64_t pinned = profile.path == WT_PATH_DIRECT ? pinned_bytes() : UINT64_MAX;
    CHECK_OK(wt_engine_close(engine));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    for (uint64_t i = 0; i < BLOCKS; i++) {
        CHECK_EQ(pread(fd, block, PAGE, (off_t)(i * 2 * PAGE)), PAGE);
        CHECK_EQ(block[0], i);
        CHECK_EQ(block[PAGE / sizeof *block - 1], i);
    }
    CHECK_EQ(close(fd), 0);
    return pinned;
}

static void check_engine_within_limit(void *argument) {
    const struct place *place = argument;
    const struct rlimit smaller = {5 << 20, 5 << 20};
    (void)pinned_by_engine(place->path, 8 << 20); /* all of it, as root */
    CHECK_EQ(chmod(place->path, 0666), 0);
    become_user(new_user());
    uint64_t half = pinned_by_engine(place->path, 8 << 20);
    check_nothing_is_pinned();
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &smaller), 0);
    uint64_t less = pinned_by_engine(place->path, 8 << 20);
    if (half == UINT64_MAX) {
        printf("   no direct I/O in %s: nothing to pin\n", place->directory);
        return;
    }
    CHECK_EQ(half, 2 * PIECE);
    CHECK_EQ(less, PIECE);
}

static void run_engine_within_limit(struct place *place) {
    CHECK_EQ(chmod(place->directory, 0777), 0);
    CHECK_EQ(test_in_child(check_engine_within_limit, place), 0);
}

TEST(an_engine_pins_its_cache_up_to_half_of_the_limit) {
    need_buffer_table();
    limit_locked_memory();
    each_directory(run_engine_within_limit);
}

/* ---- registered files ------------------------------------------------------------------------------------------ */

/* The descriptor of the ring that was opened last. */
static int ring_descriptor(void) {
    char path[64];
    char target[64];
    for (int fd = 1023; fd >= 0; fd--) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0 && strstr((target[length] = 0, target), "[io_uring]") != NULL) {
            return fd;
        }
    }
    SKIP("no descriptor of a ring in /proc/self/fd");
}

/* How many files the ring has registered, as its fdinfo lists them; -1: it has no table. */
static int registered_files(int ring) {
    char path[64];
    char line[8192];
    int slots = -1;
    int count = 0;
    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", ring);
    while (slots < 0) { /* the kernel leaves it out while somebody is in the ring */
        FILE *info = fopen(path, "r");
        bool within = false;
        CHECK(info != NULL);
        while (fgets(line, sizeof line, info) != NULL) {
            bool entry = line[0] == ' ';
            count += within && entry;
            within = sscanf(line, "UserFiles: %d", &slots) == 1 || (within && entry);
        }
        CHECK(fclose(info) == 0);
    }
    return slots == 0 ? -1 : count;
}

/* A backend whose ring has a table of files. */
static int open_place_with_files(struct place *place) {
    open_place(place);
    int ring = ring_descriptor();
    if (registered_files(ring) < 0) {
        SKIP("files are not registered on this kernel (Linux 6.14 and later)");
    }
    return ring;
}

/* Whether nobody has the file open for writing any more: only then does the kernel grant a lease for reading. A request
 * that has completed may hold its file for another instant. */
static bool is_let_go_of(int fd) {
    for (int i = 0; i < 100000; i++) {
        if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
            return true;
        }
        CHECK_EQ(errno, EAGAIN);
        CHECK(sched_yield() == 0);
    }
    return false;
}

static void check_closed_file(struct place *place) {
    int ring = open_place_with_files(place);
    uint8_t *memory = map_arena(PIECE);
    struct wt_backing *backing = open_file(place, place->path);
    struct wt_backing *other = open_file(place, place->path);
    int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(registered_files(ring), 0);
    CHECK_OK(backing->ops->lock(backing, true));
    write_and_read(place, backing, memory, PAGE, 1);
    write_and_read(place, backing, memory, PAGE, 2);
    CHECK_EQ(registered_files(ring), 1);
    write_and_read(place, other, memory, PAGE, 3);
    CHECK_EQ(registered_files(ring), 2);
    CHECK_EQ(unlink(place->path), 0);
    close_file(backing);
    CHECK_EQ(registered_files(ring), 1);
    CHECK_OK(other->ops->lock(other, true));
    write_and_read(place, other, memory, PAGE, 4);
    close_file(other);
    CHECK_EQ(registered_files(ring), 0);
    CHECK(is_let_go_of(fd));
    CHECK_EQ(close(fd), 0);
    close_place(place);
}

TEST(a_registered_file_is_closed_when_it_is_closed) {
    each_directory(check_closed_file);
}

static void check_full_table(struct place *place) {
    enum { SLOTS = 48, FILES = 2 * SLOTS };
    struct rlimit usual;
    struct wt_backing *backings[FILES];
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
    struct rlimit low = {SLOTS, usual.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0); /* which bounds the table */
    int ring = open_place_with_files(place);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
    uint8_t *memory = map_arena(PIECE);
    for (int i = 0; i < FILES; i++) {
        backings[i] = open_file(place, place->path);
        write_and_read(place, backings[i], memory, PAGE, 1 + (uint64_t)i);
        CHECK_EQ(registered_files(ring), i < SLOTS ? i + 1 : SLOTS);
    }
    close_file(backings[SLOTS]); /* was never in the table */
    CHECK_EQ(registered_files(ring), SLOTS);
    close_file(backings[7]);
    CHECK_EQ(registered_files(ring), SLOTS - 1);
    write_and_read(place, backings[SLOTS + 1], memory, PAGE, 1);
    CHECK_EQ(registered_files(ring), SLOTS);
    for (int i = 0; i < FILES; i++) {
        if (i != SLOTS && i != 7) {
            write_and_read(place, backings[i], memory, PAGE, 1 + (uint64_t)i);
            close_file(backings[i]);
        }
    }
    CHECK_EQ(registered_files(ring), 0);
    close_place(place);
}

TEST(a_file_for_which_the_table_has_no_room_goes_by_its_descriptor) {
    each_directory(check_full_table);
}

struct closer {
    struct place *place;
    uint64_t number;
    uint64_t seed;
    struct wt_backing *backing;
};

static void *write_and_close_in_turns(void *argument) {
    const struct closer *closer = argument;
    uint8_t *memory = map_arena(PIECE);
    for (unsigned i = 0; i < 100; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s-%u", closer->place->path, (unsigned)closer->number);
        struct wt_backing *backing = open_file(closer->place, path);
        write_and_read(closer->place, backing, memory, PAGE, 1 + closer->number + i);
        close_file(backing);
    }
    return NULL;
}

static void check_turns(struct place *place) {
    struct closer closers[4];
    pthread_t threads[4];
    int ring = open_place_with_files(place);
    for (unsigned i = 0; i < 4; i++) {
        closers[i] = (struct closer){.place = place, .number = i};
        threads[i] = test_thread(write_and_close_in_turns, &closers[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        test_join(threads[i]);
    }
    CHECK_EQ(registered_files(ring), 0);
    close_place(place);
}

TEST(files_that_open_and_close_under_io_get_each_its_own_slot) {
    each_directory(check_turns);
}

/* ---- a thread of the kernel that submits ------------------------------------------------------------------------ */

static wt_engine open_polling_engine(uint32_t backend) {
    const struct wt_engine_options options = {.cache_bytes = 1 << 20, .backend = backend, .flags = WT_ENGINE_SQPOLL};
    wt_engine engine = 0;
    int rc = wt_engine_open(&options, &engine);
    if (rc == -EPERM || rc == -ENOSYS || rc == -EOPNOTSUPP) {
        SKIP("the kernel refuses SQPOLL: %s", wt_errno_name(-rc));
    }
    CHECK_OK(rc);
    return engine;
}

TEST(with_sqpoll_the_kernel_submits) {
    static const uint32_t backends[] = {WT_BACKEND_AUTO, WT_BACKEND_IO_URING};
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        char line[8192];
        int thread = -1;
        wt_engine engine = open_polling_engine(backends[i]);
        CHECK_EQ(wt_engine_backend(engine), WT_BACKEND_IO_URING);
        (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", ring_descriptor());
        for (int tries = 0; thread < 0 && tries < 100000; tries++) { /* left out while somebody is in the ring */
            FILE *info = fopen(path, "r");
            CHECK(info != NULL);
            while (fgets(line, sizeof line, info) != NULL && sscanf(line, "SqThread: %d", &thread) != 1) {
            }
            CHECK(fclose(info) == 0);
        }
        CHECK(thread > 0);
        CHECK_OK(wt_engine_close(engine));
    }
}

static void open_without_io_uring(void *argument) {
    const int error = *(int *)argument;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    const struct wt_engine_options options = {.cache_bytes = 1 << 20, .flags = WT_ENGINE_SQPOLL};
    wt_engine engine = 0;
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    CHECK_EQ(wt_engine_open(&options, &engine), -error);
    CHECK_EQ(engine, 0);
}

TEST(a_refused_sqpoll_is_an_error_and_no_fallback) {
    for (int i = 0; i < 3; i++) {
        int error = (int[]){EPERM, ENOSYS, ENOMEM}[i];
        CHECK_EQ(test_in_child(open_without_io_uring, &error), 0);
    }
}

/* ---- completions that are polled -------------------------------------------------------------------------------- */

/* Whether files here are on a device with polled queues. */
static bool polls(const struct place *place) {
    struct wt_profile profile;
    CHECK_OK(wt_probe(place->directory, &profile));
    return wt_probe_polled(
        &(struct wt_core_profile){.device_major = profile.device_major, .device_minor = profile.device_minor});
}

static void check_unpolled(struct place *place) {
    struct wt_backing *backing = NULL;
    const uint32_t flags = WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE;
    if (polls(place)) {
        printf("   the device of %s has polled queues: nothing to refuse\n", place->directory);
        return;
    }
    open_place_with(place, WT_ENGINE_IOPOLL);
    CHECK_EQ(place->backend->ops->open(place->backend, place->path, flags, 0644, &backing), -EOPNOTSUPP);
    CHECK_EQ(access(place->path, F_OK), -1);
    int fd = open(place->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK_EQ(write(fd, "content", 7), 7);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(place->backend->ops->open(place->backend, place->path, flags, 0644, &backing), -EOPNOTSUPP);
    CHECK(backing == NULL);
    struct stat stat_of;
    CHECK_EQ(stat(place->path, &stat_of), 0);
    CHECK_EQ(stat_of.st_size, 7);
    close_place(place);
}

TEST(a_file_on_a_device_that_cannot_be_polled_is_refused_and_not_created) {
    each_directory(check_unpolled);
}

/* The shortest and the longest of lists, of whole blocks and parts of one, durable and not: four threads at once. */
static void *write_lists(void *argument) {
    enum { LIST = 24, ROUNDS = 20 };
    const struct closer *closer = argument;
    struct wt_backend *backend = closer->place->backend;
    struct test_io *tests = calloc(LIST, sizeof *tests);
    uint8_t *memory = map_arena(PIECE);
    uint8_t *read = map_arena(PIECE);
    struct test_random random = test_random_of(closer->seed);
    struct wt_backing *backing = closer->backing;
    CHECK(tests != NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned count = 1 + (unsigned)test_random_below(&random, LIST);
        test_random_bytes(&random, memory, (size_t)count * PAGE);
        for (unsigned i = 0; i < count; i++) {
            /* The last ends the file, and only it may be no whole block. */
            size_t length = i + 1 == count && round + 1 == ROUNDS ? 100 : PAGE;
            tests[i].io = (struct wt_io){.op = WT_IO_WRITE,
                                         .durability = i % 3 + WT_DURABILITY_DEVICE,
                                         .through_page_cache = length != PAGE,
                                         .backing = backing,
                                         .offset = ((uint64_t)round * LIST + i) * PAGE,
                                         .length = length,
                                         .segment_count = 1,
                                         .segments = {{memory + (size_t)i * PAGE, length}},
                                         .complete = post_done,
                                         .next = i + 1 < count ? &tests[i + 1].io : NULL};
            CHECK(sem_init(&tests[i].done, 0, 0) == 0);
        }
        backend->ops->submit(backend, &tests[0].io);
        for (unsigned i = 0; i < count; i++) {
            while (sem_wait(&tests[i].done) < 0) {
                CHECK_EQ(errno, EINTR);
            }
            CHECK(sem_destroy(&tests[i].done) == 0);
            CHECK_EQ(tests[i].io.error, 0);
            CHECK_EQ(tests[i].io.done, tests[i].io.length);
            const struct iovec segment = {read, PAGE};
            if (tests[i].io.length == PAGE) {
                transfer(closer->place, WT_IO_READ, backing, ((uint64_t)round * LIST + i) * PAGE, &segment, 1);
                CHECK_BYTES(read, memory + (size_t)i * PAGE, PAGE);
            }
        }
    }
    free(tests);
    return NULL;
}

static void write_lists_at_once(struct place *place) {
    struct closer closers[4];
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s-%u", place->path, i);
        closers[i] = (struct closer){place, i, test_seed() + i, open_file(place, path)};
    }
    for (unsigned i = 0; i < 4; i++) {
        threads[i] = test_thread(write_lists, &closers[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        test_join(threads[i]);
        close_file(closers[i].backing);
    }
}

static void check_polled_lists(struct place *place) {
    static const uint32_t flags[] = {WT_ENGINE_IOPOLL, WT_ENGINE_IOPOLL | WT_ENGINE_SQPOLL};
    if (!polls(place)) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        open_place_with(place, flags[i]);
        place->backend->ops->arena(place->backend, map_arena(PIECE), PIECE);
        write_lists_at_once(place);
        close_place(place);
    }
}

static void need_polled_device(void) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        const struct place place = {.directory = test_directory(i)};
        if (polls(&place)) {
            return;
        }
    }
    SKIP("no directory is on a device with polled queues (nvme.poll_queues)");
}

TEST(what_is_polled_for_is_written_and_read) {
    need_polled_device();
    each_directory(check_polled_lists);
}

static void check_plain_lists(struct place *place) {
    open_place(place);
    write_lists_at_once(place);
    close_place(place);
}

TEST(lists_of_several_threads_are_written_and_read) {
    each_directory(check_plain_lists);
}

/* What the kernel says of the thread with this name: 'R' running, 'S' sleeping ...; 0: there is none. */
static char state_of_thread(const char *name) {
    char state = 0;
    struct dirent *entry;
    DIR *threads = opendir("/proc/self/task");
    CHECK(threads != NULL);
    while ((entry = readdir(threads)) != NULL) {
        char path[300];
        char line[256];
        int end = 0;
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/stat", entry->d_name);
        FILE *stat = fopen(path, "r");
        if (stat != NULL && fgets(line, sizeof line, stat) != NULL && strstr(line, name) != NULL &&
            sscanf(line, "%*d %*s%n", &end) == 0 && end > 0) {
            state = line[end + 1];
        }
        CHECK(stat == NULL || fclose(stat) == 0);
    }
    CHECK(closedir(threads) == 0);
    return state;
}

static void check_asleep(struct place *place) {
    uint8_t *memory = map_arena(PIECE);
    if (!polls(place)) {
        return;
    }
    open_place_with(place, WT_ENGINE_IOPOLL);
    struct wt_backing *backing = open_file(place, place->path);
    for (unsigned round = 0; round < 3; round++) {
        write_and_read(place, backing, memory, PAGE, 1);
        unsigned asleep = 0;
        for (unsigned looks = 0; asleep < 100; looks++) { /* in a row */
            CHECK(looks < 100000);
            asleep = state_of_thread("(wt-poller)") == 'S' ? asleep + 1 : 0;
            CHECK(sched_yield() == 0);
        }
    }
    close_file(backing);
    close_place(place);
}

TEST(nothing_spins_while_nothing_is_in_flight) {
    need_polled_device();
    each_directory(check_asleep);
}
