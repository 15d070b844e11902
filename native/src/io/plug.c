// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "io/plug.h"

#include <assert.h>
#include <stddef.h>

static _Thread_local struct wt_plug *plugged; /* what submissions go into; NULL: into none */
static _Thread_local struct wt_plug *lanes;   /* those that stay */

static void empty(struct wt_plug *plug) {
    plug->list = NULL;
    plug->tail = &plug->list;
    plug->count = 0;
}

void wt_plug_begin(struct wt_plug *plug) {
    *plug = (struct wt_plug){0};
    empty(plug);
    plugged = plug;
}

bool wt_plug_send_one(struct wt_plug *plug) {
    struct wt_io *list = plug->list;
    if (!list)
        return false;
    struct wt_backend *carrier = plug->ring && plug->running > 0 ? plug->ring : plug->backend;
    empty(plug);
    carrier->ops->submit(carrier, list);
    return true;
}

void wt_plug_end(struct wt_plug *plug) {
    plugged = NULL;
    (void)wt_plug_send_one(plug);
}

/* I/O that a backend refuses ends at once, and its end may plug more. */
static bool send_all_of(struct wt_plug *plug) {
    bool sent = false;
    while (wt_plug_send_one(plug))
        sent = true;
    return sent;
}

bool wt_plug_send(void) {
    bool sent = plugged && send_all_of(plugged);
    for (struct wt_plug *lane = lanes; lane; lane = lane->next)
        sent |= send_all_of(lane);
    return sent;
}

bool wt_plug_is_empty(void) {
    if (plugged && plugged->list)
        return false;
    for (const struct wt_plug *lane = lanes; lane; lane = lane->next)
        if (lane->list)
            return false;
    return true;
}

void wt_plug_submit(struct wt_backend *backend, struct wt_io *list) {
    if (!plugged || (plugged->of_lane && plugged->backend != backend)) {
        backend->ops->submit(backend, list);
        return;
    }
    if (plugged->backend != backend)
        (void)wt_plug_send_one(plugged);
    plugged->backend = backend;
    *plugged->tail = list;
    for (; *plugged->tail; plugged->count++)
        plugged->tail = &(*plugged->tail)->next;
}

/* ---- of lanes -------------------------------------------------------------------------------------------------- */

void wt_plug_open(struct wt_plug *plug) {
    empty(plug);
    plug->of_lane = true;
    plug->next = lanes;
    lanes = plug;
}

void wt_plug_close(struct wt_plug *plug) {
    struct wt_plug **at = &lanes;
    assert(!plug->list && plugged != plug);
    while (*at != plug)
        at = &(*at)->next;
    *at = plug->next;
}

struct wt_plug *wt_plug_first(void) {
    return lanes;
}

void wt_plugs_forked(void) {
    plugged = lanes = NULL;
}

struct wt_plug *wt_plug_enter(struct wt_plug *plug) {
    struct wt_plug *before = plugged;
    plugged = plug;
    return before;
}

void wt_plug_leave(struct wt_plug *before) {
    plugged = before;
}

struct wt_plug *wt_plug_current(void) {
    return plugged;
}

bool wt_plug_work(void) {
    bool worked = false;
    for (struct wt_plug *lane = lanes; lane; lane = lane->next) {
        if (!lane->ring)
            continue;
        struct wt_plug *before = wt_plug_enter(lane); /* what the completions launch goes on this ring, too */
        worked |= lane->ring->ops->pump(lane->ring);
        worked |= wt_plug_send();
        wt_plug_leave(before);
    }
    return worked;
}
