// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* A reader that holds neither lock nor handle while it reads, as src/view.h has it and CacheView.java is one. */
#ifndef WT_TEST_VIEW_READER_H
#define WT_TEST_VIEW_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/view.h"
#include "writethrough.h"

struct view_reader {
    struct wt_view *view;
    struct wt_faces faces;
    uint64_t inode_id;
    uint32_t place;
    uint32_t first_bucket;
    uint32_t folio_shift, block_shift;
};

/* Of an open file. The memory stays until view_reader_end. */
struct view_reader view_reader_of(wt_file file);
void view_reader_end(struct view_reader *reader);
/* True: the bytes are those of the file. False: who wants them asks the core. */
bool view_reader_read(const struct view_reader *reader, uint64_t offset, void *bytes, size_t length);

#endif
