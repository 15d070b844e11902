// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/append.h"

#include <errno.h>

#include "base/lock.h"
#include "base/mutant.h"

int wt_append_begin(struct wt_write *write) {
    struct wt_inode *inode = write->inode;
    wt_lock(&inode->order_lock);
    /* If end_in_flight lies where no write ends, the append would leave a gap that nobody fills. */
    bool suspect = inode->append_error || wt_inode_has_failed_end(inode);
    int rc =
        suspect ? -EAGAIN : wt_ends_take_place(&inode->ends, write->length, write->flags & WT_ATOMIC, &write->offset);
    if (!rc && !(write->flags & WT_LATER)) { /* nobody waits for a later append */
        write->next_append = NULL;
        write->previous_append = inode->last_append;
        if (inode->last_append)
            inode->last_append->next_append = write;
        else
            inode->first_append = write;
        inode->last_append = write;
    }
    wt_unlock(&inode->order_lock);
    return rc;
}

/* With the lock held. */
static void remove_append(struct wt_inode *inode, struct wt_write *write) {
    if (write->previous_append)
        write->previous_append->next_append = write->next_append;
    else
        inode->first_append = write->next_append;
    if (write->next_append)
        write->next_append->previous_append = write->previous_append;
    else
        inode->last_append = write->previous_append;
}

void wt_append_cancel(struct wt_write *write) {
    struct wt_inode *inode = write->inode;
    uint64_t end = write->offset + write->length;
    wt_lock(&inode->order_lock);
    remove_append(inode, write);
    /*
     * A write at an offset of its own may have begun within that place: so end_in_flight is set right when nothing
     * is in flight.
     */
    wt_inode_note_failed_end(inode, end);
    wt_unlock(&inode->order_lock);
}

/*
 * The first append in flight has ended: the file grows by it, or it and all appends behind it fail. The lock is held.
 */
static void conclude(struct wt_inode *inode, struct wt_write *write) {
    if (inode->append_error && !WT_MUTANT("append-behind-failed-kept")) {
        wt_write_fail(write, inode->append_error, write->offset);
        return;
    }
    uint64_t end = write->offset + write->length, failed_at = atomic_load(&write->failed_at);
    inode->append_error = atomic_load(&write->error);
    if (inode->append_error) {
        end = failed_at < end ? failed_at : end;
        wt_inode_suspect_size(inode);
    }
    if (end > write->offset)
        wt_inode_grow(inode, end);
}

struct wt_write *wt_appends_end(struct wt_inode *inode, struct wt_write *done) {
    struct wt_write *ready = NULL, **tail = &ready, *appends = NULL, *next;
    for (struct wt_write *write = done; write; write = next) {
        next = write->next_done;
        if (write->flags & WT_APPEND) {
            write->next_done = appends;
            appends = write;
        } else {
            *tail = write;
            tail = &write->next_done;
        }
    }
    if (appends) {
        wt_lock(&inode->order_lock);
        for (; appends; appends = next) {
            next = appends->next_done;
            appends->ended = true;
        }
        while (inode->first_append && inode->first_append->ended) {
            struct wt_write *first = inode->first_append;
            remove_append(inode, first);
            conclude(inode, first);
            *tail = first;
            tail = &first->next_done;
        }
        wt_unlock(&inode->order_lock);
    }
    *tail = NULL;
    return ready;
}
