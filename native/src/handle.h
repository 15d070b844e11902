/*
 * Handles: numbers that stand for objects across the ABI. A slot of a table counts the calls inside, so that closing
 * waits for them, and carries a generation, so that an old handle never finds a new object.
 */
#ifndef WT_HANDLE_H
#define WT_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define WT_HANDLE_CHUNK 1024u
#define WT_HANDLE_CHUNKS 1024u

struct wt_handle_slot {
    _Atomic uint64_t word; /* tag and generation << 32 | closed << 31 | calls inside */
    void *object;
    uint32_t next_free;
};

struct wt_handle_table {
    pthread_mutex_t lock;
    pthread_cond_t left; /* the last call left a closed handle */
    _Atomic(struct wt_handle_slot *) chunks[WT_HANDLE_CHUNKS];
    uint64_t tag; /* bit 62 of its handles: those of another table are not its own */
    uint32_t slot_count;
    uint32_t first_free; /* index + 1, 0: none */
};

#define WT_HANDLE_TABLE(bit)                                                                                           \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER, .tag = (uint64_t)(bit) << 62 }

/* A new handle for the object, never 0; 0: no memory, or too many. */
uint64_t wt_handle_open(struct wt_handle_table *table, void *object);
/* The object, held open until released; NULL: no such handle. */
void *wt_handle_acquire(struct wt_handle_table *table, uint64_t handle);
void wt_handle_release(struct wt_handle_table *table, uint64_t handle);
/* Closes the handle, waits for the calls inside, and returns the object; NULL: no such handle (any more). */
void *wt_handle_close(struct wt_handle_table *table, uint64_t handle);

#endif
