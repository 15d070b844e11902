// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/plug.h"

#include <stddef.h>

static _Thread_local struct wt_plug *plugged;

void wt_plug_begin(struct wt_plug *plug) {
    *plug = (struct wt_plug){.tail = &plug->list};
    plugged = plug;
}

static bool send_plug(struct wt_plug *plug) {
    struct wt_io *list = plug->list;
    if (!list)
        return false;
    plug->list = NULL;
    plug->tail = &plug->list;
    plug->backend->ops->submit(plug->backend, list);
    return true;
}

void wt_plug_end(struct wt_plug *plug) {
    plugged = NULL;
    (void)send_plug(plug);
}

bool wt_plug_send(void) {
    bool sent = false;
    while (plugged && send_plug(plugged)) /* I/O that a backend refuses ends at once, and its end may plug more */
        sent = true;
    return sent;
}

bool wt_plug_is_empty(void) {
    return !plugged || !plugged->list;
}

void wt_plug_submit(struct wt_backend *backend, struct wt_io *list) {
    if (!plugged) {
        backend->ops->submit(backend, list);
        return;
    }
    if (plugged->backend != backend)
        (void)send_plug(plugged);
    plugged->backend = backend;
    *plugged->tail = list;
    while (*plugged->tail)
        plugged->tail = &(*plugged->tail)->next;
}
