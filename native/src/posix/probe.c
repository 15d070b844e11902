// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What a file system and its device promise: statx for direct I/O, statfs for who it is, sysfs for the device.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/retry.h"
#include "posix/descriptor.h"
#include "posix/probe.h"

/* A unit of direct I/O is at most a page; see wt_profile. */
#define BLOCK_BYTES_MAX 4096u
#define BLOCK_BYTES_MIN 512u

#define KERNEL_STATX_TYPE_MODE_INODE_SIZE 0x103u
#define KERNEL_STATX_DIOALIGN 0x2000u
#define KERNEL_STATX_MNT_ID_UNIQUE 0x4000u
#define KERNEL_STATX_WRITE_ATOMIC 0x10000u

#define MAGIC_HUGETLBFS 0x958458f6u
#define MAGIC_RAMFS 0x858458f6u
#define MAGIC_TMPFS 0x01021994u

static const struct {
    uint64_t magic;
    const char *name;
} file_systems[] = {
    {0xef53, "ext4"},         {0x58465342, "xfs"},      {0x9123683e, "btrfs"},
    {0xf2f52010, "f2fs"},     {0xca451a4e, "bcachefs"}, {0x2fc12fc1, "zfs"},
    {MAGIC_TMPFS, "tmpfs"},   {MAGIC_RAMFS, "ramfs"},   {MAGIC_HUGETLBFS, "hugetlbfs"},
    {0x794c7630, "overlay"},  {0x6969, "nfs"},          {0xff534d42, "cifs"},
    {0xfe534d42, "smb2"},     {0x65735546, "fuse"},     {0x01021997, "9p"},
    {0x00c36400, "ceph"},     {0x0bd00bd0, "lustre"},   {0x47504653, "gpfs"},
    {0x01161970, "gfs2"},     {0x7461636f, "ocfs2"},    {0x4d44, "vfat"},
    {0x2011bab0, "exfat"},    {0x7366746e, "ntfs3"},    {0x3153464a, "jfs"},
    {0x52654973, "reiserfs"}, {0x3434, "nilfs"},        {0xf15f, "ecryptfs"},
    {0x15013346, "udf"},      {0x9660, "iso9660"},      {0x73717368, "squashfs"},
    {0xe0f5e1e2, "erofs"},
};

/* ---- the device, from sysfs ------------------------------------------------------------------------------------ */

/* Reads an attribute of the block device, without its newline. -errno where there is none. */
static int read_attribute(const struct wt_core_profile *profile, const char *name, char *value, size_t capacity) {
    char path[128];
    int length = snprintf(path, sizeof path, "/sys/dev/block/%" PRIu32 ":%" PRIu32 "/%s", profile->device_major,
                          profile->device_minor, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return -ENAMETOOLONG;
    }
    int fd = wt_descriptor_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return fd;
    }
    ssize_t count = read(fd, value, capacity - 1);
    int error = count < 0 ? -errno : 0;
    (void)close(fd); /* was only read */
    if (error == 0) {
        value[count] = '\0';
        value[strcspn(value, "\n")] = '\0';
    }
    return error;
}

/* An attribute of the device's queue. A partition has none of its own: its disk's directory is one up. */
static int read_queue(const struct wt_core_profile *profile, const char *name, char *value, size_t capacity) {
    char attribute[64];
    static const char *const places[] = {"queue", "../queue"};
    int rc = -ENOENT;
    for (unsigned i = 0; i < 2 && rc < 0; i++) {
        int length = snprintf(attribute, sizeof attribute, "%s/%s", places[i], name);
        if (length < 0 || (size_t)length >= sizeof attribute) {
            return -ENAMETOOLONG;
        }
        rc = read_attribute(profile, attribute, value, capacity);
    }
    return rc;
}

/* A number of the queue, 0 where it is not known. */
static uint32_t read_queue_number(const struct wt_core_profile *profile, const char *name) {
    char value[32];
    if (read_queue(profile, name, value, sizeof value) < 0) {
        return 0;
    }
    unsigned long number = strtoul(value, NULL, 10);
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

bool wt_probe_polled(const struct wt_core_profile *profile) {
    return read_queue_number(profile, "io_poll") == 1;
}

/* The name of the disk: the last part of where /sys/dev/block points, for a partition the one before it. */
static void read_device_name(struct wt_core_profile *profile) {
    char link[64];
    char target[1024];
    char unused[32];
    int length = snprintf(link, sizeof link, "/sys/dev/block/%" PRIu32 ":%" PRIu32, profile->device_major,
                          profile->device_minor);
    if (length < 0 || (size_t)length >= sizeof link) {
        return;
    }
    ssize_t count = readlink(link, target, sizeof target - 1);
    if (count < 0) {
        return; /* an anonymous device, or no sysfs here */
    }
    target[count] = '\0';
    char *slash = strrchr(target, '/');
    if (slash != NULL && read_attribute(profile, "partition", unused, sizeof unused) == 0) {
        *slash = '\0';
        slash = strrchr(target, '/');
    }
    const char *name = slash != NULL ? slash + 1 : target;
    if (strlen(name) < sizeof profile->device_name) {
        memcpy(profile->device_name, name, strlen(name) + 1);
    }
}

/* Kernels since 4.11 tell both. What is told only in part is not relied on. */
static enum wt_disk_kind kind_of_disk(const struct wt_core_profile *profile) {
    char cache[32], fua[32];
    if (read_queue(profile, "write_cache", cache, sizeof cache) < 0) {
        return WT_DISK_UNKNOWN;
    }
    if (strcmp(cache, "write back") != 0) {
        return WT_DISK_WITHOUT_CACHE;
    }
    if (read_queue(profile, "fua", fua, sizeof fua) < 0) {
        return WT_DISK_UNKNOWN;
    }
    return strcmp(fua, "1") == 0 ? WT_DISK_WITH_FUA : WT_DISK_WITHOUT_FUA;
}

static void describe_device(struct wt_core_profile *profile) {
    profile->disk = WT_DISK_UNKNOWN;
    if (profile->device_major == 0) {
        return; /* anonymous: not one device, or none */
    }
    read_device_name(profile);
    profile->logical_block_bytes = read_queue_number(profile, "logical_block_size");
    profile->physical_block_bytes = read_queue_number(profile, "physical_block_size");
    profile->disk = kind_of_disk(profile);
}

/* ---- the file system ------------------------------------------------------------------------------------------- */

static int describe_file_system(int fd, struct wt_core_profile *profile) {
    struct statfs fs;
    int rc;
    uint32_t retries = 0;
    do {
        rc = fstatfs(fd, &fs);
    } while (rc < 0 && wt_interrupted(&retries));
    if (rc < 0) {
        return -errno;
    }
    memset(profile->fs_type, 0, sizeof profile->fs_type);
    profile->fs_magic = (uint64_t)fs.f_type & UINT32_MAX; /* f_type is signed and a magic may have its top bit set */
    profile->fs_block_bytes = fs.f_bsize > 0 && (uint64_t)fs.f_bsize <= UINT32_MAX ? (uint32_t)fs.f_bsize : UINT32_MAX;
    for (unsigned i = 0; i < sizeof file_systems / sizeof *file_systems; i++) {
        if (file_systems[i].magic == profile->fs_magic) {
            memcpy(profile->fs_type, file_systems[i].name, strlen(file_systems[i].name) + 1);
            return 0;
        }
    }
    (void)snprintf(profile->fs_type, sizeof profile->fs_type, "0x%" PRIx64, profile->fs_magic);
    return 0;
}

/*
 * What was looked at last, so that opening many files does not ask the file system and sysfs for each. It is kept
 * briefly, since a device's cache may be switched while it is in use.
 */
#define REMEMBERED 16u
#define REMEMBERED_SECONDS 1

static struct {
    struct wt_core_profile profile; /* of the file system and the device: the other fields are not filled in */
    uint64_t mount;
    time_t until;
} remembered[REMEMBERED];
static struct wt_mutex remembered_lock = WT_MUTEX_INITIALIZER(WT_LOCK_PROBED);

void wt_probe_forked(void) {
    wt_mutex_init(&remembered_lock, WT_LOCK_PROBED); /* a thread that the child has not got may hold it */
}

static unsigned place_of(uint64_t mount, const struct wt_core_profile *profile) {
    return (unsigned)((mount * 31 + profile->device_major) * 31 + profile->device_minor) % REMEMBERED;
}

static time_t seconds_now(void) {
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0 ? now.tv_sec : 0;
}

static bool recall(uint64_t mount, struct wt_core_profile *profile) {
    unsigned place = place_of(mount, profile);
    time_t now = seconds_now();
    wt_lock(&remembered_lock);
    const struct wt_core_profile *known = &remembered[place].profile;
    bool is_known = remembered[place].until > now && remembered[place].mount == mount &&
                    known->device_major == profile->device_major && known->device_minor == profile->device_minor;
    if (is_known) {
        *profile = *known;
    }
    wt_unlock(&remembered_lock);
    return is_known;
}

static void remember(uint64_t mount, const struct wt_core_profile *profile) {
    unsigned place = place_of(mount, profile);
    time_t until = seconds_now() + REMEMBERED_SECONDS;
    wt_lock(&remembered_lock);
    remembered[place].profile = *profile;
    remembered[place].mount = mount;
    remembered[place].until = until;
    wt_unlock(&remembered_lock);
}

/*
 * The file system and the device. mount: a number that no other mount ever has, and so no other file system. 0:
 * unknown, and then the file system is asked each time, since the device may have another one by now.
 */
static int describe_place(int fd, uint64_t mount, struct wt_core_profile *profile) {
    bool is_known = recall(mount, profile);
    if (!is_known || mount == 0) {
        int rc = describe_file_system(fd, profile);
        if (rc < 0) {
            return rc;
        }
    }
    if (!is_known) {
        describe_device(profile);
        remember(mount, profile);
    }
    return 0;
}

int wt_statx_at(int at, const char *path, int flags, struct wt_statx *stat) {
    struct stat plain;
    unsigned mask = KERNEL_STATX_TYPE_MODE_INODE_SIZE | KERNEL_STATX_DIOALIGN | KERNEL_STATX_MNT_ID_UNIQUE |
                    KERNEL_STATX_WRITE_ATOMIC;
    memset(stat, 0, sizeof *stat);
    if (syscall(SYS_statx, at, path, flags, mask, stat) == 0) {
        return 0;
    }
    int error = errno;
    memset(stat, 0, sizeof *stat);
    if (error != ENOSYS && error != EPERM) {
        return -error;
    }
    if (fstatat(at, path, &plain, flags) < 0) {
        return -errno;
    }
    stat->mode = (uint16_t)plain.st_mode;
    stat->inode = plain.st_ino;
    stat->size = (uint64_t)plain.st_size;
    stat->device_major = major(plain.st_dev);
    stat->device_minor = minor(plain.st_dev);
    return 0;
}

uint64_t wt_statx_mount(const struct wt_statx *stat) {
    return (stat->mask & KERNEL_STATX_MNT_ID_UNIQUE) != 0 ? stat->mount : 0;
}

/* ---- direct I/O ------------------------------------------------------------------------------------------------ */

/*
 * Finds out whether the file takes O_DIRECT. WT_YES: it does, and the descriptor now has that flag and no other.
 * WT_NO. WT_UNKNOWN: the descriptor tells nothing (O_PATH). -errno if something else stands against it.
 */
static int set_direct(int fd, uint32_t *takes) {
    int error = fcntl(fd, F_SETFL, O_DIRECT) < 0 ? errno : 0;
    *takes = error == 0 ? WT_YES : error == EINVAL ? WT_NO : WT_UNKNOWN;
    return error == EINVAL || error == EBADF ? 0 : -error;
}

static bool power_of_two(uint32_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

static uint32_t choose_path(const struct wt_core_profile *profile, bool alignment_known, uint32_t direct) {
    /* Kernels since 6.6 take O_DIRECT on tmpfs and use the page cache all the same. */
    if (profile->fs_magic == MAGIC_TMPFS || profile->fs_magic == MAGIC_RAMFS || profile->fs_magic == MAGIC_HUGETLBFS) {
        return WT_PATH_BUFFERED;
    }
    if (!power_of_two(profile->fs_block_bytes) || profile->fs_block_bytes > BLOCK_BYTES_MAX) {
        return WT_PATH_BUFFERED;
    }
    if (!alignment_known) {
        return direct == WT_YES ? WT_PATH_DIRECT : WT_PATH_BUFFERED;
    }
    bool aligned = power_of_two(profile->dio_offset_alignment) && profile->dio_offset_alignment <= BLOCK_BYTES_MAX &&
                   power_of_two(profile->dio_memory_alignment) && profile->dio_memory_alignment <= BLOCK_BYTES_MAX;
    return aligned && direct != WT_NO ? WT_PATH_DIRECT : WT_PATH_BUFFERED;
}

/*
 * The unit of direct I/O: a multiple of every alignment. The memory's too, since a segment begins at any block of a
 * folio. The file system's block, because a direct write of less than one is serialised by ext4 and xfs, and because
 * the last partial block goes through the page cache and must share no block with direct I/O. A device may claim a
 * larger physical block, as arrays do: that is a wish, not a need, and stops at a page.
 */
static uint32_t choose_block(const struct wt_core_profile *profile, bool alignment_known) {
    if (profile->path == WT_PATH_BUFFERED || !alignment_known) {
        return BLOCK_BYTES_MAX;
    }
    const uint32_t units[] = {profile->dio_offset_alignment, profile->dio_memory_alignment, profile->fs_block_bytes,
                              profile->logical_block_bytes, profile->physical_block_bytes};
    uint32_t block = BLOCK_BYTES_MIN;
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++) {
        while (block < units[i] && block < BLOCK_BYTES_MAX) {
            block *= 2;
        }
    }
    return block;
}

/*
 * Atomic writes are of whole blocks and by direct I/O: the kernel has no others. On overlayfs statx speaks of the
 * file below, and overlayfs' own file takes none.
 */
static void describe_atomic_writes(const struct wt_statx *stat, struct wt_core_profile *profile) {
    uint32_t max = stat->atomic_write_max;
    uint32_t min = stat->atomic_write_min > profile->block_bytes ? stat->atomic_write_min : profile->block_bytes;
    bool known = (stat->mask & KERNEL_STATX_WRITE_ATOMIC) != 0 && strcmp(profile->fs_type, "overlay") != 0;
    if (!known || profile->path != WT_PATH_DIRECT || max < min) {
        return;
    }
    uint32_t optimal = stat->atomic_write_max_optimal; /* 0: all that it takes */
    profile->atomic_write_min_bytes = min;
    profile->atomic_write_max_bytes = max;
    profile->atomic_write_optimal_bytes = optimal != 0 && optimal < max ? optimal : max;
    profile->atomic_write_max_segments = stat->atomic_write_segments_max;
}

/* Their files have no bytes of their own: what is read is made then, the size is 0, and a write is a command. */
static bool is_pseudo(uint64_t magic) {
    static const uint64_t magics[] = {
        0x9fa0,     /* proc */
        0x62656572, /* sysfs */
        0x64626720, /* debugfs */
        0x74726163, /* tracefs */
        0x27e0eb,   /* cgroup */
        0x63677270, /* cgroup2 */
        0x62656570, /* configfs */
        0x73636673, /* securityfs */
        0xf97cff8c, /* selinuxfs */
        0x43415d53, /* smackfs */
        0x5a3c69f0, /* apparmorfs */
        0x6165676c, /* pstore */
        0xde5e81e4, /* efivarfs */
        0xcafe4a11, /* bpf */
        0x42494e4d, /* binfmt_misc */
        0x6e736673, /* nsfs */
        0x65735543, /* fusectl */
        0x67596969, /* rpc_pipefs */
        0x6e667364, /* nfsd */
        0x07655821, /* resctrl */
        0xabba1974, /* xenfs */
        0x19800202, /* mqueue */
    };
    for (unsigned i = 0; i < sizeof magics / sizeof *magics; i++) {
        if (magics[i] == magic) {
            return true;
        }
    }
    return false;
}

void wt_describe_buffered(struct wt_core_profile *profile) {
    profile->path = WT_PATH_BUFFERED;
    profile->block_bytes = BLOCK_BYTES_MAX;
    profile->atomic_write_min_bytes = profile->atomic_write_max_bytes = 0;
    profile->atomic_write_optimal_bytes = profile->atomic_write_max_segments = 0;
}

int wt_describe(int fd, const struct wt_statx *stat, bool is_direct, struct wt_core_profile *profile) {
    memset(profile, 0, sizeof *profile);
    profile->device_major = stat->device_major;
    profile->device_minor = stat->device_minor;
    int rc = describe_place(fd, wt_statx_mount(stat), profile);
    if (rc == 0 && is_pseudo(profile->fs_magic)) {
        rc = -EOPNOTSUPP;
    }
    if (rc < 0) {
        return rc;
    }
    uint32_t takes_direct = WT_YES;
    rc = is_direct ? 0 : set_direct(fd, &takes_direct);
    if (rc < 0) {
        return rc;
    }
    bool alignment_known = (stat->mask & KERNEL_STATX_DIOALIGN) != 0;
    if (alignment_known) {
        profile->dio_memory_alignment = stat->dio_memory_alignment;
        profile->dio_offset_alignment = stat->dio_offset_alignment;
    }
    profile->path = choose_path(profile, alignment_known, takes_direct);
    profile->block_bytes = choose_block(profile, alignment_known);
    assert(power_of_two(profile->block_bytes) && profile->block_bytes <= BLOCK_BYTES_MAX);
    describe_atomic_writes(stat, profile);
    return 0;
}

int wt_check_kind(uint32_t mode) {
    if (S_ISDIR(mode)) {
        return -EISDIR;
    }
    return S_ISREG(mode) ? 0 : -EOPNOTSUPP;
}

/* ---- by path --------------------------------------------------------------------------------------------------- */

/*
 * A descriptor of what a file here is like: of the file, or of a nameless one in the directory, which leaves nothing
 * behind. -errno where that is not allowed or not possible.
 */
static int open_example(const char *path, const struct wt_statx *stat) {
    if (S_ISDIR(stat->mode)) {
        return wt_descriptor_open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    }
    return wt_descriptor_open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                                   makedev(stat->device_major, stat->device_minor), stat->inode);
}

/*
 * If statx tells the alignment of a file, nothing more need be known. Other files have to be opened: place is O_PATH.
 */
static int describe_by_example(const char *path, int place, struct wt_statx *stat, struct wt_core_profile *profile) {
    bool is_told = S_ISREG(stat->mode) && (stat->mask & KERNEL_STATX_DIOALIGN) != 0;
    int example = is_told ? -1 : open_example(path, stat);
    if (example < 0) { /* the place itself says less, and what it does not say is taken to be absent */
        return wt_describe(place, stat, false, profile);
    }
    int rc = wt_statx_at(example, "", AT_EMPTY_PATH, stat);
    rc = rc < 0 ? rc : wt_check_kind(stat->mode);
    rc = rc < 0 ? rc : wt_describe(example, stat, false, profile);
    wt_descriptor_let_go(example);
    return rc;
}

int wt_probe(const char *path, struct wt_profile *profile) {
    struct wt_statx stat;
    struct wt_core_profile found;
    if (path == NULL || profile == NULL) {
        return -EINVAL;
    }
    /* Asks for no permission, wakes no device, and its end takes no lock away. */
    int place = wt_descriptor_open(path, O_PATH | O_CLOEXEC, 0);
    if (place < 0) {
        return place;
    }
    int rc = wt_statx_at(place, "", AT_EMPTY_PATH, &stat);
    if (rc == 0 && !S_ISREG(stat.mode) && !S_ISDIR(stat.mode)) {
        rc = -EOPNOTSUPP;
    }
    rc = rc < 0 ? rc : describe_by_example(path, place, &stat, &found);
    (void)close(place);
    if (rc == 0) {
        wt_profile_tell(&found, profile);
    }
    return rc;
}
