// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * An inode: one file on disk, however often it is open on the engine. It has the size of the file, its folios, and
 * the gate. The gate counts the I/O in flight. While truncation keeps the gate shut, no new I/O may enter.
 */
#ifndef WT_INODE_H
#define WT_INODE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "cache/folio.h"
#include "file/ends.h"
#include "file/rounds.h"
#include "io/disk.h"
#include "io/io.h"
#include "io/mapped.h"
#include "io/turns.h"

struct wt_engine_object;
struct wt_owner;
struct wt_write;

struct wt_inode {
    _Alignas(64) _Atomic(struct wt_backing *) backing; /* carries I/O: writable as soon as one open of the file is */
    struct wt_backing *first_backing;                  /* of the first open; often the same as backing */
    _Atomic int64_t checked_seconds;                   /* when the file was last checked for changes by others */
    _Atomic uint64_t growth_bytes;                     /* how much the file grows ahead of its size; 0: not at all */

    /* A cached read looks at one cache line: from the last word of ends to mapping. */
    struct wt_ends ends;
    struct wt_engine_object *engine;
    /* another program cut the file short, or it has no name left: cached bytes may be old. -ESTALE */
    atomic_bool lost;
    bool without_direct_io;  /* WT_PATH_BUFFERED */
    atomic_bool mapped;      /* for writing, or was so a moment ago. Changes with the gate shut */
    uint64_t device, number; /* the identity of the file on disk */
    struct wt_mapping mapping;

    struct wt_turns turns;          /* of I/O through the kernel's page cache */
    wt_unsynced unsynced;           /* writes with DEVICE durability, and stores in mappings, since the last sync */
    atomic_bool no_write_zeroes;    /* the device or the file system cannot write zeroes */
    _Atomic uint32_t hasty_leaders; /* this many leaders of gathers will wait for nobody */

    /*
     * The gate: the count of operations inside, and three flags. While no flag is up, to enter and to leave is one
     * atomic step each. With a flag up, leaving takes the lock, so that a thread that waits for the last to leave may
     * free the inode.
     */
    _Atomic uint64_t gate;
    struct wt_mutex lock;
    struct wt_condition opened;  /* the gate is open again */
    struct wt_condition drained; /* nobody is inside */

    struct wt_long_lock ahead_lock; /* its holder makes the file longer; not for files without direct I/O */
    /* of a file that grows ahead: where the last write ended, and up to where holes were filled for writes in sequence */
    _Atomic uint64_t written_end, filled_end;

    struct wt_long_lock append_lock; /* its holder decides where the file ends */
    struct wt_mutex order_lock;      /* guards the appends in flight, in the order of their offsets */
    struct wt_write *first_append, *last_append;
    int append_error;  /* the error of an append that failed: those behind it fail too, until the size is restored */
    int restore_error; /* of the last attempt to restore the size */

    struct wt_rounds rounds;

    struct wt_mutex zeros_lock;
    uint64_t zeros_start;       /* zeros_start and zeros_end: blocks between them were zeroed by allocate and not */
    _Atomic uint64_t zeros_end; /* written since, so a write to a part of one needs no read. 0: none */

    struct wt_inode *next; /* in the engine's table; under its lock, as opens and closing are */
    uint32_t opens;
    bool exclusive; /* flock LOCK_EX is held, by the backing that carries I/O */
    bool opening;   /* a thread asks the kernel for the lock and the size: other opens wait */
    bool closing;
    atomic_bool named; /* opened with WT_OPEN_NAMED */
    atomic_bool shown; /* it may be mapped for reading: what a mapping is to show, the device has */
    struct wt_mapped_use mapped_use;
    _Atomic int flush_error; /* of a flush that may have lost what only forces tell of: 0, or what the next one tells */
    _Atomic(struct wt_owner *) owners; /* durable memory: see owners.h */
};

static_assert(offsetof(struct wt_inode, ends.visible_size) == 64 && offsetof(struct wt_inode, mapping.list_lock) == 128,
              "a cached read touches one cache line");

static inline struct wt_inode *wt_inode_of(const struct wt_folio *folio) {
    return (struct wt_inode *)((char *)folio->mapping - offsetof(struct wt_inode, mapping));
}

/*
 * Finds or makes the inode of a backing that was just opened, and takes the backing over (also on failure). -EBUSY:
 * another engine holds the file. *spare: the backing, if the inode has no use for it, else NULL. The caller closes
 * *spare after the inode, not at once: the kernel drops the POSIX locks of a process on a file when the process
 * closes any descriptor of the file.
 */
int wt_inode_open(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                  struct wt_inode **inode, struct wt_backing **spare, bool *again);
/*
 * The size of a file that is open for writing on the engine. -EAGAIN: the file is just being opened or closed; -ENOENT: it is
 * not open for writing.
 */
int64_t wt_inode_written_size(struct wt_engine_object *engine, uint64_t device, uint64_t number);
/* Ends one open. The last one drops the folios and closes the file, and returns the error of that. */
int wt_inode_close(struct wt_inode *inode);
/* The same for an open that came to nothing: it drops no lock of this process on the file. */
void wt_inode_abandon(struct wt_inode *inode);

/*
 * All I/O of the file goes through the kernel's page cache, and the file has no folios: there is no direct I/O, or it is
 * mapped for writing. To be relied on inside the gate, or with the gate shut.
 */
static inline bool wt_inode_is_buffered(const struct wt_inode *inode) {
    return inode->without_direct_io || atomic_load_explicit(&inode->mapped, memory_order_acquire);
}
/*
 * The file has a mapping for writing: from now on all of its I/O goes through the kernel's page cache. The gate is shut, and
 * nothing is in flight.
 */
int wt_inode_begin_mapped(struct wt_inode *inode);

/*
 * Enters the gate, for one I/O or write. Waits while the gate is shut. A file whose last mapping is gone goes back to direct I/O
 * before that; not where the thread could not wait for the flush, since an event loop has to carry I/O: there the file stays as
 * it is. False: the caller may not wait, and the gate is shut or the last mapping is gone.
 */
bool wt_inode_begin(struct wt_inode *inode, bool may_wait);
/* Enters again, for an I/O of a write that is inside. Never waits. */
void wt_inode_begin_more(struct wt_inode *inode);
void wt_inode_end(struct wt_inode *inode);
/* Shuts the gate: wt_later_shut does that, and sends what is held before it waits. One caller at a time is let in. */
void wt_inode_begin_shut(struct wt_inode *inode);
/* The caller has shut the gate, and waits until nothing is in flight. */
void wt_inode_await_drained(struct wt_inode *inode);
void wt_inode_open_gate(struct wt_inode *inode);
bool wt_inode_is_shut(const struct wt_inode *inode);

static inline uint64_t wt_inode_size(const struct wt_inode *inode) {
    return atomic_load_explicit(&inode->ends.size, memory_order_acquire);
}

/* The size that callers see. */
static inline uint64_t wt_inode_visible_size(const struct wt_inode *inode) {
    return atomic_load_explicit(&inode->ends.visible_size, memory_order_acquire);
}

/* Bytes up to end are stable: the file is at least this long. */
void wt_inode_grow(struct wt_inode *inode, uint64_t end);
/* The same for an append, which callers do not see yet. */
void wt_inode_grow_unseen(struct wt_inode *inode, uint64_t end);
/* Callers see the file this long, although not all of that is stable: by a later write. */
void wt_inode_show(struct wt_inode *inode, uint64_t end);
/* A write that ends at end begins. */
void wt_inode_begin_to(struct wt_inode *inode, uint64_t end);
/*
 * That write failed: end_in_flight may lie where no write ends. It is set right when nothing is in flight. The caller
 * is inside the gate.
 */
void wt_inode_note_failed_end(struct wt_inode *inode, uint64_t end);
/* Whether end_in_flight may lie where no write ends. */
bool wt_inode_has_failed_end(struct wt_inode *inode);
/*
 * An I/O failed: the file may have grown on disk by bytes that nobody acknowledged. The size is restored when
 * nothing is in flight.
 */
void wt_inode_suspect_size(struct wt_inode *inode);
bool wt_inode_size_is_suspect(struct wt_inode *inode);
/*
 * Where the file ends on disk, as far as is known: behind its size, if a failed write has left it so and the size is
 * not restored yet.
 */
uint64_t wt_inode_end_on_disk(struct wt_inode *inode);
/* The same, and the end that an allocation is about to give the file. */
struct wt_disk_ends wt_inode_disk_ends(struct wt_inode *inode);

/* The range was zeroed on the device, and no write to it is in flight. Its folio is locked. */
void wt_inode_add_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);
/* The range is going to be written. Its folio is locked, or the gate is shut. */
void wt_inode_forget_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);
/* Whether the range is known to be zeros. Its folio is locked. */
bool wt_inode_has_zeros(struct wt_inode *inode, uint64_t start, uint64_t end);

/*
 * fdatasync(2) by a call that is no force. The kernel tells an error once: so the next force tells it too, if nobody else is told
 * (told is false), or if the error may be that of stores in a mapping. 0 or -errno.
 */
int wt_inode_flush(struct wt_inode *inode, bool told);
/*
 * Sets the length of the file on disk: durably, or as long as the kernel may keep bytes of the file (turns.h) with the next
 * force. Nothing is in flight. After an error the file may have the new length all the same: then ftruncate(2) did its
 * work, and the flush failed.
 */
int wt_inode_cut(struct wt_inode *inode, uint64_t size);

#endif
