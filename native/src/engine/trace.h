// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Records of I/Os that ended, for who watches the engine: kept in a ring, only while somebody asked for them. */
#ifndef WT_TRACE_H
#define WT_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "io/io.h"
#include "io/wait.h"

#define WT_TRACE_RECORDS 1024u

struct wt_trace {
    _Atomic uint32_t what; /* WT_TRACE_* */
    _Atomic uint64_t slow_ns;
    _Atomic uint64_t dropped; /* records for which there was no room, or no memory */
    struct wt_mutex lock;     /* guards the rest */
    struct wt_condition added;
    struct wt_trace_record *records; /* WT_TRACE_RECORDS, once there was something to keep */
    uint32_t first, count;
    bool ended;
};

void wt_trace_open(struct wt_trace *trace);
void wt_trace_close(struct wt_trace *trace);

/* No record comes any more: who waits for one gets -ESHUTDOWN. */
void wt_trace_end(struct wt_trace *trace);

/* An I/O ended: keeps a record if it is one of those that are asked for. */
void wt_trace_io(struct wt_trace *trace, const struct wt_io *io, uint64_t queue_ns, uint64_t device_ns,
                 uint32_t writes);

/* wt_trace_take, of an engine's trace. */
int wt_trace_take_from(struct wt_trace *trace, struct wt_trace_record *records, int max, int64_t timeout_ns);

#endif
