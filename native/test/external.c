// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "external.h"

#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "test.h"

enum { BATCH = 16, ENTRIES = 64 };

#define NOTIFIER UINT64_MAX
#define TASKS (UINT64_MAX - 1)

struct task {
    void (*run)(void *argument);
    void *argument;
    sem_t *done;
    struct task *next;
};

struct test_loop {
    wt_engine engine;
    struct io_uring ring;
    pthread_t thread;
    sem_t started;
    int notifier;
    int task_notifier;
    uint64_t notified, task_notified; /* what the ring reads into */
    unsigned reads;                   /* of the two, on the ring */
    bool alone;                       /* ends with the engine, and frees itself */
    bool detached;
    atomic_uint_fast64_t transfers;
    void (*bend_transfer)(struct wt_transfer *transfer);
    void (*bend_end)(struct wt_transfer_end *end);
    pthread_mutex_t lock;
    struct task *tasks;
    atomic_bool stopping;
};

static struct io_uring_sqe *next_request(struct test_loop *loop) {
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(&loop->ring)) == NULL) {
        CHECK(io_uring_submit(&loop->ring) > 0);
    }
    return sqe;
}

static void read_on_ring(struct test_loop *loop, int fd, uint64_t *into, uint64_t data) {
    struct io_uring_sqe *sqe = next_request(loop);
    io_uring_prep_read(sqe, fd, into, sizeof *into, 0);
    io_uring_sqe_set_data64(sqe, data);
    loop->reads++;
}

/* False: the engine is closed. */
static bool take(struct test_loop *loop) {
    struct wt_transfer transfers[BATCH];
    int count;
    do {
        count = wt_external_take(loop->engine, transfers, BATCH);
        for (int i = 0; i < count; i++) {
            struct wt_transfer *transfer = &transfers[i];
            if (loop->bend_transfer) {
                loop->bend_transfer(transfer);
            }
            struct io_uring_sqe *sqe = next_request(loop);
            io_uring_prep_rw(transfer->opcode, sqe, transfer->fd, (void *)(uintptr_t)transfer->address,
                             transfer->length, transfer->offset);
            sqe->flags = transfer->flags;
            sqe->ioprio = transfer->ioprio;
            sqe->rw_flags = (int)transfer->rw_flags;
            io_uring_sqe_set_data64(sqe, transfer->token);
            atomic_fetch_add(&loop->transfers, 1);
        }
    } while (count == BATCH);
    CHECK(count >= 0 || count == -EBADF);
    return count >= 0;
}

void test_loop_take(struct test_loop *loop) {
    CHECK(take(loop));
    CHECK(io_uring_submit(&loop->ring) >= 0);
}

static void run_tasks(struct test_loop *loop) {
    pthread_mutex_lock(&loop->lock);
    struct task *task;
    while ((task = loop->tasks) != NULL) {
        loop->tasks = task->next;
        pthread_mutex_unlock(&loop->lock);
        sem_t *done = task->done;
        task->run(task->argument);
        free(task);
        if (done) {
            CHECK(sem_post(done) == 0);
        }
        pthread_mutex_lock(&loop->lock);
    }
    pthread_mutex_unlock(&loop->lock);
}

/* Waits for results and passes them on. Returns whether the engine may have something to take. */
static bool turn(struct test_loop *loop) {
    struct io_uring_cqe *cqes[BATCH];
    struct wt_transfer_end ends[BATCH];
    int rc = io_uring_submit_and_wait(&loop->ring, 1);
    CHECK(rc >= 0 || rc == -EINTR);
    unsigned count = io_uring_peek_batch_cqe(&loop->ring, cqes, BATCH);
    int ended = 0;
    bool notified = false, tasks = false;
    for (unsigned i = 0; i < count; i++) {
        if (cqes[i]->user_data == NOTIFIER) {
            CHECK_EQ(cqes[i]->res, 8);
            notified = true;
        } else if (cqes[i]->user_data == TASKS) {
            tasks = true;
        } else {
            ends[ended] = (struct wt_transfer_end){.token = (uint32_t)cqes[i]->user_data, .result = cqes[i]->res};
            if (loop->bend_end) {
                loop->bend_end(&ends[ended]);
            }
            ended++;
        }
    }
    io_uring_cq_advance(&loop->ring, count);
    loop->reads -= (unsigned)notified + (unsigned)tasks;
    if (ended > 0) {
        CHECK_OK(wt_external_done(loop->engine, ends, ended));
    }
    if (notified && !loop->detached) {
        read_on_ring(loop, loop->notifier, &loop->notified, NOTIFIER);
    }
    if (tasks) {
        read_on_ring(loop, loop->task_notifier, &loop->task_notified, TASKS);
        run_tasks(loop);
    }
    return notified || ended > 0;
}

static void drain(struct test_loop *loop) {
    loop->detached = true;
    int left;
    while ((left = wt_external_detach(loop->engine)) > 0) {
        (void)take(loop);
        (void)turn(loop);
    }
    CHECK(left == 0 || left == -EBADF);
}

/*
 * A ring may get its memory where that of another was, of a loop whose thread ends by itself: ThreadSanitizer, which does not
 * see rings go, has to see that the one was over before the other began.
 */
static pthread_mutex_t rings = PTHREAD_MUTEX_INITIALIZER;

static void free_loop(struct test_loop *loop) {
    pthread_mutex_lock(&rings);
    io_uring_queue_exit(&loop->ring);
    pthread_mutex_unlock(&rings);
    CHECK_EQ(close(loop->notifier), 0);
    CHECK_EQ(close(loop->task_notifier), 0);
    CHECK_EQ(pthread_mutex_destroy(&loop->lock), 0);
    CHECK_EQ(sem_destroy(&loop->started), 0);
    free(loop);
}

static void *run(void *argument) {
    struct test_loop *loop = argument;
    CHECK_EQ(pthread_setname_np(pthread_self(), "test-loop"), 0);
    loop->notifier = wt_external_attach(loop->engine);
    CHECK(loop->notifier >= 0);
    CHECK_EQ(wt_external_attach(loop->engine), -EBUSY);
    read_on_ring(loop, loop->notifier, &loop->notified, NOTIFIER);
    read_on_ring(loop, loop->task_notifier, &loop->task_notified, TASKS);
    CHECK(sem_post(&loop->started) == 0);
    bool open = true;
    while (!atomic_load(&loop->stopping) && (open || !loop->alone)) {
        if (turn(loop) && open) {
            open = take(loop);
        }
    }
    drain(loop);
    if (loop->alone) {
        free_loop(loop);
    }
    return NULL;
}

static struct test_loop *start(wt_engine engine, bool alone) {
    struct test_loop *loop = calloc(1, sizeof *loop);
    CHECK(loop != NULL);
    int rc = io_uring_queue_init(ENTRIES, &loop->ring, 0);
    if (rc == -EPERM || rc == -ENOSYS || rc == -ENOMEM) {
        free(loop);
        return NULL;
    }
    CHECK_OK(rc);
    loop->engine = engine;
    loop->alone = alone;
    loop->task_notifier = eventfd(0, EFD_CLOEXEC);
    CHECK(loop->task_notifier >= 0);
    CHECK_EQ(pthread_mutex_init(&loop->lock, NULL), 0);
    CHECK_EQ(sem_init(&loop->started, 0, 0), 0);
    CHECK_EQ(pthread_create(&loop->thread, NULL, run, loop), 0);
    if (alone) {
        CHECK_EQ(pthread_detach(loop->thread), 0);
    }
    while (sem_wait(&loop->started) != 0) {
    }
    return loop;
}

struct test_loop *test_loop_start(wt_engine engine) {
    return start(engine, false);
}

static void post(struct test_loop *loop, void (*run)(void *argument), void *argument, sem_t *done) {
    struct task *task = malloc(sizeof *task);
    CHECK(task != NULL);
    *task = (struct task){.run = run, .argument = argument, .done = done};
    pthread_mutex_lock(&loop->lock);
    struct task **tail = &loop->tasks;
    while (*tail) {
        tail = &(*tail)->next;
    }
    *tail = task;
    pthread_mutex_unlock(&loop->lock);
    CHECK_EQ(eventfd_write(loop->task_notifier, 1), 0);
}

void test_loop_post(struct test_loop *loop, void (*task)(void *argument), void *argument) {
    post(loop, task, argument, NULL);
}

void test_loop_run(struct test_loop *loop, void (*task)(void *argument), void *argument) {
    sem_t done;
    CHECK_EQ(sem_init(&done, 0, 0), 0);
    post(loop, task, argument, &done);
    while (sem_wait(&done) != 0) {
    }
    CHECK_EQ(sem_destroy(&done), 0);
}

uint64_t test_loop_transfers(struct test_loop *loop) {
    return atomic_load(&loop->transfers);
}

void test_loop_bend(struct test_loop *loop, void (*transfer)(struct wt_transfer *transfer),
                    void (*end)(struct wt_transfer_end *end)) {
    loop->bend_transfer = transfer;
    loop->bend_end = end;
}

static void stop(void *argument) {
    atomic_store(&((struct test_loop *)argument)->stopping, true);
}

void test_loop_stop(struct test_loop *loop) {
    test_loop_post(loop, stop, loop);
    CHECK_EQ(pthread_join(loop->thread, NULL), 0);
    free_loop(loop);
}

int test_engine_open(const struct wt_engine_options *options, wt_engine *engine) {
    if (options->backend != TEST_BACKEND_EXTERNAL) {
        return wt_engine_open(options, engine);
    }
    struct wt_engine_options inner = *options;
    inner.backend = WT_BACKEND_AUTO;
    pthread_mutex_lock(&rings);
    int rc = wt_engine_open_external(&inner, engine);
    pthread_mutex_unlock(&rings);
    if (rc == 0 && start(*engine, true) == NULL) {
        CHECK_OK(wt_engine_close(*engine));
        rc = -EPERM;
    }
    return rc;
}
