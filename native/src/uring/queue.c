// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "uring/queue.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"
#include "posix/descriptor.h"
#include "posix/posix.h"
#include "uring/ring.h"

/* After this many rounds the submitter, which is a caller with work of its own, leaves new I/O to the reaper. */
#define SUBMIT_ROUNDS 8u
/* With SQPOLL the kernel's thread sleeps after this long without a request, and to wake it costs a system call. */
#define POLLING_IDLE_MS 10u
/* Set in a request's user data, beside the address of its wt_io: it went with IOSQE_ASYNC. */
#define TAG_ASYNC 1u
/* The address is that of a wt_flush. */
#define TAG_FLUSH 2u
/* The alarm's: without an address. */
#define TAG_ALARM 4u
#define TAG_MASK 7u
static_assert(_Alignof(struct wt_io) > TAG_MASK && _Alignof(struct wt_flush) > TAG_MASK,
              "the low bits of their addresses are free");

/* ---- submission ------------------------------------------------------------------------------------------------ */

static void prepare_transfer(struct wt_queue *queue, struct io_uring_sqe *sqe, struct wt_io *io, int fd) {
    uint64_t offset = io->offset + io->done;
    const struct iovec *first = wt_io_left(io);
    unsigned count = wt_io_left_count(io);
    bool single = count == 1 && first->iov_len <= INT32_MAX; /* saves the kernel a copy of the vector */
    /* The kernel takes an atomic write from plain memory alone. */
    int buffer = single && !io->atomic ? wt_registry_buffer(&queue->registry, first) : -1;
    if (io->op == WT_IO_READ) {
        if (buffer >= 0) {
            io_uring_prep_read_fixed(sqe, fd, first->iov_base, (unsigned)first->iov_len, offset, buffer);
        } else if (single) {
            io_uring_prep_read(sqe, fd, first->iov_base, (unsigned)first->iov_len, offset);
        } else {
            io_uring_prep_readv(sqe, fd, first, count, offset);
        }
    } else {
        if (buffer >= 0) {
            io_uring_prep_write_fixed(sqe, fd, first->iov_base, (unsigned)first->iov_len, offset, buffer);
        } else if (single) {
            io_uring_prep_write(sqe, fd, first->iov_base, (unsigned)first->iov_len, offset);
        } else {
            io_uring_prep_writev(sqe, fd, first, count, offset);
        }
        sqe->rw_flags = wt_posix_rwf(io);
    }
    sqe->ioprio = io->high_priority ? WT_POSIX_HIGH_PRIORITY : 0; /* 0: that of the thread */
}

/* Completions are not announced: the device has to be asked. A thread of the kernel that submits does that, too. */
static bool must_ask_device(const struct wt_queue *queue) {
    return (queue->ring.flags & (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL)) == IORING_SETUP_IOPOLL;
}

/* There is one: a batch is no larger than the queue has room. */
static struct io_uring_sqe *next_request(struct wt_queue *queue) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&queue->ring);
    assert(sqe != NULL);
    return sqe;
}

static void prepare_alarm(struct wt_queue *queue) {
    struct io_uring_sqe *sqe = next_request(queue);
    io_uring_prep_poll_add(sqe, queue->alarm, POLLIN);
    io_uring_sqe_set_data64(sqe, TAG_ALARM);
}

static void prepare_flush(struct wt_queue *queue, struct wt_flush *flush) {
    struct io_uring_sqe *sqe = next_request(queue);
    io_uring_prep_fsync(sqe, flush->descriptor, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)flush | TAG_FLUSH);
}

static void prepare_request(struct wt_queue *queue, struct wt_io *io, bool async, int64_t now_ns) {
    struct io_uring_sqe *sqe = next_request(queue);
    if (io->started_ns == 0) {
        io->started_ns = now_ns;
    }
    int fd = io == &queue->nudge ? -EBADF : wt_posix_descriptor(io);
    int file = fd >= 0 ? wt_registry_file(&queue->registry, io, fd) : -1;
    unsigned flags = (async ? IOSQE_ASYNC : 0) | (file >= 0 ? IOSQE_FIXED_FILE : 0);
    if (fd >= 0) {
        prepare_transfer(queue, sqe, io, file >= 0 ? file : fd);
    } else {
        /* An I/O that cannot be started still completes on the reaper. */
        io->error = fd;
        io_uring_prep_nop(sqe);
    }
    io_uring_sqe_set_flags(sqe, flags);
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)io | (async ? TAG_ASYNC : 0));
}

/* Takes up to limit I/Os off a list, as a chain. Adds their number to *count. */
static struct wt_io *take_chain(struct wt_io_list *list, unsigned limit, unsigned *count) {
    struct wt_io *chain = list->first;
    struct wt_io **link = &list->first;
    for (; *link != NULL && limit > 0; limit--) {
        link = &(*link)->next;
        ++*count;
    }
    struct wt_io *left = *link;
    *link = NULL;
    list->first = left;
    return chain == left ? NULL : chain;
}

bool wt_queue_is_refused(const struct wt_queue *queue) {
    return atomic_load_explicit(&queue->refused, memory_order_acquire);
}

/* From now on the reaper does all. With the lock held. */
static void refuse_ring(struct wt_queue *queue) {
    const uint64_t one = 1;
    if (!wt_queue_is_refused(queue)) {
        atomic_store_explicit(&queue->refused, true, memory_order_release);
        ssize_t ignored = queue->alarm >= 0 ? write(queue->alarm, &one, sizeof one) : 0; /* there is room for it */
        (void)ignored;
    }
    wt_roles_call_all(queue->roles);
}

/* Puts on the lists again what a refused ring has not given to the kernel. By the submitter, with the lock held. */
static void take_back(struct wt_queue *queue) {
    uint64_t data;
    /*
     * With SQPOLL a thread of the kernel takes requests in its own time, so it keeps them. The reaper wakes that
     * thread from time to time.
     */
    while ((queue->ring.flags & IORING_SETUP_SQPOLL) == 0 && wt_ring_take_back(&queue->ring, &data)) {
        void *address = (void *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);
        queue->in_flight -= data != TAG_ALARM;
        if ((data & TAG_FLUSH) != 0) {
            wt_shared_flush_push(queue->shared_flush, address);
        } else if (data != TAG_ALARM) {
            wt_io_list_push(&queue->waiting, address);
        }
    }
}

/* Modulo 2^32. Another thread may be taking completions. */
static unsigned completions_so_far(const struct wt_queue *queue) {
    return __atomic_load_n(queue->ring.cq.ktail, __ATOMIC_ACQUIRE);
}

/* How many requests can be sent now. By the submitter, with the lock held. */
static unsigned room_for_requests(struct wt_queue *queue) {
    unsigned room = queue->in_flight_limit - queue->in_flight;
    room = room < queue->batch_limit ? room : queue->batch_limit;
    /*
     * With SQPOLL a thread of the kernel empties the queue in its own time. As a rule requests in the queue are in
     * flight, and the end of one of them sends what is left. But that thread tells only after several requests that
     * it took them: all may have ended before, and then nothing else would send what is left.
     */
    unsigned space, turns = 0;
    while ((space = io_uring_sq_space_left(&queue->ring)) == 0 && queue->in_flight == 0) {
        wt_unlock(&queue->lock);
        wt_yield_to_holders(&turns);
        wt_lock(&queue->lock);
    }
    return room < space ? room : space;
}

/*
 * Sends a batch of what is on the lists. False: there is nothing to send, or no room now. By the submitter, with the
 * lock held.
 */
static bool send_batch(struct wt_queue *queue) {
    unsigned room = room_for_requests(queue);
    bool alarm = queue->alarm_due && room > 0;
    unsigned count = 0;
    room -= alarm;
    struct wt_flush *flushes = wt_shared_flush_take(queue->shared_flush, room, &count);
    struct wt_io *again = take_chain(&queue->again, room - count, &count);
    struct wt_io *fresh = take_chain(&queue->waiting, room - count, &count);
    if (count == 0 && !alarm) {
        return false;
    }
    queue->in_flight += count;
    queue->alarm_due = queue->alarm_due && !alarm;
    if (queue->alarm < 0) { /* the thread that polls sleeps while nothing is in flight */
        wt_roles_call_reaper(queue->roles);
    }
    wt_unlock(&queue->lock);
    int64_t now_ns = wt_now_ns();
    if (alarm) {
        prepare_alarm(queue);
    }
    for (struct wt_flush *flush = flushes; flush != NULL; flush = flush->next) {
        prepare_flush(queue, flush);
    }
    for (struct wt_io *io = again; io != NULL; io = io->next) {
        prepare_request(queue, io, true, now_ns);
    }
    for (struct wt_io *io = fresh; io != NULL; io = io->next) {
        prepare_request(queue, io, false, now_ns);
    }
    unsigned before = completions_so_far(queue);
    atomic_fetch_add_explicit(&queue->handed_over, 1, memory_order_release);
    int rc = wt_ring_enter(&queue->ring);
    unsigned completed = completions_so_far(queue) - before;
    wt_lock(&queue->lock);
    queue->prompt = completed >= count;
    if (rc < 0) {
        refuse_ring(queue);
        take_back(queue);
    }
    return rc == 0;
}

/*
 * Sends what the lists hold, as far as the bound on I/Os in flight allows. The caller has set submitting, and holds the
 * lock; it does so again on return, and submitting is false.
 */
static void submit_collected(struct wt_queue *queue) {
    for (unsigned round = 0; !wt_queue_is_refused(queue) && (round < SUBMIT_ROUNDS || queue->in_flight == 0); round++) {
        if (!send_batch(queue)) {
            break;
        }
    }
    /* If something is left, I/Os are in flight, and the reaper takes it up when the next one completes. */
    queue->submitting = false;
    if (wt_queue_is_refused(queue)) {
        wt_roles_call_reaper(queue->roles);
    }
}

bool wt_queue_submit(struct wt_queue *queue) {
    bool free = !queue->submitting;
    if (free) {
        queue->submitting = true;
        submit_collected(queue);
    }
    return free;
}

bool wt_queue_reserve(struct wt_queue *queue) {
    bool owner = !queue->submitting;
    queue->submitting = true;
    return owner;
}

void wt_queue_release(struct wt_queue *queue, bool owner) {
    if (owner || !queue->submitting) {
        queue->submitting = true;
        submit_collected(queue);
    }
}

unsigned wt_queue_add(struct wt_queue *queue, struct wt_io *chain) {
    return wt_io_list_append(&queue->waiting, chain);
}

void wt_queue_add_again(struct wt_queue *queue, const struct wt_io_list *list) {
    (void)wt_io_list_append(&queue->again, list->first);
}

bool wt_queue_add_nudge(struct wt_queue *queue) {
    if (queue->nudging) {
        return false;
    }
    queue->nudging = true;
    queue->nudge.error = 0;
    wt_io_list_push(&queue->waiting, &queue->nudge);
    return true;
}

void wt_queue_end_nudge(struct wt_queue *queue) {
    queue->nudging = false;
}

bool wt_queue_has_work(const struct wt_queue *queue) {
    return queue->in_flight > 0 || queue->waiting.first != NULL;
}

struct wt_io *wt_queue_pop(struct wt_queue *queue) {
    return wt_io_list_pop(queue->again.first != NULL ? &queue->again : &queue->waiting);
}

/* ---- completions ------------------------------------------------------------------------------------------------ */

/* Waits for a completion, up to a time if that is not NULL. -ETIME: it is over. */
static int wait_for_completion(struct wt_queue *queue, struct __kernel_timespec *timeout) {
    struct io_uring_cqe *cqe;
    wt_assert_may_block();
    if (must_ask_device(queue)) {
        /* Once, and not until there is one: the ring is locked meanwhile, and nobody could submit. */
        return io_uring_get_events(&queue->ring);
    }
    return timeout ? io_uring_wait_cqe_timeout(&queue->ring, &cqe, timeout) : io_uring_wait_cqe(&queue->ring, &cqe);
}

unsigned wt_queue_reap(struct wt_queue *queue, struct wt_completion completions[WT_REAP_BATCH],
                       struct __kernel_timespec *timeout) {
    struct io_uring_cqe *cqes[WT_REAP_BATCH];
    unsigned count, pauses = 0;
    while ((count = io_uring_peek_batch_cqe(&queue->ring, cqes, WT_REAP_BATCH)) == 0) {
        if (wt_queue_is_refused(queue)) {
            return 0;
        }
        int rc = wait_for_completion(queue, timeout);
        if (rc == -ETIME) {
            return 0;
        }
        if (rc < 0 && !wt_ring_ask_again(rc, &pauses)) {
            wt_lock(&queue->lock);
            refuse_ring(queue);
            wt_unlock(&queue->lock);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        completions[i] = (struct wt_completion){.data = cqes[i]->user_data, .result = cqes[i]->res};
    }
    io_uring_cq_advance(&queue->ring, count);
    (void)atomic_load_explicit(&queue->handed_over, memory_order_acquire);
    return count;
}

void wt_queue_count_completed(struct wt_queue *queue, const struct wt_completion *completion) {
    if (completion->data == TAG_ALARM) {
        eventfd_t count;
        if (!wt_queue_is_refused(queue)) /* the thread was woken, and is to be woken again */
            (void)eventfd_read(queue->alarm, &count);
        queue->alarm_due = !wt_queue_is_refused(queue); /* else its thread has ended */
        return;
    }
    assert(queue->in_flight > 0);
    queue->in_flight--;
}

enum wt_completion_kind wt_completion_kind(const struct wt_queue *queue, const struct wt_completion *completion) {
    if (completion->data == TAG_ALARM) {
        return WT_COMPLETION_ALARM;
    }
    if ((completion->data & TAG_FLUSH) != 0) {
        return WT_COMPLETION_FLUSH;
    }
    return wt_completion_io(completion) == &queue->nudge ? WT_COMPLETION_NUDGE : WT_COMPLETION_IO;
}

struct wt_io *wt_completion_io(const struct wt_completion *completion) {
    return (struct wt_io *)(uintptr_t)(completion->data & ~(uint64_t)TAG_MASK);
}

struct wt_flush *wt_completion_flush(const struct wt_completion *completion) {
    return (struct wt_flush *)(uintptr_t)(completion->data & ~(uint64_t)TAG_MASK);
}

bool wt_completion_is_async(const struct wt_completion *completion) {
    return (completion->data & TAG_ASYNC) != 0;
}

bool wt_queue_is_ready(const struct wt_queue *queue) {
    unsigned flags = IO_URING_READ_ONCE(*queue->ring.sq.kflags);
    return io_uring_cq_ready(&queue->ring) > 0 || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

unsigned wt_queue_count_ready(const struct wt_queue *queue) {
    return io_uring_cq_ready(&queue->ring);
}

void wt_queue_wake(struct wt_queue *queue) {
    (void)eventfd_write(queue->alarm, 1); /* there is room for it */
}

void wt_queue_await_wake(struct wt_queue *queue, int64_t timeout_ns) {
    eventfd_t count;
    if (wt_wait_readable(queue->alarm, timeout_ns))
        (void)eventfd_read(queue->alarm, &count);
}

void wt_queue_poke(struct wt_queue *queue) {
    wt_ring_pause();
    /* The filter may be that of another thread alone: then these still poll, and wake the thread of the kernel. */
    (void)io_uring_get_events(&queue->ring);
    (void)io_uring_submit(&queue->ring);
}

void wt_queue_wait_for_submitter(struct wt_queue *queue) {
    unsigned turns = 0;
    wt_lock(&queue->lock);
    while (queue->submitting) {
        wt_unlock(&queue->lock);
        wt_yield_to_holders(&turns);
        wt_lock(&queue->lock);
    }
    wt_unlock(&queue->lock);
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

/* Whether this kernel has every operation that is used here: Linux 5.6 on. */
static int check_operations(struct io_uring *ring) {
    static const int needed[] = {IORING_OP_NOP,        IORING_OP_READ,        IORING_OP_READV,
                                 IORING_OP_WRITE,      IORING_OP_WRITEV,      IORING_OP_FSYNC,
                                 IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_POLL_ADD};
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

/*
 * Sets up a ring as asked for. SQPOLL works on any file from Linux 5.11 on. Earlier kernels took it for registered
 * files alone, and count as refusing it.
 */
static int set_up_ring(struct io_uring *ring, unsigned entries, unsigned setup) {
    /* SUBMIT_ALL: one bad request does not hold up those behind it. Linux 5.18; before it they go one enter later. */
    const unsigned flags[] = {setup | IORING_SETUP_SUBMIT_ALL, setup, setup & ~WT_QUEUE_OF_ONE_THREAD};
    struct io_uring_params params;
    int rc = -EINVAL;
    for (unsigned i = 0; i < sizeof flags / sizeof *flags && rc == -EINVAL; i++) {
        params = (struct io_uring_params){.flags = flags[i], .sq_thread_idle = POLLING_IDLE_MS};
        rc = io_uring_queue_init_params(entries, ring, &params);
    }
    rc = wt_ring_above_standard(rc, ring);
    if (rc == 0 && (setup & IORING_SETUP_SQPOLL) != 0 && (params.features & IORING_FEAT_SQPOLL_NONFIXED) == 0) {
        wt_ring_exit(ring);
        rc = -EOPNOTSUPP;
    }
    return rc;
}

/*
 * Proves that the kernel takes a request and tells its end: a filter of system calls may let a ring be set up, and no
 * more.
 */
static int prove_ring(struct wt_queue *queue) {
    struct io_uring_cqe *cqe;
    unsigned pauses = 0;
    int rc;
    if (queue->alarm >= 0) {
        prepare_alarm(queue);
    }
    io_uring_prep_nop(next_request(queue));
    do {
        rc = io_uring_submit_and_wait(&queue->ring, 1);
    } while (rc < 0 && wt_ring_ask_again(rc, &pauses));
    while (rc >= 0 && io_uring_peek_cqe(&queue->ring, &cqe) < 0) {
        rc = wait_for_completion(queue, NULL);
        rc = rc < 0 && wt_ring_ask_again(rc, &pauses) ? 0 : rc;
    }
    if (rc >= 0) {
        rc = cqe->user_data == TAG_ALARM ? -EOPNOTSUPP : 0; /* it cannot be over */
        io_uring_cqe_seen(&queue->ring, cqe);
    }
    return rc;
}

static int open_ring(struct wt_queue *queue, unsigned entries, unsigned setup) {
    int rc = set_up_ring(&queue->ring, entries, setup);
    if (rc < 0) {
        return rc;
    }
    rc = check_operations(&queue->ring);
    if (rc == 0) {
        rc = prove_ring(queue);
    }
    if (rc == 0) {
        rc = wt_registry_open(&queue->registry, &queue->ring, (setup & WT_QUEUE_OF_ONE_THREAD) == 0);
    }
    if (rc < 0) {
        wt_ring_exit(&queue->ring);
        return rc;
    }
    queue->batch_limit = queue->ring.sq.ring_entries;
    queue->in_flight_limit = queue->ring.cq.ring_entries - 1; /* the alarm has one */
    return 0;
}

int wt_queue_open(struct wt_queue *queue, unsigned entries, unsigned setup, struct wt_roles *roles,
                  struct wt_shared_flush *shared_flush) {
    int rc = wt_mutex_init(&queue->lock, WT_LOCK_URING);
    if (rc != 0) {
        return -rc;
    }
    bool polled = (setup & IORING_SETUP_IOPOLL) != 0;
    queue->roles = roles;
    queue->shared_flush = shared_flush;
    queue->alarm = polled ? -1 : wt_descriptor_above_standard(eventfd(0, EFD_CLOEXEC));
    rc = queue->alarm < 0 && !polled ? -errno : open_ring(queue, entries, setup);
    if (rc < 0) {
        if (queue->alarm >= 0) {
            (void)close(queue->alarm);
        }
        wt_mutex_destroy(&queue->lock);
    }
    return rc;
}

void wt_queue_close(struct wt_queue *queue) {
    assert(queue->in_flight == (queue->nudging ? 1 : 0));
    assert(queue->waiting.first == NULL && queue->again.first == NULL);
    wt_registry_close(&queue->registry);
    wt_ring_exit(&queue->ring);
    if (queue->alarm >= 0) {
        (void)close(queue->alarm);
    }
    wt_mutex_destroy(&queue->lock);
}
