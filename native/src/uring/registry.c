// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "uring/registry.h"

#include <assert.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"

/* Linux 6.14; the headers are older. */
#define FEATURE_RW_ATTR (1u << 16)

/* What a piece of the arena is at least: what one huge page holds, and as much as an I/O makes resident at once. */
#define PIECE_BYTES ((size_t)2 << 20)
/* The kernel has no larger table of buffers. With an arena of 16 TiB a piece is 1 GiB, its largest buffer. */
#define PIECES_MOST 16384u

/* ---- open and close -------------------------------------------------------------------------------------------- */

/*
 * Only on kernels that let go at once of a file that is taken out of the table, as close(2) does. Before 6.13 that
 * may take a second: an unlinked file keeps its room on the disk, and a file system cannot be unmounted. The kernel
 * has no sign of its own for this; the next version has one.
 */
static unsigned register_file_table(struct io_uring *ring) {
    struct rlimit limit; /* of which the kernel has the table be no larger than it */
    if ((ring->features & FEATURE_RW_ATTR) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return 0;
    }
    unsigned slots = limit.rlim_cur < WT_REGISTRY_FILES ? (unsigned)limit.rlim_cur : WT_REGISTRY_FILES;
    return slots > 0 && io_uring_register_files_sparse(ring, slots) == 0 ? slots : 0;
}

int wt_registry_open(struct wt_registry *registry, struct io_uring *ring, bool files) {
    int rc = wt_mutex_init(&registry->lock, WT_LOCK_REGISTRY);
    if (rc != 0) {
        return -rc;
    }
    registry->ring = ring;
    registry->slots = files ? register_file_table(ring) : 0;
    for (unsigned i = 0; i < registry->slots; i++) {
        registry->free_slots[i] = (uint16_t)(registry->slots - 1 - i);
    }
    registry->free_count = registry->slots;
    return 0;
}

void wt_registry_close(struct wt_registry *registry) {
    assert(registry->free_count == registry->slots);
    /* The end of the ring would do it too, but at a later time. It cannot fail: there is a table. */
    if (registry->registered != NULL) {
        (void)io_uring_unregister_buffers(registry->ring);
        free(registry->registered);
    }
    wt_mutex_destroy(&registry->lock);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static bool may_lock_without_limit(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_IPC_LOCK & 1) != 0;
}

/*
 * An ordinary user's locked memory is limited, over all processes. Rings themselves count before Linux 5.12 and after
 * 6.13. So half of the limit is left, or the next ring could not be opened.
 */
static size_t most_pinned(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || may_lock_without_limit()) {
        return SIZE_MAX;
    }
    return limit.rlim_cur / 2;
}

void wt_registry_arena(struct wt_registry *registry, void *arena, size_t bytes) {
    assert(registry->arena == NULL);
    registry->arena = arena;
    registry->arena_bytes = bytes;
    registry->pinnable_bytes = most_pinned();
    registry->piece_bytes = PIECE_BYTES;
    while ((bytes - 1) / registry->piece_bytes >= PIECES_MOST) {
        registry->piece_bytes *= 2;
    }
    size_t pieces = (bytes - 1) / registry->piece_bytes + 1;
    if ((registry->ring->features & IORING_FEAT_RSRC_TAGS) == 0) {
        return; /* a kernel before 5.13 would wait for all requests of the ring to end, and one never does */
    }
    registry->registered = calloc(pieces, 1);
    if (registry->registered != NULL && io_uring_register_buffers_sparse(registry->ring, (unsigned)pieces) < 0) {
        free(registry->registered); /* a kernel before 5.19 has no such table */
        registry->registered = NULL;
    }
}

/*
 * Pins a piece that an I/O is about to use. A refusal is for good: for most of its reasons each further attempt would
 * be a system call for nothing.
 */
static bool register_piece(struct wt_registry *registry, size_t piece) {
    size_t offset = piece * registry->piece_bytes;
    size_t rest = registry->arena_bytes - offset;
    struct iovec memory = {registry->arena + offset, rest < registry->piece_bytes ? rest : registry->piece_bytes};
    const __u64 no_tag = 0;
    registry->refused = memory.iov_len > registry->pinnable_bytes ||
                        io_uring_register_buffers_update_tag(registry->ring, (unsigned)piece, &memory, &no_tag, 1) != 1;
    if (registry->refused) {
        return false;
    }
    registry->pinnable_bytes -= memory.iov_len;
    registry->registered[piece] = 1;
    return true;
}

int wt_registry_buffer(struct wt_registry *registry, const struct iovec *segment) {
    size_t offset = (uintptr_t)segment->iov_base - (uintptr_t)registry->arena; /* wraps for memory below the arena */
    if (registry->registered == NULL || offset >= registry->arena_bytes ||
        segment->iov_len > registry->arena_bytes - offset) {
        return -1;
    }
    size_t piece = offset / registry->piece_bytes;
    if ((offset + segment->iov_len - 1) / registry->piece_bytes != piece) {
        return -1;
    }
    if (!registry->registered[piece] && (registry->refused || !register_piece(registry, piece))) {
        return -1;
    }
    return (int)piece;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static int take_slot(struct wt_registry *registry) {
    wt_lock(&registry->lock);
    int number = registry->free_count > 0 ? registry->free_slots[--registry->free_count] : -1;
    wt_unlock(&registry->lock);
    return number;
}

static void give_back(struct wt_registry *registry, int number) {
    wt_lock(&registry->lock);
    registry->free_slots[registry->free_count++] = (uint16_t)number;
    wt_unlock(&registry->lock);
}

/* Takes the file out of the table, which holds it as a descriptor does: while it is there the file is open. */
static void release_registration(struct wt_posix_registration *registration) {
    struct wt_registry *registry = registration->owner;
    int none = -1;
    /*
     * The kernel allocates nothing for this. If a filter of system calls refuses it meanwhile, the next file takes
     * the place.
     */
    (void)io_uring_register_files_update(registry->ring, (unsigned)registration->number, &none, 1);
    registration->owner = NULL;
    give_back(registry, registration->number);
}

int wt_registry_file(struct wt_registry *registry, struct wt_io *io, int fd) {
    struct wt_posix_registration *registration = registry->slots > 0 ? wt_posix_registration(io) : NULL;
    if (registration == NULL) {
        return -1;
    }
    if (registration->owner != NULL) {
        return registration->owner == registry ? registration->number : -1;
    }
    int number = take_slot(registry);
    if (number < 0) {
        return -1;
    }
    if (io_uring_register_files_update(registry->ring, (unsigned)number, &fd, 1) != 1) {
        give_back(registry, number);
        return -1;
    }
    *registration =
        (struct wt_posix_registration){.number = number, .owner = registry, .release = release_registration};
    return number;
}
