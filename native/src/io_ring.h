/* What every ring of io_uring that is used here does alike. */
#ifndef WT_IO_RING_H
#define WT_IO_RING_H

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "wait.h"
#include "writethrough.h"

/* A kernel that is out of memory for requests is asked again after this long. */
#define WT_RING_BUSY_PAUSE_NS 100000L

/* The ring worked when it was opened, and requests may be written that nobody can take back: no way on from here. */
_Noreturn static inline void wt_ring_fail(const char *call, int rc) {
    (void)fprintf(stderr, "writethrough: %s: impossible error %s\n", call, wt_errno_name(-rc));
    abort();
}

/* Nobody here cancels, but what a kernel does with the queue of a thread that ends is its own affair (6.18 finishes it). It
 * says nothing about the request itself. */
static inline bool wt_ring_dropped(int result) {
    return result == -ECANCELED;
}

/* Gives every prepared request to the kernel; with SQPOLL to its thread, which is awake then and takes them in its own time. */
static inline void wt_ring_enter(struct io_uring *ring) {
    while (io_uring_sq_ready(ring) > 0) {
        int rc = io_uring_submit(ring);
        if (rc >= 0 && (ring->flags & IORING_SETUP_SQPOLL) != 0) {
            return;
        }
        if (rc > 0 || rc == -EINTR) {
            continue;
        }
        if (rc == 0 || rc == -EAGAIN || rc == -EBUSY || rc == -ENOMEM) {
            wt_pause(WT_RING_BUSY_PAUSE_NS);
            continue;
        }
        wt_ring_fail("io_uring_enter", rc);
    }
}

#endif
