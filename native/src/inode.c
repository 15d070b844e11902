#include "inode.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine.h"

/* ---- the gate ------------------------------------------------------------------------------------------------ */

#define SHUT (UINT64_C(1) << 63)
#define SIZE_SUSPECT (UINT64_C(1) << 62) /* an I/O failed that may have grown the file beyond size */
#define FLAGS (SHUT | SIZE_SUSPECT)

static bool is_shut(struct wt_inode *inode) {
    return atomic_load(&inode->gate) & SHUT;
}

/* Waits for a change of the gate; may return without one. */
static void wait_gate(struct wt_inode *inode, pthread_cond_t *condition) {
    uint32_t changes = inode->gate_changes;
    pthread_mutex_unlock(&inode->lock);
    bool again = wt_before_wait(inode->engine->backend);
    pthread_mutex_lock(&inode->lock);
    if (!again && inode->gate_changes == changes)
        pthread_cond_wait(condition, &inode->lock);
}

static void change_gate(struct wt_inode *inode, pthread_cond_t *condition) {
    inode->gate_changes++;
    pthread_cond_broadcast(condition);
}

bool wt_inode_begin(struct wt_inode *inode, bool may_wait) {
    uint64_t gate = atomic_load(&inode->gate);
    for (;;) {
        if (!(gate & SHUT)) {
            if (atomic_compare_exchange_weak(&inode->gate, &gate, gate + 1))
                return true;
            continue;
        }
        if (!may_wait)
            return false;
        pthread_mutex_lock(&inode->lock);
        while (is_shut(inode))
            wait_gate(inode, &inode->opened);
        pthread_mutex_unlock(&inode->lock);
        gate = atomic_load(&inode->gate);
    }
}

void wt_inode_begin_more(struct wt_inode *inode) {
    uint64_t gate = atomic_fetch_add(&inode->gate, 1);
    assert((gate & ~FLAGS) > 0);
    (void)gate;
}

/*
 * A failed write may have grown the file: cuts it to the size that is stable. Nothing is in flight, so what lies beyond
 * was acknowledged to nobody. If the cut fails the file keeps zeros or refused bytes at its end, and the next failure, or
 * an explicit truncation, tries again.
 */
static void mend_size(struct wt_inode *inode) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t size = wt_inode_size(inode), on_disk;
    atomic_fetch_and(&inode->gate, ~SIZE_SUSPECT);
    if (backing->ops->size(backing, &on_disk) == 0 && on_disk > size && backing->ops->truncate(backing, size))
        atomic_fetch_or(&inode->gate, SIZE_SUSPECT);
}

static void leave_flagged(struct wt_inode *inode) {
    pthread_mutex_lock(&inode->lock);
    uint64_t alone = SIZE_SUSPECT | 1;
    if (atomic_compare_exchange_strong(&inode->gate, &alone, alone | SHUT)) { /* keeps others out while it is mended */
        pthread_mutex_unlock(&inode->lock);
        mend_size(inode);
        pthread_mutex_lock(&inode->lock);
        atomic_fetch_and(&inode->gate, ~SHUT);
        change_gate(inode, &inode->opened);
    }
    uint64_t gate = atomic_fetch_sub(&inode->gate, 1);
    if ((gate & ~FLAGS) == 1)
        change_gate(inode, &inode->drained);
    pthread_mutex_unlock(&inode->lock);
}

void wt_inode_end(struct wt_inode *inode) {
    uint64_t gate = atomic_load(&inode->gate);
    while (!(gate & FLAGS))
        if (atomic_compare_exchange_weak(&inode->gate, &gate, gate - 1))
            return;
    leave_flagged(inode);
}

void wt_inode_shut(struct wt_inode *inode) {
    pthread_mutex_lock(&inode->lock);
    while (is_shut(inode))
        wait_gate(inode, &inode->opened);
    atomic_fetch_or(&inode->gate, SHUT);
    while (atomic_load(&inode->gate) & ~FLAGS)
        wait_gate(inode, &inode->drained);
    if (atomic_load(&inode->gate) & SIZE_SUSPECT)
        mend_size(inode);
    pthread_mutex_unlock(&inode->lock);
}

void wt_inode_open_gate(struct wt_inode *inode) {
    pthread_mutex_lock(&inode->lock);
    assert((atomic_load(&inode->gate) & ~SIZE_SUSPECT) == SHUT);
    atomic_fetch_and(&inode->gate, ~SHUT);
    change_gate(inode, &inode->opened);
    pthread_mutex_unlock(&inode->lock);
}

/* ---- known zeros --------------------------------------------------------------------------------------------- */

void wt_inode_add_zeros(struct wt_inode *inode, uint64_t start, uint64_t end) {
    pthread_mutex_lock(&inode->zeros_lock);
    uint64_t known_end = atomic_load(&inode->zeros_end);
    if (known_end == start && known_end != 0) {
        atomic_store(&inode->zeros_end, end);
    } else if (end - start > known_end - inode->zeros_start || known_end == 0) {
        inode->zeros_start = start;
        atomic_store(&inode->zeros_end, end);
    }
    pthread_mutex_unlock(&inode->zeros_lock);
}

/* One range is remembered: what is left of it on the longer side. A log, written from its start, keeps all that is ahead. */
void wt_inode_spoil_zeros(struct wt_inode *inode, uint64_t start, uint64_t end) {
    if (atomic_load(&inode->zeros_end) <= start)
        return;
    pthread_mutex_lock(&inode->zeros_lock);
    uint64_t known_end = atomic_load(&inode->zeros_end);
    if (start < known_end && end > inode->zeros_start) {
        uint64_t before = start > inode->zeros_start ? start - inode->zeros_start : 0;
        uint64_t after = end < known_end ? known_end - end : 0;
        if (before > after)
            atomic_store(&inode->zeros_end, start);
        else
            inode->zeros_start = end;
        if (before == 0 && after == 0)
            atomic_store(&inode->zeros_end, 0);
    }
    pthread_mutex_unlock(&inode->zeros_lock);
}

bool wt_inode_has_zeros(struct wt_inode *inode, uint64_t start, uint64_t end) {
    if (atomic_load(&inode->zeros_end) < end)
        return false;
    pthread_mutex_lock(&inode->zeros_lock);
    bool known = start >= inode->zeros_start && end <= atomic_load(&inode->zeros_end);
    pthread_mutex_unlock(&inode->zeros_lock);
    return known;
}

/* ---- size ---------------------------------------------------------------------------------------------------- */

void wt_inode_grow(struct wt_inode *inode, uint64_t end) {
    uint64_t size = wt_inode_size(inode);
    while (end > size && !atomic_compare_exchange_weak(&inode->size, &size, end))
        ;
}

void wt_inode_suspect_size(struct wt_inode *inode) {
    atomic_fetch_or(&inode->gate, SIZE_SUSPECT);
}

/* ---- folios -------------------------------------------------------------------------------------------------- */

void wt_inode_add_folio(struct wt_inode *inode, uint32_t folio) {
    struct wt_folio *folios = inode->cache->folios;
    pthread_mutex_lock(&inode->list_lock);
    folios[folio].inode_previous = WT_NONE;
    folios[folio].inode_next = inode->first_folio;
    if (inode->first_folio != WT_NONE)
        folios[inode->first_folio].inode_previous = folio;
    inode->first_folio = folio;
    inode->folio_count++;
    pthread_mutex_unlock(&inode->list_lock);
}

void wt_inode_remove_folio(struct wt_inode *inode, uint32_t folio) {
    struct wt_folio *folios = inode->cache->folios;
    pthread_mutex_lock(&inode->list_lock);
    uint32_t next = folios[folio].inode_next, previous = folios[folio].inode_previous;
    if (previous != WT_NONE)
        folios[previous].inode_next = next;
    else
        inode->first_folio = next;
    if (next != WT_NONE)
        folios[next].inode_previous = previous;
    inode->folio_count--;
    pthread_mutex_unlock(&inode->list_lock);
}

/* Cuts what the folio has from offset on, where offset counts in the folio; of a block cut in two all. */
static void cut_folio(struct wt_folio *folio, uint64_t offset) {
    const struct wt_geometry *geometry = &folio->inode->geometry;
    folio->uptodate &= ~wt_bits((unsigned)(offset >> geometry->block_shift), WT_FOLIO_BLOCKS - 1);
    unsigned first = (unsigned)((offset + WT_PAGE_BYTES - 1) >> WT_PAGE_SHIFT);
    if (first < geometry->page_count)
        wt_folio_drop(folio, first, geometry->page_count - 1u);
}

int wt_inode_cut_folios(struct wt_inode *inode, uint64_t size) {
    uint64_t bound = size >> inode->geometry.folio_shift;
    struct wt_folio *folios = inode->cache->folios;
    /* While the gate is shut folios are evicted but none is made: a list of them stays good enough. */
    pthread_mutex_lock(&inode->list_lock);
    uint64_t *index = malloc((inode->folio_count + 1) * sizeof *index);
    uint32_t count = 0;
    for (uint32_t id = inode->first_folio; index && id != WT_NONE; id = folios[id].inode_next) {
        uint64_t at = atomic_load_explicit(&folios[id].index, memory_order_relaxed);
        if (at >= bound)
            index[count++] = at;
    }
    pthread_mutex_unlock(&inode->list_lock);
    if (!index)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct wt_folio *folio = wt_folio_find(inode, index[i]);
        if (!folio)
            continue;
        cut_folio(folio, index[i] > bound ? 0 : size - (bound << inode->geometry.folio_shift));
        wt_folio_put(folio);
    }
    free(index);
    return 0;
}

/* Drops all folios; nothing is in flight and nobody can begin. Needs no memory, so that closing cannot fail. */
static void drop_folios(struct wt_inode *inode) {
    for (;;) {
        pthread_mutex_lock(&inode->list_lock);
        uint32_t id = inode->first_folio;
        uint64_t index = 0;
        if (id != WT_NONE)
            index = atomic_load_explicit(&inode->cache->folios[id].index, memory_order_relaxed);
        pthread_mutex_unlock(&inode->list_lock);
        if (id == WT_NONE)
            return;
        struct wt_folio *folio = wt_folio_find(inode, index);
        if (!folio)
            continue; /* evicted meanwhile */
        wt_folio_drop(folio, 0, inode->geometry.page_count - 1u);
        wt_folio_put(folio);
    }
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

static struct wt_inode **bucket_of(struct wt_engine_object *engine, uint64_t device, uint64_t number) {
    uint64_t x = (number + device * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);
    return &engine->inodes[(x >> 32) % WT_INODE_BUCKETS];
}

static struct wt_inode *find_inode(struct wt_engine_object *engine, const struct wt_backing *backing) {
    struct wt_inode *inode = *bucket_of(engine, backing->device, backing->inode);
    while (inode && (inode->device != backing->device || inode->number != backing->inode))
        inode = inode->next;
    return inode;
}

static int make_inode(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                      struct wt_inode **made) {
    uint64_t size;
    int rc = backing->ops->lock(backing, for_writing);
    if (!rc)
        rc = backing->ops->size(backing, &size);
    struct wt_inode *inode = rc ? NULL : calloc(1, sizeof *inode);
    if (!inode)
        return rc ? rc : -ENOMEM;
    inode->engine = engine;
    inode->cache = &engine->cache;
    inode->id = ++engine->last_inode_id;
    inode->device = backing->device;
    inode->number = backing->inode;
    inode->geometry = wt_geometry_of(backing->profile.block_bytes);
    inode->buffered = backing->profile.path == WT_PATH_BUFFERED;
    inode->exclusive = for_writing;
    inode->first_folio = WT_NONE;
    inode->first_backing = backing;
    atomic_init(&inode->size, size);
    atomic_init(&inode->backing, backing);
    pthread_mutex_init(&inode->lock, NULL);
    pthread_mutex_init(&inode->list_lock, NULL);
    pthread_mutex_init(&inode->zeros_lock, NULL);
    pthread_cond_init(&inode->opened, NULL);
    pthread_cond_init(&inode->drained, NULL);
    struct wt_inode **bucket = bucket_of(engine, inode->device, inode->number);
    inode->next = *bucket;
    *bucket = inode;
    engine->inode_count++;
    *made = inode;
    return 0;
}

/* A further open. The first for writing brings the descriptor that I/O goes by from now on. */
static int join_inode(struct wt_inode *inode, struct wt_backing *backing, bool for_writing, struct wt_backing **spare) {
    if (!for_writing || inode->exclusive) {
        *spare = backing;
        return 0;
    }
    int rc = inode->first_backing->ops->lock(inode->first_backing, true);
    if (rc) {
        (void)backing->ops->close(backing);
        if (rc == -ENOLCK)
            atomic_store(&inode->lost, true);
        return rc == -ENOLCK ? -EBUSY : rc;
    }
    inode->exclusive = true;
    atomic_store(&inode->backing, backing);
    return 0;
}

int wt_inode_open(struct wt_engine_object *engine, struct wt_backing *backing, bool for_writing,
                  struct wt_inode **inode, struct wt_backing **spare) {
    *spare = NULL;
    pthread_mutex_lock(&engine->inode_lock);
    struct wt_inode *found;
    while ((found = find_inode(engine, backing)) && found->closing)
        pthread_cond_wait(&engine->inode_closed, &engine->inode_lock);
    int rc;
    if (found) {
        rc = join_inode(found, backing, for_writing, spare);
    } else {
        rc = make_inode(engine, backing, for_writing, &found);
        if (rc)
            (void)backing->ops->close(backing);
    }
    if (!rc) {
        found->opens++;
        *inode = found;
    }
    pthread_mutex_unlock(&engine->inode_lock);
    return rc;
}

int wt_inode_close(struct wt_inode *inode) {
    struct wt_engine_object *engine = inode->engine;
    pthread_mutex_lock(&engine->inode_lock);
    bool last = --inode->opens == 0;
    inode->closing = last;
    pthread_mutex_unlock(&engine->inode_lock);
    if (!last)
        return 0;

    wt_inode_shut(inode);
    drop_folios(inode);
    struct wt_backing *backing = atomic_load(&inode->backing);
    int rc = backing->ops->close(backing);
    if (backing != inode->first_backing) {
        int first_rc = inode->first_backing->ops->close(inode->first_backing);
        rc = rc ? rc : first_rc;
    }

    pthread_mutex_lock(&engine->inode_lock);
    struct wt_inode **from = bucket_of(engine, inode->device, inode->number);
    while (*from != inode)
        from = &(*from)->next;
    *from = inode->next;
    engine->inode_count--;
    pthread_cond_broadcast(&engine->inode_closed);
    pthread_mutex_unlock(&engine->inode_lock);
    pthread_cond_destroy(&inode->opened);
    pthread_cond_destroy(&inode->drained);
    pthread_mutex_destroy(&inode->list_lock);
    pthread_mutex_destroy(&inode->zeros_lock);
    pthread_mutex_destroy(&inode->lock);
    free(inode);
    return rc;
}
