// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Kernels and filters of system calls that refuse io_uring or durable writes, when an engine opens or while it works, and
 * requests of a ring that end otherwise than asked. In each directory of WT_TEST_DIRS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "io/io.h"
#include "test.h"
#include "uring/uring.h"

#define PAGE 4096u

/* ---- the ring's calls, some of which are refused ---------------------------------------------------------------- */

int __real_io_uring_submit(struct io_uring *ring);
int __real_io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned count,
                              struct __kernel_timespec *timeout, sigset_t *mask);
int __real___io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned submit, unsigned count,
                              sigset_t *mask);
int __wrap_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned count,
                              struct __kernel_timespec *timeout, sigset_t *mask);
int __wrap___io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned submit, unsigned count,
                              sigset_t *mask);

/* So many calls of a kind are let through, then none any more. */
static atomic_int submits_left = INT32_MAX, waits_left = INT32_MAX;

static bool lets_through(atomic_int *left) {
    return atomic_fetch_sub(left, 1) > 0 || (atomic_store(left, 0), false);
}

int __wrap_io_uring_submit(struct io_uring *ring) {
    return lets_through(&submits_left) ? __real_io_uring_submit(ring) : -EPERM;
}

int __wrap_io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned count,
                              struct __kernel_timespec *timeout, sigset_t *mask) {
    return lets_through(&waits_left) ? __real_io_uring_wait_cqes(ring, cqe, count, timeout, mask) : -EPERM;
}

int __wrap___io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned submit, unsigned count,
                              sigset_t *mask) {
    return lets_through(&waits_left) ? __real___io_uring_get_cqe(ring, cqe, submit, count, mask) : -EPERM;
}

unsigned __real_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count);
unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count);

/* So many completions that have this tag (the low bits of the user data) and result get another. */
static struct {
    atomic_int times;
    unsigned tag;
    int result, other;
} change;

unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count) {
    unsigned taken = __real_io_uring_peek_batch_cqe(ring, cqes, count);
    for (unsigned i = 0; i < taken; i++) {
        if (atomic_load(&change.times) > 0 && (cqes[i]->user_data & 7) == change.tag && cqes[i]->res == change.result) {
            cqes[i]->res = change.other;
            atomic_fetch_sub(&change.times, 1);
        }
    }
    return taken;
}

/* ---- filters of system calls ------------------------------------------------------------------------------------ */

/* Has the kernel refuse up to two system calls to every thread of this process, with errno error. */
static void refuse_calls(int error, long first, long second) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)first, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), 0);
}

/* ---- places ----------------------------------------------------------------------------------------------------- */

static char file_path[512];

static void each_directory(void (*body)(void *), void *argument) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        CONTEXT("in %s", test_directory(i));
        CHECK(snprintf(file_path, sizeof file_path, "%s/file", test_make_directory(test_directory(i))) <
              (int)sizeof file_path);
        CHECK_EQ(test_in_child(body, argument), 0);
    }
}

static wt_engine open_engine(uint32_t backend) {
    const struct wt_engine_options options = {.cache_bytes = 16 << 20, .backend = backend, .ring_entries = 8};
    wt_engine engine = 0;
    int rc = wt_engine_open(&options, &engine);
    if (backend == WT_BACKEND_IO_URING && (rc == -EPERM || rc == -ENOSYS)) {
        SKIP("the kernel refuses io_uring: %s", wt_errno_name(-rc));
    }
    CHECK_OK(rc);
    return engine;
}

static wt_file open_file(wt_engine engine) {
    wt_file file = 0;
    CHECK_OK(wt_file_open(engine, file_path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0, &file));
    return file;
}

static void write_whole(wt_file file, uint64_t offset, int value, size_t length) {
    char *bytes = malloc(length);
    CHECK(bytes != NULL);
    memset(bytes, value, length);
    const struct iovec iov = {bytes, length};
    uint64_t stable = 0;
    CHECK_EQ(wt_write(file, &iov, 1, offset, 0, &stable), length);
    CHECK_EQ(stable, length);
    free(bytes);
}

/* The file has value in the range: asked past the library. */
/* ---- when an engine opens --------------------------------------------------------------------------------------- */

static void open_with_enter_refused(void *argument) {
    int error = *(int *)argument;
    struct wt_engine_options options = {.cache_bytes = 1 << 20, .backend = WT_BACKEND_IO_URING};
    wt_engine engine = 0;
    refuse_calls(error, SYS_io_uring_enter, SYS_io_uring_enter);
    CHECK_EQ(wt_engine_open(&options, &engine), -error);
    CHECK_EQ(engine, 0);
    options.backend = WT_BACKEND_AUTO;
    options.flags = WT_ENGINE_SQPOLL;
    CHECK(wt_engine_open(&options, &engine) < 0);
    engine = open_engine(WT_BACKEND_AUTO);
    CHECK_EQ(wt_engine_backend(engine), WT_BACKEND_THREADS);
    wt_file file = open_file(engine);
    write_whole(file, 0, 'a', 5000);
    CHECK_OK(wt_engine_close(engine));
    test_check_file(file_path, 0, 'a', 5000);
}

TEST(a_kernel_that_sets_a_ring_up_and_takes_no_requests_is_refused_by_name_and_auto_has_threads) {
    for (int i = 0; i < 4; i++) {
        int error = (int[]){EPERM, ENOSYS, EINVAL, EACCES}[i];
        each_directory(open_with_enter_refused, &error);
    }
}

static void write_without_flags(void *argument) {
    int error = *(int *)argument;
    refuse_calls(error, SYS_pwritev2, SYS_preadv2);
    wt_engine engine = open_engine(WT_BACKEND_THREADS);
    wt_file file = open_file(engine);
    write_whole(file, 0, 'a', 3 * PAGE);
    write_whole(file, 100, 'b', 10000);
    char bytes[PAGE];
    const struct iovec iov = {bytes, sizeof bytes};
    CHECK_EQ(wt_write_submit(file, &iov, 1, 16 * PAGE, WT_DURABILITY_SYNC, 0, 7), 0);
    struct wt_event event;
    CHECK_EQ(wt_reap(engine, &event, 1, -1), 1);
    CHECK_EQ(event.result, PAGE);
    CHECK_OK(wt_engine_close(engine));
    test_check_file(file_path, 100, 'b', 10000);
    engine = open_engine(WT_BACKEND_THREADS);
    file = open_file(engine);
    CHECK_EQ(wt_read(file, &iov, 1, 200), PAGE);
    CHECK_EQ(bytes[0], 'b');
    CHECK_OK(wt_engine_close(engine));
}

TEST(without_the_calls_that_take_flags_writes_are_flushed_by_another_and_as_durable) {
    for (int i = 0; i < 3; i++) {
        int error = (int[]){EPERM, ENOSYS, EOPNOTSUPP}[i];
        each_directory(write_without_flags, &error);
    }
}

struct refusal {
    long first, second;
};

static void open_with_calls_refused(void *argument) {
    const struct refusal *refusal = argument;
    wt_engine engine = 0;
    refuse_calls(EPERM, refusal->first, refusal->second);
    for (uint32_t backend = WT_BACKEND_AUTO; backend <= WT_BACKEND_THREADS; backend++) {
        const struct wt_engine_options options = {.cache_bytes = 1 << 20, .backend = backend};
        CHECK_EQ(wt_engine_open(&options, &engine), -EPERM);
        CHECK_EQ(engine, 0);
    }
}

TEST(an_engine_is_refused_where_a_call_is_that_every_file_needs) {
    static const struct refusal refusals[] = {
        {SYS_pwritev2, SYS_pwritev}, {SYS_preadv2, SYS_preadv}, {SYS_fdatasync, SYS_fdatasync},
        {SYS_fsync, SYS_fsync},      {SYS_flock, SYS_flock},    {SYS_ftruncate, SYS_ftruncate},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct refusal refusal = refusals[i];
        CHECK_EQ(test_in_child(open_with_calls_refused, &refusal), 0);
    }
}

/* ---- while an engine works -------------------------------------------------------------------------------------- */

enum { WRITES = 48, LARGE = 2 << 20 };

static uint64_t offset_of(unsigned write) {
    return write * 3 * (uint64_t)PAGE;
}

/*
 * Submits writes, waits for the event of each, and looks at what the file has. Every second one is of part of a block. By the
 * lane, if there is one.
 */
static void write_asynchronously(wt_engine engine, wt_lane lane, wt_file file, int value) {
    char bytes[PAGE];
    unsigned ended = 0;
    memset(bytes, value, sizeof bytes);
    for (unsigned i = 0; i < WRITES; i++) {
        const struct iovec iov = {bytes, i % 2 == 0 ? PAGE : 1000};
        CHECK_OK(lane != 0 ? wt_lane_write(lane, file, &iov, 1, offset_of(i), 0, 0, i)
                           : wt_write_submit(file, &iov, 1, offset_of(i), 0, 0, i));
        CHECK_OK(lane != 0 && i % 8 == 0 ? wt_lane_send(lane) : 0);
    }
    while (ended < WRITES) {
        struct wt_event events[8];
        int count = lane != 0 ? wt_lane_poll(lane, events, 8, -1) : wt_reap(engine, events, 8, -1);
        CHECK_OK(count);
        for (int i = 0; i < count; i++, ended++) {
            CHECK_EQ(events[i].result, events[i].token % 2 == 0 ? PAGE : 1000);
        }
    }
}

static void check_written(int value) {
    for (unsigned i = 0; i < WRITES; i++) {
        test_check_file(file_path, offset_of(i), value, i % 2 == 0 ? PAGE : 1000);
    }
}

/* All that the backend can be asked for, with the calls refused from the given ones on. */
static void work_while_refused(int submits, int waits, bool by_lane) {
    wt_engine engine = open_engine(WT_BACKEND_IO_URING);
    wt_file file = open_file(engine);
    wt_lane lane = 0;
    CHECK_OK(by_lane ? wt_lane_open(engine, 8, &lane) : 0);
    write_whole(file, offset_of(WRITES), 'o', LARGE);
    atomic_store(&submits_left, submits);
    atomic_store(&waits_left, waits);
    write_asynchronously(engine, lane, file, 'a');
    write_whole(file, offset_of(WRITES), 'l', LARGE);
    write_asynchronously(engine, lane, file, 'b');
    CHECK_OK(by_lane ? wt_lane_close(lane) : 0);
    CHECK_OK(wt_engine_shutdown(engine));
    struct wt_event event;
    CHECK_EQ(wt_reap(engine, &event, 1, -1), -ESHUTDOWN);
    CHECK_OK(wt_engine_close(engine));
    check_written('b');
    test_check_file(file_path, offset_of(WRITES), 'l', LARGE);
    atomic_store(&submits_left, INT32_MAX);
    atomic_store(&waits_left, INT32_MAX);
}

static void refuse_each_submission(void *by_lane) {
    for (int submits = 0; submits < 40; submits += (int)test_step()) {
        CONTEXT("after %d submissions", submits);
        work_while_refused(submits, INT32_MAX, by_lane != NULL);
    }
}

TEST(whichever_submission_is_the_first_refused_no_io_is_lost_and_others_follow) {
    each_directory(refuse_each_submission, NULL);
}

TEST(whichever_submission_of_a_lane_is_the_first_refused_no_io_is_lost_and_others_follow) {
    bool by_lane = true;
    each_directory(refuse_each_submission, &by_lane);
}

static void refuse_each_wait(void *by_lane) {
    for (int waits = 0; waits < 40; waits += (int)test_step()) {
        CONTEXT("after %d waits", waits);
        work_while_refused(INT32_MAX, waits, by_lane != NULL);
    }
}

TEST(whichever_wait_is_the_first_refused_no_completion_is_lost_and_others_follow) {
    each_directory(refuse_each_wait, NULL);
}

TEST(whichever_wait_of_a_lane_is_the_first_refused_no_completion_is_lost_and_others_follow) {
    bool by_lane = true;
    each_directory(refuse_each_wait, &by_lane);
}

/* ---- a lane that waits ---- */

struct holding {
    wt_engine engine;
    wt_file file;
    sem_t begun;
};

static void start_by(wt_lane lane, wt_file file, uint64_t offset) {
    char bytes[PAGE] = "lane";
    const struct iovec iov = {bytes, sizeof bytes};
    CHECK_OK(wt_lane_write(lane, file, &iov, 1, offset, 0, 0, 1));
}

static void end_by(wt_lane lane) {
    struct wt_event event;
    CHECK_EQ(wt_lane_poll(lane, &event, 1, -1), 1);
    CHECK_EQ(event.result, PAGE);
}

/* Has a write of the first block that the kernel does not get for a while. */
static void *hold_first_block(void *argument) {
    struct holding *holding = argument;
    const struct timespec while_others_wait = {.tv_nsec = 300000000};
    wt_lane lane;
    CHECK_OK(wt_lane_open(holding->engine, 0, &lane));
    start_by(lane, holding->file, 0);
    sem_post(&holding->begun);
    CHECK_EQ(nanosleep(&while_others_wait, NULL), 0);
    end_by(lane);
    CHECK_OK(wt_lane_close(lane));
    return NULL;
}

static int64_t now_of(clockid_t clock) {
    struct timespec now;
    CHECK_EQ(clock_gettime(clock, &now), 0);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void wait_by_refused_lane(void *unused) {
    (void)unused;
    struct holding holding = {.engine = open_engine(WT_BACKEND_IO_URING)};
    holding.file = open_file(holding.engine);
    wt_lane lane;
    write_whole(holding.file, 0, 'o', 2 * PAGE);
    CHECK_OK(wt_lane_open(holding.engine, 0, &lane));
    CHECK_EQ(sem_init(&holding.begun, 0, 0), 0);
    pthread_t holder = test_thread(hold_first_block, &holding);
    CHECK_EQ(sem_wait(&holding.begun), 0);
    atomic_store(&submits_left, 0);
    start_by(lane, holding.file, PAGE);
    end_by(lane);
    start_by(lane, holding.file, 0); /* behind the other thread's */
    int64_t began_ns = now_of(CLOCK_MONOTONIC), worked_ns = now_of(CLOCK_THREAD_CPUTIME_ID);
    end_by(lane);
    int64_t took_ns = now_of(CLOCK_MONOTONIC) - began_ns;
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(holding.file, &profile));
    if (profile.path == WT_PATH_DIRECT) { /* else no write waits for another */
        CHECK(now_of(CLOCK_THREAD_CPUTIME_ID) - worked_ns < took_ns / 20);
    }
    test_join(holder);
    CHECK_OK(wt_lane_close(lane));
    CHECK_OK(wt_engine_close(holding.engine));
    atomic_store(&submits_left, INT32_MAX);
}

TEST(a_lane_whose_ring_is_refused_sleeps_while_it_waits) {
    each_directory(wait_by_refused_lane, NULL);
}

struct reaping {
    wt_engine engine;
    int count;
    struct wt_event event;
};

static void *reap_one(void *argument) {
    struct reaping *reaping = argument;
    reaping->count = wt_reap(reaping->engine, &reaping->event, 1, -1);
    return NULL;
}

/* True when the thread of wt_reap is in the kernel, or every so many looks: it may be on its way for long. */
static bool waits_in_ring(void) {
    char line[256] = "";
    FILE *wait = popen("cat /proc/$PPID/task/*/wchan 2>/dev/null", "r");
    CHECK(wait != NULL);
    bool waits = fgets(line, sizeof line, wait) != NULL && strstr(line, "io_cqring_wait") != NULL;
    (void)pclose(wait);
    return waits;
}

static void *reap_nearly_for_ever(void *argument) {
    struct reaping *reaping = argument;
    reaping->count = wt_reap(reaping->engine, &reaping->event, 1, INT64_MAX);
    return NULL;
}

static void wait_nearly_for_ever(void *unused) {
    (void)unused;
    struct reaping reaping = {.engine = open_engine(WT_BACKEND_IO_URING)};
    pthread_t thread = test_thread(reap_nearly_for_ever, &reaping);
    for (unsigned looks = 0; looks < 1000 && !waits_in_ring(); looks++) {
        CHECK(INT32_MAX - atomic_load(&waits_left) < 100); /* it does not ask again and again */
    }
    CHECK_OK(wt_engine_shutdown(reaping.engine));
    test_join(thread);
    CHECK_EQ(reaping.count, -ESHUTDOWN);
    CHECK_OK(wt_engine_close(reaping.engine));
}

TEST(the_longest_wait_for_completions_sleeps_in_the_kernel) {
    each_directory(wait_nearly_for_ever, NULL);
}

/* A filter comes while a caller waits in the kernel for completions and nothing is in flight: nothing there would wake it. */
static void refuse_while_a_caller_waits(void *unused) {
    (void)unused;
    struct reaping reaping = {.engine = open_engine(WT_BACKEND_IO_URING)};
    wt_file file = open_file(reaping.engine);
    char bytes[PAGE] = {0};
    const struct iovec iov = {bytes, PAGE};
    pthread_t thread = test_thread(reap_one, &reaping);
    for (unsigned looks = 0; looks < 100 && !waits_in_ring(); looks++) {
    }
    refuse_calls(EPERM, SYS_io_uring_enter, SYS_io_uring_enter);
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, 0, 7));
    test_join(thread);
    CHECK_EQ(reaping.count, 1);
    CHECK_EQ(reaping.event.token, 7);
    CHECK_EQ(reaping.event.result, PAGE);
    write_asynchronously(reaping.engine, 0, file, 'a');
    write_whole(file, offset_of(WRITES), 'l', LARGE);
    CHECK_OK(wt_engine_close(reaping.engine));
    check_written('a');
}

TEST(a_caller_who_waits_for_completions_when_the_ring_is_refused_gets_his_event) {
    each_directory(refuse_while_a_caller_waits, NULL);
}

/* The same for the reaper, which waits in the kernel as long as no caller takes completions. */
static void refuse_while_the_reaper_waits(void *unused) {
    (void)unused;
    wt_engine engine = open_engine(WT_BACKEND_IO_URING);
    wt_file file = open_file(engine);
    char bytes[PAGE] = {0};
    const struct iovec iov = {bytes, PAGE};
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, 0, 7));
    for (unsigned looks = 0; looks < 100 && !waits_in_ring(); looks++) {
    }
    refuse_calls(EPERM, SYS_io_uring_enter, SYS_io_uring_enter);
    CHECK_OK(wt_write_submit(file, &iov, 1, PAGE, 0, 0, 8));
    CHECK_OK(wt_engine_close(engine)); /* waits for both */
}

TEST(the_end_of_an_engine_whose_ring_was_refused_waits_for_no_completion_that_cannot_come) {
    each_directory(refuse_while_the_reaper_waits, NULL);
}

/* Descriptors of rings: of the backend, and of bursts. */
static void close_rings(void) {
    char link[64], target[64];
    for (int fd = 3; fd < 256; fd++) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, target, sizeof target - 1);
        if (length > 0 && memmem(target, (size_t)length, "[io_uring]", 10) != NULL) {
            CHECK_EQ(close(fd), 0);
        }
    }
}

static void close_the_rings_of_others(void *unused) {
    (void)unused;
    wt_engine engine = open_engine(WT_BACKEND_IO_URING);
    wt_file file = open_file(engine);
    write_asynchronously(engine, 0, file, 'a');
    write_whole(file, offset_of(WRITES), 'o', LARGE);
    close_rings();
    write_asynchronously(engine, 0, file, 'b');
    write_whole(file, offset_of(WRITES), 'l', LARGE);
    CHECK_OK(wt_engine_close(engine));
    check_written('b');
    test_check_file(file_path, offset_of(WRITES), 'l', LARGE);
}

TEST(who_closes_descriptors_that_are_not_his_leaves_a_working_engine) {
    each_directory(close_the_rings_of_others, NULL);
}

/* ---- requests that end otherwise -------------------------------------------------------------------------------- */

enum { LIST = 8, PAGES = 3 };

struct test_io {
    struct wt_io io;
    sem_t done;
};

static void post_done(struct wt_io *io) {
    CHECK(sem_post(&((struct test_io *)io)->done) == 0);
}

static int fail_sync(struct wt_backing *backing, bool data_only) {
    (void)backing;
    (void)data_only;
    return -EIO;
}

/*
 * Writes a list by the ring; what comes of each is in tests. refused: the ring takes no request, and flushes fail. False:
 * there is no direct I/O here, and nothing was written.
 */
static bool write_list(struct test_io tests[LIST], bool refused) {
    const struct wt_engine_options options = {.ring_entries = 32};
    struct wt_backend *backend;
    struct wt_backing *backing;
    CHECK_OK(wt_io_uring_open(&options, &backend));
    CHECK_OK(backend->ops->open(backend, file_path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, &backing));
    bool direct = backing->profile.path == WT_PATH_DIRECT;
    backing->profile.disk = WT_DISK_WITHOUT_FUA; /* so that they share flushes */
    struct wt_backing_ops ops = *backing->ops;
    ops.sync = refused ? fail_sync : ops.sync;
    backing->ops = &ops;
    atomic_store(&submits_left, refused ? 0 : INT32_MAX);
    char *memory = aligned_alloc(PAGE, LIST * PAGES * PAGE);
    CHECK(memory != NULL);
    memset(memory, 'm', LIST * PAGES * PAGE);
    for (unsigned i = 0; i < LIST; i++) {
        tests[i].io = (struct wt_io){.op = WT_IO_WRITE,
                                     .durability = WT_DURABILITY_DSYNC,
                                     .backing = backing,
                                     .offset = i * PAGES * PAGE,
                                     .length = PAGES * PAGE,
                                     .segment_count = 1,
                                     .segments = {{memory + i * PAGES * PAGE, PAGES * PAGE}},
                                     .complete = post_done,
                                     .next = i + 1 < LIST ? &tests[i + 1].io : NULL};
        CHECK(sem_init(&tests[i].done, 0, 0) == 0);
    }
    if (direct) {
        backend->ops->submit(backend, &tests[0].io);
    }
    for (unsigned i = 0; direct && i < LIST; i++) {
        while (sem_wait(&tests[i].done) < 0) {
            CHECK_EQ(errno, EINTR);
        }
    }
    CHECK_OK(backing->ops->close(backing));
    backend->ops->close(backend);
    free(memory);
    return direct;
}

static void fail_shared_flushes(void *unused) {
    (void)unused;
    struct test_io *tests = calloc(LIST, sizeof *tests);
    CHECK(tests != NULL);
    change.tag = 2; /* of a flush */
    change.result = 0;
    change.other = -EIO;
    atomic_store(&change.times, INT32_MAX);
    bool direct = write_list(tests, false);
    for (unsigned i = 0; direct && i < LIST; i++) {
        CHECK_EQ(tests[i].io.error, -EIO);
        CHECK_EQ(tests[i].io.done, 0);
        CHECK(tests[i].io.flush_failed);
    }
    free(tests);
}

TEST(the_error_of_a_flush_that_writes_of_a_ring_share_is_that_of_each) {
    each_directory(fail_shared_flushes, NULL);
}

static void fail_flushes_of_a_refused_ring(void *unused) {
    (void)unused;
    struct test_io *tests = calloc(LIST, sizeof *tests);
    CHECK(tests != NULL);
    bool direct = write_list(tests, true);
    for (unsigned i = 0; direct && i < LIST; i++) {
        CHECK_EQ(tests[i].io.error, -EIO);
        CHECK_EQ(tests[i].io.done, 0);
        CHECK(tests[i].io.flush_failed);
    }
    free(tests);
}

TEST(the_failed_flush_of_a_write_that_was_to_share_one_on_a_refused_ring_is_known_to_be_a_flush) {
    each_directory(fail_flushes_of_a_refused_ring, NULL);
}

static void end_requests_otherwise(void *argument) {
    struct test_io *tests = calloc(LIST, sizeof *tests);
    CHECK(tests != NULL);
    change.tag = 0;
    change.result = PAGES * PAGE;
    change.other = *(int *)argument;
    atomic_store(&change.times, LIST / 2);
    bool direct = write_list(tests, false);
    for (unsigned i = 0; direct && i < LIST; i++) {
        CHECK_EQ(tests[i].io.error, 0);
        CHECK_EQ(tests[i].io.done, PAGES * PAGE);
    }
    if (direct) {
        CHECK_EQ(atomic_load(&change.times), 0);
        test_check_file(file_path, 0, 'm', LIST * PAGES * PAGE);
    }
    free(tests);
}

TEST(a_request_that_the_kernel_did_in_part_or_dropped_is_sent_again) {
    for (int i = 0; i < 4; i++) {
        int result = (int[]){PAGE, -ECANCELED, -EAGAIN, -EINTR}[i];
        each_directory(end_requests_otherwise, &result);
    }
}
