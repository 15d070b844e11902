// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The backend of threads that block in system calls: where there is no io_uring. */
#ifndef WT_THREADS_H
#define WT_THREADS_H

#include "io/io.h"

/* *backend is set on success only. */
int wt_threads_open(const struct wt_engine_options *options, struct wt_backend **backend);
/* The same for files whose pages the kernel writes through: see through.h. */
int wt_kernel_open(const struct wt_engine_options *options, struct wt_backend **backend);

#endif
