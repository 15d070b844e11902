// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/append.h"

#include <errno.h>

#include "base/lock.h"
#include "base/mutant.h"

/*
 * Moves the end of the file by length; *start is the old end. -EFBIG: there is no such end. -EINVAL: an atomic
 * append, and the old end is not a multiple of its length.
 */
static int take_place(struct wt_inode *inode, uint64_t length, bool atomic, uint64_t *start) {
    uint64_t reach = atomic_load(&inode->reach), size;
    do {
        size = wt_inode_size(inode);
        *start = reach > size ? reach : size;
        if (length > INT64_MAX - *start)
            return -EFBIG;
        if (atomic && (*start & (length - 1)))
            return -EINVAL;
    } while (!atomic_compare_exchange_weak(&inode->reach, &reach,
                                           WT_MUTANT("append-place-twice") ? *start : *start + length));
    return 0;
}

int wt_append_begin(struct wt_write *write) {
    struct wt_inode *inode = write->inode;
    wt_lock(&inode->order_lock);
    /* If reach lies where no write ends, the append would leave a gap that nobody fills. */
    bool mend = inode->append_error || wt_inode_has_missed(inode);
    int rc = mend ? -EAGAIN : take_place(inode, write->length, write->flags & WT_ATOMIC, &write->offset);
    if (!rc) {
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

int wt_append_mend(struct wt_inode *inode) {
    wt_inode_end(inode);
    wt_inode_shut(inode);
    int rc = inode->mend_error;
    wt_inode_open_gate(inode);
    (void)wt_inode_begin(inode, true);
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
     * A write at an offset of its own may have begun within that place: so reach is set right when nothing is in
     * flight.
     */
    wt_inode_miss(inode, end);
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
