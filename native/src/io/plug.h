/*
 * A plug holds back what a thread submits, so that several operations go to the backend in one call. Whatever makes the
 * thread wait (wait.h) sends it first: nobody waits for I/O that was not submitted.
 */
#ifndef WT_PLUG_H
#define WT_PLUG_H

#include "io/io.h"

struct wt_plug {
    struct wt_backend *backend;
    struct wt_io *list, **tail;
};

/* From here to wt_plug_end this thread's submissions are held back. The plug is on the stack of the caller. */
void wt_plug_begin(struct wt_plug *plug);
void wt_plug_end(struct wt_plug *plug);

/* Submits, or holds back. */
void wt_plug_submit(struct wt_backend *backend, struct wt_io *list);

/* Sends what this thread holds back, with no lock held that the end of an I/O needs. True: there was something. */
bool wt_plug_send(void);
bool wt_plug_is_empty(void);

#endif
