/*
 * Writeback: one I/O on its way to the device with the folios' blocks that it carries, the writes that wait for it, and
 * what happens when it ends. Writes to blocks under writeback have collected by then; they leave as the next I/O, the
 * gather. If one of their writers waits, it leads the gather: it puts the I/O together when it wakes, with all that has
 * come by then, and runs it on its own thread.
 */
#ifndef WT_WRITEBACK_H
#define WT_WRITEBACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "file/inode.h"
#include "io/io.h"
#include "write/context.h"

#define WT_WRITEBACK_PARTS 40u

/* So many I/Os at once; past it writers wait. Gathers are not counted: they need no more than what ended. */
#define WT_WRITEBACK_LIMIT 4096u

struct wt_part {
    struct wt_folio *folio;
    uint64_t blocks; /* carried */
    uint64_t fenced; /* kept out of other I/O: they share a page of the kernel's cache with the last partial block */
};

struct wt_writeback {
    struct wt_io io;
    struct wt_inode *inode;
    struct wt_writeback *next;
    bool zeroing;       /* of allocate: its memory is no folio's */
    uint64_t file_size; /* of a fill: when it began */
    void *bounce;       /* of an atomic write whose folios' memory is not in one piece: a copy that is. Else NULL */
    bool gather;
    uint32_t writes; /* that it carries */
    unsigned part_count;
    struct wt_part parts[WT_WRITEBACK_PARTS];
};

/* I/Os being put together. For one whose objects were taken in advance there is no lack of them. */
struct wt_launch {
    struct wt_inode *inode;
    struct wt_writeback *first, *last;
    struct wt_writeback *spare; /* taken in advance */
    struct wt_burst *burst;     /* NULL, or: what the I/Os go with */
    bool gather;
};

/* An object for an I/O, counted against the limit if limited; NULL: the limit is reached, or no memory. */
struct wt_writeback *wt_writeback_take(struct wt_engine_object *engine, bool limited);
void wt_writeback_give(struct wt_engine_object *engine, struct wt_writeback *writeback);
/* Waits until an object may be taken. The caller holds none, and no lock. -ENOMEM: there is no memory, nor will one be given back. */
int wt_writeback_wait(struct wt_engine_object *engine);

/*
 * Puts dirty blocks of a locked folio under writeback and adds them to the launch; links' dirty blocks follow (all links
 * of the folio, or only the one given). Returns the blocks that it took. It leaves those that must stay out of the way of
 * I/O on the same page: that I/O's end sends them. And those for which there is no memory.
 */
uint64_t wt_launch_blocks(struct wt_launch *launch, struct wt_folio *folio, uint64_t blocks, struct wt_link *only);
/* An I/O more at the end of the launch, as yet without memory and blocks. NULL: no memory. */
struct wt_writeback *wt_launch_next(struct wt_launch *launch, uint64_t offset);
/* How many objects wt_launch_blocks may need for these blocks. */
unsigned wt_launch_need(const struct wt_geometry *geometry, uint64_t blocks);

/*
 * Dirty blocks of a locked folio of whose bytes only those of their writes are right: reads what the device has into the
 * pages held for them, and puts the writes on top of that. The read blocks leave with the gather at its end. Returns the blocks
 * that it took: for the others there is no memory.
 */
uint64_t wt_launch_fill(struct wt_launch *launch, struct wt_folio *folio, uint64_t blocks);

/* Starts all I/Os of the launch. The last is run on this thread if run_last, unless they go with a burst. */
void wt_launch_start(struct wt_launch *launch, bool run_last);

/* Sends the gather of a folio that was handed to this thread, and runs its I/O. */
void wt_gather_lead(struct wt_folio *folio);
/* The end of an I/O: wt_io.complete of all of them. */
void wt_writeback_done(struct wt_io *io);

/* Tells the callers of writes, linked by next_done: all their I/O has ended. Appends may have to wait for others first. */
void wt_writes_end(struct wt_inode *inode, struct wt_write *done);

/* Fills in how the write ended; all its I/O has, by now. */
void wt_write_end(struct wt_write *write, int64_t now_ns);

void wt_writeback_free_spares(struct wt_engine_object *engine);

#endif
