/*
 * The io_uring backend. Any thread submits; one reaper thread takes the completions.
 *
 * Submission combines: an I/O goes on a list, and whoever finds no one at it becomes the submitter of all that is on the
 * list, until it is empty. So the submission queue has one user at a time, and what arrives together enters the kernel
 * together. There are never more I/Os in the kernel than the completion queue has room for; the rest waits on the list
 * and leaves as completions arrive.
 *
 * The ring is set up without IORING_SETUP_COOP_TASKRUN and what goes with it: the kernel finishes an I/O in the thread
 * that submitted it, which here may be a thread of the application that does not enter the kernel again for a long time.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io_list.h"
#include "io_posix.h"
#include "thread.h"

#define RING_ENTRIES_DEFAULT 256u
#define RING_ENTRIES_MIN 8u
#define RING_ENTRIES_MAX 32768u

/* After this many rounds the submitter, a caller with work of its own, leaves what others add to the reaper. */
#define SUBMIT_ROUNDS 8u
/* Completions taken at once. */
#define REAP_BATCH 64u
/* A kernel that is out of memory for requests is asked again after this long. */
#define BUSY_PAUSE_NS 100000L
/* Set in a request's user data, beside the address of its wt_io: it went with IOSQE_ASYNC. */
#define TAG_ASYNC 1u
#define TAG_MASK 7u
static_assert(_Alignof(struct wt_io) > TAG_MASK, "the low bits of a wt_io's address are free");

struct uring {
    struct wt_backend backend;
    struct io_uring ring; /* submission queue: the submitter's; completion queue: the reaper's */
    unsigned batch_limit;
    unsigned in_flight_limit;
    pthread_t reaper;
    /* Raised after requests are written and before the kernel gets them. The reaper reads it: that is how the order, which
     * the kernel keeps, is known to the language too. */
    atomic_uint handed_over;

    pthread_mutex_t lock; /* guards what follows; never held over a system call of the ring or a completion */
    struct wt_io_list waiting;
    struct wt_io_list again; /* to be sent with IOSQE_ASYNC, before the others */
    unsigned in_flight;
    bool submitting; /* someone owns the submission queue */
    bool reaping;    /* the reaper was started */

    struct wt_io farewell; /* not an I/O: a NOP, whose completion ends the reaper */
};

static struct uring *uring_of(struct wt_backend *backend) {
    return (struct uring *)backend;
}

/* ---- submission ------------------------------------------------------------------------------------------------ */

static void prepare_transfer(struct io_uring_sqe *sqe, const struct wt_io *io, int fd) {
    uint64_t offset = io->offset + io->done;
    const struct iovec *first = io->segments;
    bool single = io->segment_count == 1 && first->iov_len <= INT32_MAX; /* saves the kernel a copy of the vector */
    if (io->op == WT_IO_READ) {
        if (single) {
            io_uring_prep_read(sqe, fd, first->iov_base, (unsigned)first->iov_len, offset);
        } else {
            io_uring_prep_readv(sqe, fd, first, io->segment_count, offset);
        }
    } else {
        if (single) {
            io_uring_prep_write(sqe, fd, first->iov_base, (unsigned)first->iov_len, offset);
        } else {
            io_uring_prep_writev(sqe, fd, first, io->segment_count, offset);
        }
        sqe->rw_flags = wt_posix_rwf(io);
    }
}

static void prepare_request(struct uring *uring, struct wt_io *io, bool async) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
    assert(sqe != NULL); /* a batch begins with an empty queue and is no larger than it */
    int fd = io == &uring->farewell ? -EBADF : wt_posix_descriptor(io);
    if (fd >= 0) {
        prepare_transfer(sqe, io, fd);
    } else {
        /* What cannot be started still completes on the reaper. */
        io->error = fd;
        io_uring_prep_nop(sqe);
    }
    if (async) {
        io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
    }
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)io | (async ? TAG_ASYNC : 0));
}

/* Gives every prepared request to the kernel. */
static void enter(struct uring *uring) {
    while (io_uring_sq_ready(&uring->ring) > 0) {
        int rc = io_uring_submit(&uring->ring);
        if (rc > 0 || rc == -EINTR) {
            continue;
        }
        if (rc == 0 || rc == -EAGAIN || rc == -EBUSY || rc == -ENOMEM) {
            const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
            (void)nanosleep(&pause, NULL); /* cut short by a signal: asked again the sooner */
            continue;
        }
        /* The ring worked when it was opened. Requests are written that nobody can take back: no way on from here. */
        (void)fprintf(stderr, "writethrough: io_uring_enter: impossible error %s\n", wt_errno_name(-rc));
        abort();
    }
}

/* Takes up to limit I/Os off a list, as a chain. Adds their number to *count. */
static struct wt_io *take_chain(struct wt_io_list *list, unsigned limit, unsigned *count) {
    struct wt_io *chain = list->first;
    struct wt_io **link = &list->first;
    for (; *link != NULL && limit > 0; limit--) {
        link = &(*link)->next;
        ++*count;
    }
    struct wt_io *rest = *link;
    *link = NULL;
    list->first = rest;
    return chain == rest ? NULL : chain;
}

/*
 * Sends what the lists hold, as far as the bound on I/Os in flight allows. The caller has set submitting, and holds the
 * lock; it does so again on return, and submitting is false.
 */
static void submit_collected(struct uring *uring) {
    for (unsigned round = 0; round < SUBMIT_ROUNDS || uring->in_flight == 0; round++) {
        unsigned room = uring->in_flight_limit - uring->in_flight;
        room = room < uring->batch_limit ? room : uring->batch_limit;
        unsigned count = 0;
        struct wt_io *again = take_chain(&uring->again, room, &count);
        struct wt_io *fresh = take_chain(&uring->waiting, room - count, &count);
        if (count == 0) {
            break;
        }
        uring->in_flight += count;
        pthread_mutex_unlock(&uring->lock);
        for (struct wt_io *io = again; io != NULL; io = io->next) {
            prepare_request(uring, io, true);
        }
        for (struct wt_io *io = fresh; io != NULL; io = io->next) {
            prepare_request(uring, io, false);
        }
        atomic_fetch_add_explicit(&uring->handed_over, 1, memory_order_release);
        enter(uring);
        pthread_mutex_lock(&uring->lock);
    }
    /* If something is left, I/Os are in flight, and the reaper takes it up when the next one completes. */
    uring->submitting = false;
}

/* ---- completion ------------------------------------------------------------------------------------------------ */

struct completion {
    struct wt_io *io;
    int result;
    bool async;
};

/* Waits for completions and takes what there is. */
static unsigned reap(struct uring *uring, struct completion *completions) {
    struct io_uring_cqe *cqes[REAP_BATCH];
    unsigned count;
    while ((count = io_uring_peek_batch_cqe(&uring->ring, cqes, REAP_BATCH)) == 0) {
        int rc = io_uring_wait_cqe(&uring->ring, &cqes[0]);
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN) {
            (void)fprintf(stderr, "writethrough: io_uring wait: impossible error %s\n", wt_errno_name(-rc));
            abort();
        }
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t data = cqes[i]->user_data;
        completions[i].io = (struct wt_io *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);
        completions[i].async = (data & TAG_ASYNC) != 0;
        completions[i].result = cqes[i]->res;
    }
    io_uring_cq_advance(&uring->ring, count);
    (void)atomic_load_explicit(&uring->handed_over, memory_order_acquire);
    return count;
}

/* Completes the I/O, or puts what must be sent again on the list for it. */
static void finish(const struct completion *completion, struct wt_io_list *rest, struct wt_io_list *again) {
    struct wt_io *io = completion->io;
    int result = completion->result;
    if (io->error != 0) { /* was never started */
        io->complete(io);
    } else if (result == -ECANCELED || (result == -EAGAIN && !completion->async)) {
        /* Nobody here cancels, but what a kernel does with the queue of a thread that ends is its own affair (6.18 finishes
         * it). EAGAIN: it cannot be done without blocking. Neither says anything about the I/O itself. */
        wt_io_list_push(again, io);
    } else if (!wt_posix_settle(io, result)) {
        wt_io_list_push(rest, io);
    } else {
        io->complete(io);
    }
}

/*
 * Takes one batch of completions. False if the farewell was among them. While it completes them it owns the submission
 * queue if nobody else does, so that what the completions submit enters the kernel together.
 */
static bool reap_batch(struct uring *uring) {
    struct completion completions[REAP_BATCH];
    struct wt_io_list rest = {0};
    struct wt_io_list again = {0};
    bool more = true;
    unsigned count = reap(uring, completions);

    pthread_mutex_lock(&uring->lock);
    assert(count <= uring->in_flight);
    uring->in_flight -= count;
    bool owner = !uring->submitting;
    uring->submitting = true;
    pthread_mutex_unlock(&uring->lock);

    for (unsigned i = 0; i < count; i++) {
        if (completions[i].io == &uring->farewell) {
            more = false;
        } else {
            finish(&completions[i], &rest, &again);
        }
    }

    pthread_mutex_lock(&uring->lock);
    (void)wt_io_list_append(&uring->waiting, rest.first);
    (void)wt_io_list_append(&uring->again, again.first);
    if (owner || !uring->submitting) {
        uring->submitting = true;
        submit_collected(uring);
    }
    pthread_mutex_unlock(&uring->lock);
    return more;
}

static void *reap_until_farewell(void *argument) {
    struct uring *uring = argument;
    while (reap_batch(uring)) {
    }
    return NULL;
}

/* ---- the backend ----------------------------------------------------------------------------------------------- */

static void refuse(struct wt_io *list, int error) {
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        io->error = error;
        io->complete(io);
    }
}

static void uring_submit(struct wt_backend *backend, struct wt_io *list) {
    struct uring *uring = uring_of(backend);
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_posix_begin(io);
    }
    pthread_mutex_lock(&uring->lock);
    if (!uring->reaping) {
        int rc = wt_thread_start(&uring->reaper, "wt-reaper", reap_until_farewell, uring);
        if (rc < 0) {
            pthread_mutex_unlock(&uring->lock);
            refuse(list, rc); /* without a thread of ours they can only complete here */
            return;
        }
        uring->reaping = true;
    }
    (void)wt_io_list_append(&uring->waiting, list);
    if (!uring->submitting) {
        uring->submitting = true;
        submit_collected(uring);
    }
    pthread_mutex_unlock(&uring->lock);
}

static void end_reaper(struct uring *uring) {
    pthread_mutex_lock(&uring->lock);
    wt_io_list_push(&uring->waiting, &uring->farewell);
    if (!uring->submitting) {
        uring->submitting = true;
        submit_collected(uring);
    }
    pthread_mutex_unlock(&uring->lock);
    (void)pthread_join(uring->reaper, NULL); /* cannot fail: it is ours and joined once */
    /* A submitter may have seen its last I/O complete before it came back from the kernel. */
    pthread_mutex_lock(&uring->lock);
    while (uring->submitting) {
        pthread_mutex_unlock(&uring->lock);
        (void)sched_yield();
        pthread_mutex_lock(&uring->lock);
    }
    pthread_mutex_unlock(&uring->lock);
}

static void uring_close(struct wt_backend *backend) {
    struct uring *uring = uring_of(backend);
    if (uring->reaping) {
        end_reaper(uring);
    }
    assert(uring->in_flight == 0 && uring->waiting.first == NULL && uring->again.first == NULL);
    io_uring_queue_exit(&uring->ring);
    pthread_mutex_destroy(&uring->lock);
    free(uring);
}

static const struct wt_backend_ops uring_ops = {
    .name = "io_uring",
    .kind = WT_BACKEND_IO_URING,
    .open = wt_posix_open,
    .submit = uring_submit,
    .close = uring_close,
};

/* Whether this kernel has every operation that is used here: Linux 5.6 on. */
static int check_operations(struct io_uring *ring) {
    static const int needed[] = {IORING_OP_NOP, IORING_OP_READ, IORING_OP_READV, IORING_OP_WRITE, IORING_OP_WRITEV};
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    if (probe == NULL) {
        return -ENOSYS;
    }
    int rc = 0;
    for (unsigned i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!io_uring_opcode_supported(probe, needed[i])) {
            rc = -ENOSYS;
        }
    }
    io_uring_free_probe(probe);
    return rc;
}

static int open_ring(struct uring *uring, unsigned entries) {
    /* SUBMIT_ALL: one bad request does not hold up those behind it. Linux 5.18; before it they go one enter later. */
    struct io_uring_params params = {.flags = IORING_SETUP_SUBMIT_ALL};
    int rc = io_uring_queue_init_params(entries, &uring->ring, &params);
    if (rc == -EINVAL) {
        memset(&params, 0, sizeof params);
        rc = io_uring_queue_init_params(entries, &uring->ring, &params);
    }
    if (rc < 0) {
        return rc;
    }
    rc = check_operations(&uring->ring);
    if (rc < 0) {
        io_uring_queue_exit(&uring->ring);
        return rc;
    }
    uring->batch_limit = params.sq_entries;
    uring->in_flight_limit = params.cq_entries;
    return 0;
}

int wt_io_uring_open(const struct wt_engine_options *options, struct wt_backend **backend) {
    unsigned entries = options->ring_entries != 0 ? options->ring_entries : RING_ENTRIES_DEFAULT;
    if (entries < RING_ENTRIES_MIN || entries > RING_ENTRIES_MAX || (entries & (entries - 1)) != 0) {
        return -EINVAL;
    }
    struct uring *uring = calloc(1, sizeof *uring);
    if (uring == NULL) {
        return -ENOMEM;
    }
    uring->backend.ops = &uring_ops;
    int rc = pthread_mutex_init(&uring->lock, NULL);
    if (rc != 0) {
        free(uring);
        return -rc;
    }
    rc = open_ring(uring, entries);
    if (rc < 0) {
        pthread_mutex_destroy(&uring->lock);
        free(uring);
        return rc;
    }
    *backend = &uring->backend;
    return 0;
}
