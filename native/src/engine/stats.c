// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "engine/stats.h"

#include "base/lock.h"
#include "base/mutant.h"
#include "io/mapped.h"

/* One cached read of so many is timed, of each thread. */
#define READS_OF_SAMPLE 64u

/* ---- counters ------------------------------------------------------------------------------------------------ */

uint32_t wt_stripe_of_thread(void) {
    static _Atomic uint32_t threads;
    static _Thread_local uint32_t known; /* and one; 0: not yet */
    if (!known) {
        uint32_t thread = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
        bool own = thread < WT_OWN_STRIPES;
        known = 1 + (own ? thread : WT_OWN_STRIPES + thread % (WT_COUNTER_STRIPES - WT_OWN_STRIPES));
    }
    return known - 1;
}

static inline void add(_Atomic uint64_t *counter, uint64_t n, bool own) {
    if (own)
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void wt_count(struct wt_engine_object *engine, enum wt_counter counter, uint64_t n) {
    uint32_t stripe = wt_stripe_of_thread();
    add(&engine->counters[stripe].count[counter], n, stripe < WT_OWN_STRIPES);
}

static uint64_t count_of(struct wt_engine_object *engine, enum wt_counter counter) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < WT_COUNTER_STRIPES; i++)
        sum += atomic_load_explicit(&engine->counters[i].count[counter], memory_order_relaxed);
    return sum;
}

/* ---- histograms ---------------------------------------------------------------------------------------------- */

static unsigned bucket_of(uint64_t value) {
    if (value < 4)
        return (unsigned)value;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(value);
    unsigned bucket =
        (WT_MUTANT("bucket-of-neighbour") ? 1 : 0) + 4 * (exponent - 1) + (unsigned)(value >> (exponent - 2) & 3);
    return bucket < WT_HISTOGRAM_BUCKETS ? bucket : WT_HISTOGRAM_BUCKETS - 1;
}

void wt_stats_add(struct wt_engine_object *engine, uint32_t which, uint64_t value) {
    uint32_t stripe = wt_stripe_of_thread();
    struct wt_histogram_stripe *histogram = &engine->counters[stripe].histograms[which];
    add(&histogram->count[bucket_of(value)], 1, stripe < WT_OWN_STRIPES);
    add(&histogram->sum, value, stripe < WT_OWN_STRIPES);
}

int64_t wt_stats_sample_read(void) {
    static _Thread_local uint32_t reads;
    return reads++ % READS_OF_SAMPLE == 0 ? wt_now_ns() : 0;
}

void wt_stats_histogram(struct wt_engine_object *engine, uint32_t which, struct wt_histogram *histogram) {
    *histogram = (struct wt_histogram){0};
    for (unsigned i = 0; i < WT_COUNTER_STRIPES; i++) {
        struct wt_histogram_stripe *part = &engine->counters[i].histograms[which];
        histogram->sum += atomic_load_explicit(&part->sum, memory_order_relaxed);
        for (unsigned bucket = 0; bucket < WT_HISTOGRAM_BUCKETS; bucket++)
            histogram->count[bucket] += atomic_load_explicit(&part->count[bucket], memory_order_relaxed);
    }
}

/* ---- the life of an I/O -------------------------------------------------------------------------------------- */

void wt_stats_io_start(struct wt_engine_object *engine, struct wt_io *io) {
    if (io->queued_ns == 0)
        io->queued_ns = wt_now_ns();
    bool write = io->op == WT_IO_WRITE;
    wt_count(engine, WT_COUNT_IO_STARTED, 1);
    wt_count(engine, write ? WT_COUNT_DEVICE_WRITES : WT_COUNT_DEVICE_READS, 1);
    wt_count(engine, write ? WT_COUNT_DEVICE_WRITTEN_BYTES : WT_COUNT_DEVICE_READ_BYTES, io->length);
}

/* Counts what made a write stable: FUA, or a flush of its own. A shared flush is counted by its backend. */
static void count_stable(struct wt_engine_object *engine, const struct wt_io *io) {
    if (io->stable_by == WT_STABLE_BY_FUA)
        wt_count(engine, WT_COUNT_FUA_WRITES, 1);
    else if (io->stable_by == WT_STABLE_BY_OWN_FLUSH)
        wt_count(engine, WT_COUNT_FLUSHES, 1);
}

int64_t wt_stats_io_end(struct wt_engine_object *engine, const struct wt_io *io, uint32_t writes) {
    int64_t started_ns = io->started_ns ? io->started_ns : io->queued_ns, now_ns = wt_now_ns();
    uint64_t queue_ns = (uint64_t)(started_ns - io->queued_ns), device_ns = (uint64_t)(now_ns - started_ns);
    bool write = io->op == WT_IO_WRITE;
    wt_count(engine, WT_COUNT_IO_ENDED, 1);
    wt_stats_add(engine, write ? WT_HISTOGRAM_DEVICE_WRITES : WT_HISTOGRAM_DEVICE_READS, device_ns);
    wt_stats_add(engine, WT_HISTOGRAM_QUEUE, queue_ns);
    if (writes > 0)
        wt_stats_add(engine, WT_HISTOGRAM_GATHERS, writes);
    count_stable(engine, io);
    wt_trace_io(&engine->trace, io, queue_ns, device_ns, writes);
    return now_ns;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static uint64_t shared_flushes_of(const struct wt_engine_object *engine) {
    uint64_t flushes = 0;
    for (struct wt_backend *backend = engine->backend; backend; backend = backend->inner)
        flushes += atomic_load_explicit(&backend->shared_flushes, memory_order_relaxed);
    return flushes;
}

#define FILL(counter, field) stats->field = count_of(engine, WT_COUNT_##counter);
static void fill_counts(struct wt_engine_object *engine, struct wt_engine_stats *stats) {
    uint64_t ended = count_of(engine, WT_COUNT_IO_ENDED), started = count_of(engine, WT_COUNT_IO_STARTED);
    *stats = (struct wt_engine_stats){0};
    WT_COUNTED(FILL)
    stats->read_hits += wt_view_hits(engine->cache.view);
    stats->flushes += shared_flushes_of(engine);
    stats->in_flight_ios = started > ended ? started - ended : 0;
    stats->mapped_files = wt_mapped_count(engine, &stats->mapped_bytes);
    stats->durable_memory_bytes = atomic_load_explicit(&engine->durable_memory_bytes, memory_order_relaxed);
    stats->lost_traces = atomic_load_explicit(&engine->trace.dropped, memory_order_relaxed);
}

void wt_stats_fill(struct wt_engine_object *engine, struct wt_engine_stats *stats) {
    fill_counts(engine, stats);
    struct wt_pool *pool = &engine->cache.pool;
    wt_lock(&pool->lock);
    stats->cache_bytes = pool->arena_bytes;
    stats->cached_bytes = (uint64_t)(pool->frame_count - pool->free_count) << WT_PAGE_SHIFT;
    stats->in_flight_bytes = atomic_load(&pool->in_flight_bytes);
    stats->evictions = pool->evictions;
    uint64_t by_readers = WT_MUTANT("pins-of-readers-uncounted") ? 0 : wt_view_pinned_pages(engine->cache.view);
    stats->pinned_bytes = (atomic_load(&pool->pinned_count) + by_readers) << WT_PAGE_SHIFT;
    wt_unlock(&pool->lock);
    wt_lock(&engine->file_lock);
    stats->open_files = engine->file_count;
    wt_unlock(&engine->file_lock);
    wt_lock(&engine->inode_lock);
    stats->open_inodes = engine->inode_count;
    wt_unlock(&engine->inode_lock);
}
