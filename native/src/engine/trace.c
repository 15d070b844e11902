// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "engine/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mutant.h"

void wt_trace_open(struct wt_trace *trace) {
    wt_mutex_init(&trace->lock, WT_LOCK_TRACE);
    wt_condition_init(&trace->added);
}

void wt_trace_close(struct wt_trace *trace) {
    wt_mutex_destroy(&trace->lock);
    wt_condition_destroy(&trace->added);
    free(trace->records);
}

void wt_trace_end(struct wt_trace *trace) {
    wt_lock(&trace->lock);
    trace->ended = true;
    wt_wake_all(&trace->added);
    wt_unlock(&trace->lock);
}

/* Adds a record; without room for it the record is dropped. */
static void add(struct wt_trace *trace, const struct wt_trace_record *record) {
    wt_lock(&trace->lock);
    if (!trace->records)
        trace->records = calloc(WT_TRACE_RECORDS, sizeof *trace->records);
    if (trace->records && (trace->count < WT_TRACE_RECORDS || WT_MUTANT("full-trace-overwritten"))) {
        trace->records[(trace->first + trace->count) % WT_TRACE_RECORDS] = *record;
        trace->count++;
        wt_wake_one(&trace->added);
    } else {
        atomic_fetch_add_explicit(&trace->dropped, 1, memory_order_relaxed);
    }
    wt_unlock(&trace->lock);
}

void wt_trace_io(struct wt_trace *trace, const struct wt_io *io, uint64_t queue_ns, uint64_t device_ns,
                 uint32_t writes) {
    uint32_t what = atomic_load_explicit(&trace->what, memory_order_relaxed), reason = 0;
    if (!what)
        return;
    if (what & WT_TRACE_GATHERS && writes > 0)
        reason |= WT_TRACE_GATHERS;
    if (what & WT_TRACE_SLOW && queue_ns + device_ns >= atomic_load_explicit(&trace->slow_ns, memory_order_relaxed))
        reason |= WT_TRACE_SLOW;
    if (!reason)
        return;
    struct wt_trace_record record = {.offset = io->offset,
                                     .bytes = io->length,
                                     .queue_ns = queue_ns,
                                     .device_ns = device_ns,
                                     .reason = reason,
                                     .writes = writes,
                                     .error = io->error,
                                     .is_write = io->op == WT_IO_WRITE};
    if (io->backing->ops->path)
        io->backing->ops->path(io->backing, record.path, sizeof record.path);
    add(trace, &record);
}

/* Waits for a record, with the lock held. */
static void wait_for_record(struct wt_trace *trace, int64_t timeout_ns) {
    int64_t until_ns = timeout_ns < 0 ? 0 : wt_deadline_ns(timeout_ns);
    bool in_time = true;
    while (!trace->count && !trace->ended && in_time) {
        if (timeout_ns < 0)
            wt_sleep(&trace->added, &trace->lock);
        else
            in_time = wt_sleep_until(&trace->added, &trace->lock, until_ns);
    }
}

int wt_trace_take_from(struct wt_trace *trace, struct wt_trace_record *records, int max, int64_t timeout_ns) {
    int count = 0;
    wt_lock(&trace->lock);
    if (!trace->count && timeout_ns != 0)
        wait_for_record(trace, timeout_ns);
    for (; count < max && trace->count; count++, trace->count--) {
        records[count] = trace->records[trace->first];
        trace->first = (trace->first + 1) % WT_TRACE_RECORDS;
    }
    if (count == 0 && trace->ended && !WT_MUTANT("trace-end-untold"))
        count = -ESHUTDOWN;
    wt_unlock(&trace->lock);
    return count;
}
