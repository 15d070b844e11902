// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What every io_uring ring of the library does alike. */
#ifndef WT_IO_RING_H
#define WT_IO_RING_H

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/wait.h"
#include "posix/descriptor.h"

/*
 * Takes the result of io_uring_queue_init. Moves the ring's descriptor above those of standard input, output and error. On an
 * error the ring has ended.
 */
int wt_ring_above_standard(int rc, struct io_uring *ring);

/*
 * If the kernel is out of memory for requests, it is asked again after this pause, this often in a row: for a second
 * at least.
 */
#define WT_RING_BUSY_PAUSE_NS 100000L
#define WT_RING_BUSY_PAUSES 10000u

/*
 * The library cancels nothing. But a kernel may cancel the requests of a thread that ends (6.18 finishes them). Such
 * a result says nothing about the request itself.
 */
static inline bool wt_ring_dropped(int result) {
    return result == -ECANCELED;
}

/*
 * ThreadSanitizer does not see the memory of a ring come and go, since liburing maps that memory by system calls of
 * its own. If a ring of one thread lies where a ring of another thread was, ThreadSanitizer would report a race.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WT_RING_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define WT_RING_TSAN
#endif
#ifdef WT_RING_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define WT_RING_ORDER(call) call((void *)(uintptr_t)&wt_descriptor_above_standard)
#else
#define WT_RING_ORDER(call) (void)0
#endif

/* A ring was made. */
static inline void wt_ring_begun(void) {
    WT_RING_ORDER(__tsan_acquire);
}

/* Ends a ring and unmaps its memory. */
static inline void wt_ring_exit(struct io_uring *ring) {
    WT_RING_ORDER(__tsan_release);
    io_uring_queue_exit(ring);
}

static inline void wt_ring_pause(void) {
    wt_pause(WT_RING_BUSY_PAUSE_NS);
}

/*
 * Whether the kernel may answer otherwise when it is asked again. If so, a pause has passed on return. *pauses counts
 * pauses in a row.
 */
static inline bool wt_ring_ask_again(int rc, unsigned *pauses) {
    if (rc == -EINTR) {
        return true;
    }
    if ((rc != -EAGAIN && rc != -EBUSY && rc != -ENOMEM) || ++*pauses > WT_RING_BUSY_PAUSES) {
        return false;
    }
    wt_ring_pause();
    return true;
}

/*
 * Gives every prepared request to the kernel; with SQPOLL to the kernel's thread, which is then awake and takes the
 * requests in its own time. -errno: the kernel takes no more requests for good, since a filter of system calls or
 * another's close(2) came after the opening. Requests that it has not taken are still in the queue.
 */
static inline int wt_ring_enter(struct io_uring *ring) {
    unsigned pauses = 0;
    while (io_uring_sq_ready(ring) > 0) {
        int rc = io_uring_submit(ring);
        if (rc >= 0 && (ring->flags & IORING_SETUP_SQPOLL) != 0) {
            return 0;
        }
        if (rc > 0) {
            pauses = 0;
            continue;
        }
        rc = rc == 0 ? -EBUSY : rc;
        if (!wt_ring_ask_again(rc, &pauses)) {
            return rc;
        }
    }
    return 0;
}

/*
 * Takes back one request that the kernel has not taken, and tells its user data. False: there is none. Not with
 * SQPOLL, where a thread of the kernel may be taking the request at this moment.
 */
static inline bool wt_ring_take_back(struct io_uring *ring, uint64_t *data) {
    struct io_uring_sq *sq = &ring->sq;
    assert((ring->flags & IORING_SETUP_SQPOLL) == 0);
    if (io_uring_sq_ready(ring) == 0) {
        return false;
    }
    unsigned last = sq->sqe_tail - 1;
    *data = sq->sqes[sq->array[last & sq->ring_mask]].user_data;
    sq->sqe_head = sq->sqe_tail = last;
    *sq->ktail = last; /* the kernel reads it in io_uring_enter alone */
    return true;
}

#endif
