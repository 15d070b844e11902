// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "file/transfer.h"

#include "engine/stats.h"
#include "io/turns.h"

void wt_transfer_add_zeros(struct wt_inode *inode, struct wt_io *io, uint64_t count) {
    for (uint64_t n; count > 0; count -= n) {
        n = count < WT_ZERO_BYTES ? count : WT_ZERO_BYTES;
        wt_io_add(io, inode->engine->zeros, (size_t)n);
    }
}

void wt_transfer_run(struct wt_inode *inode, struct wt_io *io) {
    wt_stats_io_start(inode->engine, io);
    wt_turns_run(&inode->turns, io);
    wt_stats_io_end(inode->engine, io, 0);
}

void wt_transfer_run_inside(struct wt_inode *inode, struct wt_io *io) {
    wt_stats_io_start(inode->engine, io);
    wt_turns_run_inside(&inode->turns, io);
    wt_stats_io_end(inode->engine, io, 0);
}

void wt_transfer_submit(struct wt_inode *inode, struct wt_io *list, struct wt_burst *burst) {
    for (struct wt_io *io = list; io; io = io->next)
        wt_stats_io_start(inode->engine, io);
    wt_turns_submit(&inode->turns, list, burst);
}

void wt_transfer_run_to_end(struct wt_inode *inode, struct wt_io *io) {
    wt_stats_io_start(inode->engine, io);
    wt_turns_run_to_end(&inode->turns, io);
}

int64_t wt_transfer_ended(struct wt_inode *inode, const struct wt_io *io, uint32_t writes) {
    return wt_stats_io_end(inode->engine, io, writes);
}
