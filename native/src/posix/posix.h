// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files as the kernel has them, for the backends: what carries an I/O, and what its result says. */
#ifndef WT_IO_POSIX_H
#define WT_IO_POSIX_H

#include <linux/ioprio.h>

#include "io/io.h"
#include "posix/flush.h"

/* The highest I/O priority that needs no privilege; the real-time class needs one. */
#define WT_POSIX_HIGH_PRIORITY ((uint16_t)IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 0))

/* 0 if the kernel lets this process make every call that all I/O needs, else -errno of a call that it refuses. */
int wt_posix_prove(void);

/* Opens a file for a backend. */
int wt_posix_open(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                  struct wt_backing **backing);
/* The descriptor that carries this I/O: direct, or buffered for through_page_cache. */
int wt_posix_descriptor(struct wt_io *io);
/* The RWF_* flags of this I/O, by what makes it stable. */
int wt_posix_rwf(const struct wt_io *io);

/*
 * Readies a wt_io that was handed over: nothing done, no error. How a write becomes stable is decided as for a ring that
 * has nothing else; a backend that knows more decides again.
 */
void wt_posix_begin(struct wt_io *io);
/* Does what is left of an I/O on the caller's thread. */
void wt_posix_run_left(struct wt_io *io);

/* wt_posix_open, but only of a file in which check finds no fault: check comes before a file is created for good. */
int wt_posix_open_checked(const char *path, uint32_t flags, uint32_t mode,
                          int (*check)(const struct wt_core_profile *profile, int fd), struct wt_backing **backing);

/*
 * Opens a file whose pages the kernel writes through. -EOPNOTSUPP: this kernel does not; only a file that is opened for
 * reading alone needs no such kernel.
 */
int wt_posix_open_through(const char *path, uint32_t flags, uint32_t mode, struct wt_backing **backing);

/*
 * Takes the result of one transfer, a count or -errno. True: the I/O is over, with done and error set. False: the
 * caller must send what is left of the I/O. -EINTR is sent again, as often as retry.h says; -EAGAIN is an error here.
 */
bool wt_posix_apply_result(struct wt_io *io, int64_t result);

/* What a backend keeps for the descriptor that carries an open file's direct I/O. Only the owner changes it. */
struct wt_posix_registration {
    int number;
    void *owner;                                     /* NULL: the backend keeps nothing */
    void (*release)(struct wt_posix_registration *); /* called when the file is closed, if there is an owner */
};

/* The registration of the descriptor that carries this I/O. NULL: another descriptor carries the I/O. */
struct wt_posix_registration *wt_posix_registration(struct wt_io *io);

/* The flushes of an open file on the rings that all threads share. */
struct wt_flush *wt_posix_flush(struct wt_backing *backing);

#endif
