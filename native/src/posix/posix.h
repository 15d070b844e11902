/* Files as the kernel has them, for the backends: what carries an I/O, and what its result says. */
#ifndef WT_IO_POSIX_H
#define WT_IO_POSIX_H

#include <linux/ioprio.h>

#include "io/io.h"
#include "posix/flush.h"

/* The highest that needs no privilege: the class of real time does. */
#define WT_POSIX_HIGH_PRIORITY ((uint16_t)IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 0))

/* 0 if the kernel lets this process make every call that I/O cannot do without, else -errno of one that it refuses. */
int wt_posix_prove(void);

/* Opens a file for a backend. */
int wt_posix_open(struct wt_backend *backend, const char *path, uint32_t flags, uint32_t mode,
                  struct wt_backing **backing);
/* The descriptor that carries this I/O: direct, or buffered for through_page_cache. */
int wt_posix_descriptor(struct wt_io *io);
/* The RWF_* flags of this I/O. */
int wt_posix_rwf(const struct wt_io *io);

/* Readies a wt_io that was handed over: nothing done, no error. */
void wt_posix_begin(struct wt_io *io);
/* Does what is left of one on the caller's thread. */
void wt_posix_run_rest(struct wt_io *io);

/* wt_posix_open of files that check finds no fault with: before one is created for good. */
int wt_posix_open_checked(const char *path, uint32_t flags, uint32_t mode,
                          int (*check)(const struct wt_profile *profile, int fd), struct wt_backing **backing);

/*
 * Takes the result of one transfer, a count or -errno. True: the I/O is over, with done and error set. False: what is
 * left of it must be sent again. -EINTR is sent again, as often as retry.h says; -EAGAIN is an error here.
 */
bool wt_posix_settle(struct wt_io *io, int64_t result);

/* What a backend has for the descriptor that carries an open file's direct I/O. Its owner alone changes it. */
struct wt_posix_slot {
    int number;
    void *owner;                             /* NULL: it has nothing */
    void (*release)(struct wt_posix_slot *); /* called when the file is closed, if there is an owner */
};

/* That of the descriptor that carries this I/O; NULL if the I/O goes by another. */
struct wt_posix_slot *wt_posix_slot(struct wt_io *io);

/* The flushes of an open file, and the descriptor that one goes by. */
struct wt_flush *wt_posix_flush(struct wt_backing *backing);
int wt_posix_flush_descriptor(const struct wt_flush *flush);

#endif
