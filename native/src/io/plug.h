// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A plug holds back I/O that a thread submits, so that several operations go to the backend in one call. Whatever
 * makes the thread wait (wait.h) sends the plug first: nobody waits for I/O that was not submitted.
 */
#ifndef WT_PLUG_H
#define WT_PLUG_H

#include "io/io.h"

struct wt_plug {
    struct wt_backend *backend;
    struct wt_io *list, **tail;
};

/*
 * From wt_plug_begin to wt_plug_end the submissions of this thread are held back. The plug is on the stack of the
 * caller.
 */
void wt_plug_begin(struct wt_plug *plug);
void wt_plug_end(struct wt_plug *plug);

/* Submits the list, or holds it back in the thread's plug. */
void wt_plug_submit(struct wt_backend *backend, struct wt_io *list);

/*
 * Sends the I/O that this thread holds back. The caller holds no lock that the end of an I/O needs. True: there was
 * some.
 */
bool wt_plug_send(void);
bool wt_plug_is_empty(void);

#endif
