// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A file of the simulated disk: its bytes and extents as they are now, and as they are on stable storage. The two differ
 * by what sits in the disk's volatile cache. No locks and no faults here: those are the disk's.
 */
#ifndef WT_SIM_FILE_H
#define WT_SIM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_disk.h"
#include "test.h"

enum { SIM_PAGE_BYTES = 4096 };

struct sim_page;
struct sim_stale;
struct sim_whole;

struct sim_file {
    char *path;
    uint64_t inode;
    uint32_t block_bytes; /* the unit of allocation */
    uint64_t size_now;
    uint64_t size_stable;
    uint64_t size_saved; /* size_stable before a cut that is to be undone */
    uint64_t size_largest;
    uint64_t used_bytes;     /* allocated, written or not */
    struct sim_page **pages; /* a hash table by page index */
    size_t page_slots;
    size_t page_count;
    struct sim_whole *wholes; /* atomic writes in the volatile cache */
    struct sim_stale *stale;  /* blocks of the kernel's page cache that the device refused */
    uint64_t writes;          /* a count of them, and of flushes */
    unsigned flushes;         /* under way */
    uint64_t flush_began;     /* the last of them: the count of writes then */
    uint64_t truncations;
    /* The least size that truncations have set which no flush has covered, and since the last flush began. UINT64_MAX: none. */
    uint64_t cut_to, cut_since;
    uint64_t
        undone_from; /* by the power cut that is being decided: no truncation took place, and nothing behind came after */
    unsigned opens;
    bool page_cache_only; /* as the engine told: it is mapped for writing */
    unsigned shared_locks;
    bool exclusive_lock;
    bool nameless; /* another program unlinked it, or renamed another over it */
    /* What the kernel remembers of writeback of the page cache that failed: see sim_disk.h. */
    uint64_t error_sequence;
    int error;        /* the last */
    bool error_told;  /* by a cursor: a descriptor opened from now on does not tell it */
    int legacy_error; /* the flag beside the sequence, which the next call of any kind takes. 0: none */
    struct sim_file *next;
};

struct sim_file *sim_file_new(const char *path, uint64_t inode, uint32_t block_bytes);
void sim_file_free(struct sim_file *file);

void sim_file_set_size(struct sim_file *file, uint64_t size);
/* Zeros where nothing was written; does not stop at the size. */
void sim_file_read(struct sim_file *file, uint64_t offset, void *bytes, size_t length, bool stable);
/* Changes now, not stable, and not the size. */
void sim_file_write(struct sim_file *file, uint64_t offset, const void *bytes, size_t length);
/* Bytes that a write would newly allocate. */
uint64_t sim_file_cost(struct sim_file *file, uint64_t offset, uint64_t length);
/* Makes the blocks of a range stable as they are now. */
void sim_file_settle(struct sim_file *file, uint64_t offset, uint64_t length);
void sim_file_settle_all(struct sim_file *file);
/*
 * A size of at least so much becomes stable. A file system writes down the one that the file has, after the bytes below it.
 */
void sim_file_settle_size(struct sim_file *file, uint64_t size);
/* A flush makes stable at least what was written before it began; file->writes and the size then are its end's. */
void sim_file_flush_begin(struct sim_file *file);
void sim_file_flush_end(struct sim_file *file, uint64_t began, uint64_t size);
/*
 * A flush of the device failed: what is in the volatile cache may have been dropped, and no later flush makes it stable. Until
 * it is written again a power cut may take it.
 */
void sim_file_doom(struct sim_file *file);
/* But not this range: the flush of the write that is in flight there has yet to come. */
void sim_file_spare(struct sim_file *file, uint64_t offset, uint64_t length);
/* Whether a write there changes neither extents nor size: it needs no flush where there is FUA. */
bool sim_file_is_overwrite(const struct sim_file *file, uint64_t offset, uint64_t length);
void sim_file_reserve(struct sim_file *file, uint64_t offset, uint64_t length);
/* Holes and unwritten extents of the range become written zeros. */
void sim_file_write_zeroes(struct sim_file *file, uint64_t offset, uint64_t length);
/* The range becomes zeros: whole blocks holes, or unwritten extents. */
void sim_file_deallocate(struct sim_file *file, uint64_t offset, uint64_t length, bool keep_space);
/* Stable at once. */
void sim_file_truncate(struct sim_file *file, uint64_t size);
/* The same, stable with the next flush. */
void sim_file_truncate_later(struct sim_file *file, uint64_t size);
void sim_file_find_hole(struct sim_file *file, uint64_t from, uint64_t to, uint64_t *start, uint64_t *end);
enum sim_state sim_file_state(const struct sim_file *file, uint64_t offset);
/* Something of it is in the volatile cache only. */
bool sim_file_is_dirty(const struct sim_file *file);

/* What the kernel's page cache keeps of a refused write: it serves buffered reads, and goes out with the next buffered
 * write of the same block, until it is forgotten. */
void sim_file_refuse(struct sim_file *file, uint64_t offset, const void *bytes, size_t length);
void sim_file_overlay(struct sim_file *file, uint64_t offset, void *bytes, size_t length);
void sim_file_flush_stale(struct sim_file *file, uint64_t offset, uint64_t length);
void sim_file_forget(struct sim_file *file, uint64_t offset, uint64_t length);

/* What was just written is atomic, and not stable: of a power cut all of it survives, or none, whatever comes over it. */
void sim_file_keep_together(struct sim_file *file, uint64_t offset, uint64_t length);
/* Power is gone: of what is not stable, chooses by logical block what had become so, in this version or an older one. Changes
 * only what is stable: sim_file_restart comes next. */
void sim_file_cut(struct sim_file *file, enum sim_cut cut, uint32_t logical_bytes, struct test_random *random);
/* An I/O in flight at the cut: bytes may reach stable storage by logical block; of an atomic one all do or none. */
void sim_file_tear(struct sim_file *file, uint64_t offset, const uint8_t *bytes, size_t length, bool atomic,
                   enum sim_cut cut, uint32_t logical_bytes, struct test_random *random);

/* To try one cut after another: keeps what of a range, or of what is dirty, a cut may change, and puts it back. */
struct sim_saved;
struct sim_saved *sim_file_save(struct sim_file *file, uint64_t offset, uint64_t length, struct sim_saved *saved);
struct sim_saved *sim_file_save_dirty(struct sim_file *file, struct sim_saved *saved);
void sim_file_restore(const struct sim_saved *saved);
void sim_file_drop_saved(struct sim_saved *saved);
/* Whether that page of the file is among them. */
bool sim_file_may_differ(const struct sim_file *file, uint64_t index, const struct sim_saved *saved);
/* What stable storage has of a page of SIM_PAGE_BYTES. */
const uint8_t *sim_file_stable_page(const struct sim_file *file, uint64_t index);

/* Power is back: stable is all there is. */
void sim_file_restart(struct sim_file *file);

#endif
