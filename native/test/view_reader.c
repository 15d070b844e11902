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
        .engine = inode->engine->handle,
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

/* What a face says. */
struct look {
    uint32_t id, base, in_folio;
    uint64_t version;
};

/* Looks at the face of the folio that has all of a range. False: none has, or not all of it may be read, or pinned. */
static bool look_at_face(const struct view_reader *reader, uint64_t offset, size_t length, bool to_pin,
                         struct look *look) {
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
    uint64_t there = atomic_load(to_pin ? &reader->faces.pinnable[id] : &reader->faces.readable[id]);
    if (version % 2 || atomic_load(&reader->faces.key[id]) != key || blocks & ~there)
        return false;
    *look = (struct look){id, atomic_load(&reader->faces.base[id]), in_folio, version};
    const struct wt_inode *inode = &inodes[reader->place];
    return *(const volatile uint64_t *)&inode->mapping.id == reader->inode_id &&
           atomic_load(&inode->ends.visible_size) >= offset + length && !atomic_load(&inode->lost);
}

bool view_reader_read(const struct view_reader *reader, uint64_t offset, void *bytes, size_t length) {
    const struct wt_folio *folios = reader->view->parts[WT_VIEW_FOLIOS].start;
    struct look look;
    if (!look_at_face(reader, offset, length, false, &look))
        return false;
    copy(reader, &folios[look.id], look.base, look.in_folio, bytes, length);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load(&reader->faces.version[look.id]) == look.version;
}

/* ---- pins -------------------------------------------------------------------------------------------------------- */

static void at_step(const struct view_reader *reader, enum view_pin_step step) {
    if (reader->at_step)
        reader->at_step(reader->argument, step);
}

/* The first slot that is free; which stripe is a matter of speed. NULL: none. */
static _Atomic uint32_t *take_slot(const struct view_reader *reader, uint32_t pages) {
    _Atomic uint32_t *slots = reader->view->parts[WT_VIEW_SLOTS].start;
    for (size_t i = 0; i < reader->view->parts[WT_VIEW_SLOTS].bytes / sizeof *slots; i++) {
        uint32_t none = 0;
        if (atomic_compare_exchange_strong(&slots[i], &none, pages))
            return &slots[i];
    }
    return NULL;
}

void view_reader_unpin(const struct view_reader *reader, const struct view_pin *pin) {
    uint32_t first = pin->first_frame, pages = pin->pages;
    _Atomic uint32_t *pins = reader->view->parts[WT_VIEW_PINS].start;
    for (uint32_t frame = first; frame < first + pages; frame++) {
        if (atomic_fetch_sub(&pins[frame], 1) != (WT_FRAME_LEFT | 1))
            continue;
        at_step(reader, VIEW_PIN_LAST);
        struct wt_engine_object *engine = wt_engine_acquire(reader->engine);
        if (engine) {
            wt_pool_free_left(&engine->cache.pool, frame);
            wt_engine_release(reader->engine);
        }
    }
    atomic_store(pin->slot, 0);
}

/* The frame of the first page if the others follow in order; WT_NONE: they do not. */
static uint32_t first_frame(const struct view_reader *reader, const struct look *look, uint32_t pages) {
    const struct wt_folio *folios = reader->view->parts[WT_VIEW_FOLIOS].start;
    uint32_t page = look->in_folio >> WT_PAGE_SHIFT;
    if (look->base != WT_FACE_SCATTERED)
        return look->base + page;
    uint32_t first = wt_folio_frame(&folios[look->id], page);
    for (uint32_t i = 1; i < pages; i++)
        if (wt_folio_frame(&folios[look->id], page + i) != first + i)
            return WT_NONE;
    return first;
}

bool view_reader_pin(const struct view_reader *reader, uint64_t offset, size_t length, struct view_pin *pin) {
    const uint8_t *arena = reader->view->parts[WT_VIEW_ARENA].start;
    size_t frames = reader->view->parts[WT_VIEW_ARENA].bytes >> WT_PAGE_SHIFT;
    _Atomic uint32_t *pins = reader->view->parts[WT_VIEW_PINS].start;
    struct look look;
    if (!look_at_face(reader, offset, length, true, &look))
        return false;
    uint32_t in_page = look.in_folio & (WT_PAGE_BYTES - 1);
    uint32_t pages = (in_page + (uint32_t)length + WT_PAGE_BYTES - 1) >> WT_PAGE_SHIFT;
    uint32_t first = first_frame(reader, &look, pages);
    if (first >= frames || pages > frames - first)
        return false; /* in pieces, or changed under this reader */
    _Atomic uint32_t *slot = pages <= WT_VIEW_SLOT_PAGES ? take_slot(reader, pages) : NULL;
    if (!slot)
        return false;
    *pin = (struct view_pin){arena + ((size_t)first << WT_PAGE_SHIFT) + in_page, first, pages, slot};
    at_step(reader, VIEW_PIN_LOOKED);
    for (uint32_t frame = first; frame < first + pages; frame++)
        atomic_fetch_add(&pins[frame], 1);
    at_step(reader, VIEW_PIN_COUNTED);
    if (atomic_load(&reader->faces.version[look.id]) != look.version) {
        view_reader_unpin(reader, pin);
        return false;
    }
    return true;
}
