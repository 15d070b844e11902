// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Durable memory: the handles of what wt_memory_map makes. */
#ifndef WT_MEMORY_H
#define WT_MEMORY_H

#include "engine/handle.h"

extern struct wt_handle_table wt_memory_handles;

#endif
