/*
 * An inode: one file on disk, however often it is open on the engine. Its size, the list of its folios, and the gate that
 * truncation closes: the count of I/O in flight, which no new I/O may enter while the gate is shut.
 */
#ifndef WT_INODE_H
#define WT_INODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "folio.h"
#include "io.h"

struct wt_engine_object;

struct wt_inode {
    struct wt_engine_object *engine;
    struct wt_cache *cache;
    uint64_t id;             /* never used twice in an engine, never 0 */
    uint64_t device, number; /* who it is on disk */
    struct wt_geometry geometry;
    atomic_bool lost; /* another engine took the file while its lock was changed: what is cached may be old */
    bool buffered;    /* WT_PATH_BUFFERED: it has no folios */

    _Atomic uint64_t size; /* of stable bytes: grows as writes complete, and falls only with the gate shut */
    _Atomic(struct wt_backing *) backing; /* carries I/O: writable as soon as one open is */
    struct wt_backing *first_backing;     /* holds the flock; often the same */
    atomic_bool no_write_zeroes;          /* the device or file system has none */

    /*
     * The gate: how many are inside, and two flags. Entering and leaving is one atomic step while no flag is up; with a
     * flag leaving takes the lock, so that who waits for the last to leave may free the inode.
     */
    _Atomic uint64_t gate;
    pthread_mutex_t lock;
    pthread_cond_t opened;  /* the gate is open again */
    pthread_cond_t drained; /* nobody is inside */
    uint32_t gate_changes;

    pthread_mutex_t zeros_lock;
    uint64_t zeros_start;       /* blocks between these were zeroed by allocate and not written since: to write to a */
    _Atomic uint64_t zeros_end; /* part of one needs no read. 0: none */

    pthread_mutex_t list_lock; /* the folios of this inode */
    uint32_t first_folio;
    uint32_t folio_count;

    struct wt_inode *next; /* in the engine's table; under its lock, as are opens and closing */
    uint32_t opens;
    bool exclusive; /* flock LOCK_EX is held */
    bool closing;
};

/*
 * Finds or makes the inode of a backing that was just opened, and takes it over (also on failure). -EBUSY: another engine
 * holds the file. *spare: the backing, if the inode has no use for it, else NULL. Who opened closes it after the inode, not
 * at once: the kernel drops the POSIX locks of a process on a file when it closes any descriptor of it.
 */
int wt_inode_open(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                  struct wt_inode **inode, struct wt_backing **spare);
/* Ends one open. The last one drops the folios and closes the file: returns the error of that. */
int wt_inode_close(struct wt_inode *inode);

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

/* Bytes up to end are stable: the file is at least so long. */
void wt_inode_grow(struct wt_inode *inode, uint64_t end);
/* An I/O failed: the file may have grown on disk by bytes that nobody acknowledged. Mended when nothing is in flight. */
void wt_inode_suspect_size(struct wt_inode *inode);

/* The range was zeroed on the device and no write to it is on its way; its folio is locked. */
void wt_inode_add_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);
/* It is going to be written; its folio is locked, or the gate is shut. */
void wt_inode_spoil_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);
/* Whether the range is known to be zeros; its folio is locked. */
bool wt_inode_has_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);

/* Drops from the cache all from size on, and the block that size is in. The gate is shut. -ENOMEM: nothing was dropped. */
int wt_inode_cut_folios(struct wt_inode *inode, uint64_t size);

/* size.c: sets the size, durably. */
int wt_inode_truncate(struct wt_inode *inode, uint64_t size);

/* For folio.c; with the stripe's lock held. */
void wt_inode_add_folio(struct wt_inode *inode, uint32_t folio);
void wt_inode_remove_folio(struct wt_inode *inode, uint32_t folio);

#endif
