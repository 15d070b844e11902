/* Reading what the cache lacks. */
#ifndef WT_READ_H
#define WT_READ_H

#include <stdint.h>

#include "cursor.h"
#include "engine.h"
#include "inode.h"

/*
 * Reads missing blocks from offset on into folios, in one I/O of at most length bytes on this thread, up to the first block
 * that is there. cursor, if not NULL, gets their bytes from offset on (no more than length). Returns the count of bytes
 * that the cursor got (or would have got); 0: try again, somebody else has read the block or does now; or -errno.
 * The inode is entered; the reservation covers the pages of the range.
 */
int64_t wt_read_missing(struct wt_inode *inode, struct wt_reservation *reservation, uint64_t offset, uint64_t length,
                        struct wt_cursor *cursor);

/* wt_read and wt_write_with where there is no direct I/O. The arguments are checked; end is the end of the file or before. */
int64_t wt_buffered_read(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t offset, uint64_t length);
int64_t wt_buffered_write(struct wt_inode *inode, struct wt_cursor *cursor, uint64_t *offset, uint64_t length,
                          uint32_t durability, uint32_t flags, uint64_t *stable_bytes);

#endif
