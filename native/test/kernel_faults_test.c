// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The engine with threads on a kernel in memory of which one call fails, by each errno that its man page has, at each place of a
 * run, once or from then on. In no run may a call hang, acknowledge what is not stable, or lose what was acknowledged; an error
 * that came once is told once.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"
#include "writethrough.h"

#define BLOCK FAKE_PAGE
#define PATH FAKE_ROOT "/file"
#define NEW_PATH FAKE_ROOT "/renamed"
/* A run that takes longer hangs. */
#define WATCHDOG_SECONDS 10
/* Places of a kind of call at which it is made to fail. */
#define PLACES_MOST 80u

/* ---- one run ----------------------------------------------------------------------------------------------------- */

/* What the callers of a run know. */
static struct {
    wt_engine engine;
    wt_file file;
    const char *path;
    uint8_t bytes[FAKE_FILE_BYTES];
    bool known[FAKE_FILE_BYTES];  /* acknowledged, and not touched by a call that failed */
    bool stable[FAKE_FILE_BYTES]; /* the same, with the promise that a power cut leaves it */
    uint64_t size;
    bool size_is_known;
    bool for_good;   /* what fails goes on failing: a size that is too large cannot be cut */
    bool cannot_ask; /* fcntl(2) fails */
    unsigned errors; /* that calls told */
    const char *step;
    char told[256]; /* which did */
} run;

static void tell(int error) {
    size_t length = strlen(run.told);
    run.errors++;
    (void)snprintf(run.told + length, sizeof run.told - length, "%s%s: %s", length > 0 ? ", " : "", run.step,
                   wt_errno_name(-error));
}

/* True: the call succeeded. */
static bool succeeds(const char *step, int64_t result) {
    run.step = step;
    if (result < 0) {
        tell((int)result);
    }
    return result >= 0;
}

static void acknowledge(uint64_t offset, int value, uint64_t length, bool stable) {
    memset(run.bytes + offset, value, length);
    memset(run.known + offset, true, length);
    memset(run.stable + offset, stable, length);
}

static void forget(uint64_t offset, uint64_t length) {
    memset(run.known + offset, false, length);
    memset(run.stable + offset, false, length);
}

/* What was acknowledged with that promise is on stable storage. */
static void check_stable(void) {
    static uint8_t bytes[FAKE_FILE_BYTES];
    uint64_t size = 0;
    bool any = false;
    bool exists = fake_stable(run.path, &size, bytes, 0, sizeof bytes);
    for (uint64_t i = 0; i < FAKE_FILE_BYTES; i++) {
        if (run.stable[i] && (!exists || i >= size || bytes[i] != run.bytes[i])) {
            test_fail(__FILE__, __LINE__, "after %s: byte %llu was acknowledged and is not stable (told: %s)", run.step,
                      (unsigned long long)i, run.told);
        }
        any = any || run.stable[i];
    }
    CHECK(exists || !any);
}

static void check_size(void) {
    if (run.size_is_known) {
        CHECK_EQ(wt_size(run.file), run.size);
    } else {
        int64_t size = wt_size(run.file);
        CHECK_OK(size);
        run.size = (uint64_t)size;
        run.size_is_known = true;
    }
}

static void write_bytes(const char *step, uint64_t offset, int value, size_t length, uint32_t durability) {
    char bytes[4 * BLOCK];
    const struct iovec iov = {bytes, length};
    uint64_t stable = 0, end = offset + length;
    memset(bytes, value, length);
    int64_t rc = wt_write(run.file, &iov, 1, offset, durability, &stable);
    if (succeeds(step, rc)) {
        CHECK_EQ(rc, length);
        acknowledge(offset, value, length, durability != WT_DURABILITY_DEVICE);
    } else {
        CHECK(stable <= length);
        forget(offset, length);
        acknowledge(offset, value, stable, durability != WT_DURABILITY_DEVICE);
        end = offset + stable;
    }
    if (end > run.size && stable > 0) {
        run.size = end;
    }
    check_size();
    check_stable();
}

/* Two threads append at once. An error of one may be that of both. */
enum { APPENDS = 4, APPEND_BYTES = 700 };

struct appender {
    int value;
    int64_t results[APPENDS];
    uint64_t offsets[APPENDS];
    uint64_t stable[APPENDS];
};

static void *append(void *argument) {
    struct appender *appender = argument;
    char bytes[APPEND_BYTES];
    const struct iovec iov = {bytes, sizeof bytes};
    for (int i = 0; i < APPENDS; i++) {
        memset(bytes, appender->value + i, sizeof bytes);
        appender->results[i] = wt_write_with(run.file, &iov, 1, &appender->offsets[i], WT_DURABILITY_DSYNC, WT_APPEND,
                                             &appender->stable[i]);
    }
    return NULL;
}

static void append_at_once(void) {
    struct appender appenders[2] = {{.value = 100}, {.value = 200}};
    pthread_t threads[2];
    uint64_t end = run.size;
    int error = 0;
    run.step = "appends";
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = test_thread(append, &appenders[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        test_join(threads[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        for (int k = 0; k < APPENDS; k++) {
            uint64_t offset = appenders[i].offsets[k];
            if (appenders[i].results[k] < 0) {
                error = (int)appenders[i].results[k];
                if (appenders[i].stable[k] > 0 && offset + appenders[i].stable[k] > end) {
                    end = offset + appenders[i].stable[k]; /* a part of it is there */
                }
                continue;
            }
            CHECK_EQ(appenders[i].results[k], APPEND_BYTES);
            CHECK(offset >= run.size && offset + APPEND_BYTES <= FAKE_FILE_BYTES && !run.known[offset] &&
                  !run.known[offset + APPEND_BYTES - 1]);
            acknowledge(offset, appenders[i].value + k, APPEND_BYTES, true);
            end = offset + APPEND_BYTES > end ? offset + APPEND_BYTES : end;
        }
    }
    if (error < 0) {
        tell(error);
    }
    run.size = end;
    check_size();
    check_stable();
}

static void truncate_to(const char *step, uint64_t size) {
    uint64_t old = run.size;
    if (succeeds(step, wt_truncate(run.file, size))) {
        if (size < old) {
            forget(size, old - size);
        } else {
            acknowledge(old, 0, size - old, true);
        }
        run.size = size;
        uint64_t stable_size = 0;
        CHECK(fake_stable(run.path, &stable_size, NULL, 0, 0));
        CHECK_EQ(stable_size, size);
    } else {
        int64_t now = wt_size(run.file);
        CHECK(now == (int64_t)old || now == (int64_t)size);
        if (size < old) {
            forget(size, old - size);
        }
        run.size = (uint64_t)now;
    }
    check_size();
    check_stable();
}

static void allocate_to(uint64_t size) {
    uint64_t old = run.size;
    if (succeeds("allocate", wt_allocate(run.file, 0, size)) && size > old) {
        acknowledge(old, 0, size - old, true);
        run.size = size;
    } else {
        run.size_is_known = false;
    }
    check_size();
    CHECK(run.size == old || run.size == size);
    check_stable();
}

static void zero(const char *step, int (*call)(wt_file, uint64_t, uint64_t), uint64_t offset, uint64_t length) {
    if (succeeds(step, call(run.file, offset, length))) {
        acknowledge(offset, 0, length, true);
    } else {
        forget(offset, length);
    }
    check_size();
    check_stable();
}

static void sync_file(void) {
    if (succeeds("sync", wt_sync(run.file))) {
        memcpy(run.stable, run.known, sizeof run.known);
    } else {
        memcpy(run.known, run.stable, sizeof run.known); /* what only the device had may be gone */
    }
    check_stable();
}

/* All that is known is read. */
static void read_all(const char *step) {
    static char bytes[FAKE_FILE_BYTES];
    const struct iovec iov = {bytes, sizeof bytes};
    int64_t count = wt_read(run.file, &iov, 1, 0);
    if (!succeeds(step, count)) {
        return;
    }
    CHECK_EQ(count, run.size);
    for (uint64_t i = 0; i < run.size; i++) {
        if (run.known[i] && bytes[i] != (char)run.bytes[i]) {
            test_fail(__FILE__, __LINE__, "%s: byte %llu is %d, not %d (told: %s)", step, (unsigned long long)i,
                      bytes[i], run.bytes[i], run.told);
        }
    }
}

static bool open_file(const char *step) {
    const uint32_t flags = WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (succeeds(step, wt_file_open(run.engine, run.path, flags, 0644, WT_DURABILITY_DSYNC, &run.file))) {
            return true;
        }
    }
    return false;
}

static void change_file(void) {
    CHECK(fake_name_is_stable(run.path) || run.errors > 0);
    run.size_is_known = true;
    write_bytes("write of blocks", 0, 'a', 3 * BLOCK, 0);
    write_bytes("write at the end", run.size, 'b', 1000, 0);
    write_bytes("write within the last block", run.size > 500 ? run.size - 500 : 0, 'c', 300, 0);
    write_bytes("overwrite", BLOCK, 'd', BLOCK, 0);
    write_bytes("overwrite of a part", 100, 'e', 200, 0);
    write_bytes("device write", 2 * BLOCK, 'f', BLOCK, WT_DURABILITY_DEVICE);
    write_bytes("device write at the end", run.size, 'g', 100, WT_DURABILITY_DEVICE);
    sync_file();
    write_bytes("write past the end", run.size + 2 * BLOCK + 50, 'h', 500, 0);
    append_at_once();
    read_all("read");
    truncate_to("truncation", 5 * BLOCK + 77);
    write_bytes("write after a truncation", 5 * BLOCK, 'i', 177, 0);
    allocate_to(20 * BLOCK);
    write_bytes("write into what was allocated", 10 * BLOCK + 10, 'j', 100, 0);
    zero("hole", wt_punch_hole, BLOCK + 100, 2 * BLOCK);
    zero("zeros", wt_zero, 4 * BLOCK, BLOCK);
    write_bytes("overwrite after holes", 0, 'k', 2 * BLOCK, WT_DURABILITY_SYNC);
    truncate_to("growth", 30 * BLOCK + 5);
    truncate_to("truncation to a block", 8 * BLOCK);
    append_at_once();
    sync_file();
    if (succeeds("rename", wt_file_rename(run.file, PATH, NEW_PATH, 0))) {
        CHECK(fake_name_is_stable(NEW_PATH));
    }
    run.path = fake_exists(NEW_PATH) ? NEW_PATH : PATH; /* it may have been renamed, and not durably */
    check_stable();
    write_bytes("last write", 100, 'l', BLOCK, 0);
    read_all("second read");
}

static void run_once(void) {
    const struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = WT_BACKEND_THREADS, .threads = 2};
    run.path = PATH;
    CHECK_OK(wt_engine_open(&options, &run.engine));
    if (open_file("open")) {
        change_file();
        (void)succeeds("close", wt_file_close(run.file));
        check_stable();
        if (open_file("second open")) {
            run.size_is_known = !run.for_good || run.errors == 0;
            check_size();
            read_all("read of the file opened again");
            (void)succeeds("second close", wt_file_close(run.file));
        }
    }
    CHECK_OK(wt_engine_close(run.engine));
    /* Where the kernel cannot be asked for locks of the process, the two descriptors of a refused open are kept. */
    CHECK(fake_descriptors() <= (run.cannot_ask ? 2u : 0u));
}

/* ---- all runs ---------------------------------------------------------------------------------------------------- */

/* Of all processes of a test. */
static struct shared {
    unsigned counts[FAKE_CALLS];
    char text[1024]; /* of the last failure */
} * shared;

/* Runs in a process of its own: 0, its exit status, or minus the signal that ended it. */
static int run_apart(struct fake_fault fault) {
    (void)fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)alarm(WATCHDOG_SECONDS);
        (void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        fake_arm(fault);
        run.for_good = fault.for_good;
        run.cannot_ask = fault.call == FAKE_FCNTL;
        run_once();
        for (unsigned i = 0; i < FAKE_CALLS; i++) {
            shared->counts[i] = fake_count(i);
        }
        bool told_twice = !fault.for_good && run.errors > 1;
        (void)snprintf(shared->text, sizeof shared->text, "%u errors, told by: %s", run.errors, run.told);
        _exit(told_twice ? 2 : !fake_happened() && run.errors > 0 ? 3 : 0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static unsigned failures, runs;

static void try(struct fake_fault fault) {
    shared->text[0] = '\0';
    int status = run_apart(fault);
    runs++;
    if (status == 0) {
        return;
    }
    failures++;
    printf("   call %u of %s fails with %s%s: %s %s\n", fault.at, fake_call_names[fault.call],
           wt_errno_name(fault.error), fault.for_good ? ", and all later ones" : "",
           status == -SIGALRM ? "the run hangs"
           : status == 2      ? "told twice:"
           : status == 3      ? "an error without a reason:"
                              : "the run fails",
           shared->text);
}

struct errors {
    enum fake_call call;
    int of[10];
};

static void try_errors(const struct errors *errors) {
    unsigned places = shared->counts[errors->call];
    places = places < PLACES_MOST ? places : PLACES_MOST;
    for (unsigned at = 1; at <= places; at += (unsigned)test_step()) {
        for (const int *error = errors->of; *error != 0; error++) {
            if (errors->call != FAKE_DEVICE) { /* which never lives again */
                try((struct fake_fault){errors->call, at, *error, false});
            }
            if (*error != EINTR) { /* no signal comes before each call for ever */
                try((struct fake_fault){errors->call, at, *error, true});
            }
        }
    }
}

static void try_calls(const struct errors *errors, size_t count) {
    struct shared first;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK_EQ(run_apart((struct fake_fault){0}), 0); /* counts them, too */
    first = *shared;
    for (size_t i = 0; i < count; i++) {
        memcpy(shared->counts, first.counts, sizeof first.counts);
        try_errors(&errors[i]);
    }
    printf("   %u runs, %u failures\n", runs, failures);
    CHECK_EQ(failures, 0);
}

#define TRY(...)                                                                                                       \
    try_calls((const struct errors[]){__VA_ARGS__},                                                                    \
              sizeof((const struct errors[]){__VA_ARGS__}) / sizeof(struct errors))

TEST(a_run_without_a_fault_tells_no_error) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK_EQ(run_apart((struct fake_fault){0}), 0);
    for (unsigned i = 0; i < FAKE_CALLS; i++) {
        printf("   %u of %s\n", shared->counts[i], fake_call_names[i]);
    }
}

TEST(the_name_of_a_new_file_is_stable_when_the_open_returns) {
    const struct wt_engine_options options = {.cache_bytes = 1 << 20, .backend = WT_BACKEND_THREADS};
    run.path = PATH;
    CHECK_OK(wt_engine_open(&options, &run.engine));
    CHECK(open_file("open"));
    CHECK(fake_name_is_stable(PATH));
    CHECK_OK(wt_engine_close(run.engine));
}

TEST(a_write_that_has_to_go_without_flags_is_stable) {
    const struct wt_engine_options options = {.cache_bytes = 1 << 20, .backend = WT_BACKEND_THREADS};
    const uint32_t durabilities[] = {WT_DURABILITY_DSYNC, WT_DURABILITY_SYNC};
    run.path = PATH;
    run.size_is_known = true;
    CHECK_OK(wt_engine_open(&options, &run.engine));
    CHECK(open_file("open"));
    for (unsigned i = 0; i < 2; i++) {
        fake_arm((struct fake_fault){FAKE_WRITE, 1, EPERM, false});
        write_bytes("write of blocks", 0, 'a' + (int)i, BLOCK, durabilities[i]);
        CHECK(fake_happened());
        fake_arm((struct fake_fault){FAKE_WRITE, 1, EOPNOTSUPP, false});
        write_bytes("write at the end", run.size, 'b', 100, durabilities[i]);
        CHECK(fake_happened());
    }
    CHECK_EQ(run.errors, 0);
    CHECK_OK(wt_engine_close(run.engine));
}

TEST(opening_may_fail_at_any_place) {
    TRY({FAKE_OPEN, {EACCES, EMFILE, ENFILE, ENOMEM, ENOSPC, EROFS, EINTR, EIO}}, {FAKE_STATX, {EACCES, ENOMEM, EIO}},
        {FAKE_STATFS, {EINTR, EIO, ENOMEM, ENOSYS}}, {FAKE_FCNTL, {EINVAL, EPERM}},
        {FAKE_FLOCK, {EINTR, ENOLCK, EWOULDBLOCK}});
}

TEST(transfers_may_fail_at_any_place) {
    TRY({FAKE_WRITE, {EIO, ENOSPC, EDQUOT, EFBIG, EINTR, EPERM, EAGAIN, EINVAL}}, {FAKE_READ, {EIO, EINTR, ENOMEM}});
}

TEST(sizes_and_extents_may_fail_at_any_place) {
    TRY({FAKE_TRUNCATE, {EIO, EINTR, EFBIG, EPERM, EROFS}}, {FAKE_ALLOCATE, {EIO, EINTR, ENOSPC, EOPNOTSUPP, ENOSYS}},
        {FAKE_EXTENTS, {EOPNOTSUPP, EIO, EINTR, ENOMEM}}, {FAKE_SEEK, {EIO, EINVAL}});
}

TEST(names_and_descriptors_may_fail_at_any_place) {
    TRY({FAKE_RENAME, {EIO, EACCES, ENOSPC, EROFS, EINVAL}}, {FAKE_LINK, {EIO, EMLINK, EPERM}},
        {FAKE_UNLINK, {EIO, EPERM}}, {FAKE_CLOSE, {EIO, EINTR, ENOSPC, EDQUOT}}, {FAKE_ADVISE, {EINVAL, ESPIPE}},
        {FAKE_SYNCFS, {EIO}});
}

/* ---- what an error covers, and who consumes it ------------------------------------------------------------------- */

TEST(looking_at_sizes_may_fail_at_any_place) {
    TRY({FAKE_STAT, {EIO, ENOMEM, EACCES}});
}

TEST(flushes_may_fail_at_any_place) {
    TRY({FAKE_FDATASYNC, {EIO, EINTR, ENOSPC, EDQUOT, EROFS}}, {FAKE_FSYNC, {EIO, EINTR, ENOSPC}},
        {FAKE_RANGE, {EIO, ENOSPC, ENOMEM, EINTR, EPERM, ENOSYS}});
}

TEST(the_device_may_refuse_at_any_place) {
    TRY({FAKE_WRITE_DONE, {EIO, ENOSPC}}, {FAKE_WRITEBACK, {EIO, ENOSPC}}, {FAKE_FLUSH, {EIO}}, {FAKE_DEVICE, {EIO}});
}

/* A new file, of which nothing has failed. */
static void open_run(void) {
    const struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = WT_BACKEND_THREADS, .threads = 2};
    memset(&run, 0, sizeof run);
    fake_arm((struct fake_fault){0});
    (void)unlink(PATH); /* of the run before */
    run.path = PATH;
    run.size_is_known = true;
    CHECK_OK(wt_engine_open(&options, &run.engine));
    CHECK(open_file("open"));
    write_bytes("first write", 0, 'a', 3 * BLOCK + 100, 0);
    CHECK_EQ(run.errors, 0);
}

static void close_run(void) {
    (void)succeeds("close", wt_file_close(run.file));
    CHECK_OK(wt_engine_close(run.engine));
}

struct writer {
    uint64_t offset;
    int64_t result;
};

/* A part of a block past the end of the file: through the page cache. */
static void *write_part(void *argument) {
    struct writer *writer = argument;
    char bytes[100];
    const struct iovec iov = {bytes, sizeof bytes};
    memset(bytes, 'w', sizeof bytes);
    writer->result = wt_write(run.file, &iov, 1, writer->offset, WT_DURABILITY_DSYNC, NULL);
    return NULL;
}

/* Two writes are in the page cache when the device refuses the at-th page, and all later ones if for_good. */
static void refuse_pages_of_two(unsigned at, bool for_good) {
    struct writer writers[2] = {{.offset = 16 * BLOCK}, {.offset = 32 * BLOCK}};
    pthread_t threads[2];
    unsigned failed = 0;
    open_run();
    truncate_to("truncation to a block", 3 * BLOCK);
    fake_arm((struct fake_fault){FAKE_WRITEBACK, at, EIO, for_good});
    fake_meet(2);
    run.step = "two writes";
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = test_thread(write_part, &writers[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        test_join(threads[i]);
    }
    fake_meet(0);
    for (unsigned i = 0; i < 2; i++) {
        if (writers[i].result >= 0) {
            acknowledge(writers[i].offset, 'w', 100, true);
        } else {
            CHECK_EQ(writers[i].result, -EIO);
            failed++;
        }
    }
    run.size_is_known = false;
    check_stable();
    CHECK_EQ(failed, for_good ? 2 : 1);
    fake_arm((struct fake_fault){0});
    write_bytes("write after two", 0, 'b', BLOCK, 0);
    sync_file();
    CHECK_EQ(run.errors, 0);
    close_run();
}

TEST(of_two_writes_at_once_through_the_page_cache_each_has_its_own_error) {
    refuse_pages_of_two(1, true);
    refuse_pages_of_two(1, false);
    refuse_pages_of_two(2, false);
}

enum { NEXT_CALLS = 8 };

static void call_next(unsigned which) {
    switch (which) {
    case 0:
        write_bytes("durable write", 0, 'c', BLOCK, WT_DURABILITY_DSYNC);
        break;
    case 1:
        write_bytes("synchronous write", BLOCK, 'c', BLOCK, WT_DURABILITY_SYNC);
        break;
    case 2:
        write_bytes("write at the end", run.size, 'c', 50, 0);
        break;
    case 3:
        sync_file();
        break;
    case 4:
        truncate_to("truncation", 2 * BLOCK + 7);
        break;
    case 5:
        allocate_to(8 * BLOCK);
        break;
    case 6:
        zero("hole", wt_punch_hole, 0, 2 * BLOCK);
        break;
    default:
        append_at_once();
        break;
    }
}

/* Of the block that the file ends in: within the file, or making it longer. */
static void refuse_last_block(bool grows) {
    for (unsigned which = 0; which < NEXT_CALLS; which++) {
        CONTEXT("call %u after it%s", which, grows ? ", which grew the file" : "");
        open_run();
        fake_arm((struct fake_fault){FAKE_WRITEBACK, 1, EIO, false});
        write_bytes("write that is refused", run.size - (grows ? 0 : 80), 'b', 60, 0);
        CHECK_EQ(run.errors, 1);
        CHECK(fake_happened());
        for (unsigned i = 0; i < NEXT_CALLS; i++) {
            call_next((which + i) % NEXT_CALLS);
            CHECK_EQ(run.errors, 1);
        }
        close_run();
        CHECK_EQ(run.errors, 1);
    }
}

TEST(a_refused_end_of_the_file_is_told_to_its_write_and_to_no_later_call) {
    refuse_last_block(true);
    refuse_last_block(false);
}

/* The device loses what it had in its cache when the flush for another file's write fails. */
TEST(a_flush_that_fails_for_one_file_is_told_to_the_next_sync_of_each_with_writes_on_the_device) {
    wt_file other = 0;
    char bytes[BLOCK] = {0};
    const struct iovec iov = {bytes, BLOCK};
    open_run();
    CHECK_OK(wt_file_open(run.engine, NEW_PATH, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0, &other));
    CHECK_EQ(wt_write(other, &iov, 1, 0, 0, NULL), BLOCK);
    write_bytes("device write", 0, 'd', BLOCK, WT_DURABILITY_DEVICE);
    fake_arm((struct fake_fault){FAKE_FLUSH, 1, EIO, false});
    CHECK_EQ(wt_write(other, &iov, 1, 0, 0, NULL), -EIO);
    sync_file();
    CHECK_EQ(run.errors, 1);
    sync_file();
    CHECK_EQ(run.errors, 1);
    CHECK_OK(wt_file_close(other));
    close_run();
}
