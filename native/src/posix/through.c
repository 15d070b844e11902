// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* A kernel that writes its page cache through: the proof, one write, and what follows a failed one. */
#define _GNU_SOURCE
#include "posix/through.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "io/wait.h"
#include "posix/descriptor.h"
#include "posix/probe.h"

/* Of x86-64 and aarch64; the headers may be older. */
#define CALL_MEMFD_SECRET 447
#define CALL_CACHESTAT 451

#define PAGE 4096u

/* ---- staging ----------------------------------------------------------------------------------------------------- */

/*
 * The kernel copies with page faults switched off. If a page of the caller's memory is not there at that instant (it is
 * being moved, or was swapped out), the copy is short, and the rest goes into the same folio: there the kernel waits for the
 * end of an I/O that it has not sent, for ever. So bytes are written from memory that the kernel never moves: that of
 * memfd_secret(2). Where there is none, locked memory has to do, a page at a time.
 */
#define SLOT_BYTES (128u << 10)
#define SLOTS 16u

static struct {
    char *memory;              /* SLOTS slots; NULL: not made yet */
    bool stays;                /* the kernel never moves it */
    uint32_t free;             /* a bit for each slot that nobody uses */
    struct wt_condition freed; /* made with the memory */
} staging;                     /* under staging_lock */
static struct wt_mutex staging_lock = WT_MUTEX_INITIALIZER(WT_LOCK_STAGING);

/* The child of fork(2) has not got the memory. */
void wt_through_forked(void) {
    wt_mutex_init(&staging_lock, WT_LOCK_STAGING);
    staging.memory = NULL;
}

/* Memory that stays where it is, or NULL. */
static char *map_secret(size_t bytes) {
    int fd = (int)syscall(CALL_MEMFD_SECRET, O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    char *memory =
        ftruncate(fd, (off_t)bytes) < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static char *map_locked(size_t bytes) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    (void)mlock(memory, bytes); /* past the limit it is as good as any other */
    return memory;
}

int wt_through_begin(void) {
    const size_t bytes = (size_t)SLOT_BYTES * SLOTS;
    wt_lock(&staging_lock);
    if (staging.memory == NULL) {
        staging.memory = map_secret(bytes);
        staging.stays = staging.memory != NULL;
        staging.memory = staging.stays ? staging.memory : map_locked(bytes);
        if (staging.memory != NULL) {
            (void)madvise(staging.memory, bytes, MADV_DONTFORK);
            wt_condition_init(&staging.freed);
            staging.free = (UINT32_C(1) << SLOTS) - 1;
        }
    }
    int rc = staging.memory != NULL ? 0 : -ENOMEM;
    wt_unlock(&staging_lock);
    return rc;
}

static unsigned take_slot(void) {
    wt_lock(&staging_lock);
    while (staging.free == 0) {
        wt_sleep(&staging.freed, &staging_lock);
    }
    unsigned slot = (unsigned)__builtin_ctz(staging.free);
    staging.free &= staging.free - 1;
    wt_unlock(&staging_lock);
    return slot;
}

static void give_slot(unsigned slot) {
    wt_lock(&staging_lock);
    staging.free |= UINT32_C(1) << slot;
    wt_wake_one(&staging.freed);
    wt_unlock(&staging_lock);
}

/* ---- one write --------------------------------------------------------------------------------------------------- */

/* Where the extent ends that the byte at offset lies in; 0 if it lies in none of the file's own. */
static uint64_t extent_end(int fd, uint64_t offset, uint64_t length) {
    const uint32_t harmless = FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_MERGED;
    struct {
        struct fiemap map;
        struct fiemap_extent extent;
    } request = {.map = {.fm_start = offset, .fm_length = length, .fm_extent_count = 1}};
    if (ioctl(fd, FS_IOC_FIEMAP, &request) < 0 || request.map.fm_mapped_extents != 1 ||
        (request.extent.fe_flags & ~harmless) != 0 || request.extent.fe_logical > offset) {
        return 0;
    }
    return request.extent.fe_logical + request.extent.fe_length;
}

/*
 * How many bytes go in one call: those in one page, or in one extent. Of a call with several bios the kernel may drop a
 * later one, when an earlier one fails; whoever waits for the pages of that then waits for ever.
 */
static size_t call_length(int fd, uint64_t offset, uint64_t left) {
    uint64_t in_page = PAGE - offset % PAGE;
    in_page = in_page < left ? in_page : left;
    if (in_page == left || !staging.stays) {
        return (size_t)in_page;
    }
    uint64_t most = left < SLOT_BYTES ? left : SLOT_BYTES;
    uint64_t end = extent_end(fd, offset, most);
    if (end == 0) { /* a hole, or behind the end of the file */
        (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)most);
        end = extent_end(fd, offset, most);
    }
    uint64_t in_extent = end > offset ? end - offset : 0;
    in_extent = in_extent < most ? in_extent : most;
    return (size_t)(in_extent > in_page ? in_extent : in_page);
}

static void gather_bytes(char *to, const struct iovec *from, size_t length) {
    for (size_t n; length > 0; length -= n, to += n, from++) {
        n = from->iov_len < length ? from->iov_len : length;
        memcpy(to, from->iov_base, n);
    }
}

int64_t wt_through_write(int fd, const struct wt_io *io, int flags) {
    uint64_t offset = io->offset + io->done;
    unsigned slot = take_slot();
    char *memory = staging.memory + (size_t)slot * SLOT_BYTES;
    struct iovec iov = {memory, call_length(fd, offset, io->length - io->done)};
    gather_bytes(memory, io->segments + io->first_segment, iov.iov_len);
    ssize_t count = pwritev2(fd, &iov, 1, (off_t)offset, flags);
    int64_t result = count < 0 ? -errno : count;
    give_slot(slot);
    return result;
}

/* ---- what the page cache has ------------------------------------------------------------------------------------- */

/* The kernel's struct cachestat_range and struct cachestat. */
struct cached_range {
    uint64_t offset;
    uint64_t length;
};
struct cached {
    uint64_t pages;
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

static size_t page_bytes(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Counts the pages of a mapping that are cached, without a look at one. */
static int count_cached(void *mapping, size_t length, struct cached *cached) {
    size_t pages = length / page_bytes();
    unsigned char *there = malloc(pages);
    int rc = there == NULL ? -ENOMEM : mincore(mapping, length, there) < 0 ? -errno : 0;
    for (size_t i = 0; i < pages && rc == 0; i++) {
        cached->pages += there[i] & 1;
    }
    free(there);
    return rc;
}

/* Counts the dirty pages of a mapping, which come into the cache by that. The kernel tells them of each mapping in smaps. */
static int count_dirty(const volatile char *mapping, size_t length, struct cached *cached) {
    char line[512];
    for (size_t at = 0; at < length; at += page_bytes()) {
        (void)mapping[at];
    }
    FILE *smaps = fopen("/proc/self/smaps", "re");
    if (smaps == NULL) {
        return -errno;
    }
    bool ours = false;
    unsigned told = 0;
    while (fgets(line, sizeof line, smaps) != NULL) {
        char *end;
        unsigned long number = strtoul(line, &end, 16);
        if (*end == '-') { /* the first line of a mapping: where it is */
            ours = number == (unsigned long)(uintptr_t)mapping;
        } else if (ours && (strncmp(line, "Shared_Dirty:", 13) == 0 || strncmp(line, "Private_Dirty:", 14) == 0)) {
            cached->dirty += strtoul(strchr(line, ':') + 1, NULL, 10) * 1024 / page_bytes();
            told++;
        }
    }
    (void)fclose(smaps); /* was only read */
    return told == 2 ? 0 : -ENOENT;
}

/*
 * The same by a mapping, for a kernel without cachestat(2). What is under writeback is not told: of a kernel that starts to
 * write the pages and does not wait, DEVICE would be promised too early, and nothing else.
 */
static int look_by_mapping(int fd, uint64_t offset, uint64_t length, bool dirty_too, struct cached *cached) {
    uint64_t from = offset - offset % page_bytes();
    size_t bytes = (size_t)(offset + length - from + page_bytes() - 1);
    bytes -= bytes % page_bytes();
    void *mapping = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)from);
    if (mapping == MAP_FAILED) {
        return -errno;
    }
    int rc = count_cached(mapping, bytes, cached);
    if (rc == 0 && dirty_too && cached->pages == bytes / page_bytes()) {
        rc = count_dirty(mapping, bytes, cached);
    }
    (void)munmap(mapping, bytes);
    return rc;
}

static int look(int fd, uint64_t offset, uint64_t length, bool dirty_too, struct cached *cached) {
    struct cached_range range = {offset, length};
    *cached = (struct cached){0};
    return syscall(CALL_CACHESTAT, fd, &range, cached, 0) == 0 ? 0
                                                               : look_by_mapping(fd, offset, length, dirty_too, cached);
}

/* Readers that had begun bring pages back. */
#define DROPS 16

bool wt_through_drop(int fd, uint64_t from, uint64_t to) {
    struct cached cached;
    for (unsigned i = 0; i < DROPS; i++) {
        /* All of the file: a folio is dropped only if all of it is in the range, and it may be larger than a page. */
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        if (look(fd, from, to - from, false, &cached) == 0 && cached.pages == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the proof --------------------------------------------------------------------------------------------------- */

/* Mounts of which it is known that the kernel writes through. The numbers are never used again. */
#define PROVEN 16u
static _Atomic uint64_t proven[PROVEN];

/* Pages of the file of a proof. The last one is written without the flag, to see what that looks like. */
#define THROUGH_PAGES 4u
/* What memory pressure or a flusher that comes between does to the pages, it does not do so often. */
#define PROOFS 3

/* What the file of a proof is written from and read to. */
struct proof {
    int fd;
    int direct; /* the same file, past the cache */
    char *bytes;
    size_t page_bytes;
};

/* Whether the page can be seen to be cached, and dirty or not. */
static bool page_is(const struct proof *proof, unsigned page, bool dirty) {
    struct cached cached;
    return look(proof->fd, page * proof->page_bytes, proof->page_bytes, true, &cached) == 0 && cached.pages == 1 &&
           (cached.dirty + cached.writeback != 0) == dirty;
}

/* 1: written whole. 0: the kernel does not know the flag, or not as it should. -errno of what says nothing about that. */
static int write_page(const struct proof *proof, unsigned page, int flags) {
    struct iovec iov = {proof->bytes, proof->page_bytes};
    memset(proof->bytes, 'a' + (int)page, proof->page_bytes);
    ssize_t count = pwritev2(proof->fd, &iov, 1, (off_t)(page * proof->page_bytes), flags);
    if (count >= 0) {
        return (size_t)count == proof->page_bytes;
    }
    bool unknown = errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS || errno == EPERM;
    return unknown ? 0 : -errno;
}

/* Whether the disk has the page. To read past the cache writes nothing: nothing is dirty. */
static int disk_has(const struct proof *proof, unsigned page) {
    ssize_t count = pread(proof->direct, proof->bytes, proof->page_bytes, (off_t)(page * proof->page_bytes));
    if (count < 0) {
        return -errno;
    }
    for (size_t i = 0; i < proof->page_bytes; i++) {
        if ((size_t)count != proof->page_bytes || proof->bytes[i] != (char)('a' + (int)page)) {
            return 0;
        }
    }
    return 1;
}

/*
 * A page that was written without the flag is dirty: so what is seen of the others is the flag's. These are clean as soon as
 * the call returns, with DSYNC and without; the disk has them; and they stay cached. 1: so it is; 0: not so; or -errno.
 */
static int prove_on(const struct proof *proof) {
    int rc = write_page(proof, THROUGH_PAGES, 0);
    rc = rc == 1 ? page_is(proof, THROUGH_PAGES, true) : rc;
    for (unsigned page = 0; page < THROUGH_PAGES && rc == 1; page++) {
        rc = write_page(proof, page, WT_RWF_WRITETHROUGH | (page % 2 != 0 ? RWF_DSYNC : 0));
        rc = rc == 1 ? page_is(proof, page, false) : rc;
    }
    for (unsigned page = 0; page < THROUGH_PAGES && rc == 1; page++) {
        rc = disk_has(proof, page);
        rc = rc == 1 ? page_is(proof, page, false) : rc;
    }
    return rc;
}

static int prove_once(const char *directory, dev_t device, char *bytes, size_t page) {
    char by_descriptor[40];
    struct stat stat;
    int fd = wt_descriptor_open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fd == -EISDIR || fd == -ENOENT ? -EOPNOTSUPP : fd; /* no nameless files here */
    }
    (void)snprintf(by_descriptor, sizeof by_descriptor, "/proc/thread-self/fd/%d", fd);
    int direct = wt_descriptor_open(by_descriptor, O_RDONLY | O_DIRECT | O_CLOEXEC, 0);
    int rc = direct == -EINVAL ? 0 : direct; /* no direct I/O: nothing here looks past the cache */
    if (direct >= 0) {
        const struct proof proof = {fd, direct, bytes, page};
        rc = fstat(fd, &stat) < 0 ? -errno : stat.st_dev == device ? prove_on(&proof) : 0;
        (void)close(direct);
    }
    (void)close(fd); /* and the file is gone */
    return rc;
}

/* The directory of an open file. */
static int directory_of(int fd, char *path, size_t size) {
    char by_descriptor[40];
    (void)snprintf(by_descriptor, sizeof by_descriptor, "/proc/thread-self/fd/%d", fd);
    ssize_t length = readlink(by_descriptor, path, size - 1);
    if (length <= 0 || path[0] != '/') {
        return -EOPNOTSUPP;
    }
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    slash[slash == path] = '\0';
    return 0;
}

int wt_through_prove(int fd) {
    char directory[4096];
    struct wt_statx stat;
    int rc = wt_statx_at(fd, "", AT_EMPTY_PATH, &stat);
    if (rc < 0) {
        return rc;
    }
    uint64_t mount = wt_statx_mount(&stat);
    if (mount != 0 && atomic_load(&proven[mount % PROVEN]) == mount) {
        return 0;
    }
    const size_t page = page_bytes();
    char *bytes = aligned_alloc(page, page);
    rc = bytes == NULL ? -ENOMEM : directory_of(fd, directory, sizeof directory);
    for (int i = 0; i < PROOFS && rc == 0; i++) {
        rc = prove_once(directory, makedev(stat.device_major, stat.device_minor), bytes, page);
    }
    free(bytes);
    if (rc == 1 && mount != 0) {
        atomic_store(&proven[mount % PROVEN], mount);
    }
    return rc == 1 || WT_MUTANT("write-through-not-proved") ? 0 : rc == 0 ? -EOPNOTSUPP : rc;
}
