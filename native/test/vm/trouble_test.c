// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Disks that fail and file systems that refuse, in the machine (guest/trouble prepares it): the caller is told which error
 * it was, what was acknowledged stays, and other files go on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core.h"

enum { BLOCK = 4096, ROOM = 256 * BLOCK, BAD = 100 * BLOCK, SECTOR = 512 };

/* ---- the place ------------------------------------------------------------------------------------------------------- */

static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        SKIP("%s is not set: only for the machine, see guest/trouble", name);
    }
    return value;
}

__attribute__((format(printf, 1, 2))) static void command(const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (system(text) != 0) {
        test_fail(__FILE__, __LINE__, "command failed: %s", text);
    }
}

static wt_engine open_engine(uint32_t backend) {
    const struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = backend};
    wt_engine engine = 0;
    CHECK_OK(wt_engine_open(&options, &engine));
    return engine;
}

static int try_open(wt_engine engine, const char *directory, const char *name, wt_file *file) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, WT_DURABILITY_DSYNC, file);
}

/* A file of ROOM written bytes, all of one value. */
static wt_file make_file(wt_engine engine, const char *directory, const char *name, int value) {
    wt_file file = 0;
    CHECK_OK(try_open(engine, directory, name, &file));
    fill_at(file, 0, value, ROOM);
    return file;
}

static int64_t write_value(wt_file file, uint64_t offset, int value, size_t length, uint64_t *stable) {
    static uint8_t bytes[ROOM];
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    return wt_write(file, &iov, 1, offset, WT_DURABILITY_FILE, stable);
}

/* As an ordinary descriptor reads it, from the device. */
static void check_disk(const char *directory, const char *name, uint64_t offset, int value, size_t length) {
    char path[600];
    uint8_t *bytes = malloc(length);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && bytes != NULL);
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    CHECK_EQ(pread(fd, bytes, length, (off_t)offset), length);
    for (size_t i = 0; i < length; i++) {
        CHECK_EQ(bytes[i], value);
    }
    CHECK(close(fd) == 0);
    free(bytes);
}

/* ---- the disk under it, a table of the device mapper ----------------------------------------------------------------- */

/* Sets the table of the disk under the bad directory; the file system is not asked to come to rest for it. */
__attribute__((format(printf, 1, 2))) static void set_table(const char *format, ...) {
    char table[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(table, sizeof table, format, arguments);
    va_end(arguments);
    const char *name = setting("WT_BAD_DM");
    command("dmsetup suspend --noudevsync --nolockfs %s && printf '%s' | dmsetup reload %s && dmsetup resume "
            "--noudevsync %s",
            name, table, name, name);
}

static unsigned long sectors(void) {
    return strtoul(setting("WT_BAD_SECTORS"), NULL, 10);
}

static void heal_disk(void) {
    set_table("0 %lu linear %s 0\\n", sectors(), setting("WT_BAD_DISK"));
}

static unsigned long sector_of(const char *directory, const char *name, uint64_t offset) {
    struct {
        struct fiemap map;
        struct fiemap_extent extent;
    } request = {.map = {.fm_start = offset, .fm_length = 1, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = 1}};
    char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(ioctl(fd, FS_IOC_FIEMAP, &request.map) == 0);
    CHECK_EQ(request.map.fm_mapped_extents, 1);
    CHECK(close(fd) == 0);
    return (unsigned long)((request.extent.fe_physical + offset - request.extent.fe_logical) / SECTOR);
}

static void break_block(const char *directory, const char *name, uint64_t offset) {
    const char *disk = setting("WT_BAD_DISK");
    unsigned long bad = sector_of(directory, name, offset);
    unsigned long after = bad + BLOCK / SECTOR;
    set_table("0 %lu linear %s 0\\n%lu %d error\\n%lu %lu linear %s %lu\\n", bad, disk, bad, BLOCK / SECTOR, after,
              sectors() - after, disk, after);
}

static void each_backend(void (*test)(wt_engine, const char *bad, const char *good)) {
    const char *only = getenv("WT_ONLY_BACKEND"); /* a number */
    const uint32_t backends[] = {only != NULL ? (uint32_t)atoi(only) : WT_BACKEND_THREADS, WT_BACKEND_AUTO};
    const char *bad = setting("WT_BAD_DIR");
    const char *good = setting("WT_GOOD_DIR");
    for (unsigned i = 0; i < (only != NULL ? 1 : 2); i++) {
        CONTEXT("backend %u in %s", backends[i], bad);
        wt_engine engine = open_engine(backends[i]);
        test(engine, bad, good);
        CHECK_OK(wt_engine_close(engine));
    }
}

/* ---- errors of the disk ---------------------------------------------------------------------------------------------- */

static int64_t write_async(wt_engine engine, wt_file file, uint64_t offset, uint64_t *stable) {
    static uint8_t bytes[BLOCK];
    struct iovec iov = {bytes, sizeof bytes};
    struct wt_event event;
    memset(bytes, 9, sizeof bytes);
    CHECK_OK(wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_DSYNC, 0, 1));
    CHECK_EQ(wt_reap(engine, &event, 1, -1), 1);
    *stable = event.stable_bytes;
    return event.result;
}

static void bad_block(wt_engine engine, const char *bad, const char *good) {
    uint64_t stable = 1;
    wt_file file = make_file(engine, bad, "file", 1);
    wt_file other = make_file(engine, good, "file", 1);
    break_block(bad, "file", BAD);

    CHECK_EQ(write_value(file, BAD, 2, BLOCK, &stable), -EIO);
    CHECK_EQ(stable, 0);
    CHECK_EQ(write_async(engine, file, BAD, &stable), -EIO);
    CHECK_EQ(stable, 0);
    CHECK_EQ(write_value(file, BAD - 2 * BLOCK, 2, 5 * BLOCK, &stable), -EIO);
    CHECK(stable <= 2 * BLOCK);
    uint8_t byte = 0;
    CHECK_EQ(read_at(file, BAD, &byte, 1), -EIO);

    fill_at(file, BAD - BLOCK, 3, BLOCK);
    fill_at(file, BAD + BLOCK, 3, BLOCK);
    fill_at(other, 0, 3, ROOM);
    check_filled(file, BAD - BLOCK, 3, BLOCK);

    heal_disk();
    check_filled(file, BAD, 1, BLOCK);
    check_disk(bad, "file", BAD, 1, BLOCK);
    check_disk(bad, "file", BAD - BLOCK, 3, BLOCK);
    fill_at(file, BAD, 4, BLOCK);
    check_disk(bad, "file", BAD, 4, BLOCK);
    check_disk(good, "file", 0, 3, ROOM);
}

TEST(a_block_that_the_disk_refuses_fails_its_own_writes_and_no_others) {
    each_backend(bad_block);
}

/* Reads work, writes do not: what is read afterwards is what the disk has. */
static void refused_writes(wt_engine engine, const char *bad, const char *good) {
    uint64_t stable = 1;
    wt_file file = make_file(engine, bad, "file", 1);
    wt_file other = make_file(engine, good, "file", 1);
    set_table("0 %lu flakey %s 0 0 3600 1 error_writes\\n", sectors(), setting("WT_BAD_DISK"));

    CHECK_EQ(write_value(file, BAD, 2, BLOCK, &stable), -EIO);
    CHECK_EQ(write_value(file, 10, 2, 100, &stable), -EIO);
    CHECK_EQ(stable, 0);
    check_filled(file, BAD, 1, BLOCK);
    check_filled(file, 0, 1, BLOCK);
    fill_at(other, 0, 2, ROOM);

    heal_disk();
    check_disk(bad, "file", 0, 1, ROOM);
    fill_at(file, 0, 3, ROOM);
    check_disk(bad, "file", 0, 3, ROOM);
}

TEST(a_read_after_a_refused_write_shows_what_the_disk_has) {
    each_backend(refused_writes);
}

/* Last of these: the file system does not survive it, and is mounted anew. */
static void lost_disk(wt_engine engine, const char *bad, const char *good) {
    uint64_t stable = 1;
    wt_file file = make_file(engine, bad, "file", 1);
    wt_file other = make_file(engine, good, "file", 1);
    fill_at(file, 0, 5, ROOM);
    set_table("0 %lu error\\n", sectors());

    CHECK_EQ(write_value(file, BAD, 2, BLOCK, &stable), -EIO);
    CHECK_EQ(stable, 0);
    CHECK(write_value(file, ROOM, 2, 100, &stable) < 0);
    CHECK_EQ(wt_size(file), ROOM);
    int cut = wt_truncate(file, 10);
    CHECK(cut == -EIO || cut == -EROFS); /* ext4 is read-only from its first error in the journal on */
    fill_at(other, 0, 2, ROOM);
    CHECK_OK(wt_file_close(file));

    heal_disk();
    command("umount %s && mount %s", bad, setting("WT_BAD_MOUNT"));
    check_disk(bad, "file", 0, 5, ROOM);
    file = 0;
    CHECK_OK(try_open(engine, bad, "file", &file));
    CHECK_EQ(wt_size(file), ROOM);
    check_filled(file, 0, 5, ROOM);
    fill_at(file, 0, 6, ROOM);
    CHECK_OK(wt_file_close(file));
}

TEST(what_was_acknowledged_is_there_when_a_lost_disk_comes_back) {
    each_backend(lost_disk);
}

/* ---- file systems that refuse ---------------------------------------------------------------------------------------- */

/* What the kernel tells an ordinary program of the same write. */
static int ordinary_error(const char *directory, const char *name, uint64_t offset, int open_flags) {
    static uint8_t bytes[BLOCK] __attribute__((aligned(BLOCK)));
    struct iovec iov = {bytes, sizeof bytes};
    char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, open_flags | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int result = pwritev2(fd, &iov, 1, (off_t)offset, RWF_DSYNC) < 0 ? -errno : 0;
    CHECK(close(fd) == 0);
    return result;
}

static void file_system_gave_up(wt_engine engine, const char *bad, const char *good) {
    uint64_t stable = 1;
    wt_file file = make_file(engine, bad, "file", 1);
    wt_file other = make_file(engine, good, "file", 1);
    char path[600];
    snprintf(path, sizeof path, "%s/file", bad);
    int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    CHECK(fd >= 0);
    command("%s", setting("WT_BAD_GIVE_UP"));

    static uint8_t bytes[BLOCK] __attribute__((aligned(BLOCK)));
    struct iovec iov = {bytes, sizeof bytes};
    memset(bytes, 1, sizeof bytes);
    int expected = pwritev2(fd, &iov, 1, 0, RWF_DSYNC) < 0 ? -errno : BLOCK;
    CHECK(close(fd) == 0);
    CHECK_EQ(write_value(file, 0, 1, BLOCK, &stable), expected);
    int64_t growing = write_value(file, ROOM, 2, 100, &stable);
    CHECK(growing == -EROFS || growing == -EIO || growing == -ESHUTDOWN);
    CHECK_EQ(wt_size(file), ROOM);
    wt_file none = 0;
    CHECK_EQ(try_open(engine, bad, "new", &none), ordinary_error(bad, "new", 0, O_RDWR | O_CREAT));
    fill_at(other, 0, 2, ROOM);
    CHECK_OK(wt_file_close(file));

    command("umount %s && mount %s", bad, setting("WT_BAD_MOUNT"));
    check_disk(bad, "file", 0, 1, ROOM);
}

TEST(a_file_system_that_gave_up_is_told_as_the_kernel_tells_it) {
    each_backend(file_system_gave_up);
}

static void full(wt_engine engine, const char *bad, const char *good) {
    uint64_t stable = 0;
    uint64_t at = ROOM;
    int64_t result = 0;
    wt_file file = make_file(engine, bad, "file", 1);
    wt_file other = make_file(engine, good, "file", 1);
    command("rm -f %s/filler; free=$(df -k %s | awk 'END { print $4 }'); fallocate -l $((free - 4096))k %s/filler", bad,
            bad, bad);
    while ((result = write_value(file, at, 1, 64 * BLOCK, &stable)) > 0) {
        at += (uint64_t)result;
        CHECK(at < (uint64_t)64 << 20);
    }
    CHECK_EQ(result, -ENOSPC);
    CHECK(wt_size(file) >= (int64_t)(at + stable));
    check_filled(file, 0, 1, (size_t)at);
    check_disk(bad, "file", 0, 1, (size_t)at);
    fill_at(file, BAD, 2, BLOCK); /* what is allocated can be written */
    fill_at(other, 0, 2, ROOM);
    command("rm %s/filler && sync", bad);
    fill_at(file, at, 3, BLOCK);
    check_disk(bad, "file", at, 3, BLOCK);
    CHECK_OK(wt_truncate(file, 0));
}

TEST(a_full_file_system_is_enospc_and_goes_on_when_there_is_room_again) {
    each_backend(full);
}

/* As a user whose quota is 4 MiB. */
static void over_quota(void *argument) {
    const char *directory = argument;
    uint64_t stable = 0;
    uint64_t at = 0;
    int64_t result = 0;
    CHECK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
    wt_engine engine = open_engine(WT_BACKEND_AUTO);
    wt_file file = 0;
    CHECK_OK(try_open(engine, directory, "file", &file));
    while ((result = write_value(file, at, 1, 64 * BLOCK, &stable)) > 0) {
        at += (uint64_t)result;
        CHECK(at < (uint64_t)64 << 20);
    }
    CHECK_EQ(result, -EDQUOT);
    CHECK(at > 0);
    check_filled(file, 0, 1, (size_t)at);
    fill_at(file, 0, 2, BLOCK);
    CHECK_OK(wt_engine_close(engine));
    check_disk(directory, "file", 0, 2, BLOCK);
    check_disk(directory, "file", BLOCK, 1, (size_t)at - BLOCK);
}

TEST(a_quota_is_edquot_and_keeps_what_was_acknowledged) {
    char directory[600];
    snprintf(directory, sizeof directory, "%s", setting("WT_QUOTA_DIR"));
    CHECK_EQ(test_in_child(over_quota, directory), 0);
}

/* ---- a disk that is pulled out --------------------------------------------------------------------------------------- */

/* What was acknowledged is written to the good disk, for the test after the reboot. */
TEST(a_disk_that_is_pulled_out_fails_its_files_alone) {
    const char *gone = setting("WT_GONE_DIR");
    const char *good = setting("WT_GOOD_DIR");
    wt_engine engine = open_engine(WT_BACKEND_AUTO);
    wt_file other = 0;
    uint64_t stable = 0;
    uint64_t acknowledged = 0;
    int64_t result = 0;
    wt_file file = make_file(engine, gone, "file", 0);
    CHECK_OK(try_open(engine, good, "acknowledged", &other));
    printf("@remove disk2\n");
    while ((result = write_value(file, acknowledged % 256 * BLOCK, (int)(acknowledged % 251 + 1), BLOCK, &stable)) >
           0) {
        acknowledged++;
        CHECK_EQ(write_at(other, 0, &acknowledged, sizeof acknowledged), sizeof acknowledged);
    }
    CONTEXT("after %ju acknowledged writes", (uintmax_t)acknowledged);
    CHECK(result == -EIO || result == -ENODEV || result == -ENXIO || result == -EROFS);
    CHECK(write_value(file, 0, 1, BLOCK, &stable) < 0);
    fill_at(other, BLOCK, 1, ROOM);
    check_filled(other, BLOCK, 1, ROOM);
    CHECK_OK(wt_engine_close(engine));
}

/* The one write that was refused may be there as well. */
TEST(after_the_reboot_the_disk_that_was_pulled_out_has_what_was_acknowledged) {
    const char *gone = setting("WT_GONE_DIR_AFTER_REBOOT");
    const char *good = setting("WT_GOOD_DIR");
    wt_engine engine = open_engine(WT_BACKEND_AUTO);
    wt_file file = 0;
    wt_file other = 0;
    uint64_t acknowledged = 0;
    CHECK_OK(try_open(engine, good, "acknowledged", &other));
    CHECK_EQ(read_at(other, 0, &acknowledged, sizeof acknowledged), sizeof acknowledged);
    CHECK_OK(try_open(engine, gone, "file", &file));
    CHECK_EQ(wt_size(file), ROOM);
    for (uint64_t i = 0; i < 256; i++) {
        bool written = acknowledged > i;
        uint64_t last = written ? (acknowledged - 1 - i) / 256 * 256 + i : 0;
        int value = written ? (int)(last % 251 + 1) : 0;
        int found = byte_of(file, i * BLOCK);
        CONTEXT("block %ju after %ju acknowledged writes", (uintmax_t)i, (uintmax_t)acknowledged);
        CHECK(found == value || (i == acknowledged % 256 && found == (int)(acknowledged % 251 + 1)));
        check_filled(file, i * BLOCK, found, BLOCK);
    }
    CHECK_OK(wt_engine_close(engine));
}
