/* Who holds a file: the process with flock(2) on it, as /proc/locks tells. For the message of a refused open. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "writethrough.h"

/* A line of /proc/locks that is a flock held (not waited for): "7: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF". */
static bool parse_lock(const char *line, long *pid, unsigned *major_number, unsigned *minor_number, uint64_t *inode) {
    char access[16];
    return sscanf(line, "%*d: FLOCK %*s %15s %ld %x:%x:%" SCNu64, access, pid, major_number, minor_number, inode) == 5;
}

struct candidates {
    long other, own; /* processes that have the file locked, 0: none */
    bool ambiguous;  /* there are several others */
};

static void add_candidate(struct candidates *candidates, long pid) {
    if (pid == getpid()) {
        candidates->own = pid;
        return;
    }
    candidates->ambiguous = candidates->ambiguous || (candidates->other && candidates->other != pid);
    candidates->other = pid;
}

/*
 * The process that has the file locked, another than this if there is one; 0: none that can be seen. btrfs has devices of
 * its own making, and stat(2) shows another than /proc/locks: then the inode's number has to do, as long as only one process
 * fits.
 */
static long find_holder(FILE *locks, const struct stat *stat, bool own_devices) {
    struct candidates exact = {0}, similar = {0};
    char line[256];
    while (fgets(line, sizeof line, locks)) {
        long pid = 0;
        unsigned major_number = 0, minor_number = 0;
        uint64_t inode = 0;
        if (!parse_lock(line, &pid, &major_number, &minor_number, &inode) || inode != stat->st_ino || pid <= 0)
            continue;
        bool same_device = makedev(major_number, minor_number) == stat->st_dev;
        add_candidate(same_device ? &exact : &similar, pid);
    }
    if (exact.other || exact.own)
        return exact.other ? exact.other : exact.own;
    if (!own_devices || similar.ambiguous || (similar.other && similar.own))
        return 0;
    return similar.other ? similar.other : similar.own;
}

/* Its command name; "" if it is gone or cannot be seen. */
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

int wt_file_holder(const char *path, struct wt_holder *holder) {
    struct stat file;
    struct statfs file_system;
    if (!path || !holder)
        return -EINVAL;
    memset(holder, 0, sizeof *holder);
    if (stat(path, &file) < 0 || statfs(path, &file_system) < 0)
        return -errno;
    FILE *locks = fopen("/proc/locks", "re");
    if (!locks)
        return -errno;
    long pid = find_holder(locks, &file, file_system.f_type == BTRFS_SUPER_MAGIC);
    (void)fclose(locks);
    if (pid == 0)
        return -ESRCH;
    holder->pid = (int32_t)pid;
    holder->own = pid == getpid();
    name_of(pid, holder->command, sizeof holder->command);
    return 0;
}
