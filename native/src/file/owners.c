// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "file/owners.h"

#include <errno.h>
#include <stddef.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "engine/objects.h"
#include "file/inode.h"

/* Of all files: an owner may end while its file is closed. Held for the walk over a short list. */
static struct wt_mutex lock = WT_MUTEX_INITIALIZER(WT_LOCK_OWNERS);

static bool meets(const struct wt_inode *inode, uint64_t offset, uint64_t end, bool zeros_too) {
    const struct wt_owner *at = atomic_load(&inode->owners);
    while (at && (at->end <= offset || at->offset >= end || (at->zeros && !zeros_too)))
        at = at->next;
    return at;
}

bool wt_is_owned(struct wt_inode *inode, uint64_t offset, uint64_t end) {
    if (!atomic_load(&inode->owners) || offset >= end)
        return false;
    wt_lock(&lock);
    bool owned = meets(inode, offset, end, false);
    wt_unlock(&lock);
    return owned && !WT_MUTANT("memory-owns-nothing");
}

int wt_owner_begin(struct wt_owner *owner, struct wt_file_object *file) {
    struct wt_inode *inode = file->inode;
    wt_lock(&lock);
    int rc = meets(inode, owner->offset, owner->end, !owner->zeros) ? -EBUSY : 0;
    if (rc && WT_MUTANT("memory-owns-nothing"))
        rc = 0;
    if (!rc) {
        owner->file = file;
        owner->next = atomic_load(&inode->owners);
        atomic_store(&inode->owners, owner);
        if (!owner->zeros)
            atomic_fetch_add(&inode->engine->durable_memory_bytes, owner->end - owner->offset);
    }
    wt_unlock(&lock);
    return rc;
}

/* Takes the owner that follows at, NULL: the first, off the list. With the lock held. */
static void take_off(struct wt_inode *inode, struct wt_owner *at, struct wt_owner *owner) {
    if (at)
        at->next = owner->next;
    else
        atomic_store(&inode->owners, owner->next);
    owner->file = NULL;
    if (!owner->zeros)
        atomic_fetch_sub(&inode->engine->durable_memory_bytes, owner->end - owner->offset);
}

void wt_owner_end(struct wt_owner *owner) {
    wt_lock(&lock);
    if (owner->file) {
        struct wt_inode *inode = owner->file->inode;
        struct wt_owner *before = NULL;
        for (struct wt_owner *at = atomic_load(&inode->owners); at != owner; at = at->next)
            before = at;
        take_off(inode, before, owner);
    }
    wt_unlock(&lock);
}

bool wt_owner_owns(struct wt_owner *owner) {
    wt_lock(&lock);
    bool owns = owner->file;
    wt_unlock(&lock);
    return owns;
}

void wt_owners_end_of(struct wt_file_object *file) {
    struct wt_inode *inode = file->inode;
    if (!atomic_load(&inode->owners))
        return;
    wt_lock(&lock);
    struct wt_owner *before = NULL, *at = atomic_load(&inode->owners), *next;
    for (; at; at = next) {
        next = at->next;
        if (at->file == file)
            take_off(inode, before, at);
        else
            before = at;
    }
    wt_unlock(&lock);
}

void wt_owners_forked(void) {
    wt_mutex_init(&lock, WT_LOCK_OWNERS);
}
