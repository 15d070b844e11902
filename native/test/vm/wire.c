// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "test.h"

#define INSTANCE "/sys/kernel/tracing/instances/writethrough"

enum { TEXT_BYTES = 4096, KERNEL_MINOR_BITS = 20 };

/* ---- small files of the kernel ------------------------------------------------------------------------------------- */

static int put_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t count = write(fd, text, strlen(text));
    int result = count < 0 ? -errno : 0;
    close(fd);
    return result;
}

__attribute__((format(printf, 2, 3))) static bool get_text(char *text, const char *format, ...) {
    char path[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t count = read(fd, text, TEXT_BYTES - 1);
    close(fd);
    text[count > 0 ? count : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return count >= 0;
}

/* ---- the disk ------------------------------------------------------------------------------------------------------ */

/* A partition's commands are traced as its disk's. */
static void find_disk(struct wire *wire, const struct stat *stat) {
    char link[64];
    char target[TEXT_BYTES];
    char text[TEXT_BYTES];
    snprintf(link, sizeof link, "/sys/dev/block/%u:%u", major(stat->st_dev), minor(stat->st_dev));
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) {
        SKIP("no block device under this directory");
    }
    target[length] = '\0';
    char *name = strrchr(target, '/') + 1;
    if (get_text(text, "%s/partition", link)) {
        name[-1] = '\0';
        name = strrchr(target, '/') + 1;
    }
    CHECK(strlen(name) < sizeof wire->disk);
    memcpy(wire->disk, name, strlen(name) + 1);
    CHECK(get_text(text, "/sys/block/%s/dev", wire->disk));
    CHECK(sscanf(text, "%u:%u", &wire->major, &wire->minor) == 2);
}

struct wire wire_open(const char *directory) {
    struct wire wire = {.root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct stat stat;
    char filter[64];
    CHECK(wire.root >= 0);
    CHECK(fstat(wire.root, &stat) == 0);
    find_disk(&wire, &stat);
    if (mkdir(INSTANCE, 0700) < 0 && errno != EEXIST) {
        SKIP("no tracing here: mkdir " INSTANCE ": %s", strerrorname_np(errno));
    }
    snprintf(filter, sizeof filter, "dev == %u", wire.major << KERNEL_MINOR_BITS | wire.minor);
    CHECK_OK(put_text(INSTANCE "/buffer_size_kb", "4096"));
    CHECK_OK(put_text(INSTANCE "/events/block/block_rq_issue/filter", filter));
    return wire;
}

void wire_close(struct wire *wire) {
    CHECK(close(wire->root) == 0);
    CHECK(rmdir(INSTANCE) == 0);
}

int wire_has_cache(const struct wire *wire) {
    char text[TEXT_BYTES];
    CHECK(get_text(text, "/sys/block/%s/queue/write_cache", wire->disk));
    return strcmp(text, "write back") == 0;
}

int wire_has_fua(const struct wire *wire) {
    char text[TEXT_BYTES];
    CHECK(get_text(text, "/sys/block/%s/queue/fua", wire->disk));
    return wire_has_cache(wire) && strcmp(text, "1") == 0;
}

uint64_t wire_atomic_bytes(const struct wire *wire) {
    char text[TEXT_BYTES];
    return get_text(text, "/sys/block/%s/queue/atomic_write_unit_max_bytes", wire->disk) ? strtoull(text, NULL, 10) : 0;
}

/* ---- counting ------------------------------------------------------------------------------------------------------ */

void wire_start(const struct wire *wire) {
    CHECK(syncfs(wire->root) == 0);
    CHECK_OK(put_text(INSTANCE "/trace", ""));
    CHECK_OK(put_text(INSTANCE "/events/block/block_rq_issue/enable", "1"));
}

/*
 * One line of the trace, as "... block_rq_issue: 259,0 WFS 4096 () 2048 + 8 none,0,0 [program]". The letters: F before the
 * operation is a flush ahead of it, then the operation (a flush alone is F or FF), then F for FUA, U for what may not
 * be torn, and others.
 */
static void count_line(struct wire_commands *commands, const char *line) {
    const char *event = strstr(line, "block_rq_issue: ");
    char letters[16];
    unsigned bytes = 0;
    if (event == NULL) {
        return;
    }
    CHECK(sscanf(event, "block_rq_issue: %*u,%*u %15s %u", letters, &bytes) == 2);
    if (letters[0] == 'F' && (letters[1] == 'W' || letters[1] == 'N')) {
        test_fail(__FILE__, __LINE__, "a driver is handed a flush and a write at once: %s", line);
    }
    if (letters[0] == 'F') {
        commands->flushes++;
        commands->unflushed = 0;
    } else if (letters[0] == 'W') {
        bool fua = strchr(letters, 'F') != NULL;
        commands->writes++;
        commands->fua += fua;
        commands->unflushed += !fua;
        commands->atomic += strchr(letters, 'U') != NULL ? 1 : 0;
        commands->written_bytes += bytes;
    }
}

struct wire_commands wire_stop(const struct wire *wire) {
    (void)wire;
    struct wire_commands commands = {0};
    char line[1024];
    CHECK_OK(put_text(INSTANCE "/events/block/block_rq_issue/enable", "0"));
    FILE *trace = fopen(INSTANCE "/trace", "r");
    CHECK(trace != NULL);
    while (fgets(line, sizeof line, trace) != NULL) {
        unsigned kept = 0;
        unsigned written = 0;
        if (sscanf(line, "# entries-in-buffer/entries-written: %u/%u", &kept, &written) == 2) {
            CHECK_EQ(kept, written);
        }
        if (line[0] != '#') {
            count_line(&commands, line);
        }
    }
    CHECK(fclose(trace) == 0);
    if (getenv("WT_WIRE_PRINT") != NULL) {
        (void)!system("cat " INSTANCE "/trace");
    }
    return commands;
}
