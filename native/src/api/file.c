// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "api/file.h"

#include <errno.h>
#include <string.h>

#include "base/line.h"
#include "base/lock.h"
#include "base/mutant.h"
#include "engine/doors.h"
#include "engine/handle.h"
#include "file/check.h"
#include "file/inode.h"
#include "file/owners.h"
#include "write/later.h"
#include "write/size.h"

static int check_open(const char *path, uint32_t flags, uint32_t durability, const wt_file *file) {
    const uint32_t known = WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE | WT_OPEN_CREATE_NEW | WT_OPEN_TRUNCATE |
                           WT_OPEN_NOFOLLOW | WT_OPEN_NAMED | WT_OPEN_AT_FORCE | WT_OPEN_BACKGROUND;
    const uint32_t need_write = WT_OPEN_CREATE | WT_OPEN_CREATE_NEW | WT_OPEN_TRUNCATE;
    if (!path || !file || (flags & ~known) || !(flags & (WT_OPEN_READ | WT_OPEN_WRITE)))
        return -EINVAL;
    if ((flags & need_write) && !(flags & WT_OPEN_WRITE))
        return -EINVAL;
    return durability > WT_DURABILITY_SYNC ? -EINVAL : 0;
}

/* Adds the file to its engine's list, unless that closes. Returns its handle, 0 and -errno in rc on failure. */
static wt_file publish_file(struct wt_engine_object *engine, struct wt_file_object *file, int *rc) {
    wt_file handle = 0;
    wt_lock(&engine->file_lock);
    *rc = engine->closing && !WT_MUTANT("opened-while-closing") ? -EBADF : 0;
    if (!*rc) {
        handle = wt_handle_open(&wt_file_handles, file, file->inode);
        *rc = handle ? 0 : -ENFILE;
    }
    if (!*rc) {
        file->handle = handle;
        file->next = engine->files;
        if (file->next)
            file->next->previous = file;
        engine->files = file;
        engine->file_count++;
    }
    wt_unlock(&engine->file_lock);
    return handle;
}

static int check_inside(struct wt_inode *inode) {
    (void)wt_inode_begin(inode, true);
    int rc = wt_inode_check(inode);
    wt_inode_end(inode);
    return rc;
}

static int open_file(struct wt_engine_object *engine, const char *path, uint32_t flags, uint32_t mode,
                     uint32_t durability, wt_file *handle) {
    bool for_writing = flags & WT_OPEN_WRITE;
    struct wt_backing *backing, *spare = NULL;
    struct wt_inode *inode;
    bool again;
    int rc = wt_may_wait(engine->backend);
    if (!rc)
        rc = engine->backend->ops->open(engine->backend, path, flags & ~(uint32_t)WT_OPEN_TRUNCATE, mode, &backing);
    if (!rc)
        rc = wt_inode_open(engine, backing, for_writing, &inode, &spare, &again);
    if (rc)
        return rc;
    if (again)
        rc = check_inside(inode);
    if (!rc && (flags & WT_OPEN_NAMED))
        atomic_store(&inode->named, true);
    if (!rc && (flags & WT_OPEN_AT_FORCE) && (flags & (WT_OPEN_CREATE | WT_OPEN_CREATE_NEW)))
        atomic_store(&inode->rounds.flush_due, true); /* the file may be new, and open here already */
    if (!rc && (flags & WT_OPEN_TRUNCATE))
        rc = wt_inode_truncate(inode, 0, flags & WT_OPEN_AT_FORCE);
    struct wt_file_object *file = rc ? NULL : wt_line_alloc(sizeof *file);
    if (!file && !rc)
        rc = -ENOMEM;
    if (!rc) {
        file->inode = inode;
        file->spare = spare;
        file->readable = flags & WT_OPEN_READ;
        file->writable = for_writing;
        file->at_force = flags & WT_OPEN_AT_FORCE;
        file->background = flags & WT_OPEN_BACKGROUND;
        atomic_init(&file->errors_told, atomic_load(&inode->rounds.errors));
        file->ahead = (struct wt_read_ahead){
            .trigger = UINT64_MAX, .busy = ATOMIC_FLAG_INIT, .next = UINT64_MAX, .end = UINT64_MAX};
        file->durability = durability ? durability : WT_DURABILITY_DSYNC;
        wt_file opened = publish_file(engine, file, &rc);
        if (!rc)
            *handle = opened;
    }
    if (rc) {
        wt_line_free(file);
        wt_inode_abandon(inode);
        if (spare)
            wt_backing_let_go(spare);
    }
    return rc;
}

int wt_file_open(wt_engine engine_handle, const char *path, uint32_t flags, uint32_t mode, uint32_t durability,
                 wt_file *file) {
    int rc = check_open(path, flags, durability, file);
    if (rc)
        return rc;
    struct wt_engine_object *engine = wt_handle_acquire(&wt_engine_handles, engine_handle);
    if (!engine)
        return -EBADF;
    rc = open_file(engine, path, flags, mode, durability, file);
    wt_handle_release(&wt_engine_handles, engine_handle);
    return rc;
}

int wt_begin_close(struct wt_backend *backend) {
    int rc = wt_may_wait(backend);
    if (!rc && backend->ops->unblock)
        backend->ops->unblock(backend);
    return rc;
}

static int begin_file_close(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int rc = wt_begin_close(file->inode->engine->backend);
    wt_file_release(handle);
    return rc;
}

static struct wt_backend *backend_of_file(void *object) {
    const struct wt_file_object *file = object;
    return file->inode->engine->backend;
}

int wt_file_close(wt_file handle) {
    int begin_rc = begin_file_close(handle);
    if (begin_rc)
        return begin_rc;
    struct wt_file_object *file = wt_handle_close(&wt_file_handles, handle, backend_of_file);
    if (!file)
        return -EBADF;
    struct wt_engine_object *engine = file->inode->engine;
    wt_owners_end_of(file);
    int lost = wt_later_close(file);
    int rc = wt_inode_close(file->inode);
    rc = rc ? rc : lost;
    if (file->spare)
        wt_backing_let_go(file->spare); /* nothing was written by it, and another handle may have a lock on the file */
    wt_lock(&engine->file_lock);
    if (file->previous)
        file->previous->next = file->next;
    else
        engine->files = file->next;
    if (file->next)
        file->next->previous = file->previous;
    engine->file_count--;
    wt_wake_all(&engine->file_closed); /* the last touch of the engine, which may be waiting to end */
    wt_unlock(&engine->file_lock);
    wt_line_free(file);
    return rc;
}

int wt_file_profile(wt_file handle, struct wt_profile *profile) {
    if (!profile)
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    wt_profile_tell(&atomic_load(&file->inode->backing)->profile, profile);
    if (wt_inode_is_buffered(file->inode))
        profile->path = WT_PATH_BUFFERED;
    wt_file_release(handle);
    return 0;
}

int wt_file_descriptor(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    /* Both stay until the inode is closed, and the first may have been opened for reading alone. */
    struct wt_backing *backing = file->writable ? atomic_load(&file->inode->backing) : file->inode->first_backing;
    int rc = backing->ops->descriptor ? backing->ops->descriptor(backing) : -EOPNOTSUPP;
    wt_file_release(handle);
    return rc;
}

int wt_file_rename(wt_file handle, const char *from, const char *to, uint32_t flags) {
    if (!from || !to || (flags & ~(uint32_t)WT_RENAME_REPLACE))
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    struct wt_backing *backing = atomic_load(&file->inode->backing);
    int rc = backing->ops->rename ? backing->ops->rename(backing, from, to, flags & WT_RENAME_REPLACE) : -EOPNOTSUPP;
    wt_file_release(handle);
    return rc;
}
