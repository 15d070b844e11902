// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "view_reader.h"

#include <string.h>

#include "engine/doors.h"
#include "engine/objects.h"
#include "file/inode.h"
#include "test.h"

struct view_reader view_reader_of(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    CHECK(file);
    struct wt_inode *inode = file->inode;
    struct view_reader reader = {
        .view = inode->mapping.cache->view,
        .faces = inode->mapping.cache->faces,
        .inode_id = inode->mapping.id,
        .place = inode->mapping.place,
        .first_bucket = wt_folio_first_bucket(inode->mapping.id),
        .folio_shift = inode->mapping.geometry.folio_shift,
        .block_shift = inode->mapping.geometry.block_shift,
    };
    wt_view_use(reader.view);
    wt_file_release(handle);
    return reader;
}

void view_reader_end(struct view_reader *reader) {
    wt_view_release(reader->view);
}

static void copy(const struct view_reader *reader, const struct wt_folio *folio, uint32_t base, uint32_t offset,
                 uint8_t *bytes, size_t length) {
    const uint8_t *arena = reader->view->parts[WT_VIEW_ARENA].start;
    size_t frames = reader->view->parts[WT_VIEW_ARENA].bytes >> WT_PAGE_SHIFT;
    while (length > 0) {
        uint32_t page = offset >> WT_PAGE_SHIFT, in_page = offset & (WT_PAGE_BYTES - 1);
        uint32_t frame = base == WT_FACE_SCATTERED ? wt_folio_frame(folio, page) : base + page;
        size_t n = WT_PAGE_BYTES - in_page < length ? WT_PAGE_BYTES - in_page : length;
        if (frame >= frames)
            return; /* it was changed under this reader, who will see that */
        memcpy(bytes, arena + ((size_t)frame << WT_PAGE_SHIFT) + in_page, n);
        offset += (uint32_t)n;
        bytes += n;
        length -= n;
    }
}

static uint32_t find(const struct view_reader *reader, uint64_t key, uint64_t index) {
    const struct wt_folio *folios = reader->view->parts[WT_VIEW_FOLIOS].start;
    const _Atomic uint32_t *buckets = reader->view->parts[WT_VIEW_BUCKETS].start;
    size_t mask = reader->view->parts[WT_VIEW_BUCKETS].bytes / sizeof *buckets - 1;
    uint32_t id = wt_link_of(atomic_load(&buckets[(reader->first_bucket + (uint32_t)index) & mask]));
    for (unsigned steps = 0; id != WT_NONE && steps < 100; steps++) {
        if (atomic_load(&reader->faces.key[id]) == key)
            return id;
        id = wt_link_of(atomic_load(&folios[id].chain));
    }
    return WT_NONE;
}

bool view_reader_read(const struct view_reader *reader, uint64_t offset, void *bytes, size_t length) {
    const struct wt_folio *folios = reader->view->parts[WT_VIEW_FOLIOS].start;
    const struct wt_inode *inodes = reader->view->parts[WT_VIEW_INODES].start;
    uint32_t folio_bytes = 1u << reader->folio_shift, in_folio = (uint32_t)(offset & (folio_bytes - 1));
    if (reader->place == WT_NONE || length > folio_bytes - in_folio)
        return false;
    uint64_t index = offset >> reader->folio_shift, key = wt_view_key(reader->place, index);
    uint32_t id = find(reader, key, index);
    if (id == WT_NONE)
        return false;
    uint64_t version = atomic_load_explicit(&reader->faces.version[id], memory_order_acquire);
    uint64_t blocks =
        wt_bits(in_folio >> reader->block_shift, (in_folio + (uint32_t)length - 1) >> reader->block_shift);
    if (version % 2 || atomic_load(&reader->faces.key[id]) != key || blocks & ~atomic_load(&reader->faces.readable[id]))
        return false;
    copy(reader, &folios[id], atomic_load(&reader->faces.base[id]), in_folio, bytes, length);
    atomic_thread_fence(memory_order_acquire);
    const struct wt_inode *inode = &inodes[reader->place];
    bool same = *(const volatile uint64_t *)&inode->mapping.id == reader->inode_id &&
                atomic_load(&inode->ends.visible_size) >= offset + length && !atomic_load(&inode->lost);
    return same && atomic_load(&reader->faces.version[id]) == version;
}
