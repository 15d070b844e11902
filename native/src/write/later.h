// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Later writes: who sends what rounds hold, and what a force does. See round.h.
 *
 *   force    close the open round -> send what is held; a single run of blocks as one durable I/O on the caller's thread
 *            -> wait for the rounds that were closed by now -> flush, unless all of it was durable I/O
 *            -> tell the handle of bytes that were lost
 *
 * Forces of one file come in groups, as commits do in a database. Those that come while a group runs are the next one.
 * The first of them leads it when the other has ended: its thread closes the round, sends, waits and flushes for all.
 * Before that the leader waits a moment for the threads that the last group set free: see arrivals.h.
 */
#ifndef WT_LATER_H
#define WT_LATER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/objects.h"
#include "file/inode.h"

/* A file that holds this much sends it: an I/O of this size is as fast as larger ones. */
#define WT_HELD_BYTES_MOST (256u << 10)

/* The ticker sends what has been held for so long. */
#define WT_HELD_NS INT64_C(400000)

/* Sends what the file holds. The file is open, or something keeps its gate. */
void wt_later_send(struct wt_inode *inode);
/* Shuts the file's gate, and waits until nothing is held or in flight. */
void wt_later_shut(struct wt_inode *inode);
/* wt_folio_wait_idle, and sends what the folio, which is locked, holds in the blocks. The caller holds no other lock. */
void wt_later_wait_idle(struct wt_folio *folio, uint64_t blocks);
/* Sends what is held for all files of the engine: the caller is about to wait for room. */
void wt_later_send_all(struct wt_engine_object *engine);
/* A later write is about to copy: waits while the file has too many bytes on their way. */
void wt_later_make_room(struct wt_inode *inode);
/* Bytes of a later write were copied. Has the ticker send them if the file holds enough. */
void wt_later_copied(struct wt_inode *inode);

/*
 * The caller is about to make bytes of the file durable without a force, or is to be told errors that a flush should be: from
 * now on the kernel keeps no bytes of the file (turns.h). Waits for a flush of what it keeps. The caller is not inside the
 * gate. may_wait: else -EAGAIN where a flush is needed.
 */
int wt_later_keep_nothing(struct wt_inode *inode, bool may_wait);
/* Sends what was written before, and waits until the device has it, as far as the device takes it. */
void wt_later_await(struct wt_inode *inode);
/* The same. 0, or the error of lost bytes: see wt_force. That of stores is left for a force. */
int wt_later_settle(struct wt_file_object *file);
/* The same for a handle that is being closed, which tells the error of stores too. */
int wt_later_close(struct wt_file_object *file);
/* wt_later_settle, and makes the bytes stable. Also fails if any flush of the file failed meanwhile, whichever call asked for it. */
int wt_later_force(struct wt_file_object *file);
/* The same with all metadata, by fsync(2) in any case. */
int wt_later_sync(struct wt_file_object *file);

/*
 * The thread that sends what nobody else does: what a file has held for WT_HELD_NS, and files that hold enough. It is
 * started before the first byte is held. 0 or -errno.
 */
int wt_ticker_start(struct wt_engine_object *engine);
void wt_ticker_stop(struct wt_engine_object *engine);

#endif
