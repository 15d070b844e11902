/* What every ring of io_uring that is used here does alike. */
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

/* A kernel that is out of memory for requests is asked again after this long, and so often in turn: for a second at least. */
#define WT_RING_BUSY_PAUSE_NS 100000L
#define WT_RING_BUSY_PAUSES 10000u

/* Nobody here cancels, but what a kernel does with the queue of a thread that ends is its own affair (6.18 finishes it). It
 * says nothing about the request itself. */
static inline bool wt_ring_dropped(int result) {
    return result == -ECANCELED;
}

/*
 * ThreadSanitizer does not see the memory of a ring come and go, since liburing maps it by system calls of its own: it would take
 * one ring in the place of another, of another thread, for a race.
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

/* Whether the kernel may answer otherwise when it is asked again, after a pause that is over on return. *pauses: in turn. */
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
 * Gives every prepared request to the kernel; with SQPOLL to its thread, which is awake then and takes them in its own time.
 * -errno: the kernel takes no more for good, since a filter of system calls or another's close(2) came after the opening. What
 * it has not taken is still in the queue.
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
 * Takes one request that the kernel has not taken out of the queue again, and tells its user data. False: there is none. Not
 * with SQPOLL, where a thread of the kernel may be taking it at this moment.
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
