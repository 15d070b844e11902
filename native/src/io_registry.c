#define _GNU_SOURCE
#include "io_registry.h"

#include <assert.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a piece of the arena is at least: what one huge page holds, and as much as an I/O makes resident at once. */
#define PIECE_BYTES ((size_t)2 << 20)
/* The kernel has no larger table of buffers. With an arena of 16 TiB a piece is 1 GiB, its largest buffer. */
#define PIECES_MOST 16384u

static bool may_lock_without_limit(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_IPC_LOCK & 1) != 0;
}

/*
 * An ordinary user's locked memory is limited, over all processes, and rings themselves are part of it before Linux 5.12
 * and after 6.13: half of it is left, or the next ring could not be opened.
 */
static size_t most_pinned(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || may_lock_without_limit()) {
        return SIZE_MAX;
    }
    return limit.rlim_cur / 2;
}

void wt_registry_arena(struct wt_registry *registry, struct io_uring *ring, void *arena, size_t bytes) {
    assert(registry->arena == NULL);
    registry->ring = ring;
    registry->arena = arena;
    registry->arena_bytes = bytes;
    registry->pinnable_bytes = most_pinned();
    registry->piece_bytes = PIECE_BYTES;
    while ((bytes - 1) / registry->piece_bytes >= PIECES_MOST) {
        registry->piece_bytes *= 2;
    }
    size_t pieces = (bytes - 1) / registry->piece_bytes + 1;
    registry->registered = calloc(pieces, 1);
    if (registry->registered != NULL && io_uring_register_buffers_sparse(ring, (unsigned)pieces) < 0) {
        free(registry->registered); /* a kernel before 5.19 has no such table */
        registry->registered = NULL;
    }
}

void wt_registry_close(struct wt_registry *registry) {
    if (registry->registered == NULL) {
        return;
    }
    /* The end of the ring would do it too, but at a later time. It cannot fail: there is a table. */
    (void)io_uring_unregister_buffers(registry->ring);
    free(registry->registered);
    registry->registered = NULL;
}

/* Pins the piece: only one that an I/O is about to use. A refusal is for good: to most of its reasons each further attempt
 * would be a system call for nothing. */
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
