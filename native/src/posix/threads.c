// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The threads backend: a small pool that runs I/Os one at a time each. For where io_uring is not allowed. And the kernel
 * backend: the same pool, for files whose pages the kernel writes through.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "base/thread.h"
#include "io/list.h"
#include "io/wait.h"
#include "posix/posix.h"
#include "posix/threads.h"
#include "posix/through.h"

#define THREADS_DEFAULT 8u
#define THREADS_MAX 256u

struct pool {
    struct wt_backend backend;
    struct wt_mutex lock; /* guards all below; never held over an I/O */
    struct wt_condition work;
    struct wt_io_list urgent; /* of high priority: before the others */
    struct wt_io_list queue;
    unsigned queued;
    unsigned idle;
    bool closing;
    unsigned limit;
    unsigned started;
    pthread_t threads[]; /* limit of them */
};

static struct pool *pool_of(struct wt_backend *backend) {
    return (struct pool *)backend;
}

/*
 * Waits for the oldest I/O, first of those of high priority, and takes it. NULL once the pool closes. The lock is
 * held.
 */
static struct wt_io *take(struct pool *pool) {
    while (pool->queued == 0 && !pool->closing) {
        pool->idle++;
        wt_sleep(&pool->work, &pool->lock);
        pool->idle--;
    }
    struct wt_io *io = wt_io_list_pop(pool->urgent.first != NULL ? &pool->urgent : &pool->queue);
    if (io != NULL) {
        pool->queued--;
    }
    return io;
}

static void *work(void *argument) {
    struct pool *pool = argument;
    struct wt_io *io;
    wt_lock(&pool->lock);
    while ((io = take(pool)) != NULL) {
        wt_unlock(&pool->lock);
        io->backing->ops->run(io);
        io->complete(io);
        wt_lock(&pool->lock);
    }
    wt_unlock(&pool->lock);
    return NULL;
}

/* As many threads as there is work for and the limit allows. 0 if at least one is there to do it, else -errno. */
static int start_threads(struct pool *pool) {
    int rc = 0;
    for (unsigned ready = pool->idle; ready < pool->queued && pool->started < pool->limit; ready++) {
        char name[16];
        (void)snprintf(name, sizeof name, "wt-io-%u", pool->started % 1000);
        rc = wt_thread_start(&pool->threads[pool->started], name, work, pool);
        if (rc < 0) {
            break;
        }
        pool->started++;
    }
    return pool->started > 0 ? 0 : rc;
}

static unsigned add(struct pool *pool, struct wt_io *list) {
    unsigned added = 0;
    for (struct wt_io *next; list != NULL; list = next, added++) {
        next = list->next;
        wt_io_list_push(list->high_priority && !WT_MUTANT("urgent-waits-its-turn") ? &pool->urgent : &pool->queue,
                        list);
    }
    pool->queued += added;
    return added;
}

static void threads_submit(struct wt_backend *backend, struct wt_io *list) {
    struct pool *pool = pool_of(backend);
    struct wt_io *refused = NULL;
    wt_lock(&pool->lock);
    unsigned added = add(pool, list);
    int rc = start_threads(pool);
    if (rc < 0) {
        /* Not one thread: nothing else can be in the queue, and these have nowhere to go but back. */
        (void)wt_io_list_append(&pool->urgent, pool->queue.first);
        refused = pool->urgent.first;
        pool->urgent.first = pool->queue.first = NULL;
        pool->queued = 0;
    } else {
        /* One thread for each I/O: more would wake for nothing. */
        for (unsigned wake = added < pool->idle ? added : pool->idle; wake > 0; wake--) {
            wt_wake_one(&pool->work);
        }
    }
    wt_unlock(&pool->lock);
    while (refused != NULL) {
        struct wt_io *io = refused;
        refused = io->next;
        io->done = 0;
        io->error = rc;
        io->complete(io);
    }
}

static void threads_close(struct wt_backend *backend) {
    struct pool *pool = pool_of(backend);
    wt_lock(&pool->lock);
    pool->closing = true;
    wt_wake_all(&pool->work);
    wt_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++) {
        wt_join(pool->threads[i]);
    }
    wt_condition_destroy(&pool->work);
    wt_mutex_destroy(&pool->lock);
    free(pool);
}

static const struct wt_backend_ops threads_ops = {
    .name = "threads",
    .kind = WT_BACKEND_THREADS,
    .open = wt_posix_open,
    .submit = threads_submit,
    .close = threads_close,
};

static int kernel_open_file(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                            struct wt_backing **backing) {
    (void)backend;
    return wt_posix_open_through(path, flags, mode, backing);
}

static const struct wt_backend_ops kernel_ops = {
    .name = "kernel",
    .kind = WT_BACKEND_KERNEL,
    .open = kernel_open_file,
    .submit = threads_submit,
    .close = threads_close,
};

static int open_pool(const struct wt_engine_options *options, const struct wt_backend_ops *ops,
                     struct wt_backend **backend) {
    unsigned limit = options->threads != 0 ? options->threads : THREADS_DEFAULT;
    if (limit > THREADS_MAX) {
        return -EINVAL;
    }
    struct pool *pool = calloc(1, sizeof *pool + limit * sizeof(pthread_t));
    if (pool == NULL) {
        return -ENOMEM;
    }
    pool->backend.ops = ops;
    pool->limit = limit;
    int rc = wt_mutex_init(&pool->lock, WT_LOCK_THREADS);
    if (rc != 0) {
        free(pool);
        return -rc;
    }
    wt_condition_init(&pool->work);
    *backend = &pool->backend;
    return 0;
}

int wt_threads_open(const struct wt_engine_options *options, struct wt_backend **backend) {
    return open_pool(options, &threads_ops, backend);
}

int wt_kernel_open(const struct wt_engine_options *options, struct wt_backend **backend) {
    int rc = wt_through_begin();
    return rc < 0 ? rc : open_pool(options, &kernel_ops, backend);
}
