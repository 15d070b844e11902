// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "write/context.h"

#include <errno.h>
#include <stdlib.h>

#include "base/lock.h"
#include "engine/objects.h"
#include "file/lane.h"

static void free_write(struct wt_operation *operation) {
    free(operation); /* the first member of a write */
}

const struct wt_operation_type wt_write_type = {.bytes = sizeof(struct wt_write), .kept = true, .free = free_write};

static struct wt_operation *take_free(struct wt_operation **free_writes) {
    struct wt_operation *operation = *free_writes;
    if (operation)
        *free_writes = operation->next;
    return operation;
}

int wt_write_take(struct wt_engine_object *engine, struct wt_lane_object *lane, struct wt_write **write) {
    int rc = wt_operation_begin(engine, lane, sizeof **write);
    if (rc)
        return rc;
    struct wt_operation *operation;
    if (lane) {
        operation = take_free(&lane->free_writes);
    } else {
        wt_lock(&engine->event_lock);
        operation = take_free(&engine->free_writes);
        wt_unlock(&engine->event_lock);
    }
    *write = operation ? (struct wt_write *)operation /* its first member */ : malloc(sizeof **write);
    if (*write)
        return 0;
    wt_operation_give_up(engine, lane, sizeof **write);
    return -ENOMEM;
}

void wt_write_give(struct wt_engine_object *engine, struct wt_lane_object *lane, struct wt_write *write) {
    if (lane) {
        write->operation.next = lane->free_writes;
        lane->free_writes = &write->operation;
    } else {
        wt_lock(&engine->event_lock);
        write->operation.next = engine->free_writes;
        engine->free_writes = &write->operation;
        wt_unlock(&engine->event_lock);
    }
    wt_operation_give_up(engine, lane, sizeof *write);
}

struct wt_link *wt_link_take(struct wt_write *write) {
    if (!write->link.write) /* not in use */
        return &write->link;
    struct wt_engine_object *engine = write->inode->engine;
    wt_lock(&engine->free_lock);
    struct wt_link *link = engine->free_links;
    if (link)
        engine->free_links = link->next;
    wt_unlock(&engine->free_lock);
    return link ? link : malloc(sizeof *link);
}

void wt_link_give(struct wt_link *link) {
    if (link == &link->write->link)
        return; /* the write's own link is used once: another thread may be taking links for the write */
    struct wt_engine_object *engine = link->write->inode->engine;
    wt_lock(&engine->free_lock);
    link->next = engine->free_links;
    engine->free_links = link;
    wt_unlock(&engine->free_lock);
}

void wt_link_add(struct wt_folio *folio, struct wt_link *link) {
    link->previous = NULL;
    link->next = folio->links;
    if (link->next)
        link->next->previous = link;
    folio->links = link;
    atomic_fetch_add(&link->write->references, 1);
}

void wt_write_fail(struct wt_write *write, int error, uint64_t at) {
    int none = 0;
    atomic_compare_exchange_strong(&write->error, &none, error);
    uint64_t failed_at = atomic_load(&write->failed_at);
    while (at < failed_at && !atomic_compare_exchange_weak(&write->failed_at, &failed_at, at))
        ;
    if (!(write->flags & WT_APPEND))
        wt_inode_note_failed_end(write->inode, wt_end_of(write));
}
