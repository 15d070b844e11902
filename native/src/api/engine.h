// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Engines as handles: opened on the backend that the kernel allows, shut down, and closed. */
#ifndef WT_API_ENGINE_H
#define WT_API_ENGINE_H

#include "io/io.h"

/* wt_engine_open on a backend of the caller; takes the backend over, also on failure. For tests. */
int wt_engine_open_on(const struct wt_engine_options *options, struct wt_backend *backend, wt_engine *engine);

#endif
