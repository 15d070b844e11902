// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What a ring has registered with the kernel, so that an I/O names it by a number. Pieces of the engine's memory are
 * pinned once, and not for each I/O. Open files need not be looked up for each I/O. Where a kernel or a limit refuses
 * to register something, only speed is lost.
 *
 * One thread at a time asks for numbers: the thread that owns the ring's submission queue.
 */
#ifndef WT_IO_REGISTRY_H
#define WT_IO_REGISTRY_H

#include <liburing.h>
#include <stdint.h>

#include "base/lock.h"
#include "posix/posix.h"

#define WT_REGISTRY_FILES 1024u

struct wt_registry {
    struct io_uring *ring;
    uint8_t *arena;
    size_t arena_bytes;
    size_t piece_bytes;
    uint8_t *registered; /* by piece; NULL: nothing can be registered */
    size_t pinnable_bytes;
    bool refused; /* no further piece is tried */

    struct wt_mutex lock; /* guards what follows: any thread closes a file */
    unsigned slots;       /* 0: files are not registered */
    unsigned free_count;
    uint16_t free_slots[WT_REGISTRY_FILES];
};

/*
 * Opens the registry of a ring that was just set up. -errno: no lock could be made. files: whether files are registered. The
 * ring of one thread registers none: another thread that closes a file could not take the file out of the table.
 */
int wt_registry_open(struct wt_registry *registry, struct io_uring *ring, bool files);
/* Tells the memory that most I/O will use; none of it is registered yet. Called before the first I/O. */
void wt_registry_arena(struct wt_registry *registry, void *arena, size_t bytes);
/* Gives back all that was registered. No I/O is in flight, and no file is open. */
void wt_registry_close(struct wt_registry *registry);

/* The number of the registered buffer that has the segment. The buffer is registered now if possible. -1: none. */
int wt_registry_buffer(struct wt_registry *registry, const struct iovec *segment);
/* The number of the file that carries the I/O. The file is registered now if possible. -1: none. */
int wt_registry_file(struct wt_registry *registry, struct wt_io *io, int fd);

#endif
