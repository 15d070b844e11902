// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Durable memory: memory that a program stores into, and whose changed pages a force writes through.
 *
 *   map     shut the gate, begin to own the range, open the gate -> memory of zeros -> read what the file has there
 *           -> have the kernel watch the memory, or compare later
 *   force   find the changed pages and note them as owed -> write what is owed, run by run -> owed no more
 *
 * A page is owed from when a force found it until its bytes are stable. So a force that fails leaves its pages to the next
 * one. A store that races with a force came before the page was looked at, and then this force writes it, or it is found
 * by the next force.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mutant.h"
#include "cache/cursor.h"
#include "engine/doors.h"
#include "file/inode.h"
#include "file/owners.h"
#include "posix/changes.h"
#include "read/read.h"
#include "write/later.h"
#include "write/memory.h"
#include "write/write.h"

/* What is read or compared at once. */
#define PIECE_BYTES (UINT64_C(256) << 10)

struct memory {
    wt_file file;
    struct wt_owner owner; /* of the range offset..end of the file */
    uint8_t *pages;        /* begin with the page that has offset */
    uint64_t base;         /* where in the file pages begin */
    uint64_t page_count;
    bool watched; /* the kernel knows what has changed */

    struct wt_long_lock lock; /* one force at a time. Guards what follows */
    uint64_t *owed;           /* a bit for each page */
    uint64_t owed_count;
    uint64_t owed_first, owed_end; /* no page outside is owed */
};

struct wt_handle_table wt_memory_handles = WT_HANDLE_TABLE(2);

static uint64_t page_bytes(void) {
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- what is owed ------------------------------------------------------------------------------------------------ */

static bool is_owed(const struct memory *memory, uint64_t page) {
    return memory->owed[page / 64] >> page % 64 & 1;
}

static void owe(struct memory *memory, uint64_t first, uint64_t end) {
    if (memory->owed_count == 0) {
        memory->owed_first = first;
        memory->owed_end = end;
    }
    memory->owed_first = first < memory->owed_first ? first : memory->owed_first;
    memory->owed_end = end > memory->owed_end ? end : memory->owed_end;
    for (uint64_t page = first; page < end; page++) {
        memory->owed_count += !is_owed(memory, page);
        memory->owed[page / 64] |= UINT64_C(1) << page % 64;
    }
}

struct run {
    uint64_t first, end; /* pages */
};

/* The first run of owed pages in first..end; an empty one at end: there is none. */
static struct run next_owed(const struct memory *memory, uint64_t first, uint64_t end) {
    uint64_t stop = end < memory->owed_end ? end : memory->owed_end;
    first = first > memory->owed_first ? first : memory->owed_first;
    while (memory->owed_count > 0 && first < stop) {
        uint64_t word = memory->owed[first / 64] >> first % 64;
        if (word) {
            first += (uint64_t)__builtin_ctzll(word);
            break;
        }
        first = (first / 64 + 1) * 64;
    }
    if (memory->owed_count == 0 || first >= stop)
        return (struct run){end, end};
    struct run run = {first, first};
    while (run.end < stop && is_owed(memory, run.end))
        run.end++;
    return run;
}

/* These pages are stable. */
static void pay(struct memory *memory, uint64_t first, uint64_t end) {
    for (struct run run = next_owed(memory, first, end); run.first < run.end; run = next_owed(memory, run.end, end))
        for (uint64_t page = run.first; page < run.end; page++, memory->owed_count--)
            memory->owed[page / 64] &= ~(UINT64_C(1) << page % 64);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The part of a run of pages that is in the range. */
static uint64_t start_of(const struct memory *memory, uint64_t page) {
    uint64_t at = memory->base + page * page_bytes();
    return at > memory->owner.offset ? at : memory->owner.offset;
}

static uint64_t end_of(const struct memory *memory, uint64_t page) {
    uint64_t at = memory->base + page * page_bytes();
    return at < memory->owner.end ? at : memory->owner.end;
}

static uint8_t *at_offset(const struct memory *memory, uint64_t offset) {
    return memory->pages + (offset - memory->base);
}

/* Reads from..to of the file; what is behind its end is zeros. */
static int read_range(struct wt_file_object *file, uint8_t *to_memory, uint64_t from, uint64_t to) {
    while (from < to) {
        struct iovec iov = {to_memory, to - from < PIECE_BYTES ? to - from : PIECE_BYTES};
        struct wt_cursor cursor;
        wt_cursor_of_iovec(&cursor, &iov);
        int64_t n = wt_read_acquired(file, &cursor, iov.iov_len, from, 0);
        if (n < 0)
            return (int)n;
        if (n == 0)
            memset(to_memory, 0, to - from);
        from = n == 0 ? to : from + (uint64_t)n;
        to_memory += n;
    }
    return 0;
}

/* Reads what the file has in the range. Holes are left to memory that nobody has touched. */
static int fill(struct memory *memory, struct wt_file_object *file) {
    struct wt_inode *inode = file->inode;
    uint64_t at = memory->base, size = wt_inode_size(inode);
    uint64_t end = size < memory->owner.end ? size : memory->owner.end;
    struct wt_backing *backing = atomic_load(&inode->backing);
    int rc = 0;
    while (!rc && at < end) {
        uint64_t hole, hole_end;
        rc = wt_blocking(backing)->find_hole(backing, at, end, &hole, &hole_end);
        hole = hole < end ? hole : end;
        at = at > memory->owner.offset ? at : memory->owner.offset;
        if (!rc && at < hole)
            rc = read_range(file, at_offset(memory, at), at, hole);
        at = hole < end && hole_end > hole ? hole_end : end;
    }
    return rc;
}

/* ---- what has changed -------------------------------------------------------------------------------------------- */

/* Whether bytes of the file differ from the memory's. */
static bool differ(const uint8_t *bytes, const uint8_t *shared, uint64_t length) {
    uint8_t copy[512];
    bool same = true;
    for (uint64_t at = 0, n; same && at < length; at += n) {
        n = length - at < sizeof copy ? length - at : sizeof copy;
        wt_copy_shared(copy, shared + at, n);
        same = memcmp(copy, bytes + at, n) == 0;
    }
    return !same;
}

/* Notes the pages that differ from those of the file. What was forced is there, and what a force could not write is owed. */
static int compare(struct memory *memory, struct wt_file_object *file, uint64_t first, uint64_t end) {
    uint8_t *bytes = malloc(PIECE_BYTES);
    int rc = bytes ? 0 : -ENOMEM;
    while (!rc && first < end) {
        uint64_t piece_end = first + PIECE_BYTES / page_bytes();
        piece_end = piece_end < end ? piece_end : end;
        uint64_t from = start_of(memory, first), to = end_of(memory, piece_end);
        rc = read_range(file, bytes, from, to);
        for (; !rc && first < piece_end; first++) {
            uint64_t start = start_of(memory, first), stop = end_of(memory, first + 1);
            if (differ(bytes + (start - from), at_offset(memory, start), stop - start))
                owe(memory, first, first + 1);
        }
    }
    free(bytes);
    return rc;
}

/*
 * Whether a page is zeros, and the file has the same there. Some kernels give a page of its own to a program that only reads where
 * nothing is: then that page counts as stored to. A store that comes now is found by the next force. A page that cannot be compared
 * counts as changed: to write zeros again loses nothing, and may mend a block that cannot be read.
 */
static bool is_zeros_of_file(const struct memory *memory, struct wt_file_object *file, uint64_t page) {
    static const uint8_t zeros[WT_PAGE_BYTES];
    uint8_t bytes[WT_PAGE_BYTES];
    uint64_t start = start_of(memory, page), stop = end_of(memory, page + 1);
    bool same = page_bytes() == WT_PAGE_BYTES && !differ(zeros, at_offset(memory, start), stop - start);
    return same && !WT_MUTANT("memory-writes-zeros-that-are-there") && read_range(file, bytes, start, stop) == 0 &&
           memcmp(bytes, zeros, stop - start) == 0;
}

struct looked_at {
    struct memory *memory;
    struct wt_file_object *file;
    uint64_t first;
};

static void found(void *context, size_t start, size_t end) {
    const struct looked_at *at = context;
    for (uint64_t page = at->first + start / page_bytes(); page < at->first + end / page_bytes(); page++)
        if (!is_zeros_of_file(at->memory, at->file, page))
            owe(at->memory, page, page + 1);
}

static int find_changes(struct memory *memory, struct wt_file_object *file, uint64_t first, uint64_t end) {
    struct looked_at at = {memory, file, first};
    uint64_t page = page_bytes();
    if (memory->watched && wt_changes_take(memory->pages + first * page, (end - first) * page, found, &at) < 0) {
        memory->watched = false; /* some of what has changed was told by nobody */
        wt_changes_end();
    }
    return memory->watched ? 0 : compare(memory, file, first, end);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* What leaves together. */
struct batch {
    struct iovec bytes[WT_OWNED_WRITES];
    uint64_t offsets[WT_OWNED_WRITES];
    int count;
};

/* Adds runs from page first on. Returns where the next batch begins. */
static uint64_t gather(const struct memory *memory, struct batch *batch, uint64_t first, uint64_t end) {
    batch->count = 0;
    while (batch->count < WT_OWNED_WRITES && first < end) {
        struct run run = next_owed(memory, first, end);
        first = run.end;
        if (run.first == run.end)
            break;
        uint64_t start = start_of(memory, run.first);
        batch->offsets[batch->count] = start;
        batch->bytes[batch->count++] = (struct iovec){at_offset(memory, start), end_of(memory, run.end) - start};
    }
    return first;
}

static int write_owed(struct memory *memory, const struct wt_file_object *file, uint64_t first, uint64_t end) {
    uint32_t durability = file->durability == WT_DURABILITY_SYNC ? WT_DURABILITY_SYNC : WT_DURABILITY_DSYNC;
    int rc = 0;
    while (!rc && first < end) {
        struct batch batch;
        uint64_t next = gather(memory, &batch, first, end);
        if (batch.count > 0)
            rc = wt_write_owned(file->inode, batch.bytes, batch.offsets, batch.count, durability);
        if (!rc || WT_MUTANT("memory-forgets-what-failed"))
            pay(memory, first, next);
        first = next;
    }
    return rc;
}

static int force(struct memory *memory, struct wt_file_object *file, uint64_t first, uint64_t end) {
    if (!wt_owner_owns(&memory->owner))
        return -EBADF;
    if (atomic_load(&file->inode->lost))
        return -ESTALE;
    int rc = find_changes(memory, file, first, end);
    rc = rc ? rc : write_owed(memory, file, first, end);
    if (!rc && WT_MUTANT("memory-forgets-what-raced") && !find_changes(memory, file, first, end))
        pay(memory, first, end);
    return rc;
}

int wt_memory_force(wt_memory handle, uint64_t offset, uint64_t length) {
    struct memory *memory = wt_handle_acquire(&wt_memory_handles, handle);
    if (!memory)
        return -EBADF;
    uint64_t bytes = memory->owner.end - memory->owner.offset;
    int rc = offset > bytes || length > bytes - offset ? -EINVAL : 0;
    struct wt_file_object *file = rc ? NULL : wt_file_acquire(memory->file);
    if (!rc)
        rc = file ? wt_may_wait(file->inode->engine->backend) : -EBADF;
    if (!rc && length > 0) {
        uint64_t skew = memory->owner.offset - memory->base, page = page_bytes();
        wt_long_lock(file->inode->engine->backend, &memory->lock);
        rc = force(memory, file, (skew + offset) / page, (skew + offset + length + page - 1) / page);
        wt_long_unlock(&memory->lock);
    }
    if (file)
        wt_file_release(memory->file);
    wt_handle_release(&wt_memory_handles, handle);
    return rc;
}

/* ---- the life of a mapping --------------------------------------------------------------------------------------- */

/* What was written before is on the device when this returns, so that a search for holes finds it. */
static int begin_to_own(struct wt_file_object *file, struct wt_owner *owner) {
    int rc = wt_later_settle(file);
    if (!rc)
        rc = wt_later_keep_nothing(file->inode, true);
    if (rc)
        return rc;
    wt_later_shut(file->inode);
    rc = atomic_load(&file->inode->mapped) ? -EBUSY : wt_owner_begin(owner, file);
    wt_inode_open_gate(file->inode);
    return rc;
}

static int map_pages(struct memory *memory) {
    size_t bytes = memory->page_count * page_bytes();
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED)
        return -errno;
    memory->pages = pages;
    memory->owed = calloc(memory->page_count / 64 + 1, sizeof *memory->owed);
    if (!memory->owed)
        return -ENOMEM;
    (void)madvise(pages, bytes, MADV_NOHUGEPAGE); /* or one store would change 512 pages. Refused: there are none */
    return madvise(pages, bytes, MADV_DONTFORK) < 0 ? -errno : 0;
}

static void free_memory(struct memory *memory) {
    if (memory->pages)
        (void)munmap(memory->pages, memory->page_count * page_bytes());
    if (memory->watched)
        wt_changes_end();
    wt_long_lock_destroy(&memory->lock);
    free(memory->owed);
    free(memory);
}

static int map(struct wt_file_object *file, struct memory *memory, uint32_t flags, wt_memory *handle) {
    int rc = map_pages(memory);
    if (!rc)
        rc = begin_to_own(file, &memory->owner);
    if (!rc)
        rc = fill(memory, file);
    if (!rc && !(flags & WT_MEMORY_COMPARE))
        memory->watched = wt_changes_begin(memory->pages, memory->page_count * page_bytes()) == 0;
    if (!rc) {
        *handle = wt_handle_open(&wt_memory_handles, memory, NULL);
        rc = *handle ? 0 : -ENFILE;
    }
    if (rc)
        wt_owner_end(&memory->owner);
    return rc;
}

static int check_map(const struct wt_file_object *file) {
    if (!file->readable || !file->writable)
        return -EBADF;
    return atomic_load(&file->inode->lost) ? -ESTALE : wt_may_wait(file->inode->engine->backend);
}

int wt_memory_map(wt_file handle, uint64_t offset, uint64_t length, uint32_t flags, wt_memory *mapped, void **address) {
    if (!mapped || !address || (flags & ~(uint32_t)WT_MEMORY_COMPARE) || length == 0 || offset > INT64_MAX ||
        length > INT64_MAX)
        return -EINVAL;
    if (offset + length > INT64_MAX)
        return -EFBIG;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int rc = check_map(file);
    struct memory *memory = rc ? NULL : calloc(1, sizeof *memory);
    if (memory) {
        uint64_t page = page_bytes(), base = offset & ~(page - 1);
        memory->file = handle;
        memory->owner = (struct wt_owner){.offset = offset, .end = offset + length};
        memory->base = base;
        memory->page_count = (offset + length - base + page - 1) / page;
        wt_long_lock_init(&memory->lock, WT_LOCK_MEMORY);
        rc = map(file, memory, flags, mapped);
    } else if (!rc) {
        rc = -ENOMEM;
    }
    if (!rc) {
        *address = at_offset(memory, offset);
        rc = memory->watched;
    } else if (memory) {
        free_memory(memory);
    }
    wt_file_release(handle);
    return rc;
}

int wt_memory_detach(wt_memory handle) {
    struct memory *memory = wt_handle_acquire(&wt_memory_handles, handle);
    if (!memory)
        return -EBADF;
    struct wt_file_object *file = wt_file_acquire(memory->file); /* NULL: the end of the file is that of the owner */
    struct wt_backend *backend = file ? file->inode->engine->backend : NULL;
    int rc = file ? wt_may_wait(backend) : 0;
    if (file && !rc) {
        wt_long_lock(backend, &memory->lock);
        wt_owner_end(&memory->owner);
        wt_long_unlock(&memory->lock);
    }
    if (file)
        wt_file_release(memory->file);
    wt_handle_release(&wt_memory_handles, handle);
    return rc;
}

/* A force that is inside ends before the range is given back, and one that comes later writes nothing. */
int wt_memory_unmap(wt_memory handle) {
    int rc = wt_memory_detach(handle);
    struct memory *memory = rc ? NULL : wt_handle_close(&wt_memory_handles, handle, NULL);
    if (memory && !WT_MUTANT("unmapped-memory-owns"))
        wt_owner_end(&memory->owner); /* its file may be closing, and not have come to that yet */
    if (memory)
        free_memory(memory);
    return rc ? rc : memory ? 0 : -EBADF;
}

int wt_memory_is_watched(void) {
    return wt_changes_are_known();
}
