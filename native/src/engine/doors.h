// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Handles of engines and files: the numbers that callers have for them, and the doors by which a call gets at the object. */
#ifndef WT_DOORS_H
#define WT_DOORS_H

#include "engine/handle.h"
#include "engine/objects.h"

extern struct wt_handle_table wt_engine_handles, wt_file_handles;

/* The file of a handle. The file stays open until it is released. NULL: the handle is not open. */
struct wt_file_object *wt_file_acquire(wt_file file);
/* The same if it is open for writing too. */
struct wt_file_object *wt_file_acquire_writable(wt_file file);
void wt_file_release(wt_file file);
/* The folio that was last read through an acquired file, or what its descriptor is used for now. NULL: none yet. */
struct wt_folio *wt_file_recent_folio(wt_file file);
void wt_file_note_folio(wt_file file, struct wt_folio *folio);

/* The engine of a handle. The engine stays there until it is released. NULL: the handle is not open. */
struct wt_engine_object *wt_engine_acquire(wt_engine engine);
void wt_engine_release(wt_engine engine);

#endif
