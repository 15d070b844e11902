// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * System calls that are cut short by a signal: once more is tried, and where that never ends the error is told. On real files, with
 * the calls of the C library in between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "core.h"

enum { BLOCK = 4096, FOR_EVER = -1 };

enum call { NONE, WRITE, READ, TRUNCATE, ALLOCATE, DATASYNC, SYNC };

/* How often this call is yet to be cut short. */
static _Atomic enum call cut_call;
static atomic_int cuts;
static atomic_uint cut;

static bool is_cut(enum call call) {
    if (atomic_load(&cut_call) != call || atomic_load(&cuts) == 0) {
        return false;
    }
    if (atomic_load(&cuts) > 0) {
        atomic_fetch_sub(&cuts, 1);
    }
    atomic_fetch_add(&cut, 1);
    errno = EINTR;
    return true;
}

#define WRAP(type, name, call, parameters, arguments)                                                                  \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters {                                                                                    \
        return is_cut(call) ? -1 : __real_##name arguments;                                                            \
    }

WRAP(ssize_t, pwritev2, WRITE, (int fd, const struct iovec *iov, int count, off_t offset, int flags),
     (fd, iov, count, offset, flags))
WRAP(ssize_t, preadv2, READ, (int fd, const struct iovec *iov, int count, off_t offset, int flags),
     (fd, iov, count, offset, flags))
WRAP(int, ftruncate, TRUNCATE, (int fd, off_t size), (fd, size))
WRAP(int, fallocate, ALLOCATE, (int fd, int mode, off_t offset, off_t length), (fd, mode, offset, length))
WRAP(int, fdatasync, DATASYNC, (int fd), (fd))
WRAP(int, fsync, SYNC, (int fd), (fd))

static wt_engine engine;
static wt_file file;
static char path[512];

static int open_file(wt_file *opened) {
    return wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, opened);
}

static void open_place(void) {
    CHECK_OK(wt_engine_open(&(struct wt_engine_options){.backend = WT_BACKEND_THREADS}, &engine));
    snprintf(path, sizeof path, "%s/file", test_make_directory(test_directory(0)));
    CHECK_OK(open_file(&file));
    fill_at(file, 0, 1, 8 * BLOCK);
    CHECK_OK(wt_file_close(file)); /* nothing of it is cached any more */
    CHECK_OK(open_file(&file));
}

static int do_write(void) {
    static uint8_t bytes[BLOCK];
    int64_t result = write_at(file, 0, bytes, BLOCK);
    return result == BLOCK ? 0 : (int)result;
}

static int do_read(void) {
    uint8_t byte;
    int64_t result = read_at(file, 4 * BLOCK, &byte, 1);
    return result == 1 ? 0 : (int)result;
}

static int do_truncate(void) {
    return wt_truncate(file, 6 * BLOCK);
}

static int do_allocate(void) {
    return wt_allocate(file, 0, 16 * BLOCK);
}

static int do_sync(void) {
    return wt_sync(file);
}

static const struct {
    enum call call;
    int (*operation)(void);
} cases[] = {{WRITE, do_write},       {READ, do_read},         {TRUNCATE, do_truncate},
             {ALLOCATE, do_allocate}, {DATASYNC, do_truncate}, {SYNC, do_sync}};

TEST(a_call_that_a_signal_cuts_short_is_made_again) {
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        CONTEXT("case %u", i);
        open_place();
        atomic_store(&cut, 0);
        atomic_store(&cuts, 3);
        atomic_store(&cut_call, cases[i].call);
        CHECK_OK(cases[i].operation());
        CHECK_EQ(atomic_load(&cut), 3);
        CHECK_OK(wt_engine_close(engine));
    }
}

TEST(a_call_that_signals_cut_short_for_ever_fails) {
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        CONTEXT("case %u", i);
        open_place();
        atomic_store(&cuts, FOR_EVER);
        atomic_store(&cut_call, cases[i].call);
        CHECK_EQ(cases[i].operation(), -EINTR);
        atomic_store(&cut_call, NONE);
        CHECK_OK(cases[i].operation());
        CHECK_OK(wt_engine_close(engine));
    }
}
