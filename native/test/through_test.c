// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The backend whose writes the kernel writes through (WT_BACKEND_KERNEL), in each directory of WT_TEST_DIRS: what it refuses
 * on the real kernel, and what it does on one that takes the flag, which pwritev2 below stands for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core.h"
#include "posix/through.h"
#include "test.h"

#define PAGE 4096u
#define CALL_CACHESTAT 451

/* ---- a kernel that takes the flag -------------------------------------------------------------------------------- */

/* What the bit means to the kernel. */
static enum {
    REAL,     /* what it means to the kernel here */
    THROUGH,  /* what it should */
    IGNORED,  /* nothing */
    UNCACHED, /* the page is written, and dropped */
    STARTED,  /* the page is on its way, and nobody waits for that */
    APPENDED, /* the bytes go to the end of the file */
    DROPPED,  /* the bytes are not written at all */
} meaning;

static atomic_uint with_flag, without_flag, with_dsync; /* writes since count_from_now */
static atomic_uint largest;                             /* bytes of one write with the flag */
static atomic_int failing;                              /* so many writes with the flag fail */

ssize_t __real_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);

static ssize_t as_meant(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    int plain = flags & ~WT_RWF_WRITETHROUGH;
    ssize_t written;
    switch (meaning) {
    case REAL:
        return __real_pwritev2(fd, iov, count, offset, flags);
    case THROUGH:
        return __real_pwritev2(fd, iov, count, offset, plain | RWF_DSYNC);
    case IGNORED:
        return __real_pwritev2(fd, iov, count, offset, plain);
    case UNCACHED:
        written = __real_pwritev2(fd, iov, count, offset, plain | RWF_DSYNC);
        (void)posix_fadvise(fd, offset, PAGE, POSIX_FADV_DONTNEED);
        return written;
    case STARTED:
        written = __real_pwritev2(fd, iov, count, offset, plain);
        (void)posix_fadvise(fd, offset, PAGE, POSIX_FADV_DONTNEED);
        return written;
    case APPENDED:
        return __real_pwritev2(fd, iov, count, offset, plain | RWF_APPEND | RWF_DSYNC);
    case DROPPED:
        break;
    }
    return (ssize_t)iov[0].iov_len;
}

static bool fails_now(void) {
    return atomic_load(&failing) > 0 && atomic_fetch_sub(&failing, 1) > 0;
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    if ((flags & WT_RWF_WRITETHROUGH) == 0) {
        atomic_fetch_add(&without_flag, 1);
        return __real_pwritev2(fd, iov, count, offset, flags);
    }
    atomic_fetch_add(&with_flag, 1);
    atomic_fetch_add(&with_dsync, (flags & RWF_DSYNC) != 0);
    unsigned length = (unsigned)iov[0].iov_len;
    atomic_store(&largest, length > atomic_load(&largest) ? length : atomic_load(&largest));
    if (fails_now()) {
        errno = EIO;
        return -1;
    }
    return as_meant(fd, iov, count, offset, flags);
}

static void count_from_now(void) {
    atomic_store(&with_flag, 0);
    atomic_store(&without_flag, 0);
    atomic_store(&with_dsync, 0);
    atomic_store(&largest, 0);
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

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
    const struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = backend, .threads = 2};
    wt_engine engine = 0;
    CHECK_OK(wt_engine_open(&options, &engine));
    CHECK(backend == WT_BACKEND_AUTO || wt_engine_backend(engine) == (int)backend);
    return engine;
}

static int open_file(wt_engine engine, uint32_t flags, wt_file *file) {
    return wt_file_open(engine, file_path, WT_OPEN_READ | flags, 0644, 0, file);
}

/* Whether pages can be seen to be dirty here: not on tmpfs, whose pages nobody writes. */
static bool shows_dirty_pages(void) {
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    wt_file file;
    meaning = THROUGH;
    int rc = open_file(engine, WT_OPEN_WRITE | WT_OPEN_CREATE, &file);
    CHECK(rc == 0 || rc == -EOPNOTSUPP);
    CHECK_OK(wt_engine_close(engine));
    return rc == 0;
}

/* A file that the kernel which takes the flag writes through. */
static wt_file open_through(wt_engine engine) {
    wt_file file;
    CHECK_OK(open_file(engine, WT_OPEN_WRITE | WT_OPEN_CREATE, &file));
    return file;
}

struct cached {
    uint64_t pages, dirty, writeback, evicted, recently_evicted;
};

static struct cached look(uint64_t offset, uint64_t length) {
    uint64_t range[] = {offset, length};
    struct cached cached = {0};
    int fd = open(file_path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    if (syscall(CALL_CACHESTAT, fd, range, &cached, 0) < 0) {
        SKIP("no cachestat(2) here: %s", strerror(errno));
    }
    CHECK_EQ(close(fd), 0);
    return cached;
}

/* The body of a test on a kernel that takes the flag. */
static void each_place_through(void (*body)(void)) {
    unsigned places = 0;
    for (size_t i = 0; i < test_directory_count(); i++) {
        CONTEXT("in %s", test_directory(i));
        CHECK(snprintf(file_path, sizeof file_path, "%s/file", test_make_directory(test_directory(i))) <
              (int)sizeof file_path);
        if (shows_dirty_pages()) {
            places++;
            body();
        }
    }
    if (places == 0) {
        SKIP("no file system here shows which pages are dirty");
    }
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

TEST(the_kernels_backend_has_no_flags_and_no_ring_of_another) {
    wt_engine engine = 0;
    for (uint32_t flag = WT_ENGINE_SQPOLL; flag <= WT_ENGINE_IOPOLL; flag *= 2) {
        CHECK_EQ(wt_engine_open(&(struct wt_engine_options){.backend = WT_BACKEND_KERNEL, .flags = flag}, &engine),
                 -EINVAL);
    }
    CHECK_EQ(wt_engine_open_external(&(struct wt_engine_options){.backend = WT_BACKEND_KERNEL}, &engine), -EINVAL);
    CHECK_EQ(wt_engine_open(&(struct wt_engine_options){.backend = WT_BACKEND_KERNEL + 1}, &engine), -EINVAL);
}

static void refuse_file(void *argument) {
    (void)argument;
    wt_engine engine = open_engine(WT_BACKEND_KERNEL), other = open_engine(WT_BACKEND_AUTO);
    wt_file file;
    int rc = open_file(engine, WT_OPEN_WRITE | WT_OPEN_CREATE, &file);
    if (rc == 0 && meaning == REAL) {
        SKIP("this kernel writes through");
    }
    CHECK_EQ(rc, -EOPNOTSUPP);
    CHECK_EQ(access(file_path, F_OK), -1); /* none was made */
    CHECK_OK(open_file(other, WT_OPEN_WRITE | WT_OPEN_CREATE, &file));
    fill_at(file, 0, 'a', 3 * PAGE);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(open_file(engine, WT_OPEN_WRITE, &file), -EOPNOTSUPP);
    CHECK_OK(open_file(other, WT_OPEN_WRITE, &file)); /* nothing holds it */
    CHECK_OK(wt_engine_close(other));
    CHECK_OK(wt_engine_close(engine));
    test_check_file(file_path, 0, 'a', 3 * PAGE);
}

TEST(a_kernel_without_the_flag_is_refused_before_a_file_is_made) {
    meaning = REAL;
    each_directory(refuse_file, NULL);
}

TEST(a_kernel_that_takes_the_flags_bit_for_something_else_is_refused) {
    for (int other = IGNORED; other <= DROPPED; other++) {
        CONTEXT("meaning %d", other);
        meaning = (int)other;
        each_directory(refuse_file, NULL);
    }
}

/* Has the kernel refuse two system calls to this process. */
static void refuse_calls(long first, long second) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)first, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), 0);
}

static void refuse_file_without_cachestat(void *argument) {
    refuse_calls(CALL_CACHESTAT, CALL_CACHESTAT);
    refuse_file(argument);
}

TEST(a_kernel_without_cachestat_that_takes_the_bit_for_something_else_is_refused_too) {
    for (int other = IGNORED; other <= DROPPED; other++) {
        CONTEXT("meaning %d", other);
        meaning = (int)other;
        if (meaning != STARTED) { /* what is under writeback is to be seen by cachestat alone */
            each_directory(refuse_file_without_cachestat, NULL);
        }
    }
}

static void refuse_file_unseen(void *argument) {
    refuse_calls(CALL_CACHESTAT, SYS_mincore);
    refuse_file(argument);
}

TEST(where_nobody_can_look_at_the_page_cache_nothing_is_proved) {
    meaning = THROUGH;
    each_directory(refuse_file_unseen, NULL);
}

static void read_alone(void *argument) {
    (void)argument;
    wt_engine engine = open_engine(WT_BACKEND_AUTO);
    wt_file file;
    CHECK_OK(open_file(engine, WT_OPEN_WRITE | WT_OPEN_CREATE, &file));
    fill_at(file, 0, 'r', 5000);
    CHECK_OK(wt_engine_close(engine));
    engine = open_engine(WT_BACKEND_KERNEL);
    CHECK_OK(open_file(engine, 0, &file));
    check_filled(file, 0, 'r', 5000);
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(file, &profile));
    CHECK_EQ(profile.path, WT_PATH_BUFFERED);
    CHECK_EQ(write_at(file, 0, "x", 1), -EBADF);
    CHECK_OK(wt_engine_close(engine));
}

TEST(a_file_that_is_read_alone_needs_no_such_kernel) {
    meaning = REAL;
    each_directory(read_alone, NULL);
}

/* Whether the kernel has memory that it never moves: only from such memory more than a page is written at once. */
static bool has_secret_memory(void) {
    int fd = (int)syscall(447, O_CLOEXEC);
    return fd >= 0 && close(fd) == 0;
}

/* ---- on a kernel that writes through ----------------------------------------------------------------------------- */

static void write_in_every_way(void) {
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    wt_file file = open_through(engine);
    struct model model = model_new(1 << 20);
    struct test_random random = test_random_of(test_seed());
    static uint8_t bytes[200000];
    count_from_now();
    unsigned durable = 0;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t offset = test_random_below(&random, 600000);
        size_t length = (size_t)test_random_between(&random, 1, test_random_one_in(&random, 8) ? sizeof bytes : 9000);
        test_random_bytes(&random, bytes, length);
        switch (test_random_below(&random, 8)) {
        case 0:
            CHECK_OK(wt_truncate(file, offset));
            model_truncate(&model, offset);
            break;
        case 1:
            CHECK_OK(wt_punch_hole(file, offset, length));
            model_zero(&model, offset, length);
            break;
        case 2:
            CHECK_OK(wt_allocate(file, offset, length));
            if (offset + length > model.size) {
                model.size = offset + length;
            }
            break;
        case 3: {
            const struct iovec iov = {bytes, length};
            uint64_t at = 0;
            CHECK_EQ(wt_write_with(file, &iov, 1, &at, 0, WT_APPEND, NULL), length);
            CHECK_EQ(at, model.size);
            model_write(&model, at, bytes, length);
            durable++;
            break;
        }
        case 4:
            CHECK_EQ(write_as(file, offset, bytes, length, WT_DURABILITY_DEVICE), length);
            model_write(&model, offset, bytes, length);
            break;
        default:
            CHECK_EQ(write_at(file, offset, bytes, length), length);
            model_write(&model, offset, bytes, length);
            durable++;
            break;
        }
        CHECK_EQ(wt_size(file), model.size);
        check_read(file, &model, offset, length);
    }
    check_read(file, &model, 0, (size_t)model.size);
    CHECK_EQ(atomic_load(&without_flag), 0); /* whatever was written */
    CHECK(atomic_load(&with_dsync) >= durable && atomic_load(&with_dsync) < atomic_load(&with_flag));
    CHECK(atomic_load(&largest) > PAGE || !has_secret_memory());
    CHECK(atomic_load(&largest) <= 128 << 10);
    CHECK_EQ(look(0, 1 << 20).dirty, 0);
    CHECK_OK(wt_engine_close(engine));
    int fd = open(file_path, O_RDONLY | O_CLOEXEC);
    uint8_t *all = malloc(model.size + 1);
    CHECK(fd >= 0 && all != NULL);
    CHECK_EQ(read(fd, all, model.size + 1), model.size);
    CHECK_BYTES(all, model.bytes, model.size);
    CHECK_EQ(close(fd), 0);
    free(all);
    model_free(&model);
}

TEST(fault_5_every_write_has_the_flag_and_no_page_is_dirty) {
    each_place_through(write_in_every_way);
}

static void meet_plain_pages(void) {
    for (int second = 0; second < 2;
         second++) { /* the first handle of a file, and one that comes to write beside a reader */
        wt_engine engine = open_engine(WT_BACKEND_KERNEL);
        wt_file reader = 0, file;
        if (second) {
            CHECK_OK(open_file(engine, 0, &reader));
        }
        int fd = open(file_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        CHECK(fd >= 0);
        CHECK_EQ(pwrite(fd, "plain", 5, 100), 5);
        CHECK_EQ(close(fd), 0);
        CHECK(look(0, PAGE).dirty == 1);
        CHECK_OK(open_file(engine, WT_OPEN_WRITE, &file));
        CHECK_EQ(look(0, PAGE).dirty, 0);
        CHECK_OK(wt_engine_close(engine));
    }
}

TEST(fault_5_plain_pages_of_others_are_written_before_the_first_write) {
    each_place_through(meet_plain_pages);
}

static void fail_while_mapped(void) {
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    wt_file file = open_through(engine);
    fill_at(file, 0, 'a', 8 * PAGE);
    int fd = open(file_path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    char *mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
    CHECK(mapped != MAP_FAILED && mapped[0] == 'a');
    atomic_store(&failing, 1);
    CHECK_EQ(write_at(file, 2 * PAGE, "refused", 7), -EIO);
    char byte;
    CHECK_EQ(read_at(file, 2 * PAGE, &byte, 1),
             -EIO); /* the kernel keeps the page, whose bytes may be the refused ones */
    CHECK_EQ(write_at(file, 2 * PAGE, "b", 1), -EIO);
    CHECK_EQ(munmap(mapped, PAGE), 0);
    check_filled(file, 0, 'a', 8 * PAGE);
    fill_at(file, 2 * PAGE, 'b', 1);
    CHECK_EQ(byte_of(file, 2 * PAGE), 'b');
    CHECK_EQ(close(fd), 0);
    CHECK_OK(wt_engine_close(engine));
}

static void fail_writes(void) {
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    wt_file file = open_through(engine);
    fill_at(file, 0, 'a', 64 * PAGE);
    check_filled(file, 0, 'a', 64 * PAGE);
    CHECK_EQ(look(10 * PAGE, PAGE).pages, 1);
    atomic_store(&failing, 1);
    uint64_t stable = 1;
    const struct iovec iov = {"refused", 7};
    CHECK_EQ(wt_write(file, &iov, 1, 10 * PAGE + 5, 0, &stable), -EIO);
    CHECK_EQ(stable, 0);
    CHECK_EQ(look(10 * PAGE, PAGE).pages, 0);
    check_filled(file, 0, 'a', 64 * PAGE);
    atomic_store(&failing, 1); /* and behind the end of the file, which stays where it was */
    CHECK_EQ(wt_write(file, &iov, 1, 64 * PAGE, 0, &stable), -EIO);
    CHECK_EQ(wt_size(file), 64 * PAGE);
    fill_at(file, 64 * PAGE, 'b', 10);
    CHECK_EQ(wt_size(file), 64 * PAGE + 10);
    CHECK_OK(wt_engine_close(engine));
}

TEST(fault_4_a_failed_write_drops_its_pages) {
    each_place_through(fail_writes);
}

static void fail_without_cachestat(void *argument) {
    (void)argument;
    refuse_calls(CALL_CACHESTAT, CALL_CACHESTAT);
    fail_while_mapped();
}

static void fail_in_child(void) {
    CHECK_EQ(test_in_child(fail_without_cachestat, NULL), 0);
}

TEST(fault_4_the_pages_are_looked_for_without_cachestat_too) {
    each_place_through(fail_in_child);
}

TEST(fault_4_while_the_kernel_keeps_a_refused_page_nothing_is_read) {
    each_place_through(fail_while_mapped);
}

/* A child's engine has staging memory of its own. */
static void write_in_child(void *argument) {
    (void)argument;
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    fill_at(open_through(engine), 0, 'c', 3 * PAGE);
    CHECK_OK(wt_engine_close(engine));
}

static void fork_and_write(void) {
    CHECK_EQ(test_in_child(write_in_child, NULL), 0);
    test_check_file(file_path, 0, 'c', 3 * PAGE);
}

TEST(a_child_of_fork_has_an_engine_of_its_own_that_writes_through) {
    each_place_through(fork_and_write);
}

/* More writers than there is staging for. */
static void *write_many(void *argument) {
    wt_engine engine = *(wt_engine *)argument;
    char path[600];
    snprintf(path, sizeof path, "%s-%d", file_path, gettid());
    wt_file file;
    CHECK_OK(wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0, &file));
    for (int i = 0; i < 10; i++) {
        fill_at(file, 1000, 'a' + i, 3 * PAGE);
        check_filled(file, 1000, 'a' + i, 3 * PAGE);
    }
    CHECK_OK(wt_file_close(file));
    return NULL;
}

static void write_by_many(void) {
    enum { THREADS = 24 };
    wt_engine engine = open_engine(WT_BACKEND_KERNEL);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = test_thread(write_many, &engine);
    }
    for (int i = 0; i < THREADS; i++) {
        test_join(threads[i]);
    }
    CHECK_OK(wt_engine_close(engine));
}

TEST(fault_6_writers_of_many_files_share_the_memory_that_stays) {
    each_place_through(write_by_many);
}
