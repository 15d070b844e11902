/*
 * Durable writes of a file that share flushes. On a disk with a volatile cache and no FUA a write with RWF_DSYNC is a write
 * and a flush, and of an asynchronous one the kernel has the flush done by a worker thread that waits for it. It costs less
 * to send them as plain writes, and then one fdatasync for all that completed before it began: while it is under way others
 * complete, and have the next one. A caller that takes completions does it, unless others than such writes of one file are in flight.
 */
#ifndef WT_FLUSH_H
#define WT_FLUSH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mutant.h"
#include "io/list.h"

/* Of an open file. Its backend guards it. */
struct wt_flush {
    struct wt_io_list written; /* plain writes that completed; the next flush is theirs */
    struct wt_io_list covered; /* completed before the flush that is under way began */
    uint32_t retries;          /* how often the flush under way was sent again for nothing */
    bool under_way;            /* or about to begin: from wt_flush_add to wt_flush_end */
    struct wt_flush *next;     /* the backend's own */
    atomic_uint in_flight;     /* durable writes of the file, sent and not completed */
};

/* From so many durable writes in flight on they share flushes of a worker thread, too: with fewer RWF_DSYNC was faster. */
#define WT_FLUSH_SHARED_FROM 4u

/* Whether a write may be sent as a plain one and be flushed afterwards. One of high priority waits for no flush of others. */
static inline bool wt_flush_suits(const struct wt_io *io) {
    const struct wt_profile *profile = &io->backing->profile;
    return io->op == WT_IO_WRITE && io->durability == WT_DURABILITY_DSYNC && !io->through_page_cache &&
           !io->high_priority && profile->path == WT_PATH_DIRECT && profile->fua != WT_YES &&
           profile->volatile_cache != WT_NO;
}

/* A plain write is transferred. True: no flush is under way, and the caller has to see to one. */
static inline bool wt_flush_add(struct wt_flush *flush, struct wt_io *io) {
    wt_io_list_push(&flush->written, io);
    bool start = !flush->under_way;
    flush->under_way = true;
    return start;
}

/* A flush begins now: whatever has been added until now is its. */
static inline void wt_flush_begin(struct wt_flush *flush) {
    (void)wt_io_list_append(&flush->covered, flush->written.first);
    flush->written.first = NULL;
}

/*
 * The flush has ended. Returns its writes, which are stable or failed, as a chain. *again: others are transferred, and the
 * caller has to see to a flush for them; else the file may be gone as soon as the last of the chain is completed.
 */
static inline struct wt_io *wt_flush_end(struct wt_flush *flush, int error, bool *again) {
    if (WT_MUTANT("flush-covers-too-much")) {
        wt_flush_begin(flush);
    }
    struct wt_io *ended = flush->covered.first;
    flush->covered.first = NULL;
    flush->under_way = *again = flush->written.first != NULL;
    for (struct wt_io *io = ended; error && io != NULL; io = io->next) {
        io->error = error;
        io->done = 0;
        io->flush_failed = true;
        if (WT_MUTANT("flush-error-to-first")) {
            break;
        }
    }
    return ended;
}

#endif
