// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files as handles: opened, published in their engine's list, looked at, and closed. */
#ifndef WT_API_FILE_H
#define WT_API_FILE_H

#include "io/io.h"

/* Before the end of all I/O, of a file or of the engine, is waited for. 0 or -EDEADLK. */
int wt_begin_close(struct wt_backend *backend);

#endif
