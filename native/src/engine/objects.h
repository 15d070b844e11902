// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * An engine: the cache, the backend, the files, and the objects of I/O in flight. A process may open several.
 */
#ifndef WT_OBJECTS_H
#define WT_OBJECTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/lock.h"
#include "cache/folio.h"
#include "engine/background.h"
#include "engine/call.h"
#include "engine/trace.h"
#include "io/io.h"
#include "io/wait.h"

#define WT_INODE_BUCKETS 16384u

/* No chunk of a write or read is longer than this. */
#define WT_LARGEST_CHUNK_BYTES (UINT64_C(4) << 20)

/* The size of the zeros from which an allocation writes. */
#define WT_ZERO_BYTES (64u << 10)

struct wt_inode;
struct wt_writeback;
struct wt_link;
struct wt_operation;

/*
 * X(COUNTER, field): each counter here fills one field of struct wt_engine_stats. HACKING.md, "A statistic", lists the
 * other places.
 */
#define WT_COUNTED(X)                                                                                                  \
    X(READ_HITS, read_hits)                                                                                            \
    X(READ_MISSES, read_misses)                                                                                        \
    X(WRITES, writes)                                                                                                  \
    X(WRITE_ERRORS, write_errors)                                                                                      \
    X(DEVICE_READS, device_reads)                                                                                      \
    X(DEVICE_WRITES, device_writes)                                                                                    \
    X(DEVICE_READ_BYTES, device_read_bytes)                                                                            \
    X(DEVICE_WRITTEN_BYTES, device_written_bytes)                                                                      \
    X(GATHERS, gathers)                                                                                                \
    X(GATHERED_WRITES, gathered_writes)                                                                                \
    X(FUA_WRITES, fua_writes)                                                                                          \
    X(FLUSHES, flushes)

#define WT_COUNTER_OF(counter, field) WT_COUNT_##counter,
enum wt_counter {
    WT_COUNTED(WT_COUNTER_OF) WT_COUNT_IO_STARTED,
    WT_COUNT_IO_ENDED,
    WT_COUNTERS,
};
#undef WT_COUNTER_OF

struct wt_histogram_stripe {
    _Atomic uint64_t sum;
    _Atomic uint64_t count[WT_HISTOGRAM_BUCKETS];
};

/*
 * Counters are spread over cache lines by thread, so that to count moves no cache line between cores. The first threads of the
 * process have a stripe each, which they change without atomic steps. Further threads share the other stripes.
 */
#define WT_OWN_STRIPES 16u
#define WT_COUNTER_STRIPES (WT_OWN_STRIPES + 16u)
struct wt_counter_stripe {
    _Alignas(128) _Atomic uint64_t count[WT_COUNTERS];
    struct wt_histogram_stripe histograms[WT_HISTOGRAMS];
};

struct wt_engine_object {
    struct wt_backend *backend;
    wt_engine handle;
    struct wt_cache cache;
    void *zeros;                  /* WT_ZERO_BYTES that are never written to */
    uint64_t chunk_bytes;         /* a longer write or read is done in pieces of this size */
    _Atomic uint64_t ahead_bytes; /* that are read for nobody yet */
    uint64_t part_bytes; /* a write of two of these or more leaves in parts of at least this size, as it is copied */

    struct wt_mutex inode_lock;
    struct wt_condition inode_closed;
    struct wt_inode **inodes; /* WT_INODE_BUCKETS chains */
    uint64_t last_inode_id;
    uint32_t inode_count;
    _Atomic uint64_t durable_memory_bytes; /* of ranges that have an owner */

    struct wt_mutex file_lock;
    struct wt_file_object *files; /* open handles */
    struct wt_condition file_closed;
    uint32_t file_count;
    uint32_t lane_count; /* open lanes: the engine cannot be closed */
    bool takes_no_lane;  /* it is about to be closed */
    bool closing;

    struct wt_mutex free_lock; /* guards the objects of I/O, which are kept for use again */
    struct wt_writeback *free_writebacks;
    _Atomic(struct wt_writeback *)
        spare_writebacks[WT_COUNTER_STRIPES]; /* one for the threads of each; without the lock */
    struct wt_link *free_links;
    _Atomic uint32_t writebacks_out;  /* in use; changes under the lock */
    _Atomic uint32_t writeback_limit; /* of them, beside those that lanes keep */
    _Atomic uint32_t writeback_waiters;
    struct wt_condition writeback_room;

    struct wt_mutex event_lock; /* guards the operations that ended and whose events nobody took yet */
    struct wt_condition event_posted;
    struct wt_ended events; /* that nobody took */
    uint32_t event_waiters;
    bool in_backend;                  /* a thread waits in the backend's reap: it has to be woken there for an event */
    bool backend_woken;               /* it was woken, and is on its way back */
    bool shut_down;                   /* no further event will come */
    struct wt_operation *free_writes; /* also under event_lock */
    _Atomic uint64_t operation_bytes; /* memory of operations that have begun and whose events nobody took yet */
    uint64_t operation_bytes_most;

    struct wt_mutex held_lock; /* guards the inodes with bytes of later writes that are held, and the ticker */
    struct wt_inode *first_held, *last_held; /* of these, in the order in which they came */
    uint64_t next_held_number;
    struct wt_condition ticker_due; /* the ticker has to do something */
    pthread_t ticker;
    bool ticker_asleep, ticker_stops;
    atomic_bool ticker_asked; /* a file holds enough: the ticker is about to look */
    atomic_bool ticker_started;
    bool no_ticker; /* a test sends what is held by itself: ticker_started is set */

    struct wt_background background; /* what its background files may do */

    _Alignas(128) atomic_uint waiting_writers; /* threads that wait for their writes, or for a force */
    uint32_t crowd;                            /* this many waiting threads are a crowd */
    struct wt_backoff crowd_backoff;           /* while it lasts, the threads of a crowd do not yield */
    struct wt_backoff lead_backoff;            /* while it lasts, leaders of gathers and forces wait for nobody */

    struct wt_counter_stripe counters[WT_COUNTER_STRIPES];
    struct wt_trace trace;
};

/*
 * How far a handle reads ahead. Cached reads look at trigger alone. The other fields change when a read passes
 * trigger, and at misses.
 */
struct wt_read_ahead {
    _Atomic uint64_t trigger; /* a read that ends past this starts the next window. UINT64_MAX: none */
    atomic_flag busy;         /* a thread is at the fields that follow; others skip read-ahead */
    uint64_t next;            /* where the last miss ended: a miss that begins here is sequential */
    uint64_t end;             /* the last window ends here */
    uint64_t window;          /* bytes of the last window; 0: none */
};

/* An open file: what a handle stands for. */
struct wt_file_object {
    _Alignas(64) struct wt_inode *inode;
    struct wt_backing *spare; /* a further open of the inode keeps its descriptor unused: see wt_inode_open */
    bool readable, writable;
    bool at_force;                /* WT_OPEN_AT_FORCE */
    bool background;              /* WT_OPEN_BACKGROUND */
    _Atomic uint64_t errors_told; /* of the inode's rounds */
    uint32_t durability;
    wt_file handle;
    struct wt_read_ahead ahead;
    struct wt_file_object *next, *previous; /* in engine->files */
};

#endif
