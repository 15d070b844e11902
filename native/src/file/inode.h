/*
 * An inode: one file on disk, however often it is open on the engine. Its size, the list of its folios, and the gate that
 * truncation closes: the count of I/O in flight, which no new I/O may enter while the gate is shut.
 */
#ifndef WT_INODE_H
#define WT_INODE_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/folio.h"
#include "io/disk.h"
#include "io/io.h"
#include "io/lane.h"

struct wt_engine_object;
struct wt_write;

struct wt_inode {
    /* What a cached read looks at is one cache line. */
    _Alignas(64) struct wt_engine_object *engine;
    _Atomic uint64_t size;  /* of stable bytes: grows as writes complete, and falls only with the gate shut */
    _Atomic uint64_t shown; /* what callers are told of it: without appends that wait for others before them */
    atomic_bool lost;       /* others have the file, cut it short or replaced it: what is cached may be old. -ESTALE */
    bool buffered;          /* WT_PATH_BUFFERED: it has no folios */
    struct wt_mapping mapping;

    uint64_t device, number;              /* who it is on disk */
    _Atomic int64_t checked_seconds;      /* when others were last looked for */
    _Atomic uint64_t reach;               /* no write or append in flight ends past both this and size */
    _Atomic(struct wt_backing *) backing; /* carries I/O: writable as soon as one open is */
    struct wt_backing *first_backing;     /* of the first open; often the same */
    struct wt_lane lane;                  /* of what goes through the kernel's page cache */
    wt_unsynced unsynced;                 /* writes with DEVICE durability since the last sync */
    atomic_bool no_write_zeroes;          /* the device or file system has none */
    _Atomic uint32_t lead_rests;          /* gathers to come whose leader waits for nobody */

    /*
     * The gate: how many are inside, and three flags. Entering and leaving is one atomic step while no flag is up; with a
     * flag leaving takes the lock, so that who waits for the last to leave may free the inode.
     */
    _Atomic uint64_t gate;
    pthread_mutex_t lock;
    struct wt_condition opened;  /* the gate is open again */
    struct wt_condition drained; /* nobody is inside */

    _Atomic uint64_t growth_bytes; /* how much the file grows ahead of what is written, 0: not */
    _Atomic uint64_t ahead_end;    /* the file is at least so long on disk, with zeros behind size */
    _Atomic uint64_t
        reserve_end; /* the file is being made so long, and nobody may know it yet. 0: no, or it is known */
    struct wt_long_lock ahead_lock; /* who holds it makes it longer, but for files without direct I/O */

    struct wt_long_lock append_lock; /* who holds it decides where the file ends */
    pthread_mutex_t order_lock;      /* guards the appends in flight, in the order of their offsets */
    struct wt_write *first_append, *last_append;
    int append_error; /* one failed: those behind it do too, until the size is mended */
    int mend_error;   /* of the last attempt to */

    pthread_mutex_t zeros_lock;
    uint64_t zeros_start;       /* blocks between these were zeroed by allocate and not written since: to write to a */
    _Atomic uint64_t zeros_end; /* part of one needs no read. 0: none */

    struct wt_inode *next; /* in the engine's table; under its lock, as are opens and closing */
    uint32_t opens;
    bool exclusive; /* flock LOCK_EX is held, by the backing that I/O goes by */
    bool opening;   /* somebody asks the kernel for its lock and size: who else wants to open it waits */
    bool closing;
    atomic_bool named; /* it was opened with WT_OPEN_NAMED */
};

static_assert(offsetof(struct wt_inode, mapping.list_lock) <= 64, "a cached read touches one cache line");

static inline struct wt_inode *wt_inode_of(const struct wt_folio *folio) {
    return (struct wt_inode *)((char *)folio->mapping - offsetof(struct wt_inode, mapping));
}

/*
 * Finds or makes the inode of a backing that was just opened, and takes it over (also on failure). -EBUSY: another engine
 * holds the file. *again: it was open already. *spare: the backing, if the inode has no use for it, else NULL. Who opened closes it after the inode, not
 * at once: the kernel drops the POSIX locks of a process on a file when it closes any descriptor of it.
 */
int wt_inode_open(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                  struct wt_inode **inode, struct wt_backing **spare, bool *again);
/* Ends one open. The last one drops the folios and closes the file: returns the error of that. */
int wt_inode_close(struct wt_inode *inode);
/* The same of an open that came to nothing: it takes no lock of this process's on the file along. */
void wt_inode_abandon(struct wt_inode *inode);

/* Enters the gate, for one I/O or write; waits while it is shut. False: it is shut and the caller may not wait. */
bool wt_inode_begin(struct wt_inode *inode, bool may_wait);
/* Enters again, for an I/O of a write that is inside. Never waits. */
void wt_inode_begin_more(struct wt_inode *inode);
void wt_inode_end(struct wt_inode *inode);
/* Shuts the gate and waits until nothing is in flight; one caller at a time is let in. */
void wt_inode_shut(struct wt_inode *inode);
void wt_inode_open_gate(struct wt_inode *inode);

static inline uint64_t wt_inode_size(const struct wt_inode *inode) {
    return atomic_load_explicit(&inode->size, memory_order_acquire);
}

/* The size that callers see. */
static inline uint64_t wt_inode_shown(const struct wt_inode *inode) {
    return atomic_load_explicit(&inode->shown, memory_order_acquire);
}

/* Bytes up to end are stable: the file is at least so long. */
void wt_inode_grow(struct wt_inode *inode, uint64_t end);
/* The same of an append, which callers do not see yet. */
void wt_inode_grow_unseen(struct wt_inode *inode, uint64_t end);
/* A write up to end begins. */
void wt_inode_reach(struct wt_inode *inode, uint64_t end);
/* It failed. The caller is inside the gate. */
void wt_inode_miss(struct wt_inode *inode, uint64_t end);
/* A write missed its end, and reach may still lie there: it is set right when nothing is in flight. */
bool wt_inode_has_missed(struct wt_inode *inode);
/* An I/O failed: the file may have grown on disk by bytes that nobody acknowledged. Mended when nothing is in flight. */
void wt_inode_suspect_size(struct wt_inode *inode);
bool wt_inode_size_is_suspect(struct wt_inode *inode);
/* Where the file ends on disk by all that is known: behind its size, if a failed write has left it so and it is not mended. */
uint64_t wt_inode_end_on_disk(struct wt_inode *inode);

/* The range was zeroed on the device and no write to it is on its way; its folio is locked. */
void wt_inode_add_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);
/* It is going to be written; its folio is locked, or the gate is shut. */
void wt_inode_spoil_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);
/* Whether the range is known to be zeros; its folio is locked. */
bool wt_inode_has_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);

/*
 * Sets the length of the file on disk, durably. Nothing is in flight. After an error it may have the new length all the same:
 * ftruncate(2) did its work, and the flush failed.
 */
int wt_inode_cut(struct wt_inode *inode, uint64_t size);

#endif
