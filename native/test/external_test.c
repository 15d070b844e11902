// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* An engine whose I/O goes on the ring of a loop, in the first directory of WT_TEST_DIRS with direct I/O. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <liburing.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/engine.h"
#include "core.h"
#include "engine/objects.h"
#include "external.h"
#include "io/list.h"
#include "posix/posix.h"
#include "uring/external.h"

enum { BLOCK = 4096, MANY = 200, FOREVER = -1 };

struct place {
    wt_engine engine;
    wt_file file;
    struct test_loop *loop;
    char path[512];
};

static void start_loop(struct place *place) {
    place->loop = test_loop_start(place->engine);
    if (place->loop == NULL) {
        SKIP("the kernel refuses io_uring");
    }
}

static void open_place(struct place *place, uint64_t in_flight_bytes) {
    const struct wt_engine_options options = {.cache_bytes = 4 << 20, .in_flight_bytes = in_flight_bytes};
    struct wt_profile profile = {0};
    size_t i = 0;
    while (i < test_directory_count() &&
           (wt_probe(test_directory(i), &profile) != 0 || profile.path != WT_PATH_DIRECT)) {
        i++;
    }
    if (i == test_directory_count()) {
        SKIP("no directory with direct I/O");
    }
    snprintf(place->path, sizeof place->path, "%s/file", test_make_directory(test_directory(i)));
    CHECK_OK(wt_engine_open_external(&options, &place->engine));
    start_loop(place);
    CHECK_OK(
        wt_file_open(place->engine, place->path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, &place->file));
    CHECK_OK(wt_allocate(place->file, 0, MANY * BLOCK));
}

static struct place opened(void) {
    struct place place = {0};
    open_place(&place, 0);
    return place;
}

static void close_place(struct place *place) {
    CHECK_OK(wt_engine_close(place->engine));
    test_loop_stop(place->loop);
}

static int try_submit(struct place *place, uint64_t block, int value, uint32_t flags) {
    uint8_t bytes[BLOCK];
    struct iovec iov = {bytes, sizeof bytes};
    memset(bytes, value, sizeof bytes);
    return wt_write_submit(place->file, &iov, 1, block * BLOCK, 0, flags, block);
}

static void submit_block(struct place *place, uint64_t block, int value) {
    CHECK_OK(try_submit(place, block, value, 0));
}

/* Takes so many events, which must all have this result. */
static void reap(struct place *place, unsigned count, int64_t result) {
    struct wt_event events[16];
    while (count > 0) {
        int got = wt_reap(place->engine, events, count < 16 ? (int)count : 16, FOREVER);
        CHECK(got > 0);
        for (int i = 0; i < got; i++) {
            CHECK_EQ(events[i].result, result);
        }
        count -= (unsigned)got;
    }
}

static uint64_t device_ios(struct place *place) {
    struct wt_engine_stats stats;
    CHECK_OK(wt_engine_stats(place->engine, &stats));
    return stats.device_reads + stats.device_writes;
}

/* The number of this process's threads whose name begins so. */
static unsigned threads_named(const char *name) {
    unsigned count = 0;
    char path[300], comm[32];
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    CHECK(tasks != NULL);
    while ((task = readdir(tasks)) != NULL) {
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL && fgets(comm, sizeof comm, file) != NULL) {
            count += strncmp(comm, name, strlen(name)) == 0;
        }
        if (file != NULL) {
            CHECK_EQ(fclose(file), 0);
        }
    }
    CHECK_EQ(closedir(tasks), 0);
    return count;
}

/* ---- on the ring -------------------------------------------------------------------------------------------------- */

static void submit_many(void *argument) {
    for (uint64_t block = 0; block < MANY; block++) {
        submit_block(argument, block, (int)(block % 250) + 1);
    }
}

static void check_many(struct place *place) {
    for (uint64_t block = 0; block < MANY; block++) {
        check_filled(place->file, block * BLOCK, (int)(block % 250) + 1, BLOCK);
    }
}

TEST(what_any_thread_submits_goes_on_the_ring_and_needs_no_thread_of_the_engine) {
    struct place place = opened();
    uint64_t before = device_ios(&place);
    submit_many(&place);
    reap(&place, MANY, BLOCK);
    test_loop_run(place.loop, submit_many, &place);
    reap(&place, MANY, BLOCK);
    uint64_t sent = device_ios(&place) - before;
    CHECK(sent > 0);
    CHECK_EQ(test_loop_transfers(place.loop), sent);
    CHECK_EQ(threads_named("wt-reaper"), 0);
    CHECK_EQ(wt_engine_backend(place.engine), WT_BACKEND_IO_URING);
    check_many(&place);
    close_place(&place);
}

TEST(what_is_read_goes_on_the_ring) {
    struct place place = opened();
    submit_many(&place);
    reap(&place, MANY, BLOCK);
    CHECK_OK(wt_file_close(place.file));
    CHECK_OK(wt_file_open(place.engine, place.path, WT_OPEN_READ, 0, 0, &place.file));
    uint64_t before = test_loop_transfers(place.loop);
    CHECK_OK(wt_fetch_submit(place.file, 0, MANY * BLOCK, 0, 1));
    reap(&place, 1, MANY * BLOCK);
    CHECK(test_loop_transfers(place.loop) > before);
    check_many(&place);
    close_place(&place);
}

/* ---- what the kernel answers -------------------------------------------------------------------------------------- */

static _Atomic int bent;

static void shorten(struct wt_transfer *transfer) {
    bool vector = transfer->opcode == IORING_OP_WRITEV || transfer->opcode == IORING_OP_READV;
    if (vector && transfer->length > 1) {
        transfer->length = 1;
        bent++;
    } else if (!vector && transfer->length > BLOCK) {
        transfer->length = BLOCK;
        bent++;
    }
}

/* One write, of several blocks in one I/O. */
static void submit_large(struct place *place, unsigned blocks, int value) {
    uint8_t *bytes = malloc(blocks * BLOCK);
    struct iovec iov = {bytes, blocks * BLOCK};
    CHECK(bytes != NULL);
    memset(bytes, value, blocks * BLOCK);
    CHECK_OK(wt_write_submit(place->file, &iov, 1, 0, 0, 0, 1));
    free(bytes);
}

TEST(a_short_transfer_goes_on) {
    struct place place = opened();
    test_loop_bend(place.loop, shorten, NULL);
    submit_large(&place, 100, 7);
    reap(&place, 1, 100 * BLOCK);
    CHECK(bent > 2);
    CHECK_OK(wt_file_close(place.file));
    CHECK_OK(wt_file_open(place.engine, place.path, WT_OPEN_READ, 0, 0, &place.file));
    bent = 0;
    CHECK_OK(wt_fetch_submit(place.file, 0, 100 * BLOCK, 0, 1));
    reap(&place, 1, 100 * BLOCK);
    CHECK(bent > 2);
    check_filled(place.file, 0, 7, 100 * BLOCK);
    close_place(&place);
}

static int answer;
static atomic_uint asynchronous;

static void fail_once(struct wt_transfer_end *end) {
    if (bent == 0) {
        bent = 1;
        end->result = answer;
    }
}

static void count_asynchronous(struct wt_transfer *transfer) {
    asynchronous += (transfer->flags & IOSQE_ASYNC) != 0;
}

/* A write to a block, of which the kernel says this once. Its result. */
static int64_t answered(struct place *place, int result) {
    struct wt_event event;
    answer = result;
    bent = 0;
    submit_block(place, 3, 9);
    CHECK_EQ(wt_reap(place->engine, &event, 1, FOREVER), 1);
    CHECK_EQ(bent, 1);
    return event.result;
}

TEST(what_the_kernel_could_not_do_now_is_sent_again) {
    struct place place = opened();
    test_loop_bend(place.loop, count_asynchronous, fail_once);
    CHECK_EQ(answered(&place, -EINTR), BLOCK);
    CHECK_EQ(asynchronous, 0);
    CHECK_EQ(answered(&place, -EAGAIN), BLOCK);
    CHECK_EQ(asynchronous, 1);
    CHECK_EQ(answered(&place, -ECANCELED), BLOCK);
    CHECK_EQ(asynchronous, 2);
    check_filled(place.file, 3 * BLOCK, 9, BLOCK);
    close_place(&place);
}

static void fail_always(struct wt_transfer_end *end) {
    bent++;
    end->result = answer;
}

TEST(what_the_kernel_never_does_fails) {
    static const int answers[] = {-EINTR, -EAGAIN, -ECANCELED};
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct place place = opened();
        answer = answers[i];
        test_loop_bend(place.loop, NULL, fail_always);
        submit_block(&place, 3, 9);
        reap(&place, 1, answers[i]);
        test_loop_bend(place.loop, NULL, NULL);
        submit_block(&place, 3, 10);
        reap(&place, 1, BLOCK);
        check_filled(place.file, 3 * BLOCK, 10, BLOCK);
        close_place(&place);
    }
}

TEST(an_error_reaches_the_write_and_no_other) {
    struct place place = opened();
    test_loop_bend(place.loop, NULL, fail_once);
    CHECK_EQ(answered(&place, -EIO), -EIO);
    CHECK_EQ(answered(&place, -ENOSPC), -ENOSPC);
    CHECK_EQ(answered(&place, 0), -EIO);
    submit_block(&place, 3, 10);
    reap(&place, 1, BLOCK);
    check_filled(place.file, 3 * BLOCK, 10, BLOCK);
    close_place(&place);
}

static void past_the_limit(void *argument) {
    (void)argument;
    struct place place = opened();
    struct rlimit limit = {1 << 20, 1 << 20};
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_OK(try_submit(&place, 4096, 1, 0));
    reap(&place, 1, -EFBIG);
    submit_block(&place, 1, 5);
    reap(&place, 1, BLOCK);
    close_place(&place);
}

TEST(a_write_past_the_limit_on_file_sizes_is_efbig) {
    struct place place = opened(); /* or there is nowhere to try it; the child has its own */
    close_place(&place);
    CHECK_EQ(test_in_child(past_the_limit, NULL), 0);
}

static void end_strangers(void *argument) {
    struct place *place = argument;
    const struct wt_transfer_end ends[] = {
        {.token = 0, .result = BLOCK}, {.token = 255}, {.token = 256}, {.token = ~0u}};
    struct wt_transfer transfer;
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(wt_external_done(place->engine, &ends[i], 1), -EINVAL);
    }
    CHECK_EQ(wt_external_take(place->engine, &transfer, 0), -EINVAL);
    CHECK_EQ(wt_external_take(place->engine, NULL, 1), -EINVAL);
    CHECK_EQ(wt_external_done(place->engine, NULL, 1), -EINVAL);
}

TEST(results_of_what_is_not_in_flight_are_refused) {
    struct place place = opened();
    test_loop_run(place.loop, end_strangers, &place);
    submit_block(&place, 3, 10);
    reap(&place, 1, BLOCK);
    test_loop_run(place.loop, end_strangers, &place);
    close_place(&place);
}

TEST(an_engine_with_a_backend_of_its_own_has_no_loop) {
    wt_engine engine = 0;
    struct wt_transfer transfer;
    struct wt_transfer_end end = {0};
    CHECK_OK(wt_engine_open(NULL, &engine));
    CHECK_EQ(wt_external_attach(engine), -EINVAL);
    CHECK_EQ(wt_external_take(engine, &transfer, 1), -EINVAL);
    CHECK_EQ(wt_external_done(engine, &end, 1), -EINVAL);
    CHECK_EQ(wt_external_may_wait(engine), -EINVAL);
    CHECK_EQ(wt_external_detach(engine), -EINVAL);
    CHECK_OK(wt_engine_close(engine));
    CHECK_EQ(wt_external_attach(engine), -EBADF);
    CHECK_EQ(wt_external_take(engine, &transfer, 1), -EBADF);
    CHECK_EQ(wt_engine_open_external(&(struct wt_engine_options){.flags = WT_ENGINE_SQPOLL}, &engine), -EINVAL);
}

/* ---- the loop's own synchronous calls ----------------------------------------------------------------------------- */

/* Nobody took the first: it is on the very block. */
static void write_over_untaken(void *argument) {
    struct place *place = argument;
    submit_block(place, 5, 1);
    fill_at(place->file, 5 * BLOCK + 10, 2, 100);
    submit_block(place, 6, 3);
    CHECK_OK(wt_truncate(place->file, 100 * BLOCK));
    submit_block(place, 7, 4);
    CHECK_OK(wt_sync(place->file));
    submit_block(place, 8, 5);
    CHECK_OK(wt_file_close(place->file));
}

TEST(the_loop_may_write_over_what_it_just_submitted) {
    struct place place = opened();
    test_loop_run(place.loop, write_over_untaken, &place);
    reap(&place, 4, BLOCK);
    CHECK_OK(wt_file_open(place.engine, place.path, WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &place.file));
    check_filled(place.file, 5 * BLOCK, 1, 10);
    check_filled(place.file, 5 * BLOCK + 10, 2, 100);
    check_filled(place.file, 5 * BLOCK + 110, 1, BLOCK - 110);
    check_filled(place.file, 8 * BLOCK, 5, BLOCK);
    CHECK_EQ(wt_size(place.file), 100 * BLOCK);
    /* And once the loop has come by, all goes on the ring again. */
    uint64_t before = test_loop_transfers(place.loop);
    do {
        submit_block(&place, 9, 5);
        reap(&place, 1, BLOCK);
    } while (test_loop_transfers(place.loop) == before);
    before = test_loop_transfers(place.loop);
    submit_block(&place, 9, 6);
    reap(&place, 1, BLOCK);
    CHECK_EQ(test_loop_transfers(place.loop), before + 1);
    close_place(&place);
}

static void wait_for_ring(void *argument) {
    struct place *place = argument;
    uint8_t bytes[BLOCK] = {1};
    struct iovec iov = {bytes, BLOCK};
    struct wt_event event;
    wt_file another;
    fill_at(place->file, 12 * BLOCK, 3, BLOCK);
    submit_block(place, 10, 6);
    CHECK_OK(wt_external_may_wait(place->engine));
    test_loop_take(place->loop);
    CHECK_EQ(wt_external_may_wait(place->engine), -EDEADLK);
    CHECK_EQ(write_at(place->file, 10 * BLOCK, bytes, BLOCK), -EDEADLK);
    CHECK_EQ(write_at(place->file, 20 * BLOCK, bytes, BLOCK), -EDEADLK);
    CHECK_EQ(read_at(place->file, 30 * BLOCK, bytes, BLOCK), -EDEADLK);
    CHECK_EQ(wt_truncate(place->file, 0), -EDEADLK);
    CHECK_EQ(wt_allocate(place->file, 0, BLOCK), -EDEADLK);
    CHECK_EQ(wt_punch_hole(place->file, 0, BLOCK), -EDEADLK);
    CHECK_EQ(wt_zero(place->file, 0, BLOCK), -EDEADLK);
    CHECK_EQ(wt_sync(place->file), -EDEADLK);
    CHECK_EQ(wt_file_open(place->engine, place->path, WT_OPEN_READ, 0, 0, &another), -EDEADLK);
    CHECK_EQ(wt_file_close(place->file), -EDEADLK);
    CHECK_EQ(wt_engine_shutdown(place->engine), -EDEADLK);
    CHECK_EQ(wt_engine_close(place->engine), -EDEADLK);
    CHECK_EQ(wt_reap(place->engine, &event, 1, FOREVER), -EDEADLK);
    CHECK_EQ(wt_reap(place->engine, &event, 1, 0), 0);
    /* What needs no wait goes. */
    check_filled(place->file, 12 * BLOCK, 3, BLOCK);
    check_filled(place->file, 10 * BLOCK, 6, BLOCK);
    CHECK_EQ(wt_size(place->file), MANY * BLOCK);
    submit_block(place, 11, 7);
    CHECK_OK(try_submit(place, 13, 8, WT_NOWAIT));
    CHECK_OK(wt_write_submit(place->file, &iov, 1, 10 * BLOCK, 0, 0, 10));
}

TEST(the_loop_does_not_wait_for_its_own_ring) {
    struct place place = opened();
    test_loop_run(place.loop, wait_for_ring, &place);
    reap(&place, 4, BLOCK);
    check_filled(place.file, 11 * BLOCK, 7, BLOCK);
    CHECK_EQ(byte_of(place.file, 10 * BLOCK), 1);
    CHECK_EQ(wt_size(place.file), MANY * BLOCK);
    close_place(&place);
}

/* More than may be in flight: a submission that would have to wait. */
static void submit_too_much(void *argument) {
    struct place *place = argument;
    uint8_t *bytes = calloc(1, 1 << 20);
    struct iovec iov = {bytes, 40 * BLOCK};
    CHECK(bytes != NULL);
    submit_block(place, 0, 1);
    test_loop_take(place->loop);
    unsigned sent = 0;
    int rc = 0;
    for (; rc == 0; sent += rc == 0) {
        rc = wt_write_submit(place->file, &iov, 1, 0, 0, 0, 1);
    }
    CHECK_EQ(rc, -EDEADLK);
    CHECK_EQ(wt_write_submit(place->file, &iov, 1, 0, 0, WT_NOWAIT, 1), -EAGAIN);
    iov.iov_len = 1 << 20; /* it would be done in pieces */
    CHECK_EQ(wt_write_submit(place->file, &iov, 1, 0, 0, 0, 1), -EDEADLK);
    CHECK(sent < 10);
    free(bytes);
    place->path[0] = (char)(sent + 1);
}

TEST(a_submission_on_the_loop_that_would_wait_is_refused) {
    struct place place = {0};
    open_place(&place, 1 << 20);
    test_loop_run(place.loop, submit_too_much, &place);
    struct wt_event event;
    for (int i = 0; i < place.path[0]; i++) {
        CHECK_EQ(wt_reap(place.engine, &event, 1, FOREVER), 1);
        CHECK(event.result > 0);
    }
    close_place(&place);
}

/* On the loop, which has taken the read of a block: a write to it would wait, after it has begun with the block before. */
static void write_beside_own_read(void *argument) {
    struct place *place = argument;
    static uint8_t bytes[2 * BLOCK];
    struct iovec iov = {bytes, BLOCK + BLOCK / 2};
    memset(bytes, 9, sizeof bytes);
    CHECK_OK(wt_fetch_submit(place->file, 21 * BLOCK, BLOCK, 0, 0));
    test_loop_take(place->loop);
    CHECK_EQ(wt_write_submit(place->file, &iov, 1, 20 * BLOCK, 0, 0, 1), -EDEADLK);
    CHECK_EQ(wt_write_submit(place->file, &iov, 1, 20 * BLOCK, 0, WT_NOWAIT, 1), -EAGAIN);
}

TEST(a_submission_on_the_loop_does_not_begin_what_it_would_have_to_wait_for) {
    struct place place = opened();
    test_loop_run(place.loop, write_beside_own_read, &place);
    reap(&place, 1, BLOCK);
    CHECK_EQ(byte_of(place.file, 20 * BLOCK), 0);
    close_place(&place);
}

/* On the loop, which has taken nothing: what it submits must not wait for it to come. */
static void reap_on_loop(void *argument) {
    struct place *place = argument;
    struct wt_event event;
    submit_block(place, 0, 1);
    reap(place, 1, BLOCK);
    submit_block(place, 1, 1);
    while (wt_reap(place->engine, &event, 1, 1000000) == 0) {
    }
}

TEST(the_loop_may_reap_what_it_just_submitted) {
    struct place place = opened();
    test_loop_run(place.loop, reap_on_loop, &place);
    submit_many(&place);
    reap(&place, MANY, BLOCK);
    check_many(&place);
    close_place(&place);
}

/* ---- a loop that does not come ------------------------------------------------------------------------------------ */

struct absence {
    sem_t begun, over;
};

static void wait_on(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0) {
    }
}

static void be_away(void *argument) {
    struct absence *absence = argument;
    CHECK_EQ(sem_post(&absence->begun), 0);
    wait_on(&absence->over);
}

static void come_by(void *argument) {
    (void)argument;
}

TEST(who_waits_does_not_need_a_loop_that_is_busy_elsewhere) {
    struct place place = opened();
    struct absence absence;
    CHECK_EQ(sem_init(&absence.begun, 0, 0), 0);
    CHECK_EQ(sem_init(&absence.over, 0, 0), 0);
    test_loop_post(place.loop, be_away, &absence);
    wait_on(&absence.begun);
    uint64_t before = test_loop_transfers(place.loop);
    submit_block(&place, 5, 1);
    fill_at(place.file, 5 * BLOCK, 2, 100); /* under way to nowhere is what it collides with */
    submit_block(&place, 6, 3);             /* and now nobody waits for the loop */
    fill_at(place.file, 6 * BLOCK, 4, 100);
    CHECK_OK(wt_truncate(place.file, 50 * BLOCK));
    reap(&place, 2, BLOCK);
    submit_block(&place, 7, 3); /* nobody waits for this one, but the loop is known to be away */
    reap(&place, 1, BLOCK);
    CHECK_OK(wt_file_close(place.file));
    CHECK_EQ(test_loop_transfers(place.loop), before);
    CHECK_EQ(sem_post(&absence.over), 0);
    test_loop_run(place.loop, come_by, NULL);
    CHECK_OK(wt_file_open(place.engine, place.path, WT_OPEN_READ | WT_OPEN_WRITE, 0, 0, &place.file));
    check_filled(place.file, 5 * BLOCK, 2, 100);
    check_filled(place.file, 5 * BLOCK + 100, 1, BLOCK - 100);
    check_filled(place.file, 6 * BLOCK, 4, 100);
    check_filled(place.file, 7 * BLOCK, 3, BLOCK);
    close_place(&place);
}

/* An inner backend that does nothing until it is let. */
static struct {
    struct wt_backend backend;
    pthread_mutex_t lock;
    struct wt_io_list list;
    bool lets;
} slow = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void run_all(struct wt_io_list list) {
    struct wt_io *io;
    while ((io = wt_io_list_pop(&list)) != NULL) {
        io->backing->ops->run(io);
        io->complete(io);
    }
}

static void slow_submit(struct wt_backend *backend, struct wt_io *list) {
    struct wt_io_list now = {0};
    (void)backend;
    CHECK_EQ(pthread_mutex_lock(&slow.lock), 0);
    (void)wt_io_list_append(slow.lets ? &now : &slow.list, list);
    CHECK_EQ(pthread_mutex_unlock(&slow.lock), 0);
    run_all(now);
}

static void slow_let(void) {
    CHECK_EQ(pthread_mutex_lock(&slow.lock), 0);
    struct wt_io_list list = slow.list;
    slow.list.first = NULL;
    slow.lets = true;
    CHECK_EQ(pthread_mutex_unlock(&slow.lock), 0);
    run_all(list);
}

static void slow_close(struct wt_backend *backend) {
    (void)backend;
    slow.lets = false;
}

struct visit {
    wt_engine engine;
    sem_t been, over;
};

/* A loop that comes by, finds nothing, and is away. */
static void *visit_and_leave(void *argument) {
    struct visit *visit = argument;
    struct wt_transfer transfer;
    int notifier = wt_external_attach(visit->engine);
    CHECK(notifier >= 0);
    CHECK_EQ(wt_external_take(visit->engine, &transfer, 1), 0);
    CHECK_EQ(sem_post(&visit->been), 0);
    wait_on(&visit->over);
    CHECK_EQ(wt_external_detach(visit->engine), 0);
    CHECK_EQ(close(notifier), 0);
    return NULL;
}

static void *call_truncate(void *argument) {
    struct place *place = argument;
    CHECK_OK(wt_truncate(place->file, MANY * BLOCK));
    return NULL;
}

static void *call_close(void *argument) {
    struct place *place = argument;
    CHECK_OK(wt_file_close(place->file));
    return NULL;
}

static void *call_write(void *argument) {
    struct place *place = argument;
    fill_at(place->file, 0, 3, 100);
    return NULL;
}

/* What a thread waits for goes on the loop's list after it began to wait, and after the loop has come by. */
static void waits_for_a_gather(void *(*call)(void *)) {
    static const struct wt_backend_ops ops = {
        .name = "slow", .open = wt_posix_open, .submit = slow_submit, .close = slow_close};
    struct place place = {0};
    struct wt_backend *backend;
    slow.backend.ops = &ops;
    CHECK_OK(wt_external_open(&slow.backend, &backend));
    CHECK_OK(wt_engine_open_on(&(struct wt_engine_options){.cache_bytes = 4 << 20}, backend, &place.engine));
    snprintf(place.path, sizeof place.path, "%s/file", test_make_directory(test_directory(0)));
    CHECK_OK(
        wt_file_open(place.engine, place.path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, &place.file));
    CHECK_OK(wt_allocate(place.file, 0, MANY * BLOCK));
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(place.file, &profile));
    if (profile.path != WT_PATH_DIRECT) {
        CHECK_OK(wt_engine_close(place.engine));
        SKIP("no directory with direct I/O");
    }
    submit_block(&place, 0, 1);
    submit_block(&place, 0, 2); /* leaves when the first has ended */
    struct visit visit = {.engine = place.engine};
    CHECK_EQ(sem_init(&visit.been, 0, 0), 0);
    CHECK_EQ(sem_init(&visit.over, 0, 0), 0);
    pthread_t loop = test_thread(visit_and_leave, &visit);
    wait_on(&visit.been);
    pthread_t waiter = test_thread(call, &place);
    let_others_run();
    slow_let();
    test_join(waiter);
    reap(&place, 2, BLOCK);
    CHECK_EQ(sem_post(&visit.over), 0);
    test_join(loop);
    CHECK_OK(wt_engine_close(place.engine));
}

TEST(who_waits_does_not_need_a_loop_that_came_by_too_early) {
    waits_for_a_gather(call_truncate);
    waits_for_a_gather(call_write);
    waits_for_a_gather(call_close);
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

TEST(an_engine_closes_with_io_in_flight) {
    for (int i = 0; i < 20; i++) {
        struct place place = opened();
        submit_many(&place);
        close_place(&place);
    }
}

TEST(a_loop_learns_that_its_engine_is_closed) {
    const struct wt_engine_options options = {.backend = TEST_BACKEND_EXTERNAL, .cache_bytes = 1 << 20};
    for (int i = 0; i < 10; i++) {
        wt_engine engine = 0;
        int rc = test_engine_open(&options, &engine);
        if (rc == -EPERM) {
            SKIP("the kernel refuses io_uring");
        }
        CHECK_OK(rc);
        CHECK_OK(wt_engine_close(engine));
    }
    while (threads_named("test-loop") > 0) { /* they end, or the test hangs */
        (void)usleep(1000);
    }
}

static void close_engine(void *argument) {
    struct place *place = argument;
    submit_many(place);
    CHECK_OK(wt_engine_close(place->engine));
}

TEST(the_loop_may_close_the_engine) {
    struct place place = opened();
    test_loop_run(place.loop, close_engine, &place);
    test_loop_stop(place.loop);
}

TEST(without_its_loop_the_engine_goes_on) {
    struct place place = opened();
    submit_many(&place);
    test_loop_stop(place.loop);
    reap(&place, MANY, BLOCK);
    submit_many(&place);
    reap(&place, MANY, BLOCK);
    fill_at(place.file, 0, 1, 100);
    start_loop(&place); /* and with another */
    submit_many(&place);
    reap(&place, MANY, BLOCK);
    CHECK(test_loop_transfers(place.loop) > 0);
    check_many(&place);
    close_place(&place);
}

struct writer {
    struct place *place;
    unsigned index;
    struct test_random random;
};

/* Writes blocks of its own, and a few that all write, in both ways. */
static void *write_on(void *argument) {
    struct writer *writer = argument;
    struct test_random random = writer->random;
    unsigned rounds = (unsigned)test_scaled(600);
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t block = test_random_one_in(&random, 3) ? 0 : 10 + writer->index * 40 + test_random_below(&random, 40);
        if (test_random_one_in(&random, 2)) {
            fill_at(writer->place->file, block * BLOCK, (int)writer->index + 1,
                    1 + (size_t)test_random_below(&random, BLOCK));
        } else {
            submit_block(writer->place, block, (int)writer->index + 1);
        }
    }
    return NULL;
}

static void *reap_on(void *argument) {
    struct place *place = argument;
    struct wt_event events[16];
    int count;
    while ((count = wt_reap(place->engine, events, 16, FOREVER)) > 0) {
        for (int i = 0; i < count; i++) {
            CHECK_EQ(events[i].result, BLOCK);
        }
    }
    CHECK_EQ(count, -ESHUTDOWN);
    return NULL;
}

/* As many as may be in flight beside those of the others: the loop does not wait until there may be more. */
static void submit_what_may_go(void *argument) {
    for (uint64_t block = 0; block < MANY; block++) {
        int rc = try_submit(argument, block, 1, 0);
        CHECK(rc == 0 || rc == -EDEADLK);
    }
}

TEST(loops_come_and_go_while_many_write) {
    struct place place = opened();
    struct writer writers[4];
    pthread_t threads[4], reaper = test_thread(reap_on, &place);
    for (unsigned i = 0; i < 4; i++) {
        writers[i] = (struct writer){.place = &place, .index = i, .random = test_random_of(test_seed() + i)};
        threads[i] = test_thread(write_on, &writers[i]);
    }
    for (unsigned i = 0; i < 30; i++) {
        test_loop_run(place.loop, submit_what_may_go, &place);
        test_loop_stop(place.loop);
        start_loop(&place);
    }
    for (unsigned i = 0; i < 4; i++) {
        test_join(threads[i]);
    }
    CHECK_OK(wt_engine_shutdown(place.engine));
    test_join(reaper);
    close_place(&place);
}
