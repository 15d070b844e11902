/*
 * The descriptors of this process as a library has to treat them: none of its own below 3, and none closed that would take the
 * application's locks along.
 */
#ifndef WT_DESCRIPTOR_H
#define WT_DESCRIPTOR_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Moves a descriptor that was just made above those of standard input, output and error: where the program was started without
 * them, what others print would go into it. Returns the descriptor from now on, or -errno, and then fd is closed. -errno as fd
 * is returned as it is.
 */
int wt_descriptor_above_standard(int fd);

/* open(2) that a signal does not end, of a descriptor above those of standard input, output and error; or -errno. */
int wt_descriptor_open(const char *path, int flags, mode_t mode);

/*
 * Closes a descriptor by which nothing was written: of a file that was only looked at, whose opening came to nothing, or which
 * has others open. The kernel drops all POSIX locks of a
 * process on a file when the process closes any descriptor of it. Where some part of the process may have such a lock the
 * descriptor is kept until the lock is gone, or until the library closes the file.
 */
void wt_descriptor_let_go(int fd);
/*
 * wt_descriptor_open of a file that is there. If one with this access mode is kept, it is given in place of a new one, to whom
 * may open the file: so no more are kept of a file than were open at a time.
 */
int wt_descriptor_open_file(const char *path, int flags, dev_t device, ino_t inode);
/* Whether any is kept, of whatever file: mostly not. */
bool wt_descriptor_any_kept(void);
/* The kept one alone, with these flags; 0, which is never one of the library's: there is none. */
int wt_descriptor_take_kept(dev_t device, ino_t inode, int flags);
/* The library has closed a descriptor of this file, and so what is kept of it protects no lock any more. */
void wt_descriptor_file_closed(dev_t device, ino_t inode);

/* This process was forked just now: what is kept is the parent's. */
void wt_descriptors_forked(void);

#endif
