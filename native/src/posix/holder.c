// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The process that holds a file, by flock(2), as /proc/locks tells. For the message of a refused open, and for an
 * open that meets the lock of a process that is gone.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "posix/holder.h"
#include "writethrough.h"

#define EXITING 0x4 /* PF_EXITING among the flags in /proc/PID/stat */

enum { LOOKS = 5 };

/* A line of /proc/locks that is a flock held (not waited for): "7: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF". */
static bool parse_lock(const char *line, long *pid, unsigned *major_number, unsigned *minor_number, uint64_t *inode) {
    char access[16];
    return sscanf(line, "%*d: FLOCK %*s %15s %ld %x:%x:%" SCNu64, access, pid, major_number, minor_number, inode) == 5;
}

/* Does the process have a descriptor of this file with a flock on it? No, where its descriptors may not be seen. */
static bool has_locked(long pid, const struct stat *file) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR *descriptors = opendir(path);
    if (!descriptors)
        return false;
    bool found = false;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread reads this stream. */
    for (struct dirent *entry = readdir(descriptors); entry && !found; entry = readdir(descriptors)) {
        struct stat other;
        if (fstatat(dirfd(descriptors), entry->d_name, &other, 0) < 0 || other.st_dev != file->st_dev ||
            other.st_ino != file->st_ino)
            continue;
        (void)snprintf(path, sizeof path, "/proc/%ld/fdinfo/%.20s", pid, entry->d_name);
        FILE *information = fopen(path, "re");
        char line[256];
        while (information && !found && fgets(line, sizeof line, information))
            found = strncmp(line, "lock:", 5) == 0 && strstr(line, "FLOCK");
        if (information)
            (void)fclose(information);
    }
    (void)closedir(descriptors);
    return found;
}

/*
 * The process that has the file locked, another one than this if there is one; 0: none that can be seen. btrfs and
 * overlayfs make up device numbers, and /proc/locks shows others than stat(2). There (`exact` is false) the
 * descriptors of each process with a lock are searched.
 */
static long find_in(FILE *locks, const struct stat *file, bool exact) {
    long own = 0, searched = 0; /* a process with many locks has them one after another, most times */
    char line[256];
    rewind(locks);
    while (fgets(line, sizeof line, locks)) {
        long pid = 0;
        unsigned major_number = 0, minor_number = 0;
        uint64_t inode = 0;
        if (!parse_lock(line, &pid, &major_number, &minor_number, &inode) || pid <= 0)
            continue;
        bool same = inode == file->st_ino && makedev(major_number, minor_number) == file->st_dev;
        if (exact ? !same : pid == searched || !has_locked(pid, file)) {
            searched = pid;
            continue;
        }
        if (pid != getpid())
            return pid;
        own = pid;
    }
    return own;
}

/*
 * The same by the table of the kernel's locks; -errno if that cannot be read. The kernel gives the table page by page, and
 * leaves out a lock that moves to an earlier page between two reads, as others are released. So one look that finds none
 * proves nothing.
 */
static long find_holder(const struct stat *file) {
    FILE *locks = fopen("/proc/locks", "re");
    if (!locks)
        return -errno;
    long pid = 0;
    for (unsigned i = 0; i < 2 * LOOKS && pid == 0; i++)
        pid = find_in(locks, file, i < LOOKS);
    (void)fclose(locks);
    return pid;
}

/* The command name of a process; "" if the process is gone or cannot be seen. */
static void name_of(long pid, char *command, size_t size) {
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *file = fopen(path, "re");
    command[0] = '\0';
    if (!file)
        return;
    if (fgets(command, (int)size, file))
        command[strcspn(command, "\n")] = '\0';
    (void)fclose(file);
}

/* The process is gone, or on its way. */
static bool is_ending(long pid) {
    char path[40], text[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT;
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    if (length == 0)
        return true; /* ended between the two */
    char state = 0;
    unsigned flags = 0;
    const char *after_name = strrchr(text, ')');
    if (!after_name || sscanf(after_name, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
        return false;
    return state == 'Z' || state == 'X' || (flags & EXITING);
}

bool wt_holder_is_gone(uint64_t device, uint64_t inode) {
    const struct stat file = {.st_dev = device, .st_ino = inode};
    long pid = find_holder(&file);
    if (pid < 0)
        return false;
    return pid == 0 || is_ending(pid); /* none: in a container a process that is gone has no number to be shown by */
}

int wt_file_holder(const char *path, struct wt_holder *holder) {
    struct stat file;
    if (!path || !holder)
        return -EINVAL;
    memset(holder, 0, sizeof *holder);
    if (stat(path, &file) < 0)
        return -errno;
    long pid = find_holder(&file);
    if (pid < 0)
        return (int)pid;
    if (pid == 0)
        return -ESRCH;
    holder->pid = (int32_t)pid;
    holder->own = pid == getpid();
    name_of(pid, holder->command, sizeof holder->command);
    return 0;
}
