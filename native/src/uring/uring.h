// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The backend of an io_uring of its own. */
#ifndef WT_URING_H
#define WT_URING_H

#include "io/io.h"

/* *backend is set on success only. */
int wt_io_uring_open(const struct wt_engine_options *options, struct wt_backend **backend);

#endif
