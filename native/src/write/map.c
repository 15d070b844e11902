// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Mappings for writing: see inode.h for what they make of a file. */
#include <errno.h>

#include "engine/doors.h"
#include "file/owners.h"
#include "io/mapped.h"
#include "write/later.h"
#include "write/size.h"

/* The gate is shut, and nothing is in flight. */
static int begin(struct wt_inode *inode, uint64_t end) {
    if (wt_inode_size_is_suspect(inode)) /* the disk has more than the file, and refuses to cut it */
        return inode->restore_error;
    int rc = wt_inode_begin_mapped(inode);
    return !rc && end > wt_inode_size(inode) ? wt_inode_change_size(inode, end) : rc;
}

/* The mapping counts before the file is looked at: so no other thread takes the file back to direct I/O. */
static int begin_mapping(struct wt_inode *inode, uint64_t offset, uint64_t length, uint64_t *mapping) {
    int rc = wt_mapped_begin(inode->device, inode->number, length, mapping);
    if (rc)
        return rc;
    wt_later_shut(inode);
    bool first = !atomic_load(&inode->mapped);
    rc = wt_is_owned(inode, 0, UINT64_MAX) ? -EBUSY : begin(inode, offset + length);
    wt_inode_open_gate(inode);
    if (rc)
        (void)wt_mapped_end(*mapping);
    return rc ? rc : first;
}

int wt_mapping_begin(wt_file handle, uint64_t offset, uint64_t length, wt_mapping *mapping) {
    if (!mapping || offset > INT64_MAX || length > INT64_MAX - offset)
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire_writable(handle);
    if (!file)
        return -EBADF;
    int rc = atomic_load(&file->inode->lost) ? -ESTALE : wt_may_wait(file->inode->engine->backend);
    if (!rc)
        rc = wt_later_settle(file);
    if (!rc)
        rc = wt_later_keep_nothing(file->inode, true);
    if (!rc)
        rc = begin_mapping(file->inode, offset, length, mapping);
    wt_file_release(handle);
    return rc;
}

int wt_mapping_end(wt_mapping mapping) {
    return wt_mapped_end(mapping);
}
