// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The io_uring backend. Any thread submits. One thread at a time reaps: the backend's own reaper, or a caller in
 * uring_reap, which then need not be woken by another thread. While callers reap, the reaper sleeps. It looks after a
 * while whether they still do: a caller that is busy elsewhere must not keep others from their completions.
 *
 * Submission combines. An I/O goes on a list. If no thread is the submitter, the thread becomes the submitter of all
 * that is on the list, until the list is empty. So the submission queue has one user at a time, and I/O that arrives
 * together enters the kernel together. The kernel never has more I/Os than the completion queue has room for: other
 * I/O waits on the list and leaves as completions arrive.
 *
 * With IOPOLL there is a second ring, with lists and a reaper of its own, for direct reads and writes: nothing else
 * can be polled. Its reaper never waits in the kernel: while I/O is in flight it asks the device, otherwise it
 * sleeps. Flushes and I/O through the page cache stay on the first ring, which then has no callers in uring_reap.
 *
 * A kernel that took requests at the opening may refuse them later: a filter of system calls was installed, or
 * somebody closed the descriptor. Then the ring is refused, for good. The reaper takes completions from the ring's
 * memory, and runs the I/O that waits. I/O that is submitted from then on goes to the substitute, a backend of
 * threads. A request that otherwise never ends, the alarm, wakes a thread that waits in the kernel for completions.
 *
 * The ring is set up without IORING_SETUP_COOP_TASKRUN and its companions. With them the kernel finishes an I/O in
 * the thread that submitted it, which here may be a thread of the application that does not enter the kernel again
 * for a long time.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "base/retry.h"
#include "base/thread.h"
#include "io/list.h"
#include "io/stable.h"
#include "io/wait.h"
#include "posix/descriptor.h"
#include "posix/posix.h"
#include "posix/probe.h"
#include "posix/threads.h"
#include "uring/burst.h"
#include "uring/registry.h"
#include "uring/ring.h"
#include "uring/uring.h"

#define RING_ENTRIES_DEFAULT 256u
#define RING_ENTRIES_MIN 8u
#define RING_ENTRIES_MAX 32768u

/* After this many rounds the submitter, which is a caller with work of its own, leaves new I/O to the reaper. */
#define SUBMIT_ROUNDS 8u
/* After this long without a caller in uring_reap, with I/O in flight, the reaper reaps again. */
#define ABSENCE_NS 1000000L
/*
 * For this long after a caller left with completions, other submissions are held back. The caller will be back in a
 * moment, most likely after more submissions of its own, and all of them leave in one system call. I/O that is held
 * back longer leaves with the next submission, before any thread of the engine waits, or at the latest when the
 * reaper sees that the caller stays away.
 */
#define HOLD_NS 100000L
/* At most this many are held back: the device is to begin with them. */
#define HOLD_MOST 4u
/* A caller that may wait this long for completions has time for a flush. */
#define PATIENCE_NS 100000000L
/* The longest single wait. The kernel adds the present time, and a sum that overflows would be over at once. */
#define WAIT_MOST_NS (INT64_C(1) << 62)
/* Completions that are reaped at once. */
#define REAP_BATCH 64u
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

struct uring {
    struct wt_backend backend;
    struct uring *polled;                    /* the ring of direct reads and writes, or NULL: this one has all */
    struct uring *main;                      /* of the backend: this one, or the one that has this as polled */
    _Atomic(struct wt_backend *) substitute; /* of the main ring: has what is submitted after a ring was refused */
    unsigned threads;                        /* of the substitute */
    struct io_uring ring;                    /* submission queue: the submitter's; completion queue: the reaper's */
    struct wt_registry registry;             /* the submitter's */
    struct wt_bursts bursts;                 /* of the main ring */
    unsigned batch_limit;
    unsigned in_flight_limit;
    pthread_t reaper;
    /*
     * Raised after requests are written and before the kernel gets them, and read by the reaper. So the language
     * knows of the order that the kernel keeps.
     */
    atomic_uint handed_over;
    atomic_uint durable_writes; /* of the main ring, for both: sent, and not completed */
    atomic_uint bystanders;     /* the same, of I/Os that share no flushes */
    atomic_bool patient;        /* a caller reaps, and has time for a flush in between */
    atomic_bool refused;        /* by the kernel, for good; set with the lock held */
    int alarm;                  /* an eventfd, readable when the ring is refused; of the main ring */

    struct wt_mutex lock; /* guards what follows; never held over a system call of the ring or a completion */
    struct wt_io_list waiting;
    struct wt_io_list again;  /* to be sent with IOSQE_ASYNC, before the others */
    struct wt_flush *flushes; /* to begin, before all else */
    unsigned in_flight;       /* requests in the kernel, without the alarm */
    bool alarm_due;           /* the request of the alarm is to be sent */
    bool submitting;          /* someone owns the submission queue */
    atomic_bool started;      /* the reaper was */
    bool closing;
    enum { ROLE_FREE, ROLE_REAPER, ROLE_CALLER } role; /* the thread that reaps */
    /* callers that wait for the reaper to give up the role: the reaper does not take it again before them */
    unsigned callers_waiting;
    bool attached; /* callers reap as a rule */
    bool watching; /* the reaper looks whether they still reap */
    uint64_t caller_turns;
    int64_t hold_until_ns; /* of CLOCK_MONOTONIC; while no caller is there */
    unsigned held_count;
    atomic_bool holding_back; /* held_count is not 0 */
    struct wt_condition reaper_called;
    struct wt_condition role_freed; /* by the reaper */

    bool woken;         /* a caller in uring_reap, or the next one, is to return */
    bool nudging;       /* the nudge is under way */
    struct wt_io nudge; /* not an I/O: a NOP, whose completion wakes a thread that waits for completions */
};

static struct uring *uring_of(struct wt_backend *backend) {
    return (struct uring *)backend;
}

/* ---- submission ------------------------------------------------------------------------------------------------ */

static void prepare_transfer(struct uring *uring, struct io_uring_sqe *sqe, struct wt_io *io, int fd) {
    uint64_t offset = io->offset + io->done;
    const struct iovec *first = wt_io_left(io);
    unsigned count = wt_io_left_count(io);
    bool single = count == 1 && first->iov_len <= INT32_MAX; /* saves the kernel a copy of the vector */
    /* The kernel takes an atomic write from plain memory alone. */
    int buffer = single && !io->atomic ? wt_registry_buffer(&uring->registry, first) : -1;
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
static bool must_ask_device(const struct uring *uring) {
    return (uring->ring.flags & (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL)) == IORING_SETUP_IOPOLL;
}

/* There is one: a batch is no larger than the queue has room. */
static struct io_uring_sqe *next_request(struct uring *uring) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
    assert(sqe != NULL);
    return sqe;
}

static void prepare_alarm(struct uring *uring) {
    struct io_uring_sqe *sqe = next_request(uring);
    io_uring_prep_poll_add(sqe, uring->alarm, POLLIN);
    io_uring_sqe_set_data64(sqe, TAG_ALARM);
}

static void prepare_flush(struct uring *uring, struct wt_flush *flush) {
    struct io_uring_sqe *sqe = next_request(uring);
    io_uring_prep_fsync(sqe, wt_posix_flush_descriptor(flush), IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)flush | TAG_FLUSH);
}

static void prepare_request(struct uring *uring, struct wt_io *io, bool async, int64_t now_ns) {
    struct io_uring_sqe *sqe = next_request(uring);
    if (io->started_ns == 0) {
        io->started_ns = now_ns;
    }
    int fd = io == &uring->nudge ? -EBADF : wt_posix_descriptor(io);
    int file = fd >= 0 ? wt_registry_file(&uring->registry, io, fd) : -1;
    unsigned flags = (async ? IOSQE_ASYNC : 0) | (file >= 0 ? IOSQE_FIXED_FILE : 0);
    if (fd >= 0) {
        prepare_transfer(uring, sqe, io, file >= 0 ? file : fd);
    } else {
        /* An I/O that cannot be started still completes on the reaper. */
        io->error = fd;
        io_uring_prep_nop(sqe);
    }
    io_uring_sqe_set_flags(sqe, flags);
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)io | (async ? TAG_ASYNC : 0));
}

/* Takes up to limit flushes, which begin now. Adds their number to *count. */
static struct wt_flush *take_flushes(struct uring *uring, unsigned limit, unsigned *count) {
    struct wt_flush *chain = uring->flushes;
    struct wt_flush **link = &chain;
    for (; *link != NULL && limit > 0; limit--) {
        wt_flush_begin(*link);
        link = &(*link)->next;
        ++*count;
    }
    uring->flushes = *link;
    *link = NULL;
    return chain;
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

static void push_flush(struct uring *uring, struct wt_flush *flush) {
    flush->next = uring->flushes;
    uring->flushes = flush;
}

static bool is_refused(const struct uring *uring) {
    return atomic_load_explicit(&uring->refused, memory_order_acquire);
}

/* From now on the reaper does all. With the lock held. */
static void refuse_ring(struct uring *uring) {
    const uint64_t one = 1;
    if (!is_refused(uring)) {
        atomic_store_explicit(&uring->refused, true, memory_order_release);
        ssize_t ignored = uring->main == uring ? write(uring->alarm, &one, sizeof one) : 0; /* there is room for it */
        (void)ignored;
    }
    wt_wake_one(&uring->reaper_called);
    wt_wake_all(&uring->role_freed);
}

/* Puts on the lists again what a refused ring has not given to the kernel. By the submitter, with the lock held. */
static void take_back(struct uring *uring) {
    uint64_t data;
    /*
     * With SQPOLL a thread of the kernel takes requests in its own time, so it keeps them. The reaper wakes that
     * thread from time to time.
     */
    while ((uring->ring.flags & IORING_SETUP_SQPOLL) == 0 && wt_ring_take_back(&uring->ring, &data)) {
        void *address = (void *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);
        uring->in_flight -= data != TAG_ALARM;
        if ((data & TAG_FLUSH) != 0) {
            push_flush(uring, address);
        } else if (data != TAG_ALARM) {
            wt_io_list_push(&uring->waiting, address);
        }
    }
}

/* How many requests can be sent now. By the submitter, with the lock held. */
static unsigned room_for_requests(struct uring *uring) {
    unsigned room = uring->in_flight_limit - uring->in_flight;
    room = room < uring->batch_limit ? room : uring->batch_limit;
    /*
     * With SQPOLL a thread of the kernel empties the queue in its own time. As a rule requests in the queue are in
     * flight, and the end of one of them sends what is left. But that thread tells only after several requests that
     * it took them: all may have ended before, and then nothing else would send what is left.
     */
    unsigned space, turns = 0;
    while ((space = io_uring_sq_space_left(&uring->ring)) == 0 && uring->in_flight == 0) {
        wt_unlock(&uring->lock);
        wt_yield_to_holders(&turns);
        wt_lock(&uring->lock);
    }
    return room < space ? room : space;
}

/*
 * Sends a batch of what is on the lists. False: there is nothing to send, or no room now. By the submitter, with the
 * lock held.
 */
static bool send_batch(struct uring *uring) {
    unsigned room = room_for_requests(uring);
    bool alarm = uring->alarm_due && room > 0;
    unsigned count = 0;
    room -= alarm;
    struct wt_flush *flushes = take_flushes(uring, room, &count);
    struct wt_io *again = take_chain(&uring->again, room - count, &count);
    struct wt_io *fresh = take_chain(&uring->waiting, room - count, &count);
    if (count == 0 && !alarm) {
        return false;
    }
    uring->in_flight += count;
    uring->alarm_due = uring->alarm_due && !alarm;
    if (uring->main != uring) {
        wt_wake_one(&uring->reaper_called);
    }
    wt_unlock(&uring->lock);
    int64_t now_ns = wt_now_ns();
    if (alarm) {
        prepare_alarm(uring);
    }
    for (struct wt_flush *flush = flushes; flush != NULL; flush = flush->next) {
        prepare_flush(uring, flush);
    }
    for (struct wt_io *io = again; io != NULL; io = io->next) {
        prepare_request(uring, io, true, now_ns);
    }
    for (struct wt_io *io = fresh; io != NULL; io = io->next) {
        prepare_request(uring, io, false, now_ns);
    }
    atomic_fetch_add_explicit(&uring->handed_over, 1, memory_order_release);
    int rc = wt_ring_enter(&uring->ring);
    wt_lock(&uring->lock);
    if (rc < 0) {
        refuse_ring(uring);
        take_back(uring);
    }
    return rc == 0;
}

/*
 * Sends what the lists hold, as far as the bound on I/Os in flight allows. The caller has set submitting, and holds the
 * lock; it does so again on return, and submitting is false.
 */
static void submit_collected(struct uring *uring) {
    for (unsigned round = 0; !is_refused(uring) && (round < SUBMIT_ROUNDS || uring->in_flight == 0); round++) {
        if (!send_batch(uring)) {
            break;
        }
    }
    /* If something is left, I/Os are in flight, and the reaper takes it up when the next one completes. */
    uring->submitting = false;
    if (is_refused(uring)) {
        wt_wake_one(&uring->reaper_called);
    }
}

/* Sends what the lists hold, unless someone is at it. With the lock held. */
static void submit_now(struct uring *uring) {
    uring->held_count = 0;
    atomic_store_explicit(&uring->holding_back, false, memory_order_relaxed);
    if (!uring->submitting) {
        uring->submitting = true;
        submit_collected(uring);
    }
}

/* Whether so many more may wait for a caller that left with completions. With the lock held. */
static bool may_hold_back(const struct uring *uring, unsigned count) {
    return uring->attached && uring->role == ROLE_FREE && uring->held_count + count < HOLD_MOST &&
           uring->hold_until_ns != 0 && wt_now_ns() < uring->hold_until_ns;
}

/* ---- completion ------------------------------------------------------------------------------------------------ */

struct completion {
    uint64_t data; /* the request's user data */
    int result;
};

static struct wt_io *io_of(const struct completion *completion) {
    return (struct wt_io *)(uintptr_t)(completion->data & ~(uint64_t)TAG_MASK);
}

/* Waits for a completion, up to a time if that is not NULL. -ETIME: it is over. */
static int wait_for_completion(struct uring *uring, struct __kernel_timespec *timeout) {
    struct io_uring_cqe *cqe;
    wt_assert_may_block();
    if (must_ask_device(uring)) {
        /* Once, and not until there is one: the ring is locked meanwhile, and nobody could submit. */
        return io_uring_get_events(&uring->ring);
    }
    return timeout ? io_uring_wait_cqe_timeout(&uring->ring, &cqe, timeout) : io_uring_wait_cqe(&uring->ring, &cqe);
}

/*
 * Waits for completions, up to a time if that is not NULL, and takes all there are. 0: the time is over, or the ring
 * is refused.
 */
static unsigned take_completions(struct uring *uring, struct completion *completions,
                                 struct __kernel_timespec *timeout) {
    struct io_uring_cqe *cqes[REAP_BATCH];
    unsigned count, pauses = 0;
    while ((count = io_uring_peek_batch_cqe(&uring->ring, cqes, REAP_BATCH)) == 0) {
        if (is_refused(uring)) {
            return 0;
        }
        int rc = wait_for_completion(uring, timeout);
        if (rc == -ETIME) {
            return 0;
        }
        if (rc < 0 && !wt_ring_ask_again(rc, &pauses)) {
            wt_lock(&uring->lock);
            refuse_ring(uring);
            wt_unlock(&uring->lock);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        completions[i] = (struct completion){.data = cqes[i]->user_data, .result = cqes[i]->res};
    }
    io_uring_cq_advance(&uring->ring, count);
    (void)atomic_load_explicit(&uring->handed_over, memory_order_acquire);
    return count;
}

/* What one batch of completions comes to. */
struct reaped {
    struct wt_io_list rest;    /* to be sent on */
    struct wt_io_list again;   /* to be sent with IOSQE_ASYNC */
    struct wt_io_list written; /* to be flushed */
    struct wt_io_list flushed; /* to be completed */
    bool told;                 /* some were completed that waited for no shared flush */
    bool nudged;
};

/* Counts an I/O that is sent and not completed: 1, or UINT_MAX when it is completed. */
static void count_in_flight(struct uring *main, struct wt_io *io, unsigned change) {
    if (wt_stable_is_asked(io)) {
        atomic_fetch_add_explicit(&main->durable_writes, change, memory_order_relaxed);
        atomic_fetch_add_explicit(&wt_posix_flush(io->backing)->in_flight, change, memory_order_relaxed);
    }
    if (!wt_stable_may_share(io)) {
        atomic_fetch_add_explicit(&main->bystanders, change, memory_order_relaxed);
    }
}

static void complete(struct uring *uring, struct wt_io *io) {
    count_in_flight(uring->main, io, UINT_MAX);
    io->complete(io);
}

/* With the lock held. */
static void end_flush(struct uring *uring, const struct completion *completion, struct reaped *reaped) {
    struct wt_flush *flush = (struct wt_flush *)(uintptr_t)(completion->data & ~(uint64_t)TAG_MASK);
    int result = completion->result;
    bool again = (wt_ring_dropped(result) || result == -EINTR || result == -EAGAIN) && wt_may_retry(&flush->retries);
    if (!again) {
        flush->retries = 0;
        atomic_fetch_add_explicit(&uring->main->backend.shared_flushes, 1, memory_order_relaxed);
        (void)wt_io_list_append(&reaped->flushed,
                                wt_flush_end(flush, WT_MUTANT("ring-flush-ignored") ? 0 : result, &again));
    }
    if (again) {
        push_flush(uring, flush);
    }
}

/* The end of a transfer: completes the I/O, or puts it on the list of what is to be done next. */
static void finish(struct uring *uring, const struct completion *completion, struct reaped *reaped) {
    struct wt_io *io = io_of(completion);
    int result = completion->result;
    bool async = (completion->data & TAG_ASYNC) != 0;
    if (io->error != 0) { /* was never started */
        reaped->told = true;
        complete(uring, io);
    } else if (((wt_ring_dropped(result) && !WT_MUTANT("ring-dropped-fails")) ||
                (result == -EAGAIN && !async)) && /* EAGAIN: it cannot be done without blocking */
               wt_may_retry(&io->retries)) {
        wt_io_list_push(&reaped->again, io);
    } else if (!wt_posix_apply_result(io, result) && !WT_MUTANT("ring-rest-not-sent")) {
        wt_io_list_push(&reaped->rest, io);
    } else if (wt_stable_owes_flush(io) && io->done > 0) { /* before an error, too */
        wt_io_list_push(&reaped->written, io);
    } else {
        reaped->told = true;
        complete(uring, io);
    }
}

static void complete_flushed(struct uring *uring, struct reaped *reaped) {
    struct wt_io *io;
    while ((io = wt_io_list_pop(&reaped->flushed)) != NULL) {
        complete(uring, io);
    }
}

/* Sees to a flush of what was written. With the lock of the main ring held. */
static void flush_written(struct uring *uring, struct wt_io_list *written) {
    struct wt_io *io;
    while ((io = wt_io_list_pop(written)) != NULL) {
        struct wt_flush *flush = wt_posix_flush(io->backing);
        if (wt_flush_add(flush, io)) {
            push_flush(uring, flush);
        }
    }
}

/* The same from the polled ring, on which nothing can be flushed. */
static void flush_on_main(struct uring *main, struct wt_io_list *written) {
    if (written->first == NULL) {
        return;
    }
    wt_lock(&main->lock);
    flush_written(main, written);
    submit_now(main);
    wt_unlock(&main->lock);
}

/* Hands what a batch came to on to the submitter. With the lock held. */
static void collect(struct uring *uring, struct reaped *reaped) {
    uring->nudging = uring->nudging && !reaped->nudged;
    (void)wt_io_list_append(&uring->waiting, reaped->rest.first);
    (void)wt_io_list_append(&uring->again, reaped->again.first);
    flush_written(uring, &reaped->written); /* none on the polled ring */
}

/*
 * Whether a caller that reaps may flush the file itself. That saves a worker of the kernel, and the caller is not
 * woken by each write that completes meanwhile. But while the caller is inside fdatasync nobody reaps. So I/O that
 * needs no flush would be delayed, and other files' writes, whose flushes the kernel sends to the disk as one when
 * they come together. The counts may have changed already.
 */
static bool may_flush_itself(struct uring *uring, const struct wt_flush *flush) {
    return atomic_load_explicit(&uring->patient, memory_order_relaxed) &&
           atomic_load_explicit(&uring->bystanders, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&uring->durable_writes, memory_order_relaxed) ==
               atomic_load_explicit(&flush->in_flight, memory_order_relaxed);
}

/* The flush that is due, if the caller is to run it. With the lock held. */
static struct wt_flush *take_own_flush(struct uring *uring, const struct reaped *reaped) {
    struct wt_flush *flush = uring->flushes;
    bool awaited = reaped->told || reaped->nudged || uring->woken; /* elsewhere: the caller has to return */
    if (flush == NULL || flush->next != NULL || awaited || !may_flush_itself(uring, flush)) {
        return NULL;
    }
    uring->flushes = NULL;
    wt_flush_begin(flush);
    return flush;
}

/*
 * Reserves the submission queue for what the completions will submit, unless another thread has it. The lock is held.
 */
static bool begin_completing(struct uring *uring) {
    bool owner = !uring->submitting;
    uring->submitting = true;
    return owner;
}

static void end_completing(struct uring *uring, bool owner) {
    if (owner || !uring->submitting) {
        uring->submitting = true;
        submit_collected(uring);
    }
}

/*
 * Flushes, and completes the writes that are stable by that. The lock is held, and the thread has no role: the reaper
 * may have to take over.
 */
static void run_own_flush(struct uring *uring, struct wt_flush *flush) {
    struct reaped reaped = {0};
    wt_unlock(&uring->lock);
    int rc = fdatasync(wt_posix_flush_descriptor(flush));
    struct completion completion = {.data = (uint64_t)(uintptr_t)flush | TAG_FLUSH, .result = rc < 0 ? -errno : 0};
    wt_lock(&uring->lock);
    end_flush(uring, &completion, &reaped);
    bool owner = begin_completing(uring);
    wt_unlock(&uring->lock);
    complete_flushed(uring, &reaped);
    wt_lock(&uring->lock);
    end_completing(uring, owner);
}

/*
 * Reaps one batch of completions. False: none came in time. While it completes them it owns the submission queue, if
 * no other thread does: so what the completions submit enters the kernel together. *own, if asked for: a flush that
 * the caller is to run.
 */
static bool reap_batch(struct uring *uring, struct __kernel_timespec *timeout, struct wt_flush **own) {
    struct completion completions[REAP_BATCH];
    struct reaped reaped = {0};
    unsigned count = take_completions(uring, completions, timeout);
    if (count == 0) {
        return false;
    }

    wt_lock(&uring->lock);
    for (unsigned i = 0; i < count; i++) {
        if (completions[i].data == TAG_ALARM) {
            uring->alarm_due = !is_refused(uring); /* else its thread has ended */
            continue;
        }
        assert(uring->in_flight > 0);
        uring->in_flight--;
        if (completions[i].data & TAG_FLUSH) {
            end_flush(uring, &completions[i], &reaped);
        }
    }
    bool owner = begin_completing(uring);
    wt_unlock(&uring->lock);

    for (unsigned i = 0; i < count; i++) {
        if (io_of(&completions[i]) == &uring->nudge) {
            reaped.nudged = true;
        } else if (!(completions[i].data & (TAG_FLUSH | TAG_ALARM))) {
            finish(uring, &completions[i], &reaped);
        }
    }
    complete_flushed(uring, &reaped);
    if (uring->main != uring) {
        flush_on_main(uring->main, &reaped.written);
    }

    wt_lock(&uring->lock);
    collect(uring, &reaped);
    if (own != NULL) {
        *own = take_own_flush(uring, &reaped);
    }
    end_completing(uring, owner);
    wt_unlock(&uring->lock);
    return true;
}

/* ---- who takes completions ------------------------------------------------------------------------------------- */

/* Sends the nudge, unless it is under way. With the lock held. */
static void nudge(struct uring *uring) {
    if (is_refused(uring)) {
        wt_wake_one(&uring->reaper_called); /* nobody waits in the kernel, by the alarm */
        return;
    }
    if (uring->nudging) {
        return;
    }
    uring->nudging = true;
    uring->nudge.error = 0;
    wt_io_list_push(&uring->waiting, &uring->nudge);
    submit_now(uring);
}

/* I/O is in flight or held back. With the lock held. */
static bool has_work(const struct uring *uring) {
    return uring->in_flight > 0 || uring->waiting.first != NULL;
}

/*
 * The reaper while callers reap: sleeps until it is asked to watch, and then looks after a while. If no caller came
 * meanwhile and I/O is in flight, the callers are gone until they come again. The lock is held.
 */
static void watch_callers(struct uring *uring) {
    if (!uring->watching) {
        wt_sleep(&uring->reaper_called, &uring->lock);
        return;
    }
    uint64_t turns = uring->caller_turns;
    int64_t until_ns = wt_deadline_ns(ABSENCE_NS);
    while (!uring->closing && wt_sleep_until(&uring->reaper_called, &uring->lock, until_ns)) {
    }
    /* With none there and I/O in flight nobody else would ask the reaper to look again. */
    uring->watching = uring->role == ROLE_FREE && has_work(uring);
    if (uring->watching && uring->caller_turns == turns) {
        uring->watching = false;
        uring->attached = false;
    }
}

/* ---- a ring that the kernel refuses ---------------------------------------------------------------------------- */

/* Does on this thread what an I/O that the kernel has not, or not whole, asks for. */
static void run_refused(struct uring *uring, struct wt_io *io) {
    if (io->error == 0) { /* else there was no descriptor for it */
        wt_posix_run_left(io);
    }
    if (wt_stable_owes_flush(io) && io->done > 0) {
        int rc = io->backing->ops->sync(io->backing, true);
        io->done = rc < 0 ? 0 : io->done;
        io->error = rc < 0 ? rc : io->error;
        io->flush_failed = rc < 0;
    }
    complete(uring, io);
}

static void run_refused_flush(struct uring *uring, struct wt_flush *flush) {
    struct reaped reaped = {0};
    int rc = fdatasync(wt_posix_flush_descriptor(flush));
    struct completion completion = {.data = (uint64_t)(uintptr_t)flush | TAG_FLUSH, .result = rc < 0 ? -errno : 0};
    wt_lock(&uring->lock);
    end_flush(uring, &completion, &reaped);
    wt_unlock(&uring->lock);
    complete_flushed(uring, &reaped);
}

/* Does what is on the lists. False: nothing was. With the lock held, and not while anything is done. */
static bool run_lists(struct uring *uring) {
    struct wt_flush *flush = uring->flushes;
    struct wt_io *io = NULL;
    if (flush != NULL) {
        uring->flushes = flush->next;
        wt_flush_begin(flush);
    } else {
        io = wt_io_list_pop(uring->again.first != NULL ? &uring->again : &uring->waiting);
    }
    if (io == &uring->nudge) {
        uring->nudging = false;
        return true;
    }
    wt_unlock(&uring->lock);
    if (flush != NULL) {
        run_refused_flush(uring, flush);
    } else if (io != NULL) {
        run_refused(uring, io);
    }
    wt_lock(&uring->lock);
    return flush != NULL || io != NULL;
}

/*
 * I/O that is submitted from now on goes to a backend of threads; without memory for one, the reaper does the I/O.
 * Without the lock.
 */
static void open_substitute(struct uring *main) {
    const struct wt_engine_options options = {.threads = main->threads};
    struct wt_backend *opened = NULL, *none = NULL;
    if (atomic_load_explicit(&main->substitute, memory_order_relaxed) == NULL &&
        wt_threads_open(&options, &opened) == 0 && !atomic_compare_exchange_strong(&main->substitute, &none, opened)) {
        opened->ops->close(opened); /* the reaper of the other ring was quicker */
    }
}

/* For a moment, or until there is something on the lists. With the lock held. */
static void wait_refused(struct uring *uring) {
    if (uring->in_flight == 0 || uring->role == ROLE_CALLER || uring->submitting) {
        wt_sleep(&uring->reaper_called, &uring->lock);
        return;
    }
    wt_unlock(&uring->lock);
    wt_ring_pause();
    /* The filter may be that of another thread alone: then these still poll, and wake the thread of the kernel. */
    (void)io_uring_get_events(&uring->ring);
    (void)io_uring_submit(&uring->ring);
    wt_lock(&uring->lock);
}

/*
 * One round of the reaper of a refused ring. It takes completions out of the ring's memory, which needs no system
 * call: only then is the memory of an I/O free again. The lock is held.
 */
static void serve_refused(struct uring *uring) {
    if (uring->role == ROLE_CALLER || uring->submitting) {
        wait_refused(uring); /* for it to leave */
        return;
    }
    uring->role = ROLE_REAPER; /* for good: callers do not take completions any more */
    wt_unlock(&uring->lock);
    open_substitute(uring->main);
    bool some = reap_batch(uring, NULL, NULL);
    wt_lock(&uring->lock);
    while (run_lists(uring)) {
        some = true;
    }
    if (!some && !(uring->closing && !uring->nudging)) {
        wait_refused(uring);
    }
}

/* True: the substitute has it. */
static bool submit_to_substitute(struct uring *uring, struct wt_io *list) {
    struct wt_backend *substitute = atomic_load_explicit(&uring->substitute, memory_order_acquire);
    if (substitute != NULL) {
        substitute->ops->submit(substitute, list);
    }
    return substitute != NULL;
}

/* ---- the threads ----------------------------------------------------------------------------------------------- */

static void *reaper(void *argument) {
    struct uring *uring = argument;
    wt_lock(&uring->lock);
    while (!uring->closing || uring->nudging) {
        if (is_refused(uring)) {
            serve_refused(uring);
            continue;
        }
        bool given_up = uring->role != ROLE_FREE || uring->callers_waiting > 0;
        if (given_up || (uring->attached && !uring->closing)) {
            watch_callers(uring);
            continue;
        }
        uring->role = ROLE_REAPER;
        atomic_store_explicit(&uring->patient, false, memory_order_relaxed);
        submit_now(uring);
        wt_unlock(&uring->lock);
        (void)reap_batch(uring, NULL, NULL);
        wt_lock(&uring->lock);
        uring->role = ROLE_FREE;
        wt_wake_all(&uring->role_freed);
    }
    wt_unlock(&uring->lock);
    return NULL;
}

/* The reaper of the polled ring. */
static void *poller(void *argument) {
    struct uring *uring = argument;
    wt_lock(&uring->lock);
    while (!uring->closing || uring->in_flight > 0) {
        if (is_refused(uring)) {
            serve_refused(uring);
            continue;
        }
        if (uring->in_flight == 0) {
            wt_sleep(&uring->reaper_called, &uring->lock);
            continue;
        }
        wt_unlock(&uring->lock);
        (void)reap_batch(uring, NULL, NULL);
        wt_lock(&uring->lock);
    }
    wt_unlock(&uring->lock);
    return NULL;
}

/* Starts the threads that are not there yet. */
static int start_threads(struct uring *uring) {
    struct uring *polled = uring->polled;
    struct uring *last = polled != NULL ? polled : uring;
    int rc = 0;
    if (atomic_load_explicit(&last->started, memory_order_relaxed)) {
        return 0;
    }
    wt_lock(&uring->lock);
    if (!uring->started) {
        rc = wt_thread_start(&uring->reaper, "wt-reaper", reaper, uring);
        uring->started = rc == 0;
    }
    if (rc == 0 && polled != NULL && !polled->started) {
        rc = wt_thread_start(&polled->reaper, "wt-poller", poller, polled);
        polled->started = rc == 0;
    }
    wt_unlock(&uring->lock);
    return rc;
}

/* I/O was submitted: if callers take completions and none is there, the reaper is to watch. With the lock held. */
static void ensure_watched(struct uring *uring) {
    if (uring->attached && uring->role == ROLE_FREE && !uring->watching) {
        uring->watching = true;
        wt_wake_one(&uring->reaper_called);
    }
}

static int uring_reap(struct wt_backend *backend, int64_t timeout_ns) {
    struct uring *uring = uring_of(backend);
    if (!(uring->ring.features & IORING_FEAT_EXT_ARG)) {
        return -EOPNOTSUPP; /* before Linux 5.11 a timeout needs the submission queue */
    }
    int64_t wait_ns = timeout_ns < WAIT_MOST_NS ? timeout_ns : WAIT_MOST_NS;
    struct __kernel_timespec timeout = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int rc = start_threads(uring); /* the reaper sees to what a refused ring leaves */
    if (rc < 0) {
        return rc;
    }
    wt_lock(&uring->lock);
    uring->callers_waiting++;
    while (uring->role == ROLE_REAPER && !is_refused(uring)) { /* the reaper gives way, since completions never block */
        nudge(uring);                                          /* unlocks in between */
        if (uring->role == ROLE_REAPER && !is_refused(uring)) {
            wt_sleep(&uring->role_freed, &uring->lock);
        }
    }
    uring->callers_waiting--;
    if (is_refused(uring)) {
        wt_unlock(&uring->lock);
        return -EOPNOTSUPP;
    }
    uring->attached = true;
    if (uring->role == ROLE_CALLER) {
        wt_unlock(&uring->lock);
        return -EBUSY;
    }
    bool patient = timeout_ns < 0 || timeout_ns >= PATIENCE_NS;
    atomic_store_explicit(&uring->patient, patient, memory_order_relaxed);
    uring->caller_turns++;
    bool taken = uring->woken; /* the nudge for it may have been taken by the reaper */
    if (!taken) {
        uring->role = ROLE_CALLER;
        submit_now(uring);
        wt_unlock(&uring->lock);
        struct wt_flush *own = NULL;
        taken = reap_batch(uring, timeout_ns < 0 ? NULL : &timeout, &own);
        wt_lock(&uring->lock);
        uring->role = ROLE_FREE;
        if (is_refused(uring)) {
            wt_wake_one(&uring->reaper_called);
        }
        if (own != NULL) {
            uring->hold_until_ns = 0;
            if (has_work(uring)) { /* a bystander may have been sent meanwhile */
                ensure_watched(uring);
            }
            run_own_flush(uring, own);
        }
    }
    uring->woken = false;
    uring->hold_until_ns = taken ? wt_deadline_ns(HOLD_NS) : 0;
    if (has_work(uring)) {
        ensure_watched(uring);
    }
    wt_unlock(&uring->lock);
    return taken;
}

static void uring_wake(struct wt_backend *backend) {
    struct uring *uring = uring_of(backend);
    wt_lock(&uring->lock);
    uring->woken = true;
    nudge(uring);
    wt_unlock(&uring->lock);
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

/* Counts what is sent. Then it is known which writes share flushes. */
static void share_flushes(struct uring *uring, struct wt_io *list) {
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        count_in_flight(uring, io, 1);
    }
    unsigned in_flight = atomic_load_explicit(&uring->durable_writes, memory_order_relaxed);
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_stable_decide_on_ring(io, in_flight, may_flush_itself(uring, wt_posix_flush(io->backing)));
    }
}

static bool any_urgent(const struct wt_io *list) {
    bool urgent = false;
    for (; list != NULL; list = list->next) {
        urgent = urgent || list->high_priority;
    }
    return urgent;
}

static void submit_list(struct uring *uring, struct wt_io *list) {
    bool urgent = any_urgent(list);
    wt_lock(&uring->lock);
    unsigned count = wt_io_list_append(&uring->waiting, list);
    if (!urgent && may_hold_back(uring, count)) {
        uring->held_count += count;
        atomic_store_explicit(&uring->holding_back, true, memory_order_relaxed);
    } else {
        submit_now(uring);
    }
    ensure_watched(uring);
    wt_unlock(&uring->lock);
}

static void uring_submit(struct wt_backend *backend, struct wt_io *list) {
    struct uring *uring = uring_of(backend);
    if (submit_to_substitute(uring, list)) {
        return;
    }
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_posix_begin(io);
    }
    int rc = start_threads(uring);
    if (rc < 0) {
        refuse(list, rc); /* without a thread of ours they can only complete here */
        return;
    }
    share_flushes(uring, list);
    submit_list(uring, list);
}

/* With a polled ring: each I/O goes to the one that can have it. */
static void polled_submit(struct wt_backend *backend, struct wt_io *list) {
    struct uring *uring = uring_of(backend);
    struct wt_io_list polled = {0};
    struct wt_io_list others = {0};
    if (submit_to_substitute(uring, list)) {
        return;
    }
    int rc = start_threads(uring);
    for (struct wt_io *io = list; io != NULL; io = io->next) {
        wt_posix_begin(io);
    }
    if (rc < 0) {
        refuse(list, rc);
        return;
    }
    share_flushes(uring, list);
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        wt_io_list_push(io->through_page_cache ? &others : &polled, io);
    }
    if (polled.first != NULL) {
        submit_list(uring->polled, polled.first);
    }
    if (others.first != NULL) {
        submit_list(uring, others.first);
    }
}

static void uring_release(struct wt_backend *backend) {
    struct uring *uring = uring_of(backend);
    if (!atomic_load_explicit(&uring->holding_back, memory_order_relaxed)) {
        return;
    }
    wt_lock(&uring->lock);
    submit_now(uring);
    wt_unlock(&uring->lock);
}

static void uring_arena(struct wt_backend *backend, void *base, size_t bytes) {
    struct uring *uring = uring_of(backend);
    struct uring *direct = uring->polled != NULL ? uring->polled : uring;
    wt_registry_arena(&direct->registry, base, bytes);
}

/* A submitter may have seen its last I/O complete before it came back from the kernel. */
static void wait_for_submitter(struct uring *uring) {
    unsigned turns = 0;
    wt_lock(&uring->lock);
    while (uring->submitting) {
        wt_unlock(&uring->lock);
        wt_yield_to_holders(&turns);
        wt_lock(&uring->lock);
    }
    wt_unlock(&uring->lock);
}

static void end_reaper(struct uring *uring) {
    wt_lock(&uring->lock);
    uring->closing = true;
    if (uring->main == uring) {
        nudge(uring);
    }
    wt_wake_one(&uring->reaper_called);
    wt_unlock(&uring->lock);
    wt_join(uring->reaper);
    wait_for_submitter(uring);
}

static void free_uring(struct uring *uring) {
    wt_condition_destroy(&uring->reaper_called);
    wt_condition_destroy(&uring->role_freed);
    wt_mutex_destroy(&uring->lock);
    free(uring);
}

static void close_ring(struct uring *uring) {
    if (uring->started) {
        end_reaper(uring);
    }
    assert(uring->in_flight == (uring->nudging ? 1 : 0) && uring->durable_writes == 0 && uring->bystanders == 0);
    assert(uring->waiting.first == NULL && uring->again.first == NULL && uring->flushes == NULL);
    wt_registry_close(&uring->registry);
    wt_ring_exit(&uring->ring);
    if (uring->alarm >= 0) {
        (void)close(uring->alarm);
    }
    free_uring(uring);
}

static void uring_close(struct wt_backend *backend) {
    struct uring *uring = uring_of(backend);
    struct wt_backend *substitute = atomic_load_explicit(&uring->substitute, memory_order_acquire);
    if (substitute != NULL) {
        substitute->ops->close(substitute);
    }
    wt_bursts_close(&uring->bursts);
    if (uring->polled != NULL) {
        close_ring(uring->polled);
    }
    close_ring(uring);
}

static struct wt_burst *uring_burst_begin(struct wt_backend *backend) {
    return wt_burst_begin(&uring_of(backend)->bursts);
}

static const struct wt_backend_ops uring_ops = {
    .name = "io_uring",
    .kind = WT_BACKEND_IO_URING,
    .open = wt_posix_open,
    .submit = uring_submit,
    .close = uring_close,
    .release = uring_release,
    .reap = uring_reap,
    .wake = uring_wake,
    .arena = uring_arena,
    .burst_begin = uring_burst_begin,
    .burst_start = wt_burst_start,
    .burst_end = wt_burst_end,
};

/* ---- files that can be polled ---------------------------------------------------------------------------------- */

/* Its result, or -errno. */
static int poll_for_read(struct io_uring *ring) {
    struct io_uring_cqe *cqe;
    unsigned pauses = 0;
    int rc;
    while (io_uring_peek_cqe(ring, &cqe) < 0) {
        rc = io_uring_get_events(ring);
        if (rc < 0 && !wt_ring_ask_again(rc, &pauses)) {
            return rc;
        }
    }
    return cqe->res == -EOPNOTSUPP || cqe->res == -EINVAL ? -EOPNOTSUPP : 0; /* other errors are for the caller's I/O */
}

/* Asks the kernel by a polled read of one block, which transfers nothing from a file that was just created. */
static int try_polled_read(int fd, uint32_t length) {
    struct io_uring ring;
    void *block = aligned_alloc(4096, 4096); /* no block is larger */
    int rc = block != NULL ? io_uring_queue_init(RING_ENTRIES_MIN, &ring, IORING_SETUP_IOPOLL) : -ENOMEM;
    if (rc < 0) {
        free(block);
        return rc;
    }
    io_uring_prep_read(io_uring_get_sqe(&ring), fd, block, length, 0);
    rc = wt_ring_enter(&ring);
    bool sent = rc == 0;
    rc = sent ? poll_for_read(&ring) : rc;
    wt_ring_exit(&ring);
    if (!sent || rc == 0 || rc == -EOPNOTSUPP) {
        free(block); /* else the device may still write to it */
    }
    return rc;
}

/* Polling is of use where the device has queues without interrupts, and the file system has to pass it on. */
static int check_polled(const struct wt_core_profile *profile, int fd) {
    if (profile->path != WT_PATH_DIRECT || !wt_probe_polled(profile)) {
        return -EOPNOTSUPP;
    }
    return try_polled_read(fd, profile->block_bytes);
}

static int polled_open(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                       struct wt_backing **backing) {
    (void)backend;
    return wt_posix_open_checked(path, flags, mode, check_polled, backing);
}

/* ---- opening the backend --------------------------------------------------------------------------------------- */

/* One thread cannot wait for the completions of two rings: no caller reaps. */
static const struct wt_backend_ops polled_ops = {
    .name = "io_uring",
    .kind = WT_BACKEND_IO_URING,
    .open = polled_open,
    .submit = polled_submit,
    .close = uring_close,
    .arena = uring_arena,
    .burst_begin = uring_burst_begin,
    .burst_start = wt_burst_start,
    .burst_end = wt_burst_end,
};

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
    struct io_uring_params params = {.flags = setup | IORING_SETUP_SUBMIT_ALL, .sq_thread_idle = POLLING_IDLE_MS};
    int rc = io_uring_queue_init_params(entries, ring, &params);
    if (rc == -EINVAL) {
        params = (struct io_uring_params){.flags = setup, .sq_thread_idle = POLLING_IDLE_MS};
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
static int prove_ring(struct uring *uring) {
    struct io_uring_cqe *cqe;
    unsigned pauses = 0;
    int rc;
    if (uring->alarm >= 0) {
        prepare_alarm(uring);
    }
    io_uring_prep_nop(next_request(uring));
    do {
        rc = io_uring_submit_and_wait(&uring->ring, 1);
    } while (rc < 0 && wt_ring_ask_again(rc, &pauses));
    while (rc >= 0 && io_uring_peek_cqe(&uring->ring, &cqe) < 0) {
        rc = wait_for_completion(uring, NULL);
        rc = rc < 0 && wt_ring_ask_again(rc, &pauses) ? 0 : rc;
    }
    if (rc >= 0) {
        rc = cqe->user_data == TAG_ALARM ? -EOPNOTSUPP : 0; /* it cannot be over */
        io_uring_cqe_seen(&uring->ring, cqe);
    }
    return rc;
}

static int open_ring(struct uring *uring, unsigned entries, unsigned setup) {
    int rc = set_up_ring(&uring->ring, entries, setup);
    if (rc < 0) {
        return rc;
    }
    rc = check_operations(&uring->ring);
    if (rc == 0) {
        rc = prove_ring(uring);
    }
    if (rc == 0) {
        rc = wt_registry_open(&uring->registry, &uring->ring);
    }
    if (rc < 0) {
        wt_ring_exit(&uring->ring);
        return rc;
    }
    uring->batch_limit = uring->ring.sq.ring_entries;
    uring->in_flight_limit = uring->ring.cq.ring_entries - 1; /* the alarm has one */
    return 0;
}

static int new_uring(unsigned entries, unsigned setup, struct uring **result) {
    struct uring *uring = calloc(1, sizeof *uring);
    if (uring == NULL) {
        return -ENOMEM;
    }
    int rc = wt_mutex_init(&uring->lock, WT_LOCK_URING);
    if (rc != 0) {
        free(uring);
        return -rc;
    }
    wt_condition_init(&uring->reaper_called);
    wt_condition_init(&uring->role_freed);
    uring->main = uring;
    /* A ring that is polled has no alarm: the thread that polls it never waits in the kernel. */
    uring->alarm = (setup & IORING_SETUP_IOPOLL) != 0 ? -1 : wt_descriptor_above_standard(eventfd(0, EFD_CLOEXEC));
    rc = uring->alarm < 0 && (setup & IORING_SETUP_IOPOLL) == 0 ? -errno : open_ring(uring, entries, setup);
    if (rc < 0) {
        if (uring->alarm >= 0) {
            (void)close(uring->alarm);
        }
        free_uring(uring);
        return rc;
    }
    *result = uring;
    return 0;
}

int wt_io_uring_open(const struct wt_engine_options *options, struct wt_backend **backend) {
    unsigned entries = options->ring_entries != 0 ? options->ring_entries : RING_ENTRIES_DEFAULT;
    if (entries < RING_ENTRIES_MIN || entries > RING_ENTRIES_MAX || (entries & (entries - 1)) != 0) {
        return -EINVAL;
    }
    /* A thread of the kernel serves the ring that carries the data. */
    bool polled = (options->flags & WT_ENGINE_IOPOLL) != 0;
    unsigned setup = (options->flags & WT_ENGINE_SQPOLL) != 0 ? IORING_SETUP_SQPOLL : 0;
    struct uring *uring = NULL;
    int rc = new_uring(entries, polled ? 0 : setup, &uring);
    if (rc < 0) {
        return rc;
    }
    assert(uring != NULL);
    rc = wt_bursts_open(&uring->bursts, &uring->backend);
    if (rc < 0) {
        close_ring(uring);
        return rc;
    }
    uring->threads = options->threads;
    uring->backend.ops = &uring_ops;
    if (polled) {
        uring->backend.ops = &polled_ops;
        rc = new_uring(entries, setup | IORING_SETUP_IOPOLL, &uring->polled);
        if (rc < 0) {
            uring_close(&uring->backend);
            return rc;
        }
        uring->polled->main = uring;
    }
    *backend = &uring->backend;
    return 0;
}
