// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Ranges of files that durable memory owns ("Durable memory" in DESIGN.md): nobody else may change them, since a force writes
 * whole pages of what the memory has. A hole or a range of zeros is made in steps, between which the gate is open: until the last
 * one it owns its range against memory alone.
 */
#ifndef WT_OWNERS_H
#define WT_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

struct wt_file_object;
struct wt_inode;

struct wt_owner {
    struct wt_file_object *file; /* NULL: it owns nothing any more */
    uint64_t offset, end;
    bool zeros; /* it is a hole, or a range of zeros, that is being made */
    struct wt_owner *next;
};

/* Begins to own owner->offset..end of the file; memory: with the gate shut. -EBUSY: memory, or of memory another, owns a part of it. */
int wt_owner_begin(struct wt_owner *owner, struct wt_file_object *file);
/* Ends that, if it was not ended before. */
void wt_owner_end(struct wt_owner *owner);
bool wt_owner_owns(struct wt_owner *owner);
/* The handle is being closed, and no call is inside: its owners own nothing any more. */
void wt_owners_end_of(struct wt_file_object *file);

/* Whether memory owns a part of the range. Inside the gate, or with the gate shut. */
bool wt_is_owned(struct wt_inode *inode, uint64_t offset, uint64_t end);

/* This process was just forked. */
void wt_owners_forked(void);

#endif
