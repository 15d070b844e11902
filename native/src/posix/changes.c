// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "posix/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "posix/descriptor.h"

/* ---- what headers of Linux 6.6 and earlier lack ------------------------------------------------------------------ */

#define USER_MODE_ONLY 1u
#define FEATURE_WP_ASYNC (UINT64_C(1) << 15)

enum { WRITTEN = 1 << 1, PRESENT = 1 << 3, SWAPPED = 1 << 4, ZERO_PAGE = 1 << 5 };
enum { PROTECT = 1 << 0, CHECK_ASYNC = 1 << 1 };

struct region {
    uint64_t start, end, categories;
};

struct scan {
    uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define PAGEMAP_SCAN_PAGES _IOWR('f', 16, struct scan)

/* Regions that one call brings, on the stack. */
#define REGIONS_AT_ONCE 128u

/* ---- the descriptors of the process ------------------------------------------------------------------------------ */

static struct wt_mutex lock = WT_MUTEX_INITIALIZER(WT_LOCK_CHANGES);
static unsigned users;
static int watcher = -1, pagemap = -1;

static void close_both(void) {
    if (watcher >= 0) {
        (void)close(watcher);
    }
    if (pagemap >= 0) {
        (void)close(pagemap);
    }
    watcher = pagemap = -1;
}

/* With the lock held. */
static int open_both(void) {
    struct uffdio_api api = {.api = UFFD_API, .features = FEATURE_WP_ASYNC};
    watcher = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY);
    int rc = watcher < 0 || ioctl(watcher, UFFDIO_API, &api) < 0 ? -errno : 0;
    if (rc == 0) {
        pagemap = wt_descriptor_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
        rc = pagemap < 0 ? pagemap : 0;
    }
    if (rc < 0) {
        close_both();
    }
    return rc;
}

static int use(void) {
    wt_lock(&lock);
    int rc = users == 0 ? open_both() : 0;
    users += rc == 0;
    wt_unlock(&lock);
    return rc;
}

void wt_changes_end(void) {
    wt_lock(&lock);
    if (--users == 0) {
        close_both();
    }
    wt_unlock(&lock);
}

void wt_changes_forked(void) {
    wt_mutex_init(&lock, WT_LOCK_CHANGES);
    close_both(); /* of the parent's memory */
    users = 0;
}

/* ---- watching ---------------------------------------------------------------------------------------------------- */

static void ignore(void *context, size_t start, size_t end) {
    (void)context, (void)start, (void)end;
}

int wt_changes_begin(void *memory, size_t bytes) {
    int rc = use();
    if (rc < 0) {
        return rc;
    }
    struct uffdio_register watched = {.range = {(uintptr_t)memory, bytes}, .mode = UFFDIO_REGISTER_MODE_WP};
    rc = ioctl(watcher, UFFDIO_REGISTER, &watched) < 0 ? -errno : wt_changes_take(memory, bytes, ignore, NULL);
    if (rc < 0) {
        (void)ioctl(watcher, UFFDIO_UNREGISTER, &watched.range);
        wt_changes_end();
    }
    return rc;
}

/*
 * Not told: a page that was only read, and is the kernel's page of zeros; and one that nobody touched, which has no memory. To the
 * kernel both are written, and to protect the latter would take a page table for each 2 MiB.
 */
int wt_changes_take(void *memory, size_t bytes, void (*found)(void *context, size_t start, size_t end), void *context) {
    struct region regions[REGIONS_AT_ONCE];
    struct scan scan = {.size = sizeof scan,
                        .flags = (WT_MUTANT("changes-not-watched-again") ? 0 : PROTECT) | CHECK_ASYNC,
                        .start = (uintptr_t)memory,
                        .end = (uintptr_t)memory + bytes,
                        .regions = (uintptr_t)regions,
                        .region_count = REGIONS_AT_ONCE,
                        .category_inverted = ZERO_PAGE,
                        .category_mask = WRITTEN | ZERO_PAGE,
                        .category_anyof_mask = PRESENT | SWAPPED,
                        .return_mask = WRITTEN};
    while (scan.start < scan.end) {
        int count = ioctl(pagemap, PAGEMAP_SCAN_PAGES, &scan);
        if (count < 0) {
            return -errno;
        }
        for (int i = 0; i < count; i++) {
            found(context, regions[i].start - (uintptr_t)memory, regions[i].end - (uintptr_t)memory);
        }
        if (scan.walk_end <= scan.start) {
            return -EIO;
        }
        scan.start = scan.walk_end;
    }
    return 0;
}

bool wt_changes_are_known(void) {
    size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    bool known = wt_changes_begin(page, bytes) == 0;
    if (known) {
        wt_changes_end();
    }
    (void)munmap(page, bytes);
    return known;
}
