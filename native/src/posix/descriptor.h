// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The descriptors of this process, as a library has to treat them: none of the library's own is below 3, and no close
 * drops locks of the application.
 */
#ifndef WT_DESCRIPTOR_H
#define WT_DESCRIPTOR_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Moves a descriptor that was just made above those of standard input, output and error. If the program was started
 * without these, other code would print into the library's file. Returns the descriptor to use from now on; or
 * -errno, and then fd is closed. If fd is -errno, returns it.
 */
int wt_descriptor_above_standard(int fd);

/* open(2) that a signal does not end. The descriptor is above those of standard input, output and error. Or -errno. */
int wt_descriptor_open(const char *path, int flags, mode_t mode);

/*
 * Closes a descriptor by which nothing was written: the file was only looked at, its opening came to nothing, or it
 * has other descriptors open.
 *
 * When a process closes any descriptor of a file, the kernel drops all POSIX locks of the process on that file. So
 * where some part of the process may have such a lock, the descriptor is kept until the lock is gone or the library
 * closes the file.
 */
void wt_descriptor_let_go(int fd);
/*
 * wt_descriptor_open of a file that exists. If a descriptor with this access mode is kept, and the caller may open
 * the file, the caller gets the kept one. So no more descriptors of a file are kept than were open at a time.
 */
int wt_descriptor_open_file(const char *path, int flags, dev_t device, ino_t inode);
/* Whether a descriptor of any file is kept; rarely. */
bool wt_descriptor_any_kept(void);
/*
 * The kept descriptor with these flags, and never a new one. 0, which is never a descriptor of the library: none is
 * kept.
 */
int wt_descriptor_take_kept(dev_t device, ino_t inode, int flags);
/* The library has closed a descriptor of this file, so the kept descriptors of the file protect no lock any more. */
void wt_descriptor_file_closed(dev_t device, ino_t inode);

/* This process was just forked: the kept descriptors are the parent's. */
void wt_descriptors_forked(void);

#endif
