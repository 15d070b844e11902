// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The queue of one ring: I/O that waits, requests that the kernel has, and completions.
 *
 * Submission combines. An I/O goes on a list. If no thread is the submitter, the thread becomes the submitter of all
 * that is on the list, until the list is empty. So the submission queue has one user at a time, and I/O that arrives
 * together enters the kernel together. The kernel never has more I/Os than the completion queue has room for: other
 * I/O waits on the list and leaves as completions arrive.
 *
 * A kernel that took requests at the opening may refuse them later: a filter of system calls was installed, or
 * somebody closed the descriptor. Then the ring is refused, for good. A request that otherwise never ends, the alarm,
 * wakes a thread that waits in the kernel for completions. A ring that is polled has no alarm: the thread that polls
 * the ring never waits in the kernel.
 *
 * The ring is set up without IORING_SETUP_COOP_TASKRUN and its companions. With them the kernel finishes an I/O in
 * the thread that submitted it, which here may be a thread of the application that does not enter the kernel again
 * for a long time. A lane's ring has one thread, which does enter the kernel again: it has these flags.
 */
#ifndef WT_QUEUE_H
#define WT_QUEUE_H

#include <liburing.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/io.h"
#include "io/list.h"
#include "uring/registry.h"
#include "uring/roles.h"
#include "uring/shared_flush.h"

/* Completions that are reaped at once. */
#define WT_REAP_BATCH 64u

struct wt_queue {
    struct io_uring ring;        /* submission queue: the submitter's; completion queue: the reaping thread's */
    struct wt_registry registry; /* the submitter's */
    struct wt_roles *roles;
    struct wt_shared_flush *shared_flush;
    unsigned batch_limit;
    unsigned in_flight_limit;
    /*
     * Raised after requests are written and before the kernel gets them, and read by the reaper. So the language
     * knows of the order that the kernel keeps.
     */
    atomic_uint handed_over;
    atomic_bool refused; /* by the kernel, for good; set with the lock held */
    int alarm;           /* an eventfd, readable when the ring is refused; -1: it is polled */

    /* Guards what follows, the roles, the hold-back, and flushes that are due. */
    struct wt_mutex lock;
    struct wt_io_list waiting;
    struct wt_io_list again; /* to be sent with IOSQE_ASYNC, before the others */
    unsigned in_flight;      /* requests in the kernel, without the alarm */
    bool alarm_due;          /* the request of the alarm is to be sent */
    bool submitting;         /* someone owns the submission queue */
    bool prompt;             /* the last requests seem to have completed before the kernel returned from them */
    bool nudging;            /* the nudge is under way */
    struct wt_io nudge;      /* not an I/O: a NOP, whose completion wakes a thread that waits for completions */
};

struct wt_completion {
    uint64_t data; /* the request's user data */
    int result;
};

/* What a completion is of. */
enum wt_completion_kind { WT_COMPLETION_IO, WT_COMPLETION_FLUSH, WT_COMPLETION_ALARM, WT_COMPLETION_NUDGE };

/*
 * The ring of one thread: the kernel finishes an I/O when that thread asks for completions, and interrupts nobody. Linux
 * 6.1; an earlier kernel does as it does for other rings.
 */
#define WT_QUEUE_OF_ONE_THREAD                                                                                         \
    (unsigned)(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG)

/* 0 or -errno. setup: flags of io_uring_setup. */
int wt_queue_open(struct wt_queue *queue, unsigned entries, unsigned setup, struct wt_roles *roles,
                  struct wt_shared_flush *shared_flush);
/* Nothing is in flight or waits. */
void wt_queue_close(struct wt_queue *queue);

bool wt_queue_is_refused(const struct wt_queue *queue);

/* ---- submission, with the lock held ---------------------------------------------------------------------------- */

/* Sends what the lists hold, unless someone is at it: then false. Lets go of the lock meanwhile. */
bool wt_queue_submit(struct wt_queue *queue);
/*
 * Reserves the submission queue for what completions will submit, unless another thread has it: then false. Nothing
 * is sent before the release.
 */
bool wt_queue_reserve(struct wt_queue *queue);
/* Sends what was put on the lists since the reservation. owner: what the reservation returned. */
void wt_queue_release(struct wt_queue *queue, bool owner);
/* Puts a chain on the list. Returns its count. */
unsigned wt_queue_add(struct wt_queue *queue, struct wt_io *chain);
/* The same for I/O that is to go with IOSQE_ASYNC. */
void wt_queue_add_again(struct wt_queue *queue, const struct wt_io_list *list);
/* Puts the nudge on the list. False: it is under way. */
bool wt_queue_add_nudge(struct wt_queue *queue);
/* The nudge came back. */
void wt_queue_end_nudge(struct wt_queue *queue);
/* I/O is in flight, held back, or waits. */
bool wt_queue_has_work(const struct wt_queue *queue);
/* The next I/O of a refused ring, or NULL; the nudge too. */
struct wt_io *wt_queue_pop(struct wt_queue *queue);

/* ---- completions, by the thread that reaps --------------------------------------------------------------------- */

/*
 * Waits for completions, up to a time if that is not NULL, and takes all there are. 0: the time is over, or the ring
 * is refused. Without the lock.
 */
unsigned wt_queue_reap(struct wt_queue *queue, struct wt_completion completions[WT_REAP_BATCH],
                       struct __kernel_timespec *timeout);
/* A completion was taken. With the lock held. */
void wt_queue_count_completed(struct wt_queue *queue, const struct wt_completion *completion);
enum wt_completion_kind wt_completion_kind(const struct wt_queue *queue, const struct wt_completion *completion);
struct wt_io *wt_completion_io(const struct wt_completion *completion);
struct wt_flush *wt_completion_flush(const struct wt_completion *completion);
/* Whether the request went with IOSQE_ASYNC. */
bool wt_completion_is_async(const struct wt_completion *completion);
/* Whether completions can be taken without waiting. On the ring of one thread, by that thread. */
bool wt_queue_is_ready(const struct wt_queue *queue);
/* Completions that the kernel has told. By the thread that reaps. */
unsigned wt_queue_count_ready(const struct wt_queue *queue);
/* Makes a thread that waits for completions return, or the next one that comes. By any thread, without the lock. */
void wt_queue_wake(struct wt_queue *queue);
/* On a refused ring: waits until wt_queue_wake, or for timeout_ns; -1: for ever. Without the lock. */
void wt_queue_await_wake(struct wt_queue *queue, int64_t timeout_ns);
/* On a refused ring, after a moment: a thread of the kernel that polls is woken. Without the lock. */
void wt_queue_poke(struct wt_queue *queue);

/* A submitter may have seen its last I/O complete before it came back from the kernel. Without the lock. */
void wt_queue_wait_for_submitter(struct wt_queue *queue);

#endif
