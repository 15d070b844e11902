// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "core.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/engine.h"
#include "base/clock.h"
#include "engine/objects.h"
#include "view_reader.h"

/* Of let_others_run: where a thread works on for ever, the test goes on. */
static const int64_t LONGEST_WAIT_NS = 10000000000;

struct core core_open(const struct sim_options *sim, const struct wt_engine_options *options) {
    static const struct sim_options plain;
    struct core core = {.sim = sim_new(sim == NULL ? &plain : sim)};
    if (options != NULL) {
        core.options = *options;
    }
    if (core.options.cache_bytes == 0) {
        core.options.cache_bytes = 4 << 20;
    }
    CHECK_OK(wt_engine_open_on(&core.options, sim_attach(core.sim), &core.engine));
    return core;
}

void core_close(struct core *core) {
    CHECK_OK(wt_engine_close(core->engine));
    sim_free(core->sim);
}

void core_reopen(struct core *core) {
    CHECK_OK(wt_engine_close(core->engine));
    CHECK_OK(wt_engine_open_on(&core->options, sim_attach(core->sim), &core->engine));
}

void core_restart(struct core *core) {
    wt_engine_close(core->engine);
    sim_power_on(core->sim);
    CHECK_OK(wt_engine_open_on(&core->options, sim_attach(core->sim), &core->engine));
}

struct wt_engine_stats core_stats(const struct core *core) {
    struct wt_engine_stats stats;
    CHECK_OK(wt_engine_stats(core->engine, &stats));
    return stats;
}

wt_file core_file(const struct core *core, const char *path) {
    wt_file file = 0;
    CHECK_OK(wt_file_open(core->engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, WT_DURABILITY_FILE,
                          &file));
    return file;
}

wt_file core_cold_file(struct core *core, const struct sim_options *sim, uint64_t cache_bytes, uint8_t *bytes,
                       size_t length) {
    struct test_random random = test_random_of(1);
    test_random_bytes(&random, bytes, length);
    *core = core_open(sim, &(struct wt_engine_options){.cache_bytes = cache_bytes});
    sim_put(core->sim, "file", bytes, length);
    wt_file file = core_file(core, "file");
    sim_clear_log(core->sim);
    return file;
}

void core_pump_all(const struct core *core) {
    while (sim_pump_one(core->sim)) {
    }
}

int64_t write_as(wt_file file, uint64_t offset, const void *bytes, size_t length, uint32_t durability) {
    struct iovec iov = {(void *)(uintptr_t)bytes, length};
    return wt_write(file, &iov, 1, offset, durability, NULL);
}

int64_t write_at(wt_file file, uint64_t offset, const void *bytes, size_t length) {
    return write_as(file, offset, bytes, length, WT_DURABILITY_FILE);
}

int64_t read_at(wt_file file, uint64_t offset, void *bytes, size_t length) {
    struct iovec iov = {bytes, length};
    return wt_read(file, &iov, 1, offset);
}

void fill_at(wt_file file, uint64_t offset, int value, size_t length) {
    uint8_t *bytes = malloc(length);
    CHECK(bytes != NULL);
    memset(bytes, value, length);
    CHECK_EQ(write_at(file, offset, bytes, length), length);
    free(bytes);
}

int byte_of(wt_file file, uint64_t offset) {
    uint8_t byte = 0;
    CHECK_EQ(read_at(file, offset, &byte, 1), 1);
    return byte;
}

void check_filled(wt_file file, uint64_t offset, int value, size_t length) {
    uint8_t *bytes = malloc(length * 2);
    CHECK(bytes != NULL);
    memset(bytes + length, value, length);
    CHECK_EQ(read_at(file, offset, bytes, length), length);
    CHECK_BYTES(bytes, bytes + length, length);
    free(bytes);
}

void check_stable(const struct core *core, uint64_t offset, int value, size_t length) {
    uint8_t *stable = malloc(2 * length);
    CHECK(stable != NULL);
    sim_peek_stable(core->sim, "file", offset, stable, length);
    memset(stable + length, value, length);
    CHECK_BYTES(stable, stable + length, length);
    free(stable);
}

/* ---- a file as an array ------------------------------------------------------------------------------------------ */

struct model model_new(uint64_t room) {
    struct model model = {.bytes = calloc(1, (size_t)room), .room = room};
    CHECK(model.bytes != NULL);
    return model;
}

void model_free(struct model *model) {
    free(model->bytes);
}

void model_write(struct model *model, uint64_t offset, const void *bytes, size_t length) {
    CHECK(offset + length <= model->room);
    memcpy(model->bytes + offset, bytes, length);
    if (length > 0 && offset + length > model->size) {
        model->size = offset + length;
    }
}

void model_truncate(struct model *model, uint64_t size) {
    CHECK(size <= model->room);
    if (size < model->size) {
        memset(model->bytes + size, 0, (size_t)(model->size - size));
    }
    model->size = size;
}

void model_zero(struct model *model, uint64_t offset, uint64_t length) {
    if (offset < model->size) {
        memset(model->bytes + offset, 0, (size_t)(length < model->size - offset ? length : model->size - offset));
    }
}

void model_copy(struct model *to, const struct model *from) {
    CHECK(to->room == from->room);
    memcpy(to->bytes, from->bytes, (size_t)from->room);
    to->size = from->size;
}

/* Who reads without a lock gets the same, folio by folio, if anything. */
static void check_seen(wt_file file, const struct model *model, uint64_t offset, size_t length, uint8_t *bytes) {
#ifdef __SANITIZE_THREAD__
    return;
#endif
    struct view_reader reader = view_reader_of(file);
    uint64_t folio_bytes = UINT64_C(1) << reader.folio_shift, end = offset + length;
    for (uint64_t at = offset, next; at < end; at = next) {
        next = (at | (folio_bytes - 1)) + 1;
        next = next < end ? next : end;
        if (view_reader_read(&reader, at, bytes, (size_t)(next - at)))
            CHECK_BYTES(bytes, model->bytes + at, (size_t)(next - at));
    }
    view_reader_end(&reader);
}

void check_read(wt_file file, const struct model *model, uint64_t offset, size_t length) {
    uint8_t *bytes = malloc(length + 1);
    CHECK(bytes != NULL);
    memset(bytes, 0xa5, length + 1);
    uint64_t expected = offset < model->size ? model->size - offset : 0;
    expected = expected < length ? expected : length;
    CHECK_EQ(read_at(file, offset, bytes, length), expected);
    CHECK_BYTES(bytes, model->bytes + offset, (size_t)expected);
    CHECK_EQ(bytes[expected], 0xa5);
    check_seen(file, model, offset, (size_t)expected, bytes);
    free(bytes);
}

void check_file(const struct core *core, wt_file file, const char *path, const struct model *model) {
    CHECK_EQ(wt_size(file), model->size);
    CHECK_EQ(sim_size(core->sim, path), model->size);
    CHECK_EQ(sim_stable_size(core->sim, path), model->size);
    check_read(file, model, 0, (size_t)model->size + 1);
    uint8_t *bytes = malloc((size_t)model->size + 1);
    CHECK(bytes != NULL);
    sim_peek(core->sim, path, 0, bytes, (size_t)model->size);
    CHECK_BYTES(bytes, model->bytes, (size_t)model->size);
    sim_peek_stable(core->sim, path, 0, bytes, (size_t)model->size);
    CHECK_BYTES(bytes, model->bytes, (size_t)model->size);
    free(bytes);
}

void check_cache_is_disk(const struct core *core, wt_file file, const char *path) {
    struct model disk = model_new((uint64_t)sim_size(core->sim, path) + 1);
    disk.size = (uint64_t)sim_size(core->sim, path);
    sim_pause_faults(core->sim, true);
    sim_peek(core->sim, path, 0, disk.bytes, (size_t)disk.size);
    CHECK_EQ(wt_size(file), disk.size);
    check_read(file, &disk, 0, (size_t)disk.size + 1);
    sim_pause_faults(core->sim, false);
    model_free(&disk);
}

/* Whether every thread of the process but this one sleeps. */
static bool others_sleep(void) {
    DIR *threads = opendir("/proc/self/task");
    bool sleep = threads != NULL;
    for (struct dirent *entry; sleep && (entry = readdir(threads)) != NULL;) {
        char path[64], line[512];
        snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", entry->d_name);
        FILE *stat = entry->d_name[0] != '.' && atoi(entry->d_name) != gettid() ? fopen(path, "r") : NULL;
        if (stat == NULL) {
            continue;
        }
        const char *name_end = fgets(line, sizeof line, stat) != NULL ? strrchr(line, ')') : NULL;
        sleep = name_end != NULL && name_end[2] == 'S';
        CHECK(fclose(stat) == 0);
    }
    CHECK(threads == NULL || closedir(threads) == 0);
    return sleep;
}

void let_others_run(void) {
    const int64_t end = wt_now_ns() + LONGEST_WAIT_NS;
    unsigned asleep = 0;
    while (asleep < 2 && wt_now_ns() < end) { /* twice: between two things a thread may wait for a moment */
        sched_yield();
        asleep = others_sleep() ? asleep + 1 : 0;
    }
}
