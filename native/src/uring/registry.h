/*
 * What a ring has registered with the kernel, so that an I/O names it by a number: pieces of the engine's memory, which
 * are pinned once and not for each I/O, and open files, which need not be looked up for each. A kernel or a limit that
 * refuses any of it costs speed alone.
 *
 * One thread at a time asks for numbers: the one that owns the ring's submission queue.
 */
#ifndef WT_IO_REGISTRY_H
#define WT_IO_REGISTRY_H

#include <liburing.h>
#include <pthread.h>
#include <stdint.h>

#include "posix/posix.h"

#define WT_REGISTRY_FILES 1024u

struct wt_registry {
    struct io_uring *ring;
    uint8_t *arena;
    size_t arena_bytes;
    size_t piece_bytes;
    uint8_t *registered; /* by piece; NULL: nothing can be */
    size_t pinnable_bytes;
    bool refused; /* no further piece is tried */

    pthread_mutex_t lock; /* guards what follows: any thread closes a file */
    unsigned slots;       /* 0: files are not registered */
    unsigned free_count;
    uint16_t free_slots[WT_REGISTRY_FILES];
};

/* Of a ring that just was set up. -errno: no lock to be had. */
int wt_registry_open(struct wt_registry *registry, struct io_uring *ring);
/* The memory that most I/O will use; none of it is registered yet. Before the first I/O. */
void wt_registry_arena(struct wt_registry *registry, void *arena, size_t bytes);
/* Gives all back. No I/O is in flight, and no file open. */
void wt_registry_close(struct wt_registry *registry);

/* The number of the registered buffer that the segment lies in, which is registered now if it can be. -1: none. */
int wt_registry_buffer(struct wt_registry *registry, const struct iovec *segment);
/* The number of the file that carries the I/O, which is registered now if it can be. -1: none. */
int wt_registry_file(struct wt_registry *registry, struct wt_io *io, int fd);

#endif
