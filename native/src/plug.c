#include "plug.h"

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

bool wt_before_reap(struct wt_backend *backend) {
    bool sent = plugged && send_plug(plugged);
    if (backend->ops->release)
        backend->ops->release(backend);
    return sent || (backend->ops->pump && backend->ops->pump(backend));
}

bool wt_before_wait(struct wt_backend *backend) {
    bool again = wt_before_reap(backend);
    if (backend->ops->unblock)
        backend->ops->unblock(backend);
    return again;
}
