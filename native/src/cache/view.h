/*
 * The memory of an engine's cache, for readers that hold neither lock nor handle. Java reads what is cached by itself
 * (CacheView.java), since to call native code costs more than a small copy does.
 *
 * Each folio has a face, which says in a few words, packed close with those of others, what a reader wants to know: whose it
 * is, which blocks may be read, and where they are. Its version is even while nobody changes the folio or its face, and
 * another one after a change. A reader takes the version, looks at the face, copies, and takes the version again. Is it the
 * same and even, then it has what a read under the lock would have got. Else it may have copied anything that was in memory,
 * and asks the core. So memory stays mapped until the engine is closed and the last reader has let go: what a reader that
 * comes late finds are zeros, the face of no folio.
 *
 * Inodes have their place in this memory too, and a face names its inode by that. A reader that knows the inode by its id
 * looks at the id after the face, and before it takes the version again: is it the same, then so was the inode of the face,
 * since folios go before their inode and ids only go forward.
 */
#ifndef WT_VIEW_H
#define WT_VIEW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* No frame, no folio, no place. */
#define WT_NONE UINT32_MAX

enum wt_view_part {
    WT_VIEW_ARENA,
    WT_VIEW_FOLIOS,
    WT_VIEW_BUCKETS,
    WT_VIEW_INODES,
    WT_VIEW_FACES,
    WT_VIEW_HITS, /* WT_VIEW_HIT_STRIPES counts of the reads that readers did, each at the start of WT_VIEW_HIT_BYTES */
    WT_VIEW_PARTS,
};

#define WT_VIEW_HIT_STRIPES 256u
#define WT_VIEW_HIT_BYTES 64u

/* Of each folio, by its number. */
struct wt_faces {
    _Atomic uint64_t *version;
    _Atomic uint64_t *key;      /* wt_view_key; zeroed memory is that of no folio that has blocks to read */
    _Atomic uint64_t *readable; /* blocks */
    _Atomic uint32_t *base;     /* the frame of its first page if the others follow in order, or WT_FACE_SCATTERED */
};
#define WT_FACE_NONE UINT64_MAX
#define WT_FACE_SCATTERED (UINT32_C(1) << 31)
#define WT_FACE_INDEX_BITS 48

struct wt_inode_place;

/* How much of each a view has, and how large each is. */
struct wt_view_sizes {
    size_t arena_bytes;
    uint32_t folio_count, bucket_count;
    size_t folio_bytes, inode_bytes;
};

struct wt_view {
    _Atomic uint32_t users; /* the engine, and each who looks */
    struct {
        void *start;
        size_t bytes;
    } parts[WT_VIEW_PARTS];
    size_t inode_bytes;
    pthread_mutex_t inode_lock;
    struct wt_inode_place *free_inode;
    size_t fresh_inode;
};

/* Memory of zeros that takes none until it is used; NULL: there is none. */
void *wt_map_zeroed(size_t bytes);

/* Maps the parts. The arena begins at a huge page. */
int wt_view_open(struct wt_view **view, const struct wt_view_sizes *sizes);
struct wt_faces wt_view_faces(const struct wt_view *view, uint32_t folio_count);
/* The engine is done: gives the memory back, and the addresses with the last user. */
void wt_view_close(struct wt_view *view);
void wt_view_use(struct wt_view *view);
void wt_view_release(struct wt_view *view);

/* Memory for an inode, in the view while it has a place. NULL: there is none. */
void *wt_view_take_inode(struct wt_view *view);
void wt_view_give_inode(struct wt_view *view, void *inode);
/* Which of WT_VIEW_INODES it is; WT_NONE: elsewhere. */
uint32_t wt_view_place(const struct wt_view *view, const void *inode);
/* The key of a folio by its inode's place and its index. WT_FACE_NONE if the inode is elsewhere. */
uint64_t wt_view_key(uint32_t place, uint64_t index);

/* The reads that readers did by themselves. */
uint64_t wt_view_hits(const struct wt_view *view);

#endif
