// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Writeback: one I/O in flight, with the folios' blocks that it carries, the writes that wait for it, and what
 * happens when it ends. By then, writes to blocks under writeback have gathered: they leave as the next I/O. gather.h
 * has who sends it.
 */
#ifndef WT_WRITEBACK_H
#define WT_WRITEBACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/objects.h"
#include "file/inode.h"
#include "io/io.h"
#include "write/context.h"

struct wt_lane_object;

#define WT_WRITEBACK_SHARES 40u

/*
 * At most this many I/Os at once; past that writers wait. Gathers are not counted: they need no more objects than the
 * I/O that ended.
 */
#define WT_WRITEBACK_LIMIT 4096u

struct wt_share {
    struct wt_folio *folio;
    uint64_t blocks; /* carried */
    uint64_t fenced; /* fenced off from other I/O: they share a page of the kernel's page cache with the tail block */
};

struct wt_writeback {
    struct wt_io io;
    struct wt_inode *inode;
    struct wt_writeback *next;
    bool zeroing;       /* of an allocation: its memory is no folio's */
    uint64_t file_size; /* of a read below writes: the file's size when it began */
    /*
     * Of an atomic write whose folios' memory is not one piece: a copy that is. Of a read below the bytes of writes, whose
     * detached memory a pin shows: memory in its place. Else NULL.
     */
    void *bounce;
    bool gather;
    uint32_t writes; /* count of writes that it carries */
    unsigned share_count;
    struct wt_share shares[WT_WRITEBACK_SHARES];
};

/* I/Os that are being put together. If objects were taken in advance, there is no lack of them. */
struct wt_launch {
    struct wt_inode *inode;
    struct wt_writeback *first, *last;
    struct wt_writeback *objects; /* taken in advance */
    struct wt_burst *burst;       /* NULL, or the burst that the I/Os are part of */
    bool gather;
    bool leaves_growth; /* blocks that grow the file go through the kernel's page cache, which may keep them */
};

/* An object for an I/O, counted against the limit if limited. NULL: the limit is reached, or there is no memory. */
struct wt_writeback *wt_writeback_take(struct wt_engine_object *engine, bool limited);
void wt_writeback_give(struct wt_engine_object *engine, struct wt_writeback *writeback);
/* A lane, that its thread is in no call of, keeps objects no more. */
void wt_writeback_give_spares(struct wt_lane_object *lane);
/* Objects that I/Os have, or that are about to be used for one; exact while nothing happens. */
uint32_t wt_writebacks_in_use(const struct wt_engine_object *engine);
/* Whether the limit is reached, more or less. */
static inline bool wt_writeback_is_short(const struct wt_engine_object *engine) {
    return atomic_load_explicit(&engine->writebacks_out, memory_order_relaxed) >=
           atomic_load_explicit(&engine->writeback_limit, memory_order_relaxed);
}
/*
 * Waits until an object may be taken. The caller holds no object and no lock. -ENOMEM: there is no memory, and no
 * object will be given back.
 */
int wt_writeback_wait(struct wt_engine_object *engine);

/*
 * Puts dirty blocks of a locked folio under writeback and adds them to the launch. The dirty blocks of links follow
 * (of all links of the folio, or only of the one given). Returns the blocks that it took. It leaves two kinds: blocks
 * that must stay out of the way of I/O on the same page, which that I/O's end sends; and blocks for which there is no
 * memory.
 */
uint64_t wt_launch_blocks(struct wt_launch *launch, struct wt_folio *folio, uint64_t blocks, struct wt_link *only);
/* One more I/O at the end of the launch, as yet without memory and blocks. NULL: no memory. */
struct wt_writeback *wt_launch_next(struct wt_launch *launch, uint64_t offset);
/* How many objects wt_launch_blocks may need for these blocks. */
unsigned wt_launch_need(const struct wt_geometry *geometry, uint64_t blocks);

/*
 * For dirty blocks of a locked folio in which only the bytes of writes are right: reads what the device has into their
 * detached pages, and lays the writes on top. The blocks leave with the gather at the end of the read. Returns
 * the blocks that it took: for the others there is no memory.
 */
uint64_t wt_launch_fill(struct wt_launch *launch, struct wt_folio *folio, uint64_t blocks);

/* Starts all I/Os of the launch. The last one runs on this thread if run_last, unless the I/Os are part of a burst. */
void wt_launch_start(struct wt_launch *launch, bool run_last);

/* Sends the gather of a folio that this thread was told to lead, and runs its I/O. */
void wt_launch_gather(struct wt_folio *folio);
/*
 * A flush failed to write what the kernel kept of start..end: neither the kernel nor the folios keep it. What is written anew
 * meanwhile stays.
 */
void wt_writeback_forget(struct wt_inode *inode, uint64_t start, uint64_t end);
/* The end of an I/O: wt_io.complete of all writebacks. */
void wt_writeback_done(struct wt_io *io);

/*
 * Tells the callers of writes, linked by next_done, whose I/O has all ended. Appends may have to wait for others
 * first.
 */
void wt_writes_end(struct wt_inode *inode, struct wt_write *done);

/* Fills in how the write ended. All its I/O has ended by now. */
void wt_write_end(struct wt_write *write, int64_t now_ns);

/* Frees the objects that were kept for use again. */
void wt_writeback_close(struct wt_engine_object *engine);

#endif
