// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The backend of an engine whose I/O an event loop carries on its own ring. See "another's ring" in writethrough.h:
 * these are its functions without the handle of an engine.
 */
#ifndef WT_IO_EXTERNAL_H
#define WT_IO_EXTERNAL_H

#include "io/io.h"

/* Opens the backend and takes over inner, also on failure. inner does the I/O that the loop does not do. */
int wt_external_open(struct wt_backend *inner, struct wt_backend **backend);
bool wt_is_external(const struct wt_backend *backend);

int wt_external_attach_to(struct wt_backend *backend);
int wt_external_take_from(struct wt_backend *backend, struct wt_transfer *transfers, int max);
int wt_external_done_of(struct wt_backend *backend, const struct wt_transfer_end *ends, int count);
int wt_external_detach_from(struct wt_backend *backend);

#endif
