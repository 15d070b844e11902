// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/mutant.h"

/* A file that was closed with writes that no flush has covered. */
struct closed_file {
    struct closed_file *next;
    uint64_t device, number, unsynced;
};

/* More than so many are not told apart. */
#define CLOSED_FILES_MOST 1024u
#define CLOSED_BUCKETS 256u

struct wt_disk {
    struct wt_disk *next;
    uint32_t users;
    struct closed_file *closed[CLOSED_BUCKETS]; /* by the numbers of the files */
    uint32_t closed_count;
    wt_unsynced closed_others; /* of closed files that are in no list: any file may be one of them */
    char name[sizeof((struct wt_core_profile *)0)->device_name];
    uint32_t major, minor; /* of a file system without a disk of its own */
    bool may_have_cache;
    _Atomic uint64_t failures;
};

static struct wt_mutex lock = WT_MUTEX_INITIALIZER(WT_LOCK_DISKS); /* guards the list and users */
static struct wt_disk *disks;

void wt_disk_forked(void) {
    wt_mutex_init(&lock, WT_LOCK_DISKS); /* a thread that the child has not got may hold it */
    disks = NULL;
}

static bool is_of(const struct wt_disk *disk, const struct wt_core_profile *profile) {
    if (disk->name[0] != '\0' || profile->device_name[0] != '\0')
        return strcmp(disk->name, profile->device_name) == 0;
    return disk->major == profile->device_major && disk->minor == profile->device_minor;
}

static struct wt_disk *make(const struct wt_core_profile *profile) {
    struct wt_disk *disk = calloc(1, sizeof *disk);
    if (!disk)
        return NULL;
    memcpy(disk->name, profile->device_name, sizeof disk->name);
    disk->major = profile->device_major;
    disk->minor = profile->device_minor;
    disk->may_have_cache = wt_disk_may_have_cache(profile->disk);
    disk->next = disks;
    disks = disk;
    return disk;
}

struct wt_disk *wt_disk_acquire(const struct wt_core_profile *profile) {
    wt_lock(&lock);
    struct wt_disk *disk = disks;
    while (disk && !is_of(disk, profile))
        disk = disk->next;
    if (!disk)
        disk = make(profile);
    if (disk)
        disk->users++;
    wt_unlock(&lock);
    return disk;
}

void wt_disk_release(struct wt_disk *disk) {
    wt_lock(&lock);
    /*
     * Bytes that a failed flush lost stay lost, and writes of closed files may yet be lost: such a disk is remembered.
     */
    bool remembers = disk->closed_count > 0 || atomic_load(&disk->closed_others);
    if (--disk->users == 0 && wt_disk_failures(disk) == 0 && !remembers) {
        struct wt_disk **from = &disks;
        while (*from != disk)
            from = &(*from)->next;
        *from = disk->next;
        free(disk);
    }
    wt_unlock(&lock);
}

void wt_disk_count_failure(struct wt_disk *disk) {
    if (disk->may_have_cache)
        atomic_fetch_add(&disk->failures, 1);
}

uint64_t wt_disk_failures(struct wt_disk *disk) {
    return atomic_load_explicit(&disk->failures, memory_order_acquire);
}

void wt_disk_note_unsynced_since(wt_unsynced *unsynced, uint64_t failures) {
    uint64_t noted = atomic_load(unsynced);
    while ((noted == 0 || noted > failures + 1) && !atomic_compare_exchange_weak(unsynced, &noted, failures + 1))
        ;
}

void wt_disk_note_unsynced(struct wt_disk *disk, wt_unsynced *unsynced) {
    wt_disk_note_unsynced_since(unsynced, wt_disk_failures(disk));
}

uint64_t wt_disk_take_unsynced(wt_unsynced *unsynced) {
    return atomic_exchange(unsynced, 0);
}

/* Where a file is in its list, or the end of that. With the lock held. */
static struct closed_file **find_closed(struct wt_disk *disk, uint64_t device, uint64_t number) {
    struct closed_file **at = &disk->closed[number % CLOSED_BUCKETS];
    while (*at && ((*at)->device != device || (*at)->number != number))
        at = &(*at)->next;
    return at;
}

void wt_disk_file_closed(struct wt_disk *disk, uint64_t device, uint64_t number, wt_unsynced *unsynced) {
    uint64_t taken = wt_disk_take_unsynced(unsynced);
    if (taken == 0 || !disk->may_have_cache || WT_MUTANT("closed-file-forgotten"))
        return;
    wt_lock(&lock);
    struct closed_file **at = find_closed(disk, device, number), *file = *at;
    if (!file && disk->closed_count < CLOSED_FILES_MOST && (file = malloc(sizeof *file))) {
        *file = (struct closed_file){.device = device, .number = number, .unsynced = taken};
        *at = file;
        disk->closed_count++;
    }
    if (!file)
        wt_disk_note_unsynced_since(&disk->closed_others, taken - 1);
    else if (taken < file->unsynced)
        file->unsynced = taken;
    wt_unlock(&lock);
}

void wt_disk_file_opened(struct wt_disk *disk, uint64_t device, uint64_t number, wt_unsynced *unsynced) {
    wt_lock(&lock);
    struct closed_file **at = find_closed(disk, device, number), *file = *at;
    uint64_t others = atomic_load(&disk->closed_others);
    if (others)
        wt_disk_note_unsynced_since(unsynced, others - 1);
    if (file) {
        wt_disk_note_unsynced_since(unsynced, file->unsynced - 1);
        *at = file->next;
        disk->closed_count--;
        free(file);
    }
    wt_unlock(&lock);
}

bool wt_disk_flush_failed_since(struct wt_disk *disk, uint64_t taken) {
    return taken != 0 && wt_disk_failures(disk) != taken - 1 && !WT_MUTANT("sync-forgets-lost-flush");
}
