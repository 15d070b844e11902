// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
/*
 * What an operation that meets nobody costs: locks, clock readings, system calls, and atomic changes of memory, counted. A
 * count that grows fails.
 */
#include <errno.h>
#include <liburing.h>
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

enum { BLOCK = 4096, FOLIO_BLOCKS = 64, SPAN = 2 * FOLIO_BLOCKS * BLOCK };

static uint8_t bytes[SPAN];

/* ---- calls, which the linker leads here -------------------------------------------------------------------------- */

static unsigned locks, clocks, writes; /* and submissions to a ring count as writes */

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

int __real_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring) {
    writes++;
    return __real_io_uring_submit(ring);
}

/* ---- a file of the threads backend, whose blocks are cached ------------------------------------------------------- */

struct place {
    wt_engine engine;
    wt_file file;
    wt_lane lane;         /* 0: none */
    uint64_t first_block; /* that the lane writes */
};

static struct place open_place_on(uint32_t backend) {
    struct place place = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/file", test_make_directory(test_directory(0)));
    struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = backend};
    int rc = wt_engine_open(&options, &place.engine);
    if (backend == WT_BACKEND_IO_URING && (rc == -EPERM || rc == -ENOSYS)) {
        SKIP("the kernel refuses io_uring");
    }
    CHECK_OK(rc);
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

static struct place open_place(void) {
    return open_place_on(WT_BACKEND_THREADS);
}

static void write_block(const struct place *place, uint64_t block) {
    struct iovec iov = {bytes, BLOCK};
    CHECK_EQ(wt_write(place->file, &iov, 1, block * BLOCK, 0, NULL), BLOCK);
}

static void read_block(const struct place *place, uint64_t block) {
    struct iovec iov = {bytes, BLOCK};
    CHECK_EQ(wt_read(place->file, &iov, 1, block * BLOCK), BLOCK);
}

enum { BATCH = 16 };

/* So many blocks by the lane, from their writes to their events. */
static void write_batch(const struct place *place, uint64_t number) {
    struct wt_event events[BATCH];
    for (uint64_t i = 0; i < BATCH; i++) {
        struct iovec iov = {bytes, BLOCK};
        uint64_t block = place->first_block + (number * BATCH + i) % FOLIO_BLOCKS;
        CHECK_OK(wt_lane_write(place->lane, place->file, &iov, 1, block * BLOCK, 0, 0, i));
    }
    for (int taken = 0, count; taken < BATCH; taken += count) {
        count = wt_lane_poll(place->lane, events, BATCH, -1);
        CHECK(count > 0);
    }
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

TEST(a_write_of_a_lane_that_meets_nobody_takes_few_locks_and_a_part_of_a_system_call) {
    struct place place = open_place_on(WT_BACKEND_IO_URING);
    CHECK_OK(wt_lane_open(place.engine, 0, &place.lane));
    /* A batch leaves by one call, and a flush or a wake by one; where the disk takes time, by one for every four writes. */
    check_calls(write_batch, &place, 3 * BATCH + 4, 2 * BATCH + 8, BATCH / 4 + 1);
    CHECK_OK(wt_lane_close(place.lane));
    CHECK_OK(wt_engine_close(place.engine));
}

TEST(a_cached_read_takes_one_lock) {
    struct place place = open_place();
    check_calls(read_block, &place, 1, 0, 0);
    CHECK_OK(wt_engine_close(place.engine));
}

/* ---- instructions ------------------------------------------------------------------------------------------------- */

#ifdef __x86_64__
enum { CODE_BYTES = 2 * sizeof(long), ATOMICS_MOST = 4096, LINE_BYTES = 64 };

/* The lines of memory that one operation changes atomically, once for each change. */
struct changes {
    unsigned count;
    unsigned long instructions;
    uint64_t lines[ATOMICS_MOST];
};

static uint64_t register_of(const struct user_regs_struct *registers, unsigned number) {
    const unsigned long long values[16] = {registers->rax, registers->rcx, registers->rdx, registers->rbx,
                                           registers->rsp, registers->rbp, registers->rsi, registers->rdi,
                                           registers->r8,  registers->r9,  registers->r10, registers->r11,
                                           registers->r12, registers->r13, registers->r14, registers->r15};
    return values[number];
}

/* The address of the memory that the instruction's ModRM byte, at code, names. rex: its prefix, or 0. */
static uint64_t address_of(const struct user_regs_struct *registers, const uint8_t *code, unsigned rex) {
    unsigned mode = code[0] >> 6, base = code[0] & 7;
    uint64_t address = 0;
    code++;
    if (base == 4) { /* a SIB byte follows */
        unsigned index = (unsigned)(code[0] >> 3 & 7) | (rex << 2 & 8);
        address = index != 4 ? register_of(registers, index) << (code[0] >> 6) : 0;
        base = *code++ & 7;
    }
    if (mode == 0 && base == 5) {
        address += registers->rip; /* and a length, which is always the same */
    } else {
        address += register_of(registers, base | (rex << 3 & 8));
    }
    int32_t displacement = 0;
    if (mode == 1) {
        displacement = (int8_t)code[0];
    } else if (mode == 2 || base == 5) {
        memcpy(&displacement, code, sizeof displacement);
    }
    return address + (uint64_t)(int64_t)displacement;
}

/* Whether the instruction changes memory as one step: a lock prefix, or xchg with memory. Then *address is that memory's. */
static bool is_atomic(const struct user_regs_struct *registers, const uint8_t *code, uint64_t *address) {
    unsigned rex = 0;
    bool locked = false;
    for (; *code == 0x66 || *code == 0xf2 || *code == 0xf3 || *code == 0x2e || *code == 0x3e || *code == 0xf0; code++) {
        locked = locked || *code == 0xf0;
    }
    if ((*code & 0xf0) == 0x40) {
        rex = *code++;
    }
    bool exchanges = (*code == 0x86 || *code == 0x87) && code[1] >> 6 != 3;
    code += *code == 0x0f ? 2 : 1;
    if (!locked && !exchanges) {
        return false;
    }
    *address = address_of(registers, code, rex);
    return true;
}

static void stop_here(void) {
    (void)raise(SIGSTOP);
}

static void *sleep_for_ever(void *unused) {
    for (;;) {
        (void)pause();
    }
    return unused;
}

/* Steps a child of two threads (a lock takes an atomic step then) through operations, each up to the child's next stop. */
static bool trace(void (*child)(void), struct changes *changes, unsigned count) {
    int status = 0;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        child();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) { /* it has skipped, or may not be traced */
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        changes[i].count = 0;
        for (changes[i].instructions = 0;; changes[i].instructions++) {
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
            uint8_t code[CODE_BYTES];
            uint64_t address;
            memcpy(code, words, sizeof code);
            if (is_atomic(&registers, code, &address)) {
                CHECK(changes[i].count < ATOMICS_MOST);
                changes[i].lines[changes[i].count++] = address / LINE_BYTES;
            }
        }
    }
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return true;
}

static void begin_trace(void) {
    (void)test_thread(sleep_for_ever, NULL);
    CHECK_EQ(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
    stop_here();
}

static void write_once(void) {
    struct place place = open_place();
    for (uint64_t i = 0; i < 8; i++) {
        write_block(&place, i);
    }
    begin_trace();
    write_block(&place, 5);
    stop_here();
}

TEST(a_write_that_meets_nobody_changes_memory_atomically_few_times) {
    static struct changes changes;
    if (!trace(write_once, &changes, 1)) {
        SKIP("no direct I/O here, or no tracing");
    }
    printf("   a write: %u atomic changes in %lu instructions\n", changes.count, changes.instructions);
    CHECK(changes.count <= 20 + 4);
}

/* ---- where lanes meet --------------------------------------------------------------------------------------------- */

/* Two lanes of one engine, which write batches by turns: of files of their own, or to parts of one file. */
static void write_by_lanes(bool one_file) {
    struct place first = open_place_on(WT_BACKEND_IO_URING), second = first;
    char path[512];
    snprintf(path, sizeof path, "%s/file", test_make_directory(test_directory(0)));
    second.first_block = FOLIO_BLOCKS; /* of another folio */
    if (!one_file) {
        CHECK_OK(
            wt_file_open(first.engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, &second.file));
        fill_at(second.file, 0, 1, SPAN);
    }
    CHECK_OK(wt_lane_open(first.engine, 0, &first.lane));
    CHECK_OK(wt_lane_open(first.engine, 0, &second.lane));
    for (uint64_t i = 0; i < 8; i++) {
        write_batch(&first, i);
        write_batch(&second, i);
    }
    begin_trace();
    write_batch(&first, 0);
    stop_here();
    write_batch(&second, 0);
    stop_here();
}

static void write_by_lanes_to_one_file(void) {
    write_by_lanes(true);
}

static void write_by_lanes_to_files(void) {
    write_by_lanes(false);
}

/* How many of the changes are to lines that the other one changes too. */
static unsigned count_shared(const struct changes *changes, const struct changes *other) {
    unsigned shared = 0;
    for (unsigned i = 0; i < changes->count; i++) {
        bool meets = false;
        for (unsigned k = 0; k < other->count && !meets; k++) {
            meets = changes->lines[i] == other->lines[k];
        }
        shared += meets;
    }
    return shared;
}

static void check_lanes(void (*child)(void), const char *what, double all_most, double shared_most) {
    static struct changes changes[2];
    if (!trace(child, changes, 2)) {
        SKIP("no direct I/O here, no io_uring, or no tracing");
    }
    double all = (double)changes[1].count / BATCH, shared = (double)count_shared(&changes[1], &changes[0]) / BATCH;
    printf("   %s: a write of %d has %.2f atomic changes, %.2f of them to lines that the other lane changes\n", what,
           BATCH, all, shared);
    CHECK(all <= all_most && shared <= shared_most);
}

TEST(lanes_that_write_to_files_of_their_own_seldom_change_the_same_line) {
    check_lanes(write_by_lanes_to_files, "two files", 20.5, 2.75); /* versions of neighbouring folios are on one line */
}

TEST(lanes_that_write_to_one_file_change_few_lines_that_the_other_changes) {
    check_lanes(write_by_lanes_to_one_file, "one file", 20.5, 8.75); /* those, the handle and the gate */
}
#endif
