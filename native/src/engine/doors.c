// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "engine/doors.h"
#include "engine/handle.h"

struct wt_handle_table wt_engine_handles = WT_HANDLE_TABLE(1);
struct wt_handle_table wt_file_handles = WT_HANDLE_TABLE(0);

struct wt_engine_object *wt_engine_acquire(wt_engine engine) {
    return wt_handle_acquire(&wt_engine_handles, engine);
}

void wt_engine_release(wt_engine engine) {
    wt_handle_release(&wt_engine_handles, engine);
}

struct wt_file_object *wt_file_acquire(wt_file file) {
    return wt_handle_acquire(&wt_file_handles, file);
}

struct wt_file_object *wt_file_acquire_writable(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (file && !file->writable) {
        wt_file_release(handle);
        return NULL;
    }
    return file;
}

void wt_file_release(wt_file file) {
    wt_handle_release(&wt_file_handles, file);
}

struct wt_folio *wt_file_recent_folio(wt_file file) {
    return wt_handle_recent(&wt_file_handles, file);
}

void wt_file_note_folio(wt_file file, struct wt_folio *folio) {
    wt_handle_note(&wt_file_handles, file, folio);
}
