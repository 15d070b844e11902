// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "ground.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/engine.h"
#include "engine/objects.h"
#include "external.h"
#include "test.h"

void ground_prepare(struct ground *ground, const struct exercise_options *options, struct sim_options sim) {
    ground->fd = -1;
    if (options->backend == EXERCISE_SIMULATED) {
        ground->engine_options.backend = WT_BACKEND_AUTO;
        ground->sim = sim_new(&sim);
        snprintf(ground->path, sizeof ground->path, "file");
        return;
    }
    int length = snprintf(ground->path, sizeof ground->path, "%s/exerciser-%ld-%llu",
                          options->directory == NULL ? "/tmp" : options->directory, (long)getpid(),
                          (unsigned long long)options->seed);
    CHECK(length > 0 && (size_t)length < sizeof ground->path);
    ground->fd = open(ground->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (ground->fd < 0) {
        test_fail(__FILE__, __LINE__, "%s: %s", ground->path, strerror(errno));
    }
}

void ground_leave(struct ground *ground) {
    if (ground->sim != NULL) {
        sim_free(ground->sim);
        return;
    }
    CHECK_EQ(close(ground->fd), 0);
    CHECK_EQ(unlink(ground->path), 0);
}

void ground_next_name(struct ground *ground, char *name) {
    snprintf(name, sizeof ground->path, "%s", ground->path);
    size_t length = strlen(name);
    bool renamed = length > 2 && strcmp(name + length - 2, "-b") == 0;
    CHECK(renamed || length + 3 <= sizeof ground->path);
    memcpy(renamed ? name + length - 2 : name + length, renamed ? "" : "-b", renamed ? 1 : 3);
}

wt_engine ground_open_engine(struct ground *ground) {
    wt_engine engine = 0;
    if (ground->sim != NULL) {
        CHECK_OK(wt_engine_open_on(&ground->engine_options, sim_attach(ground->sim), &engine));
    } else {
        CHECK_OK(test_engine_open(&ground->engine_options, &engine));
    }
    return engine;
}

void ground_let_end(struct ground *ground) {
    while (ground->sim != NULL && sim_pump_one(ground->sim)) {
    }
}

uint64_t ground_size(struct ground *ground) {
    if (ground->sim != NULL) {
        return (uint64_t)sim_size(ground->sim, ground->path);
    }
    struct stat stat;
    CHECK_EQ(fstat(ground->fd, &stat), 0);
    return (uint64_t)stat.st_size;
}

void ground_peek(struct ground *ground, uint64_t offset, uint8_t *bytes, size_t length, bool afresh) {
    if (ground->sim != NULL) {
        sim_peek(ground->sim, ground->path, offset, bytes, length);
        return;
    }
    if (afresh) {
        CHECK_EQ(posix_fadvise(ground->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    }
    for (size_t at = 0; at < length;) {
        ssize_t n = pread(ground->fd, bytes + at, length - at, (off_t)(offset + at));
        CHECK(n > 0);
        at += (size_t)n;
    }
}

bool ground_peek_stable(struct ground *ground, uint64_t offset, uint8_t *bytes, size_t length) {
    if (ground->sim == NULL) {
        return false;
    }
    sim_peek_stable(ground->sim, ground->path, offset, bytes, length);
    return true;
}

void ground_spoil(struct ground *ground, uint64_t offset) {
    CHECK(ground->sim == NULL);
    uint8_t byte = 0;
    CHECK_EQ(pread(ground->fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x40;
    CHECK_EQ(pwrite(ground->fd, &byte, 1, (off_t)offset), 1);
}
