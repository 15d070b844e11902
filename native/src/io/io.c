// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/io.h"

#include <assert.h>

void wt_io_init(struct wt_io *io, enum wt_io_op op, struct wt_backing *backing, uint64_t offset) {
    io->op = op;
    io->durability = WT_DURABILITY_DEVICE;
    io->through_page_cache = io->kept = io->atomic = io->high_priority = false;
    io->retries = 0;
    io->flush_failed = false;
    io->stable_by = WT_STABLE_BY_NOTHING;
    io->backing = backing;
    io->offset = offset;
    io->length = io->done = 0;
    io->queued_ns = io->started_ns = 0;
    io->segment_count = io->first_segment = 0;
    io->skipped = 0;
    io->error = 0;
    io->next = NULL;
}

void wt_io_add(struct wt_io *io, void *memory, size_t length) {
    struct iovec *last = io->segment_count ? &io->segments[io->segment_count - 1] : NULL;
    if (last && (char *)last->iov_base + last->iov_len == memory) {
        last->iov_len += length;
    } else {
        assert(io->segment_count < WT_IO_SEGMENTS);
        io->segments[io->segment_count++] = (struct iovec){.iov_base = memory, .iov_len = length};
    }
    io->length += length;
}

/* Gives the first segment with bytes left the bytes back that are done. */
static void restore_segment(struct wt_io *io) {
    struct iovec *segment = wt_io_left(io);
    segment->iov_base = (char *)segment->iov_base - io->skipped;
    segment->iov_len += io->skipped;
    io->skipped = 0;
}

bool wt_io_advance(struct wt_io *io, uint64_t n) {
    assert(n <= io->length - io->done);
    io->done += n;
    while (io->first_segment < io->segment_count && n >= wt_io_left(io)->iov_len) {
        n -= wt_io_left(io)->iov_len;
        restore_segment(io);
        io->first_segment++;
    }
    if (io->first_segment == io->segment_count) {
        assert(n == 0 && io->done == io->length);
        return true;
    }
    struct iovec *segment = wt_io_left(io);
    segment->iov_base = (char *)segment->iov_base + n;
    segment->iov_len -= n;
    io->skipped += n;
    return io->done == io->length;
}

void wt_io_rewind(struct wt_io *io) {
    if (io->first_segment < io->segment_count) {
        restore_segment(io);
    }
    io->first_segment = 0;
    io->done = 0;
    io->error = 0;
}
