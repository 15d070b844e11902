// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What an engine tells of itself: its counters, its histograms, and records of its I/O. */
#include <errno.h>

#include "engine/doors.h"
#include "engine/stats.h"
#include "engine/trace.h"

int wt_engine_stats(wt_engine handle, struct wt_engine_stats *stats) {
    if (!stats)
        return -EINVAL;
    struct wt_engine_object *engine = wt_engine_acquire(handle);
    if (!engine)
        return -EBADF;
    wt_stats_fill(engine, stats);
    wt_engine_release(handle);
    return 0;
}

int wt_engine_histogram(wt_engine handle, uint32_t which, struct wt_histogram *histogram) {
    if (!histogram || which >= WT_HISTOGRAMS)
        return -EINVAL;
    struct wt_engine_object *engine = wt_engine_acquire(handle);
    if (!engine)
        return -EBADF;
    wt_stats_histogram(engine, which, histogram);
    wt_engine_release(handle);
    return 0;
}

int wt_engine_trace(wt_engine handle, uint32_t what, uint64_t slow_ns) {
    if (what & ~(uint32_t)(WT_TRACE_GATHERS | WT_TRACE_SLOW))
        return -EINVAL;
    struct wt_engine_object *engine = wt_engine_acquire(handle);
    if (!engine)
        return -EBADF;
    atomic_store_explicit(&engine->trace.slow_ns, slow_ns, memory_order_relaxed);
    atomic_store_explicit(&engine->trace.what, what, memory_order_relaxed);
    wt_engine_release(handle);
    return 0;
}

int wt_trace_take(wt_engine handle, struct wt_trace_record *records, int max, int64_t timeout_ns) {
    if (max <= 0 || !records)
        return -EINVAL;
    struct wt_engine_object *engine = wt_engine_acquire(handle);
    if (!engine)
        return -EBADF;
    int count = wt_trace_take_from(&engine->trace, records, max, timeout_ns);
    wt_engine_release(handle);
    return count;
}
