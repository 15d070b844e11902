// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Pinned reads: what is missing is fetched, and all of it is pinned where it is. */
#ifndef WT_READ_PIN_H
#define WT_READ_PIN_H

#include "cache/pins.h"
#include "engine/handle.h"
#include "engine/objects.h"

/* The range of a file cannot be pinned, and can be read. */
#define WT_PIN_ONLY_COPIED (-ENODATA)

/*
 * Pins bytes as wt_pin does, and makes no copy: -ENOBUFS, or WT_PIN_ONLY_COPIED. After an error, or 0, nothing is pinned. The
 * arguments are checked. cached_only: -EAGAIN if something has to be fetched.
 */
int64_t wt_pin_range(struct wt_file_object *file, uint64_t offset, uint64_t length, bool cached_only,
                     struct wt_pins *pins);

extern struct wt_handle_table wt_pin_handles;

#endif
