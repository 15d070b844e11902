// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The simulated disk: a backend of io.h in memory, with a volatile cache, faults and power cuts, that repeats itself
 * exactly for one seed. It outlives the engines that run on it, so that what is durable can be looked at and reopened.
 *
 * An atomic write is whole or absent after whatever happens; of any other some blocks may be there and some not.
 *
 * It judges as it serves. A misaligned direct request, two I/Os in flight on one block or one piece of memory, memory
 * that changes under an I/O, a truncate under an I/O: each ends the test with a message and the trace of the last
 * operations.
 *
 * Pumped (the default) there is one thread: submit queues, run queues its own I/O and completes queued ones in seeded
 * order until its own is done. Threaded, run blocks its caller, submitted I/Os complete on helper threads, and a gate
 * can hold every I/O in flight. With tasks each I/O of theirs has a seeded latency, and ends when that is over.
 */
#ifndef WT_SIM_DISK_H
#define WT_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/io.h"

struct sim;
struct sim_journal;

/* Tasks: threads of which one runs at a time, in seeded order and by a clock of their own. See sim_tasks.h. */
struct sim_tasks_ops {
    bool (*is_task)(void); /* the calling thread */
    uint64_t (*now_ns)(void);
    void (*sleep_until)(uint64_t ns);
    /* Until wake of the counter, or that time; not at all if it is not as it was seen. */
    void (*wait)(const uint64_t *counter, uint64_t seen, uint64_t until_ns);
    void (*wake)(const void *on);
};

struct sim_options {
    uint64_t seed;
    uint32_t block_bytes;         /* unit of direct I/O: a power of two, 512 to 4096. 0: 4096 */
    uint32_t logical_block_bytes; /* what a power cut never tears. 0: block_bytes */
    uint64_t capacity_bytes;      /* of all files, counted by 512. 0: no limit */
    uint64_t file_bytes_max;      /* -EFBIG past it. 0: 2^63 - 1 */
    bool threaded;
    bool no_fua;           /* the profile says so: large writes leave in parts, and are flushed at the end */
    bool no_device_cache;  /* the profile says so, and no power is cut */
    bool shuffle;          /* threaded: whatever is in flight completes one at a time, in seeded order */
    bool buffered;         /* a file system without direct I/O: profile path WT_PATH_BUFFERED */
    bool no_reserve;       /* reserve: -EOPNOTSUPP */
    bool write_zeroes;     /* the device can; else -EOPNOTSUPP */
    bool no_deallocate;    /* neither holes nor zeroed ranges: -EOPNOTSUPP */
    bool holes_unknown;    /* find_hole says that all below the size is data */
    uint32_t atomic_bytes; /* the longest atomic write; a block is the shortest. 0: there are none */
    bool cursors;          /* errors of writeback are told as the kernel does: see below */
    const struct sim_tasks_ops *tasks; /* not threaded: how callers that are tasks wait. I/O of theirs takes time */
};

struct sim *sim_new(const struct sim_options *options);
/* No engine is on it any more. */
void sim_free(struct sim *sim);
/* A backend for one engine, which owns and closes it. */
struct wt_backend *sim_attach(struct sim *sim);

/* ---- looking at files past the engine ---- */

enum sim_state { SIM_HOLE, SIM_UNWRITTEN, SIM_WRITTEN };

/* Makes a file, durable, of written bytes. Replaces one that is there; no engine has it open. */
void sim_put(struct sim *sim, const char *path, const void *bytes, uint64_t length);
/* What another program does while the file is open: cuts it short, or takes its last name. */
void sim_cut_behind(struct sim *sim, const char *path, uint64_t size);
/*
 * What a program does through a mapping: stores bytes, which are not stable until a flush. False: they would end behind the file.
 * And what may become of them: the kernel writes them by itself and is refused. With cursors the next call by each descriptor is
 * told.
 */
bool sim_store(struct sim *sim, const char *path, uint64_t offset, const void *bytes, size_t length);
void sim_fail_stores(struct sim *sim, const char *path, int error);
void sim_unlink_behind(struct sim *sim, const char *path);
/* The size as any process sees it now, and as it would be after a power cut. -ENOENT. */
int64_t sim_size(struct sim *sim, const char *path);
int64_t sim_stable_size(struct sim *sim, const char *path);
/* Bytes as the disk has them now, or after a power cut that loses all it may. Zeros past the size. */
void sim_peek(struct sim *sim, const char *path, uint64_t offset, void *bytes, size_t length);
void sim_peek_stable(struct sim *sim, const char *path, uint64_t offset, void *bytes, size_t length);
enum sim_state sim_state_at(struct sim *sim, const char *path, uint64_t offset);
/* The largest size that the file ever had at any instant since it was made or sim_clear_log. */
int64_t sim_largest_size(struct sim *sim, const char *path);

/* ---- what was done ---- */

enum sim_op {
    SIM_READ = 1,
    SIM_WRITE = 2,
    SIM_SYNC = 4,
    SIM_TRUNCATE = 8,
    SIM_RESERVE = 16,
    SIM_WRITE_ZEROES = 32,
    SIM_FIND_HOLE = 64,
    SIM_SIZE = 128,
    SIM_OPEN = 256,
    SIM_CLOSE = 512,
    SIM_FORGET = 1024,
    SIM_DEALLOCATE = 2048,
    SIM_FLUSH = 4096, /* of the device, by whatever call: a sync, a new size, a durable write without FUA */
    SIM_DIE = 8192,   /* only told: the disk died */
};

struct sim_record {
    enum sim_op op;
    uint64_t inode;
    uint64_t offset;
    uint64_t length;
    uint32_t durability;
    bool through_page_cache;
    bool atomic;
    bool high_priority;
    unsigned segment_count;
    bool submitted; /* by submit, not by run */
    bool ended;     /* a read or write: it took effect, and this is how */
    uint64_t done;
    int error;
};

/* The operations begun since sim_clear_log, oldest first; ops is a set of SIM_*. */
size_t sim_count(struct sim *sim, unsigned ops);
struct sim_record sim_record(struct sim *sim, unsigned ops, size_t index);
void sim_clear_log(struct sim *sim);
/* All of them, until the next operation. */
const struct sim_record *sim_log(struct sim *sim, size_t *count);
/* Bytes asked of those operations. */
uint64_t sim_bytes(struct sim *sim, unsigned ops);
/* The trace of the last operations, on standard output. */
void sim_print_trace(struct sim *sim);

/* ---- faults ---- */

/*
 * What fails, and who is told. A direct read or write is told its own error. A flush of the device that fails is told to the
 * call that asked for it, and what any file has in the volatile cache then is not made stable by later ones.
 *
 * With cursors: where the device refuses a page of the page cache, the file's error sequence advances. Each descriptor of a
 * backing (the direct one, and the one through the page cache; one for both where there is no direct I/O) has a cursor into
 * it. Whatever syncs by a descriptor (a write through the page cache when its bytes have left, a durable direct write that
 * needs a flush, a sync, a new size) is told an error that its cursor has not passed, passes it, and then sends no flush.
 * So a write through the page cache whose bytes were refused succeeds if another one has looked in between. Besides, the
 * first direct read or write after the refusal is told it, if none of those calls came before.
 */
struct sim_fault {
    unsigned ops;     /* a set of SIM_* */
    const char *path; /* NULL: any. Must outlive the fault */
    uint64_t offset;  /* of reads and writes: those that meet this range */
    uint64_t length;  /* 0: anywhere */
    uint64_t skip;    /* so many that match go well first */
    uint64_t count;   /* then so many fail. 0: all */
    int error;        /* -errno */
    uint64_t
        transfer;  /* a read or write moves this much first, in whole blocks if direct; a shorter one does not fail */
    bool scribble; /* of the rest of a failed write, some blocks reach the disk all the same */
    bool grows;    /* a failed write that would have grown the file has: the kernel's buffered writes do that */
    bool dies;     /* from then on nothing changes the disk: -EIO for what is in flight, then -EROFS, until sim_heal */
    bool unreadable; /* and it cannot be read either: -EIO */
};

/* Adds a fault; at most 16. */
void sim_fail(struct sim *sim, const struct sim_fault *fault);
/* How many operations failed by sim_fail since the last sim_heal. */
uint64_t sim_failures(struct sim *sim);
/* Takes all faults away. */
void sim_heal(struct sim *sim);
/* Nothing fails and nothing is counted meanwhile: for looking at the state between two steps. */
void sim_pause_faults(struct sim *sim, bool pause);
void sim_set_capacity(struct sim *sim, uint64_t capacity_bytes);

/* ---- power ---- */

enum sim_cut {
    SIM_LOSE_ALL, /* only what was durable survives */
    SIM_KEEP_ALL, /* all that the device had accepted, and I/Os in flight */
    SIM_RANDOM,   /* each logical block of either kind old or new, by the seed */
};

/*
 * Cuts the power: fixes what survives. From here on every operation fails with -EIO and changes nothing, so that the
 * engine can be closed; then sim_power_on.
 */
void sim_power_cut(struct sim *sim, enum sim_cut cut, uint64_t seed);
/* The same at the n-th event from now, counted from 1: each I/O has one at its begin, one before and one after it
 * takes effect, every other operation one before and one after. */
void sim_power_cut_at(struct sim *sim, uint64_t event, enum sim_cut cut, uint64_t seed);
bool sim_is_cut(struct sim *sim);
/* The survivors are the files now. No engine is on the disk. Also without a cut before: then nothing is lost. */
void sim_power_on(struct sim *sim);

/* From now on every change, and every moment at which the power may go, is added to the journal. Nothing is volatile now. */
void sim_keep_journal(struct sim *sim, struct sim_journal *journal);
/* Adds a mark of the caller's to it. */
void sim_mark(struct sim *sim, uint64_t number);

/* ---- with tasks ---- */

/* What a task does that ends submitted I/O when its time has come: until sim_end_service, and nothing is in flight. */
void sim_serve(struct sim *sim);
void sim_end_service(struct sim *sim, bool ends);

/* ---- in flight ---- */

size_t sim_in_flight(struct sim *sim);
/* Pumped: completes one queued I/O, chosen by the seed. False if there was none. */
bool sim_pump_one(struct sim *sim);

/* Threaded. From now on every I/O that begins stays in flight until it is released. */
void sim_hold(struct sim *sim);
/* Completes the n oldest I/Os held. Returns when they have taken effect; their callers may not have seen it yet. */
void sim_release(struct sim *sim, size_t n);
/* The same for the one I/O held that has this offset. */
void sim_release_at(struct sim *sim, const char *path, uint64_t offset);
/* Ends holding, and lets all go. */
void sim_release_all(struct sim *sim);
/* Waits until at least n I/Os are in flight, for 20 seconds at most. Returns how many are. */
size_t sim_wait_in_flight(struct sim *sim, size_t n);
/* The most that were in flight at once since sim_clear_log. */
size_t sim_most_in_flight(struct sim *sim);

#endif
