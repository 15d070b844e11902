// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Files that this process has mapped for writing. A mapping outlives the handle and the engine by which it was begun: so the
 * files stand here, by the numbers of their disk and inode, and each open file finds out whether it is one of them.
 */
#ifndef WT_MAPPED_H
#define WT_MAPPED_H

#include <stdbool.h>
#include <stdint.h>

struct wt_mapped_file;

/* What an open file has of a mapped one. All zeros: nothing. */
struct wt_mapped_use {
    struct wt_mapped_file *file;
    const void *owner; /* its engine */
    struct wt_mapped_use *next;
};

/* Adds a mapping of so many bytes of the file. *mapping: its number, which is never 0, and of no other mapping. 0 or -ENOMEM. */
int wt_mapped_begin(uint64_t device, uint64_t number, uint64_t bytes, uint64_t *mapping);
/* Takes the mapping away. -EBADF: there is none with this number. Waits for nobody. */
int wt_mapped_end(uint64_t mapping);

/*
 * The file has mappings, or had some that ended while nobody had it open: the use, which has nothing yet, gets them, and has to
 * flush what was stored once they have ended. False: there is nothing of that. Of a file that is empty no store is left: as a
 * rule it is a new one, and has the number of a file that was mapped and deleted.
 */
bool wt_mapped_join(struct wt_mapped_use *use, const void *owner, uint64_t device, uint64_t number, bool is_empty);
/* flushed: after the last mapping, what was stored was flushed. Else the next use has to do that. */
void wt_mapped_leave(struct wt_mapped_use *use, bool flushed);
/* Whether the file, which the use has, is mapped still. */
bool wt_mapped_is_still(const struct wt_mapped_use *use);
/* How many files of an engine are mapped. *bytes: the length of all mappings of these. */
uint64_t wt_mapped_count(const void *owner, uint64_t *bytes);

/* This process was just forked: nothing is mapped that any engine of it would know. */
void wt_mapped_forked(void);

#endif
