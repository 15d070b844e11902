/*
 * Appends: writes that go to the end of the file. Each gets its place when it begins, and they leave as any write does, in
 * any order and many in one I/O. But they are acknowledged in the order of their places, and only then do callers see the
 * file grow: nobody sees, or builds on, a gap that an earlier append has yet to fill.
 */
#ifndef WT_APPEND_H
#define WT_APPEND_H

#include "write/context.h"

/*
 * Gives a write its place at the end of the file; the caller is inside the gate, and holds append_lock. -EFBIG: there is no
 * such place. -EINVAL: not for an atomic one. -EAGAIN: an append failed, or a write that went past the end failed or was not
 * started, and the caller has to wait until that is mended. After that the write ends by wt_appends_end.
 */
int wt_append_begin(struct wt_write *write);
/*
 * Waits until the size is mended, and with it the places of appends; leaves the gate and comes back. 0, or why it could not be
 * mended: the next call tries again.
 */
int wt_append_mend(struct wt_inode *inode);
/* Takes back the place of a write that was not started; append_lock has been held since it was given. */
void wt_append_cancel(struct wt_write *write);
/* Writes that ended, linked by next_done: returns those whose callers may be told, others that waited for them included. */
struct wt_write *wt_appends_end(struct wt_inode *inode, struct wt_write *done);

#endif
