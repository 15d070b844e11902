// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The priority of writes as the block layer sees it, in each directory of WT_TEST_DIRS that is on a block device: the
 * tracepoint block_rq_issue tells it from Linux 6.11 on. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core.h"

/* Seven blocks: others on the disk hardly write so much at once. */
enum { LENGTH = 7 * 4096, WRITES = 20, KERNEL_MINOR_BITS = 20, TEXT_BYTES = 4096 };

struct trace {
    char instance[600];
    const char *mount;
};

struct counts {
    unsigned writes, high;
};

__attribute__((format(printf, 3, 4))) static bool put(const struct trace *trace, const char *name, const char *format,
                                                      ...) {
    char path[700], text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "%s/%s", trace->instance, name);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) {
        close(fd);
    }
    return done;
}

/* A mount of its own, which goes with the process. */
static struct trace trace_open(const char *directory, dev_t device) {
    struct trace trace = {.mount = test_make_directory("/tmp")};
    char path[700], text[TEXT_BYTES] = "";
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tracefs", trace.mount, "tracefs", 0, NULL) < 0) {
        SKIP("no tracefs to be mounted: %s", strerrorname_np(errno));
    }
    snprintf(path, sizeof path, "%s/events/block/block_rq_issue/format", trace.mount);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0 || strstr(text, "ioprio") == NULL) {
        SKIP("the tracepoint block_rq_issue of this kernel does not tell the priority");
    }
    close(fd);
    snprintf(trace.instance, sizeof trace.instance, "%s/instances/writethrough-%d", trace.mount, getpid());
    if (mkdir(trace.instance, 0700) < 0) {
        SKIP("no tracing for %s: %s", directory, strerrorname_np(errno));
    }
    snprintf(path, sizeof path, "dev == %u", major(device) << KERNEL_MINOR_BITS | minor(device));
    CHECK(put(&trace, "events/block/block_rq_issue/filter", "%s", path));
    return trace;
}

/* The device of the disk: a partition's commands are traced as its. 0: there is none. */
static dev_t disk_of(const char *directory) {
    struct stat stat_of;
    char path[128], text[64] = "";
    CHECK(stat(directory, &stat_of) == 0);
    for (unsigned partition = 0; partition < 2; partition++) {
        unsigned numbers[2];
        snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s", major(stat_of.st_dev), minor(stat_of.st_dev),
                 partition == 0 ? "../dev" : "dev");
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            CHECK(read(fd, text, sizeof text - 1) > 0);
            close(fd);
            CHECK(sscanf(text, "%u:%u", &numbers[0], &numbers[1]) == 2);
            return makedev(numbers[0], numbers[1]);
        }
    }
    return 0;
}

/* Lines as "... block_rq_issue: 7,0 WS 28672 () 2048 + 56 be,0,4 [program]": class, hint and level. */
static struct counts trace_stop(const struct trace *trace) {
    struct counts counts = {0};
    char line[1024];
    CHECK(put(trace, "events/block/block_rq_issue/enable", "0"));
    snprintf(line, sizeof line, "%s/trace", trace->instance);
    FILE *file = fopen(line, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        const char *event = strstr(line, "block_rq_issue: ");
        char letters[16], priority[32];
        unsigned sectors = 0;
        if (event == NULL ||
            sscanf(event, "block_rq_issue: %*u,%*u %15s %*u () %*u + %u %31s", letters, &sectors, priority) != 3) {
            continue;
        }
        bool ours = strchr(letters, 'W') != NULL && sectors == LENGTH / 512;
        counts.writes += ours ? 1 : 0;
        counts.high += ours && strcmp(priority, "be,0,0") == 0 ? 1 : 0;
    }
    CHECK(fclose(file) == 0);
    return counts;
}

static void trace_close(const struct trace *trace) {
    (void)rmdir(trace->instance);
}

/* What WRITES writes are to the block layer. */
static struct counts count_writes(const struct trace *trace, wt_engine engine, wt_file file, bool async,
                                  uint32_t flags) {
    static uint8_t bytes[LENGTH];
    struct iovec iov = {bytes, LENGTH};
    struct wt_event event;
    CHECK(put(trace, "trace", "%s", ""));
    CHECK(put(trace, "events/block/block_rq_issue/enable", "1"));
    for (uint64_t i = 0; i < WRITES; i++) {
        uint64_t offset = i * LENGTH;
        if (async) {
            CHECK_OK(wt_write_submit(file, &iov, 1, offset, 0, flags, i));
            CHECK_EQ(wt_reap(engine, &event, 1, -1), 1);
            CHECK_EQ(event.result, LENGTH);
        } else {
            CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, flags, NULL), LENGTH);
        }
    }
    return trace_stop(trace);
}

static void check_place(const char *directory, uint32_t backend, bool async) {
    char path[600];
    wt_engine engine;
    wt_file file;
    struct wt_engine_options options = {.backend = backend};
    dev_t disk = disk_of(directory);
    if (disk == 0) {
        SKIP("no block device under %s", directory);
    }
    /* Whatever this process was started with: the threads of the engine have it too. */
    int before = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6);
    CHECK_EQ(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, before), 0);
    int rc = wt_engine_open(&options, &engine);
    if (backend == WT_BACKEND_IO_URING && (rc == -EPERM || rc == -ENOSYS)) {
        SKIP("no io_uring: the kernel refuses it");
    }
    CHECK_OK(rc);
    snprintf(path, sizeof path, "%s/file", test_make_directory(directory));
    CHECK_OK(wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0, &file));
    CHECK_OK(wt_allocate(file, 0, (uint64_t)WRITES * LENGTH));
    struct trace trace = trace_open(directory, disk);
    struct counts plain = count_writes(&trace, engine, file, async, 0);
    struct counts high = count_writes(&trace, engine, file, async, WT_HIGH_PRIORITY);
    struct counts after = count_writes(&trace, engine, file, async, 0);
    trace_close(&trace);
    CHECK_EQ(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0), before);
    CHECK_OK(wt_engine_close(engine));
    if (plain.writes < WRITES || high.writes < WRITES) { /* cut in pieces by the device, or elsewhere (network) */
        SKIP("%u of %u writes in %s are one request each", high.writes, (unsigned)WRITES, directory);
    }
    CHECK_EQ(plain.high, 0);
    CHECK(high.high >= WRITES);
    CHECK_EQ(after.high, 0);
}

TEST(a_synchronous_write_of_high_priority_reaches_the_block_layer_with_it) {
    check_place(test_directory(0), WT_BACKEND_IO_URING, false);
}

TEST(a_write_by_io_uring_of_high_priority_reaches_the_block_layer_with_it) {
    check_place(test_directory(0), WT_BACKEND_IO_URING, true);
}

TEST(a_write_by_threads_of_high_priority_reaches_the_block_layer_with_it) {
    check_place(test_directory(0), WT_BACKEND_THREADS, true);
}
