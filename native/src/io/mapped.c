// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/mapped.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"

#define BUCKETS 256u

struct wt_mapped_file {
    struct wt_mapped_file *next; /* in its bucket */
    uint64_t device, number;
    _Atomic uint32_t mappings; /* changes under the lock */
    struct wt_mapped_use *uses;
};

struct mapping {
    struct mapping *next; /* in its bucket */
    uint64_t number;
    struct wt_mapped_file *file;
};

static struct wt_mutex lock = WT_MUTEX_INITIALIZER(WT_LOCK_MAPPED); /* guards all of this */
static struct wt_mapped_file *files[BUCKETS];                       /* with a mapping or a use */
static struct mapping *mappings[BUCKETS];
static uint64_t last_number;

void wt_mapped_forked(void) {
    wt_mutex_init(&lock, WT_LOCK_MAPPED); /* a thread that the child has not got may hold it */
    memset(files, 0, sizeof files);
    memset(mappings, 0, sizeof mappings);
}

/* Where a file is in its list, or the end of that. With the lock held. */
static struct wt_mapped_file **find(uint64_t device, uint64_t number) {
    struct wt_mapped_file **at = &files[number % BUCKETS];
    while (*at && ((*at)->device != device || (*at)->number != number))
        at = &(*at)->next;
    return at;
}

/* With the lock held. */
static void free_unused(struct wt_mapped_file *file) {
    if (atomic_load(&file->mappings) > 0 || file->uses)
        return;
    *find(file->device, file->number) = file->next;
    free(file);
}

/* With the lock held. NULL: no memory. */
static struct wt_mapped_file *find_or_make(uint64_t device, uint64_t number) {
    struct wt_mapped_file **at = find(device, number);
    if (!*at && (*at = calloc(1, sizeof **at))) {
        (*at)->device = device;
        (*at)->number = number;
    }
    return *at;
}

int wt_mapped_begin(uint64_t device, uint64_t number, uint64_t *mapping) {
    struct mapping *made = malloc(sizeof *made);
    wt_lock(&lock);
    struct wt_mapped_file *file = made ? find_or_make(device, number) : NULL;
    if (file) {
        atomic_fetch_add(&file->mappings, 1);
        struct mapping **bucket = &mappings[++last_number % BUCKETS];
        *made = (struct mapping){.next = *bucket, .number = last_number, .file = file};
        *bucket = made;
        *mapping = last_number;
    }
    wt_unlock(&lock);
    if (!file)
        free(made);
    return file ? 0 : -ENOMEM;
}

int wt_mapped_end(uint64_t mapping) {
    wt_lock(&lock);
    struct mapping **at = &mappings[mapping % BUCKETS];
    while (*at && (*at)->number != mapping)
        at = &(*at)->next;
    struct mapping *found = *at;
    if (found) {
        *at = found->next;
        atomic_fetch_sub(&found->file->mappings, 1);
        free_unused(found->file);
    }
    wt_unlock(&lock);
    free(found);
    return found ? 0 : -EBADF;
}

bool wt_mapped_join(struct wt_mapped_use *use, const void *owner, uint64_t device, uint64_t number) {
    wt_lock(&lock);
    struct wt_mapped_file *file = *find(device, number);
    bool mapped = file && atomic_load(&file->mappings) > 0;
    if (mapped) {
        *use = (struct wt_mapped_use){.file = file, .owner = owner, .next = file->uses};
        file->uses = use;
    }
    wt_unlock(&lock);
    return mapped;
}

void wt_mapped_leave(struct wt_mapped_use *use) {
    if (!use->file)
        return;
    wt_lock(&lock);
    struct wt_mapped_use **from = &use->file->uses;
    while (*from != use)
        from = &(*from)->next;
    *from = use->next;
    free_unused(use->file);
    wt_unlock(&lock);
    use->file = NULL;
}

bool wt_mapped_is_still(const struct wt_mapped_use *use) {
    return atomic_load_explicit(&use->file->mappings, memory_order_acquire) > 0;
}

uint64_t wt_mapped_count(const void *owner) {
    uint64_t count = 0;
    wt_lock(&lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct wt_mapped_file *file = files[i]; file; file = file->next)
            for (const struct wt_mapped_use *use = atomic_load(&file->mappings) > 0 ? file->uses : NULL; use;
                 use = use->next)
                count += use->owner == owner;
    wt_unlock(&lock);
    return count;
}
