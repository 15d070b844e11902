// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/mapped.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/mutant.h"

#define BUCKETS 256u

/* Files that nobody has open, and whose stores no flush has covered. Of more the kernel may tell a write the error of stores. */
#define STORED_MOST 1024u

struct wt_mapped_file {
    struct wt_mapped_file *next; /* in its bucket */
    struct wt_mapped_file *next_stored;
    uint64_t device, number;
    _Atomic uint32_t mappings; /* changes under the lock */
    uint64_t bytes;            /* of these */
    struct wt_mapped_use *uses;
    bool stored; /* its last mapping has ended since somebody flushed; it is on the list of these */
};

struct mapping {
    struct mapping *next; /* in its bucket */
    uint64_t number, bytes;
    struct wt_mapped_file *file;
};

struct table {
    struct wt_mutex lock;                  /* guards all of this */
    struct wt_mapped_file *files[BUCKETS]; /* with a mapping or a use, or stored */
    struct mapping *mappings[BUCKETS];
    uint64_t last_number;
    struct wt_mapped_file *first_stored, **last_stored;
    unsigned stored_count;
};

/*
 * One for all copies of the library in the process, as several class loaders load them: glibc binds a unique symbol to the first
 * definition of its name, and keeps that copy loaded. With musl, or from clang, whose assembler refuses such a symbol of C, each
 * copy has its own. Another layout has another name.
 */
__attribute__((visibility("default"))) struct table wt_mapped_table_1 = {
    .lock = WT_MUTEX_INITIALIZER(WT_LOCK_MAPPED), .last_stored = &wt_mapped_table_1.first_stored};
#ifndef __clang__
__asm__(".type wt_mapped_table_1, %gnu_unique_object");
#endif

#define TABLE wt_mapped_table_1

void wt_mapped_forked(void) {
    wt_mutex_init(&TABLE.lock, WT_LOCK_MAPPED); /* a thread that the child has not got may hold it */
    memset(TABLE.files, 0, sizeof TABLE.files);
    memset(TABLE.mappings, 0, sizeof TABLE.mappings);
    TABLE.first_stored = NULL;
    TABLE.last_stored = &TABLE.first_stored;
    TABLE.stored_count = 0;
}

/* Where a file is in its list, or the end of that. With the lock held. */
static struct wt_mapped_file **find(uint64_t device, uint64_t number) {
    struct wt_mapped_file **at = &TABLE.files[number % BUCKETS];
    while (*at && ((*at)->device != device || (*at)->number != number))
        at = &(*at)->next;
    return at;
}

/* With the lock held. */
static void free_unused(struct wt_mapped_file *file) {
    if (atomic_load(&file->mappings) > 0 || file->uses || file->stored)
        return;
    *find(file->device, file->number) = file->next;
    free(file);
}

/* With the lock held. */
static void forget_stored(struct wt_mapped_file *file) {
    struct wt_mapped_file **from = &TABLE.first_stored;
    while (*from != file)
        from = &(*from)->next_stored;
    *from = file->next_stored;
    if (!*from)
        TABLE.last_stored = from;
    file->stored = false;
    TABLE.stored_count--;
}

/* The file is neither mapped nor open. With the lock held. */
static void remember_stored(struct wt_mapped_file *file) {
    if (atomic_load(&file->mappings) > 0 || file->uses || file->stored || WT_MUTANT("stores-of-closed-file-forgotten"))
        return;
    if (TABLE.stored_count == STORED_MOST) {
        struct wt_mapped_file *oldest = TABLE.first_stored;
        forget_stored(oldest);
        free_unused(oldest);
    }
    file->stored = true;
    file->next_stored = NULL;
    *TABLE.last_stored = file;
    TABLE.last_stored = &file->next_stored;
    TABLE.stored_count++;
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

int wt_mapped_begin(uint64_t device, uint64_t number, uint64_t bytes, uint64_t *mapping) {
    struct mapping *made = malloc(sizeof *made);
    wt_lock(&TABLE.lock);
    struct wt_mapped_file *file = made ? find_or_make(device, number) : NULL;
    if (file) {
        atomic_fetch_add(&file->mappings, 1);
        file->bytes += bytes;
        struct mapping **bucket = &TABLE.mappings[++TABLE.last_number % BUCKETS];
        *made = (struct mapping){.next = *bucket, .number = TABLE.last_number, .bytes = bytes, .file = file};
        *bucket = made;
        *mapping = TABLE.last_number;
    }
    wt_unlock(&TABLE.lock);
    if (!file)
        free(made);
    return file ? 0 : -ENOMEM;
}

int wt_mapped_end(uint64_t mapping) {
    wt_lock(&TABLE.lock);
    struct mapping **at = &TABLE.mappings[mapping % BUCKETS];
    while (*at && (*at)->number != mapping)
        at = &(*at)->next;
    struct mapping *found = *at;
    if (found) {
        *at = found->next;
        atomic_fetch_sub(&found->file->mappings, 1);
        found->file->bytes -= found->bytes;
        remember_stored(found->file);
        free_unused(found->file);
    }
    wt_unlock(&TABLE.lock);
    free(found);
    return found ? 0 : -EBADF;
}

bool wt_mapped_join(struct wt_mapped_use *use, const void *owner, uint64_t device, uint64_t number, bool is_empty) {
    wt_lock(&TABLE.lock);
    struct wt_mapped_file *file = *find(device, number);
    bool was_stored = file && file->stored;
    bool stored = was_stored && (!is_empty || WT_MUTANT("stores-of-deleted-file-kept"));
    bool mapped = file && (atomic_load(&file->mappings) > 0 || stored);
    if (was_stored)
        forget_stored(file);
    if (mapped) {
        *use = (struct wt_mapped_use){.file = file, .owner = owner, .next = file->uses};
        file->uses = use;
    } else if (file) {
        free_unused(file);
    }
    wt_unlock(&TABLE.lock);
    return mapped;
}

void wt_mapped_leave(struct wt_mapped_use *use, bool flushed) {
    if (!use->file)
        return;
    wt_lock(&TABLE.lock);
    struct wt_mapped_use **from = &use->file->uses;
    while (*from != use)
        from = &(*from)->next;
    *from = use->next;
    if (!flushed)
        remember_stored(use->file);
    free_unused(use->file);
    wt_unlock(&TABLE.lock);
    use->file = NULL;
}

bool wt_mapped_is_still(const struct wt_mapped_use *use) {
    return atomic_load_explicit(&use->file->mappings, memory_order_acquire) > 0;
}

uint64_t wt_mapped_count(const void *owner, uint64_t *bytes) {
    uint64_t count = 0;
    *bytes = 0;
    wt_lock(&TABLE.lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct wt_mapped_file *file = TABLE.files[i]; file; file = file->next)
            for (const struct wt_mapped_use *use = atomic_load(&file->mappings) > 0 ? file->uses : NULL; use;
                 use = use->next)
                if (use->owner == owner) {
                    count++;
                    *bytes += file->bytes;
                }
    wt_unlock(&TABLE.lock);
    return count;
}
