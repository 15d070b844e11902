// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "posix/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/retry.h"

/* Of other locks between which one's own is looked for; of more it is taken to be there. */
#define LOCKS_LOOKED_AT 64

/* ---- above standard input, output and error ---------------------------------------------------------------------- */

int wt_descriptor_above_standard(int fd) {
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int rc = above < 0 ? -errno : above;
    (void)close(fd); /* the other one leads to the same */
    return rc;
}

int wt_descriptor_open(const char *path, int flags, mode_t mode) {
    int fd;
    uint32_t retries = 0;
    do {
        fd = open(path, flags, mode);
    } while (fd < 0 && wt_interrupted(&retries));
    return fd < 0 ? -errno : wt_descriptor_above_standard(fd);
}

/* ---- descriptors that are kept ----------------------------------------------------------------------------------- */

struct kept {
    int fd;
    int access_mode;
    dev_t device;
    ino_t inode;
    struct kept *next;
};

static struct wt_mutex kept_lock = WT_MUTEX_INITIALIZER(WT_LOCK_KEPT);
static struct kept *kept_list; /* under kept_lock */
static atomic_uint kept_count; /* mostly none, and then nobody takes the lock */

/* The lock may be held by a thread that the child has not got, and so are the locks that the descriptors protect. */
void wt_descriptors_forked(void) {
    wt_mutex_init(&kept_lock, WT_LOCK_KEPT);
    kept_list = NULL;
    atomic_store(&kept_count, 0);
}

/* The first lock of another owner than the descriptor that a lock of this type on from..to would meet. False: none. */
static bool find_lock(int fd, short type, uint64_t from, uint64_t to, struct flock *found) {
    *found = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)from};
    found->l_len = to == INT64_MAX ? 0 : (off_t)(to - from + 1);
    return fcntl(fd, F_OFD_GETLK, found) < 0 || found->l_type != F_UNLCK;
}

/*
 * Whether this process may have a POSIX lock on the file. The question is asked by a lock of the descriptor's own
 * (OFD), which has another owner than the process: so the kernel tells the process's locks as it tells another's. It
 * tells one lock; others lie before it or behind it.
 */
static bool may_have_lock(int fd) {
    struct {
        uint64_t from, to;
    } ranges[LOCKS_LOOKED_AT] = {{0, INT64_MAX}};
    unsigned count = 1;
    while (count > 0) {
        uint64_t from = ranges[count - 1].from, to = ranges[count - 1].to;
        struct flock found;
        count--;
        if (!find_lock(fd, F_WRLCK, from, to, &found)) {
            continue;
        }
        /* Own, or a shared one, which may hide an own one, or a file system that does not tell. */
        if (found.l_pid == getpid() || found.l_type != F_WRLCK || found.l_pid == 0 || count + 2 > LOCKS_LOOKED_AT) {
            return true;
        }
        uint64_t start = (uint64_t)found.l_start;
        uint64_t end = found.l_len == 0 ? INT64_MAX : start + (uint64_t)found.l_len - 1;
        if (start > from) {
            ranges[count].from = from;
            ranges[count++].to = start - 1;
        }
        if (end < to) {
            ranges[count].from = end + 1;
            ranges[count++].to = to;
        }
    }
    return false;
}

/* Closes those that are not needed, and those of the file, if there is one. With kept_lock. */
static void sweep(const struct stat *closed) {
    for (struct kept **at = &kept_list; *at != NULL;) {
        struct kept *kept = *at;
        bool is_of_closed = closed != NULL && kept->device == closed->st_dev && kept->inode == closed->st_ino;
        if (!is_of_closed && may_have_lock(kept->fd)) {
            at = &kept->next;
            continue;
        }
        *at = kept->next;
        (void)close(kept->fd); /* nothing was written by it */
        free(kept);
        atomic_fetch_sub(&kept_count, 1);
    }
}

void wt_descriptor_let_go(int fd) {
    struct stat stat;
    if (!may_have_lock(fd) || fstat(fd, &stat) < 0) {
        (void)close(fd); /* nothing was written by it */
        return;
    }
    struct kept *kept = malloc(sizeof *kept);
    if (kept == NULL) {
        return; /* a descriptor that stays open does less harm than a lost lock */
    }
    int flags = fcntl(fd, F_GETFL);
    *kept = (struct kept){.fd = fd, .access_mode = flags & O_ACCMODE, .device = stat.st_dev, .inode = stat.st_ino};
    wt_lock(&kept_lock);
    sweep(NULL);
    kept->next = kept_list;
    kept_list = kept;
    atomic_fetch_add(&kept_count, 1);
    wt_unlock(&kept_lock);
}

/* Takes the first of this file and access mode out of the list. With kept_lock. */
static int take_first(dev_t device, ino_t inode, int access_mode) {
    struct kept **at = &kept_list;
    while (*at != NULL && ((*at)->device != device || (*at)->inode != inode || (*at)->access_mode != access_mode)) {
        at = &(*at)->next;
    }
    struct kept *kept = *at;
    if (kept == NULL) {
        return 0;
    }
    int fd = kept->fd;
    *at = kept->next;
    free(kept);
    atomic_fetch_sub(&kept_count, 1);
    return fd;
}

bool wt_descriptor_any_kept(void) {
    return atomic_load_explicit(&kept_count, memory_order_relaxed) != 0;
}

int wt_descriptor_take_kept(dev_t device, ino_t inode, int flags) {
    if (!wt_descriptor_any_kept()) {
        return 0;
    }
    wt_lock(&kept_lock);
    int fd = take_first(device, inode, flags & O_ACCMODE);
    sweep(NULL);
    wt_unlock(&kept_lock);
    if (fd > 0) { /* takes what the cursor of writeback errors has of others' writes since it was kept */
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE);
    }
    if (fd > 0 && fcntl(fd, F_SETFL, flags & (O_DIRECT | O_NONBLOCK)) < 0) {
        int error = errno;
        wt_descriptor_let_go(fd);
        return -error;
    }
    return fd;
}

int wt_descriptor_open_file(const char *path, int flags, dev_t device, ino_t inode) {
    int fd = wt_descriptor_take_kept(device, inode, flags);
    if (fd == 0) {
        return wt_descriptor_open(path, flags, 0);
    }
    int access = (flags & O_ACCMODE) == O_RDONLY ? R_OK : R_OK | W_OK;
    if (fd > 0 && faccessat(AT_FDCWD, path, access, AT_EACCESS) < 0) {
        int error = errno;
        wt_descriptor_let_go(fd);
        return -error;
    }
    return fd;
}

void wt_descriptor_file_closed(dev_t device, ino_t inode) {
    if (!wt_descriptor_any_kept()) {
        return;
    }
    const struct stat closed = {.st_dev = device, .st_ino = inode};
    wt_lock(&kept_lock);
    sweep(&closed);
    wt_unlock(&kept_lock);
}
