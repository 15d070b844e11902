/* Kernels and filters of system calls that refuse durable writes, when an engine opens. In each directory of WT_TEST_DIRS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

#define PAGE 4096u

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
static void check_on_file(uint64_t offset, int value, size_t length) {
    char *expected = malloc(length), *bytes = malloc(length);
    int fd = open(file_path, O_RDONLY | O_CLOEXEC);
    CHECK(expected != NULL && bytes != NULL && fd >= 0);
    memset(expected, value, length);
    CHECK_EQ(pread(fd, bytes, length, (off_t)offset), length);
    CHECK_BYTES(bytes, expected, length);
    CHECK_EQ(close(fd), 0);
    free(expected);
    free(bytes);
}

/* ---- when an engine opens --------------------------------------------------------------------------------------- */

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
    check_on_file(100, 'b', 10000);
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
