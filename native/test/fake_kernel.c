// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "fake_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "posix/probe.h"

#define PAGES (FAKE_FILE_BYTES / FAKE_PAGE)
#define NODES 8
#define NAMES 8
#define DESCRIPTORS 1024
#define MAGIC_EXT4 0xef53
#define DEVICE_MINOR 77u
/* So often one that should meet others looks for them. */
#define LOOKS_FOR_OTHERS 100000

const char *const fake_call_names[FAKE_CALLS] = {
    "open",      "statx", "stat",   "statfs",          "fcntl",     "flock",     "write",     "write-done", "read",
    "fdatasync", "fsync", "syncfs", "sync_file_range", "fadvise",   "ftruncate", "fallocate", "ioctl",      "lseek",
    "rename",    "link",  "unlink", "close",           "writeback", "flush",     "device",
};

/* ---- what there is ---------------------------------------------------------------------------------------------- */

struct page {
    bool cached, dirty;
};

struct node {
    bool is_directory;
    unsigned links, descriptions;
    uint64_t size, stable_size;
    struct page pages[PAGES];
    bool written[PAGES]; /* else a hole */
    uint8_t *cache;      /* of pages that are cached */
    uint8_t *device;     /* with its volatile cache */
    uint8_t *stable;
    unsigned error_count; /* of writeback */
    int error;
    bool error_seen; /* by any description */
};

struct description {
    unsigned references;
    struct node *node;
    int flags;
    int lock;
    unsigned errors_seen; /* the error cursor */
};

struct name {
    char text[32];
    struct node *node;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node root = {.is_directory = true};
static struct node nodes[NODES];
static struct name names[NAMES], stable_names[NAMES];
static struct description *descriptions[DESCRIPTORS];

static struct fake_fault armed;
static unsigned counts[FAKE_CALLS];
static bool happened, dead;
static unsigned meeting, arrived;

/* ---- faults ------------------------------------------------------------------------------------------------------ */

void fake_arm(struct fake_fault fault) {
    pthread_mutex_lock(&lock);
    armed = fault;
    memset(counts, 0, sizeof counts);
    happened = dead = false;
    pthread_mutex_unlock(&lock);
}

unsigned fake_count(enum fake_call call) {
    pthread_mutex_lock(&lock);
    unsigned count = counts[call];
    pthread_mutex_unlock(&lock);
    return count;
}

bool fake_happened(void) {
    pthread_mutex_lock(&lock);
    bool has = happened;
    pthread_mutex_unlock(&lock);
    return has;
}

void fake_meet(unsigned n) {
    pthread_mutex_lock(&lock);
    meeting = n;
    arrived = 0;
    pthread_mutex_unlock(&lock);
}

/* 0, or -errno of the fault. With the lock held. */
static int fault_of(enum fake_call call) {
    counts[call]++;
    bool is_it = armed.at != 0 && armed.call == call &&
                 (counts[call] == armed.at || (armed.for_good && counts[call] > armed.at));
    happened = happened || is_it;
    return is_it ? -armed.error : 0;
}

/* The same of a call that changes something on the device. */
static int fault_of_change(enum fake_call call, int error_of_dead) {
    int rc = fault_of(call);
    dead = dead || fault_of(FAKE_DEVICE) < 0;
    return rc < 0 ? rc : dead ? -error_of_dead : 0;
}

static int answer(int rc) {
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return rc;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The part of a path below the root: "" for itself. NULL: it is elsewhere. */
static const char *below_root(const char *path) {
    size_t length = strlen(FAKE_ROOT);
    if (strncmp(path, FAKE_ROOT, length) != 0 || (path[length] != '/' && path[length] != '\0')) {
        return NULL;
    }
    path += length;
    return path + strspn(path, "/");
}

static struct name *find_name(struct name *table, const char *text) {
    for (unsigned i = 0; i < NAMES; i++) {
        if (table[i].node != NULL && strcmp(table[i].text, text) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static struct node *find_node(const char *text) {
    struct name *name = find_name(names, text);
    return text[0] == '\0' ? &root : name != NULL ? name->node : NULL;
}

static int add_name(const char *text, struct node *node) {
    for (unsigned i = 0; i < NAMES; i++) {
        if (names[i].node == NULL) {
            (void)snprintf(names[i].text, sizeof names[i].text, "%s", text);
            names[i].node = node;
            node->links++;
            return 0;
        }
    }
    return -ENOSPC;
}

static struct node *new_node(void) {
    for (unsigned i = 0; i < NODES; i++) {
        struct node *node = &nodes[i];
        bool is_stable = false;
        for (unsigned n = 0; n < NAMES; n++) {
            is_stable = is_stable || stable_names[n].node == node;
        }
        if (node->links > 0 || node->descriptions > 0 || is_stable) {
            continue;
        }
        uint8_t *memory[] = {node->cache, node->device, node->stable};
        *node = (struct node){.cache = memory[0], .device = memory[1], .stable = memory[2]};
        if (node->cache == NULL) {
            node->cache = calloc(1, FAKE_FILE_BYTES);
            node->device = calloc(1, FAKE_FILE_BYTES);
            node->stable = calloc(1, FAKE_FILE_BYTES);
        }
        memset(node->device, 0, FAKE_FILE_BYTES);
        memset(node->stable, 0, FAKE_FILE_BYTES);
        return node;
    }
    return NULL;
}

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

static struct description *description_of(int fd) {
    return fd >= 0 && fd < DESCRIPTORS ? descriptions[fd] : NULL;
}

/* A number from the real kernel, so that there is no other of it. */
static int new_descriptor(struct description *description);

static int describe(struct node *node, int flags) {
    struct description *description = calloc(1, sizeof *description);
    if (description == NULL) {
        return -ENOMEM;
    }
    description->node = node;
    description->flags = flags & (O_ACCMODE | O_DIRECT | O_NONBLOCK | O_PATH);
    description->lock = LOCK_UN;
    /* An error that nobody was told yet is told to those who open the file later, too. */
    description->errors_seen = node->error_count - (node->error_count > 0 && !node->error_seen);
    node->descriptions++;
    return new_descriptor(description);
}

unsigned fake_descriptors(void) {
    unsigned count = 0;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < DESCRIPTORS; i++) {
        count += descriptions[i] != NULL;
    }
    pthread_mutex_unlock(&lock);
    return count;
}

/* ---- the page cache and the device ------------------------------------------------------------------------------- */

static size_t rest_of(const struct node *node, uint64_t offset, size_t length) {
    return offset >= node->size ? 0 : length < node->size - offset ? length : (size_t)(node->size - offset);
}

static void load(struct node *node, uint64_t page) {
    if (!node->pages[page].cached) {
        memcpy(node->cache + page * FAKE_PAGE, node->device + page * FAKE_PAGE, FAKE_PAGE);
        node->pages[page] = (struct page){.cached = true};
    }
}

/* Pages that the device refuses are clean and in the cache afterwards, as ext4 and xfs leave them. */
static void write_back(struct node *node, uint64_t offset, uint64_t length) {
    for (uint64_t page = offset / FAKE_PAGE; page < PAGES && page * FAKE_PAGE < offset + length; page++) {
        if (!node->pages[page].dirty) {
            continue;
        }
        node->pages[page].dirty = false;
        int rc = fault_of_change(FAKE_WRITEBACK, EIO);
        if (rc < 0) {
            node->error_count++;
            node->error = rc;
            node->error_seen = false;
            continue;
        }
        memcpy(node->device + page * FAKE_PAGE, node->cache + page * FAKE_PAGE, FAKE_PAGE);
    }
}

/* What file_check_and_advance_wb_err of the kernel does. */
static int check_cursor(struct description *description) {
    struct node *node = description->node;
    if (description->errors_seen == node->error_count) {
        return 0;
    }
    description->errors_seen = node->error_count;
    node->error_seen = true;
    return node->error;
}

static void drop_pages(struct node *node, uint64_t offset, uint64_t length) {
    for (uint64_t page = offset / FAKE_PAGE; page < PAGES && page * FAKE_PAGE < offset + length; page++) {
        node->pages[page].cached = node->pages[page].cached && node->pages[page].dirty;
    }
}

/* The cache is that of all files. A size is the affair of its own file's journal. */
static int flush_device(struct node *node) {
    int rc = fault_of_change(FAKE_FLUSH, EIO);
    for (unsigned i = 0; i < NODES; i++) {
        struct node *each = &nodes[i];
        if (each->device != NULL && rc < 0) {
            memcpy(each->device, each->stable, FAKE_FILE_BYTES);
            drop_pages(each, 0, FAKE_FILE_BYTES);
        } else if (each->device != NULL) {
            memcpy(each->stable, each->device, FAKE_FILE_BYTES);
        }
    }
    node->stable_size = rc < 0 ? node->stable_size : node->size;
    return rc;
}

/* With the lock, which the writer of pages lets go of meanwhile. */
static void meet_others(void) {
    arrived++;
    for (unsigned looks = 0; arrived < meeting && looks < LOOKS_FOR_OTHERS; looks++) {
        pthread_mutex_unlock(&lock);
        (void)sched_yield();
        pthread_mutex_lock(&lock);
    }
}

/* vfs_fsync_range. */
static int sync_range(struct description *description, uint64_t offset, uint64_t length, bool meets) {
    write_back(description->node, offset, length);
    if (meets && meeting > 0) {
        meet_others();
    }
    int rc = check_cursor(description);
    return rc < 0 ? rc : flush_device(description->node);
}

static int zero_range(struct node *node, uint64_t offset, uint64_t length) {
    if (offset >= FAKE_FILE_BYTES || length > FAKE_FILE_BYTES - offset) {
        return -EFBIG;
    }
    for (uint64_t at = offset; at < offset + length;) {
        uint64_t page = at / FAKE_PAGE, end = (page + 1) * FAKE_PAGE;
        end = end < offset + length ? end : offset + length;
        memset(node->device + at, 0, end - at);
        memset(node->cache + at, 0, end - at);
        node->written[page] = node->written[page] && end - at < FAKE_PAGE;
        at = end;
    }
    return 0;
}

static int set_size(struct node *node, uint64_t size) {
    if (size > FAKE_FILE_BYTES) {
        return -EFBIG;
    }
    uint64_t from = size < node->size ? size : node->size, to = size < node->size ? node->size : size;
    int rc = zero_range(node, from, to - from);
    node->size = size;
    return rc;
}

/* ---- transfers --------------------------------------------------------------------------------------------------- */

static size_t length_of(const struct iovec *iov, int count) {
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        length += iov[i].iov_len;
    }
    return length;
}

static bool is_direct(const struct description *description, const struct iovec *iov, int count, uint64_t offset,
                      int *error) {
    if ((description->flags & O_DIRECT) == 0) {
        return false;
    }
    bool aligned = offset % 512 == 0;
    for (int i = 0; i < count; i++) {
        aligned = aligned && (uintptr_t)iov[i].iov_base % 512 == 0 && iov[i].iov_len % 512 == 0;
    }
    *error = aligned ? 0 : -EINVAL;
    return true;
}

static void put_bytes(struct node *node, bool direct, uint64_t offset, const void *bytes, size_t length) {
    for (uint64_t at = offset; at < offset + length; at++) {
        uint64_t page = at / FAKE_PAGE;
        if (direct) {
            node->device[at] = ((const uint8_t *)bytes)[at - offset];
        } else {
            load(node, page);
            node->cache[at] = ((const uint8_t *)bytes)[at - offset];
            node->pages[page].dirty = true;
        }
        node->written[page] = true;
    }
}

static int64_t write_pages(struct description *description, const struct iovec *iov, int count, uint64_t offset,
                           int flags) {
    struct node *node = description->node;
    size_t length = length_of(iov, count);
    int error = 0;
    bool direct = is_direct(description, iov, count, offset, &error);
    if ((description->flags & O_ACCMODE) == O_RDONLY) {
        return -EBADF;
    }
    if (offset > FAKE_FILE_BYTES || length > FAKE_FILE_BYTES - offset) {
        return -EFBIG;
    }
    error = error < 0 ? error : fault_of(FAKE_WRITE);
    if (error < 0) {
        return error;
    }
    if (direct) {
        dead = dead || fault_of(FAKE_DEVICE) < 0;
        if (dead) {
            return -EIO;
        }
        write_back(node, offset, length);
        drop_pages(node, offset, length);
    }
    uint64_t at = offset;
    for (int i = 0; i < count; at += iov[i].iov_len, i++) {
        put_bytes(node, direct, at, iov[i].iov_base, iov[i].iov_len);
    }
    node->size = at > node->size ? at : node->size;
    error = fault_of(FAKE_WRITE_DONE);
    if (error == 0 && (flags & (RWF_DSYNC | RWF_SYNC)) != 0) {
        error = sync_range(description, offset, length, !direct);
    }
    return error < 0 ? error : (int64_t)length;
}

static int64_t read_pages(struct description *description, const struct iovec *iov, int count, uint64_t offset) {
    struct node *node = description->node;
    int error = 0;
    bool direct = is_direct(description, iov, count, offset, &error);
    error = error < 0 ? error : fault_of(FAKE_READ);
    if (error < 0) {
        return error;
    }
    size_t length = rest_of(node, offset, length_of(iov, count)), done = 0;
    if (direct) {
        write_back(node, offset, length);
    }
    for (int i = 0; i < count && done < length; i++) {
        uint8_t *to = iov[i].iov_base;
        for (size_t n = 0; n < iov[i].iov_len && done < length; n++, done++) {
            uint64_t at = offset + done;
            if (!direct) {
                load(node, at / FAKE_PAGE);
            }
            to[n] = direct ? node->device[at] : node->cache[at];
        }
    }
    return (int64_t)done;
}

/* ---- the calls --------------------------------------------------------------------------------------------------- */

/* Each is declared as the C library has it: the linker sends the core's calls here, and __real_ ones to the library. */
#define CALL(result, name, ...)                                                                                        \
    result __real_##name(__VA_ARGS__);                                                                                 \
    result __wrap_##name(__VA_ARGS__);                                                                                 \
    result __wrap_##name(__VA_ARGS__)

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);

static int new_descriptor(struct description *description) {
    int fd = __real_open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fd >= DESCRIPTORS) {
        free(description);
        return -EMFILE;
    }
    description->references++;
    descriptions[fd] = description;
    return fd;
}

static int open_node(struct node *node, const char *text, int flags) {
    if (node != NULL && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
        return -EEXIST;
    }
    if (node == NULL && (flags & O_CREAT) == 0) {
        return -ENOENT;
    }
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        node = new_node();
        return node != NULL ? describe(node, flags) : -ENOSPC;
    }
    if (node == NULL) {
        node = new_node();
        int rc = node != NULL ? add_name(text, node) : -ENOSPC;
        if (rc < 0) {
            return rc;
        }
    }
    if (!node->is_directory && (flags & O_DIRECTORY) != 0) {
        return -ENOTDIR;
    }
    return describe(node, flags);
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    mode_t mode = 0;
    int number = -1;
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    const char *text = below_root(path);
    pthread_mutex_lock(&lock);
    bool by_descriptor = sscanf(path, "/proc/thread-self/fd/%d", &number) == 1 && description_of(number) != NULL;
    if (text == NULL && !by_descriptor) {
        pthread_mutex_unlock(&lock);
        return __real_open(path, flags, mode);
    }
    int rc = fault_of(FAKE_OPEN);
    if (rc == 0 && by_descriptor) {
        rc = open_node(description_of(number)->node, "", flags);
    } else if (rc == 0) {
        rc = open_node(find_node(text), text, flags);
    }
    pthread_mutex_unlock(&lock);
    return answer(rc);
}

int __wrap_close(int fd);
int __wrap_close(int fd) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    int rc = 0;
    if (description != NULL) {
        rc = fault_of(FAKE_CLOSE);
        descriptions[fd] = NULL;
        if (--description->references == 0) {
            description->node->descriptions--;
            free(description);
        }
    }
    pthread_mutex_unlock(&lock);
    int closed = __real_close(fd);
    return rc < 0 ? answer(rc) : closed;
}

static void fill_stat(const struct node *node, struct stat *stat) {
    *stat = (struct stat){.st_dev = DEVICE_MINOR,
                          .st_ino = node->is_directory ? 1 : (ino_t)(node - nodes) + 2,
                          .st_mode = node->is_directory ? S_IFDIR | 0755 : S_IFREG | 0644,
                          .st_nlink = node->links,
                          .st_size = (off_t)node->size};
}

CALL(int, fstat, int fd, struct stat *stat) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    int rc = description != NULL ? fault_of(FAKE_STAT) : 0;
    if (description != NULL && rc == 0) {
        fill_stat(description->node, stat);
    }
    pthread_mutex_unlock(&lock);
    return description != NULL ? answer(rc) : __real_fstat(fd, stat);
}

/* The node at a path, or of at itself if that is "". NULL with *ours: there is none. */
static struct node *look_up(int at, const char *path, bool *ours) {
    struct description *description = description_of(at);
    const char *text = path[0] == '/' ? below_root(path) : description != NULL ? path : NULL;
    *ours = text != NULL;
    if (text == NULL) {
        return NULL;
    }
    return path[0] == '\0' ? description->node : find_node(text);
}

static int stat_at(enum fake_call call, const struct node *node, struct stat *stat) {
    int rc = fault_of(call);
    rc = rc < 0 ? rc : node == NULL ? -ENOENT : 0;
    if (rc == 0) {
        fill_stat(node, stat);
    }
    return rc;
}

CALL(int, fstatat, int at, const char *path, struct stat *stat, int flags) {
    bool ours;
    pthread_mutex_lock(&lock);
    const struct node *node = look_up(at, path, &ours);
    int rc = ours ? stat_at(FAKE_STAT, node, stat) : 0;
    pthread_mutex_unlock(&lock);
    return ours ? answer(rc) : __real_fstatat(at, path, stat, flags);
}

CALL(int, stat, const char *path, struct stat *stat) {
    bool ours;
    pthread_mutex_lock(&lock);
    const struct node *node = look_up(-1, path, &ours);
    int rc = ours ? stat_at(FAKE_STAT, node, stat) : 0;
    pthread_mutex_unlock(&lock);
    return ours ? answer(rc) : __real_stat(path, stat);
}

CALL(int, fstatfs, int fd, struct statfs *fs) {
    pthread_mutex_lock(&lock);
    bool ours = description_of(fd) != NULL;
    int rc = ours ? fault_of(FAKE_STATFS) : 0;
    if (ours && rc == 0) {
        *fs = (struct statfs){.f_type = MAGIC_EXT4, .f_bsize = FAKE_PAGE};
    }
    pthread_mutex_unlock(&lock);
    return ours ? answer(rc) : __real_fstatfs(fd, fs);
}

static int statx_at(const struct node *node, struct wt_statx *statx) {
    struct stat stat;
    int rc = stat_at(FAKE_STATX, node, &stat);
    if (rc == 0) {
        *statx = (struct wt_statx){.mask = 0x2307u, /* type, mode, links, inode, size, DIOALIGN */
                                   .mode = (uint16_t)stat.st_mode,
                                   .links = (uint32_t)stat.st_nlink,
                                   .inode = stat.st_ino,
                                   .size = (uint64_t)stat.st_size,
                                   .device_minor = DEVICE_MINOR,
                                   .dio_memory_alignment = 512,
                                   .dio_offset_alignment = 512};
    }
    return rc;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
    va_list arguments;
    long a[6];
    va_start(arguments, number);
    for (unsigned i = 0; i < 6; i++) {
        a[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    if (number == SYS_statx) {
        bool ours;
        pthread_mutex_lock(&lock);
        const struct node *node = look_up((int)a[0], (const char *)a[1], &ours);
        int rc = ours ? statx_at(node, (struct wt_statx *)a[4]) : 0;
        pthread_mutex_unlock(&lock);
        if (ours) {
            return answer(rc);
        }
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    if (description == NULL) {
        pthread_mutex_unlock(&lock);
        return __real_fcntl(fd, command, argument);
    }
    int rc = fault_of(FAKE_FCNTL);
    if (rc == 0 && command == F_SETFL) {
        description->flags =
            (description->flags & ~(O_DIRECT | O_NONBLOCK)) | ((int)argument & (O_DIRECT | O_NONBLOCK));
    } else if (rc == 0 && command == F_GETFL) {
        rc = description->flags;
    } else if (rc == 0 && command == F_OFD_GETLK) {
        ((struct flock *)argument)->l_type = F_UNLCK; /* nobody locks a file of this kernel */
    } else if (rc == 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC)) {
        rc = __real_fcntl(fd, F_DUPFD_CLOEXEC, argument);
        rc = rc < 0 ? -errno : rc;
        if (rc >= 0) {
            description->references++;
            descriptions[rc] = description;
        }
    }
    pthread_mutex_unlock(&lock);
    return answer(rc);
}

static int lock_description(struct description *description, int operation) {
    int wanted = operation & ~LOCK_NB;
    description->lock = LOCK_UN; /* a conversion lets go first */
    for (unsigned i = 0; i < DESCRIPTORS && wanted != LOCK_UN; i++) {
        const struct description *other = descriptions[i];
        if (other != NULL && other != description && other->node == description->node && other->lock != LOCK_UN &&
            (wanted == LOCK_EX || other->lock == LOCK_EX)) {
            return -EWOULDBLOCK;
        }
    }
    description->lock = wanted;
    return 0;
}

CALL(int, flock, int fd, int operation) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    int rc = description != NULL ? fault_of(FAKE_FLOCK) : 0;
    if (description != NULL && rc == 0) {
        rc = lock_description(description, operation);
    }
    pthread_mutex_unlock(&lock);
    return description != NULL ? answer(rc) : __real_flock(fd, operation);
}

static int64_t write_fake(int fd, const struct iovec *iov, int count, off_t offset, int flags, bool *ours) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    *ours = description != NULL;
    int64_t rc = *ours ? write_pages(description, iov, count, (uint64_t)offset, flags) : 0;
    pthread_mutex_unlock(&lock);
    errno = rc < 0 ? (int)-rc : errno;
    return rc < 0 ? -1 : rc;
}

CALL(ssize_t, pwritev2, int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    bool ours;
    int64_t rc = write_fake(fd, iov, count, offset, flags, &ours);
    return ours ? rc : __real_pwritev2(fd, iov, count, offset, flags);
}

CALL(ssize_t, pwritev, int fd, const struct iovec *iov, int count, off_t offset) {
    bool ours;
    int64_t rc = write_fake(fd, iov, count, offset, 0, &ours);
    return ours ? rc : __real_pwritev(fd, iov, count, offset);
}

static int64_t read_fake(int fd, const struct iovec *iov, int count, off_t offset, bool *ours) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    *ours = description != NULL;
    int64_t rc = *ours ? read_pages(description, iov, count, (uint64_t)offset) : 0;
    pthread_mutex_unlock(&lock);
    errno = rc < 0 ? (int)-rc : errno;
    return rc < 0 ? -1 : rc;
}

CALL(ssize_t, preadv2, int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    bool ours;
    int64_t rc = read_fake(fd, iov, count, offset, &ours);
    return ours ? rc : __real_preadv2(fd, iov, count, offset, flags);
}

CALL(ssize_t, preadv, int fd, const struct iovec *iov, int count, off_t offset) {
    bool ours;
    int64_t rc = read_fake(fd, iov, count, offset, &ours);
    return ours ? rc : __real_preadv(fd, iov, count, offset);
}

static int sync_file(int fd, enum fake_call call, bool *ours) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    *ours = description != NULL;
    int rc = *ours ? fault_of(call) : 0;
    if (*ours && rc == 0 && description->node->is_directory) {
        memcpy(stable_names, names, sizeof names);
    } else if (*ours && rc == 0) {
        rc = sync_range(description, 0, FAKE_FILE_BYTES, false);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

CALL(int, fdatasync, int fd) {
    bool ours;
    int rc = sync_file(fd, FAKE_FDATASYNC, &ours);
    return ours ? answer(rc) : __real_fdatasync(fd);
}

CALL(int, fsync, int fd) {
    bool ours;
    int rc = sync_file(fd, FAKE_FSYNC, &ours);
    return ours ? answer(rc) : __real_fsync(fd);
}

CALL(int, syncfs, int fd) {
    bool ours;
    int rc = sync_file(fd, FAKE_SYNCFS, &ours);
    pthread_mutex_lock(&lock);
    if (ours && rc == 0) {
        memcpy(stable_names, names, sizeof names);
    }
    pthread_mutex_unlock(&lock);
    return ours ? answer(rc) : __real_syncfs(fd);
}

CALL(int, sync_file_range, int fd, off_t offset, off_t length, unsigned flags) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    int rc = description != NULL ? fault_of(FAKE_RANGE) : 0;
    uint64_t bytes = length == 0 ? FAKE_FILE_BYTES : (uint64_t)length;
    if (description != NULL && rc == 0 && (flags & SYNC_FILE_RANGE_WRITE) != 0) {
        write_back(description->node, (uint64_t)offset, bytes);
    }
    if (description != NULL && rc == 0 && (flags & (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER)) != 0) {
        rc = check_cursor(description);
    }
    pthread_mutex_unlock(&lock);
    return description != NULL ? answer(rc) : __real_sync_file_range(fd, offset, length, flags);
}

CALL(int, posix_fadvise, int fd, off_t offset, off_t length, int advice) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    int rc = description != NULL ? fault_of(FAKE_ADVISE) : 0;
    if (description != NULL && rc == 0 && advice == POSIX_FADV_DONTNEED) {
        drop_pages(description->node, (uint64_t)offset, length == 0 ? FAKE_FILE_BYTES : (uint64_t)length);
    }
    pthread_mutex_unlock(&lock);
    return description != NULL ? -rc : __real_posix_fadvise(fd, offset, length, advice);
}

CALL(int, ftruncate, int fd, off_t size) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    int rc = description != NULL ? fault_of_change(FAKE_TRUNCATE, EROFS) : 0;
    if (description != NULL && rc == 0) {
        rc = set_size(description->node, (uint64_t)size);
    }
    pthread_mutex_unlock(&lock);
    return description != NULL ? answer(rc) : __real_ftruncate(fd, size);
}

static int allocate(struct node *node, int mode, uint64_t offset, uint64_t length) {
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) {
        return -EOPNOTSUPP;
    }
    if (mode != 0) {
        write_back(node, offset, length);
        return zero_range(node, offset, length);
    }
    return offset + length > node->size ? set_size(node, offset + length) : 0;
}

CALL(int, fallocate, int fd, int mode, off_t offset, off_t length) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    int rc = description != NULL ? fault_of_change(FAKE_ALLOCATE, EROFS) : 0;
    if (description != NULL && rc == 0) {
        rc = allocate(description->node, mode, (uint64_t)offset, (uint64_t)length);
    }
    pthread_mutex_unlock(&lock);
    return description != NULL ? answer(rc) : __real_fallocate(fd, mode, offset, length);
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    bool ours = description_of(fd) != NULL;
    int rc = ours ? fault_of(FAKE_EXTENTS) : 0;
    pthread_mutex_unlock(&lock);
    return ours ? answer(rc < 0 ? rc : -EOPNOTSUPP) : __real_ioctl(fd, request, argument); /* holes by lseek alone */
}

static off_t seek(const struct node *node, off_t offset, int whence) {
    uint64_t at = (uint64_t)offset;
    if (whence == SEEK_END) {
        return (off_t)node->size;
    }
    if (at >= node->size) {
        return -ENXIO;
    }
    while (at < node->size && node->written[at / FAKE_PAGE] != (whence == SEEK_DATA)) {
        at = (at / FAKE_PAGE + 1) * FAKE_PAGE;
    }
    at = at < node->size ? at : node->size;
    return whence == SEEK_DATA && at == node->size ? -ENXIO : (off_t)at;
}

CALL(off_t, lseek, int fd, off_t offset, int whence) {
    pthread_mutex_lock(&lock);
    struct description *description = description_of(fd);
    off_t rc = description != NULL ? fault_of(FAKE_SEEK) : 0;
    if (description != NULL && rc == 0) {
        rc = seek(description->node, offset, whence);
    }
    pthread_mutex_unlock(&lock);
    if (description == NULL) {
        return __real_lseek(fd, offset, whence);
    }
    errno = rc < 0 ? (int)-rc : errno;
    return rc < 0 ? -1 : rc;
}

static int move_name(const char *from, const char *to, bool replace) {
    struct name *old = find_name(names, from), *taken = find_name(names, to);
    if (old == NULL) {
        return -ENOENT;
    }
    if (taken != NULL && !replace) {
        return -EEXIST;
    }
    if (taken != NULL) {
        taken->node->links--;
        taken->node = NULL;
    }
    (void)snprintf(old->text, sizeof old->text, "%s", to);
    return 0;
}

static int rename_path(const char *from, const char *to, bool replace) {
    pthread_mutex_lock(&lock);
    int rc = fault_of_change(FAKE_RENAME, EROFS);
    rc = rc < 0 ? rc : move_name(below_root(from), below_root(to), replace);
    pthread_mutex_unlock(&lock);
    return rc;
}

CALL(int, rename, const char *from, const char *to) {
    return below_root(from) != NULL ? answer(rename_path(from, to, true)) : __real_rename(from, to);
}

CALL(int, renameat2, int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    return below_root(from) != NULL ? answer(rename_path(from, to, (flags & RENAME_NOREPLACE) == 0))
                                    : __real_renameat2(from_at, from, to_at, to, flags);
}

CALL(int, link, const char *from, const char *to) {
    if (below_root(from) == NULL) {
        return __real_link(from, to);
    }
    pthread_mutex_lock(&lock);
    int rc = fault_of_change(FAKE_LINK, EROFS);
    struct node *node = find_node(below_root(from));
    if (rc == 0) {
        rc = node == NULL ? -ENOENT : find_node(below_root(to)) != NULL ? -EEXIST : add_name(below_root(to), node);
    }
    pthread_mutex_unlock(&lock);
    return answer(rc);
}

CALL(int, unlink, const char *path) {
    if (below_root(path) == NULL) {
        return __real_unlink(path);
    }
    pthread_mutex_lock(&lock);
    int rc = fault_of_change(FAKE_UNLINK, EROFS);
    struct name *name = find_name(names, below_root(path));
    if (rc == 0 && name == NULL) {
        rc = -ENOENT;
    } else if (rc == 0) {
        name->node->links--;
        name->node = NULL;
    }
    pthread_mutex_unlock(&lock);
    return answer(rc);
}

/* ---- what is stable ---------------------------------------------------------------------------------------------- */

bool fake_exists(const char *path) {
    pthread_mutex_lock(&lock);
    bool exists = find_name(names, below_root(path)) != NULL;
    pthread_mutex_unlock(&lock);
    return exists;
}

bool fake_name_is_stable(const char *path) {
    pthread_mutex_lock(&lock);
    const struct name *name = find_name(names, below_root(path)), *stable = find_name(stable_names, below_root(path));
    bool is_stable = name != NULL && stable != NULL && name->node == stable->node;
    pthread_mutex_unlock(&lock);
    return is_stable;
}

bool fake_stable(const char *path, uint64_t *size, void *bytes, uint64_t offset, size_t length) {
    bool is_stable = false;
    pthread_mutex_lock(&lock);
    const struct name *name = find_name(names, below_root(path));
    for (unsigned i = 0; name != NULL && i < NAMES; i++) {
        is_stable = is_stable || stable_names[i].node == name->node;
    }
    if (is_stable && size != NULL) {
        *size = name->node->stable_size;
    }
    if (is_stable && bytes != NULL) {
        memcpy(bytes, name->node->stable + offset, length);
    }
    pthread_mutex_unlock(&lock);
    return is_stable;
}
