// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* A reader that holds neither lock nor handle while it reads or pins, as src/view.h has it and CacheView.java is one. */
#ifndef WT_TEST_VIEW_READER_H
#define WT_TEST_VIEW_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/view.h"
#include "writethrough.h"

/* Where others may come between the steps of a pin. */
enum view_pin_step {
    VIEW_PIN_LOOKED,  /* the face is known, and no page is counted */
    VIEW_PIN_COUNTED, /* the pages are counted, and nobody knows whether the face is the same */
    VIEW_PIN_LAST,    /* a page that has left its folio has no pin any more, and is not free */
};

struct view_reader {
    wt_engine engine;
    struct wt_view *view;
    struct wt_faces faces;
    uint64_t inode_id;
    uint32_t place;
    uint32_t first_bucket;
    uint32_t folio_shift, block_shift;
    void (*at_step)(void *argument, enum view_pin_step step); /* NULL: nobody comes */
    void *argument;
};

struct view_pin {
    const uint8_t *bytes;
    uint32_t first_frame, pages;
    _Atomic uint32_t *slot;
};

/* Of an open file. The memory stays until view_reader_end. */
struct view_reader view_reader_of(wt_file file);
void view_reader_end(struct view_reader *reader);
/* True: the bytes are those of the file. False: who wants them asks the core. */
bool view_reader_read(const struct view_reader *reader, uint64_t offset, void *bytes, size_t length);
/*
 * True: the bytes stay as they are and where they are until the unpin, or until the engine is closed. False: as above, or no
 * slot is free.
 */
bool view_reader_pin(const struct view_reader *reader, uint64_t offset, size_t length, struct view_pin *pin);
void view_reader_unpin(const struct view_reader *reader, const struct view_pin *pin);

#endif
