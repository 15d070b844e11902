// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A kernel with one file system in memory, for the posix backing: the linker puts it in place of the system calls that lead to
 * paths below FAKE_ROOT and to descriptors of them. All others are the real kernel's.
 *
 * It has what real kernels have and a simulated backing has not: a page cache that the descriptors of a file share, an error
 * cursor for each open file description, sizes that change before they are stable, and a device with a volatile cache. One call
 * of a kind can be made to fail, once or from then on.
 */
#ifndef WT_FAKE_KERNEL_H
#define WT_FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_ROOT "/fake"
/* No file is larger. */
#define FAKE_FILE_BYTES ((size_t)256 << 10)
#define FAKE_PAGE 4096u

enum fake_call {
    FAKE_OPEN,
    FAKE_STATX,
    FAKE_STAT,
    FAKE_STATFS,
    FAKE_FCNTL,
    FAKE_FLOCK,
    FAKE_WRITE,
    FAKE_WRITE_DONE, /* a write that the page cache or the device has, and that fails all the same */
    FAKE_READ,
    FAKE_FDATASYNC,
    FAKE_FSYNC,
    FAKE_SYNCFS,
    FAKE_RANGE, /* sync_file_range */
    FAKE_ADVISE,
    FAKE_TRUNCATE,
    FAKE_ALLOCATE,
    FAKE_EXTENTS, /* ioctl */
    FAKE_SEEK,
    FAKE_RENAME,
    FAKE_LINK,
    FAKE_UNLINK,
    FAKE_CLOSE,
    /* Not calls, but what may fail behind them. */
    FAKE_WRITEBACK, /* of one page: the file has an error that each description is told once */
    FAKE_FLUSH,     /* of the device's cache: what it had is lost */
    FAKE_DEVICE,    /* dies at the call that would change something, and stays dead: EIO, and EROFS for metadata */
    FAKE_CALLS
};

extern const char *const fake_call_names[FAKE_CALLS];

/* The at-th call of the kind fails with error, from 1; for_good: and all later ones of the kind. at is 0: none does. */
struct fake_fault {
    enum fake_call call;
    unsigned at;
    int error;
    bool for_good;
};

/* Arms a fault and counts calls from 0 again. */
void fake_arm(struct fake_fault fault);
/* Calls of the kind since then. */
unsigned fake_count(enum fake_call call);
/* Whether the fault that was armed last has happened. */
bool fake_happened(void);

/* Where n writes through the page cache wait for each other, before each looks at its error cursor; one that stays alone goes
 * on after a while. 0: nowhere. */
void fake_meet(unsigned n);

/* Whether the file has this name now, and whether a power cut leaves it that name. */
bool fake_exists(const char *path);
bool fake_name_is_stable(const char *path);
/* What is on stable storage of the file at a path, by whatever name: false if it has none there. size or bytes may be NULL. */
bool fake_stable(const char *path, uint64_t *size, void *bytes, uint64_t offset, size_t length);
/* Descriptors that are open. */
unsigned fake_descriptors(void);

#endif
