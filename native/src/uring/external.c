// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The external backend, for the ring of an event loop. I/O waits on a list until the loop takes it. It is over when
 * the loop tells its result. I/O goes to the inner backend when no loop is attached, or when a thread must wait and
 * the loop has not picked the I/O up.
 *
 * A thread that waits for I/O cannot know when the loop comes back from what it does now. So before the thread waits,
 * all I/O that the loop has not taken goes to the inner backend; so does I/O that is submitted from then on, until
 * the loop takes again. The loop itself cannot wait for what is on its ring: then external_may_wait says no, and
 * nothing is begun that might wait.
 */
#define _GNU_SOURCE
#include "uring/external.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "base/retry.h"
#include "io/list.h"
#include "posix/descriptor.h"
#include "posix/posix.h"
#include "uring/burst.h"

/*
 * At most this many requests are on the ring, which has other work too: the loop's completion queue must have room
 * for them.
 */
#define SLOTS 256u

/* An I/O that the loop has: on the ring, or to be sent again. The number of the slot is the token. */
struct slot {
    struct wt_io *io; /* NULL: free */
    bool on_ring;
    bool async;
};

struct external {
    struct wt_backend backend; /* with the inner one */
    int notifier;              /* an eventfd: there is something to take */
    _Atomic(void *) loop;      /* the identity of the loop's thread, as long as anything is its */

    struct wt_mutex lock; /* guards what follows; not held over completions, nor while the inner backend submits */
    struct wt_io_list waiting;
    bool attached;
    bool aside;    /* the loop is away: all goes to the inner backend until it takes */
    bool notified; /* since it took last */
    atomic_uint taken;
    unsigned free_count;
    uint16_t free_slots[SLOTS];
    unsigned again_count;
    uint16_t again[SLOTS]; /* slots to be sent again */
    struct slot slots[SLOTS];
};

/* Its address is the identity of a thread. */
static _Thread_local char this_thread;

static struct external *external_of(struct wt_backend *backend) {
    return (struct external *)backend;
}

static bool on_loop(struct external *external) {
    return atomic_load_explicit(&external->loop, memory_order_relaxed) == &this_thread;
}

/*
 * Makes the notifier readable. The write would block at 2^64 only. The notifier must not be O_NONBLOCK: a ring
 * refuses to wait for it then.
 */
static void wake_loop(struct external *external) {
    const uint64_t one = 1;
    ssize_t ignored = write(external->notifier, &one, sizeof one);
    (void)ignored;
}

/*
 * Notifies the loop, once until it takes. The lock is held: without it the loop might complete all there is, and the
 * backend be closed.
 */
static void notify(struct external *external) {
    if (!external->notified) {
        external->notified = true;
        wake_loop(external);
    }
}

/* ---- what the engine asks -------------------------------------------------------------------------------------- */

static void external_submit(struct wt_backend *backend, struct wt_io *list) {
    struct external *external = external_of(backend);
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_posix_begin(io);
    }
    wt_lock(&external->lock);
    bool take = external->attached && !external->aside;
    if (take) {
        (void)wt_io_list_append(&external->waiting, list);
        notify(external);
    }
    struct wt_backend *inner = external->backend.inner;
    wt_unlock(&external->lock);
    if (!take) {
        inner->ops->submit(inner, list);
    }
}

/* Gives the I/O that the loop has not taken to the inner backend. The lock is held, and released. */
static void hand_inside(struct external *external) {
    struct wt_io *list = external->waiting.first;
    struct wt_backend *inner = external->backend.inner;
    external->waiting.first = NULL;
    wt_unlock(&external->lock);
    if (list != NULL) {
        inner->ops->submit(inner, list);
    }
}

static void external_unblock(struct wt_backend *backend) {
    struct external *external = external_of(backend);
    wt_lock(&external->lock);
    if (external->attached && (external->waiting.first != NULL || on_loop(external))) {
        external->aside = true;
        notify(external);
    }
    hand_inside(external);
}

static bool external_may_wait(struct wt_backend *backend) {
    struct external *external = external_of(backend);
    return !on_loop(external) || atomic_load_explicit(&external->taken, memory_order_relaxed) == 0;
}

/* The loop that waits for events, having taken nothing, is away as well. */
static void external_release(struct wt_backend *backend) {
    struct wt_backend *inner = backend->inner;
    if (on_loop(external_of(backend))) {
        external_unblock(backend);
    }
    if (inner->ops->release) {
        inner->ops->release(inner);
    }
}

static void external_arena(struct wt_backend *backend, void *base, size_t bytes) {
    struct wt_backend *inner = backend->inner;
    if (inner->ops->arena) {
        inner->ops->arena(inner, base, bytes);
    }
}

/* The thread that begins a burst waits for it, so the loop has no part in it. Only rings have bursts. */
static struct wt_burst *external_burst_begin(struct wt_backend *backend) {
    struct wt_backend *inner = backend->inner;
    return inner->ops->burst_begin ? inner->ops->burst_begin(inner) : NULL;
}

/* The loop may still wait for the notifier, by its own descriptor: it is woken, and finds that the engine is gone. */
static void external_close(struct wt_backend *backend) {
    struct external *external = external_of(backend);
    wt_lock(&external->lock);
    assert(external->waiting.first == NULL && external->taken == 0);
    wake_loop(external);
    wt_unlock(&external->lock);
    external->backend.inner->ops->close(external->backend.inner);
    (void)close(external->notifier);
    wt_mutex_destroy(&external->lock);
    free(external);
}

/* ---- what the loop does ---------------------------------------------------------------------------------------- */

int wt_external_attach_to(struct wt_backend *backend) {
    struct external *external = external_of(backend);
    int fd = fcntl(external->notifier, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0) {
        return -errno;
    }
    wt_lock(&external->lock);
    bool taken = external->attached || atomic_load_explicit(&external->loop, memory_order_relaxed) != NULL;
    if (!taken) {
        atomic_store_explicit(&external->loop, &this_thread, memory_order_relaxed);
        external->attached = true;
    }
    wt_unlock(&external->lock);
    if (taken) {
        (void)close(fd);
        return -EBUSY;
    }
    return fd;
}

/* With the lock held. -1: nothing to take, or no slot for it. */
static int take_slot(struct external *external) {
    if (external->again_count > 0) {
        return external->again[--external->again_count];
    }
    if (external->waiting.first == NULL || external->free_count == 0) {
        return -1;
    }
    int number = external->free_slots[--external->free_count];
    external->slots[number] = (struct slot){.io = wt_io_list_pop(&external->waiting)};
    atomic_fetch_add_explicit(&external->taken, 1, memory_order_relaxed);
    return number;
}

static void free_slot(struct external *external, uint32_t number) {
    external->slots[number].io = NULL;
    external->free_slots[external->free_count++] = (uint16_t)number;
    if (atomic_fetch_sub_explicit(&external->taken, 1, memory_order_relaxed) == 1 && !external->attached) {
        atomic_store_explicit(&external->loop, NULL, memory_order_relaxed);
    }
}

/* As prepare_transfer of queue.c has it. */
static void describe(struct wt_io *io, int fd, uint32_t token, bool async, struct wt_transfer *transfer) {
    struct iovec *first = wt_io_left(io);
    unsigned count = wt_io_left_count(io);
    bool single = count == 1 && first->iov_len <= INT32_MAX;
    bool read = io->op == WT_IO_READ;
    *transfer = (struct wt_transfer){
        .opcode = read     ? (single ? IORING_OP_READ : IORING_OP_READV)
                  : single ? IORING_OP_WRITE
                           : IORING_OP_WRITEV,
        .flags = async ? IOSQE_ASYNC : 0,
        .ioprio = io->high_priority ? WT_POSIX_HIGH_PRIORITY : 0,
        .fd = fd,
        .offset = io->offset + io->done,
        .address = (uint64_t)(uintptr_t)(single ? first->iov_base : (void *)first),
        .length = single ? (uint32_t)first->iov_len : count,
        .rw_flags = (uint32_t)wt_posix_rwf(io),
        .token = token,
    };
}

int wt_external_take_from(struct wt_backend *backend, struct wt_transfer *transfers, int max) {
    struct external *external = external_of(backend);
    int64_t now_ns = wt_now_ns();
    int count = 0;
    wt_lock(&external->lock);
    external->aside = false;
    while (count < max) {
        int number = take_slot(external);
        if (number < 0) {
            break;
        }
        struct slot *slot = &external->slots[number];
        struct wt_io *io = slot->io;
        wt_unlock(&external->lock);
        io->started_ns = io->started_ns != 0 ? io->started_ns : now_ns;
        int fd = wt_posix_descriptor(io); /* which may have to open the file once more */
        wt_lock(&external->lock);
        if (fd >= 0) {
            slot->on_ring = true;
            describe(io, fd, (uint32_t)number, slot->async, &transfers[count++]);
            continue;
        }
        free_slot(external, (uint32_t)number);
        wt_unlock(&external->lock);
        io->error = fd;
        io->complete(io);
        wt_lock(&external->lock);
    }
    external->notified = external->waiting.first != NULL; /* it takes again, when it was given what is on the ring */
    wt_unlock(&external->lock);
    return count;
}

/* The end of one transfer. Returns the I/O if it is over. With the lock held. */
static struct wt_io *finish(struct external *external, const struct wt_transfer_end *end) {
    struct slot *slot = &external->slots[end->token];
    struct wt_io *io = slot->io;
    slot->on_ring = false;
    /*
     * As in uring.c: the first result says nothing about the request itself, the second that it cannot be done
     * without blocking.
     */
    bool dropped = (end->result == -ECANCELED ||
                    (end->result == -EAGAIN && !slot->async && !WT_MUTANT("external-blocked-fails"))) &&
                   wt_may_retry(&io->retries);
    slot->async = slot->async || dropped;
    if (!dropped && wt_posix_apply_result(io, end->result)) {
        free_slot(external, end->token);
        return io;
    }
    external->again[external->again_count++] = (uint16_t)end->token;
    return NULL;
}

int wt_external_done_of(struct wt_backend *backend, const struct wt_transfer_end *ends, int count) {
    struct external *external = external_of(backend);
    struct wt_io_list over = {0};
    struct wt_io *io;
    int rc = 0;
    wt_lock(&external->lock);
    for (int i = 0; i < count; i++) {
        if (ends[i].token >= SLOTS || !external->slots[ends[i].token].on_ring) {
            rc = -EINVAL;
            continue;
        }
        external->notified = true; /* it takes after this: what the completions submit need not call it */
        io = finish(external, &ends[i]);
        if (io != NULL) {
            wt_io_list_push(&over, io);
        }
    }
    wt_unlock(&external->lock);
    while ((io = wt_io_list_pop(&over)) != NULL) {
        io->complete(io);
    }
    return rc;
}

int wt_external_detach_from(struct wt_backend *backend) {
    struct external *external = external_of(backend);
    wt_lock(&external->lock);
    int taken = (int)atomic_load_explicit(&external->taken, memory_order_relaxed);
    external->attached = false;
    external->aside = false;
    if (taken == 0) {
        atomic_store_explicit(&external->loop, NULL, memory_order_relaxed);
    }
    wake_loop(external); /* a read of the notifier that is on the ring ends */
    hand_inside(external);
    return taken;
}

/* ---- the backend ----------------------------------------------------------------------------------------------- */

static const struct wt_backend_ops external_ops = {
    .name = "external",
    .kind = WT_BACKEND_IO_URING,
    .open = wt_posix_open,
    .submit = external_submit,
    .close = external_close,
    .release = external_release,
    .unblock = external_unblock,
    .may_wait = external_may_wait,
    .arena = external_arena,
    .burst_begin = external_burst_begin,
    .burst_start = wt_burst_start,
    .burst_end = wt_burst_end,
};

bool wt_is_external(const struct wt_backend *backend) {
    return backend->ops == &external_ops;
}

int wt_external_open(struct wt_backend *inner, struct wt_backend **backend) {
    struct external *external = calloc(1, sizeof *external);
    int rc = external == NULL ? ENOMEM : wt_mutex_init(&external->lock, WT_LOCK_EXTERNAL);
    if (rc == 0) {
        int notifier = eventfd(0, EFD_CLOEXEC);
        external->notifier = wt_descriptor_above_standard(notifier < 0 ? -errno : notifier);
        if (external->notifier < 0) {
            rc = -external->notifier;
            wt_mutex_destroy(&external->lock);
        }
    }
    if (rc != 0) {
        free(external);
        inner->ops->close(inner);
        return -rc;
    }
    external->backend.ops = &external_ops;
    external->backend.inner = inner;
    for (unsigned i = 0; i < SLOTS; i++) {
        external->free_slots[external->free_count++] = (uint16_t)(SLOTS - 1 - i);
    }
    *backend = &external->backend;
    return 0;
}
