// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "engine/handle.h"
#include "base/lock.h"
#include "base/mutant.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GENERATION (((UINT64_C(1) << 30) - 1) << 32) /* 30 bits: under the tag, and under the bit of lanes */
#define CLOSED (UINT64_C(1) << 31)
#define INSIDE (CLOSED - 1)

/*
 * The distance of a child's generations from its parent's: enough for 64 forks in a line, and 16 million uses of a
 * slot in each.
 */
#define FORK_STEP (UINT64_C(1) << 56)

static struct wt_handle_slot *slot_of(struct wt_handle_table *table, uint64_t handle) {
    uint32_t index = (uint32_t)handle - 1;
    if (index / WT_HANDLE_CHUNK >= WT_HANDLE_CHUNKS)
        return NULL;
    struct wt_handle_slot *chunk = atomic_load_explicit(&table->chunks[index / WT_HANDLE_CHUNK], memory_order_acquire);
    return chunk ? &chunk[index % WT_HANDLE_CHUNK] : NULL;
}

/* Under the table's lock: the index of a slot that is not in use. */
static bool take_slot(struct wt_handle_table *table, uint32_t *index) {
    if (table->first_free) {
        *index = table->first_free - 1;
        table->first_free = slot_of(table, table->first_free)->next_free;
        return true;
    }
    if (table->slot_count == WT_HANDLE_CHUNK * WT_HANDLE_CHUNKS)
        return false;
    if (table->slot_count % WT_HANDLE_CHUNK == 0) {
        struct wt_handle_slot *chunk = aligned_alloc(_Alignof(struct wt_handle_slot), WT_HANDLE_CHUNK * sizeof *chunk);
        if (!chunk)
            return false;
        memset((void *)chunk, 0, WT_HANDLE_CHUNK * sizeof *chunk);
        for (uint32_t i = 0; i < WT_HANDLE_CHUNK; i++)
            atomic_init(&chunk[i].word, CLOSED | table->first_generation);
        atomic_store_explicit(&table->chunks[table->slot_count / WT_HANDLE_CHUNK], chunk, memory_order_release);
    }
    *index = table->slot_count++;
    return true;
}

uint64_t wt_handle_open(struct wt_handle_table *table, void *object, const void *near) {
    uint64_t handle = 0;
    uint32_t index;
    wt_lock(&table->lock);
    if (table->slot_count == 0) /* nobody can have waited for it yet */
        wt_condition_init(&table->left);
    if (take_slot(table, &index)) {
        struct wt_handle_slot *slot = slot_of(table, (uint64_t)index + 1);
        slot->object = object;
        atomic_store_explicit(&slot->near, near, memory_order_relaxed);
        atomic_store_explicit(&slot->recent, NULL, memory_order_relaxed);
        /* Calls with stale handles may be inside for an instant: keep their count. */
        uint64_t word = atomic_load(&slot->word);
        uint64_t next = ((word + (WT_MUTANT("handle-not-renewed") ? 0 : UINT64_C(1) << 32)) & GENERATION) | table->tag;
        while (!atomic_compare_exchange_weak(&slot->word, &word, next | (word & INSIDE)))
            ;
        handle = next | (index + 1);
    }
    wt_unlock(&table->lock);
    return handle;
}

static void leave(struct wt_handle_table *table, struct wt_handle_slot *slot) {
    uint64_t word = atomic_fetch_sub(&slot->word, 1);
    if ((word & CLOSED) && (word & INSIDE) == 1) {
        wt_lock(&table->lock);
        wt_wake_all(&table->left);
        wt_unlock(&table->lock);
    }
}

/* Prefetching harms nothing if the slot is another's by now. */
static void prefetch_lines(const char *memory, unsigned lines) {
    for (unsigned i = 0; memory && i < lines; i++)
        __builtin_prefetch(memory + (size_t)i * 64);
}

void *wt_handle_acquire(struct wt_handle_table *table, uint64_t handle) {
    struct wt_handle_slot *slot = slot_of(table, handle);
    if (!slot)
        return NULL;
    uint64_t word = atomic_fetch_add(&slot->word, 1);
    prefetch_lines(atomic_load_explicit(&slot->near, memory_order_relaxed), 2);
    prefetch_lines(atomic_load_explicit(&slot->recent, memory_order_relaxed), 3);
    if (word >> 32 == handle >> 32 && !(word & CLOSED))
        return slot->object;
    leave(table, slot);
    return NULL;
}

void wt_handle_release(struct wt_handle_table *table, uint64_t handle) {
    leave(table, slot_of(table, handle));
}

void *wt_handle_recent(struct wt_handle_table *table, uint64_t handle) {
    return atomic_load_explicit(&slot_of(table, handle)->recent, memory_order_relaxed);
}

void wt_handle_note(struct wt_handle_table *table, uint64_t handle, void *recent) {
    atomic_store_explicit(&slot_of(table, handle)->recent, recent, memory_order_relaxed);
}

void *wt_handle_close(struct wt_handle_table *table, uint64_t handle, struct wt_backend *(*backend_of)(void *object)) {
    struct wt_handle_slot *slot = slot_of(table, handle);
    if (!slot)
        return NULL;
    uint64_t word = atomic_load(&slot->word);
    do {
        if (word >> 32 != handle >> 32 || (word & CLOSED))
            return NULL;
    } while (!atomic_compare_exchange_weak(&slot->word, &word, word | CLOSED));

    void *object = slot->object;
    struct wt_backend *backend = backend_of ? backend_of(object) : NULL;
    wt_lock(&table->lock);
    while (atomic_load(&slot->word) & INSIDE && !WT_MUTANT("close-does-not-wait"))
        wt_wait(backend, &table->left, &table->lock);
    slot->object = NULL;
    slot->next_free = table->first_free;
    table->first_free = (uint32_t)handle;
    wt_unlock(&table->lock);
    return object;
}

void wt_handle_forked(struct wt_handle_table *table) {
    /* The lock may be held, and calls be inside, by threads that the child has not got: all of it is left behind. */
    wt_mutex_init(&table->lock, WT_LOCK_HANDLES);
    wt_condition_init(&table->left);
    for (unsigned i = 0; i < WT_HANDLE_CHUNKS; i++)
        atomic_store_explicit(&table->chunks[i], NULL, memory_order_relaxed);
    table->first_generation = (table->first_generation + FORK_STEP) & GENERATION;
    table->slot_count = table->first_free = 0;
}
