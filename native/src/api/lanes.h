// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#ifndef WT_API_LANES_H
#define WT_API_LANES_H

struct wt_engine_object;

/* From now on no lane can be opened. -EBUSY: some are open, and nothing has changed. */
int wt_lanes_refuse(struct wt_engine_object *engine);

#endif
