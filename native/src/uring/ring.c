// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "uring/ring.h"

#include <fcntl.h>
#include <unistd.h>

int wt_ring_above_standard(int rc, struct io_uring *ring) {
    wt_ring_begun();
    if (rc < 0 || ring->ring_fd > STDERR_FILENO) {
        return rc;
    }
    int above = fcntl(ring->ring_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (above < 0) {
        rc = -errno;
        wt_ring_exit(ring);
        return rc;
    }
    (void)close(ring->ring_fd); /* the ring lives on in the other one */
    ring->ring_fd = ring->enter_ring_fd = above;
    return 0;
}
