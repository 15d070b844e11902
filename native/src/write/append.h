// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Appends: writes that go to the end of the file. Each append gets its place when it begins. Appends leave as any
 * write does, in any order and many in one I/O. But they are acknowledged in the order of their places, and only then
 * do callers see the file grow. So nobody sees, or builds on, a gap that an earlier append has yet to fill.
 */
#ifndef WT_APPEND_H
#define WT_APPEND_H

#include "write/context.h"

/*
 * Gives a write its place at the end of the file. The caller is inside the gate and holds append_lock. 0: the write
 * ends by wt_appends_end later. -EFBIG: there is no such place. -EINVAL: there is none for an atomic write. -EAGAIN:
 * an append failed, or a write past the end failed or was not started; the caller has to wait until the size is
 * restored.
 */
int wt_append_begin(struct wt_write *write);
/* Takes back the place of a write that was not started. append_lock has been held since the place was given. */
void wt_append_cancel(struct wt_write *write);
/*
 * Takes writes that ended, linked by next_done. Returns the writes whose callers may be told, with others that waited
 * for these.
 */
struct wt_write *wt_appends_end(struct wt_inode *inode, struct wt_write *done);

#endif
