// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Engines whose I/O is submitted by an event loop, on the loop's own io_uring. */
#include <errno.h>

#include "engine/doors.h"
#include "engine/objects.h"
#include "uring/external.h"

static struct wt_engine_object *acquire_external(wt_engine handle, int *rc) {
    struct wt_engine_object *engine = wt_engine_acquire(handle);
    *rc = !engine ? -EBADF : wt_is_external(engine->backend) ? 0 : -EINVAL;
    if (engine && *rc)
        wt_engine_release(handle);
    return *rc ? NULL : engine;
}

int wt_external_attach(wt_engine handle) {
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_attach_to(engine->backend);
        wt_engine_release(handle);
    }
    return rc;
}

int wt_external_take(wt_engine handle, struct wt_transfer *transfers, int max) {
    if (!transfers || max <= 0)
        return -EINVAL;
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_take_from(engine->backend, transfers, max);
        wt_engine_release(handle);
    }
    return rc;
}

int wt_external_done(wt_engine handle, const struct wt_transfer_end *ends, int count) {
    if (!ends || count < 0)
        return -EINVAL;
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_done_of(engine->backend, ends, count);
        wt_engine_release(handle);
    }
    return rc;
}

int wt_external_may_wait(wt_engine handle) {
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_may_wait(engine->backend);
        wt_engine_release(handle);
    }
    return rc;
}

int wt_external_detach(wt_engine handle) {
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_detach_from(engine->backend);
        wt_engine_release(handle);
    }
    return rc;
}
