/* What the io_uring backend has registered with the kernel: what is pinned and held for it, and what happens where the
 * kernel refuses. In each directory of WT_TEST_DIRS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

#define PAGE 4096u
#define PIECE ((size_t)2 << 20)

/* ---- scaffolding ----------------------------------------------------------------------------------------------- */

struct place {
    const char *directory;
    struct wt_backend *backend;
    char path[512];
};

static void open_place(struct place *place) {
    const struct wt_engine_options options = {.ring_entries = 8};
    int rc = wt_io_uring_open(&options, &place->backend);
    if (rc == -EPERM || rc == -ENOSYS) {
        SKIP("the kernel refuses io_uring: %s", wt_errno_name(-rc));
    }
    CHECK_OK(rc);
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

static uint8_t *map_arena(size_t bytes) {
    uint8_t *memory = mmap(NULL, bytes + PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return (uint8_t *)(((uintptr_t)memory + PIECE - 1) / PIECE * PIECE);
}

/* Bytes that the kernel holds in memory for this process: VmPin of its status. */
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

/* ---- registered memory ----------------------------------------------------------------------------------------- */

static void check_pinned(struct place *place) {
    enum { PIECES = 5, LAST = 64 * 1024 }; /* and one that is not whole */
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
    CHECK_EQ(pinned_bytes(), 0);
}

TEST(memory_is_pinned_when_io_touches_it_and_no_other) {
    need_buffer_table();
    each_directory(check_pinned);
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
        CHECK_EQ(pinned_bytes(), 0);
    }
}

static void run_beyond_the_limit(struct place *place) {
    CHECK_EQ(chmod(place->directory, 0777), 0);
    CHECK_EQ(test_in_child(beyond_the_limit, place), 0);
}

TEST(io_goes_on_unregistered_where_a_limit_on_locked_memory_is_met) {
    if (geteuid() != 0) {
        SKIP("needs root, to become a user without privileges");
    }
    need_buffer_table();
    const struct rlimit limit = {8 << 20, 8 << 20};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0) {
        SKIP("a limit of 8 MiB on locked memory cannot be set: %s", wt_errno_name(errno));
    }
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
    const struct rlimit limit = {5 << 20, 5 << 20};
    uint64_t all = pinned_by_engine(place->path, 8 << 20);
    CHECK_EQ(pinned_bytes(), 0);
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    CHECK_EQ(chmod(place->path, 0666), 0);
    become_user(new_user());
    uint64_t some = pinned_by_engine(place->path, 8 << 20);
    if (all == UINT64_MAX) {
        printf("   no direct I/O in %s: nothing to pin\n", place->directory);
        return;
    }
    CHECK_EQ(all, 8 << 20);
    CHECK_EQ(some, PIECE);
}

static void run_engine_within_limit(struct place *place) {
    CHECK_EQ(chmod(place->directory, 0777), 0);
    CHECK_EQ(test_in_child(check_engine_within_limit, place), 0);
}

TEST(an_engine_pins_its_cache_up_to_half_of_the_limit) {
    if (geteuid() != 0) {
        SKIP("needs root, to become a user without privileges");
    }
    need_buffer_table();
    each_directory(run_engine_within_limit);
}
