// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Opening real files: what is had then and never again, what others do to the names, and what a look must not take away. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core.h"
#include "external.h"

enum { BLOCK = 4096, NOBODY = 65534, READ_WRITE = WT_OPEN_READ | WT_OPEN_WRITE };

static const uint32_t backends[] = {WT_BACKEND_IO_URING, WT_BACKEND_THREADS, TEST_BACKEND_EXTERNAL};
static uint8_t bytes[4 << 20];

/* ---- one engine on one directory --------------------------------------------------------------------------------- */

struct place {
    wt_engine engine;
    uint32_t backend;
    const char *directory;
    char path[512], other[512];
};

/* False: the kernel has no io_uring. */
static bool open_engine(struct place *place) {
    struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = place->backend};
    int result = test_engine_open(&options, &place->engine);
    if (result == -EPERM || result == -ENOSYS) {
        printf("   not on io_uring: the kernel refuses it\n");
        return false;
    }
    CHECK_OK(result);
    return true;
}

static void each_place(void (*test)(struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t j = 0; j < sizeof backends / sizeof backends[0]; j++) {
            struct place place = {.backend = backends[j], .directory = test_make_directory(test_directory(i))};
            CONTEXT("backend %u on %s", backends[j], test_directory(i));
            CHECK_EQ(chmod(place.directory, 0777), 0);
            snprintf(place.path, sizeof place.path, "%s/file", place.directory);
            snprintf(place.other, sizeof place.other, "%s/other", place.directory);
            if (open_engine(&place)) {
                test(&place);
                CHECK_OK(wt_engine_close(place.engine));
            }
        }
    }
}

struct in_child {
    void (*test)(struct place *);
    struct place *place;
};

static void run_place(void *argument) {
    struct in_child *child = argument;
    if (open_engine(child->place)) {
        child->test(child->place);
        CHECK_OK(wt_engine_close(child->place->engine));
    }
}

/* Each in a process of its own, which may become another user. */
static void each_place_in_child(void (*test)(struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t j = 0; j < sizeof backends / sizeof backends[0]; j++) {
            struct place place = {.backend = backends[j], .directory = test_make_directory(test_directory(i))};
            CONTEXT("backend %u on %s", backends[j], test_directory(i));
            CHECK_EQ(chmod(place.directory, 0777), 0);
            snprintf(place.path, sizeof place.path, "%s/file", place.directory);
            snprintf(place.other, sizeof place.other, "%s/other", place.directory);
            struct in_child child = {test, &place};
            CHECK_EQ(test_in_child(run_place, &child), 0);
        }
    }
}

static int try_open(wt_engine engine, const char *path, uint32_t flags, wt_file *file) {
    return wt_file_open(engine, path, flags, 0644, WT_DURABILITY_FILE, file);
}

static wt_file open_at(const struct place *place, const char *path) {
    wt_file file = 0;
    CHECK_OK(try_open(place->engine, path, READ_WRITE | WT_OPEN_CREATE, &file));
    return file;
}

static void make_file(const char *path, int value) {
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK_EQ(fputc(value, file), value);
    CHECK_EQ(fclose(file), 0);
}

static unsigned count_descriptors(void) {
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    CHECK_EQ(closedir(directory), 0);
    return count;
}

static void write_and_check(wt_file file, uint64_t offset, int value, size_t length) {
    fill_at(file, offset, value, length);
    check_filled(file, offset, value, length);
}

static void write_async(const struct place *place, wt_file file, uint64_t offset, size_t length) {
    struct iovec iov = {bytes, length};
    struct wt_event event;
    CHECK_OK(wt_write_submit(file, &iov, 1, offset, 0, 0, 7));
    CHECK_EQ(wt_reap(place->engine, &event, 1, -1), 1);
    CHECK_EQ(event.result, length);
}

/* ---- locks of the application ------------------------------------------------------------------------------------ */

/* Asked by a process that has no part in it: its opens and closes change nothing here. */
static void check_locked(const char *path, bool locked) {
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CLOEXEC);
        bool told = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0;
        _exit(told && (lock.l_type != F_UNLCK && lock.l_pid == parent) == locked ? 0 : 1);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void refuse_and_look(const struct place *place, wt_engine second, wt_file file) {
    struct wt_profile profile;
    struct wt_extents extents;
    struct wt_holder holder;
    wt_file none = 0;
    CHECK_OK(wt_probe(place->path, &profile));
    check_locked(place->path, true);
    int result = wt_probe_extents(place->path, &extents);
    CHECK(result == 0 || result == -EOPNOTSUPP);
    check_locked(place->path, true);
    CHECK_EQ(try_open(second, place->path, READ_WRITE, &none), -EBUSY);
    check_locked(place->path, true);
    CHECK_EQ(try_open(second, place->path, WT_OPEN_READ, &none), -EBUSY);
    check_locked(place->path, true);
    CHECK_EQ(try_open(second, place->path, READ_WRITE | WT_OPEN_CREATE | WT_OPEN_TRUNCATE, &none), -EBUSY);
    CHECK_EQ(try_open(place->engine, place->path, READ_WRITE | WT_OPEN_CREATE_NEW, &none), -EEXIST);
    CHECK_OK(wt_file_holder(place->path, &holder));
    CHECK_OK(wt_file_rename(file, place->path, place->other, 0));
    CHECK_OK(wt_file_rename(file, place->other, place->path, 0));
    CHECK_EQ(wt_file_rename(file, place->other, place->path, 0), -ESTALE);
    check_locked(place->path, true);
}

static void lock_and_look(struct place *place) {
    struct place second = {.backend = place->backend};
    wt_file file = open_at(place, place->path);
    CHECK(open_engine(&second));
    fill_at(file, 0, 1, 10000);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int own = open(place->path, O_RDWR | O_CLOEXEC); /* the library knows nothing of it */
    CHECK(own >= 0);
    CHECK_EQ(fcntl(own, F_SETLK, &lock), 0);
    refuse_and_look(place, second.engine, file);
    unsigned before = count_descriptors();
    for (unsigned i = 0; i < 20; i++) {
        refuse_and_look(place, second.engine, file);
    }
    CHECK_EQ(count_descriptors(), before); /* what was kept is used again */
    lock.l_type = F_UNLCK;
    CHECK_EQ(fcntl(own, F_SETLK, &lock), 0);
    check_locked(place->path, false);
    wt_file none = 0;
    CHECK_EQ(try_open(second.engine, place->path, READ_WRITE, &none), -EBUSY);
    CHECK(count_descriptors() < before); /* and closed when no lock is there */
    CHECK_OK(wt_engine_close(second.engine));
    CHECK_EQ(close(own), 0);
}

TEST(a_refused_open_and_a_look_take_no_posix_lock_along) {
    each_place(lock_and_look);
}

enum { OTHER_LOCKS = 400 };

static void lock_and_unlock_others(int not_this) {
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    CHECK_EQ(close(not_this), 0);
    int others[OTHER_LOCKS];
    for (unsigned i = 0; i < OTHER_LOCKS; i++) {
        others[i] = memfd_create("other", MFD_CLOEXEC);
    }
    for (;;) {
        for (unsigned i = 0; i < OTHER_LOCKS; i++) {
            flock(others[i], LOCK_EX);
        }
        for (unsigned i = 0; i < OTHER_LOCKS; i++) {
            flock(others[i], LOCK_UN);
        }
    }
}

/* The kernel's table of locks leaves some out while others go: of 100 looks at it about 5 do not find a lock. */
TEST(the_holder_of_a_file_is_found_while_other_locks_come_and_go) {
    char path[64];
    int file = memfd_create("file", MFD_CLOEXEC);
    CHECK(file >= 0);
    CHECK_EQ(flock(file, LOCK_EX), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        lock_and_unlock_others(file);
    }
    for (unsigned i = 0; i < 300; i++) {
        struct wt_holder holder;
        CHECK_OK(wt_file_holder(path, &holder));
        CHECK_EQ(holder.pid, getpid());
    }
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(close(file), 0);
}

static void close_a_second(struct place *place) {
    wt_file file = open_at(place, place->path), second = 0;
    fill_at(file, 0, 1, 10000);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK_EQ(fcntl(wt_file_descriptor(file), F_SETLK, &lock), 0);
    unsigned most = 0;
    for (unsigned i = 0; i < 20; i++) {
        CHECK_OK(try_open(place->engine, place->path, i % 2 == 0 ? READ_WRITE : WT_OPEN_READ, &second));
        check_filled(second, 0, 1, 10000);
        CHECK_OK(wt_file_close(second));
        check_locked(place->path, true);
        unsigned now = count_descriptors();
        CHECK(i < 2 || now <= most);
        most = now > most ? now : most;
    }
    CHECK_OK(wt_file_close(file));
    check_locked(place->path, false);
}

TEST(the_close_of_a_second_handle_takes_no_posix_lock_along) {
    each_place(close_a_second);
}

static void open_after_refusals(struct place *place) {
    struct place second = {.backend = place->backend};
    wt_file file = open_at(place, place->path), other = 0;
    CHECK(open_engine(&second));
    fill_at(file, 0, 1, 10000);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK_EQ(fcntl(wt_file_descriptor(file), F_SETLK, &lock), 0);
    CHECK_EQ(try_open(second.engine, place->path, READ_WRITE, &other), -EBUSY);
    CHECK_EQ(try_open(second.engine, place->path, WT_OPEN_READ, &other), -EBUSY);
    check_locked(place->path, true);
    unsigned before = count_descriptors();
    CHECK_OK(wt_file_close(file));
    CHECK(count_descriptors() <= before - 3); /* the file's own, and what was kept of it */
    CHECK_OK(try_open(second.engine, place->path, READ_WRITE, &other));
    write_and_check(other, 9999, 2, 5000);
    CHECK_OK(wt_engine_close(second.engine));
}

TEST(what_refused_opens_keep_is_closed_with_the_file) {
    each_place(open_after_refusals);
}

/* ---- what open(2) granted ---------------------------------------------------------------------------------------- */

static void use_within_blocks(const struct place *place, wt_file file) {
    memset(bytes, 7, sizeof bytes);
    write_and_check(file, 0, 1, BLOCK);
    write_and_check(file, BLOCK, 2, 100);
    write_and_check(file, BLOCK + 100, 3, 9000);
    write_async(place, file, 20000, 77);
    CHECK_EQ(write_at(file, 30000, bytes, (2 << 20) + 9), (2 << 20) + 9);
    CHECK_OK(wt_truncate(file, 4000));
    CHECK_OK(wt_allocate(file, 0, 9000));
    CHECK_OK(wt_sync(file));
    check_filled(file, 0, 1, 4000);
    struct stat stat_of;
    CHECK_EQ(fstat(wt_file_descriptor(file), &stat_of), 0);
    CHECK_EQ(stat_of.st_size, 9000);
}

static void become_nobody(void) {
    if (geteuid() == 0) {
        CHECK_EQ(setresgid(NOBODY, NOBODY, NOBODY), 0);
        CHECK_EQ(setresuid(NOBODY, NOBODY, NOBODY), 0);
    }
}

static void created_read_only(struct place *place) {
    static const uint32_t modes[] = {0444, 0200, 0};
    for (unsigned i = 0; i < 3; i++) {
        wt_file file = 0;
        uint32_t how = i == 1 ? WT_OPEN_CREATE : WT_OPEN_CREATE_NEW;
        become_nobody();
        CHECK_OK(wt_file_open(place->engine, place->path, READ_WRITE | how, modes[i], 0, &file));
        use_within_blocks(place, file);
        struct stat stat_of;
        CHECK_EQ(stat(place->path, &stat_of), 0);
        CHECK_EQ(stat_of.st_mode & 0777, modes[i]);
        CHECK_OK(wt_file_close(file));
        CHECK_EQ(try_open(place->engine, place->path, READ_WRITE, &file), -EACCES);
        CHECK_EQ(unlink(place->path), 0);
    }
}

TEST(a_file_created_without_permission_to_write_is_written_by_its_creator) {
    each_place_in_child(created_read_only);
}

static void lose_permission(struct place *place) {
    wt_file file = open_at(place, place->path), reader = 0;
    CHECK_EQ(chmod(place->path, 0), 0);
    become_nobody(); /* the file is root's, if that has run the test */
    use_within_blocks(place, file);
    CHECK_EQ(try_open(place->engine, place->path, WT_OPEN_READ, &reader), -EACCES);
}

TEST(an_open_file_is_written_when_its_mode_and_the_user_have_changed) {
    each_place_in_child(lose_permission);
}

static void use_up_descriptors(struct place *place) {
    wt_file file = open_at(place, place->path), none = 0;
    write_async(place, file, 0, BLOCK); /* what an engine opens at its first I/O */
    CHECK_EQ(write_at(file, 0, bytes, 2 << 20), 2 << 20);
    CHECK_OK(wt_truncate(file, 0));
    int next = dup(0);
    struct rlimit limit = {(rlim_t)next, (rlim_t)next};
    CHECK_EQ(close(next), 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(dup(0), -1);
    use_within_blocks(place, file);
    CHECK_EQ(try_open(place->engine, place->other, READ_WRITE | WT_OPEN_CREATE, &none), -EMFILE);
    CHECK_EQ(access(place->other, F_OK), -1);
}

TEST(an_open_file_is_written_when_no_descriptor_is_left) {
    each_place_in_child(use_up_descriptors);
}

static void one_descriptor_left(struct place *place) {
    wt_file file = 0;
    int next = dup(0);
    struct rlimit limit = {(rlim_t)next + 1, (rlim_t)next + 1};
    struct wt_profile profile;
    CHECK_OK(wt_probe(place->directory, &profile));
    CHECK_EQ(close(next), 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int result = try_open(place->engine, place->path, READ_WRITE | WT_OPEN_CREATE, &file);
    if (profile.path == WT_PATH_DIRECT) {
        CHECK_EQ(result, -EMFILE);
    }
    CHECK(result == 0 || access(place->path, F_OK) == -1);
    next = dup(0);
    CHECK(result == 0 || next >= 0); /* the one that there was is back */
}

TEST(an_open_that_has_not_all_its_descriptors_is_refused_and_leaves_nothing) {
    each_place_in_child(one_descriptor_left);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

enum end_of_name { ROTATED, RECREATED, REPLACED, UNLINKED, ENDS_OF_NAMES };

static void take_name(const struct place *place, enum end_of_name end) {
    switch (end) {
    case ROTATED:
        CHECK_EQ(rename(place->path, place->other), 0);
        make_file(place->path, 7);
        CHECK_EQ(unlink(place->other), 0);
        break;
    case REPLACED:
        make_file(place->other, 7);
        CHECK_EQ(rename(place->other, place->path), 0);
        break;
    default:
        CHECK_EQ(unlink(place->path), 0);
        if (end == RECREATED) {
            make_file(place->path, 7);
        }
    }
}

static void use_without_name(struct place *place) {
    for (enum end_of_name end = 0; end < ENDS_OF_NAMES; end++) {
        wt_file file = open_at(place, place->path), reader = 0;
        CONTEXT("end %d, backend %u on %s", (int)end, place->backend, place->directory);
        CHECK_OK(try_open(place->engine, place->path, WT_OPEN_READ, &reader));
        fill_at(file, 0, 1, 30000);
        take_name(place, end);
        CHECK_OK(wt_sync(file));
        write_and_check(file, 29000, 2, 5000);
        check_filled(reader, 0, 1, 29000);
        wt_file fresh = open_at(place, place->path); /* the file that has the name now */
        CHECK_EQ(wt_size(fresh), end == UNLINKED ? 0 : 1);
        write_and_check(fresh, 0, 3, 5000);
        check_filled(file, 29000, 2, 5000);
        CHECK_OK(wt_sync(file));
        CHECK_OK(wt_file_close(fresh));
        CHECK_OK(wt_file_close(reader));
        CHECK_OK(wt_file_close(file));
        CHECK_EQ(unlink(place->path), 0);
    }
}

TEST(a_file_is_used_on_when_it_is_rotated_away_recreated_replaced_or_unlinked) {
    each_place(use_without_name);
}

static void keep_name(struct place *place) {
    for (enum end_of_name end = 0; end < ENDS_OF_NAMES; end++) {
        wt_file file = 0, other = 0;
        CONTEXT("end %d, backend %u on %s", (int)end, place->backend, place->directory);
        CHECK_OK(try_open(place->engine, place->path, READ_WRITE | WT_OPEN_CREATE | WT_OPEN_NAMED, &file));
        fill_at(file, 0, 1, 30000);
        CHECK_EQ(rename(place->path, place->other), 0); /* it still has a name */
        CHECK_OK(wt_sync(file));
        CHECK_EQ(rename(place->other, place->path), 0);
        CHECK_OK(try_open(place->engine, place->path, READ_WRITE, &other));
        take_name(place, end);
        CHECK_EQ(wt_sync(other), -ESTALE);
        CHECK_EQ(write_at(file, 0, bytes, 10), -ESTALE);
        CHECK_EQ(read_at(file, 0, bytes, 10), -ESTALE);
        CHECK_OK(wt_file_close(other));
        CHECK_OK(wt_file_close(file));
        file = open_at(place, place->path);
        CHECK_EQ(wt_size(file), end == UNLINKED ? 0 : 1);
        CHECK_OK(wt_file_close(file));
        CHECK_EQ(unlink(place->path), 0);
    }
}

TEST(a_file_that_was_to_keep_a_name_is_lost_with_it) {
    each_place(keep_name);
}

/* ---- what cannot be written through ------------------------------------------------------------------------------ */

TEST(files_of_proc_and_sys_are_refused) {
    static const char *const paths[] = {"/proc/version", "/proc/self/oom_score_adj",
                                        "/sys/kernel/mm/transparent_hugepage/enabled"};
    struct place place = {.backend = WT_BACKEND_THREADS};
    struct wt_profile profile;
    CHECK(open_engine(&place));
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        wt_file file = 0;
        CONTEXT("%s", paths[i]);
        if (access(paths[i], R_OK) == 0) {
            CHECK_EQ(try_open(place.engine, paths[i], WT_OPEN_READ, &file), -EOPNOTSUPP);
            CHECK_EQ(wt_probe(paths[i], &profile), -EOPNOTSUPP);
        }
    }
    CHECK_OK(wt_engine_close(place.engine));
}

static bool set_append_only(const char *path, bool on) {
    int flags = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    bool done = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    flags = on ? flags | FS_APPEND_FL : flags & ~FS_APPEND_FL;
    done = done && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
    CHECK_EQ(close(fd), 0);
    return done;
}

static void append_only(struct place *place) {
    wt_file file = 0;
    make_file(place->path, 7);
    if (!set_append_only(place->path, true)) {
        printf("   no append-only attribute on %s\n", place->directory);
        return;
    }
    int write_result = try_open(place->engine, place->path, READ_WRITE, &file);
    int read_result = try_open(place->engine, place->path, WT_OPEN_READ, &file);
    CHECK(set_append_only(place->path, false));
    CHECK_EQ(write_result, -EPERM);
    CHECK_OK(read_result);
    CHECK_EQ(byte_of(file, 0), 7);
}

TEST(an_append_only_file_is_refused_to_writers_and_read) {
    each_place(append_only);
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

/* What a child of fork(2) does with what it inherited; its exit status is 0 if each is refused. */
static int use_inherited(const struct place *place, wt_file file) {
    struct iovec iov = {bytes, 100};
    struct wt_engine_stats stats;
    struct wt_event event;
    struct wt_profile profile;
    wt_file opened = 0;
    const int64_t results[] = {
        wt_write(file, &iov, 1, 0, 0, NULL),
        wt_read(file, &iov, 1, 0),
        wt_write_submit(file, &iov, 1, 0, 0, 0, 1),
        wt_size(file),
        wt_truncate(file, 0),
        wt_allocate(file, 0, 1 << 20),
        wt_sync(file),
        wt_file_descriptor(file),
        wt_file_rename(file, place->path, place->other, 0),
        wt_file_close(file),
        try_open(place->engine, place->path, WT_OPEN_READ, &opened),
        wt_engine_stats(place->engine, &stats),
        wt_reap(place->engine, &event, 1, 0),
        wt_engine_shutdown(place->engine),
        wt_engine_close(place->engine),
    };
    for (unsigned i = 0; i < sizeof results / sizeof *results; i++) {
        if (results[i] != -EBADF) {
            return (int)i + 1;
        }
    }
    /* And it may have engines of its own; the file is the parent's. */
    struct wt_engine_options options = {.cache_bytes = 1 << 20, .backend = WT_BACKEND_THREADS};
    wt_engine own = 0;
    wt_file none = 0;
    bool works = wt_engine_open(&options, &own) == 0 && own != place->engine &&
                 try_open(own, place->path, WT_OPEN_READ, &none) == -EBUSY &&
                 try_open(own, place->other, READ_WRITE | WT_OPEN_CREATE, &opened) == 0 && opened != file &&
                 wt_write(opened, &iov, 1, 0, 0, NULL) == 100 && wt_probe(place->path, &profile) == 0 &&
                 wt_size(file) == -EBADF && wt_engine_close(place->engine) == -EBADF && wt_engine_close(own) == 0;
    return works ? 0 : 100;
}

static void fork_and_use(struct place *place) {
    struct place second = {.backend = place->backend};
    wt_file file = open_at(place, place->path), none = 0;
    fill_at(file, 0, 1, 10000);
    write_async(place, file, 10000, 10);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        _exit(use_inherited(place, file));
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(open_engine(&second));
    CHECK_EQ(try_open(second.engine, place->path, READ_WRITE, &none), -EBUSY); /* the lock is still held */
    CHECK_OK(wt_engine_close(second.engine));
    check_filled(file, 0, 1, 10000);
    write_and_check(file, 9000, 2, 3000);
    write_async(place, file, 12000, 10);
    CHECK_EQ(wt_size(file), 12010);
}

TEST(a_child_of_fork_has_none_of_the_engines_and_files_and_harms_none) {
    each_place(fork_and_use);
}

/* It cannot print: its exit status tells which was not so. */
static void without_standard_descriptors(void *argument) {
    struct place *place = argument;
    wt_file file = 0, second = 0;
    struct iovec iov = {bytes, 2 << 20};
    struct wt_event event;
    for (int fd = 0; fd < 3; fd++) {
        (void)close(fd);
    }
    struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = place->backend};
    struct wt_profile profile;
    int result = test_engine_open(&options, &place->engine);
    if (result == -EPERM || result == -ENOSYS) {
        _exit(0);
    }
    bool works = result == 0 && try_open(place->engine, place->path, READ_WRITE | WT_OPEN_CREATE, &file) == 0 &&
                 wt_allocate(file, 0, 4 << 20) == 0 && wt_write(file, &iov, 1, 0, 0, NULL) == 2 << 20 &&
                 try_open(place->engine, place->path, READ_WRITE, &second) == 0 && wt_truncate(file, 100) == 0;
    iov.iov_len = 77;
    works = works && wt_write_submit(file, &iov, 1, 100, 0, 0, 1) == 0 && wt_reap(place->engine, &event, 1, -1) == 1 &&
            event.result == 77 && wt_probe(place->path, &profile) == 0 && wt_file_descriptor(file) > 2;
    if (!works) {
        _exit(1);
    }
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            _exit(10 + fd);
        }
    }
    _exit(wt_engine_close(place->engine) == 0 ? 0 : 2);
}

/* A file whose bytes the kernel still keeps is read without I/O, and no other file by a system call for each read. */
static void read_little(struct place *place) {
    wt_file file = 0;
    struct wt_profile wanted = {0}, little = {0}, much = {0};
    CHECK_OK(try_open(place->engine, place->path, READ_WRITE | WT_OPEN_CREATE | WT_OPEN_AT_FORCE, &file));
    CHECK_OK(wt_file_profile(file, &wanted));
    memset(bytes, 1, 65537);
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(file, &(struct iovec){bytes, 65536}, 1, &offset, 0, WT_LATER, NULL), 65536);
    CHECK_OK(wt_file_close(file));
    CHECK_OK(try_open(place->engine, place->path, WT_OPEN_READ | WT_OPEN_AT_FORCE, &file));
    CHECK_OK(wt_file_profile(file, &little));
    CHECK_EQ(little.path, WT_PATH_BUFFERED);
    check_filled(file, 0, 1, 65536);
    wt_file writer = open_at(place, place->path); /* its writes are seen, and are durable one by one */
    fill_at(writer, 100, 2, 100);
    check_filled(file, 100, 2, 100);
    fill_at(writer, 65536, 1, 1);
    CHECK_OK(wt_file_close(writer));
    CHECK_OK(wt_file_close(file));
    CHECK_OK(try_open(place->engine, place->path, WT_OPEN_READ | WT_OPEN_AT_FORCE, &file));
    CHECK_OK(wt_file_profile(file, &much));
    CHECK_EQ(much.path, wanted.path);
    check_filled(file, 100, 2, 100);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(truncate(place->path, 100), 0);
    CHECK_OK(try_open(place->engine, place->path, WT_OPEN_READ, &file)); /* of a program that does not force */
    CHECK_OK(wt_file_profile(file, &much));
    CHECK_EQ(much.path, wanted.path);
    CHECK_OK(wt_file_close(file));
}

TEST(a_small_file_of_a_program_that_forces_is_read_through_the_page_cache) {
    each_place(read_little);
}

TEST(no_descriptor_of_the_library_is_in_the_place_of_a_standard_one) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (size_t j = 0; j < sizeof backends / sizeof backends[0]; j++) {
            struct place place = {.backend = backends[j], .directory = test_make_directory(test_directory(i))};
            if (backends[j] == TEST_BACKEND_EXTERNAL) {
                continue; /* the loop of the test has descriptors of its own */
            }
            CONTEXT("backend %u on %s", backends[j], test_directory(i));
            snprintf(place.path, sizeof place.path, "%s/file", place.directory);
            CHECK_EQ(test_in_child(without_standard_descriptors, &place), 0);
        }
    }
}

static void notify_without_standard_descriptors(void *argument) {
    (void)argument;
    wt_engine engine = 0;
    struct wt_engine_options options = {.cache_bytes = 1 << 20};
    for (int fd = 0; fd < 3; fd++) {
        (void)close(fd);
    }
    bool works = wt_engine_open_external(&options, &engine) == 0 && wt_external_attach(engine) > 2;
    for (int fd = 0; fd < 3; fd++) {
        works = works && fcntl(fd, F_GETFD) < 0;
    }
    _exit(works ? 0 : 1);
}

TEST(the_notifier_of_a_loop_is_in_the_place_of_no_standard_descriptor) {
    CHECK_EQ(test_in_child(notify_without_standard_descriptors, NULL), 0);
}
