// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
/*
 * What an operation that meets nobody costs: locks, clock readings, system calls, and atomic changes of memory, counted. A
 * count that grows fails.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core.h"

enum { BLOCK = 4096, SPAN = 64 * BLOCK };

static uint8_t bytes[SPAN];

/* ---- calls, which the linker leads here -------------------------------------------------------------------------- */

static unsigned locks, clocks, writes;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    locks++;
    return __real_pthread_mutex_lock(mutex);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
    clocks++;
    return __real_clock_gettime(clock, now);
}

ssize_t __real_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    writes++;
    return __real_pwritev2(fd, iov, count, offset, flags);
}

/* ---- a file of the threads backend, whose blocks are cached ------------------------------------------------------- */

struct place {
    wt_engine engine;
    wt_file file;
};

static struct place open_place(void) {
    struct place place = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/file", test_make_directory(test_directory(0)));
    struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = WT_BACKEND_THREADS};
    CHECK_OK(wt_engine_open(&options, &place.engine));
    CHECK_OK(wt_file_open(place.engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, &place.file));
    fill_at(place.file, 0, 1, SPAN);
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(place.file, &profile));
    if (profile.path != WT_PATH_DIRECT) {
        CHECK_OK(wt_engine_close(place.engine));
        SKIP("no direct I/O here");
    }
    return place;
}

static void write_block(const struct place *place, uint64_t block) {
    struct iovec iov = {bytes, BLOCK};
    CHECK_EQ(wt_write(place->file, &iov, 1, block * BLOCK, 0, NULL), BLOCK);
}

static void read_block(const struct place *place, uint64_t block) {
    struct iovec iov = {bytes, BLOCK};
    CHECK_EQ(wt_read(place->file, &iov, 1, block * BLOCK), BLOCK);
}

/* The most that one of some calls costs: a second of the clock may end, or a sample be taken, in one of them. */
static void check_calls(void (*operation)(const struct place *, uint64_t), const struct place *place,
                        unsigned locks_most, unsigned clocks_most, unsigned writes_most) {
    for (uint64_t i = 0; i < 8; i++) { /* what is made once */
        operation(place, i);
    }
    locks = clocks = writes = 0;
    for (uint64_t i = 0; i < 32; i++) {
        operation(place, i);
    }
    printf("   each: %.2f locks, %.2f clock readings, %.2f writes\n", locks / 32.0, clocks / 32.0, writes / 32.0);
    CHECK(locks <= 32 * locks_most + 2 && clocks <= 32 * clocks_most + 2 && writes <= 32 * writes_most);
}

TEST(a_write_that_meets_nobody_takes_few_locks_and_one_system_call) {
    struct place place = open_place();
    check_calls(write_block, &place, 2, 3, 1);
    CHECK_OK(wt_engine_close(place.engine));
}

TEST(a_cached_read_takes_one_lock) {
    struct place place = open_place();
    check_calls(read_block, &place, 1, 0, 0);
    CHECK_OK(wt_engine_close(place.engine));
}

/* ---- instructions ------------------------------------------------------------------------------------------------- */

#ifdef __x86_64__
/* Whether the instruction at these bytes changes memory as one step: a lock prefix, or xchg with memory. */
static bool is_atomic(const uint8_t *code) {
    size_t at = 0;
    while (code[at] == 0x66 || code[at] == 0xf2 || code[at] == 0xf3 || code[at] == 0x2e || code[at] == 0x3e) {
        at++;
    }
    if (code[at] == 0xf0) {
        return true;
    }
    at += (code[at] & 0xf0) == 0x40 ? 1 : 0;
    return (code[at] == 0x86 || code[at] == 0x87) && (code[at + 1] >> 6) != 3;
}

static void stop_here(void) {
    (void)raise(SIGSTOP);
}

static void child(void) {
    struct place place = open_place();
    for (uint64_t i = 0; i < 8; i++) {
        write_block(&place, i);
    }
    CHECK_EQ(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
    stop_here();
    write_block(&place, 5);
    stop_here();
    _exit(wt_engine_close(place.engine) == 0 ? 0 : 1);
}

/* Steps a child through one write. The stop at its end is not counted: nothing atomic is in it. */
static unsigned count_atomics(unsigned long *instructions) {
    int status = 0;
    unsigned atomics = 0;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        child();
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) { /* it has skipped, or may not be traced */
        return 0;
    }
    *instructions = 0;
    for (;;) {
        CHECK_EQ(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK(WIFSTOPPED(status));
        if (WSTOPSIG(status) == SIGSTOP) {
            break;
        }
        struct user_regs_struct registers;
        CHECK_EQ(ptrace(PTRACE_GETREGS, pid, NULL, &registers), 0);
        long words[2] = {ptrace(PTRACE_PEEKTEXT, pid, registers.rip, NULL),
                         ptrace(PTRACE_PEEKTEXT, pid, registers.rip + sizeof words[0], NULL)};
        uint8_t code[sizeof words];
        memcpy(code, words, sizeof code);
        atomics += is_atomic(code) ? 1u : 0u;
        ++*instructions;
    }
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return atomics;
}

TEST(a_write_that_meets_nobody_changes_memory_atomically_few_times) {
    unsigned long instructions = 0;
    unsigned atomics = count_atomics(&instructions);
    if (atomics == 0) {
        SKIP("no direct I/O here, or no tracing");
    }
    printf("   a write: %u atomic changes in %lu instructions\n", atomics, instructions);
    CHECK(atomics <= 14 + 8); /* a process of one thread takes a lock without an atomic step, others with two */
}
#endif
