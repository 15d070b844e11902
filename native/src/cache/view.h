// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The memory of an engine's cache, for readers that hold neither a lock nor a handle. Java reads cached bytes by
 * itself (CacheView.java), since a call of native code costs more than a small copy.
 *
 * Each folio has a face: a few words, packed close to those of other folios, with what a reader wants to know. The
 * face says which file and index the folio has, which blocks may be read, and where they are. The version of a face
 * is even while nobody changes the folio or the face, and is another number after a change.
 *
 * A reader takes the version, looks at the face, copies, and takes the version again. If the version is the same and
 * even, the reader has what a read under the lock would have got. If not, the reader may have copied anything that
 * was in memory, and asks the core. So memory stays mapped until the engine is closed and the last reader has let go.
 * A reader that comes late finds zeros, the face of no folio.
 *
 * A reader pins bytes in the same way: in place of the copy it adds one to the count of each page (pins.h).
 *
 * Inodes have their place in this memory too, and a face names its inode by that place. A reader that knows the inode
 * by its id looks at the id after the face, and before it takes the version again. If the id is the same, the face
 * was of that inode: a file's folios are gone before its inode is, and ids only go forward.
 */
#ifndef WT_VIEW_H
#define WT_VIEW_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"

/* No frame, no folio, no place. */
#define WT_NONE UINT32_MAX

enum wt_view_part {
    WT_VIEW_ARENA,
    WT_VIEW_FOLIOS,
    WT_VIEW_BUCKETS,
    WT_VIEW_INODES,
    WT_VIEW_FACES,
    WT_VIEW_HITS, /* WT_VIEW_HIT_STRIPES counts of the readers' reads, WT_VIEW_HIT_BYTES apart */
    WT_VIEW_PINS, /* the count of pins of each page of the arena, in 32 bits; see pool.h */
    WT_VIEW_SLOTS, /* one for each pin of readers, in 32 bits: how many pages it has, or 0; WT_VIEW_STRIPE_SLOTS a stripe */
    WT_VIEW_PARTS,
};

#define WT_VIEW_HIT_STRIPES 256u
#define WT_VIEW_HIT_BYTES 64u

/*
 * A reader takes a slot before it counts itself on pages, and gives the slot back after it has taken the counts back. So
 * pages that are counted by readers, in vain or not, are an eighth of the cache at most.
 */
#define WT_VIEW_SLOT_PAGES 4u
#define WT_VIEW_STRIPE_SLOTS 16u

/* The faces of all folios, by folio number. */
struct wt_faces {
    _Atomic uint64_t *version;
    _Atomic uint64_t *key;      /* wt_view_key; zeroed memory is the key of no folio that has blocks to read */
    _Atomic uint64_t *readable; /* blocks */
    _Atomic uint64_t *pinnable; /* those of them whose bytes change nowhere but in new memory */
    _Atomic uint32_t *base;     /* the frame of its first page if the others follow in order, else WT_FACE_SCATTERED */
};
#define WT_FACE_NONE UINT64_MAX
#define WT_FACE_SCATTERED (UINT32_C(1) << 31)
#define WT_FACE_INDEX_BITS 48

struct wt_inode_place;

/* How much of each a view has, and how large each is. */
struct wt_view_sizes {
    size_t arena_bytes;
    uint32_t page_count; /* of the arena */
    uint32_t folio_count, bucket_count;
    size_t folio_bytes, inode_bytes;
};

struct wt_view {
    _Atomic uint32_t users; /* the engine and each reader */
    struct {
        void *start;
        size_t bytes;
    } parts[WT_VIEW_PARTS];
    size_t inode_bytes;
    struct wt_mutex inode_lock;
    struct wt_inode_place *free_inode;
    size_t fresh_inode;
};

/* Zeroed memory that takes no pages until it is used. NULL: there is none. */
void *wt_map_zeroed(size_t bytes);

/* Maps the parts. The arena begins at a huge page. */
int wt_view_open(struct wt_view **view, const struct wt_view_sizes *sizes);
struct wt_faces wt_view_faces(const struct wt_view *view, uint32_t folio_count);
/* The engine is closed: gives the memory back now, and the addresses with the last user. */
void wt_view_close(struct wt_view *view);
void wt_view_use(struct wt_view *view);
void wt_view_release(struct wt_view *view);

/* Memory for an inode, in the view if the view has a place left. NULL: there is none. */
void *wt_view_take_inode(struct wt_view *view);
void wt_view_give_inode(struct wt_view *view, void *inode);
/* The number of its place in WT_VIEW_INODES; WT_NONE: it is elsewhere. */
uint32_t wt_view_place(const struct wt_view *view, const void *inode);
/* The key of a folio, from the place of its inode and its index. WT_FACE_NONE if the inode is elsewhere. */
uint64_t wt_view_key(uint32_t place, uint64_t index);

/* The count of reads that readers did by themselves. */
uint64_t wt_view_hits(const struct wt_view *view);
/* How many pages readers have pinned by themselves, each once for each pin. */
uint64_t wt_view_pinned_pages(const struct wt_view *view);

#endif
